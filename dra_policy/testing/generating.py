"""What fleets and claims are made of: boards with values for what models leave open, and everything that can be claimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import assert_never

from dra_policy.language.boards import Board, Mode, Part, Share
from dra_policy.language.checked import (
    CheckedAsk,
    CheckedClaim,
    CheckedClass,
    CheckedPolicies,
    CheckedRequest,
    CheckedTakes,
)
from dra_policy.language.parts import Meant
from dra_policy.language.properties import CheckedProperty, EveryProperty
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema
from dra_policy.language.types import (
    AmountType,
    BoolType,
    Constant,
    IntType,
    OneOfType,
    SetType,
    TextType,
    VersionType,
    quantity_text,
)
from dra_policy.source import Span
from dra_policy.testing.values import constants_read


@dataclass(frozen=True, slots=True)
class Target:
    """What is claimed: a class, with the words for it, and what claims may take of its share."""

    words: str
    of: CheckedClass
    share: Share | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claim, or with `released` the end of the claim of this number, if there is one."""

    target: Target
    count: int
    namespace: str
    amounts: tuple[tuple[AttributeSchema, Constant], ...] = ()
    released: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """One board of a fleet."""

    model: ModelSchema
    node: str
    settings: Mapping[AttributeSchema, tuple[Constant, ...]]

    def text(self) -> str:
        settings = ", ".join(f"{one.name} = {written(values)}" for one, values in self.settings.items())
        return f'given 1 {self.model.name} on "{self.node}"' + (f" {{ {settings} }}" if settings else "")


def targets_of(policies: CheckedPolicies, device: DeviceSchema, span: Span) -> Iterator[Target]:
    """Everything of a device that can be claimed, under the names of its own where a policy has none."""
    for class_ in policies.classes.values():
        if class_.device is device:
            yield Target(class_.name, class_, None if class_.part is None else class_.part.share)
    number = 0

    def made(words: str, model: ModelSchema | None, part: Part | None) -> Target:
        nonlocal number
        number += 1
        name = f"always-{number}"
        class_ = CheckedClass(name, "", device, model, part, (), (), (), "", True, span)
        return Target(words, class_, None if part is None else part.share)

    yield made(device.name, None, None)
    for policy in policies:
        for modes in policy.hardware.modes:
            if not _is_board_of(modes.board, device):
                continue
            for mode in modes.modes.values():
                model = modes.board if isinstance(modes.board, ModelSchema) else None
                for profile in mode.profiles or ("",):
                    words = f'{mode.name} "{profile}"' if profile else mode.name
                    yield made(words, model, _part(mode, profile))
        for share in policy.hardware.shares.values():
            if _is_board_of(share.board, device):
                model = share.board if isinstance(share.board, ModelSchema) else None
                modes_of_share = () if share.mode is None else (share.mode,)
                yield made(share.name, model, Part(share.name, (share.board,), modes_of_share, "", share))


def is_concerned(target: Target, of: CheckedClass | Meant) -> bool:
    if isinstance(of, CheckedClass):
        return target.of is of
    part = target.of.part
    if of.part is None or of.part.share is not None:
        return of.part is None or target.share is of.part.share
    return part is not None and part.share is None and any(mode in of.part.modes for mode in part.modes)


def _is_board_of(board: Board, device: DeviceSchema) -> bool:
    return board is device or (isinstance(board, ModelSchema) and board.device is device)


def _part(mode: Mode, profile: str) -> Part:
    return Part(mode.name, (mode.board,), (mode,), profile, None)


def amounts_of(target: Target) -> list[tuple[tuple[AttributeSchema, Constant], ...]]:
    """What a claim takes of a share: nothing said, or the least or the most of each amount."""
    ways: list[tuple[tuple[AttributeSchema, Constant], ...]] = [()]
    for taking in () if target.share is None else target.share.takings:
        ends = [one for one in (taking.low, taking.high, *taking.options) if one is not None]
        ways += [((taking.capacity, one),) for one in ends]
    return ways


