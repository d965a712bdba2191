"""One mistake of form each: its code, what is underlined, what help says, and that the rest is still read."""

import itertools

import pytest

from dra_policy.diagnostics import CODES, as_text
from dra_policy.language import parse
from dra_policy.source import Source

HEADER = "policy a.example version 1.0.0 language 1\n"
BEHIND = "\nclass last of b { require x }"


def mistakes(text, *, header=HEADER):
    file, problems = parse(Source("test.dra", header + text))
    for problem in problems:
        assert problem.code in CODES
        assert problem.span is not None
        assert problem.help, problem.message
        assert problem.message[0] in "`0123456789" or problem.message[0].islower()
        assert not problem.message.endswith(".")
    return file, [(p.code, p.span.text, p.help) for p in problems], problems


@pytest.mark.parametrize(
    ("text", "code", "underlined", "help_"),
    [
        # Keywords.
        ("clas a of b", "SYN002", "clas", "`class`"),
        ("device d { atribute a text }", "SYN002", "atribute", "`attribute`"),
        ("device d { attribute a text optinal }", "SYN002", "optinal", "`optional`"),
        ("class a of b { require x adn y }", "SYN002", "adn", "`and`"),
        # Noticed one token late.
        ("device d { capacity c byte per second }", "SYN002", "byte", "`bytes`"),
        ("device d { attribute a st of text }", "SYN002", "st", "`set`"),
        ('device d { attribute a text publish as lst or flags "f" }', "SYN002", "lst", "`list`"),
        ("class a of b { require hs numa }", "SYN002", "hs", "`has`"),
        ("class a of b { require nto x }", "SYN002", "nto", "`not`"),
        # Braces, parentheses, commas, signs.
        ("device d { driver x }\n}", "SYN004", "}", "leave it out"),
        ("class a of b { require x) }", "SYN004", ")", "leave it out"),
        ("class a of b { require (x or y }", "SYN017", "}", "`)`"),
        ("device d { attribute a one of X, Y, }", "SYN020", ",", "leave it out"),
        ("device d { attribute a one of X, Y,  flag f }", "SYN020", ",", "leave it out"),
        ("class a b { require x }", "SYN017", "b", "`of`"),
        ("claim c { request r 2 of k }", "SYN017", "2", "`=`"),
        ('model m of d { features "a" "b" }', "SYN017", '"b"', "`,`"),
        ("claim c { request r = 2 of k, }", "SYN001", ",", "leave it out"),
        # Values.
        ('class a of b { require x == "abc }', "SYN005", '"abc', "ends on its line"),
        (r'class a of b { require x == "C:\drivers" }', "SYN006", r"\d", r"`\\`"),
        (r'class a of b { require x == "\u{D800}" }', "SYN006", r"\u{D800}", "write one of"),
        ("class a of b { require x >= v1.2.3 }", "SYN010", "v1.2.3", "`1.2.3`: a version has no letter"),
        ("class a of b { require x >= 535.104.05 }", "SYN010", "535.104.05", "`535.104.5`"),
        ("class a of b { require x >= 1.2.3.4 }", "SYN010", "1.2.3.4", "three numbers"),
        ("import x version 2", "SYN010", "2", "`2.0.0`"),
        ("class a of b { require x >= 40 Gigs }", "SYN011", "Gigs", "`GB`"),
        ("class a of b { require x >= 40gib }", "SYN011", "gib", "`GiB`"),
        ("class a of b { require x >= 40 Gbps }", "SYN011", "Gbps", "`Gbit/s`"),
        ("class a of b { require x >= 40Gb/s }", "SYN011", "Gb/s", "`Gbit/s` for bits or `GB/s` for bytes"),
        ("class a of b { require x >= 40 G }", "SYN011", "G", "`40G`"),
        ("model m of d { memory 80 Gigabytes power 700 W }", "SYN011", "Gigabytes", "`GB`"),
        ("model m of d { power 700 Watt }", "SYN011", "Watt", "`W`"),
        ("class a of b { require x == 1g.10gb }", "SYN011", "g.10gb", "in quotes"),
        ("class a of b { require x == " + "9" * 200 + " }", "SYN021", "9" * 200, "larger unit"),
        # Other languages' habits.
        ("class a of b { require x = 1 }", "SYN016", "=", "`==`"),
        ("class a of b { require x && y }", "SYN016", "&&", "`and`"),
        ("class a of b { require x || y }", "SYN016", "||", "`or`"),
        ("class a of b { require !x }", "SYN016", "!", "`not`"),
        ("class a of b { config P { x == 1 } }", "SYN016", "==", "`=`"),
        ("class a of b { require x; }", "SYN007", ";", "leave `;` out"),
        ("class a of b { require x == 'y' }", "SYN007", "'y'", '`"y"`'),
        ("class a of b { require x == \u201cy\u201d }", "SYN007", "\u201cy\u201d", '`"y"`'),
        ("class a of b { require x in [y] }", "SYN007", "[", "commas only"),
        ("// note", "SYN007", "// note", "`# note`"),
        ("class grö\u00dfe of b", "SYN007", "größe", "a name is made of"),
        ("class a of b\x00", "SYN007", "\x00", "leave it out"),
        ('class "a" of b', "SYN018", '"a"', "`a`, without quotes"),
        ("class a of b { require x because y }", "SYN018", "y", '`"y"`, with quotes'),
        ("class a of b { require 1 <= x <= 3 }", "SYN001", "<=", "joined by `and`"),
        # Said twice, in the wrong place, not yet.
        ("device d { attribute a int optional optional }", "SYN013", "optional", "leave one"),
        ('class c of d { require a negotiable because "b" negotiable }', "SYN013", "negotiable", "leave one"),
        ('claim c { same a because "b" because "c" }', "SYN013", 'because "c"', "leave one"),
        ("class a of b\nimport c", "SYN014", "c", "behind the header"),
        ("request r = 1 of k", "SYN001", "request", "a statement of the file begins with"),
        ("device d { require x }", "SYN001", "require", "the block goes on with"),
        ("claim c { request r = of k }", "SYN001", "of", "for example `request gpu = 2 of training`"),
    ],
)
def test_a_mistake_of_form(text, code, underlined, help_):
    file, found, problems = mistakes(text + BEHIND)
    assert [(c, u) for c, u, _ in found][:1] == [(code, underlined)], as_text(problems)
    assert help_ in found[0][2]
    # One mistake gives one message, brackets aside: both are wrong.
    assert len(found) == (2 if underlined == "[" else 1), as_text(problems)
    assert file.statements[-1].name.text == "last"


