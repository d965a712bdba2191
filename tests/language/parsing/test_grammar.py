"""The grammar file is the language reference: each rule's examples are accepted by that rule."""

import re
from collections import defaultdict

import lark
import pytest

from dra_policy.grammars import load_grammar
from dra_policy.language.builder import Builder
from dra_policy.language.parser import _grammar
from dra_policy.language.repairs import EXAMPLES
from dra_policy.language.tokens import PolicyLexer
from dra_policy.language.units import ATTACHED_ONLY, UNITS
from dra_policy.shipped import grammar_folder
from dra_policy.source import Source

PATH = grammar_folder() / "policy.lark"


def examples():
    found = defaultdict(list)
    above = []
    for line in PATH.read_text(encoding="utf-8").splitlines():
        rule = re.match(r"[?!]?([a-z_]+)\s*:", line)
        if line.startswith("// ") and not line.startswith("// ---"):
            above.append(line[3:])
        elif rule:
            found[rule[1]] = above
            above = []
        elif not line.startswith(" ") or "|" not in line:
            above = []
    return dict(found)


EXAMPLES_OF_RULES = examples()
# Several lines of examples are one text here.
TEXTS = {"start", "header"}


@pytest.fixture(scope="module")
def grammar():
    text = PATH.read_text(encoding="utf-8")
    starts = [rule for rule in EXAMPLES_OF_RULES if not rule.startswith("_")]
    return lark.Lark(text, parser="lalr", lexer=PolicyLexer, start=starts, maybe_placeholders=False)


def test_every_rule_has_examples():
    assert not [rule for rule, above in EXAMPLES_OF_RULES.items() if not above]
    assert len(EXAMPLES_OF_RULES) > 60


@pytest.mark.parametrize("rule", [rule for rule in EXAMPLES_OF_RULES if not rule.startswith("_")])
def test_the_examples_of_a_rule_are_accepted(rule, grammar):
    lines = EXAMPLES_OF_RULES[rule]
    for text in ["\n".join(lines)] if rule in TEXTS else lines:
        grammar.parse(text, start=rule)


def test_every_rule_has_a_function_and_every_function_a_rule():
    rules = {rule for rule in EXAMPLES_OF_RULES if not rule.startswith("_")}
    functions = {name for name in dir(Builder) if not name.startswith("_")}
    assert rules <= functions
    assert functions - rules == {"begin", "unknown_unit"}


def test_there_are_no_conflicts(caplog):
    lark.logger.setLevel("DEBUG")
    try:
        lark.Lark(PATH.read_text(encoding="utf-8"), parser="lalr", debug=True)
    finally:
        lark.logger.setLevel("CRITICAL")
    assert not [record.message for record in caplog.records if "conflict" in record.message.lower()]


@pytest.mark.parametrize("spelling", sorted(UNITS))
def test_every_unit_is_one_token_with_its_number(spelling):
    lexer = _grammar()[0].parser.lexer
    for text in [f"80{spelling}", f"1.5{spelling}", f"80 {spelling}", f"80\n {spelling}"]:
        token = lexer.token(text, 0)
        whole = (token.type, str(token)) == ("AMOUNT", text)
        assert whole == (text[-1 - len(spelling)].isdigit() or spelling not in ATTACHED_ONLY), text
    assert UNITS[UNITS[spelling].canonical].factor == UNITS[spelling].factor


def test_a_number_ends_before_two_dots():
    token = _grammar()[0].parser.lexer.token("0..6", 0)
    assert (token.type, str(token)) == ("WHOLE", "0")


def test_examples_in_help_are_right():
    starts = {rule for rule in EXAMPLES_OF_RULES if not rule.startswith("_")}
    text = PATH.read_text(encoding="utf-8")
    parser = lark.Lark(text, parser="lalr", lexer=PolicyLexer, start=sorted(starts))
    names = {"import": "start", "class": "device_class", "config": "class_config", "extended": "extended_resource"}
    names |= {"same": "constraint", "distinct": "constraint", "given": "given_model", "expect": "expect_placed"}
    names |= {"policy": "header"}
    for keyword, example in EXAMPLES.items():
        header = "policy a version 1.0 language 1 " if keyword == "import" else ""
        parser.parse(header + example, start=names.get(keyword, keyword))


# ------------------------------------------------------------------------------------------------------ table cache


def load(folder):
    return load_grammar(PATH, lexer=PolicyLexer, transformer=Builder(), cache=folder)


def accepts(parser):
    parser.options.transformer.begin(Source("", ""))
    parser.parse("policy a version 1.0 language 1 class b of c { require x }")
    return True


def test_tables_are_kept_and_found_again(tmp_path, monkeypatch):
    assert accepts(load(tmp_path / "new"))
    (kept,) = (tmp_path / "new").iterdir()
    built = []
    monkeypatch.setattr(lark.Lark, "__init__", lambda *_, **__: built.append(1))
    assert accepts(load(tmp_path / "new"))
    assert not built
    assert list((tmp_path / "new").iterdir()) == [kept]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 1000])
def test_damaged_tables_are_built_anew(tmp_path, content):
    load(tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(content or whole[: len(whole) // 2])
    assert accepts(load(tmp_path))
    assert len(kept.read_bytes()) > len(whole) // 2


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    assert accepts(load(tmp_path / "file"))
