"""Machines and single boards on nodes: which pools there are, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from dra_policy.language.boards import counter_name
from dra_policy.language.machinery import Machine, Slot, budget_set
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.types import TEXT, Constant
from dra_policy.render.boards import Placed, board_values, devices_of
from dra_policy.render.catalog import Catalog
from dra_policy.render.slices import OnNode, Place, PoolDevices, Reached, reached
from dra_policy.render.values import Values, device_name, exact, is_bytes, label
from dra_policy.resources import Counter, CounterSet, Node, ObjectMeta, ResourceSlice
from dra_policy.resources.validation.slices import MAX_VALUE_BYTES

HOSTNAME = "kubernetes.io/hostname"


@dataclass
class Fleet:
    """Nodes and pools under construction.

    `lists` tells whether the target has list attributes. With `invented`, what is unique in a cluster and has no value,
    or one that is taken, gets one: `uuid-1`, `uuid-2`. Otherwise a machine that stands on a second node has there the
    values that it says, with the node behind them.
    """

    catalog: Catalog
    lists: bool = False
    invented: bool = False
    pools: dict[tuple[str, str], PoolDevices] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _unique: int = 0
    # Devices of one machine may be two views of one board, with one serial number.
    _used: set[tuple[str, str]] = field(default_factory=set)
    _using: set[tuple[str, str]] = field(default_factory=set)

    def give(self, count: int, model: ModelSchema, node: str, settings: Values) -> None:
        """Boards of one model on a node, numbered for each node and model: `h100-0`, `h100-1`.

        Boards that belong to no one node stand in a pool that is named after their model.
        """
        base = label(model.name)[:40].strip("-") or "device"
        reach = self.catalog.reachable(model)
        pool, place = (node, OnNode(node)) if reach is None else (base, Reached(()))
        if reach is None:
            self.labels.setdefault(node, {})
        for _ in range(count):
            number = self._counts.get((pool, base), 0)
            self._counts[pool, base] = number + 1
            named = {"index": str(number), "node": node, "pool": pool}
            board = Placed(model, f"{base}-{number}", dict(settings), named=named, reachable=reach)
            self._add(board, pool, place)
        self._used |= self._using

    def place(self, machine: Machine, node: str, settings: Values) -> None:
        """One machine on a node; `settings` are values for all of its devices that can have them."""
        place: Place = OnNode(node)
        if machine.reachable is not None:
            place = reached(machine.reachable)
        else:
            self.labels.setdefault(node, {}).update(machine.labels)
        pool = machine.pool or node or machine.name
        sets = self._budgets(machine, pool, place)
        for slot in machine.slots:
            self._stand(slot, machine, pool, node, place, settings, sets)
        self._used |= self._using

    def _budgets(self, machine: Machine, pool: str, place: Place) -> dict[str, str]:
        """Counter sets of what the machine's devices draw on together, by driver; their names."""
        found: dict[str, str] = {}
        base = budget_set(machine.name)
        for driver in dict.fromkeys(slot.model.device.driver for slot in machine.slots):
            used = {one for slot in machine.slots if slot.model.device.driver == driver for one in slot.budgets}
            budgets = [one for one in machine.budgets if one in used]
            if not budgets:
                continue
            number = self._counts.get((f"{driver}/{pool}", base), 0)
            self._counts[f"{driver}/{pool}", base] = number + 1
            found[driver] = base if number == 0 else f"{base}-{number + 1}"
            counters = {
                counter_name(one.name): Counter(value=exact(one.amount.value, binary=is_bytes(one.type)))
                for one in budgets
                if isinstance(one.amount.value, Fraction)
            }
            shared = self.pools.setdefault((driver, pool), PoolDevices(driver, pool, place)).counters
            shared.append(CounterSet(name=found[driver], counters=counters))
        return found

    def _stand(
        self,
        slot: Slot,
        machine: Machine,
        pool: str,
        node: str,
        place: Place,
        settings: Values,
        sets: Mapping[str, str],
    ) -> None:
        own = {
            one: constants for one, constants in settings.items() if slot.model.device.attributes.get(one.name) is one
        }
        values = {**slot.values, **own}
        named = {"index": str(slot.index), "node": node, "pool": pool}
        board = Placed(slot.model, "", values)
        known = {name: label(text) for name, text in named.items()}
        name = device_name(slot.named or f"{slot.group}-{slot.index}", known, board_values(board))
        reach = slot.reachable
        if reach is None and machine.reachable is None:
            reach = self.catalog.reachable(slot.model)
        board = Placed(
            slot.model,
            name,
            values,
            mode=slot.mode,
            profile=slot.profile,
            start=slot.start,
            share=slot.share,
            taints=slot.taints,
            named=named,
            reachable=reach,
            called=bool(slot.named),
            budgets={sets[slot.model.device.driver]: slot.budgets} if slot.budgets else {},
        )
        self._add(board, pool, place)

    def _add(self, board: Placed, pool: str, place: Place) -> None:
        driver = board.model.device.driver
        key = driver, pool
        if key not in self.pools:
            self.pools[key] = PoolDevices(driver, pool, place)
        self.pools[key].boards.append(devices_of(self._unlike(board), self.catalog, lists=self.lists))

    def _unlike(self, board: Placed) -> Placed:
        """The board with values of its own for what is unique in a cluster."""
        values = dict(board.values)
        for schema in board.model.device.attributes.values():
            if not schema.unique:
                continue
            given = values.get(schema)
            if given is None and not self.invented:
                continue
            used = given is not None and (schema.published.qualified, str(given[0].value)) in self._used
            if given is None or used:
                text = "" if given is None or self.invented else f"{given[0].value}-{board.named['node']}"
                if not text or len(text.encode()) > MAX_VALUE_BYTES:
                    self._unique += 1
                    text = f"{schema.name}-{self._unique}"
                values[schema] = (Constant(TEXT, text, schema.span),)
            self._using.add((schema.published.qualified, str(values[schema][0].value)))
        return replace(board, values=values)

    def slices(self, taken: Iterable[tuple[str, str]] = ()) -> list[ResourceSlice]:
        """The slices of all pools; a pool whose driver and name are `taken` gets a name of its own."""
        occupied = frozenset(taken)
        found: list[ResourceSlice] = []
        for key, pool in self.pools.items():
            named = replace(pool, name=f"{pool.name}-given") if key in occupied else pool
            found += named.slices()
        return found

    def nodes(self, known: Mapping[str, Node]) -> list[Node]:
        """A node with the labels of its machines for every name that is not `known`."""
        return [
            Node(metadata=ObjectMeta(name=name, labels={HOSTNAME: name, **labels}))
            for name, labels in self.labels.items()
            if name not in known
        ]


def value_of(model: ModelSchema, settings: Values, schema: AttributeSchema) -> tuple[Constant, ...] | None:
    """What a board publishes of an attribute: its own value, else that of its model, else nothing."""
    if schema in settings:
        return settings[schema]
    value = model.values.get(schema.name)
    return None if value is None else value.constants


def numbered(name: str, count: int) -> list[str]:
    """The names of so many nodes: the name itself for one.

    >>> numbered("dgx", 1), numbered("dgx", 2), numbered("rack-1-0", 2)
    (['dgx'], ['dgx-1', 'dgx-2'], ['rack-1-0-1', 'rack-1-0-2'])
    """
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


__all__ = ["HOSTNAME", "Fleet", "numbered", "value_of"]
