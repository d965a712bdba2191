"""The pass over names of devices: every placeholder stands for something, and no two devices of a pool are named alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dra_policy.diagnostics import Related
from dra_policy.language.boards import Machine, Mode, Modes, Profile, Slot
from dra_policy.language.checking import Checking
from dra_policy.language.modes import declared_modes, device_of
from dra_policy.language.schema import ModelSchema
from dra_policy.language.scope import Problems
from dra_policy.language.templates import PLACES, placeholders
from dra_policy.source import Span

BOARD_PLACES = ("parent", "index")
"""What tells one board from another, beside its attributes."""


def check_names(checking: Checking) -> None:
    """Look at the templates of all modes and machines."""
    for policy, modes in checking.modes:
        if policy in checking.scopes:
            _Names(checking.scopes[policy].problems, device_of(modes.board).attributes).modes(modes)
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
    def __init__(self, problems: Problems, attributes: Mapping[str, object]) -> None:
        self.problems = problems
        self.attributes = attributes

    def modes(self, modes: Modes) -> None:
        if modes.counters:
            self._known(modes.counters, PLACES, modes.span)
        for mode in modes.modes.values():
            if mode.named:
                self._known(mode.named, PLACES, mode.span)
            for profile in mode.profiles.values():
                if profile.named:
                    self._known(profile.named, PLACES, profile.span)
                self._tells_starts(mode, profile)
            self._tells_profiles(mode)

    def slot(self, machine: Machine, slot: Slot) -> None:
        if not slot.named or not self._known(slot.named, ("index", "node", "pool"), slot.span):
            return
        group = [one for one in machine.slots if one.group == slot.group and one.named == slot.named]
        if slot is group[0] and len(group) > 1 and not self._tells(slot.named, ("index",)):
            message = f'{len(group)} devices of machine `{machine.name}` are named "{slot.named}"'
            self.problems.add("HWR014", message, slot.span, f'write such as "{slot.named}-{{index}}"')

    def second(self, slot: Slot, modes: Modes) -> None:
        """A second board of one model: its counters and devices have names of their own."""
        if modes.counters and not self._tells(modes.counters, BOARD_PLACES):
            message = f'a second `{slot.model.name}` would count by the same counters, "{modes.counters}"'
            note = Related(modes.span, "named here")
            self.problems.add("HWR014", message, slot.span, f'write such as "{{parent}}-{modes.counters}"', note)
            return
        for mode in modes.modes.values():
            for named in dict.fromkeys((mode.named, *(profile.named for profile in mode.profiles.values()))):
                if named and not self._tells(named, BOARD_PLACES):
                    message = f'a second `{slot.model.name}` would have devices of the same names, "{named}"'
                    note = Related(mode.span, "named here")
                    self.problems.add("HWR014", message, slot.span, f'write such as "{{parent}}-{named}"', note)
                    return

    def _known(self, template: str, places: Collection[str], span: Span) -> bool:
        for name in placeholders(template):
            if name not in places and name not in self.attributes:
                known = (*places, *self.attributes)
                help_ = self.problems.hint(name, known, f"write an attribute, or {', '.join(places)}")
                self.problems.add("SET006", f"`{{{name}}}` stands for nothing here", span, help_)
                return False
        return True

    def _tells(self, template: str, places: Collection[str]) -> bool:
        return any(name in places or name in self.attributes for name in placeholders(template))

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


def _end_elsewhere(template: str, one: Profile, other: Profile) -> bool:
    """Whether `{start}-{end}` tells two profiles apart: from one start they reach to different ends."""
    both = {"start", "end"} <= set(placeholders(template))
    sizes = [tuple(positions.size for positions in profile.positions) for profile in (one, other)]
    return both and sizes[0] != sizes[1]


__all__ = ["check_names"]
