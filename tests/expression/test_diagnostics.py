"""What people read when an expression is wrong: the whole text, and the exact part that is underlined."""

from __future__ import annotations

import pytest

from dra_policy.diagnostics import CODES, as_text
from dra_policy.diagnostics.codes.expression import EXPRESSION_CODES
from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.resources import Features
from dra_policy.source import Source

MEMORY = 'device.capacity["gpu.acme.com"].memory'

MISTAKES = [
    ("CEL001", "device.driver ==", "", "the expression ends too early", "a value belongs here"),
    ("CEL001", 'device.driver = "a"', "=", "unexpected `=`", "write `==` to compare"),
    ("CEL001", "true and false", "and", "unexpected `and`", "write `&&`"),
    ("CEL001", "true & false", "&", "unexpected `&`", "write `&&`"),
    ("CEL001", "memory >= 80g", "g", "unexpected `g`", 'write an amount as quantity("80Gi")'),
    ("CEL001", "1 2", "2", "unexpected `2`", "an operator or the end belongs here"),
    ("CEL001", "[1, 2", "", "the expression ends too early", "close it with `]`, or go on with an operator"),
    ("CEL001", "size((1)", "", "the expression ends too early", "close it with `)`, or go on with an operator"),
    ("CEL001", "a[0]{}", "{", "unexpected `{`", "an operator or the end belongs here"),
    ("CEL001", "“a”", "“", "unexpected `“`", "write straight quotes"),
    ("CEL001", "", "", "the expression ends too early", "a value belongs here"),
    ("CEL003", "9223372036854775808 > 0", "9223372036854775808", "the number does not fit into 64 bits", None),
    ("CEL003", "1e999 > 0.0", "1e999", "the number is too large for a double", None),
    ("CEL004", 'device.driver == "gpu', '"gpu', "the text is not closed", 'end it with `"`'),
    ("CEL004", r'device.driver.matches("\d+")', r"\d", r"unknown escape sequence `\d`", None),
    ("CEL004", r'"\ud800" == ""', r"\ud800", r"`\ud800` is no Unicode character", None),
    ("CEL005", "let == 1", "let", "`let` is a reserved word", "it can only stand after a dot"),
    ("CEL006", "has(device.attributes[0])", "device.attributes[0]", "`has` takes a field", None),
    ("CEL006", "[1].all(a.b, true)", "a.b", "the variable must be a simple name", "write a name such as `x`"),
    ("CEL006", "[1].all(i, i, true)", "i", "both variables are named `i`", "give them different names"),
    ("CEL010", 'devices.driver == "a"', "devices", "`devices` is not declared", "did you mean `device`?"),
    ("CEL010", "size == 1", "size", "`size` is not declared", "`size` is a function: write `size(...)`"),
    ("CEL010", '"a".lowerASCII() == "a"', "lowerASCII", "`lowerASCII` is not a function", "did you mean `lowerAscii`?"),
    ("CEL010", "Type{a: 1}.a", "Type", "`Type` is not a type that can be built here", None),
    ("CEL011", 'device.drivr == "a"', "drivr", "`device` has no field `drivr`", "did you mean `driver`?"),
    ("CEL011", "device.driver.name == 1", "name", "a value of type `string` has no field `name`", None),
    (
        "CEL012",
        f'{MEMORY} >= quantity("40Gi")',
        f'{MEMORY} >= quantity("40Gi")',
        "`>=` does not take `kubernetes.Quantity` and `kubernetes.Quantity`",
        "write amount.compareTo(other) >= 0",
    ),
    (
        "CEL012",
        f"{MEMORY} > 3",
        f"{MEMORY} > 3",
        "`>` does not take `kubernetes.Quantity` and `int`",
        'write amount.compareTo(quantity("3")) > 0',
    ),
    (
        "CEL012",
        f'{MEMORY}.isGreaterThan("1Gi")',
        "isGreaterThan",
        "`isGreaterThan` on `kubernetes.Quantity` does not take (string)",
        'write quantity("1Gi")',
    ),
    ("CEL012", "1 == 1.0", "1 == 1.0", "`==` does not take `int` and `double`", "write both numbers in one form"),
    ("CEL012", "true && 1", "1", "`&&` joins conditions, got a value of type `int`", None),
    ("CEL012", "[1].exists(x, x)", "x", "`exists` wants a condition, got a value of type `int`", None),
    ("CEL012", "device.driver[0] == 1", "0", "a value of type `string` cannot be indexed with `int`", None),
    (
        "CEL013",
        "device.driver",
        "device.driver",
        "a selector must be a condition, not a value of type `string`",
        "compare it with something",
    ),
    (
        "CEL014",
        'device.driver.exists(c, c == "a")',
        "device.driver",
        "`exists` goes through a list or a map, not a value of type `string`",
        None,
    ),
    (
        "CEL015",
        '"a" in ["a", 1]',
        "1",
        "expected a value of type `string` like those before, got `int`",
        "wrap the elements in dyn(...) to mix types",
    ),
    ("CEL016", 'device.driver.matches("[")', '"["', None, None),
    ("CEL016", 'int("abc") == 1', '"abc"', None, None),
    ("CEL016", 'duration("abc") == duration("1s")', '"abc"', None, None),
    ("CEL016", '"%d".format(["a"]) == ""', '"a"', "`%d` does not take a value of type `string`", None),
    ("CEL016", '"%d %d".format([1]) == ""', "[1]", "`format` has 2 clauses and 1 values", None),
    ("CEL016", "int(dyn('x')) == 1", "dyn('x')", None, None),
    ("CEL016", '{"a": 1}[dyn(b"a")] == 1', 'dyn(b"a")', "a value of type `bytes` cannot be an index", None),
    ("CEL016", '{b"a": 1}.size() == 1', 'b"a"', "unsupported key type: bytes", None),
    (
        "CEL017",
        '"%.200f".format([1.5]) == ""',
        '"%.200f"',
        "`%.200f` asks for more decimals than are printed here",
        "150 are enough for any double",
    ),
]


