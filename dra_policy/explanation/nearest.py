"""Nearest misses: what a device has where one rule asks for something else, and the devices that fail one rule only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TypeAlias

from dra_policy.allocation import Cause
from dra_policy.allocation.call import Call
from dra_policy.allocation.funnel import Funnel, Refusal
from dra_policy.allocation.rule import Asked
from dra_policy.allocation.taints import REPELLING, taint_text, tolerates
from dra_policy.diagnostics import nearest
from dra_policy.explanation.words import because, how, printable, rule
from dra_policy.expression import DeviceFacts, to_cel
from dra_policy.expression.deciding import try_on
from dra_policy.expression.tree import IN, NOT, Expression, Has, Index, ListOf, Literal, Select, walk
from dra_policy.expression.tree import Call as Operation
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import Quantity, Semver
from dra_policy.rules import Origin, Selector

MOST_ATOMS = 4
"""So many conditions of one rule are told; all of them were false, and any one of them would do."""

_QUOTED = 60


@dataclass(frozen=True, slots=True)
class RetiredName:
    """An attribute or capacity that devices of a driver once had; `new` is empty where it is gone for good."""

    driver: str
    old: str
    new: str
    because: str


Retired: TypeAlias = Callable[[str, str], RetiredName | None]
"""What is known of a name that devices of a driver do not have: driver, then name."""


def nothing_retired(driver: str, name: str) -> RetiredName | None:
    """Nobody has said anything about former names."""
    del driver, name
    return None  # it is an answer


class Lack(Enum):
    """What is wrong with a value. The values are stable codes."""

    LESS = "less"
    MORE = "more"
    OTHER = "other"
    ABSENT = "absent"
    PRESENT = "present"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Gap:
    """What a device has where a rule needs something else. `distance` is 0 for what is nearly right, 1 for the rest.

    `has` and `needs` are in words: an absent value is empty, and what is needed says how, as in "at most 80Gi".

    >>> Gap(Lack.LESS, "memory", "79Gi", "80Gi").text()
    'memory 79Gi, needs 80Gi'
    """

    lack: Lack
    subject: str
    has: str
    needs: str
    hint: str = ""
    distance: Fraction = Fraction(1)

    def text(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        match self.lack:
            case Lack.ABSENT:
                return f"no `{self.subject}`{hint}"
            case Lack.PRESENT:
                return f"has `{self.subject}`{hint}"
            case Lack.ERROR:
                return f"error: {self.has}"
            case Lack.LESS | Lack.MORE | Lack.OTHER:
                return f"{self.subject} {self.has}, needs {self.needs}{hint}"


@dataclass(frozen=True, slots=True)
class Miss:
    """Devices that fail one and the same rule of a request and no other. `gaps` are alternatives: any one filled will do."""

    request: str
    devices: tuple[str, ...]
    cause: Cause
    origin: Origin
    gaps: tuple[Gap, ...]

    @property
    def distance(self) -> Fraction:
        """How far off they are; 1 is as far as anything."""
        return min((gap.distance for gap in self.gaps), default=Fraction(1))

    def text(self) -> str:
        """As in "gpu-0: memory 79Gi, needs 80Gi"."""
        return f"{named(self.devices)}: {self.shortfall()}"

    def shortfall(self) -> str:
        """What is missing, without the names of the devices."""
        if self.gaps:
            return "; or ".join(gap.text() for gap in self.gaps)
        match self.cause:
            case Cause.TAINT:
                return f"tainted {self.origin.text}"
            case Cause.IN_USE:
                return self.origin.text
            case Cause.CLASS | Cause.REQUEST | Cause.DRIVER | Cause.CONSTRAINT:
                return f"fails {rule(self.origin)}{because(self.origin)}"
            case (
                Cause.REFUSAL
                | Cause.QUOTA
                | Cause.KEEP
                | Cause.SHARING
                | Cause.AGREEMENT
                | Cause.MODE
                | Cause.EXCLUSION
                | Cause.CEILING
            ):
                return f"{how(self.cause, self.origin)}{because(self.origin)}"
            case _:
                return printable(self.origin.text)


def named(names: Sequence[str], most: int = 3, noun: str = "devices") -> str:
    """The first few names, and how many there are if not all are named.

    >>> named(["a", "b", "c", "d"]), named(["a"])
    ('a, b, c, ... (4 devices)', 'a')
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])}, ... ({len(names)} {noun})"


