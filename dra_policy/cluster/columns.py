"""Which attributes keep their values in a layout, and which are told apart inside one node only.

A serial number, a UUID or a PCIe root is different on every node, and would make every node a class of its own. But
constraints only ask whether values are equal (F4 to F7), so such a column of values is *relabelled*: in each node the
first value is 0, the next new one 1. A column keeps its values while few are known, or while most nodes have the same
ones in the same places; once it is relabelled it stays so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from dra_policy.cluster.recall import Recall
from dra_policy.expression import Read, ReadKind

VALUE_LIMIT = 32
"""A column with more values than this is relabelled, if it also has more lists than `LIST_LIMIT`."""

LIST_LIMIT = 16
"""How many different lists of values, one a node, a column has before it may be relabelled."""

Column: TypeAlias = tuple[str, str]
"""Domain and identifier of an attribute: its bare and its qualified form are one column (D2, F3)."""

Cell: TypeAlias = Any
"""A value as `marshal` tells it apart from every other: str, int and bool as they are, versions and lists tagged; None if absent."""


UNREADABLE: Cell = ("?",)
"""A value of a type that this cluster does not know."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a column that keeps its values."""

    values: frozenset[Cell]
    lists: frozenset[tuple[Cell, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is known of every column: `Known`, or that it is `relabelled`. Immutable, but for what it recalls."""

    known: Mapping[Column, Known]
    relabelled: frozenset[Column]
    recall: Recall = field(default_factory=Recall, repr=False)
    """Invariant: shared only by those that relabel the same columns."""

    @classmethod
    def none(cls, relabelled: Iterable[Column] = ()) -> Columns:
        """Nothing is known yet, but that some columns are relabelled."""
        return cls(MappingProxyType({}), frozenset(relabelled))

    def read_by(self, reads: Iterable[Read]) -> bool:
        """Whether an expression that reads these sees values that a layout does not have."""
        if not self.relabelled:
            return False
        for read in reads:
            if read.kind is ReadKind.EVERYTHING:
                return True
            if read.kind is ReadKind.ATTRIBUTE:
                if read.name:
                    if (read.domain, read.name) in self.relabelled:
                        return True
                elif any(domain == read.domain for domain, _ in self.relabelled):
                    return True
        return False


class Learning:
    """Columns while nodes are looked at; `columns` is the outcome, `flipped` the ones that have to be relabelled now."""

    __slots__ = ("_before", "_known", "flipped", "recall", "relabelled")

    def __init__(self, before: Columns) -> None:
        self._before = before
        self.recall = before.recall
        self._known: dict[Column, tuple[set[Cell], set[tuple[Cell, ...]]]] = {}
        self.relabelled = before.relabelled
        self.flipped: set[Column] = set()

    def learn(self, column: Column, cells: tuple[Cell, ...]) -> None:
        """Take note of the values that a column has on one node."""
        known = self._known.get(column)
        if known is None:
            before = self._before.known.get(column)
            if before is not None and cells in before.lists:
                return
            known = (set(), set()) if before is None else (set(before.values), set(before.lists))
            self._known[column] = known
        values, lists = known
        if cells in lists:
            return
        if len(lists) <= LIST_LIMIT:
            lists.add(cells)
        if len(values) <= VALUE_LIMIT:
            values.update(cells)
        if len(lists) > LIST_LIMIT and len(values) > VALUE_LIMIT:
            self.flipped.add(column)

    def columns(self) -> Columns:
        """What is known now."""
        if not self._known:
            return self._before
        known = dict(self._before.known)
        for column, (values, lists) in self._known.items():
            known[column] = Known(frozenset(values), frozenset(lists))
        return Columns(MappingProxyType(known), self.relabelled, self.recall)

    def settled(self) -> Columns:
        """With the columns that flipped relabelled: a new start for all nodes."""
        return Columns.none(self.relabelled | self.flipped)


_TEXTS = frozenset({str})


def relabelled(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Each value as the number of its first appearance; the items of a list one by one.

    A list of one item and the item itself stay comparable, as constraints over lists need it (F5).

    >>> relabelled(["b", "a", None, ("l", ("a", "c")), "b"])
    (0, 1, None, ('l', (1, 2)), 0)
    """
    if _TEXTS.issuperset(map(type, cells)):  # mostly
        of_texts: dict[str, int] = {}
        return tuple([of_texts.setdefault(cell, len(of_texts)) for cell in cells])
    labels: dict[tuple[type, Cell], int] = {}
    made: list[Cell] = []
    for cell in cells:
        if cell is None or cell == UNREADABLE:  # which no constraint compares
            made.append(cell)
        elif type(cell) is tuple and cell[0] == "l":
            made.append(("l", tuple(labels.setdefault((type(item), item), len(labels)) for item in cell[1])))
        else:
            made.append(labels.setdefault((type(cell), cell), len(labels)))
    return tuple(made)


__all__ = ["LIST_LIMIT", "UNREADABLE", "VALUE_LIMIT", "Cell", "Column", "Columns", "Known", "Learning", "relabelled"]
