"""Amounts: Kubernetes' grammar, rounding, printing and arithmetic."""

from __future__ import annotations

import copy
import pickle
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.resources import Format, NotAQuantity, Quantity
from dra_policy.resources.quantity import INT64_MAX, NANO

SUFFIXES = [
    "",
    "n",
    "u",
    "m",
    "k",
    "M",
    "G",
    "T",
    "P",
    "E",
    "Ki",
    "Mi",
    "Gi",
    "Ti",
    "Pi",
    "Ei",
    "e3",
    "E-2",
    "e+6",
    "e0",
]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Amounts as people and programs write them, from tiny to far beyond int64."""
    sign = draw(st.sampled_from(["", "-", "+"]))
    whole = draw(st.integers(0, 10**22).map(str) | st.integers(0, 2000).map(str))
    fraction = draw(st.sampled_from(["", "."]) | st.text("0123456789", min_size=1, max_size=12).map(lambda d: "." + d))
    return sign + whole + fraction + draw(st.sampled_from(SUFFIXES))


quantities = texts().map(Quantity.parse)


@pytest.mark.parametrize(
    ("text", "value", "printed"),
    [
        ("0", 0, "0"),
        ("-0", 0, "0"),
        ("00", 0, "0"),
        ("1", 1, "1"),
        ("1000", 1000, "1k"),
        ("1000m", 1, "1"),
        ("1500m", Fraction(3, 2), "1500m"),
        ("0.5", Fraction(1, 2), "500m"),
        ("100m", Fraction(1, 10), "100m"),
        ("0.1n", Fraction(1, NANO), "1n"),
        ("-0.1n", Fraction(-1, NANO), "-1n"),
        ("1.0000000001", 1 + Fraction(1, NANO), "1000000001n"),
        ("80Gi", 80 * 2**30, "80Gi"),
        ("1024Mi", 2**30, "1Gi"),
        ("1536Mi", 1536 * 2**20, "1536Mi"),
        ("1.5Gi", 1536 * 2**20, "1536Mi"),
        ("0.5Mi", 2**19, "512Ki"),
        ("1000Ki", 1024000, "1000Ki"),
        ("1Ki", 1024, "1Ki"),
        ("0.001Ki", Fraction(1024, 1000), "1024m"),
        ("512Ki", 2**19, "512Ki"),
        ("40G", 40 * 10**9, "40G"),
        ("1000000k", 10**9, "1G"),
        ("1e3", 1000, "1e3"),
        ("1E3", 1000, "1E3"),
        ("10e3", 10000, "10e3"),
        ("1000e3", 10**6, "1e6"),
        ("1e4", 10000, "10e3"),
        ("100e-4", Fraction(1, 100), "10e-3"),
        ("12E", 12 * 10**18, "12E"),
        ("9223372036854775807", INT64_MAX, "9223372036854775807"),
        ("9223372036854775808", INT64_MAX + 1, "9223372036854775808"),
        ("8Ei", INT64_MAX, "9223372036854775807"),
        ("100Ei", INT64_MAX, "9223372036854775807"),
        ("-100Ei", -INT64_MAX, "-9223372036854775807"),
        ("1000E", 10**21, "1000000000000000000000"),
        # What was written in canonical form keeps its text, down to a sign or a point.
        ("+5", 5, "+5"),
        ("1.", 1, "1."),
        ("15360Mi", 15 * 2**30, "15Gi"),
        # Without digits: zero, as long as no big suffix follows.
        ("-", 0, "0"),
        ("+", 0, "0"),
        ("Mi", 0, "0"),
        ("Ti", 0, "0"),
        ("m", 0, "0"),
        (".", 0, "0"),
        (".5", Fraction(1, 2), "500m"),
        ("e3", 0, "0"),
        ("0.0n", 0, "0"),
        ("-0.00000000000Ki", 0, "0"),
    ],
)
def test_values_and_printing_are_those_of_kubernetes(text: str, value: Fraction, printed: str) -> None:
    amount = Quantity.parse(text)
    assert amount.value == value
    assert str(amount) == printed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" 1", "number"),
        ("1 Gi", "number"),
        ("40GB", "number"),
        ("1gi", "number"),
        ("5kk", "`kk` is not a suffix"),
        ("5ki", "`ki` is not a suffix"),
        ("5K", "`K` is not a suffix"),
        ("5e", "`e` is not a suffix"),
        ("5e+", "`e+` is not a suffix"),
        ("5e3e", "number"),
        ("5m3", "`m3` is not a suffix"),
        ("1,5", "number"),
        ("1..5", "number"),
        ("--1", "`-1` is not a suffix"),
        ("Pi", "missing"),
        ("Ei", "missing"),
        ("-.Ei", "missing"),
        ("e-12", "missing"),
        ("0x10", "number"),
        ("٣", "number"),
        ("5e1001", "exponent"),
        ("1e999999999999999999", "exponent"),
        ("1" * 257, "256"),
        ("NaN", "number"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(NotAQuantity, match=re.escape(says)):
        Quantity.parse(text)


@pytest.mark.parametrize(
    ("text", "integer"),
    [
        ("50", 50),
        ("50k", 50000),
        ("1Gi", 2**30),
        ("12E", None),
        ("9223372036854775807", None),
        ("1.5", None),
        ("1000m", None),
        ("1.5Gi", None),
        ("9E", 9 * 10**18),
    ],
)
def test_integer_view_is_as_narrow_as_upstreams(text: str, integer: int | None) -> None:
    amount = Quantity.parse(text)
    assert amount.is_integer() == (integer is not None)
    if integer is None:
        with pytest.raises(ValueError, match="cannot convert value to integer"):
            amount.as_integer()
    else:
        assert amount.as_integer() == integer


def test_chain_of_sums_keeps_the_integer_view() -> None:
    amount = Quantity.parse("50k").add(Quantity(20)).sub(Quantity.parse("100k")).sub(Quantity(-50000))
    assert amount.as_integer() == 20


def test_sum_beyond_int64_is_exact() -> None:
    amount = Quantity(INT64_MAX).add(Quantity(1))
    assert amount.value == 2**63
    assert not amount.is_integer()


def test_approximate_float_scales_the_mantissa() -> None:
    assert Quantity.parse("50.703k").as_approximate_float() == 50703.0
    assert Quantity.parse("100m").as_approximate_float() == 100 * 1e-3
    assert Quantity.parse("1e1000").as_approximate_float() == float("inf")
    assert Quantity.parse("-1e1000").as_approximate_float() == float("-inf")
    assert Quantity.parse("1.5Gi").as_approximate_float() == pytest.approx(1.5 * 2**30)


def test_sum_with_zero_takes_the_others_format() -> None:
    assert Quantity.parse("0").add(Quantity.parse("1Gi")).format is Format.BINARY_SI
    assert Quantity.parse("1Gi").add(Quantity.parse("1")).format is Format.BINARY_SI
    assert str(Quantity.parse("1Gi").add(Quantity.parse("1Mi"))) == "1025Mi"
    assert str(Quantity.parse("1Gi").sub(Quantity.parse("1Gi"))) == "0"


def test_numbers_become_amounts_in_a_given_format() -> None:
    assert str(Quantity(2**30, Format.BINARY_SI)) == "1Gi"
    assert str(Quantity(Fraction(3, 10))) == "300m"
    assert Quantity(Fraction(3, 10)).add(Quantity(Fraction(7, 10))) == Quantity(1)
    with pytest.raises(NotAQuantity, match="billionths"):
        Quantity(Fraction(1, 3))


def test_it_does_not_change() -> None:
    amount = Quantity(1)
    with pytest.raises(AttributeError):
        amount.format = Format.BINARY_SI
    with pytest.raises(AttributeError):
        del amount.format


@given(quantities)
def test_law_printing_and_parsing_keep_the_amount(amount: Quantity) -> None:
    again = Quantity.parse(str(amount))
    assert again == amount
    assert Quantity.parse(str(again)) == again


@given(quantities)
def test_law_canonical_form_is_a_fixed_point(amount: Quantity) -> None:
    canonical = str(amount.add(Quantity(0)))
    assert str(Quantity.parse(canonical).add(Quantity(0))) == canonical


@given(quantities, quantities)
def test_law_order_hash_and_equality_are_those_of_the_numbers(a: Quantity, b: Quantity) -> None:
    assert (a < b, a == b, a > b) == (a.value < b.value, a.value == b.value, a.value > b.value)
    assert a.compare_to(b) == -b.compare_to(a)
    assert (hash(a) == hash(b)) or a != b
    assert a.sign == (a.value > 0) - (a.value < 0)


@given(quantities, quantities)
def test_law_sums_and_differences_are_exact(a: Quantity, b: Quantity) -> None:
    assert a.add(b).value == a.value + b.value
    assert a.sub(b).value == a.value - b.value
    assert a.add(b) == b.add(a)
    assert (a + b) - b == a


@given(texts())
def test_law_parsing_rounds_away_from_zero_and_caps_binary_amounts(text: str) -> None:
    amount = Quantity.parse(text)
    digits = text.lstrip("+-")
    cut = next((i for i, c in enumerate(digits) if c not in "0123456789."), len(digits))
    digits, suffix = digits[:cut], digits[cut:]
    factors = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
    powers = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
    whole, _, fraction = digits.partition(".")
    exact = Fraction(int(whole + fraction), 10 ** len(fraction))
    if suffix in powers:
        exact *= 2 ** powers[suffix]
    else:
        exact *= Fraction(10) ** (factors[suffix] if suffix in factors else int(suffix[1:]))
    rounded = Fraction(-(-exact.numerator * NANO // exact.denominator), NANO)
    if suffix in powers:
        rounded = min(rounded, Fraction(INT64_MAX))
    assert amount.value == (-rounded if text.startswith("-") else rounded)


@given(st.text(max_size=30) | st.text("0123456789.eEinumkKMGTP+-", max_size=20))
def test_random_text_is_an_amount_or_refused(text: str) -> None:
    try:
        amount = Quantity.parse(text)
    except NotAQuantity:
        return
    assert Quantity.parse(str(amount)) == amount


@given(quantities)
def test_copies_are_equal(amount: Quantity) -> None:
    assert copy.deepcopy(amount) == amount
    again = pickle.loads(pickle.dumps(amount))
    assert (again, str(again), again.format) == (amount, str(amount), amount.format)
