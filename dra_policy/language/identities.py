"""Attributes that are unique in a cluster: a board has them, and the partitions that it is cut into do not."""

from __future__ import annotations

from collections.abc import Iterator

from dra_policy.language.boards import Mode, Part, Profile
from dra_policy.language.checked import CheckedClass
from dra_policy.language.checking import Checking
from dra_policy.language.finding import declared_modes, device_of
from dra_policy.language.lowering import part_values
from dra_policy.language.parts import Meant
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema
from dra_policy.language.telling import has_all
from dra_policy.language.terms import NOTHING, Lost


def lost_by(checking: Checking, of: DeviceSchema | Meant | CheckedClass) -> Lost:
    """What some of the devices that are meant do not publish, as they may be partitions."""
    device, model, part = (of, None, None) if isinstance(of, DeviceSchema) else (of.device, of.model, of.part)
    unique = [one for one in device.attributes.values() if one.unique]
    if not unique:
        return NOTHING
    found: dict[AttributeSchema, Mode] = {}
    for mode, profile in _partitions(checking, device, model, part):
        for one in unique:
            if one.name not in mode.gives and one.name not in profile.gives:
                found.setdefault(one, mode)
    return found


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


__all__ = ["all_lost", "lost_by"]
