"""Any text at all gives positions and never an exception, in time that grows with its length."""

import os
import random
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.diagnostics import CODES, as_text, has_errors
from dra_policy.language import format_policy, parse, tree
from dra_policy.language.parser import DEEPEST, MOST_PROBLEMS, _grammar
from dra_policy.source import Source

HEADER = "policy a.example version 1.0.0 language 1\n"
CASES = Path(__file__).parents[1] / "formatting/cases"


def _body(case):
    """A file of the formatter's tests, as it was written, without its header and imports."""
    lines = (CASES / case / "policy.dra").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith(("policy", "import"))]


# Every construct of the language once or more.
EXAMPLE = "\n".join([HEADER + "import std.pcie", *_body("everything"), *_body("vendor"), *_body("site"), ""])
STATEMENTS = re.split(r"\n(?=[a-z])", EXAMPLE)[1:]
PIECES = EXAMPLE.replace("\n", " \n ").split(" ")

# How many texts each test tries; their seeds are drawn by Hypothesis.
TEXTS = int(os.environ.get("DRA_POLICY_HOSTILE_TEXTS", "80"))
many = settings(max_examples=TEXTS, deadline=None)


@pytest.fixture(scope="module")
def walker(load_module):
    return load_module(Path(__file__).parents[1] / "walks.py").Walker()


def checked(text):
    source = Source("test.dra", text)
    file, problems = parse(source)
    assert (file is None) <= has_errors(problems)
    for problem in problems:
        assert problem.code in CODES
        assert problem.span is not None
        assert 0 <= problem.span.start <= problem.span.end <= len(text)
        for related in problem.related:
            assert 0 <= related.span.start <= related.span.end <= len(text)
    assert problems == sorted(problems, key=lambda problem: problem.sort_key())
    as_text(problems)
    if file is not None:
        in_order(file)
    if not problems:
        assert parse(Source("again.dra", format_policy(file)))[0] == file
    return file, problems


def in_order(node):
    """What stands side by side in the tree stands so in the text: nothing is read twice, and nothing is made up."""
    kinds = (tree.PolicyFile, tree.Device, tree.Class, tree.Claim, tree.Test, tree.Quota, tree.Window, tree.Machine)
    waiting = [node]
    while waiting:
        node = waiting.pop()
        for name in type(node).__dataclass_fields__ if isinstance(node, kinds) else ():
            inner = getattr(node, name)
            if isinstance(inner, tuple) and name not in {"comments", "imports"}:
                ends = [0, *(part.span.end for part in inner)]
                assert all(end <= part.span.start for end, part in zip(ends, inner, strict=False)), inner
                waiting += inner


@many
@given(st.text(max_size=200))
def test_random_text(text):
    checked(text)
    checked(HEADER + text)


@many
@given(st.binary(max_size=200))
def test_random_bytes(content):
    text = content.decode("utf-8", errors="replace")
    checked(text)
    checked(HEADER + text)


@many
@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join))
def test_soup_of_tokens(text):
    checked(text)
    checked(HEADER + text)


@many
@given(st.integers(0, 10**9))
def test_soup_of_keywords_and_signs(seed):
    choose = random.Random(seed)
    lexer = _grammar()[0].parser.lexer
    words = [
        *lexer.words,
        *lexer.signs.values(),
        "a",
        "a/b",
        '"a"',
        "1",
        "1Gi",
        "1.2",
        "3%",
        "18:00",
        "2nd",
        "2026-01-02",
    ]
    words = choose.choices(words, k=choose.randint(1, 60)) + choose.choices("{}\n", k=choose.randint(0, 20))
    choose.shuffle(words)
    checked(HEADER + " ".join(words))


@many
@given(st.integers(0, 10**9))
def test_mutated_statements_of_every_kind(walker, seed):
    choose = random.Random(seed)
    words = walker.file(seed, most=3).replace("\n", " \n ").split(" ")
    for _ in range(choose.randint(1, 3)):
        at = choose.randrange(len(words))
        new = choose.choice([choose.choice(words), choose.choice(PIECES), choose.choice("{}(),=")])
        words[at : at + choose.randint(0, 1)] = choose.choice([[], [new], [words[at], new]])
    checked(" ".join(words))


@many
@given(st.integers(0, 10**9))
def test_mutated_files(seed):
    choose = random.Random(seed)
    statements = choose.sample(STATEMENTS, 12)
    words = "\n".join([HEADER, *statements]).split(" ") if seed % 2 else list("\n".join([HEADER, *statements]))
    for _ in range(choose.randint(1, 5)):
        at = choose.randrange(len(words))
        new = choose.choice(PIECES) if seed % 2 else choose.choice('{}()",=#x5 \n;\u00e9')
        words[at : at + choose.randint(0, 1)] = choose.choice([[], [new], [words[at], new]])
    checked((" " if seed % 2 else "").join(words))


@many
@given(st.sampled_from(STATEMENTS), st.floats(0, 1))
def test_files_that_break_off(statement, part):
    file, _ = checked(HEADER + statement[: int(len(statement) * part)])
    assert file is not None


