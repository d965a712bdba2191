"""Any text at all gives positions and never an exception, in time that grows with its length."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.diagnostics import CODES, as_text, has_errors
from dra_policy.language import format_policy, parse
from dra_policy.language.parser import DEEPEST, MOST_PROBLEMS
from dra_policy.source import Source

HEADER = "policy a.example version 1.0.0 language 1\n"
EXAMPLE = """\
policy gpu.acme.com version 2.1.0 language 1
import std.pcie, std.numa version 1.0
device AcmeGpu {
  driver gpu.acme.com  # who publishes
  attribute features set of text publish as list or flags "feature_{value}"
  attribute architecture one of Ampere, "Ada Lovelace" optional
  flag ecc absent means false
  capacity bandwidth bytes per second
  renamed index to minor because "moved"
}
model H100 of AcmeGpu { architecture Ampere  memory 80Gi tolerance 3%  features "fp8", "bf16" }
parameters P of AcmeGpu { api a.b/v1 P  field f one of A, B default A trust admin }
class training of AcmeGpu {
  require ecc and v >= 550.54 and not ("fp8" in features or has numa) because "why"
  config P { f = A }
  extended resource "acme.com/gpu"
}
claim ring {
  request gpu = 2 of training { require memory >= 40 GiB  tolerate a/b = "79" NoSchedule  takes s 2 }
  request all = all of training admin access
  same root of gpu, all because "near"
}
define modern of AcmeGpu = a starts with "x" ignoring case or b not in C, D
test "t" {
  given 2 H100 on "n" { ecc = false }
  given inventory "i"
  claim a, b ring
  claim c 1 of training
  expect a placed on "h" on node "n"
  expect b refused "no"
}
"""
PIECES = EXAMPLE.replace("\n", " \n ").split(" ")

many = settings(max_examples=80, deadline=None)


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
    if not problems:
        assert parse(Source("again.dra", format_policy(file)))[0] == file
    return file, problems


@many
@given(st.text(max_size=200))
def test_random_text(text):
    checked(text)
    checked(HEADER + text)


@many
@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join))
def test_soup_of_tokens(text):
    checked(text)
    checked(HEADER + text)


@many
@given(st.integers(0, 10**9))
def test_mutated_files(seed):
    choose = random.Random(seed)
    words = list(PIECES) if seed % 2 else list(EXAMPLE)
    for _ in range(choose.randint(1, 5)):
        at = choose.randrange(len(words))
        new = choose.choice(PIECES) if seed % 2 else choose.choice('{}()",=#x5 \n;\u00e9')
        words[at : at + choose.randint(0, 1)] = choose.choice([[], [new], [words[at], new]])
    checked((" " if seed % 2 else "").join(words))


@given(st.integers(0, len(EXAMPLE)))
@settings(max_examples=40, deadline=None)
def test_files_that_break_off(at):
    file, _ = checked(EXAMPLE[:at])
    assert file is not None


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
