"""What expressions answer about devices, by rule (D1 to D9) and by function."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel, compile_tree, to_cel
from dra_policy.expression.library import IMPLEMENTATIONS
from dra_policy.expression.signatures import NAMES, overloads
from dra_policy.expression.tree import (
    DRIVER,
    all_of,
    any_of,
    attribute,
    capacity,
    compare,
    conditional,
    has_attribute,
    has_capacity,
    list_of,
    literal,
    method,
    negation,
    quantity,
    semver,
)
from dra_policy.resources import Features, Semver
from dra_policy.source import Source

Facts = Callable[..., DeviceFacts]
Answer = Callable[..., bool | str]

OWN = 'device.attributes["gpu.acme.com"]'
AMOUNT = 'device.capacity["gpu.acme.com"].memory'


# D1


def test_the_fields_of_device(facts: Facts, answer: Answer) -> None:
    device = facts({"model": "H100"}, {"memory": "80Gi"}, allowMultipleAllocations=True)
    assert answer('device.driver == "gpu.acme.com"', device) is True
    assert answer(f'{OWN}.model == "H100"', device) is True
    assert answer(f'{AMOUNT}.compareTo(quantity("80Gi")) == 0', device) is True
    assert answer("device.allowMultipleAllocations", device) is True
    assert answer("device.allowMultipleAllocations", facts()) is False


def test_sharing_is_read_as_published_whatever_the_features(facts: Facts, answer: Answer) -> None:
    off = Features(consumable_capacity=False)
    assert answer("device.allowMultipleAllocations", facts(allowMultipleAllocations=True, features=off), off) is True


# D2


def test_a_bare_name_belongs_to_the_driver(facts: Facts, answer: Answer) -> None:
    device = facts({"index": 1, "other.example.com/index": 2})
    assert answer(f"{OWN}.index == 1", device) is True
    assert answer('device.attributes["other.example.com"].index == 2', device) is True


def test_bare_and_qualified_collide_on_one_key(facts: Facts, answer: Answer) -> None:
    for names in (["index", "gpu.acme.com/index"], ["gpu.acme.com/index", "index"]):
        device = facts({name: 7 if "/" in name else 1 for name in names})
        assert answer(f"{OWN}.size() == 1 && {OWN}.index == 7", device) is True


# D3

D3 = [
    ('has(device.attributes["nope"].x)', False),
    ("has(device.attributes.nope)", True),
    ('device.attributes[?"nope"].hasValue()', True),
    ('device.attributes["nope"].size() == 0', True),
    ('"nope" in device.attributes', False),
    ('"gpu.acme.com" in device.attributes', True),
    ("device.attributes.size() == 1", True),
    ('device.attributes.exists(d, d == "gpu.acme.com")', True),
    ('"model" in device.attributes["gpu.acme.com"]', True),
    ('"nope" in device.attributes["nope"]', False),
    (f"has({OWN}.model) && !has({OWN}.nope)", True),
    (f'{OWN}.?nope.orValue("x") == "x"', True),
    (f'{OWN}[?"model"].orValue("x") == "H100"', True),
    (f"{OWN}.nope == 1", "no such key: nope"),
    ('device.attributes["nope"].model == "H100"', "no such key: model"),
    (f'{OWN}["nope"] == 1', "no such key: nope"),
    ('device.capacity["gpu.acme.com"].nope.isInteger()', "no such key: nope"),
    (f'{OWN}.?nope.value() == "x"', "optional.none() dereference"),
]


@pytest.mark.parametrize(("text", "wanted"), D3)
def test_unknown_domains_and_names(facts: Facts, answer: Answer, text: str, wanted: bool | str) -> None:
    assert answer(text, facts({"model": "H100"})) == wanted


# D4

D4 = [
    (f"{OWN}.count == 4", True),
    (f"{OWN}.ecc", True),
    (f'{OWN}.version == semver("1.2.3")', True),
    (f'{OWN}.version.isGreaterThan(semver("1.2.3-rc.1"))', True),
    (f"{OWN}.version.major() == 1 && {OWN}.version.minor() == 2 && {OWN}.version.patch() == 3", True),
    (f'"nvlink" in {OWN}.features', True),
    (f'{OWN}.features.exists(f, f.startsWith("nv"))', True),
    (f'{OWN}.features == ["mig", "nvlink"]', True),
    (f'{OWN}.features.includes("mig")', True),
    (f'{OWN}.model.includes("H100")', True),
    (f"{OWN}.model.includes(1)", False),
    (f'{AMOUNT}.isGreaterThan(quantity("79Gi"))', True),
    (f'{AMOUNT}.isLessThan(quantity("80Gi"))', False),
    (f'{AMOUNT}.add(quantity("1Gi")).compareTo(quantity("81Gi")) == 0', True),
    (f"{AMOUNT}.sub(1).asInteger() == 85899345919", True),
    (f"sign({AMOUNT}) == 1 && {AMOUNT}.isInteger()", True),
    (f"{AMOUNT}.asApproximateFloat() > 8.5e10", True),
    ('quantity("1.5Gi").asInteger() == 1610612736', "cannot convert value to integer"),
    ('isQuantity("Mi") && isQuantity("-") && !isQuantity("10Mo")', True),
    ('semver("v1.0", true) == semver("1.0.0")', True),
    ('isSemver("v1.0") || isSemver("1.2")', False),
]


@pytest.mark.parametrize(("text", "wanted"), D4)
def test_values(facts: Facts, answer: Answer, text: str, wanted: bool | str) -> None:
    attributes = {
        "count": 4,
        "ecc": True,
        "model": "H100",
        "version": {"version": "1.2.3"},
        "features": ["mig", "nvlink"],
    }
    assert answer(text, facts(attributes, {"memory": "80Gi"})) == wanted


# D6

D6 = [
    (f"{OWN}.index", "CEL result of type int could not be converted to bool"),
    (f"{OWN}.model", "CEL result of type string could not be converted to bool"),
    (f"{OWN}.index == true", False),
    (f'{OWN}.index == "1"', False),
    (f"{OWN}.index == 1.0", True),
    (f"{OWN}.index == 1u", True),
    (f"{OWN}.index < 1.5 && {OWN}.index >= 1u", True),
    (f"{OWN}.model > 1", "no such overload"),
    (f'{OWN}.index > "0"', "no such overload"),
    (f'{OWN}.version == "1.2.3"', "no such overload"),
    (f'"1.2.3" == {OWN}.version', False),
    (f"{OWN}.model.lowerAscii() == {OWN}.index.lowerAscii()", "no such overload: lowerAscii(int)"),
    (f"!{OWN}.index", "no such overload"),
    (f"{OWN}.index ? true : false", "no such overload"),
]


@pytest.mark.parametrize(("text", "wanted"), D6)
def test_types_while_running(facts: Facts, answer: Answer, text: str, wanted: bool | str) -> None:
    device = facts({"index": 1, "model": "H100", "version": {"version": "1.2.3"}})
    assert answer(text, device) == wanted


# Errors and logic: an error counts only if nothing decides.

LOGIC = [
    ("X && false", False),
    ("false && X", False),
    ("X || true", True),
    ("true || X", True),
    ("X && true", "no such key: nope"),
    ("false || X || false", "no such key: nope"),
    (f"X && {OWN}.other == 1", "no such key: nope"),
    ("true ? true : X", True),
    ("[1, 2].all(i, i == 1 && X)", False),
    ("[1, 2].exists(i, i == 2 || X)", True),
    ("[1, 2].exists_one(i, i == 2 || X)", "no such key: nope"),
    ("cel.bind(x, X, true)", True),
    ("cel.bind(x, X, x)", "no such key: nope"),
]


@pytest.mark.parametrize(("text", "wanted"), LOGIC)
def test_errors_are_absorbed_by_what_decides(facts: Facts, answer: Answer, text: str, wanted: bool | str) -> None:
    assert answer(text.replace("X", f"({OWN}.nope == 1)"), facts()) == wanted


# D9


def test_a_value_that_does_not_convert_fails_every_expression(facts: Facts, answer: Answer) -> None:
    device = facts({"model": "H100", "driver_version": {"version": "535.104.05"}})
    said = answer("true", device)
    assert isinstance(said, str)
    assert said.startswith("attribute driver_version: parse semantic version: ")
    assert answer("true", facts({"empty": {}})) == "attribute empty: unsupported attribute value"


# Functions of the environment (D5)

FUNCTIONS = [
    ("9223372036854775807 + 1 > 0", "integer overflow"),
    ("-9223372036854775808 / -1 > 0", "integer overflow"),
    ("0u - 1u == 0u", "unsigned integer overflow"),
    ("-7 / 2 == -3 && -7 % 2 == -1 && 7 % -2 == 1", True),
    ("1 / 0 == 1", "division by zero"),
    ("1 % 0 == 1", "modulus by zero"),
    ("1.0 / 0.0 > 1e308 && 0.1 + 0.2 != 0.3", True),
    ('"aé😀".size() == 3 && "aé😀".charAt(2) == "😀" && b"é".size() == 2', True),
    ('"tacocat".indexOf("o") == 3 && "tacocat".lastIndexOf("c") == 4 && "tacocat".indexOf("a", 2) == 5', True),
    ('"tacocat".substring(40) == ""', "index out of range: 40"),
    ('"a,b,c".split(",") == ["a", "b", "c"] && "a,b,c".split(",", 2) == ["a", "b,c"]', True),
    ('["a", "b"].join("-") == "a-b" && "  x ".trim() == "x" && "A1ß".lowerAscii() == "a1ß"', True),
    ('"banana".replace("a", "o", 2) == "bonona"', True),
    (r'strings.quote("a\"b\n") == "\"a\\\"b\\n\""', True),
    ('"gpu-17".matches("^gpu-[0-9]+$") && !"gpu".matches("[0-9]")', True),
    ('"abc 123 def 45".find("[0-9]+") == "123" && "a1b2c3".findAll("[0-9]", 2) == ["1", "2"]', True),
    ("[3, 1, 2].sort() == [1, 2, 3] && [1, 2, 2].distinct() == [1, 2] && [1, 2].reverse() == [2, 1]", True),
    ("[1, 2, 3].sum() == 6 && [1, 3, 2].max() == 3 && [2, 1].min() == 1 && [1, 2].isSorted()", True),
    ("[[1], [2, [3][0]]].flatten() == [1, 2, 3] && [1, 2, 3, 4].slice(1, 3) == [2, 3]", True),
    ("lists.range(3) == [0, 1, 2] && [1].first().hasValue() && ![1].filter(x, x > 1).last().hasValue()", True),
    ('["b", "a"].sortBy(x, x) == ["a", "b"] && [1, 2].map(x, x > 1, x * 2) == [4]', True),
    ("sets.contains([1, 2, 3], [1, 3]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])", True),
    ('{"a": 1}.transformMap(k, v, v + 1) == {"a": 2} && ["x"].transformList(i, v, i) == [0]', True),
    ('{"a": 1, "b": 2}.exists(k, v, v == 2 && k == "b") && {"a": 1}.all(k, k == "a")', True),
    ('{true: 1, false: 2}[true] == 1 && 1 in {1: 2} && dyn(1.0) in {1: 2} && {1: "a"}[dyn(1u)] == "a"', True),
    ('{"a": 1}["b"] == 1', "no such key: b"),
    ('{"a": 1, "a": 2} == {"a": 2}', True),
    ('{"a": 1}.?a.orValue([][1]) == 1 && optional.of(1).or(optional.of([][1])).value() == 1', True),
    ('quantity("2") == quantity("1").add(1)', "no such overload"),
    ('quantity("1").add(1) == quantity("2") && quantity("2") != quantity("1").add(1)', True),
    ('semver("1.2.3") != dyn("1.2.3")', True),
    ('dyn(["b", "a"]).distinct().max() == 1', "no such overload: max(list)"),
    ('(1 > 2 ? [quantity("1")] : [] + dyn(["a"]))[0].isInteger()', "no such overload: isInteger(string)"),
    ("true || [[1, 2][5]].distinct().size() == 1", True),
    ("[[1, 2][5]].distinct().size() == 1 || true", "index out of bounds: 5"),
    ("__not_strictly_false__([1][5] == 1) && !__not_strictly_false__(false) && _in_(1, [1])", True),
    ("optional.none()[[1][5]].hasValue()", False),
    ("[1][5] in []", False),
    ('[quantity("2")].indexOf(quantity("1").add(1)) == -1 && [quantity("2")].indexOf(quantity("2")) == 0', True),
    ("[3.0, double('NaN'), 1.0].max() == 3.0 && [1.0, double('NaN')].isSorted()", True),
    ('isSemver("2.0-rc1", true) || !isSemver("v2.0", true)', False),
    ("[1, 2][2] == 1", "index out of bounds: 2"),
    ("[1, 2][?2].orValue(7) == 7 && optional.of(1).optMap(x, x + 1).value() == 2", True),
    ("[?optional.none(), ?optional.of(1)] == [1] && {?1: optional.none()}.size() == 0", True),
    ('duration("1h30m") > duration("89m") && string(duration("1.5s")) == "1.5s"', True),
    ('timestamp("2026-02-28T23:59:59Z") + duration("1s") == timestamp("2026-03-01T00:00:00Z")', True),
    ('timestamp("2026-03-01T00:30:00+01:00").getDayOfMonth() == 27', True),
    ('cidr("10.0.0.0/8").containsIP("10.1.2.3") && !cidr("10.0.0.0/8").containsCIDR("0.0.0.0/0")', True),
    ('ip("::1").isLoopback() && ip.isCanonical("2001:db8::68") && !isIP("1.2.3.04")', True),
    ('"%s has %d of %x".format(["gpu", 4, 255]) == "gpu has 4 of ff"', True),
    ('string(1.0) == "1" && string(1e6) == "1e+06" && string(0.5) == "0.5" && int("-7") == -7', True),
    ("type(1) == int && type([]) == list && type(1u) != int && type(quantity('1')) == type(quantity('2'))", True),
    ("[1, 2, 3].exists(x, [x].exists(x, x == 3))", True),
    ('cel.bind(a, "x", cel.bind(b, a + a, b == "xx" && a == "x"))', True),
]


@pytest.mark.parametrize(("text", "wanted"), FUNCTIONS)
def test_functions(answer: Answer, text: str, wanted: bool | str) -> None:
    assert answer(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "lists.range(1000).all(x, lists.range(1000).all(y, lists.range(10).all(z, true)))",
        "lists.range(999995).size() > 0",
        "lists.range(3000).distinct().size() > 0",
        'cel.bind(a, "xxxxxxxxxx", '
        + "".join(f"cel.bind(a{i}, {'+'.join([f'a{i - 1}' if i else 'a'] * 10)}, " for i in range(12))
        + "a11.size() > 0"
        + ")" * 13,
    ],
    ids=["rounds", "range", "comparisons", "text"],
)
def test_endless_work_is_cut_off(answer: Answer, text: str) -> None:
    assert answer(text) == "operation cancelled: actual cost limit exceeded"


# Errors say where.


def test_an_error_points_at_what_raised_it(facts: Facts) -> None:
    text = f'device.driver == "gpu.acme.com" && {OWN}.index > 3'
    for name in ("one.yaml", "two.yaml"):
        program = compile_cel(Source(name, text), features=Features())
        assert isinstance(program, Program)
        with pytest.raises(EvaluationError) as raised:
            program.evaluate(facts())
        assert raised.value.span is not None
        assert (raised.value.span.text, raised.value.span.source.name) == ("index", name)
        assert program.tree.span is not None
        assert program.tree.span.source.name == name


# Derived attributes (N2)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 1", 2),
        ("[1, 2]", (1, 2)),
        (f"{OWN}.model", "H100"),
        ('semver("1.2.3")', Semver.parse("1.2.3")),
        ("[dyn(1), dyn('a')]", "expected list element at index 1 to be int64, got string"),
        ("dyn(1.5)", "a derived attribute cannot have a value of type double"),
    ],
)
def test_derived(facts: Facts, text: str, wanted: object) -> None:
    program = compile_cel(Source("derived", text), features=Features.all(), kind="derived")
    assert isinstance(program, Program)
    found: object
    try:
        found = program.value(facts({"model": "H100"}))
    except EvaluationError as error:
        found = error.message
    assert found == wanted


# Trees made by hand, as the policy language makes them


def test_a_tree_decides_like_its_text(facts: Facts) -> None:
    tree = all_of(
        compare("==", DRIVER, literal("gpu.acme.com")),
        any_of(has_attribute("gpu.acme.com", "ecc"), negation(compare("in", literal("x"), list_of([literal("y")])))),
        has_capacity("gpu.acme.com", "memory"),
        compare(">=", method(capacity("gpu.acme.com", "memory"), "compareTo", quantity("40Gi")), literal(0)),
        conditional(literal(True), compare("==", attribute("gpu.acme.com", "in"), literal(1)), literal(False)),
        method(attribute("gpu.acme.com", "version"), "isGreaterThan", semver("1.0.0")),
    )
    program = compile_tree(tree, Features())
    assert program.text == to_cel(tree)
    same = compile_cel(Source("text", program.text), features=Features())
    assert isinstance(same, Program)
    assert same.tree == tree
    device = facts({"in": 1, "version": {"version": "2.0.0"}}, {"memory": "80Gi"})
    assert program.evaluate(device) is same.evaluate(device) is True
    assert program.reads == same.reads


def test_a_tree_that_does_not_type_check_is_refused() -> None:
    with pytest.raises(EvaluationError, match="`>` does not take"):
        compile_tree(compare(">", DRIVER, literal(1)), Features())


# The cache


def test_one_text_is_compiled_once_and_threads_may_share(facts: Facts) -> None:
    text = f"{OWN}.index == 1 || {OWN}.index == 2"
    device = facts({"index": 2})

    def work(name: int) -> tuple[Any, bool]:
        program = compile_cel(Source(f"source-{name}", text), features=Features())
        assert isinstance(program, Program)
        return program._run, program.evaluate(device)

    first = work(0)[0]
    with ThreadPoolExecutor(4) as pool:
        for run, decided in pool.map(work, range(200)):
            assert run is first
            assert decided is True


def test_threads_parse_at_once() -> None:
    def work(number: int) -> str:
        program = compile_cel(
            Source(f"s{number}", f"device.driver == 'd{number}' && {number} < 0"), features=Features()
        )
        assert isinstance(program, Program)
        assert program.tree.span is not None
        return f"{program.tree.span.source.name} {to_cel(program.tree)}"

    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(work, range(100))):
            assert found == f's{number} device.driver == "d{number}" && {number} < 0'


def test_every_implementation_belongs_to_a_signature() -> None:
    declared = {overload.id for name in NAMES for overload in overloads(name)}
    assert set(IMPLEMENTATIONS) <= declared