# ------------------------------------------------------------------------------------------------------------- work


def operations(work):
    """How many calls some work makes, of Python's functions and of the interpreter's own."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


BROKEN = [
    "class a of b { require x ==",
    "clas a of b { require x }",
    "quota q of { at most 3 }",
    'modes of H100 { profile "1g" takes 1 slice }',
    "window w { every day 1:00 5:00 }",
    'test "t" { given 2 H100 expect a placd }',
]


def repeated(kind, count):
    match kind:
        case "right":
            return HEADER + "\n".join(STATEMENTS[1:] * count)
        case "wrong":
            # Fewer mistakes than are read, far apart.
            apart = "\n".join(STATEMENTS[1:] * count)
            return HEADER + "\n".join(f"{BROKEN[index % len(BROKEN)]}\n{apart}" for index in range(4))
        case "one long list":
            return f"{HEADER}device d {{ attribute a one of {', '.join(f'x{i} # {i}' + chr(10) for i in range(200 * count))} }}"
        case "one long block":
            return HEADER + "claim c {" + "\n# why\n same x of a, b" * (100 * count) + "\n}"
        case "one long condition":
            return f"{HEADER}define a of b = {' and '.join(f'x{i} == {i}' for i in range(100 * count))}"
        case "one statement that does not end":
            return f"{HEADER}claim c {{ request {'a b ' * (200 * count)}"
        case "blocks that do not end":
            return HEADER + "claim a { request b = 1 of c { \n" * (20 * count)
        case _:
            return (
                HEADER
                + '"' * (400 * count)
                + "\n"
                + "(" * (400 * count)
                + " " * (400 * count)
                + "\u00e9." * (400 * count)
            )


@pytest.mark.parametrize(
    "kind",
    [
        "right",
        "wrong",
        "one long list",
        "one long block",
        "one long condition",
        "one statement that does not end",
        "blocks that do not end",
        "signs",
    ],
)
def test_twice_the_text_is_twice_the_work(kind):
    def read(count):
        text = repeated(kind, count)

        def work():
            source = Source("long.dra", text)
            file, problems = parse(source)
            as_text(problems)
            if file is not None and not problems:
                format_policy(file)

        return work

    read(1)()
    first, twice, four = (operations(read(count)) for count in (2, 4, 8))
    # Linear work with a constant part: the growth doubles, and is no more than doubled by a tenth.
    assert twice - first <= 1.1 * first + 1000, (first, twice)
    assert four - twice <= 1.1 * 2 * (twice - first) + 1000, (first, twice, four)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("class a of b { require " + "(" * 100_000 + "x" + ")" * 100_000 + " }", "SYN012"),
        ("class a of b { require " + "not " * 50_000 + "x }", "SYN012"),
        ("class a of b { require " + "not (" * 20_000, "SYN012"),
        ("class a of b { require x and " + "(x or y and " * 10_000, "SYN012"),
        ("{" * 100_000, "SYN001"),
        ("device a " + "{" * 100_000, "SYN001"),
        ("}" * 100_000, "SYN004"),
        ("claim a { request b = 1 of c " * 1_000, "SYN019"),
        ('"' * 100_001, "SYN001"),
        ("!" * 100_000, "SYN007"),
        ("foo " * 100_000, "SYN001"),
        ("a." * 100_000, "SYN001"),
        ("class a of b { " + "require " * 5_000, "SYN003"),
        ("class a of b { require x == " + "9" * 100_000 + "Gi }", "SYN021"),
        ("class a of b { require x == 1" + " " * 100_000 + "1 }", "SYN001"),
        ("\x00" * 100_000, "SYN007"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_huge_and_deep_files(text, code):
    _, problems = checked(HEADER + text)
    assert code in {problem.code for problem in problems}
    assert len(problems) <= MOST_PROBLEMS + 2


def test_after_a_hundred_mistakes_the_rest_is_not_read():
    _, problems = checked(HEADER + "device d { driver }\n" * 1000)
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].code == "SYN019"


@pytest.mark.parametrize(("depth", "codes"), [(DEEPEST, []), (DEEPEST + 1, ["SYN012"])])
@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("not ", ""), ("(x or y and ", ")")])
def test_the_limit_of_nesting(depth, codes, opening, closing):
    text = f"{HEADER}define a of b = {opening * depth}x{closing * depth}\nclass last of b"
    file, problems = checked(text)
    assert [problem.code for problem in problems] == codes
    assert file.statements[-1].name.text == "last"


def test_long_flat_files_are_fine():
    condition = " and ".join(f"x{index} == {index}" for index in range(2_000))
    file, problems = checked(f"{HEADER}define a of b = {condition}")
    assert not problems
    assert len(file.statements[0].condition.operands) == 2_000


def test_threads_may_parse_at_once():
    texts = [f'{HEADER}class a{index} of b {{ require x == {index} because "{index}" }}' for index in range(40)]
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda text: checked(text)[0], texts))
    for index, file in enumerate(files):
        assert file.statements[0].name.text == f"a{index}"
        assert file.statements[0].span.source.text == texts[index]
