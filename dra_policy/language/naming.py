"""The pass over names of devices: every placeholder stands for one thing, and no two devices of a pool are named alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import has_unit
from dra_policy.language.boards import Mode, Modes, Profile
from dra_policy.language.checking import Checking
from dra_policy.language.finding import declared_modes, device_of, models_of
from dra_policy.language.machinery import Machine, Slot
from dra_policy.language.schema import AttributeSchema, ModelSchema, ModelValue
from dra_policy.language.scope import Problems
from dra_policy.language.templates import (
    OF_BOARD,
    OF_WHOLE,
    PLACES,
    is_template,
    placeholders,
    split,
    two_readings,
)
from dra_policy.source import Span

TELL_BOARDS = ("parent", "index")
"""What tells one board from another, beside its attributes."""

OF_SLOT = ("index", "node", "pool")
"""What the names of a machine's devices may be made of, beside attributes."""


def check_names(checking: Checking) -> None:
    """Look at the templates of all modes and machines."""
    for policy, modes in checking.modes:
        if policy in checking.scopes:
            _Names(checking.scopes[policy].problems, device_of(modes.board).attributes).modes(checking, modes)
    for machine in checking.machines.values():
        scope = checking.scopes.get(machine.policy)
        if scope is None:
            continue
        boards: dict[ModelSchema, Slot] = {}
        for slot in machine.slots:
            names = _Names(scope.problems, slot.model.device.attributes)
            names.slot(machine, slot)
            declared = declared_modes(checking, slot.model)
            if declared is not None and slot.mode is None and boards.setdefault(slot.model, slot) is not slot:
                names.second(slot, declared)


