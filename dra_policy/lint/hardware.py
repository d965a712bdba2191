"""Findings about boards and machines that no API server takes, found by making their slices: HWR014, LIN077."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dra_policy.diagnostics import Diagnostic, Related, Severity
from dra_policy.language.boards import Machine, Slot
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.schema import ModelSchema
from dra_policy.lint.finding import Finding, error
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import ResourceSlice, validate
from dra_policy.source import Span

_NODE = "node"


def of_hardware(policies: CheckedPolicies) -> Iterator[Finding]:
    """What Kubernetes would refuse of one board of each model, and of the machines, of the policies that were given."""
    catalog = Catalog.of(policies)
    refused: set[ModelSchema] = set()
    for policy in policies:
        if not policy.given:
            continue
        for model in policy.models.values():
            fleet = Fleet(catalog, invented=True)
            fleet.give(1, model, _NODE, {})
            for finding in _refused(fleet.slices(), f"model `{model.name}`", model.span):
                refused.add(model)
                yield finding
        for machine in policy.hardware.machines.values():
            alike = list(_alike(catalog, machine))
            yield from alike
            if not alike and refused.isdisjoint(slot.model for slot in machine.slots):
                fleet = Fleet(catalog, invented=True)
                fleet.place(machine, _node(machine), {})
                yield from _refused(fleet.slices(), f"machine `{machine.name}`", machine.span)


def _node(machine: Machine) -> str:
    return "" if machine.reachable is not None else _NODE


def _refused(slices: Iterable[ResourceSlice], what: str, span: Span) -> Iterator[Finding]:
    """The first thing that the API server would say of each slice, each once."""
    said: set[str] = set()
    for one in slices:
        problem: Diagnostic | None = next((p for p in validate(one) if p.severity is Severity.ERROR), None)
        if problem is not None and problem.message not in said:
            said.add(problem.message)
            message = f"Kubernetes would refuse the devices of {what}: {problem.message} ({problem.path})"
            yield error("LIN077", message, span, problem.help)


def _alike(catalog: Catalog, machine: Machine) -> Iterator[Finding]:
    """Devices of one name in one pool, once for each pair of lines."""
    fleet = Fleet(catalog, invented=True)
    fleet.place(machine, _node(machine), {})
    slots: dict[str, list[Slot]] = {}
    for slot in machine.slots:
        slots.setdefault(slot.model.device.driver, []).append(slot)
    said: set[tuple[Span, Span]] = set()
    for pool in fleet.pools.values():
        first: dict[str, Slot] = {}
        # Invariant: the boards of a driver stand in the order of its slots.
        for slot, board in zip(slots[pool.driver], pool.boards, strict=True):
            for one in board.devices:
                name = one.device.name
                other = first.setdefault(name, slot)
                if other is slot or (other.span, slot.span) in said:
                    continue
                said.add((other.span, slot.span))
                message = f"two devices of machine `{machine.name}` are named `{name}`"
                help_ = "give one of them another name with `named`, here or in the modes of its board"
                yield error("HWR014", message, slot.span, help_, Related(other.span, "the other one"))


__all__ = ["of_hardware"]
