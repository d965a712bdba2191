"""The links between given devices: what a fabric says of them, worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from dra_policy.inventory import DeviceID, DeviceRecord
from dra_policy.rules.fabrics import Fabric
from dra_policy.topology.blocks import blocks
from dra_policy.topology.reading import NodeLabels, is_member
from dra_policy.topology.wiring import Wired, bits_of, wired

CLIQUES = 4096
"""The most maximal sets of mutually linked devices that are listed; graphs with more are judged pair by pair."""

_NO_LABELS: NodeLabels = {}


class Best(NamedTuple):
    """A set of devices with a high sum of bandwidths over its pairs; `proven` if no other has a higher one."""

    devices: tuple[DeviceID, ...]
    total: Fraction
    proven: bool


class Links:
    """What a fabric says of some devices. Immutable but for what it remembers; threads may share it.

    Members are numbered in the order in which the devices were given; sets of them are integers, bit `1 << n` for the
    n-th member. Bandwidths are exact, in bytes per second; `at_least` 0 means any link.
    """

    def __init__(self, fabric: Fabric, records: Iterable[DeviceRecord], labels: NodeLabels = _NO_LABELS) -> None:
        self.fabric = fabric
        self.members: tuple[DeviceRecord, ...] = tuple(record for record in records if is_member(record, fabric))
        self._position = {record.index: position for position, record in enumerate(self.members)}
        self._by_id = {record.id: position for position, record in enumerate(self.members)}
        self._wired: tuple[Wired, ...] = tuple(wired(wiring, self.members, labels) for wiring in fabric.wirings)
        self._layers = tuple(layer for one in self._wired for layer in one.layers)
        self._graphs: dict[Fraction, tuple[int, ...]] = {}
        self._cliques: dict[Fraction, tuple[int, ...] | None] = {}
        self._blocks: dict[tuple[tuple[int, ...], bool, bool], tuple[int, ...]] = {}
        self._hops: dict[Fraction, tuple[tuple[int, ...], ...]] = {}
        self._greatest: Fraction | None = None

    # --- who is who

    def position(self, record: DeviceRecord) -> int | None:
        """The number of a device among the members, None if it is none."""
        return self._position.get(record.index)

    def mask(self, devices: Iterable[DeviceID]) -> int:
        """Some devices as a set; `KeyError` for one that is no member."""
        found = 0
        for device in devices:
            found |= 1 << self._by_id[device]
        return found

    def devices(self, mask: int) -> tuple[DeviceID, ...]:
        """A set as devices, in order."""
        return tuple(self.members[position].id for position in bits_of(mask))

    @property
    def nowhere(self) -> tuple[DeviceID, ...]:
        """Members that no wiring gives a place: without coordinates, at a place taken twice, at no known end."""
        mask = (1 << len(self.members)) - 1
        for one in self._wired:
            mask &= one.nowhere
        return self.devices(mask) if self._wired else ()

    # --- links

    def link(self, a: DeviceID, b: DeviceID) -> Fraction | None:
        """The bandwidth of the direct link between two devices, parallel ones together; None if there is none."""
        p, q = self._by_id.get(a), self._by_id.get(b)
        return None if p is None or q is None else self.between(p, q)

    def between(self, p: int, q: int) -> Fraction | None:
        """`link` by the numbers of two members."""
        total: Fraction | None = None
        for layer in self._layers:
            if layer.linked[p] >> q & 1:
                total = layer.bandwidth if total is None else total + layer.bandwidth
        return total

    def graph(self, at_least: Fraction = Fraction(0)) -> tuple[int, ...]:
        """For each member the set of those that it has a link of at least a bandwidth with."""
        known = self._graphs.get(at_least)
        if known is None:
            known = self._graphs[at_least] = tuple(self._adjacent(p, at_least) for p in range(len(self.members)))
        return known

    def _adjacent(self, p: int, at_least: Fraction) -> int:
        some = enough = 0
        for layer in self._layers:
            some |= layer.linked[p]
            if layer.bandwidth >= at_least:
                enough |= layer.linked[p]
        for q in bits_of(some & ~enough):  # several thin links may do together
            between = self.between(p, q)
            if between is not None and between >= at_least:
                enough |= 1 << q
        return enough

    def neighbours(self, device: DeviceID, at_least: Fraction = Fraction(0)) -> Mapping[DeviceID, Fraction]:
        """The devices that one is directly linked with, and at what bandwidth."""
        p = self._by_id.get(device)
        if p is None:
            return {}
        found: dict[DeviceID, Fraction] = {}
        for q in bits_of(self.graph(at_least)[p]):
            between = self.between(p, q)
            # Invariant: who is in the graph has a link.
            assert between is not None
            found[self.members[q].id] = between
        return found

    @property
    def greatest(self) -> Fraction:
        """The bandwidth of the best link between two members, 0 without any."""
        if self._greatest is None:
            self._greatest = self._best_link()
        return self._greatest

    def _best_link(self) -> Fraction:
        most = sum((layer.bandwidth for layer in self._layers if any(layer.linked)), Fraction(0))
        best = Fraction(0)
        for p in range(len(self.members)):
            for q in bits_of(self.graph()[p] >> p + 1):
                best = max(best, self.between(p, p + 1 + q) or best)
                if best == most:
                    return best
        return best

    # --- sets of devices

    def every_pair(self, devices: Iterable[DeviceID], at_least: Fraction = Fraction(0)) -> bool:
        """Whether every two of some devices are directly linked."""
        graph = self.graph(at_least)
        known = [self._by_id.get(device) for device in dict.fromkeys(devices)]
        places = [p for p in known if p is not None]
        mask = 0
        for p in places:
            mask |= 1 << p
        return len(places) == len(known) and all(mask & ~graph[p] == 1 << p for p in places)

    def connected(self, devices: Iterable[DeviceID], at_least: Fraction = Fraction(0)) -> bool:
        """Whether links among some devices alone lead from each of them to every other."""
        known = [self._by_id.get(device) for device in dict.fromkeys(devices)]
        mask = 0
        for p in known:
            if p is None:
                return len(known) == 1
            mask |= 1 << p
        return self.holds_together(mask, at_least)

    def holds_together(self, mask: int, at_least: Fraction = Fraction(0)) -> bool:
        """`connected` for a set of members."""
        return self._reached(mask & -mask, mask, self.graph(at_least)) == mask

    def components(self, at_least: Fraction = Fraction(0)) -> tuple[int, ...]:
        """The sets of members that hang together over links."""
        graph = self.graph(at_least)
        left, found = (1 << len(self.members)) - 1, []
        while left:
            part = self._reached(left & -left, left, graph)
            found.append(part)
            left &= ~part
        return tuple(found)

    @staticmethod
    def _reached(start: int, inside: int, graph: Sequence[int]) -> int:
        reached = edge = start
        while edge:
            around = 0
            for p in bits_of(edge):
                around |= graph[p]
            edge = around & inside & ~reached
            reached |= edge
        return reached

    def within_hops(self, p: int, hops: int, at_least: Fraction = Fraction(0)) -> int:
        """The members that are at most so many links away from one, itself included."""
        rings = self._hops.get(at_least)
        if rings is None:
            graph = self.graph(at_least)
            rings = self._hops[at_least] = tuple(tuple(_rings(1 << q, graph)) for q in range(len(self.members)))
        own = rings[p]
        return own[min(hops, len(own) - 1)]

    def cliques(self, at_least: Fraction = Fraction(0)) -> tuple[int, ...] | None:
        """The maximal sets of which every two members are linked; None if there are more than `CLIQUES`.

        Devices are linked every two exactly if one of these sets holds all of them.
        """
        if at_least not in self._cliques:
            self._cliques[at_least] = self._maximal(at_least)
        return self._cliques[at_least]

    def _maximal(self, at_least: Fraction) -> tuple[int, ...] | None:
        graph = self.graph(at_least)
        found: list[int] = []
        for part in self.components(at_least):
            if all(graph[p] == part & ~(1 << p) for p in bits_of(part)):
                found.append(part)
                continue
            for clique in _cliques_of(part, graph):
                if len(found) == CLIQUES:
                    return None
                found.append(clique)
        # By their first members, so that numbers do not depend on how they were found.
        return tuple(sorted(found, key=lambda mask: tuple(bits_of(mask))))

    def blocks(self, sides: Sequence[int], *, turned: bool = True, around: bool = False) -> tuple[int, ...]:
        """The contiguous blocks of the fabric's lattices in which every place has a member (see `Shaped`)."""
        key = tuple(sides), turned, around
        known = self._blocks.get(key)
        if known is None:
            found: dict[int, None] = {}
            for one in self._wired:
                found.update(dict.fromkeys(blocks(one, sides, turned=turned, around=around)))
            known = self._blocks[key] = tuple(found)
        return known

    def best(self, count: int, among: Iterable[DeviceID] | None = None, *, steps: int = 100_000) -> Best | None:
        """The set of so many devices with the highest sum of bandwidths over its pairs, the first one of several.

        None if there are not so many; `steps` bounds the work, after which the best set found so far is told.
        """
        places = range(len(self.members)) if among is None else list(bits_of(self.mask(among)))
        if count > len(places) or count < 0:
            return None
        rows = {p: {q: self.between(p, q) or Fraction(0) for q in places if q != p} for p in places}
        best: tuple[Fraction, tuple[int, ...]] | None = None
        greatest = max((bandwidth for row in rows.values() for bandwidth in row.values()), default=Fraction(0))
        stack: list[tuple[tuple[int, ...], int, Fraction]] = [((), 0, Fraction(0))]
        while stack:
            if steps <= 0 and best is not None:
                break
            steps -= 1
            chosen, after, total = stack.pop()
            left = count - len(chosen)
            if not left:
                if best is None or total > best[0]:
                    best = total, chosen
                continue
            rest = places[after:]
            if len(rest) < left:
                continue
            gains = sorted((sum((rows[p][q] for q in chosen), Fraction(0)) for p in rest), reverse=True)[:left]
            bound = total + sum(gains, Fraction(0)) + greatest * (left * (left - 1) // 2)
            if best is not None and bound <= best[0]:
                continue
            for at in reversed(range(after, len(places) - left + 1)):
                p = places[at]
                stack.append(((*chosen, p), at + 1, total + sum((rows[p][q] for q in chosen), Fraction(0))))
        if best is None:
            return None
        return Best(tuple(self.members[p].id for p in best[1]), best[0], not stack)

    def __repr__(self) -> str:
        return f"Links({self.fabric.name!r}, {len(self.members)} members)"


def _rings(start: int, graph: Sequence[int]) -> Iterator[int]:
    reached = edge = start
    while edge:
        yield reached
        around = 0
        for p in bits_of(edge):
            around |= graph[p]
        edge = around & ~reached
        reached |= edge


def _cliques_of(part: int, graph: Sequence[int]) -> Iterator[int]:
    import networkx as nx  # late: it takes longer to load than most questions take, and few need it

    drawn: nx.Graph[int] = nx.Graph()
    drawn.add_nodes_from(bits_of(part))
    drawn.add_edges_from((p, q) for p in bits_of(part) for q in bits_of(graph[p] & part) if p < q)
    for clique in nx.find_cliques(drawn):
        mask = 0
        for p in clique:
            mask |= 1 << p
        yield mask


__all__ = ["CLIQUES", "Best", "Links"]