class _Names:
    def __init__(self, problems: Problems, attributes: Mapping[str, AttributeSchema]) -> None:
        self.problems = problems
        self.attributes = attributes

    def modes(self, checking: Checking, modes: Modes) -> None:
        of_boards = _of_boards(checking, modes)
        # `gives profile "{profile}"` has one reading: what parts give, and no board has, is no attribute of a board.
        of_parts = {name for mode in modes.modes.values() for name in _given_by(mode) if self.attributes[name].optional}
        of_parts -= of_boards
        own = {name: of_parts | (_given_by(mode) - of_boards) for name, mode in modes.modes.items()}
        if modes.counters:
            self._known(modes.counters, OF_BOARD, modes.span, of_parts)
        for name, mode in modes.modes.items():
            places = PLACES if mode.partition else OF_WHOLE
            if mode.named:
                self._known(mode.named, places, mode.span, own[name])
            self._given(mode.gives, places, own[name])
            for profile in mode.profiles.values():
                given = (own[name] | set(profile.gives)) - of_boards
                if profile.named:
                    self._known(profile.named, PLACES, profile.span, given)
                self._given(profile.gives, PLACES, given)
                self._tells_starts(mode, profile)
            self._tells_profiles(mode)

    def _given(self, gives: Mapping[str, ModelValue], places: Collection[str], own: Collection[str]) -> None:
        for value in gives.values():
            for constant in value.constants:
                if is_template(constant):
                    self._one_reading(str(constant.value), places, value.span, own)

    def slot(self, machine: Machine, slot: Slot) -> None:
        if not slot.named or not self._known(slot.named, OF_SLOT, slot.span):
            return
        group = [one for one in machine.slots if one.group == slot.group and one.named == slot.named]
        if slot is group[0] and len(group) > 1 and not self._tells(slot.named, ("index",)):
            message = f'{len(group)} devices of machine `{machine.name}` are named "{slot.named}"'
            self.problems.add("HWR014", message, slot.span, f'write such as "{slot.named}-{{index}}"')

    def second(self, slot: Slot, modes: Modes) -> None:
        """A second board of one model: its counters and devices have names of their own."""
        if modes.counters and not self._tells(modes.counters, TELL_BOARDS):
            message = f'a second `{slot.model.name}` would count by the same counters, "{modes.counters}"'
            note = Related(modes.span, "named here")
            self.problems.add("HWR014", message, slot.span, f'write such as "{{parent}}-{modes.counters}"', note)
            return
        for mode in modes.modes.values():
            for named in dict.fromkeys((mode.named, *(profile.named for profile in mode.profiles.values()))):
                if named and not self._tells(named, TELL_BOARDS):
                    message = f'a second `{slot.model.name}` would have devices of the same names, "{named}"'
                    note = Related(mode.span, "named here")
                    self.problems.add("HWR014", message, slot.span, f'write such as "{{parent}}-{named}"', note)
                    return

    def _known(self, template: str, places: Collection[str], span: Span, own: Collection[str] = ()) -> bool:
        for placeholder in placeholders(template):
            name, unit = split(placeholder)
            if name not in places and name not in self.attributes:
                known = (*places, *self.attributes)
                help_ = self.problems.hint(name, known, f"write an attribute, or {', '.join(places)}")
                self.problems.add("SET006", f"`{{{name}}}` stands for nothing here", span, help_)
                return False
            if not has_unit(self.attributes.get(name), name, unit, span, self.problems):
                return False
        return self._one_reading(template, places, span, own)

    def _one_reading(self, template: str, places: Collection[str], span: Span, own: Collection[str]) -> bool:
        """Whether no placeholder is the name of an attribute too; `own` are attributes that the part itself gives."""
        for placeholder in placeholders(template):
            attribute = self.attributes.get(placeholder)
            if placeholder in places and attribute is not None and placeholder not in own:
                message, help_ = two_readings(placeholder, PLACES[placeholder])
                note = Related(attribute.span, "declared here")
                self.problems.add("SET011", message, span, help_, note)
                return False
        return True

    def _tells(self, template: str, places: Collection[str]) -> bool:
        names = [split(placeholder)[0] for placeholder in placeholders(template)]
        return any(name in places or name in self.attributes for name in names)

    def _tells_starts(self, mode: Mode, profile: Profile) -> None:
        template = profile.named or mode.named
        if not template:
            return
        starts = any(len(one.starts) > 1 for one in profile.positions)
        if profile.times > 1 and not self._tells(template, ("number",)):
            message = f'{profile.times} partitions "{profile.name}" of a board are all named "{template}"'
            self.problems.add("HWR014", message, profile.span, f'write such as "{template}-{{number}}"')
        elif starts and not self._tells(template, ("start", "end", "positions", "number")):
            message = f'partitions "{profile.name}" that begin at different places are all named "{template}"'
            self.problems.add("HWR014", message, profile.span, f'write such as "{template}-{{start}}"')

    def _tells_profiles(self, mode: Mode) -> None:
        """Profiles of one template are told apart by their name or number."""
        first: dict[str, Profile] = {}
        for profile in mode.profiles.values():
            template = profile.named or mode.named
            if not template or self._tells(template, ("profile", "id", "positions")):
                continue
            other = first.setdefault(template, profile)
            if other is not profile and not _end_elsewhere(template, profile, other):
                message = f'partitions "{other.name}" and "{profile.name}" are named alike, "{template}"'
                note = Related(other.span, "the other one")
                ending = "-{start}" if profile.positions else "-{number}" if profile.times > 1 else ""
                help_ = f'write such as "{{parent}}-{{profile}}{ending}"'
                self.problems.add("HWR014", message, profile.span, help_, note)


def _given_by(mode: Mode) -> set[str]:
    """The names of attributes that every device of a mode has from the mode, and not from its board."""
    of_profiles = [set(profile.gives) for profile in mode.profiles.values()]
    return set(mode.gives) | (set.intersection(*of_profiles) if of_profiles else set())


def _of_boards(checking: Checking, modes: Modes) -> set[str]:
    """The names of attributes of which a model, or a board in a machine, has a value."""
    models = models_of(checking, modes.board)
    found = {name for model in models for name in model.values}
    for machine in checking.machines.values():
        for slot in machine.slots:
            if slot.model in models and slot.profile is None:
                found |= {attribute.name for attribute in slot.values}
    return found


def _end_elsewhere(template: str, one: Profile, other: Profile) -> bool:
    """Whether `{start}-{end}` tells two profiles apart: from one start they reach to different ends."""
    both = {"start", "end"} <= set(placeholders(template))
    sizes = [tuple(positions.size for positions in profile.positions) for profile in (one, other)]
    return both and sizes[0] != sizes[1]


__all__ = ["check_names"]
