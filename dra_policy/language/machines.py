"""The pass over fabrics and machines: how boards are linked, and what stands in one product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import Board, Mode, Profile, Reachable, Share
from dra_policy.language.budgets import MOST_BUDGETS, read_budget
from dra_policy.language.checking import Checking
from dra_policy.language.fabrics import bandwidth_of
from dra_policy.language.machinery import Budget, Fabric, Link, Machine, Slot
from dra_policy.language.models import constants_of
from dra_policy.language.modes import device_of, find_mode, modes_of, only_board
from dra_policy.language.reaching import reachable_from, where
from dra_policy.language.references import Link as Edge
from dra_policy.language.references import in_dependency_order
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema
from dra_policy.language.scope import FABRIC, MACHINE, MODEL, SHARE, Key, Scope
from dra_policy.language.tolerations import toleration
from dra_policy.language.types import Constant, SetType
from dra_policy.resources import key_problem, value_problem
from dra_policy.source import Span

MOST_SLOTS = 1024
"""A machine has at most so many devices."""


def check_machines(checking: Checking) -> None:
    """Resolve every fabric, then every machine."""
    machines: dict[Key, tuple[Scope, tree.Machine]] = {}
    graph: dict[Key, list[Edge[Key]]] = {}
    for scope, entry in checking.declared(MACHINE):
        if isinstance(entry.statement, tree.Machine):
            machines[entry.key] = scope, entry.statement
            like = entry.statement.like
            found = None if like is None else scope.find(like, MACHINE, wanted="a machine")
            graph[entry.key] = [] if like is None or found is None else [Edge(found.key, like.span)]
    order, circles = in_dependency_order(graph)
    for circle in circles:
        names = [machines[key][1].name.text for key in circle.vertices]
        scope = machines[circle.vertices[0]][0]
        message = f"machine `{names[0]}` is like itself: {circle.path(names)}"
        help_ = "write out what stands in one of them"
        scope.problems.add("NAM006", message, circle.links[0].span, help_, *circle.related(names))
    for key in order:
        scope, statement = machines[key]
        base = next((checking.machines.get(edge.to) for edge in graph[key]), None)
        machine = _Machine(checking, scope, statement, base).checked()
        checking.machines[key] = machine
        _wire(checking, scope, machine, base)


def _wire(checking: Checking, scope: Scope, machine: Machine, base: Machine | None) -> None:
    """Give the fabrics the links of a machine; one machine wires a fabric, and those that are like it."""
    copied = {id(link.span) for link in (() if base is None else base.links)}
    for key, fabric in list(checking.fabrics.items()):
        links = [link for link in machine.links if link.fabric.name == fabric.name and link.fabric.policy == key[0]]
        if all(id(link.span) in copied for link in links):
            continue
        if fabric.machine:
            message = f"machine `{fabric.machine}` links `{fabric.name}` already"
            help_ = "declare a fabric for each machine that is wired in its own way"
            scope.problems.add("FAB011", message, links[0].span, help_)
            continue
        slots = list(dict.fromkeys(end for link in links for end in (link.first, link.second)))
        ends = _telling(slots)
        if ends is None and len({slot.group for slot in slots}) > 1:
            message = f"nothing tells the linked devices of `{machine.name}` apart"
            help_ = "place an attribute with a value of its own on each of them, such as a bus address"
            scope.problems.add("FAB011", message, links[0].span, help_)
            continue
        made = tuple((_end(link.first, ends), _end(link.second, ends), link.bandwidth) for link in links)
        checking.fabrics[key] = replace(fabric, links=made, ends=ends, machine=machine.name)


def _telling(slots: Sequence[Slot]) -> AttributeSchema | None:
    """An attribute with a different value on each device, one that is unique before all others."""
    common = [
        a for a in slots[0].values if all(a in slot.values for slot in slots) and not (a.is_capacity or a.private)
    ]
    telling = [a for a in common if len({slot.values[a][0].value for slot in slots}) == len(slots)]
    return next((a for a in telling if a.unique), telling[0] if telling else None)


def _end(slot: Slot, ends: AttributeSchema | None) -> int | str:
    if ends is None:
        return slot.index
    value = slot.values[ends][0].value
    return value if isinstance(value, int) else str(value)


# -------------------------------------------------------------------------------------------------------- machines


@dataclass(eq=False, slots=True)
class _Slot:
    """A device of a machine while it is put together."""

    group: str
    index: int
    model: ModelSchema
    mode: Mode | None
    named: str
    span: Span
    profile: Profile | None = None
    start: int | None = None
    share: Share | None = None
    values: dict[AttributeSchema, tuple[Constant, ...]] = field(default_factory=dict)
    taints: list[tuple[str, str, str]] = field(default_factory=list)
    reachable: Reachable | None = None
    budgets: dict[Budget, Fraction | AttributeSchema] = field(default_factory=dict)

    @classmethod
    def like(cls, slot: Slot) -> _Slot:
        """A device of another machine, to be changed."""
        made = cls(slot.group, slot.index, slot.model, slot.mode, slot.named, slot.span)
        made.profile, made.start, made.share, made.reachable = slot.profile, slot.start, slot.share, slot.reachable
        made.values.update(slot.values)
        made.taints += slot.taints
        made.budgets.update(slot.budgets)
        return made

    def done(self) -> Slot:
        return Slot(
            self.group,
            self.index,
            self.model,
            self.mode,
            self.named,
            MappingProxyType(self.values),
            tuple(self.taints),
            self.span,
            self.profile,
            self.start,
            self.share,
            self.reachable,
            MappingProxyType(self.budgets),
        )


class _Machine:
    """One machine: first its devices, then what is said of them."""

    def __init__(self, checking: Checking, scope: Scope, statement: tree.Machine, base: Machine | None) -> None:
        self.checking = checking
        self.scope = scope
        self.problems = scope.problems
        self.statement = statement
        self.groups: dict[str, dict[int, _Slot]] = {}
        self.slots: list[_Slot] = []
        self.base = base
        self.copies: dict[Slot, _Slot] = {}
        for slot in () if base is None else base.slots:
            copy = self.copies[slot] = _Slot.like(slot)
            self.groups.setdefault(slot.group, {})[slot.index] = copy
            self.slots.append(copy)

    def checked(self) -> Machine:
        members = self.statement.members
        for member in members:
            if isinstance(member, tree.MachineDevices):
                self._devices(member)
        links: list[tuple[Fabric, _Slot, _Slot, Fraction, Span]] = []
        labels: dict[str, str] = {}
        pool, reachable = "", None
        if self.base is not None:
            labels |= self.base.labels
            pool, reachable = self.base.pool, self.base.reachable
            links += [
                (link.fabric, self.copies[link.first], self.copies[link.second], link.bandwidth, link.span)
                for link in self.base.links
            ]
        own: set[str] = set()
        budgets = [] if self.base is None else list(self.base.budgets)
        for member in members:
            match member:
                case tree.MachineDevices():
                    pass
                case tree.Place():
                    for placed in member.placed:
                        self._place(placed)
                case tree.MachineLink():
                    links += self._links(member)
                case tree.MachineTaint():
                    self._taint(member)
                case tree.MachineLabel():
                    self._label(member, labels, own)
                case tree.MachinePool():
                    pool = member.name.value
                case tree.Budget():
                    budgets += self._budget(member, budgets)
                case tree.MachineNetwork():
                    for slot in self._meant(member.places):
                        slot.reachable = reachable_from(self.scope, slot.model, member.tests, member.span)
                case tree.NetworkReachable():
                    reachable = reach(self.checking, self.scope, member, self._any_device())
        made = {slot: slot.done() for slot in self.slots}
        done = tuple(Link(fabric, made[one], made[two], amount, span) for fabric, one, two, amount, span in links)
        name = self.statement.name
        slots = tuple(made[slot] for slot in self.slots)
        known = MappingProxyType(labels)
        return Machine(name.text, self.scope.policy, slots, done, known, pool, reachable, name.span, tuple(budgets))

    def _budget(self, member: tree.Budget, before: Sequence[Budget]) -> list[Budget]:
        same = next((one for one in before if one.name == member.name.text), None)
        if same is not None:
            note = Related(same.span, "first declared here")
            message = f"budget `{same.name}` is declared already"
            self.problems.add("NAM003", message, member.name.span, "rename it", note)
            return []
        if len(before) >= MOST_BUDGETS:
            message = f"a machine has at most {MOST_BUDGETS} budgets"
            self.problems.add("HWR018", message, member.name.span, "leave some out")
            return []
        found = read_budget(self.checking, self.scope, member, self._meant)
        return [] if found is None else [found]

    def _any_device(self) -> DeviceSchema | None:
        return self.slots[0].model.device if self.slots else None

    def _devices(self, member: tree.MachineDevices) -> None:
        found = self.scope.find(member.of, MODEL, wanted="a model")
        model = None if found is None else self.checking.models.get(found.key)
        if model is None:
            return
        part = self._part(model, member)
        if part is None:
            return
        mode, profile, share = part
        places = member.places
        first = 0 if places.first is None else places.first.value
        last = first if places.last is None else places.last.value
        if not 0 <= first <= last < MOST_SLOTS:
            message = f"the places {first}..{last} are not within 0 to {MOST_SLOTS - 1}"
            self.problems.add("FAB004", message, places.span, "write them in ascending order, from 0 on")
            return
        settings = self._settings(model, member)
        group = self.groups.setdefault(places.name.text, {})
        for index in range(first, last + 1):
            if index in group:
                note = Related(group[index].span, "first declared here")
                message = f"`{places.name.text}[{index}]` is in the machine already"
                self.problems.add("NAM003", message, places.span, "give it another name or place", note)
                return
            named = "" if member.named is None else member.named.value
            slot = _Slot(places.name.text, index, model, mode, named, places.span)
            slot.profile, slot.share = profile, share
            slot.start = None if member.start is None else member.start.value
            slot.values.update(settings)
            group[index] = slot
            self.slots.append(slot)

    def _part(
        self, model: ModelSchema, member: tree.MachineDevices
    ) -> tuple[Mode | None, Profile | None, Share | None] | None:
        """The one mode, partition or share that is published of a board; None if it is wrong, which is reported."""
        if member.mode is None:
            return None, None, None
        share: Share | None = None
        shared = self.scope.peek(member.mode.text, SHARE)
        if shared is not None and member.mode.text not in modes_of(self.checking, model):
            share = self.checking.shares.get(shared.key)
            if share is None:
                return None
            if share.board is not model and share.board is not model.device:
                message = f"`{share.name}` is a share of `{share.board.name}`, not of `{model.name}`"
                self.problems.add("HWR006", message, member.mode.span, "name one of this board")
                return None
            mode = share.mode
        else:
            mode = find_mode(self.checking, self.scope, model, member.mode)
            if mode is None:
                return None
        if member.profile is None:
            return mode, None, share
        if mode is None:
            message = f"share `{member.mode.text}` is of whole boards and has no profiles"
            self.problems.add("HWR006", message, member.profile.span, "leave the profile out")
            return None
        profile = mode.profiles.get(member.profile.value)
        if profile is None:
            known = ", ".join(f'"{one}"' for one in mode.profiles)
            help_ = self.problems.hint(member.profile.value, mode.profiles, f"its profiles are {known or 'none'}")
            message = f'mode `{mode.name}` has no profile "{member.profile.value}"'
            self.problems.add("HWR006", message, member.profile.span, help_)
            return None
        starts = profile.positions[0].starts if profile.positions else ()
        if member.start is not None and member.start.value not in starts:
            known = ", ".join(map(str, starts))
            message = f'no partition "{profile.name}" begins at {member.start.value}'
            self.problems.add("HWR005", message, member.start.span, f"its starts are {known or 'none'}")
            return None
        if member.start is None and len(starts) > 1:
            message = f'partitions "{profile.name}" begin at several places'
            self.problems.add("HWR005", message, member.profile.span, f"write `at {starts[0]}`")
            return None
        return mode, profile, share

    def _settings(
        self, model: ModelSchema, member: tree.MachineDevices
    ) -> Mapping[AttributeSchema, tuple[Constant, ...]]:
        values: dict[AttributeSchema, tuple[Constant, ...]] = {}
        for setting in member.settings:
            attribute = find_attribute(model.device, setting.name, self.scope)
            if attribute is None:
                continue
            found = constants_of(attribute, (setting.value,), setting.span, self.problems)
            if found is not None:
                before = values.get(attribute, ()) if isinstance(attribute.type, SetType) else ()
                values[attribute] = (*before, *found)
        return values

    def _meant(self, places: tree.Places) -> list[_Slot]:
        """The devices that some places name; none if one of them is not there, which is reported."""
        group = self.groups.get(places.name.text)
        if group is None:
            known = ", ".join(f"`{name}`" for name in self.groups)
            help_ = self.problems.hint(places.name.text, self.groups, f"it has {known or 'none'}")
            message = f"machine `{self.statement.name.text}` has no devices `{places.name.text}`"
            self.problems.add("FAB004", message, places.name.span, help_)
            return []
        if places.first is None or places.last is None:
            return list(group.values())
        wanted = range(places.first.value, places.last.value + 1)
        missing = next((index for index in wanted if index not in group), None)
        if missing is not None or not wanted:
            index = places.first.value if missing is None else missing
            note = Related(next(iter(group.values())).span, "its devices are declared here")
            message = f"machine `{self.statement.name.text}` has no device `{places.name.text}[{index}]`"
            self.problems.add("FAB004", message, places.span, f"its places are {min(group)} to {max(group)}", note)
            return []
        return [group[index] for index in wanted]

    def _place(self, placed: tree.Placed) -> None:
        slots = self._meant(placed.places)
        if not slots:
            return
        attribute = find_attribute(slots[0].model.device, placed.name, self.scope)
        if attribute is None:
            return
        each = isinstance(attribute.type, SetType) is False and len(placed.values) > 1
        if each and len(placed.values) != len(slots):
            message = f"{len(placed.values)} values for {len(slots)} devices"
            help_ = "give one value for all of them, or one for each"
            self.problems.add("FAB005", message, placed.span, help_)
            return
        if attribute.unique and not each and len(slots) > 1:
            note = Related(attribute.span, "declared here")
            message = f"`{attribute.name}` is unique in a cluster, and {len(slots)} devices are given the same"
            self.problems.add("RUL012", message, placed.name.span, "give one value for each", note)
            return
        for number, slot in enumerate(slots):
            values = (placed.values[number],) if each else placed.values
            found = constants_of(attribute, values, placed.span, self.problems)
            if found is not None:
                slot.values[attribute] = found

    def _links(self, member: tree.MachineLink) -> Iterable[tuple[Fabric, _Slot, _Slot, Fraction, Span]]:
        entry = self.scope.find(member.fabric, FABRIC, wanted="a fabric")
        fabric = None if entry is None else self.checking.fabrics.get(entry.key)
        first = self._meant(member.places)
        second = None if member.to is None else self._meant(member.to)
        if fabric is None or not first or second == []:
            return
        for slot in (*first, *(second or ())):
            if not any(board is slot.model or board is slot.model.device for board in fabric.joins):
                note = Related(fabric.span, "declared here")
                message = f"fabric `{fabric.name}` does not join `{slot.model.name}`"
                self.problems.add("FAB006", message, member.fabric.span, "name a fabric that joins it", note)
                return
        amount = None
        if member.bandwidth is not None:
            amount = bandwidth_of(member.bandwidth, self.scope)
        elif len(fabric.pairs) == 1:
            amount = fabric.pairs[0].bandwidth
        else:
            help_ = "write it behind the link, such as `50 GB/s`"
            self.problems.add("FAB001", f"fabric `{fabric.name}` has no one bandwidth", member.fabric.span, help_)
        if amount is None:
            return
        if second is None:
            for number, one in enumerate(first):
                for other in first[number + 1 :]:
                    yield fabric, one, other, amount, member.span
            return
        for one in first:
            for other in second:
                if one is other:
                    self.problems.add("FAB004", "a device is not linked to itself", member.span, "name two devices")
                    return
                yield fabric, one, other, amount, member.span

    def _taint(self, member: tree.MachineTaint) -> None:
        key, value, effect = taint_of(member.taint, self.scope)
        if key:
            for slot in self._meant(member.places):
                slot.taints.append((key, value, effect))

    def _label(self, member: tree.MachineLabel, labels: dict[str, str], own: set[str]) -> None:
        problem = key_problem(member.label.value)
        if problem is not None:
            message = f"label `{member.label.value}` {problem}"
            self.problems.add("NAM009", message, member.label.span, 'write it like "example.org/rack"')
        problem = value_problem(member.value.value)
        if problem is not None:
            message = f"value `{member.value.value}` of a label {problem}"
            self.problems.add("NAM009", message, member.value.span, 'write it like "r1"')
        if member.label.value in own:
            message = f"label `{member.label.value}` is given already"
            self.problems.add("NAM003", message, member.label.span, "remove one of the two")
        own.add(member.label.value)
        labels[member.label.value] = member.value.value


def taint_of(taint: tree.TaintKey, scope: Scope) -> tuple[str, str, str]:
    """Key, value and effect of a taint; an empty key if it is wrong, which is reported."""
    found = toleration(taint, scope.problems)
    if taint.key is None:
        scope.problems.add("FAB007", "a taint has a key", taint.span, "write it like `gpu.acme.com/lost`")
        return "", "", ""
    if not taint.effect:
        scope.problems.add("FAB007", "a taint has an effect", taint.span, "write `NoSchedule`, `NoExecute` or `None`")
        return "", "", ""
    return found.key or "", found.value or "", taint.effect


def reach(
    checking: Checking, scope: Scope, statement: tree.NetworkReachable, device: DeviceSchema | None
) -> Reachable | None:
    """From which nodes devices can be used; `device` is what the names of attributes are about."""
    board: Board | None = device
    if statement.of is not None or device is None:
        board = only_board(checking, scope, statement.of, statement.span)
        if board is None:
            return None
        device = device_of(board)
    tests = [where(scope, test, device) for test in statement.tests]
    found = tuple(test for test in tests if test is not None)
    return Reachable(board, found, statement.span) if len(found) == len(tests) else None


__all__ = ["check_machines", "taint_of"]
