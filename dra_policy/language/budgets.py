"""What the devices of a machine draw on together: a power supply, a switch, a cable (`budget` in a machine)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import Mode, Profile
from dra_policy.language.checking import Checking, words
from dra_policy.language.constants import constant
from dra_policy.language.machinery import Budget
from dra_policy.language.modes import modes_of
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.scope import Scope
from dra_policy.language.types import COUNT, AmountType, Constant
from dra_policy.language.units import unit_of
from dra_policy.source import Span

MOST_BUDGETS = 32
"""A machine has so many of them for each driver: they are the counters of one set (A6)."""


class Slot(Protocol):
    """A device of a machine while it is put together."""

    group: str
    index: int
    model: ModelSchema
    mode: Mode | None
    profile: Profile | None
    values: dict[AttributeSchema, tuple[Constant, ...]]
    budgets: dict[Budget, Fraction | AttributeSchema]


def read_budget(
    checking: Checking, scope: Scope, written: tree.Budget, meant: Callable[[tree.Places], Sequence[Slot]]
) -> Budget | None:
    """What there is in all, beside what each device draws, which is put into the slots; None if something is wrong."""
    problems, name = scope.problems, written.name.text
    groups = [(one, list(meant(one.places))) for one in written.among]
    if not all(slots for _, slots in groups):
        return None
    drivers: dict[str, Span] = {}
    type_, drawn = _type(scope, written, groups)
    if type_ is None:
        return None
    amount = constant(written.amount, type_, f"budget `{name}`", problems, None)
    if amount is None:
        return None
    found = Budget(name, type_, amount, written.name.span)
    for (one, slots), each in zip(groups, drawn, strict=True):
        drivers.setdefault(slots[0].model.device.driver, one.places.span)
        if len(drivers) > 1:
            first, other = drivers
            message = f"budget `{name}` is for devices of two drivers, `{first}` and `{other}`"
            help_ = "write a budget for each: counters are a driver's own, and no claim of another one draws on them"
            problems.add("HWR018", message, one.places.span, help_)
            return None
        literal = None if one.amount is None else constant(one.amount, type_, f"budget `{name}`", problems, None)
        if one.amount is not None and literal is None:
            return None
        if literal is not None and _is_more(literal, amount):
            message = f"one device draws `{words(literal.span)}` on budget `{name}`, which has less"
            problems.add("HWR018", message, literal.span, "nobody could get it; correct one of the two")
            return None
        for slot in slots:
            if found in slot.budgets:
                message = f"`{slot.group}[{slot.index}]` draws on budget `{name}` already"
                problems.add("HWR018", message, one.places.span, "name each device once")
                return None
            if not _can_draw(checking, scope, one, slot, each, found):
                return None
            if each is not None:
                slot.budgets[found] = each
            elif literal is not None and isinstance(literal.value, Fraction):
                slot.budgets[found] = literal.value
    return found


def _type(
    scope: Scope, written: tree.Budget, groups: Sequence[tuple[tree.Budgeted, Sequence[Slot]]]
) -> tuple[AmountType | None, Sequence[AttributeSchema | None]]:
    """What kind of amount it is, None if something is wrong; and for each group the attribute that tells what it draws."""
    problems = scope.problems
    drawn: list[AttributeSchema | None] = []
    type_: AmountType | None = None
    for one, slots in groups:
        if one.equal is None:
            drawn.append(None)
            continue
        attribute = find_attribute(slots[0].model.device, one.equal, scope)
        if attribute is None:
            return None, drawn
        note = Related(attribute.span, "declared here")
        if not isinstance(attribute.type, AmountType) or (type_ is not None and attribute.type != type_):
            message = f"`{attribute.name}` is {attribute.type}, and budget `{written.name.text}` is "
            message += "an amount" if type_ is None else f"{type_}"
            problems.add("HWR018", message, one.equal.span, "name a capacity of the same kind", note)
            return None, drawn
        type_ = attribute.type
        drawn.append(attribute)
    if type_ is None:
        type_ = COUNT
        if isinstance(written.amount, tree.Amount):
            unit = unit_of(written.amount.unit)
            type_ = AmountType(unit.dimension, unit.per_second)
    return type_, drawn


def _can_draw(
    checking: Checking,
    scope: Scope,
    one: tree.Budgeted,
    slot: Slot,
    each: AttributeSchema | None,
    budget: Budget,
) -> bool:
    """Whether each device at a place draws a known amount, no more than there is; reported if not."""
    problems, place = scope.problems, f"{slot.group}[{slot.index}]"
    partitions = list(_partitions(checking, slot))
    if each is None:
        if not partitions:
            return True
        message = f"`{place}` can be cut: each part would draw on budget `{budget.name}` what the whole does"
        help_ = "write `equal to` a capacity, which the parts give as much as is theirs"
        problems.add("HWR018", message, one.span, help_)
        return False
    known = slot.values.get(each) or _of_model(slot.model, each)
    if slot.profile is None and not known:
        message = f"`{place}` has no `{each.name}`, which it draws on budget `{budget.name}`"
        problems.add("HWR018", message, one.span, f"give it to model `{slot.model.name}`, or in `place`")
        return False
    if known and _is_more(known[0], budget.amount):
        message = f"`{place}` draws `{words(known[0].span)}` on budget `{budget.name}`, which has less"
        note = Related(known[0].span, "given here")
        problems.add("HWR018", message, one.span, "nobody could get it; correct one of the two", note)
        return False
    for mode, profile in partitions:
        if each.name in mode.gives or each.name in profile.gives:
            continue
        message = f'profile "{profile.name}" gives no `{each.name}`, which `{place}` draws on budget `{budget.name}`'
        problems.add("HWR018", message, one.span, f"write `gives {each.name} ...` in the profile, 0 for nothing")
        return False
    return True


def _is_more(one: Constant, other: Constant) -> bool:
    return isinstance(one.value, Fraction) and isinstance(other.value, Fraction) and one.value > other.value


def _partitions(checking: Checking, slot: Slot) -> Iterator[tuple[Mode, Profile]]:
    modes = modes_of(checking, slot.model).values() if slot.mode is None else (slot.mode,)
    for mode in modes:
        for profile in mode.profiles.values() if slot.profile is None else (slot.profile,):
            yield mode, profile


def _of_model(model: ModelSchema, attribute: AttributeSchema) -> tuple[Constant, ...]:
    value = model.values.get(attribute.name)
    return () if value is None else value.constants


__all__ = ["MOST_BUDGETS", "read_budget"]
