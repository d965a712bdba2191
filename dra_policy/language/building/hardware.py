"""The functions of the rules that say what hardware can become: modes, shares, fabrics, machines."""

from __future__ import annotations

from lark import Token

from dra_policy.language import tree
from dra_policy.language.building.parts import Building, Clause, Sign, nodes, one, several
from dra_policy.language.leaves import Parts


class Hardware(Building):
    """Modes, shares, fabrics, machines."""

    # -------------------------------------------------------------------------------------------------------- modes

    def modes(self, parts: Parts) -> tree.Modes:
        counters = self._clauses(parts).get("counters")
        sharers = tuple(part for part in parts if isinstance(part, tree.AtMost | tree.OnlySame))
        return tree.Modes(parts[2], counters, several(parts, tree.Mode), sharers, self._span(parts))

    def counters(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def mode(self, parts: Parts) -> tree.Mode:
        clauses = self._clauses(parts, "gives", "draws", "with", "without")
        return tree.Mode(
            parts[1],
            "partition" in clauses,
            clauses.get("named"),
            "alone" in clauses,
            tuple(name for names in clauses["with"] for name in names),
            "counted" in clauses,
            tuple(given for group in clauses["gives"] for given in group),
            tuple(name for names in clauses["without"] for name in names),
            tuple(drawn for group in clauses["draws"] for drawn in group),
            several(parts, tree.Profile),
            self._span(parts),
        )

    def partition(self, parts: Parts) -> Clause:
        return self._clause(parts)

    named = partition
    alone = partition
    beside = partition
    counted = partition
    without = partition
    times = partition
    identity = partition

    def gives(self, parts: Parts) -> Clause:
        return Clause(str(parts[0]), nodes(parts), self._span(parts))

    draws = gives

    def given(self, parts: Parts) -> tree.Given:
        name, *values = nodes(parts)
        return tree.Given(name, tuple(values), self._span(parts))

    def drawn(self, parts: Parts) -> tree.Drawn:
        name, *rest = parts
        equal = isinstance(rest[0], Token)
        return tree.Drawn(name, None if equal else rest[0], rest[-1] if equal else None, self._span(parts))

    def profile(self, parts: Parts) -> tree.Profile:
        clauses = self._clauses(parts, "gives", "draws")
        return tree.Profile(
            parts[1],
            clauses.get("id"),
            clauses.get("times"),
            several(parts, tree.TakesPositions),
            tuple(given for group in clauses["gives"] for given in group),
            tuple(drawn for group in clauses["draws"] for drawn in group),
            clauses.get("named"),
            clauses.get("reachable"),
            self._span(parts),
        )

    def takes_positions(self, parts: Parts) -> tree.TakesPositions:
        numbers, grid = several(parts, tree.Integer), one(parts, tree.Name)
        assert grid is not None  # Invariant: the grammar has one
        if parts[1] == "places":
            return tree.TakesPositions(None, grid, (), numbers, self._span(parts))
        return tree.TakesPositions(numbers[0], grid, several(parts, tree.Start), (), self._span(parts))

    def start_at(self, parts: Parts) -> tree.Start:
        return tree.Start(parts[0], parts[2] if len(parts) > 1 else None, self._span(parts))

    # ------------------------------------------------------------------------------------------------ shares, pools

    def share(self, parts: Parts) -> tree.Share:
        _, name, _, of, *rest = parts
        members: list[tree.AtMost | tree.OnlySame | tree.EachTakes | tree.Drawn] = []
        for part in rest[1:]:
            if isinstance(part, Clause):
                members += part.value
            elif isinstance(part, tree.AtMost | tree.OnlySame | tree.EachTakes):
                members.append(part)
        mode = rest[0] if isinstance(rest[0], tree.Name) else None
        return tree.Share(name, of, mode, tuple(members), self._span(parts))

    def draws_of_share(self, parts: Parts) -> Clause:
        clause: Clause = parts[0]
        return clause

    def at_most(self, parts: Parts) -> tree.AtMost:
        return tree.AtMost(parts[2], parts[3], self._says(parts), self._span(parts))

    def only_same(self, parts: Parts) -> tree.OnlySame:
        return tree.OnlySame(parts[2], self._says(parts), self._span(parts))

    def each_takes(self, parts: Parts) -> tree.EachTakes:
        clauses = self._clauses(parts)
        options = clauses.get("one of", ())
        return tree.EachTakes(parts[2], one(parts, tree.Range), options, clauses.get("default"), self._span(parts))

    def takes_one_of(self, parts: Parts) -> Clause:
        return Clause("one of", nodes(parts), self._span(parts))

    def pool(self, parts: Parts) -> tree.Pool:
        _, name, _, of, measure, amount = parts
        return tree.Pool(name, of, measure, amount, self._span(parts))

    # ------------------------------------------------------------------------------------------------------ fabrics

    def fabric(self, parts: Parts) -> tree.Fabric:
        names = several(parts, tree.Name)
        members = tuple(part for part in parts if isinstance(part, tree.EveryPair | tree.Torus))
        return tree.Fabric(names[0], names[1:], members, self._span(parts))

    def every_pair(self, parts: Parts) -> tree.EveryPair:
        clauses = self._clauses(parts)
        return tree.EveryPair(clauses.get("same"), "nodes" in clauses, parts[-1], self._span(parts))

    def same_value(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def across_nodes(self, parts: Parts) -> Clause:
        return Clause("nodes", None, self._span(parts))

    def torus(self, parts: Parts) -> tree.Torus:
        across = self._clauses(parts).get("across")
        return tree.Torus(several(parts, tree.Axis), across, parts[-1], str(parts[0]) == "ring", self._span(parts))

    ring = torus

    def across(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def axis(self, parts: Parts) -> tree.Axis:
        clauses = self._clauses(parts)
        return tree.Axis(parts[0], parts[1], "wrap" in clauses, clauses.get("at"), self._span(parts))

    def wrap(self, parts: Parts) -> Clause:
        return self._clause(parts)

    at_attribute = wrap

    # ----------------------------------------------------------------------------------------------------- machines

    def machine(self, parts: Parts) -> tree.Machine:
        return tree.Machine(parts[1], self._clauses(parts).get("like"), nodes(parts[2:]), self._span(parts))

    def like(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def machine_devices(self, parts: Parts) -> tree.MachineDevices:
        _, places, _, of, *rest = parts
        clauses = self._clauses(rest)
        return tree.MachineDevices(
            places,
            of,
            one(rest, tree.Name),
            one(rest, tree.Text),
            clauses.get("at"),
            clauses.get("named"),
            self._settings_of(rest),
            self._span(parts),
        )

    def at_start(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def places(self, parts: Parts) -> tree.Places:
        numbers = several(parts, tree.Integer)
        first = numbers[0] if numbers else None
        return tree.Places(parts[0], first, numbers[-1] if numbers else None, self._span(parts))

    def place(self, parts: Parts) -> tree.Place:
        return tree.Place(nodes(parts), self._span(parts))

    def placed(self, parts: Parts) -> tree.Placed:
        places, name, *values = parts
        return tree.Placed(places, name, tuple(values), self._span(parts))

    def machine_link(self, parts: Parts) -> tree.MachineLink:
        places = several(parts, tree.Places)
        last = parts[-1]
        bandwidth = None if isinstance(last, tree.Places) else last
        to = places[1] if len(places) > 1 else None
        return tree.MachineLink(parts[1], places[0], to, bandwidth, self._span(parts))

    def machine_taint(self, parts: Parts) -> tree.MachineTaint:
        return tree.MachineTaint(parts[1], parts[2], self._span(parts))

    def machine_label(self, parts: Parts) -> tree.MachineLabel:
        return tree.MachineLabel(parts[1], parts[3], self._span(parts))

    def machine_pool(self, parts: Parts) -> tree.MachinePool:
        return tree.MachinePool(parts[1], self._span(parts))

    def budget(self, parts: Parts) -> tree.Budget:
        return tree.Budget(parts[1], parts[2], several(parts, tree.Budgeted), self._span(parts))

    def budgeted(self, parts: Parts) -> tree.Budgeted:
        places, *rest = parts
        equal = rest[-1] if len(rest) > 1 else None
        return tree.Budgeted(places, rest[0] if equal is None else None, equal, self._span(parts))

    def machine_network(self, parts: Parts) -> tree.MachineNetwork:
        return tree.MachineNetwork(parts[1], self._clauses(parts)["reachable"], self._span(parts))

    # ------------------------------------------------------------------------------------------------ taints, labels

    def taint(self, parts: Parts) -> tree.TaintKey:
        key = None if isinstance(parts[0], Token) else parts[0]
        value = parts[2] if len(parts) > 2 and isinstance(parts[1], Token) else None
        effect = one(parts, Sign)
        return tree.TaintKey(key, value, "" if effect is None else effect.text, self._span(parts))

    def effect(self, parts: Parts) -> Sign:
        return Sign(str(parts[0]), self._span(parts))

    def network(self, parts: Parts) -> tree.NetworkReachable:
        clauses = self._clauses(parts)
        return tree.NetworkReachable(clauses.get("of"), clauses["reachable"], self._span(parts))

    def reachable(self, parts: Parts) -> Clause:
        return Clause("reachable", self._clauses(parts).get("where", ()), self._span(parts))

    def all_nodes(self, parts: Parts) -> Sign:
        return Sign("all nodes", self._span(parts))

    def where(self, parts: Parts) -> Clause:
        return Clause("where", nodes(parts), self._span(parts))

    def label_test(self, parts: Parts) -> tree.LabelTest:
        _, label, how, *values = parts
        operator = how.text if isinstance(how, Sign) else str(how)
        return tree.LabelTest(label, operator, nodes(values), self._span(parts))


__all__ = ["Hardware"]
