"""The layout of a node: everything of its devices that an answer can depend on, but for their names.

Two nodes with equal layouts and equal states of use get the same answers, position for position. What a rule reads has
to be here, or in the state of use (`NodeClass`): a new rule that reads more of a device or of a node joins here, and one
that reads the state of other nodes adds what it reads to `NodeClass.shared`.

Pools that one node alone sees are its *own*; names are no part of them, and relabelled columns hold labels. Other
pools are *shared*: everything of them is in the layout as it is, names included, and their state of use is looked up
when an answer is asked for. A column that a shared pool has too keeps its values, because a constraint may span both.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter, is_, itemgetter
from typing import Any, NamedTuple, TypeAlias

from dra_policy.allocation.node_operations import DECLARED
from dra_policy.cluster.columns import Cell, Column, Learning, relabelled
from dra_policy.cluster.described import (
    MARSHAL,
    Described,
    cell_of,
    cells_of,
    columns_of,
    counter_sets,
    described,
    encoded,
    is_problem,
)
from dra_policy.cluster.recall import remember
from dra_policy.inventory import DeviceRecord, NodeView, PlacedSlice, PoolID, PoolState, PoolView, Snapshot
from dra_policy.resources import DeviceAttribute, DeviceCapacity, Node


class Place:
    """One node as the index keeps it, until something but the use of its devices changes. Compared by identity.

    `order` has the slots of its devices by position: those of complete pools in the order of the search, then those that
    only count for counters; `records` are these devices. `layout` stands for its layout: equal layouts, equal bytes.
    Bit i of `own` says that position i is in a pool that no other node sees. `shared` are the other pools. `odd` says
    that a capacity of some device may be an error (H7), that one gives counters back (G4), or that the node cannot have
    any devices at all (C1). `plain` is what `assembly.are_plain` says of the records, None before somebody asked.
    """

    __slots__ = ("layout", "name", "odd", "order", "own", "plain", "records", "shared")

    def __init__(
        self,
        name: str,
        order: tuple[int, ...],
        records: tuple[DeviceRecord, ...],
        layout: bytes,
        own: int,
        shared: tuple[PoolID, ...],
        odd: bool,
    ) -> None:
        self.name = name
        self.order = order
        self.records = records
        self.layout = layout
        self.own = own
        self.shared = shared
        self.odd = odd
        self.plain: bool | None = None


class Layouts:
    """Works out the places of nodes, one after the other; what their columns are like goes to `learning`.

    The devices of a cluster are alike in most of what they say, and equal values are shared: what was worked out for
    the same objects on one node is known on the next.
    """

    __slots__ = ("_learned", "_recall", "_snapshot", "learning")

    def __init__(self, snapshot: Snapshot, learning: Learning) -> None:
        self.learning = learning
        self._snapshot = snapshot
        self._recall = learning.recall
        self._learned: dict[int, object] = {}

    def place(self, node: Node) -> Place:
        """The place of a node."""
        only = self._snapshot.only_slice(node)
        if only is not None and only.records:
            alone = self._alone(node, only)
            if alone is not None:
                return alone
        return self._place(self._snapshot.view(node))

    def _place(self, view: NodeView) -> Place:
        name = view.node.metadata.name
        if view.failure is not None:
            digest = self._digest((marshal.dumps(("unreadable", view.failure.rule), MARSHAL),))
            return Place(name, (), (), digest, 0, (), True)
        whole = [pool for pool in view.pools if pool.state is PoolState.COMPLETE]
        heads: list[_Head] = []
        parts: list[bytes] = []
        shared: list[PoolID] = []
        own, odd = 0, False
        columns = _Columns(whole)
        for pool in view.pools:
            plain = _is_plain(pool)
            complete = pool.state is PoolState.COMPLETE
            records = (*pool.records, *pool.others) if complete and pool.others else pool.records if complete else ()
            span = columns.add(pool.id.driver, records, len(pool.records), plain)
            if records:
                part, part_odd, _ = described(records, plain)
                parts.append(part)
                odd = odd or part_odd
            if pool.local:
                own |= _bits(span)
            else:
                shared.append(pool.id)
            state = "" if complete else pool.state.value
            more = None if plain else (*pool.id, pool.generation, pool.reached, pool.unread)
            heads.append((
                pool.id.driver, state, pool.binding_conditions, span, counter_sets(pool.counter_sets), more
            ))  # fmt: skip
        order, devices = _in_order(whole)
        head = _heading(_is_able(view.node), heads, columns.problems)
        digest = self._digest((head, *parts, *columns.encoded(self.learning)))
        return Place(name, order, devices, digest, own, tuple(shared), odd)

    def _alone(self, node: Node, only: PlacedSlice) -> Place | None:
        """The place of a node with one complete pool without counters, the devices of which publish the same names;
        None if they do not. The same place as for any other node: most nodes are so, and this way is shorter."""
        records = only.records
        fields = [record.device.__dict__ for record in records]
        published = [one["attributes"] for one in fields]
        names = tuple(published[0])
        driver, count = records[0].id[0], len(records)
        plan = self._plan(driver, names)
        if plan is None or sum(map(len, published)) != count * len(names):
            return None
        try:
            kept, problems = self._kept_columns(plan, published)
            columns = [kept]
            for column, getter in plan.labelled:
                held = list(map(getter, published))
                texts: tuple[Any, ...] = tuple(map(_text, held))
                if None in texts:
                    cells, unread = cells_of(held)
                    problems |= unread
                    columns.append(encoded(column, True, relabelled(cells)))
                else:
                    columns.append(self._labelled(column, texts))
        except KeyError:  # as many names in all, but others
            return None
        part, odd, binding = self._part(only, fields)
        key = (_is_able(node), driver, binding, count, problems)
        head = self._recall.heads.get(key)
        if head is None:
            only_head = (driver, "", binding, (0, count, count, 0), None, None)
            head = remember(self._recall.heads, key, _heading(key[0], [only_head], problems))
        order = tuple([record.index for record in records])
        digest = self._digest((head, part, *columns))
        return Place(node.metadata.name, order, records, digest, (1 << count) - 1, (), odd)

    def _digest(self, parts: tuple[bytes, ...]) -> bytes:
        known = self._recall.digests.get(parts)
        if known is None:
            # 160 bits: that two different layouts of a cluster agree is out of the question, and a layout is small for
            # good.
            known = remember(self._recall.digests, parts, blake2b(b"".join(parts), digest_size=20).digest())
        return known

    def _plan(self, driver: str, names: tuple[str, ...]) -> _Plan | None:
        """How to read devices that publish these names; None if two of them are one column."""
        key = (driver, names)
        plans: dict[tuple[str, tuple[str, ...]], _Plan | None] = self._recall.plans
        try:
            return plans[key]
        except KeyError:
            plan = None
        columns = columns_of(driver, names)
        if all(len(forms) == 1 for _, forms in columns):
            relabelled_ones = self.learning.relabelled
            kept = tuple([(column, name) for column, (name,) in columns if column not in relabelled_ones])
            labelled = tuple([(column, itemgetter(name)) for column, (name,) in columns if column in relabelled_ones])
            plan = _Plan(kept, labelled, itemgetter(*[name for _, name in kept]) if kept else _nothing)
        return remember(plans, key, plan)

    def _kept_columns(self, plan: _Plan, published: Sequence[Mapping[str, DeviceAttribute]]) -> tuple[bytes, int]:
        """What stands for the columns that keep their values, and which positions cannot be read (D9)."""
        held = list(map(plan.getter, published))
        first, last = held[0], held[-1]
        # What nodes are alike in is shared: mostly two devices tell which they are, and the others are compared.
        if type(first) is tuple:
            guess: tuple[object, ...] = (plan, len(held), *map(id, first), *map(id, last))
        else:
            guess = (plan, len(held), id(first), id(last))
        known: _KeptColumns | None = self._recall.kept.get(guess)
        # Equal attributes have equal cells, so that nothing is lost if they are not the same objects.
        if known is None or known.held != held:
            problems = 0
            values: list[tuple[Column, tuple[Cell, ...]]] = []
            for column, name in plan.kept:
                cells, unread = cells_of([one[name] for one in published])
                problems |= unread
                values.append((column, tuple(cells)))
            written = b"".join([encoded(column, False, settled) for column, settled in values])
            known = remember(self._recall.kept, guess, _KeptColumns(held, written, problems, values))
        if id(known) not in self._learned:
            for column, settled in known.values:
                self.learning.learn(column, settled)
            self._learned[id(known)] = known  # which keeps it alive
        return known.encoded, known.problems

    def _labelled(self, column: Column, texts: tuple[str, ...]) -> bytes:
        """A relabelled column of texts: for each the position where it was seen first."""
        places: dict[str, int] = {}
        key = (column, *map(places.setdefault, texts, range(len(texts))))
        known = self._recall.labels.get(key)
        if known is None:
            known = remember(self._recall.labels, key, encoded(column, True, ("t", *key[1:])))
        return known

    def _part(self, only: PlacedSlice, fields: Sequence[Mapping[str, Any]]) -> Described:
        """What devices of a plain pool are, but for their attributes."""
        records = only.records
        capacities, shareable, binding = zip(*map(_CONSTANT, fields), strict=True)
        if any([record.taints for record in records]):  # noqa: C419 - half the time, for every node of a cluster
            return described(records, True)
        skip = only.slice.spec.skip_node_operations
        guess = (id(capacities[0]), len(records), skip)
        known: _Part | None = self._recall.parts.get(guess)
        if (
            known is None
            # Not if they are equal: `1` and `1000m` are.
            or not all(map(is_, capacities, known.capacities))
            or shareable != known.shareable
            or binding != known.binding
        ):
            made = _Part(capacities, shareable, binding, described(records, True))
            known = remember(self._recall.parts, guess, made)
        return known.described


def _is_able(node: Node) -> bool:
    return DECLARED in node.status.declared_features


class _KeptColumns(NamedTuple):
    """The attributes of a pool that keep their values, and what stands for them."""

    held: list[Any]
    encoded: bytes
    problems: int
    values: list[tuple[Column, tuple[Cell, ...]]]


class _Part(NamedTuple):
    """What devices are but for names, attributes, taints and counters."""

    capacities: tuple[Mapping[str, DeviceCapacity], ...]
    shareable: tuple[bool | None, ...]
    binding: tuple[tuple[str, ...], ...]
    described: Described


class _Plan:
    """How the attributes of a pool of like devices are read: the columns that keep their values, each with its name as
    published, and the others. Compared by identity."""

    __slots__ = ("getter", "kept", "labelled")

    def __init__(
        self, kept: tuple[tuple[Column, str], ...], labelled: tuple[tuple[Column, _Getter], ...], getter: _Getter
    ) -> None:
        self.kept = kept
        self.labelled = labelled
        self.getter = getter


def _nothing(_: object) -> tuple[()]:
    return ()


_Getter: TypeAlias = Callable[[Mapping[str, DeviceAttribute]], Any]
_text: Callable[[DeviceAttribute], str | None] = attrgetter("string")
# Of the fields of a device, past the attribute access of models: all devices of a cluster are read here.
_CONSTANT: Callable[[Mapping[str, Any]], tuple[Any, ...]] = itemgetter(
    "capacity", "allow_multiple_allocations", "binding_conditions"
)


class _Columns:
    """The columns of one node, as its pools are added.

    Positions of candidates come first, in the order of the search, whatever pool they are in.
    """

    __slots__ = ("_cells", "_next", "_next_behind", "_spanning", "_total", "problems")

    def __init__(self, whole: Sequence[PoolView]) -> None:
        self._next = 0
        self._next_behind = sum([len(pool.records) for pool in whole])
        self._total = self._next_behind + sum([len(pool.others) for pool in whole])
        self.problems = 0
        """Bit i: position i has a value that no expression can read (D9)."""
        self._spanning: set[Column] = set()
        self._cells: dict[Column, list[Cell]] = {}

    def add(self, driver: str, records: Sequence[DeviceRecord], candidates: int, plain: bool) -> _Span:
        """The devices of a pool, `candidates` of them to choose from; gives where their positions are."""
        if not records:
            return 0, 0, 0, 0
        behind = len(records) - candidates
        span = (self._next, candidates, self._next_behind, behind)
        self._next += candidates
        self._next_behind += behind
        published = [record.device.attributes for record in records]
        positions = [*range(span[0], span[0] + candidates), *range(span[2], span[2] + behind)]
        # In the order of their names, so that the same names are the same question.
        names = tuple(sorted({name for one in published for name in one}))
        for column, forms in columns_of(driver, names):
            if not plain:
                self._spanning.add(column)
            cells = self._cells.get(column)
            if cells is None:
                cells = self._cells[column] = [None] * self._total
            for name in forms:
                for position, one in zip(positions, published, strict=True):
                    attribute = one.get(name)
                    if attribute is not None:
                        cells[position] = cell = cell_of(attribute)
                        if type(cell) is tuple and is_problem(cell):
                            self.problems |= 1 << position
        return span

    def encoded(self, learning: Learning) -> list[bytes]:
        """The columns that keep their values by name, then the others."""
        settled = [
            (*_settled(column, values, self._spanning, learning), column) for column, values in self._cells.items()
        ]
        return [encoded(column, labelled, cells) for labelled, cells, column in sorted(settled, key=_flag_and_column)]


_Span: TypeAlias = tuple[int, int, int, int]
"""First position and number of the candidates of a pool, and of those of its devices that only count for counters."""

_Head: TypeAlias = tuple[object, ...]


def _heading(able: bool, heads: list[_Head], problems: int) -> bytes:
    # Invariant: it tells how many parts follow, and each part where it ends, so that no two layouts are written alike.
    return marshal.dumps((able, heads, problems), MARSHAL)


def _bits(span: _Span) -> int:
    first, count, first_behind, behind = span
    return ((1 << count) - 1) << first | ((1 << behind) - 1) << first_behind


def _in_order(whole: Sequence[PoolView]) -> tuple[tuple[int, ...], tuple[DeviceRecord, ...]]:
    """Slots and records by position."""
    if len(whole) == 1 and not whole[0].others:
        return whole[0].devices, whole[0].records
    records = [record for pool in whole for record in pool.records]
    records += [record for pool in whole for record in pool.others]
    return tuple([record.index for record in records]), tuple(records)


def _flag_and_column(settled: tuple[bool, tuple[Cell, ...], Column]) -> tuple[bool, Column]:
    return settled[0], settled[2]


def _settled(
    column: Column, cells: list[Cell], spanning: set[Column], learning: Learning
) -> tuple[bool, tuple[Cell, ...]]:
    """What stands for a column in the layout, and whether those are labels."""
    if column in spanning:
        return False, tuple(cells)
    if column in learning.relabelled:
        return True, relabelled(cells)
    values = tuple(cells)
    learning.learn(column, values)
    return False, values


def _is_plain(pool: PoolView) -> bool:
    """Whether no other node sees a pool, and its slices say nothing about nodes but the name of this one."""
    if not pool.local:
        return False
    if len(pool.slices) == 1:
        return not (pool.records and pool.records[0].slice.spec.per_device_node_selection)
    return not any(record.slice.spec.per_device_node_selection for record in pool.records)


__all__ = ["Layouts", "Place"]
