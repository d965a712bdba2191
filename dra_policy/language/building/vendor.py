"""The functions of the rules that say what a driver has: devices, types, models, parameters, gates."""

from __future__ import annotations

from lark import Token

from dra_policy.language import tree
from dra_policy.language.building.parts import Building, Clause, Sign, nodes, one, several
from dra_policy.language.leaves import Parts, Percentage
from dra_policy.source import Span


class Vendor(Building):
    """Devices, types, models, parameters, gates."""

    # ------------------------------------------------------------------------------------------------------ devices

    def device(self, parts: Parts) -> tree.Device:
        return tree.Device(parts[1], nodes(parts[3:]), self._span(parts))

    def driver(self, parts: Parts) -> tree.Driver:
        return tree.Driver(parts[1], self._span(parts))

    def attribute(self, parts: Parts) -> tree.Attribute:
        keyword, name, *rest = parts
        clauses = self._clauses(rest, "also")
        declared = rest[0] if rest and not isinstance(rest[0], Clause) else None
        return tree.Attribute(
            str(keyword),
            name,
            declared,
            "optional" in clauses,
            clauses.get("absent"),
            "private" in clauses,
            "unique" in clauses,
            clauses.get("publish"),
            tuple(clauses["also"]),
            self._span(parts),
        )

    flag = attribute
    capacity = attribute

    def optional(self, parts: Parts) -> Clause:
        return self._clause(parts)

    absent = optional
    private = optional
    unique = optional
    default = optional
    negotiable = optional
    because = optional

    def defaults(self, parts: Parts) -> Clause:
        values = tuple(part for part in parts[1:] if not isinstance(part, Token))
        return Clause("default", values, self._span(parts))

    def alias(self, parts: Parts) -> Clause:
        span = self._span(parts)
        return Clause("also", tree.Alias(parts[1], span), span)

    def strength(self, parts: Parts) -> Clause:
        return Clause("strength", self._word(parts[0]), self._span(parts))

    def enforced(self, parts: Parts) -> Clause:
        return Clause("enforced", self._word(parts[2]), self._span(parts))

    def trust(self, parts: Parts) -> Clause:
        return Clause("trust", str(parts[1]), self._span(parts))

    def publish(self, parts: Parts) -> Clause:
        span = self._span(parts)
        form = one(parts, Clause)
        words, pattern = form.value if form is not None else ("", None)
        name = parts[2] if parts[2] is not form else None
        return Clause("publish", tree.PublishAs(name, words, pattern, span), span)

    def form(self, parts: Parts) -> Clause:
        words = " ".join(str(part) for part in parts if isinstance(part, Token))
        return Clause("form", (words, one(parts, tree.Text)), self._span(parts))

    def grid(self, parts: Parts) -> tree.Grid:
        _, name, size, *rest = parts
        return tree.Grid(name, size, one(rest, tree.Name), self._span(parts))

    def renamed(self, parts: Parts) -> tree.Renamed:
        names = [part for part in parts if isinstance(part, tree.Name)]
        new = names[1] if len(names) == 2 else None
        return tree.Renamed(names[0], new, self._clauses(parts).get("because"), self._span(parts))

    # -------------------------------------------------------------------------------------------------------- types

    def plain_type(self, parts: Parts) -> tree.PlainType:
        return tree.PlainType(str(parts[0]), self._span(parts))

    def one_of(self, parts: Parts) -> tree.OneOf:
        return tree.OneOf(nodes(parts), self._span(parts))

    def set_of(self, parts: Parts) -> tree.SetOf:
        return tree.SetOf(parts[2], self._span(parts))

    def dimension(self, parts: Parts) -> tree.Dimension:
        return tree.Dimension(str(parts[0]), len(parts) > 1, self._span(parts))

    def named_type(self, parts: Parts) -> tree.NamedType:
        return tree.NamedType(parts[0], self._span(parts))

    # ------------------------------------------------------------------------------------------- models, parameters

    def model(self, parts: Parts) -> tree.Model:
        _, name, relation, other, *rest = parts
        return tree.Model(
            name,
            other if relation == "of" else None,
            other if relation == "like" else None,
            several(rest, tree.ModelValue),
            several(rest, tree.Grid),
            self._span(parts),
        )

    def model_grid(self, parts: Parts) -> tree.Grid:
        return tree.Grid(parts[1], parts[2], None, self._span(parts))

    def model_value(self, parts: Parts) -> tree.ModelValue:
        tolerance = one(parts, Percentage)
        values = tuple(part for part in parts[1:] if not isinstance(part, Token | Percentage))
        return tree.ModelValue(parts[0], values, None if tolerance is None else tolerance.share, self._span(parts))

    def parameters(self, parts: Parts) -> tree.Parameters:
        _, name, _, of, _, *members = parts
        return tree.Parameters(name, of, nodes(members), self._span(parts))

    def api(self, parts: Parts) -> tree.Api:
        _, path, kind = parts
        group, version = path.split("/")
        start = path.start_pos
        middle = start + len(group)
        return tree.Api(
            tree.Name(group, Span(self.source, start, middle)),
            tree.Name(version, Span(self.source, middle + 1, path.end_pos)),
            kind,
            self._span(parts),
        )

    def field(self, parts: Parts) -> tree.Field:
        _, name, declared, *rest = parts
        clauses = self._clauses(rest)
        return tree.Field(
            name,
            declared,
            one(rest, tree.Range),
            "optional" in clauses,
            clauses.get("default", ()),
            clauses.get("trust", "user"),
            clauses.get("agrees"),
            clauses.get("unique per"),
            self._span(parts),
        )

    def range(self, parts: Parts) -> tree.Range:
        low, _, high, *rest = parts
        return tree.Range(low, high, rest[1] if rest else None, self._span(parts))

    def range_to_all(self, parts: Parts) -> tree.Range:
        return tree.Range(parts[0], None, parts[-1] if len(parts) > 3 else None, self._span(parts))

    def agrees(self, parts: Parts) -> Clause:
        return Clause("agrees", self._per(parts), self._span(parts))

    def unique_per(self, parts: Parts) -> Clause:
        return Clause("unique per", self._per(parts), self._span(parts))

    def _per(self, parts: Parts) -> tree.Per:
        return tree.Per(parts[2], len(parts) > 3, self._span(parts[1:]))

    def on_node(self, parts: Parts) -> Clause:
        return Clause("on node", None, self._span(parts))

    def needs_gate(self, parts: Parts) -> tree.NeedsGate:
        _, _, gate, *rest = parts
        if rest and rest[2] != "==":
            self._problem(
                "SYN001",
                f"expected `==`, got `{rest[2]}`",
                self._span([rest[2]]),
                "a gate is needed for one value: write `==`",
            )
        field, value = (rest[1], rest[3]) if rest else (None, None)
        return tree.NeedsGate(gate, field, value, self._span(parts))

    def gate(self, parts: Parts) -> tree.Gate:
        _, name, _, switch, *rest = parts
        clauses = self._clauses(rest, "excludes", "requires")
        excludes = tuple(name for names in clauses["excludes"] for name in names)
        requires = tuple(name for names in clauses["requires"] for name in names)
        return tree.Gate(name, switch.text == "on", excludes, requires, self._span(parts))

    def on(self, parts: Parts) -> Sign:
        return Sign(str(parts[0]), self._span(parts))

    off = on

    def excludes(self, parts: Parts) -> Clause:
        return self._clause(parts)

    requires = excludes


__all__ = ["Vendor"]
