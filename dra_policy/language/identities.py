"""What devices that are meant publish for sure, and what some of them lack.

Attributes that are unique in a cluster a board has, and the partitions that it is cut into do not. What is optional all
devices of a model or mode may have, as it says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from dra_policy.language.boards import Board, Mode, Part, Profile
from dra_policy.language.checked import CheckedClass
from dra_policy.language.checking import Checking
from dra_policy.language.finding import declared_modes, device_of
from dra_policy.language.lowering import part_values
from dra_policy.language.parts import Meant
from dra_policy.language.predicates import proved_by
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema
from dra_policy.language.telling import has_all
from dra_policy.language.terms import NONE, Attributes, Presence, intersection


def presence_of(checking: Checking, of: DeviceSchema | Meant | CheckedClass) -> Presence:
    """What is known of all devices that are meant, some of which may be partitions."""
    device, model, part = (of, None, None) if isinstance(of, DeviceSchema) else (of.device, of.model, of.part)
    clauses = of.clauses if isinstance(of, CheckedClass) else ()
    proved = frozenset(one for clause in clauses if not clause.negotiable for one in proved_by(clause.condition))
    return Presence(_lost(checking, device, model, part), _given(model, part) | proved)


def _given(model: ModelSchema | None, part: Part | None) -> Attributes:
    """What the model says of its devices, or every profile of the mode."""
    if part is None:
        return NONE if model is None else frozenset(value.attribute for value in model.values.values())
    each = [_values(board, mode, profile) for board, mode, profile in _kinds(part)]
    return intersection(each) if each else NONE


def _kinds(part: Part) -> Iterator[tuple[Board, Mode | None, Profile | None]]:
    for number, board in enumerate(part.boards):
        mode = part.modes[number] if part.modes else None
        profiles: list[Profile] = [] if mode is None else _profiles(mode, part)
        yield from ((board, mode, profile) for profile in profiles or (None,))


def _values(board: Board, mode: Mode | None, profile: Profile | None) -> Attributes:
    """The attributes of which a value is declared; a partition has none of the capacities of its board."""
    own = board.values.values() if isinstance(board, ModelSchema) else ()
    partition = mode is not None and mode.partition
    found = {value.attribute for value in own if not (partition and value.attribute.is_capacity)}
    if mode is not None:
        found |= {value.attribute for value in mode.gives.values()}
        found |= set() if profile is None else {value.attribute for value in profile.gives.values()}
        found -= mode.without
    return frozenset(found)


def _lost(
    checking: Checking, device: DeviceSchema, model: ModelSchema | None, part: Part | None
) -> Mapping[AttributeSchema, Mode]:
    """What some of the devices do not publish, as they may be partitions."""
    unique = [one for one in device.attributes.values() if one.unique]
    if not unique:
        return MappingProxyType({})
    found: dict[AttributeSchema, Mode] = {}
    for mode, profile in _partitions(checking, device, model, part):
        for one in unique:
            if one.name not in mode.gives and one.name not in profile.gives:
                found.setdefault(one, mode)
    return MappingProxyType(found)


def all_lost(of: Meant | CheckedClass, attribute: AttributeSchema) -> bool:
    """Whether all that is meant are partitions, none of which publishes an attribute that is unique in a cluster."""
    part = of.part
    if part is None or not part.modes or not attribute.unique:
        return False
    return all(
        mode.partition
        and attribute.name not in mode.gives
        and all(attribute.name not in profile.gives for profile in _profiles(mode, part))
        for mode in part.modes
    )


def _partitions(
    checking: Checking, device: DeviceSchema, model: ModelSchema | None, part: Part | None
) -> Iterator[tuple[Mode, Profile]]:
    """The partitions that may be among the devices that are meant."""
    if part is not None:
        # Where boards themselves are shared, no partition is among what is.
        yield from ((mode, profile) for mode in part.modes for profile in _profiles(mode, part))
        return
    if model is None:
        blocks = [modes for _, modes in checking.modes if device_of(modes.board) is device]
    else:
        own = declared_modes(checking, model)
        blocks = [] if own is None else [own]
    for mode in (mode for modes in blocks for mode in modes.modes.values()):
        for profile in mode.profiles.values():
            if model is None or _is_of(model, mode, profile):
                yield mode, profile


def _profiles(mode: Mode, part: Part) -> list[Profile]:
    return [one for one in mode.profiles.values() if part.profile in ("", one.name)]


def _is_of(model: ModelSchema, mode: Mode, profile: Profile) -> bool:
    """Whether a partition of a board of a model has all values by which devices of the model are known."""
    (there,) = part_values(Part(mode.name, (model,), (mode,), profile.name, None))
    return has_all(there, model.values)


__all__ = ["all_lost", "presence_of"]