def near_misses(
    call: Call, asked: Asked, retired: Retired = nothing_retired, among: Iterable[DeviceRecord] | None = None
) -> tuple[Miss, ...]:
    """The devices of the call's node that fail exactly one rule of a request, the nearest first.

    Devices of another driver, and of pools that cannot be used, are near to nothing.
    """
    funnel = Funnel(call)
    found: dict[tuple[Cause, Origin, tuple[Gap, ...]], list[str]] = {}
    for record in call.view.devices if among is None else among:
        refused = _only(funnel.refusals(asked, record))
        if refused is None or refused.cause in (Cause.DRIVER, Cause.POOL):
            continue
        gaps: tuple[Gap, ...] = ()
        origin = refused.origin
        if refused.selector is not None:
            gaps = gaps_of(refused.selector, record.facts, retired)
        elif refused.cause is Cause.TAINT:
            origin = Origin(origin.owner, repelling_text(record, asked))
        found.setdefault((refused.cause, origin, gaps), []).append(record.id.device)
    misses = [
        Miss(asked.result_name, tuple(devices), cause, origin, gaps) for (cause, origin, gaps), devices in found.items()
    ]
    return tuple(sorted(misses, key=lambda miss: miss.distance))


def _only(refusals: Iterator[Refusal]) -> Refusal | None:
    first = next(refusals, None)
    return first if first is not None and next(refusals, None) is None else None


def repelling_text(record: DeviceRecord, asked: Asked) -> str:
    """All taints that keep a request off a device, as people write them."""
    taints = [
        taint_text(taint)
        for taint in record.taints
        if taint.effect in REPELLING and not any(tolerates(one, taint) for one in asked.ask.tolerations)
    ]
    return " and ".join(dict.fromkeys(taints))


def gaps_of(selector: Selector, facts: DeviceFacts, retired: Retired = nothing_retired) -> tuple[Gap, ...]:
    """What a device lacks where a selector is not true: the smallest conditions that made it so.

    >>> from dra_policy.expression import compile_cel
    >>> from dra_policy.resources import Device, Features
    >>> from dra_policy.source import Source
    >>> text = "device.capacity['d'].memory.compareTo(quantity('80Gi')) >= 0"
    >>> program = compile_cel(Source("selector", text), features=Features())
    >>> device = Device.model_validate({"name": "gpu-0", "capacity": {"memory": {"value": "79Gi"}}})
    >>> [gap.text() for gap in gaps_of(Selector(Origin("", text), program), DeviceFacts.of("d", device))]
    ['memory 79Gi, needs 80Gi']
    """
    program = selector.program
    if program is None:
        return ()
    if facts.problem is not None:
        return (Gap(Lack.ERROR, "", facts.problem.message, ""),)
    atoms = try_on(program, facts).decided_by
    gaps = (_Atom(facts, retired).gap(atom) for atom in atoms[:MOST_ATOMS])
    return tuple(dict.fromkeys(gap for gap in gaps if gap is not None))


@dataclass(frozen=True, slots=True)
class Reading:
    """An attribute or a capacity that an expression reads, by the names in the expression."""

    side: str
    domain: str
    name: str

    def value(self, facts: DeviceFacts) -> object:
        """The value on a device, None if it has none."""
        side = facts.attributes if self.side == "attributes" else facts.capacity
        return side[self.domain].get(self.name)

    def subject(self, driver: str) -> str:
        """The name, with its domain where that is not the driver's own (D2)."""
        return self.name if self.domain == driver else f"{self.domain}/{self.name}"


def readings(tree: Expression) -> Iterator[Reading]:
    """Every attribute and capacity that a tree names."""
    for node in walk(tree):
        found = reading(node)
        if found is not None:
            yield found


def reading(node: Expression) -> Reading | None:
    """`device.attributes["d"].name` in its other forms, with a default or in lower case or not."""
    match node:
        case Select(operand=inside, name=name) | Has(operand=inside, name=name):
            pass
        case Index(operand=inside, key=Literal(value=str(name))):
            pass
        case Operation(function="lowerAscii" | "upperAscii" | "orValue" | "value", target=Select() | Index() as inner):
            return reading(inner)
        case _:
            return None
    domain = _domain(inside)
    return None if domain is None else Reading(*domain, name)


def _domain(node: Expression) -> tuple[str, str] | None:
    match node:
        case Select(operand=side, name=domain) | Index(operand=side, key=Literal(value=str(domain))):
            if isinstance(side, Select) and side.name in ("attributes", "capacity"):
                return side.name, domain
    return None


