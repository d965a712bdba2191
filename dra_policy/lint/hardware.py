"""Findings about boards and machines, some of them found by making their slices: HWR014, LIN077, LIN078, LIN079."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from dra_policy.diagnostics import Diagnostic, Related, Severity
from dra_policy.language.boards import Draw, Pool
from dra_policy.language.checked import CheckedPolicies, CheckedPolicy
from dra_policy.language.finding import device_of
from dra_policy.language.machinery import Machine, Slot
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.templates import placeholders
from dra_policy.language.types import SetType
from dra_policy.lint.finding import Finding, error, warning
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


def of_machines(policies: CheckedPolicies) -> Iterator[Finding]:
    """What the devices of machines do not say though rules read it, and pools that nothing draws on."""
    catalog = Catalog.of(policies)
    read = {attribute for policy in policies for attribute in _read_by_rules(policy)}
    pools, names = _drawn_on(policies)
    for policy in policies:
        if not policy.given:
            continue
        for machine in policy.hardware.machines.values():
            yield from _unsaid(catalog, machine, read)
        for pool in policy.hardware.pools.values():
            if pool not in pools and pool.name not in names:
                help_ = f"write `draws {pool.name} ...` in a mode or share, or remove the pool"
                yield warning("LIN079", f"nothing draws on pool `{pool.name}`", pool.span, help_)


def _read_by_rules(policy: CheckedPolicy) -> Iterator[AttributeSchema]:
    """What classes, claims and set-ups read of devices."""
    for class_ in policy.classes.values():
        for clause in class_.clauses:
            yield from read_by(clause.condition)
    for claim in policy.claims.values():
        for request in claim.requests:
            for ask in request.asks:
                for clause in ask.clauses:
                    yield from read_by(clause.condition)
                compared = [one for one in claim.constraints if not one.requests or request.name in one.requests]
                for attribute in ask.of.device.attributes.values():
                    if any(one.attribute == attribute.published.qualified for one in compared):
                        yield attribute
    for setup in policy.hardware.setups:
        attributes = device_of(setup.board).attributes
        for edit in (edit for scope in setup.scopes for edit in scope.edits):
            texts = (edit.source, edit.target, *edit.options)
            yield from (attributes[name] for text in texts for name in placeholders(text) if name in attributes)
            if edit.joined is not None:
                yield edit.joined


def _unsaid(catalog: Catalog, machine: Machine, read: Container[AttributeSchema]) -> Iterator[Finding]:
    """Values that every device has and a rule reads, and that neither the machine nor the model says."""
    said: set[Span] = set()
    for slot in machine.slots:
        modes = catalog.modes(slot.model)
        made = () if modes is None else modes.modes.values()
        given = {name for mode in made for name in mode.gives}
        given |= {name for mode in made for profile in mode.profiles.values() for name in profile.gives}
        missing = [
            one
            for one in slot.model.device.attributes.values()
            if one in read
            and one.required
            # A product has no serial number, a capacity is that of the model, and an empty set has no flags.
            and not (one.unique or one.is_capacity or isinstance(one.type, SetType))
            and one not in slot.values
            and one.name not in {*slot.model.values, *given}
        ]
        if missing and slot.span not in said:
            said.add(slot.span)
            names = ", ".join(f"`{one.name}`" for one in missing)
            message = f"`{slot.group}` of machine `{machine.name}` does not say its {names}, which rules read"
            help_ = f"write `place {slot.group} {missing[0].name} ...`, or declare it `optional`"
            note = Related(missing[0].span, "declared here, without `optional` and `absent means`")
            yield warning("LIN078", message, slot.span, help_, note)


def _drawn_on(policies: CheckedPolicies) -> tuple[frozenset[Pool], frozenset[str]]:
    """The pools that something draws on, and the names of those that are drawn on as capacities, or counted."""
    draws: list[Draw] = []
    names: set[str] = set()
    pools: set[Pool] = set()
    for policy in policies:
        for modes in policy.hardware.modes:
            for mode in modes.modes.values():
                if mode.counted:
                    names |= {*mode.gives, *(name for profile in mode.profiles.values() for name in profile.gives)}
                draws += [*mode.draws, *(draw for profile in mode.profiles.values() for draw in profile.draws)]
        for share in policy.hardware.shares.values():
            draws += share.draws
        charges = (charge for quota in policy.site.quotas.values() for charge in quota.charges)
        pools |= {charge.measure for charge in charges if isinstance(charge.measure, Pool)}
    pools |= {draw.of for draw in draws if isinstance(draw.of, Pool)}
    # A pool may also be how much there is of a capacity that the board itself does not say.
    names |= {draw.of.name for draw in draws if not isinstance(draw.of, Pool)}
    return frozenset(pools), frozenset(names)


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


__all__ = ["of_hardware", "of_machines"]
