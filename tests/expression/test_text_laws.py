"""Laws of text and tree: print then parse is identity, and no text raises anything but a diagnostic."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression import DeviceFacts, EvaluationError, compile_cel, parse, to_cel
from dra_policy.expression.parser import MAX_BRACKETS, MAX_DEPTH
from dra_policy.expression.tree import (
    BINARY,
    CONDITIONAL,
    NEGATE,
    RESERVED,
    Bind,
    Call,
    Comprehension,
    Expression,
    Has,
    Identifier,
    Index,
    ListOf,
    Literal,
    LiteralKind,
    MacroKind,
    MapEntry,
    MapOf,
    Message,
    MessageField,
    OptionalMap,
    Select,
    children,
    conjuncts,
    depth,
    in_source,
    is_name,
    walk,
    with_children,
)
from dra_policy.resources import Device, Features
from dra_policy.source import Source

FIELDS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,4}", fullmatch=True).filter(is_name)
NAMES = FIELDS.filter(lambda name: name not in RESERVED)
# Macros and `has` are recognised by name, so calls take others.
FUNCTIONS = st.sampled_from(["f", "size", "quantity", "startsWith", "compareTo"])
CHARACTERS = st.characters(exclude_categories=["Cs"])

LITERALS = st.one_of(
    st.just(Literal(LiteralKind.NULL, None)),
    st.booleans().map(lambda value: Literal(LiteralKind.BOOL, value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: Literal(LiteralKind.INT, value)),
    st.integers(0, 2**64 - 1).map(lambda value: Literal(LiteralKind.UINT, value)),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: Literal(LiteralKind.DOUBLE, value)),
    st.text(CHARACTERS, max_size=6).map(lambda value: Literal(LiteralKind.STRING, value)),
    st.binary(max_size=6).map(lambda value: Literal(LiteralKind.BYTES, value)),
)


def one_variable(
    kind: MacroKind, source: Expression, name: str, condition: Expression | None, body: Expression
) -> Expression:
    return Comprehension(kind, source, (name,), body, condition if kind is MacroKind.MAP else None)


def two_variables(
    kind: MacroKind, source: Expression, names: list[str], condition: Expression | None, body: Expression
) -> Expression:
    return Comprehension(kind, source, tuple(names), body, condition if kind.value.startswith("transform") else None)


def listed(elements: list[tuple[Expression, bool]]) -> Expression:
    return ListOf(tuple(e for e, _ in elements), frozenset(i for i, (_, optional) in enumerate(elements) if optional))


def grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    maybe = st.none() | inner
    one = [k for k in MacroKind if not k.value.startswith("transform")]
    two = [k for k in MacroKind if k not in (MacroKind.MAP, MacroKind.FILTER, MacroKind.SORT_BY)]
    return st.one_of(
        st.builds(Select, inner, FIELDS, st.booleans()),
        st.builds(Has, inner, FIELDS),
        st.builds(Index, inner, inner, st.booleans()),
        st.builds(lambda f, a: Call(f, None, tuple(a)), FUNCTIONS, st.lists(inner, max_size=3)),
        st.builds(lambda f, t, a: Call(f, t, tuple(a)), FUNCTIONS, inner, st.lists(inner, max_size=2)),
        st.builds(lambda f, a, b: Call(f, None, (a, b)), st.sampled_from(sorted(BINARY.values())), inner, inner),
        st.builds(
            lambda f, a: Call(f, None, tuple(a)),
            st.sampled_from(["_&&_", "_||_"]),
            st.lists(inner, min_size=2, max_size=4),
        ),
        st.builds(lambda f, a: Call(f, None, (a,)), st.sampled_from(["!_", NEGATE]), inner),
        st.builds(lambda a, b, c: Call(CONDITIONAL, None, (a, b, c)), inner, inner, inner),
        st.lists(st.tuples(inner, st.booleans()), max_size=3).map(listed),
        st.lists(st.builds(MapEntry, inner, inner, st.booleans()), max_size=3).map(lambda e: MapOf(tuple(e))),
        st.builds(
            lambda name, fields: Message(name, tuple(fields)),
            NAMES,
            st.lists(st.builds(MessageField, FIELDS, inner, st.booleans()), max_size=2),
        ),
        st.builds(one_variable, st.sampled_from(one), inner, NAMES, maybe, inner),
        st.builds(
            two_variables,
            st.sampled_from(two),
            inner,
            st.lists(NAMES, min_size=2, max_size=2, unique=True),
            maybe,
            inner,
        ),
        st.builds(Bind, NAMES, inner, inner),
        st.builds(OptionalMap, inner, NAMES, inner, st.booleans()),
    )


TREES = st.recursive(LITERALS | NAMES.map(Identifier), grown, max_leaves=12)


@given(TREES)
def test_print_then_parse_is_identity(tree: Expression) -> None:
    text = to_cel(tree)
    again = parse(Source("printed", text))
    assert again == tree, text
    assert to_cel(again) == text


@given(TREES)
def test_every_node_knows_its_place(tree: Expression) -> None:
    source = Source("printed", to_cel(tree))
    parsed = parse(source)
    assert not isinstance(parsed, Diagnostic)
    for node in walk(parsed):
        assert node.span is not None
        assert node.span.source is source
        # The text of a node means the node: brackets around it do not matter.
        assert parse(Source("part", node.span.text)) == node
        for child in children(node):
            assert child.span is not None
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end


@given(TREES)
def test_children_and_with_children_are_inverse(tree: Expression) -> None:
    assert with_children(tree, children(tree)) == tree
    moved = in_source(tree, Source("elsewhere", ""))
    assert moved == tree
    assert depth(moved) == depth(tree)


PIECES = st.sampled_from(
    [*"()[]{}.,?:!-+*/%<>=&|'\"\\`", "&&", "||", "==", "in", "device", "driver", "attributes", "has", "all", "x", "1", "1u",
     "1.5", '"a"', "r'", '"""', "b'", "\n", " ", "//", "true", "null", "quantity", "\x00", "é", "\U0001f600"]
)  # fmt: skip
FEATURES = Features()
FACTS = DeviceFacts.of("d", Device.model_validate({"name": "device-0"}))


