"""Conditions of a site: over who asks, the device, the node and the time, each part in its own terms.

What is about the device alone goes through the checker of device conditions, with its proofs; everything else becomes a
comparison of the core at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import re2

from dra_policy.language import tree
from dra_policy.language.attributes import can_be_read, look_up
from dra_policy.language.checked import CheckedCondition
from dra_policy.language.checking import Checking
from dra_policy.language.conditions import joined_condition
from dra_policy.language.constants import constant, said
from dra_policy.language.schema import AttributeSchema, DeviceSchema
from dra_policy.language.scope import Problems, Scope
from dra_policy.language.terms import UNKNOWN, Presence
from dra_policy.language.types import (
    BOOL,
    DURATION,
    TEXT,
    VERSION,
    AmountType,
    BoolType,
    IntType,
    OneOfType,
    ScalarType,
    TextType,
    Type,
    VersionType,
    is_text,
)
from dra_policy.resources import Semver
from dra_policy.rules import conditions as core
from dra_policy.rules.subjects import SubjectField, SubjectValue
from dra_policy.rules.windows import Window


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[SiteCondition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[SiteCondition, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    part: SiteCondition


@dataclass(frozen=True, slots=True)
class Atom:
    """What is not about the device."""

    condition: core.Condition


@dataclass(frozen=True, slots=True)
class OfDevice:
    """What is about the device alone."""

    condition: CheckedCondition


@dataclass(frozen=True, slots=True)
class WithDevice:
    """A value of the device compared with one of the asker; `flipped` where the device stands on the right."""

    attribute: AttributeSchema
    operator: core.Comparison
    other: core.Term
    flipped: bool


SiteCondition: TypeAlias = AllOf | AnyOf | Negated | Atom | OfDevice | WithDevice


@dataclass(frozen=True, slots=True)
class CheckedField:
    """A field of the asker and its type."""

    rule: SubjectField
    type: ScalarType | AmountType | None
    """None for a time."""


TIME = "a time"


@dataclass(frozen=True, slots=True)
class _Operand:
    """One side of a comparison: a term of the core, or a value of the device; with its type (`TIME`, or of the language)."""

    term: core.Term | None
    attribute: AttributeSchema | None
    type: Type | str


@dataclass
class AskerReader:
    """Reads conditions of one file; `device` is what plain names may be about, None for no device."""

    checking: Checking
    scope: Scope
    fields: Mapping[str, CheckedField]
    levels: Mapping[str, str]
    windows: Mapping[str, Window]
    device: DeviceSchema | None
    plain: bool = False
    """Whether plain names are fields of the asker, as in a quota."""
    there: Presence = UNKNOWN
    """What is known of all the devices."""
    used: set[str] = field(default_factory=set)
    broken: frozenset[str] = frozenset()
    """Fields that are declared with a mistake, which is reported there."""
    lost: frozenset[str] = frozenset()
    """Windows and levels that are."""

    @property
    def problems(self) -> Problems:
        return self.scope.problems

    def read(self, condition: tree.Condition) -> SiteCondition | None:
        """A condition, or None if a mistake in it was reported."""
        match condition:
            case tree.And(operands):
                return self._all(operands)
            case tree.Or(operands):
                parts = [self.read(one) for one in operands]
                known = tuple(one for one in parts if one is not None)
                return AnyOf(known) if len(known) == len(parts) else None
            case tree.Not(operand):
                if self._device_only(operand):
                    return self._of_device((condition,))
                inner = self.read(operand)
                return None if inner is None else Negated(inner)
            case _ if self._device_only(condition):
                return self._of_device((condition,))
            case tree.Compare():
                return self._compare(condition)
            case tree.TextTest():
                return self._text_test(condition)
            case tree.Membership():
                return self._membership(condition)
            case tree.Has(name):
                meant = self._named(name)
                return None if meant is None or meant.term is None else Atom(core.Has(meant.term))
            case tree.Boolean(value):
                return Atom(core.Constant(value))
            case tree.Reference(name):
                return self._alone(name)
            case _:
                help_ = "compare it with a name, such as `subject.priority >= 100`"
                text = condition.span.text
                self.problems.add("TYP008", f"`{text}` is no condition", condition.span, help_)
                return None

    def _all(self, operands: Sequence[tree.Condition]) -> SiteCondition | None:
        """Neighbours that are about the device are read together: one proves what the next one reads."""
        parts: list[SiteCondition | None] = []
        run: list[tree.Condition] = []
        for operand in operands:
            if self._device_only(operand):
                run.append(operand)
                continue
            if run:
                parts.append(self._of_device(run))
                run = []
            parts.append(self.read(operand))
        if run:
            parts.append(self._of_device(run))
        known = tuple(one for one in parts if one is not None)
        return AllOf(known) if len(known) == len(parts) else None

    def _of_device(self, operands: Sequence[tree.Condition]) -> SiteCondition | None:
        assert self.device is not None  # Invariant: `_device_only` is true for some device only
        whole = operands[0]
        if len(operands) > 1:
            whole = tree.And(tuple(operands), operands[0].span.to(operands[-1].span))
        found = joined_condition(self.checking, self.scope, self.device, whole, there=self.there)
        return None if found is None else OfDevice(found)

    def _device_only(self, condition: tree.Condition) -> bool:
        """Whether a condition reads nothing but the device; a name that nobody knows is looked for there too."""
        if self.device is None:
            return False
        names = list(_names(condition))
        return bool(names) and not any(self._is_site(name) for name in names)

    def _is_site(self, name: str) -> bool:
        if self.device is not None and look_up(self.device, name, self.scope) is not None:
            return False
        head = name.split(".", maxsplit=1)[0]
        site = name in ("now", "node") or head == "subject" or name in self.levels or head in self.windows
        site = site or head in self.lost
        return site or (self.plain and name in self.fields)

    # ------------------------------------------------------------------------------------------------------- names

    def _operand_of(self, written: tree.Condition) -> _Operand | None:
        """A name, a sum, or nothing for a literal, which takes the type of the other side."""
        match written:
            case tree.Reference(name):
                return self._named(name)
            case tree.Sum(left, right):
                return self._sum(left, right)
            case _:
                return None

    def _named(self, name: tree.Name) -> _Operand | None:
        text = name.text
        if self.device is not None:
            attribute = look_up(self.device, text, self.scope)
            if attribute is not None:
                readable = can_be_read(attribute, name.span, self.scope)
                return _Operand(None, attribute, attribute.type) if readable else None
        if text == "now":
            return _Operand(core.Now(), None, TIME)
        if text == "node":
            return _Operand(core.NodeName(), None, TEXT)
        if text in self.levels:
            return _Operand(core.LevelOf(text), None, TEXT)
        head, _, rest = text.partition(".")
        if head in self.windows and rest in ("start", "end"):
            window = self.windows[head]
            return _Operand(core.StartOf(window) if rest == "start" else core.EndOf(window), None, TIME)
        if head == "subject" and rest:
            return self._field(rest, name)
        if head in self.lost:
            return None
        if self.plain:
            return self._field(text, name)
        known = ["now", "node", *self.levels, *(f"subject.{one}" for one in self.fields)]
        known += [f"{one}.{part}" for one in self.windows for part in ("start", "end")]
        if self.device is not None:
            known += self.device.attributes
        help_ = self.problems.hint(text, known, "declare it in `subject`, or as a `level` or `window`")
        self.problems.add("SIT001", f"`{text}` stands for nothing here", name.span, help_)
        return None

    def _field(self, text: str, name: tree.Name) -> _Operand | None:
        found = self.fields.get(text)
        if found is None and text in self.broken:
            return None
        if found is None:
            known = ", ".join(f"`{one}`" for one in self.fields)
            otherwise = f"its fields are {known}" if known else f"write `subject {{ field {text} text from ... }}`"
            help_ = self.problems.hint(text, self.fields, otherwise)
            self.problems.add("SIT001", f"the subject has no field `{text}`", name.span, help_)
            return None
        self.used.add(text)
        return _Operand(core.Field(text), None, TIME if found.type is None else found.type)

    def _sum(self, left: tree.Condition, right: tree.Condition) -> _Operand | None:
        one = self._operand_of(left)
        if one is None:
            return None
        other = self._operand_of(right)
        if other is None and isinstance(right, tree.Amount | tree.Integer):
            wanted = DURATION if one.type == TIME else one.type
            if not isinstance(wanted, str):
                other = self._literal(right, wanted)
        if other is None or one.term is None or other.term is None:
            return None
        fits = (one.type == TIME and other.type == DURATION) or (one.type == other.type and one.type != TIME)
        if not fits or (is_text(one.type if not isinstance(one.type, str) else TEXT) and one.type != TIME):
            self.problems.add(
                "TYP007", "these two cannot be added", left.span.to(right.span), "add a duration to a time"
            )
            return None
        return _Operand(core.Combined(core.Arithmetic.PLUS, one.term, other.term), None, one.type)

    def _alone(self, name: tree.Name) -> SiteCondition | None:
        """A name as a condition: a truth value of the asker, or an open window."""
        if name.text in self.windows:
            return Atom(core.Open(self.windows[name.text]))
        operand = self._named(name)
        if operand is None:
            return None
        if operand.term is None or operand.type != BOOL:
            help_ = "compare it with a value"
            self.problems.add("TYP008", f"`{name.text}` alone is no condition", name.span, help_)
            return None
        return Atom(core.Compare(operand.term, core.Comparison.EQUAL, core.Literal(True)))

    # ------------------------------------------------------------------------------------------------------- values

    def _is_value(self, written: tree.Condition) -> bool:
        """Whether it is a name that stands for nothing: then it may be a value of the other side."""
        if not isinstance(written, tree.Reference):
            return False
        text = written.name.text
        attribute = None if self.device is None else look_up(self.device, text, self.scope)
        return attribute is None and not self._is_site(text) and not (self.plain and text in self.broken)

    def _value(self, written: tree.Condition, other: _Operand | None, of: tree.Condition) -> _Operand | None:
        """A name that stands for nothing, as a value of the other side `of` the comparison if that is one of some."""
        if other is None or not isinstance(other.type, OneOfType):
            return self._operand_of(written)
        return self._literal(written, other.type, f"`{of.span.text}`")

    def _literal(self, written: tree.Condition, wanted: Type | str, of: str = "this") -> _Operand | None:
        if isinstance(wanted, OneOfType) and isinstance(written, tree.Reference | tree.Text):
            name = written.name if isinstance(written, tree.Reference) else written
            chosen = constant(name, wanted, of, self.problems, None)
            return None if chosen is None else _Operand(core.Literal(str(chosen.value)), None, wanted)
        if isinstance(wanted, str) or not isinstance(
            written, tree.Text | tree.Integer | tree.Amount | tree.Version | tree.Boolean
        ):
            what = said(written) if isinstance(written, tree.Literal) else f"`{written.span.text}`"
            self.problems.add("TYP001", f"{wanted} is wanted here, got {what}", written.span, "write `now + 2h`")
            return None
        scalar = TEXT if isinstance(wanted, OneOfType) else wanted
        if not isinstance(scalar, TextType | IntType | BoolType | VersionType | AmountType):
            self.problems.add("TYP007", f"a value cannot be compared with {wanted}", written.span, "ask with `in`")
            return None
        found = constant(written, scalar, "this", self.problems, None)
        if found is None:
            return None
        value: SubjectValue = Semver.parse(str(found.value)) if scalar == VERSION else found.value
        return _Operand(core.Literal(value), None, wanted)

    def _sides(self, left: tree.Condition, right: tree.Condition) -> tuple[_Operand, _Operand] | None:
        values = [self._is_value(side) for side in (left, right)]
        one = None if values[0] else self._operand_of(left)
        other = None if values[1] else self._operand_of(right)
        if values[1]:
            other = self._value(right, one, left)
        if values[0]:
            one = self._value(left, other, right)
        named = [isinstance(side, tree.Reference | tree.Sum) for side in (left, right)]
        if (one is None and named[0]) or (other is None and named[1]):
            return None
        if one is None and other is None:
            span = left.span.to(right.span)
            self.problems.add("TYP014", "both sides are fixed values", span, "write a name on one side")
            return None
        if one is None:
            assert other is not None  # Invariant: one of the two is there
            one = self._literal(left, other.type, f"`{right.span.text}`")
        elif other is None:
            other = self._literal(right, one.type, f"`{left.span.text}`")
        if one is None or other is None:
            return None
        return one, other

    def _compare(self, compare: tree.Compare) -> SiteCondition | None:
        sides = self._sides(compare.left, compare.right)
        if sides is None:
            return None
        one, other = sides
        if not _comparable(one.type, other.type):
            message = f"{one.type} is compared with {other.type}"
            self.problems.add("TYP007", message, compare.span, "compare values of one kind")
            return None
        ordered = one.type == TIME or isinstance(one.type, IntType | VersionType | AmountType)
        operator = {"after": ">", "before": "<"}.get(compare.operator, compare.operator)
        if operator not in ("==", "!=") and not ordered:
            message = f"`{compare.operator}` has no meaning here: it is {one.type}"
            self.problems.add(
                "TYP007", message, compare.span, "only numbers, amounts, versions and times have an order"
            )
            return None
        if compare.operator in ("after", "before") and one.type != TIME:
            message = f"`{compare.operator}` compares times, and this is {one.type}"
            self.problems.add("TYP007", message, compare.span, "write `>` or `<`")
            return None
        comparison = core.Comparison(operator)
        if one.attribute is not None and other.attribute is None and other.term is not None:
            return WithDevice(one.attribute, comparison, other.term, False)
        if other.attribute is not None and one.attribute is None and one.term is not None:
            return WithDevice(other.attribute, comparison, one.term, True)
        if one.term is None or other.term is None:
            return None
        left, right = one.term, other.term
        if compare.ignoring_case:
            left, right = core.Folded(left), core.Folded(right)
        return Atom(core.Compare(left, comparison, right))

    def _text_test(self, test: tree.TextTest) -> SiteCondition | None:
        one = self._operand_of(test.left)
        if one is None:
            if not isinstance(test.left, tree.Reference | tree.Sum):
                self.problems.add("TYP014", "the left side is a fixed value", test.left.span, "write a name")
            return None
        if one.term is None or isinstance(one.type, str) or not is_text(one.type):
            self.problems.add("TYP007", f"`{test.kind}` tests a text, and this is {one.type}", test.span, "")
            return None
        other = self._literal(test.right, TEXT)
        if other is None or other.term is None:
            return None
        if test.kind == "matches":
            try:
                re2.compile(str(getattr(other.term, "value", "")))
            except re2.error as error:
                self.problems.add("TYP009", f"the pattern is no regular expression: {error}", test.right.span, "")
                return None
        left, right = one.term, other.term
        if test.ignoring_case:
            left, right = core.Folded(left), core.Folded(right)
        return Atom(core.Compare(left, core.Comparison(test.kind), right))

    def _membership(self, test: tree.Membership) -> SiteCondition | None:
        only = test.options[0]
        if isinstance(only, tree.Reference) and only.name.text in self.lost:
            return None
        if isinstance(test.item, tree.Reference) and isinstance(only, tree.Reference) and len(test.options) == 1:
            window = self.windows.get(only.name.text)
            if window is not None and test.item.name.text in ("node", "now"):
                inside = Atom(core.Within(window) if test.item.name.text == "node" else core.Open(window))
                return Negated(inside) if test.negated else inside
        if len(test.options) == 1 and isinstance(only, tree.Reference) and only.name.text in self.windows:
            moment = self._operand_of(test.item)
            if moment is None:
                return None
            if moment.term is None or moment.type != TIME:
                message = f"{moment.type} is in no window"
                help_ = f"write `now in {only.name.text}`, or `node in {only.name.text}`"
                self.problems.add("TYP007", message, test.item.span, help_)
                return None
            inside = Atom(core.Open(self.windows[only.name.text], moment.term))
            return Negated(inside) if test.negated else inside
        one = self._operand_of(test.item)
        if one is None:
            if not isinstance(test.item, tree.Reference | tree.Sum):
                self.problems.add("TYP014", "a fixed value is in no list", test.item.span, "write a name")
            return None
        if one.term is None:
            self.problems.add("TYP007", "this mixes the device and who asks", test.span, "write two comparisons")
            return None
        values: list[SubjectValue] = []
        for option in test.options:
            literal = self._literal(option, one.type, f"`{test.item.span.text}`")
            if literal is None or not isinstance(literal.term, core.Literal) or isinstance(literal.term.value, tuple):
                return None
            values.append(literal.term.value)
        found = Atom(core.Compare(one.term, core.Comparison.IN, core.Literal(tuple(values))))
        return Negated(found) if test.negated else found


def _comparable(one: Type | str, other: Type | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if is_text(one) and is_text(other):
        return True
    if isinstance(one, AmountType) and isinstance(other, AmountType):
        return one.fits(other)
    return one == other


def _names(condition: tree.Condition) -> list[str]:
    """Every name that a condition reads."""
    found: list[str] = []
    stack: list[tree.Condition] = [condition]
    while stack:
        match stack.pop():
            case tree.Reference(name) | tree.Has(name):
                found.append(name.text)
            case tree.Not(operand):
                stack.append(operand)
            case tree.And(operands) | tree.Or(operands):
                stack.extend(operands)
            case tree.Compare(_, left, right) | tree.TextTest(_, left, right) | tree.Sum(left, right):
                stack += [left, right]
            case tree.Membership(item, options):
                stack += [item, *options]
            case _:
                continue
    return found


__all__ = [
    "TIME",
    "AllOf",
    "AnyOf",
    "AskerReader",
    "Atom",
    "CheckedField",
    "Negated",
    "OfDevice",
    "SiteCondition",
    "WithDevice",
]