@pytest.mark.parametrize(("code", "text", "underlined", "message", "help_text"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_mistake(code: str, text: str, underlined: str, message: str | None, help_text: str | None) -> None:
    failed = compile_cel(Source("selector", text), features=Features())
    assert isinstance(failed, EvaluationError)
    (found,) = [d for d in failed.diagnostics if d.code == code][:1]
    assert found.span is not None
    assert found.span.text == underlined
    if message is not None:
        assert found.message == message
    if help_text is not None:
        assert found.help == help_text
    assert failed.span == failed.diagnostics[0].span


def test_rendered() -> None:
    text = 'device.driver == "gpu.acme.com" &&\n  device.capacity["gpu.acme.com"].memory >= "40Gi" && nope(1)'
    failed = compile_cel(Source("classes.yaml", text), features=Features())
    assert isinstance(failed, EvaluationError)
    assert as_text(failed.diagnostics) == (
        "classes.yaml:2:3: CEL012 `>=` does not take `kubernetes.Quantity` and `string`\n"
        '2 |   device.capacity["gpu.acme.com"].memory >= "40Gi" && nope(1)\n'
        "  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        '  = help: write amount.compareTo(quantity("40Gi")) >= 0\n'
        "classes.yaml:2:55: CEL010 `nope` is not a function\n"
        '2 |   device.capacity["gpu.acme.com"].memory >= "40Gi" && nope(1)\n'
        "  |                                                       ^^^^\n"
        "  = help: the functions of CEL and of Kubernetes are at hand\n"
    )


def test_same_text_in_another_place_names_that_place() -> None:
    text = "device.driver =="
    for name in ("first", "second"):
        failed = compile_cel(Source(name, text), features=Features())
        assert isinstance(failed, EvaluationError)
        assert [str(d.span) for d in failed.diagnostics] == [f"{name}:1:17"]


def test_every_code_in_the_table_is_met_by_a_test() -> None:
    # CEL002 has its own tests, as its texts are long; CEL018 is met in the tests of costs.
    assert {m[0] for m in MISTAKES} | {"CEL002", "CEL018"} == {code.code for code in EXPRESSION_CODES}
    assert all(code.code in CODES for code in EXPRESSION_CODES)
