"""The functions of the rules about what happens around a device: waiting, costs, health, set-up."""

from __future__ import annotations

from dra_policy.language import tree
from dra_policy.language.building.parts import Building, Clause, nodes, several
from dra_policy.language.leaves import Parts


class Operation(Building):
    """Waiting, costs, health, set-up."""

    def binds(self, parts: Parts) -> tree.Binds:
        clauses = self._clauses(parts)
        of, mode = clauses.get("of", (None, None))
        conditions = several(parts, tree.Name)
        return tree.Binds(of, mode, conditions, clauses.get("within"), clauses.get("fails", ()), self._span(parts))

    def of_part(self, parts: Parts) -> Clause:
        return Clause("of", (parts[1], parts[2] if len(parts) > 2 else None), self._span(parts))

    def of_device(self, parts: Parts) -> Clause:
        return self._clause(parts)

    within = of_device

    def fails_on(self, parts: Parts) -> Clause:
        return Clause("fails", several(parts, tree.Name), self._span(parts))

    def costs(self, parts: Parts) -> tree.Costs:
        resource, amount, *unit, per = nodes(parts)
        return tree.Costs(
            self._clauses(parts).get("of"), resource, amount, unit[0] if unit else None, per, self._span(parts)
        )

    def advertise(self, parts: Parts) -> tree.Advertise:
        return tree.Advertise(self._clauses(parts).get("of"), parts[-1], self._span(parts))

    def health(self, parts: Parts) -> tree.Health:
        return tree.Health(self._clauses(parts).get("of"), nodes(parts), self._span(parts))

    def event(self, parts: Parts) -> tree.Event:
        return tree.Event(parts[1], parts[3], self._clauses(parts).get("clears"), self._span(parts))

    def clears(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def ignore(self, parts: Parts) -> tree.Ignored:
        return tree.Ignored(nodes(parts), self._span(parts))

    # ------------------------------------------------------------------------------------------------------- set-up

    def setup(self, parts: Parts) -> tree.Setup:
        members = tuple(part for part in parts if isinstance(part, tree.Scope | tree.Step))
        return tree.Setup(parts[1], members, self._span(parts))

    def scope(self, parts: Parts) -> tree.Scope:
        each, *members = nodes(parts)
        return tree.Scope(each, tuple(members), self._span(parts))

    def device_node(self, parts: Parts) -> tree.DeviceNode:
        said = self._clauses(parts)
        permissions, when = said.get("permissions"), said.get("when")
        return tree.DeviceNode(parts[1], said.get("from"), permissions, said.get("for"), when, self._span(parts))

    def numbered(self, parts: Parts) -> Clause:
        _, name, first, _, last = parts
        return Clause("for", tree.Numbered(name, first, last, self._span(parts)), self._span(parts))

    def from_host(self, parts: Parts) -> Clause:
        return self._clause(parts)

    permissions = from_host
    only_when = from_host
    at_path = from_host
    undo = from_host
    idempotent = from_host
    deadline = from_host

    def environment(self, parts: Parts) -> tree.Environment:
        _, name, _, value, *rest = parts
        template = value if isinstance(value, tree.Template) else tree.Template(None, value, value.span)
        return tree.Environment(name, template, self._clauses(rest).get("when"), self._span(parts))

    def join(self, parts: Parts) -> tree.Template:
        _, _, name, _, text, _ = parts
        return tree.Template(name, text, self._span(parts))

    def mount(self, parts: Parts) -> tree.Mount:
        said = self._clauses(parts)
        options = said.get("options", ())
        return tree.Mount(parts[1], said.get("at"), options, said.get("when"), self._span(parts))

    def options(self, parts: Parts) -> Clause:
        return Clause(str(parts[0]), nodes(parts), self._span(parts))

    arguments = options

    def hook(self, parts: Parts) -> tree.Hook:
        said = self._clauses(parts)
        arguments = said.get("arguments", ())
        return tree.Hook(parts[1], parts[2], arguments, said.get("when"), self._span(parts))

    def capability(self, parts: Parts) -> tree.Capability:
        return tree.Capability(parts[1], self._clauses(parts).get("when"), self._span(parts))

    def step(self, parts: Parts) -> tree.Step:
        _, name, _, run, *rest = parts
        said = self._clauses(rest)
        return tree.Step(
            name,
            run,
            said.get("undo"),
            "idempotent" in said,
            said.get("deadline"),
            said.get("when"),
            self._span(parts),
        )


__all__ = ["Operation"]