@pytest.mark.parametrize(
    ("text", "underlined"),
    [
        ("", ""),
        ("device d { driver x }", "device"),
        ("# only a comment\n", "#"),
        ("policy a language 1\nclass b of c", "language"),
        ("policy\nclass b of c", "b"),
        ("policy a version 1.0", ""),
    ],
)
def test_the_header_is_missing_or_broken(text, underlined):
    _, found, _ = mistakes(text, header="")
    assert (found[0][0], found[0][1]) == ("SYN008", underlined)
    assert "policy NAME version 1.0.0 language 1" in found[0][2]


def test_the_rest_is_read_without_a_header():
    file, found, _ = mistakes("device d { drivr x }\nclass a of b", header="")
    assert [code for code, _, _ in found] == ["SYN008", "SYN002"]
    assert len(file.statements) == 2


def test_nothing_is_read_of_a_file_in_another_language():
    file, problems = parse(Source("a.dra", "policy a version 1.0 language 2 !!! whatever"))
    assert file is None
    assert [(p.code, p.span.text) for p in problems] == [("SYN009", "2")]


def test_a_missing_brace_at_the_end_points_behind_the_last_character():
    _, _, problems = mistakes("class a of b {\n  require x\n\n")
    (problem,) = problems
    assert (problem.code, str(problem.span)) == ("SYN003", "test.dra:3:12")
    assert [(r.message, str(r.span)) for r in problem.related] == [("`{` opened here", "test.dra:2:14")]


