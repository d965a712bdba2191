"""Names and values: what a single token becomes, and what can be wrong inside one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from lark import Token

from dra_policy.diagnostics import Diagnostic, Related
from dra_policy.language import tree
from dra_policy.language.units import UNITS, nearest_unit
from dra_policy.source import Source, Span

MOST_DIGITS = 100
"""A number may have so many digits; Kubernetes' own quantities have 19."""

# Tokens and nodes as the parser hands them over; each function knows the shapes of its own rule.
Parts: TypeAlias = list[Any]


@dataclass(frozen=True, slots=True)
class Percentage:
    """A share, such as 3/100."""

    share: Fraction
    span: Span


class Leaves:
    """The functions of the rules that are one token, and what was found wrong."""

    def __init__(self) -> None:
        self.begin(Source("", ""))

    def begin(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []

    # ------------------------------------------------------------------------------------------------------- places

    def _span(self, parts: Parts) -> Span:
        start, _ = _ends(parts[0])
        _, end = _ends(parts[-1])
        return Span(self.source, start, end)

    def _problem(self, code: str, message: str, span: Span, help_: str, *related: Related) -> None:
        self.problems.append(Diagnostic(code, message, span, help_, related=related))

    def name(self, parts: Parts) -> tree.Name:
        return tree.Name(str(parts[0]), self._span(parts))

    qualified = name

    def quoted(self, parts: Parts) -> tree.Text:
        token = parts[0]

        def character(found: re.Match[str]) -> str:
            escape = found.group(1)
            if escape in _ESCAPES:
                return _ESCAPES[escape]
            number = int(escape[2:-1], 16) if escape.startswith("u{") else -1
            if 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
                return chr(number)
            start = token.start_pos + 1 + found.start()
            self._problem(
                "SYN006",
                f"`{found.group()}` has no meaning in a text",
                Span(self.source, start, start + len(found.group())),
                'write one of `\\"`, `\\\\`, `\\n`, `\\t`, `\\u{1F600}`; a backslash itself is `\\\\`',
            )
            return found.group()

        value = str(token[1:-1])
        if "\\" in value:
            value = _ESCAPE.sub(character, value)
        return tree.Text(value, self._span(parts))

    def whole(self, parts: Parts) -> tree.Integer:
        return tree.Integer(int(self._number(parts[0], parts[0])), self._span(parts))

    def amount(self, parts: Parts) -> tree.Amount:
        token = parts[0]
        found = _NUMBER.match(token)
        assert found is not None
        unit = token[found.end() :].strip()
        number = Fraction(self._number(token, found.group()))
        known = UNITS.get(unit)
        if known is None:
            known = UNITS.get(nearest_unit(unit) or "") or UNITS["B"]
            self.unknown_unit(unit, Span(self.source, token.end_pos - len(unit), token.end_pos))
        return tree.Amount(number, known.canonical, self._span(parts))

    def unknown_unit(self, unit: str, span: Span) -> None:
        """Complain about a unit that does not exist."""
        help_ = _help_for_unit(unit)
        before = self.source.text[: span.start]
        number = before[len(before.rstrip("0123456789.")) :]
        # `910B4` is hardly an amount with a misspelt unit.
        if number and unit.isascii() and unit.isalnum() and (not unit.isalpha() or nearest_unit(unit) is None):
            help_ = (
                f'{help_}{" " if help_.endswith("?") else "; "}write `"{number}{unit}"`, in quotes, if it is no amount'
            )
        self._problem("SYN011", f"unknown unit `{unit}`", span, help_)

    def percentage(self, parts: Parts) -> Percentage:
        number = self._number(parts[0], parts[0].rstrip("% \t\r\n\v\f"))
        return Percentage(Fraction(number) / 100, self._span(parts))

    def release(self, parts: Parts) -> tree.Version:
        token = parts[0]
        span = self._span(parts)
        normal = normal_version(token)
        if normal != token:
            self._problem("SYN010", f"`{token}` is not a version", span, f"write `{normal}`{_why(token)}")
        return tree.Version(normal, span)

    def boolean(self, parts: Parts) -> tree.Boolean:
        return tree.Boolean(parts[0] == "true", self._span(parts))

    def _number(self, token: Token, digits: str) -> str:
        if len(digits) <= MOST_DIGITS:
            return digits
        self._problem(
            "SYN021",
            f"a number of {len(digits)} digits",
            self._span([token]),
            f"use a larger unit: a number has at most {MOST_DIGITS} digits",
        )
        return "0"


# Units of time that other tools know, and that resemble ours without meaning them.
_TOO_SHORT = frozenset({"ns", "us", "µs", "μs"})
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_ESCAPE = re.compile(r"\\(u\{[0-9A-Fa-f]{1,6}\}|.)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)+)([-+.].*)?", re.DOTALL)
_IDENTIFIERS = re.compile(r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")


def normal_version(text: str) -> str:
    """The version that was meant, in the form semver 2.0.0 allows; two numbers stay two.

    >>> [normal_version(text) for text in ("550.54", "v1.2.3", "535.104.05", "1.2.3.4", "1.0.0-rc.01")]
    ['550.54', '1.2.3', '535.104.5', '1.2.3', '1.0.0-rc.1']
    """
    found = _VERSION.fullmatch(text)
    assert found is not None
    numbers = [number.lstrip("0") or "0" for number in found.group(1).split(".")[:3]]
    tail = found.group(2) or ""
    if not _IDENTIFIERS.fullmatch(tail):
        return ".".join(numbers)
    release, plus, build = tail.partition("+")
    identifiers = [(part.lstrip("0") or "0") if part.isdigit() else part for part in release.split(".")]
    # The first one carries the hyphen: `-01` is numeric too.
    if identifiers[0][1:].isdigit():
        identifiers[0] = "-" + (identifiers[0][1:].lstrip("0") or "0")
    return ".".join(numbers) + ".".join(identifiers) + plus + build


def _why(text: str) -> str:
    if text.startswith("v"):
        return ": a version has no letter in front"
    if text.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].count(".") > 2:
        return ": a version has three numbers"
    return ": the numbers of a version have no leading zeros"


def _help_for_unit(unit: str) -> str:
    small = re.fullmatch(r"([kMGTPE])b(?:/s|ps)?", unit)
    if small is not None:
        rate = "/s" if len(unit) > 2 else ""
        return f"write `{small[1]}bit{rate}` for bits or `{small[1]}B{rate}` for bytes"
    if unit in _TOO_SHORT:
        return "the shortest unit of time is `ms`, and a plain number has no unit"
    likely = nearest_unit(unit)
    if likely is not None:
        return f"did you mean `{likely}`?"
    if "." in unit or "-" in unit:
        return "a value that begins with a digit is written in quotes"
    units = "Ki, Mi, Gi or GB, Gbit, GB/s, MHz, W, cores, ms, s, min, h, d and their like"
    return f"the units are {units}; a text that begins with a digit is written in quotes"


def _ends(part: Any) -> tuple[int, int]:
    if isinstance(part, Token):
        assert part.start_pos is not None
        assert part.end_pos is not None
        return part.start_pos, part.end_pos
    if isinstance(part, tuple):
        return _ends(part[0])[0], _ends(part[-1])[1]
    return part.span.start, part.span.end