@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40) | st.text(string.printable, max_size=40))
def test_random_text_raises_nothing_but_diagnostics(text: str) -> None:
    program = compile_cel(Source("random", text), features=FEATURES)
    if isinstance(program, EvaluationError):
        assert program.diagnostics
        assert all(d.span is not None for d in program.diagnostics)
        return
    answer: bool | str
    try:
        answer = program.evaluate(FACTS)
    except EvaluationError as error:
        answer = error.message
    assert isinstance(answer, bool) or answer


HOSTILE = [
    "(" * 100_000 + ")" * 100_000,
    "(" * 100_000,
    "[" * 100_000,
    "{1:" * 100_000,
    "!(" * 100_000,
    "true ? true : " * 20_000 + "true",
    "1" + " + 1" * 20_000 + " > 0",
    "device" + ".a" * 20_000,
    "f(" * 50_000,
    '"' + "(" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[h[:12] + "..." for h in HOSTILE])
def test_deep_text_is_a_diagnostic(text: str) -> None:
    failed = compile_cel(Source("deep", text), features=FEATURES)
    assert isinstance(failed, EvaluationError)
    assert [d.code for d in failed.diagnostics] in (["CEL002"], ["CEL004"], ["CEL001"])


@pytest.mark.parametrize("before", [0, 200])
@pytest.mark.parametrize(
    "text",
    [
        "(" * MAX_BRACKETS + "true" + ")" * MAX_BRACKETS,
        "1" + " + 1" * (MAX_DEPTH - 3) + " > 0",
        "dyn(" * (MAX_DEPTH - 2) + "true" + ")" * (MAX_DEPTH - 2),
        "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2) + " == []",
        "true ? true : " * (MAX_DEPTH - 2) + "true",
        "[1].all(x, " * 90 + "true" + ")" * 90,
        "cel.bind(x, true, " * 150 + "x" + ")" * 150,
        " && ".join(["true"] * 5_000),
        "!!" * 20_000 + "true",
    ],
    ids=lambda value: str(value)[:12] if isinstance(value, str) else None,
)
def test_as_deep_as_allowed_works_with_a_used_stack(text: str, before: int) -> None:
    def under(frames: int) -> bool:
        if frames:
            return under(frames - 1)
        program = compile_cel(Source("deep", text), features=FEATURES)
        assert not isinstance(program, EvaluationError), program.message
        assert program.named(Source("elsewhere", text)).tree.span is not None
        assert to_cel(program.tree)
        return program.evaluate(FACTS)

    assert under(before) is not None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((a))", "a"),
        ("(a && b) && c", "(a && b) && c"),
        ("a && b && c || d", "a && b && c || d"),
        ("a && (b || c)", "a && (b || c)"),
        ("!!a", "a"),
        ("!!!a", "!a"),
        ("--a", "a"),
        ("-(1)", "-(1)"),
        ("-1.abs()", "-1.abs()"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a - b) - c", "a - b - c"),
        ("(a ? b : c) ? d : e", "(a ? b : c) ? d : e"),
        ("a ? b : (c ? d : e)", "a ? b : c ? d : e"),
        ("a.exists_one(x, y, z)", "a.existsOne(x, y, z)"),
        ("'it''' ".strip(), "'it'''"),
        ("0xFFu", "255u"),
        ("r'\\d' + b'\\xff'", '"\\\\d" + b"\\xff"'),
        ("a // comment\n + b", "a + b"),
        ("a.`b-c`", "a.`b-c`"),
        ("[?a, b,]", "[?a, b]"),
        ("{?'k': v}", '{?"k": v}'),
        ("a.?b[?0]", "a.?b[?0]"),
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    tree = parse(Source("text", text))
    if text == canonical and isinstance(tree, Diagnostic):
        # Two texts beside each other are no expression.
        assert tree.code == "CEL001"
        return
    assert not isinstance(tree, Diagnostic)
    assert to_cel(tree) == canonical


def test_conjuncts_look_into_brackets() -> None:
    tree = parse(Source("text", "a && (b && c) && (d || e)"))
    assert not isinstance(tree, Diagnostic)
    assert [to_cel(part) for part in conjuncts(tree)] == ["a", "b", "c", "d || e"]