def claim_of(step: Claimed, span: Span) -> CheckedClaim:
    takes = tuple(CheckedTakes(attribute, amount, False, span) for attribute, amount in step.amounts)
    ask = CheckedAsk("", step.count, step.target.of, False, (), takes, (), span)
    return CheckedClaim("always", "", (CheckedRequest("devices", (ask,), False, span),), (), (), (), span)


def open_values(
    policies: CheckedPolicies, one: CheckedProperty, models: Sequence[ModelSchema]
) -> dict[ModelSchema, dict[AttributeSchema, list[tuple[Constant, ...]]]]:
    """Values for what each model leaves open: those that conditions ask about, and their neighbours."""
    asked = constants_read(policies, one)
    found: dict[ModelSchema, dict[AttributeSchema, list[tuple[Constant, ...]]]] = {}
    for model in models:
        values = found[model] = {}
        for attribute in one.device.attributes.values():
            given = model.values.get(attribute.name)
            if given is not None and given.tolerance and isinstance(one.holds, EveryProperty):
                values[attribute] = [(edge,) for edge in _edges(given.constants[0], given.tolerance)]
            elif given is None and not attribute.unique and (attribute.required or attribute in asked):
                values[attribute] = list(_some(attribute, asked.get(attribute, ()), one.span))
    return found


def _edges(constant: Constant, tolerance: Fraction) -> list[Constant]:
    """The value of a datasheet, and the least and the most that hardware may report."""
    value = constant.value
    assert isinstance(value, Fraction)  # Invariant: only amounts have a tolerance
    edges = Fraction(ceil(value * (1 - tolerance))), Fraction(floor(value * (1 + tolerance)))
    return [constant, *(replace(constant, value=edge, binary=False) for edge in edges)]


def _some(attribute: AttributeSchema, asked: Iterable[Constant], span: Span) -> Iterator[tuple[Constant, ...]]:
    type_ = attribute.type
    known = list(dict.fromkeys(asked))
    match type_:
        case BoolType():
            yield from ((Constant(type_, value, span),) for value in (False, True))
        case OneOfType(values):
            yield from ((Constant(type_, value, span),) for value in values)
        case IntType():
            numbers = {0, 1} | {n + d for c in known if isinstance(n := c.value, int) for d in (-1, 0, 1)}
            yield from ((Constant(type_, number, span),) for number in sorted(numbers))
        case AmountType():
            amounts = {Fraction(1)} | {n + d for c in known if isinstance(n := c.value, Fraction) for d in (-1, 0, 1)}
            yield from ((Constant(type_, amount, span),) for amount in sorted(amounts) if amount >= 0)
        case VersionType():
            versions = [str(c.value) for c in known] or ["1.0.0"]
            yield from ((Constant(type_, one, span),) for one in (*versions, "0.0.1", "9999.0.0"))
        case TextType():
            texts = [str(c.value) for c in known]
            yield from ((Constant(type_, text, span),) for text in (*texts, "some", "other"))
        case SetType():
            element = type_.element
            members = [c.value for c in known]
            if isinstance(element, OneOfType):
                members = [*members, *element.values]
            every = tuple(Constant(element, value, span) for value in dict.fromkeys(members))
            if every:
                yield every
            yield from ((one,) for one in every)
        case _:
            assert_never(type_)


def written(values: Sequence[Constant]) -> str:
    return ", ".join(
        quantity_text(one.value, binary=True) or str(one.value)
        if isinstance(one.value, Fraction)
        else str(one.value).lower()
        if isinstance(one.value, bool)
        else str(one.value)
        for one in values
    )


def amount_text(value: Fraction) -> str:
    return quantity_text(value, binary=value >= 1024) or str(value)


__all__ = [
    "Claimed",
    "Given",
    "Target",
    "amount_text",
    "amounts_of",
    "claim_of",
    "is_concerned",
    "open_values",
    "targets_of",
    "written",
]