_FLIPPED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}
_NEGATED = {"_<_": "_>=_", "_<=_": "_>_", "_>_": "_<=_", "_>=_": "_<_", "_==_": "_!=_", "_!=_": "_==_"}
_WORDS = {"_<_": "less than ", "_<=_": "at most ", "_>_": "more than ", "_>=_": "", "_==_": "", "_!=_": "other than "}
_TEXTS = {"contains": "with", "startsWith": "that starts with", "endsWith": "that ends with", "matches": "that matches"}
_COMPARED = {"isGreaterThan": "_>_", "isLessThan": "_<_"}
Constant: TypeAlias = bool | int | str | Quantity | Semver


class _Atom:
    """One condition that is false, or an error, on one device."""

    def __init__(self, facts: DeviceFacts, retired: Retired) -> None:
        self._facts = facts
        self._retired = retired

    def gap(self, tree: Expression) -> Gap | None:
        """What is missing; None for a condition about nothing that a device has."""
        negated = False
        while isinstance(tree, Operation) and tree.function == NOT:
            tree, negated = tree.args[0], not negated
        return self._absent(tree, negated) or self._compared(tree, negated) or self._whole(tree, negated)

    def _absent(self, tree: Expression, negated: bool) -> Gap | None:
        """Something that is read and not there, or that is there and should not be."""
        tested = isinstance(tree, Has) or _key_in(tree) is not None
        for read in (found for found in (_key_in(tree), *readings(tree)) if found is not None):
            there = read.value(self._facts) is not None
            subject = read.subject(self._facts.driver)
            if tested and negated:
                return Gap(Lack.PRESENT, subject, "", "") if there else None
            if not there:
                return Gap(Lack.ABSENT, subject, "", "", self.other_name(read))
        return None

    def other_name(self, read: Reading) -> str:
        """What a missing name is called now, or what it looks like."""
        former = self._retired(self._facts.driver, read.name)
        if former is not None:
            return retired_words(former)
        side = self._facts.attributes if read.side == "attributes" else self._facts.capacity
        near = nearest(read.name, (name for name in side[read.domain] if name != read.name))
        return f"it has `{near}`" if near else ""

    def _compared(self, tree: Expression, negated: bool) -> Gap | None:
        match tree:
            case Operation(function=operator, args=(left, right)) if operator in _FLIPPED:
                # `a.compareTo(b) >= 0` says the same of a and b as `>=` does.
                match left, right:
                    case Operation(function="compareTo", target=subject, args=(other,)), Literal(value=0):
                        left, right = subject or left, other
                    case _:
                        pass
            case Operation(function=method, target=subject, args=(other,)) if (
                method in _COMPARED and subject is not None
            ):
                operator, left, right = _COMPARED[method], subject, other
            case Operation(function=method, target=subject, args=(other,)) if method in _TEXTS and subject is not None:
                return self._text(method, subject, other, negated)
            case Operation(function=function, args=(left, right)) if function == IN:
                return self._among(left, right, negated)
            case Operation(function="includes", target=subject, args=(other,)) if subject is not None:
                return self._among(other, subject, negated)
            case _:
                return self._flag(tree, negated)
        if reading(left) is None:
            left, right, operator = right, left, _FLIPPED[operator]
        read, wanted = reading(left), _constant(right)
        if read is None or wanted is None:
            return None
        operator = _NEGATED[operator] if negated else operator
        has = read.value(self._facts)
        lack = {"_<_": Lack.MORE, "_<=_": Lack.MORE, "_>_": Lack.LESS, "_>=_": Lack.LESS}.get(operator, Lack.OTHER)
        hint = _spelling(has, wanted) if operator == "_==_" else ""
        needs = f"{_WORDS[operator]}{_shown(wanted)}"
        subject_name = read.subject(self._facts.driver)
        return Gap(lack, subject_name, _shown(has), needs, hint, _distance(has, wanted))

    def _flag(self, tree: Expression, negated: bool) -> Gap | None:
        read = reading(tree)
        if read is None:
            return None
        has = read.value(self._facts)
        return Gap(Lack.OTHER, read.subject(self._facts.driver), _shown(has), _shown(negated is False))

    def _text(self, method: str, subject: Expression, other: Expression, negated: bool) -> Gap | None:
        read, wanted = reading(subject), _constant(other)
        if read is None or wanted is None:
            return None
        how = f"a text {_TEXTS[method]} {_shown(wanted)}"
        has = read.value(self._facts)
        needs = f"not {how}" if negated else how
        return Gap(Lack.OTHER, read.subject(self._facts.driver), _shown(has), needs, "", _distance(has, wanted))

    def _among(self, item: Expression, inside: Expression, negated: bool) -> Gap | None:
        """A value in a list of constants, or a constant in a list of the device."""
        read, wanted = reading(item), inside
        if read is not None and isinstance(wanted, ListOf):
            has = read.value(self._facts)
            ones = [one for element in wanted.elements if (one := _constant(element)) is not None]
            if len(ones) < len(wanted.elements) or not ones:
                return None
            listed = ", ".join(map(_shown, ones))
            words = f"none of {listed}" if negated else f"one of {listed}" if len(ones) > 1 else listed
            hint = "" if negated else next(filter(None, (_spelling(has, one) for one in ones)), "")
            distance = min(_distance(has, one) for one in ones)
            return Gap(Lack.OTHER, read.subject(self._facts.driver), _shown(has), words, hint, distance)
        read, one = reading(inside), _constant(item)
        if read is None or one is None:
            return None
        has = read.value(self._facts)
        words = f"a list without {_shown(one)}" if negated else f"a list with {_shown(one)}"
        items = has if isinstance(has, tuple) else ()
        hint = "" if negated else next(filter(None, (_spelling(item, one) for item in items)), "")
        return Gap(Lack.OTHER, read.subject(self._facts.driver), _shown(has), words, hint)

    def _whole(self, tree: Expression, negated: bool) -> Gap | None:
        """Any other condition: what it reads has these values, and it wants to be true."""
        seen = dict.fromkeys(readings(tree))
        if not seen:
            return None
        words = _clipped(to_cel(tree))
        needs = f"not `{words}`" if negated else f"`{words}`"
        values = ", ".join(f"{read.subject(self._facts.driver)} {_shown(read.value(self._facts))}" for read in seen)
        subject, _, has = values.partition(" ")
        return Gap(Lack.OTHER, subject, has, needs)


