"""The grammar file is the language reference: each rule's examples are accepted by that rule."""

import re
from collections import defaultdict

import lark
import pytest

from dra_policy.grammars import load_grammar
from dra_policy.language.builder import Builder
from dra_policy.language.examples import EXAMPLES, example_of
from dra_policy.language.machine import Machine
from dra_policy.language.parser import _grammar, parse
from dra_policy.language.recovery import STATEMENTS
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


HEADER = "policy a version 1.0 language 1\n"
# The beginnings of all blocks, and how they end.
BLOCKS = (
    ("", ""),
    ("device d {", "}"),
    ("modes of d {", "}"),
    ("modes of d { mode m partition {", "} }"),
    ("share s of d {", "}"),
    ("fabric f joins d {", "}"),
    ("machine m {", "}"),
    ("parameters p of d {", "}"),
    ("health {", "}"),
    ("setup d {", "}"),
    ("setup d { for each device {", "} }"),
    ("subject {", "}"),
    ("gang g of 2 c {", "}"),
    ("quota q of d {", "}"),
    ("window w {", "}"),
    ("class c of d {", "}"),
    ("claim c {", "}"),
    ("claim c { request r = 1 of k {", "} }"),
    ("claim c { pairs 2 of (a: b, c: d) {", "}}"),
    ('test "t" {', "}"),
)


def beginnings(opening):
    """The keywords that may begin the next statement of a block."""
    machine = Machine(_grammar()[0], HEADER + opening)
    while (token := machine.read()).type != "$END":
        machine.feed(token)
    spelled = {name: word for word, name in machine.lexer.words.items()}
    return sorted(spelled[kind] for kind in machine.choices(machine.states) if kind in spelled)


@pytest.mark.parametrize(("opening", "closing"), BLOCKS)
def test_every_statement_has_an_example_that_is_right(opening, closing):
    outer = [part.split()[:1] for part in opening.split("{")[:-1]]
    for keyword in beginnings(opening):
        example = example_of([[], *outer, [keyword]])
        assert example is not None, keyword
        assert example.startswith(keyword), keyword
        _, problems = parse(Source("example.dra", f"{HEADER}{opening} {example} {closing}"))
        assert not problems, example


def test_every_example_is_right_somewhere():
    for key, example in EXAMPLES.items():
        texts = [example, *(f"{HEADER}{opening} {example} {closing}" for opening, closing in BLOCKS)]
        assert any(not parse(Source("example.dra", text))[1] for text in texts), (key, example)


def test_what_begins_statements_of_a_file_only_shows_a_missing_brace():
    members = {keyword for opening, _ in BLOCKS[1:] for keyword in beginnings(opening)}
    only = set(beginnings("")) - members - {"import"}
    assert only <= set(STATEMENTS)
    for keyword in STATEMENTS:
        text = f"{HEADER}device d {{\n  driver x\n{EXAMPLES[keyword]}"
        file, problems = parse(Source("example.dra", text))
        assert [problem.code for problem in problems] == ["SYN003"], text
        assert len(file.statements) == 2, text


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