def test_several_missing_braces_at_the_end():
    _, _, problems = mistakes("claim a { request b = 1 of c { require x")
    assert [str(r.span) for r in problems[0].related] == ["test.dra:2:30", "test.dra:2:9"]


@pytest.mark.parametrize(
    "text",
    [
        "device d {\n  driver x\nclass a of b { require x }",
        "model m of d { memory 80Gi\nclass a of b { require x }",
        "model m of d {\n memory 80Gi tolerance 3%\nmodel a of b { c 1 }",
        'test "t" {\n  given 1 m\nclaim a { request b = 1 of c }',
        "claim c {\n  request d = 1 of e {\n    require f\ndefine a of b = c",
    ],
)
def test_a_missing_brace_in_the_middle_ends_before_the_next_statement(text):
    file, found, _ = mistakes(text + "\n" + BEHIND)
    assert [code for code, _, _ in found] == ["SYN003"]
    assert [statement.name.text for statement in file.statements[-2:]] == ["a", "last"]
    assert len(file.statements) == 3


def test_a_missing_brace_of_an_inner_block():
    file, found, _ = mistakes("claim c {\n  request a = 1 of k {\n    require x\n  request b = 1 of k\n  same y\n}")
    assert [(code, text) for code, text, _ in found] == [("SYN003", "request")]
    assert len(file.statements[0].members) == 3


def test_all_mistakes_of_a_file_are_found_in_one_run_and_in_order():
    text = """\
device d {
  driver x
  atribute a text
  attribute b one of
  capacity c bytes optional ???
}
class e of d {
  require x ==
  require y >= 40 Gigs
  require z z z
  require last
}
claim f { request g = 0.5 of e }
define h of d = "open
"""
    file, _, problems = mistakes(text)
    assert [(problem.span.line, problem.code, problem.span.text) for problem in problems] == [
        (4, "SYN002", "atribute"),
        (6, "SYN001", "capacity"),
        (6, "SYN007", "???"),
        (10, "SYN001", "require"),
        (10, "SYN011", "Gigs"),
        (11, "SYN001", "z"),
        (14, "SYN001", "0.5"),
        (15, "SYN005", '"open'),
    ]
    assert [statement.name.text for statement in file.statements] == ["d", "e", "f", "h"]
    assert file.statements[1].members[-1].condition.name.text == "last"


def test_a_mended_statement_is_in_the_tree_as_it_was_meant():
    file, _, _ = mistakes("device d { atribute a text optinal  capacity c byte per second }")
    attribute, capacity = file.statements[0].members
    assert (attribute.name.text, attribute.optional, capacity.type.per_second) == ("a", True, True)


def test_a_complete_statement_before_a_mistake_stays():
    file, _, _ = mistakes("class a of b { require x  require y ( }")
    assert [require.condition.name.text for require in file.statements[0].members][:1] == ["x"]


def test_what_was_read_before_a_mistake_stands_in_the_tree_once():
    text = 'machine m { place gpu uuid "a" "b" link 5nvlink every pair of gpu\n link nvlink gpu[0] to gpu[3] 50 GB/s }'
    file, found, _ = mistakes(text)
    assert found
    spans = [member.span for member in file.statements[0].members]
    assert all(one.end <= following.start for one, following in itertools.pairwise(spans)), spans


def test_a_name_on_its_own_line_may_be_what_a_statement_begins_with():
    text = 'device d {\n attribute\n  gang set of text\n attribute\n  model one of a\n}\ntest "t" {\n given 2\n machine dgx { ecc = true }\n}'
    file, found, _ = mistakes(text)
    assert not found
    assert [member.name.text for member in file.statements[0].members] == ["gang", "model"]