def _key_in(tree: Expression) -> Reading | None:
    """`"name" in device.attributes["d"]`."""
    match tree:
        case Operation(function=function, args=(Literal(value=str(name)), inside)) if function == IN:
            domain = _domain(inside)
            return None if domain is None else Reading(*domain, name)
    return None


def _constant(node: Expression) -> Constant | None:
    match node:
        case Literal(value=bool() | int() | str() as value):
            return value
        case Operation(function="quantity", target=None, args=(Literal(value=str(text)),)):
            return _parsed(Quantity.parse, text)
        case Operation(function="semver", target=None, args=(Literal(value=str(text)), *_)):
            return _parsed(Semver.parse, text)
    return None


def _parsed(parse: Callable[[str], Quantity | Semver], text: str) -> Quantity | Semver | None:
    try:
        return parse(text)
    except ValueError:
        return None


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"`{_clipped(value)}`"
        case tuple():
            return f"[{', '.join(map(_shown, value))}]"
        case _:
            return str(value)


def _clipped(text: str) -> str:
    plain = printable(" ".join(text.split()).replace("`", ""))
    return plain if len(plain) <= _QUOTED else f"{plain[: _QUOTED - 3]}..."


def _spelling(has: object, wanted: Constant) -> str:
    """Whether two texts mean the same to a person."""
    if not isinstance(has, str) or not isinstance(wanted, str):
        return ""
    one, other = (re.sub(r"[^0-9a-z]", "", text.casefold()) for text in (has, wanted))
    if not one or not other:
        return ""
    if one == other:
        return "it is spelt otherwise"
    return "misspelt?" if nearest(wanted, [has]) and has != wanted else ""


def _distance(has: object, wanted: Constant) -> Fraction:
    """How far a value is off, from 0 to 1: a share of the greater one for amounts, and for texts of what is alike."""
    match has, wanted:
        case (bool(), _) | (_, bool()):
            return Fraction(1)
        case int(), int():
            one, other = Fraction(has), Fraction(wanted)
        case Quantity(), Quantity():
            one, other = has.value, wanted.value
        case str(), str():
            return Fraction(1, 2) if _spelling(has, wanted) else Fraction(1)
        case _:
            return Fraction(1)
    greater = max(abs(one), abs(other))
    return min(Fraction(1), abs(one - other) / greater) if greater else Fraction(0)


def retired_words(former: RetiredName) -> str:
    """What became of a name, with its author's reason."""
    reason = f": {printable(former.because)}" if former.because else ""
    return f"renamed to `{former.new}`{reason}" if former.new else f"no longer published{reason}"


__all__ = [
    "Gap",
    "Lack",
    "Miss",
    "Reading",
    "Retired",
    "RetiredName",
    "gaps_of",
    "named",
    "near_misses",
    "nothing_retired",
    "readings",
    "repelling_text",
    "retired_words",
]
