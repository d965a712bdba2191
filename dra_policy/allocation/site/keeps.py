"""Devices that stay free for some at each place of a level (`rules.site.Keep`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from dra_policy.allocation.counters import CounterName, available, demand
from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Draws, Nature, Reach, Reads, Reply, Resource
from dra_policy.allocation.site.context import Context, matches, undecided
from dra_policy.allocation.site.matching import MATCHING
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.allocation.site.question import SiteQuestion
from dra_policy.inventory import DeviceRecord, PoolID, PoolState, chosen
from dra_policy.resources import Node, Quantity
from dra_policy.rules import Origin
from dra_policy.rules.deciding import place_of
from dra_policy.rules.site import Keep, Strength
from dra_policy.rules.subjects import Missing


@dataclass(frozen=True, slots=True)
class _Part:
    """What a place sees of a pool: the devices that are kept, and what they draw on."""

    records: tuple[DeviceRecord, ...]
    counter_sets: Mapping[str, Mapping[str, Quantity]]
    members: tuple[DeviceRecord, ...]

    def left(self, question: SiteQuestion, taken: Sequence[DeviceRecord]) -> Mapping[CounterName, int]:
        """What is left of the counters beside what is held and `taken`."""
        if not self.counter_sets:
            return {}
        gone = {record.index for record in taken}
        drawing = [r.device for r in self.members if r.index in gone or question.ledger.holders(r.id)]
        return available(self.counter_sets, drawing)

    def free(self, question: SiteQuestion, taken: Sequence[DeviceRecord]) -> int:
        """How many of the devices are free."""
        left = self.left(question, taken)
        gone = {record.index for record in taken}
        return sum(
            1
            for record in self.records
            if record.index not in gone
            and not question.ledger.holders(record.id)
            and all(left.get(name, 0) >= amount for name, amount in demand(record.device).items())
        )


@dataclass(frozen=True, slots=True)
class Stock:
    """The kept devices at one place before the call: parts by pool, how many are free in each, and in all."""

    parts: Mapping[PoolID, _Part]
    free: Mapping[PoolID, int]
    total: int


def stock_of(question: SiteQuestion, keep: Keep, place: str) -> Stock:
    """What there is of the kept devices at a place; worked out once a question."""
    known = question.kept.get((id(keep), place))
    if isinstance(known, Stock):
        return known
    snapshot = question.snapshot
    found: dict[PoolID, dict[int, DeviceRecord]] = {}
    members: dict[PoolID, dict[int, DeviceRecord]] = {}
    sets: dict[PoolID, Mapping[str, Mapping[str, Quantity]]] = {}
    for node in nodes_at(question, keep.level).get(place, ()):
        for pool in snapshot.view(node).pools:
            if pool.state is not PoolState.COMPLETE:
                continue
            kept = [one for one in chosen(pool.records, pool.reached) if MATCHING.of(keep.devices, one) is True]
            if kept:
                found.setdefault(pool.id, {}).update((record.index, record) for record in kept)
                everybody = (*pool.records, *pool.others)
                members.setdefault(pool.id, {}).update((record.index, record) for record in everybody)
                sets[pool.id] = pool.counter_sets
    parts = {
        pool: _Part(tuple(records.values()), sets[pool], tuple(members[pool].values()))
        for pool, records in found.items()
    }
    free = {pool: part.free(question, ()) for pool, part in parts.items()}
    stock = Stock(parts, free, sum(free.values()))
    question.kept[id(keep), place] = stock
    return stock


def nodes_at(question: SiteQuestion, level: str) -> Mapping[str, Sequence[Node]]:
    """The nodes at each place of a level; worked out once a question. Those of which nobody knows are at none."""
    known = question.kept.get(("places", level))
    if isinstance(known, dict):
        return known
    levels = question.rules.level_labels()
    found: dict[str, list[Node]] = {}
    for node in question.snapshot.nodes():
        place = place_of(level, node.metadata.name, node.metadata.labels, levels)
        if not isinstance(place, Missing):
            found.setdefault(place, []).append(node)
    question.kept["places", level] = found
    return found


class Kept(OfSite):
    """Refuses what would leave too few free devices at a place, to whom they are not kept for.

    Devices that several nodes see are at the place of each of them. Administrative access takes nothing.
    """

    __slots__ = ("_chosen", "_context", "_exempt", "_keep", "_places")

    nature: ClassVar[Nature] = Nature(
        Cause.KEEP,
        (),
        Reach.CLUSTER,
        frozenset({Reads.ATTRIBUTES, Reads.COUNTERS, Reads.NODE, Reads.USAGE, Reads.CHOICES, Reads.ASKER}),
    )

    def __init__(self, keep: Keep, context: Context) -> None:
        self._keep = keep
        self._context = context
        self._chosen: dict[PoolID, tuple[DeviceRecord, ...]] = {}
        self._exempt: dict[tuple[int, str], bool | Missing] = {}
        self._places: dict[PoolID, tuple[Stock, ...] | Missing] = {}

    @property
    def named(self) -> Origin:
        return self._keep.origin

    def _is_exempt(self, choice: Choice) -> bool | Missing:
        """Whether the devices are kept for the asker."""
        key = choice.asked.claim, choice.asked.ask.class_name
        known = self._exempt.get(key)
        if known is None:
            keep = self._keep
            known = False
            if keep.classes is None or choice.asked.ask.class_name in keep.classes:
                known = self._context.decide(keep.subject, choice.asked.claim)
            self._exempt[key] = known
        return known

    def _stocks(self, pool: PoolID) -> tuple[Stock, ...] | Missing:
        """The stocks that a pool belongs to; missing if nobody knows where the node is."""
        known = self._places.get(pool)
        if known is None:
            known = self._places[pool] = self._found(pool)
        return known

    def _found(self, pool: PoolID) -> tuple[Stock, ...] | Missing:
        question, keep, levels = self._context.question, self._keep, self._context.levels
        here = self._context.view.node.metadata
        place = place_of(keep.level, here.name, here.labels, levels)
        if isinstance(place, Missing):
            return place
        places = [place]
        if question.snapshot.node_of(pool) is None:
            places += nodes_at(question, keep.level)
        stocks = [stock_of(question, keep, one) for one in dict.fromkeys(places)]
        return tuple(stock for stock in stocks if pool in stock.parts)

    def _concerned(self, choice: Choice) -> tuple[Stock, ...] | Missing:
        """The stocks that a choice may take from."""
        if choice.asked.admin:
            return ()
        about = matches(self._keep.devices, choice.record, self._keep.strength)
        stocks = self._stocks(choice.record.id.pool_id)
        if isinstance(stocks, Missing):
            return stocks if about is True and self._keep.strength is Strength.MUST else ()
        return about if isinstance(about, Missing) else stocks

    def _total(self, stock: Stock, changed: PoolID, taken: Sequence[DeviceRecord]) -> int:
        """How many are free at a place if of one pool these devices are chosen."""
        question = self._context.question
        total = stock.total
        for pool, records in {**self._chosen, changed: tuple(taken)}.items():
            part = stock.parts.get(pool)
            if part is not None and records:
                total += part.free(question, records) - stock.free[pool]
        return total

    def _leaves(self, choice: Choice, stocks: Sequence[Stock]) -> int | None:
        """How many would be left where it is too few; None if a choice leaves enough."""
        pool = choice.record.id.pool_id
        before = self._chosen.get(pool, ())
        for stock in stocks:
            after = self._total(stock, pool, (*before, choice.record))
            if after < self._keep.count and after < self._total(stock, pool, before):
                return after
        return None

    def _refuses(self, choice: Choice, stocks: tuple[Stock, ...] | Missing) -> bool:
        if stocks == () or self._is_exempt(choice) is True:
            return False
        return isinstance(stocks, Missing) or self._leaves(choice, stocks) is not None

    def take(self, choice: Choice) -> Answer:
        stocks = self._concerned(choice)
        if self._refuses(choice, stocks):
            return Reply.REFUSED
        if stocks:
            pool = choice.record.id.pool_id
            self._chosen[pool] = (*self._chosen.get(pool, ()), choice.record)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        if not self._concerned(choice):
            return
        pool = choice.record.id.pool_id
        rest = self._chosen[pool][:-1]
        if rest:
            self._chosen[pool] = rest
        else:
            del self._chosen[pool]

    def state(self) -> Hashable:
        return frozenset((pool, frozenset(r.index for r in records)) for pool, records in self._chosen.items())

    def origin(self, choice: Choice) -> Origin:
        origin, stocks, exempt = self._keep.origin, self._concerned(choice), self._is_exempt(choice)
        if isinstance(stocks, Missing):
            return undecided(origin, stocks)
        left = self._leaves(choice, stocks)
        if left is not None:
            origin = replace(origin, text=f"{origin.text} ({left} would be left)")
        return undecided(origin, exempt) if isinstance(exempt, Missing) else origin

    def kind(self, choice: Choice) -> Hashable:
        if choice.record.device.consumes_counters:
            return choice.record.index
        return MATCHING.of(self._keep.devices, choice.record), choice.record.id.pool_id

    def draws(self, choice: Choice) -> Draws:
        record, stocks = choice.record, self._concerned(choice)
        shared = bool(record.device.allow_multiple_allocations)
        if isinstance(stocks, Missing) or not stocks or shared or self._is_exempt(choice) is True:
            return ()
        if MATCHING.of(self._keep.devices, record) is not True or self._context.holders(record):
            return ()
        return tuple(
            (Resource(("keep", id(self)), id(stock)), 1)
            for stock in stocks
            if any(one.index == record.index for one in stock.parts[record.id.pool_id].records)
        )

    def supply(self, resource: Resource) -> int:
        for stocks in self._places.values():
            for stock in () if isinstance(stocks, Missing) else stocks:
                if id(stock) == resource.key:
                    pool = next(iter(stock.parts))
                    return max(0, self._total(stock, pool, self._chosen.get(pool, ())) - self._keep.count)
        raise KeyError(resource)

    def exact(self, choice: Choice) -> bool:
        return not self._concerned(choice)

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        return (id(self),) if self._concerned(choice) else ()


def keep_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each that somebody in the call is not exempt from, or takes from."""
    for keep in context.question.rules.keeps:
        if keep.count > 0:
            yield Kept(keep, context)


__all__ = ["Kept", "Stock", "keep_rules", "stock_of"]
