"""The two sides of comparisons: names and values, with their types and the proofs that they are there to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import assert_never

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import can_be_read, find_attribute, look_up
from dra_policy.language.boards import Mode
from dra_policy.language.checked import AttributeTerm, Term
from dra_policy.language.constants import constant
from dra_policy.language.schema import AttributeSchema, DeviceSchema, FieldSchema, element_of, value_names
from dra_policy.language.scope import DEFINE, Problems, Scope
from dra_policy.language.tree import (
    Amount,
    And,
    Boolean,
    Compare,
    Condition,
    Has,
    Integer,
    Literal,
    Membership,
    Name,
    Not,
    Or,
    Reference,
    Sum,
    Text,
    TextTest,
    Version,
)
from dra_policy.language.types import AmountType, Constant, OneOfType, SetType, Type, is_text
from dra_policy.source import Span

Attributes = frozenset[AttributeSchema]
NONE: Attributes = frozenset()


@dataclass(frozen=True, slots=True)
class Presence:
    """What is known of all devices that are meant, beyond what their kind says.

    `lost` is what partitions among them do not publish of their board, with the mode of these; `given` what is optional
    and all of them publish, as their model, mode or class says.
    """

    lost: Mapping[AttributeSchema, Mode] = field(default_factory=lambda: MappingProxyType({}))
    given: Attributes = NONE

    def joined(self, other: Presence) -> Presence:
        """What is known of the devices of both."""
        return Presence(MappingProxyType({**self.lost, **other.lost}), self.given & other.given)


UNKNOWN = Presence()
"""Nothing is known but the kind."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """What is proved where a condition is read: `known` to be present, and `elsewhere` what is known on the other way.

    Behind `has numa or` nothing is known of `numa`, but it would be known in front: that is `elsewhere`. `lost` says
    that a part with a mistake stands before: it may have been the proof, so none is called missing.
    """

    known: Attributes = NONE
    elsewhere: Attributes = NONE
    lost: bool = False


@dataclass(frozen=True, slots=True)
class TermReader:
    """Reads the terms of conditions on one device; with `private` also what the driver alone knows.

    What is lost on some of the devices is read behind a proof, as optional names are that are not on all of them. What
    `twice` calls by the same name cannot be read: which of the two is meant is not guessed.
    """

    scope: Scope
    device: DeviceSchema
    private: bool = False
    there: Presence = UNKNOWN
    twice: Mapping[str, FieldSchema] = field(default_factory=dict)

    @property
    def problems(self) -> Problems:
        return self.scope.problems

    def is_define(self, name: Name) -> bool:
        return self.scope.peek(name.text, DEFINE) is not None

    def readable(self, attribute: AttributeSchema, span: Span) -> bool:
        """Whether the condition may read an attribute; reported if not."""
        other = self.twice.get(attribute.name)
        if other is not None:
            message = f"`{attribute.name}` is an attribute of the device and a field of its parameters"
            if attribute.parameter:
                message = f"`{attribute.name}` is a field of several parameters, {attribute.type} and {other.type}"
            note = Related(other.span, "the field is declared here")
            self.problems.add("SET011", message, span, "rename one of the two", note)
            return False
        return self.private or can_be_read(attribute, span, self.scope)

    def proved(self, attribute: AttributeSchema, span: Span, proofs: Proofs) -> bool:
        if not self.readable(attribute, span):
            return False
        if not self.needs(attribute) or attribute in proofs.known | self.there.given or proofs.lost:
            return True
        name = attribute.name
        note = Related(attribute.span, "declared `optional` here")
        if not needs(attribute):
            mode = self.there.lost[attribute]
            message = f"`{name}` is of a whole board, and partitions of mode `{mode.name}` do not publish it"
            help_ = f"{another_name(attribute, mode)}; or write `has {name} and ...` before it: whole boards have it"
            note = Related(attribute.span, "declared `unique in cluster` here")
        elif attribute in proofs.elsewhere:
            message = f"`{name}` is optional, and here it is known to be absent"
            help_ = (
                f"write `has {name} and ...`, or `not has {name} or ...`: `or` reads on where its left side is false"
            )
        else:
            message = f"`{name}` is optional: a device may not publish it"
            help_ = f"write `has {name} and ...` before it, or declare what `absent means`"
            if attribute.parameter:
                message = f"`{name}` is optional: a claim may leave it out"
                help_ = f"write `has {name} and ...` before it, or give it a `default`"
        self.problems.add("TYP006", message, span, help_, note)
        return False

    def needs(self, attribute: AttributeSchema) -> Attributes:
        """The attribute itself if it may be missing on some of the devices."""
        lost = attribute in self.there.lost and attribute.absent is None
        return frozenset((attribute,)) if lost else needs(attribute)

    def needed(self, *terms: Term) -> Attributes:
        """Those among terms that may be missing."""
        return union([self.needs(term.attribute) for term in terms if isinstance(term, AttributeTerm)])

    def convertible(self, left: Term, right: Term, span: Span) -> bool:
        """Kubernetes cannot multiply a quantity: two names must have the same unit, not only the same dimension."""
        if not (isinstance(left, AttributeTerm) and isinstance(right, AttributeTerm)):
            return True
        if left.attribute.type == right.attribute.type or is_text(left.attribute.type):
            return True
        message = (
            f"`{left.attribute.name}` is {left.attribute.type}, `{right.attribute.name}` is {right.attribute.type}"
        )
        help_ = "Kubernetes converts no units between two published values; publish both in the same"
        self.problems.add("TYP003", message, span, help_)
        return False

    def sides(self, left: Condition, right: Condition, proofs: Proofs) -> tuple[Term, Term, Type] | None:
        """Both sides as terms of one type; at least one is an attribute."""
        first = self.term(left, right, proofs)
        second = self.term(right, left, proofs)
        if first is None or second is None:
            return None
        match first, second:
            case AttributeTerm(), AttributeTerm():
                return self._same_type(first, second)
            case AttributeTerm(attribute), _ if not isinstance(second, AttributeTerm):
                value = self.constant(second, attribute)
                return None if value is None else (first, value, attribute.type)
            case _, AttributeTerm(attribute) if not isinstance(first, AttributeTerm):
                value = self.constant(first, attribute)
                return None if value is None else (value, second, attribute.type)
            case _:
                span = left.span.to(right.span)
                self.problems.add("TYP014", "both sides are fixed values", span, "compare a name of the device")
                return None

    def constant(self, written: Literal | Name, attribute: AttributeSchema) -> Constant | None:
        if isinstance(attribute.type, SetType):
            message = f"`{attribute.name}` is {attribute.type}: ask for its values with `in`"
            help_ = f"write `{written.span.text} in {attribute.name}`"
            self.problems.add("TYP007", message, written.span, help_, Related(attribute.span, "declared here"))
            return None
        return constant(written, attribute.type, f"`{attribute.name}`", self.problems, attribute.span)

    def _same_type(self, left: AttributeTerm, right: AttributeTerm) -> tuple[Term, Term, Type] | None:
        first, second = left.attribute.type, right.attribute.type
        fits = first == second or (is_text(first) and is_text(second))
        if isinstance(first, AmountType) and isinstance(second, AmountType):
            fits = first.fits(second)
        if fits:
            return left, right, first
        names = left.attribute.name, right.attribute.name
        message = f"`{names[0]}` is {first}, but `{names[1]}` is {second}"
        code = "TYP003" if isinstance(first, AmountType) and isinstance(second, AmountType) else "TYP001"
        note = Related(right.attribute.span, f"`{names[1]}` is declared here")
        self.problems.add(code, message, left.span.to(right.span), "compare names of one type", note)
        return None

    def term(self, written: Condition, other: Condition, proofs: Proofs) -> AttributeTerm | Literal | Name | None:
        """A side of a comparison: an attribute, a literal, or a bare name that is a value of the other side."""
        match written:
            case Text() | Integer() | Amount() | Version() | Boolean():
                return written
            case Reference(name):
                counterpart = self.peek(other)
                if counterpart is not None and name.text in value_names(counterpart.type):
                    return name
                attribute = look_up(self.device, name.text, self.scope)
                if attribute is None and counterpart is not None and self._is_value(name, counterpart):
                    return name
                if attribute is None:
                    self._no_term(name)
                    return None
                if not self.proved(attribute, name.span, proofs):
                    return None
                return AttributeTerm(attribute, name.span)
            case Has() | Not() | And() | Or() | Compare() | TextTest() | Membership() | Sum():
                help_ = "compare a name with a value; join conditions with `and` and `or`"
                self.problems.add("TYP008", "a condition has no value to compare", written.span, help_)
                return None
            case _:
                assert_never(written)

    def _no_term(self, name: Name) -> None:
        if self.is_define(name):
            help_ = f"write `{name.text}` or `not {name.text}`"
            self.problems.add("TYP008", f"`{name.text}` is a condition and has no value to compare", name.span, help_)
        else:
            find_attribute(self.device, name, self.scope)

    def _is_value(self, name: Name, counterpart: AttributeSchema) -> bool:
        """Whether an unknown name is meant as a value of the other side rather than as a misspelt attribute."""
        match element_of(counterpart.type):
            case OneOfType(values):
                near = self.problems.similar(name.text, values)
                return near is not None or self.problems.similar(name.text, self.device.attributes) is None
            case _:
                return (
                    self.problems.similar(name.text, self.device.attributes) is None
                    and name.text not in self.device.retired
                )

    def peek(self, written: Condition) -> AttributeSchema | None:
        return look_up(self.device, written.name.text, self.scope) if isinstance(written, Reference) else None


def needs(attribute: AttributeSchema) -> Attributes:
    """The attribute itself if it may be missing and nothing says what that means."""
    return frozenset((attribute,)) if attribute.optional and attribute.absent is None else NONE


def another_name(attribute: AttributeSchema, mode: Mode) -> str:
    """How the partitions of a mode tell of which board they are."""
    return f'publish it under another name in mode `{mode.name}`, such as `gives card "{{{attribute.name}}}"`'


def union(sets: Sequence[Attributes]) -> Attributes:
    """In one of them at least."""
    return NONE.union(*sets)


def intersection(sets: Sequence[Attributes]) -> Attributes:
    """In all of them."""
    return reduce(lambda a, b: a & b, sets)


__all__ = [
    "NONE",
    "UNKNOWN",
    "Attributes",
    "Presence",
    "Proofs",
    "TermReader",
    "another_name",
    "intersection",
    "needs",
    "union",
]
