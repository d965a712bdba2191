"""How the formatter writes names, values and types: one spelling for each."""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from dra_policy.language import tree
from dra_policy.language.units import UNITS

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def text(value: str) -> str:
    """A text in quotes.

    >>> print(text('say "no"'), text("two\\nlines"))
    "say \\"no\\"" "two\\nlines"
    """
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):X}}}") for c in value) + '"'


def decimal(number: Fraction) -> str:
    """A number as an exact decimal; only numbers that have one can be written.

    >>> decimal(Fraction(7, 4)), decimal(Fraction(80))
    ('1.75', '80')
    """
    digits, scale = 0, number
    while scale.denominator != 1:
        digits += 1
        scale *= 10
        # Invariant: numbers come from decimals, so at most as many places as the denominator has bits.
        assert digits <= number.denominator.bit_length(), number
    if not digits:
        return str(scale.numerator)
    whole = str(abs(scale.numerator)).rjust(digits + 1, "0")
    return f"{'-' if number < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"


def amount(value: tree.Amount) -> str:
    """`80Gi`, `450 GB/s`: Kubernetes' suffixes and durations touch the number, all other units stand apart."""
    gap = "" if UNITS[value.unit].attached else " "
    return f"{decimal(value.number)}{gap}{value.unit}"


def value(node: tree.Literal | tree.Name) -> str:
    match node:
        case tree.Text():
            return text(node.value)
        case tree.Integer():
            return str(node.value)
        case tree.Amount():
            return amount(node)
        case tree.Boolean():
            return "true" if node.value else "false"
        case tree.Version() | tree.Name():
            return node.text
        case _:
            assert_never(node)


def percentage(share: Fraction) -> str:
    return f"{decimal(share * 100)}%"


def between(item: tree.Range) -> str:
    """`1 to 10 step 2`."""
    step = "" if item.step is None else f" step {value(item.step)}"
    high = "all" if item.high is None else value(item.high)
    return f"{value(item.low)} to {high}{step}"


__all__ = ["amount", "between", "decimal", "percentage", "text", "value"]
