"""Whether what devices publish tells those of one mode or share from the others of their board.

A class of a mode is a selector over facts, so it is given every device of the driver that has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language.boards import Mode, Part
from dra_policy.language.checking import Checking
from dra_policy.language.finding import device_of, models_of, modes_of
from dra_policy.language.lowering import part_values
from dra_policy.language.schema import Form, ModelValue
from dra_policy.language.scope import Problems
from dra_policy.language.types import Constant, OneOfType, SetType
from dra_policy.source import Span

Facts = Mapping[str, ModelValue]


def told_apart(checking: Checking, part: Part, span: Span, problems: Problems) -> Part:
    """The part with whatever else it takes to tell it from other modes; HWR016 where nothing published does."""
    # What a mistake left out may be what tells them apart.
    if problems.found or not any(True for _ in _others(checking, part)):
        return part
    mixed = _mixed(checking, part)
    if mixed is None:
        return part
    finer = [replace(part, by_profile=True)] if not part.profile else []
    finer.append(replace(part, by_profile=not part.profile, by_place=True))
    for one in finer:
        if _mixed(checking, one) is None:
            return one
    mode, other, profile = mixed
    named = f'{other.name} "{profile}"' if other is mode else other.name
    own = f'{mode.name} "{part.profile}"' if part.profile else mode.name
    message = f"nothing published tells `{own}` from `{named}`, so this is given devices of both"
    where = f'profile "{part.profile}"' if part.profile else f"mode `{mode.name}`"
    kinds = (one.name for one in device_of(mode.board).attributes.values() if isinstance(one.type, OneOfType))
    help_ = f"say what tells them apart in {where}, such as `gives {next(kinds, 'kind')} ...`"
    lists = [one.attribute.name for one in _given(mode, part.profile) if one.attribute.form is Form.LIST]
    if lists:
        help_ += f'; `{lists[0]}` is a list, which most targets do not know: one value counts, such as of `"{{start}}"`'
    note = Related(other.profiles[profile].span if profile else other.span, "the other one")
    problems.add("HWR016", message, span, help_, note)
    return part


def _others(checking: Checking, part: Part) -> Iterator[tuple[int, Mode, str]]:
    """The other modes of the boards of a part, and other profiles of its mode, with the number of the board."""
    for number, mode in enumerate(part.modes):
        for other in modes_of(checking, mode.board).values():
            for profile in other.profiles or ("",):
                if other is not mode or (part.profile and profile != part.profile):
                    yield number, other, profile


def _mixed(checking: Checking, part: Part) -> tuple[Mode, Mode, str] | None:
    """A mode of the part, and another mode or profile whose devices have all that those of the part have."""
    wanted: dict[int, list[Facts]] = {}
    for number, other, profile in _others(checking, part):
        mode = part.modes[number]
        if number not in wanted:
            alone = replace(part, boards=(part.boards[number],), modes=(mode,))
            wanted[number] = part_values(alone)
        for model in models_of(checking, mode.board):
            rivals = part_values(Part(other.name, (model,), (other,), profile, None, by_place=part.by_place))
            if any(has_all(there, facts) for there in rivals for facts in wanted[number]):
                return mode, other, profile
    return None


def _given(mode: Mode, profile: str) -> list[ModelValue]:
    """What a mode gives to its devices, or to those of one profile."""
    given = [one.gives for name, one in mode.profiles.items() if profile in ("", name)]
    return [value for values in (mode.gives, *given) for value in values.values()]


def has_all(there: Facts, wanted: Facts) -> bool:
    """Whether devices that publish these values have all those that are wanted."""
    return all(
        _has(there.get(name), value)
        for name, value in wanted.items()
        # Most targets have no list attributes.
        if not value.attribute.unpublished(lists=False)
    )


def _has(there: ModelValue | None, wanted: ModelValue) -> bool:
    absent = wanted.attribute.absent
    if there is None:
        return absent is not None and _equal(absent, wanted)
    if isinstance(wanted.attribute.type, SetType):
        return {one.value for one in wanted.constants} <= {one.value for one in there.constants}
    return _equal(there.constants[0], wanted)


def _equal(there: Constant, wanted: ModelValue) -> bool:
    value = wanted.constants[0].value
    if isinstance(value, Fraction) and isinstance(there.value, Fraction):
        return abs(there.value - value) <= value * wanted.tolerance
    return there.value == value


__all__ = ["has_all", "told_apart"]
