"""Nodes that the rules of a site cannot tell apart: what one of them refuses, the others refuse.

The classes of the cluster index tell apart what Kubernetes' rules and the claims read. A signature tells apart what the
rules of the site read of devices beside that. Rules that look at a node, or across nodes, leave no two nodes alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from dra_policy.allocation.attributes import published
from dra_policy.allocation.counters import demand
from dra_policy.allocation.site import Ledger
from dra_policy.cluster import Place
from dra_policy.expression import Read
from dra_policy.inventory import DeviceRecord
from dra_policy.rules.conditions import Condition, DeviceAmount, DeviceTest, DeviceValue, parts_of, reads_node
from dra_policy.rules.site import BoardKey, ChargeUnit, SiteRules

_MOST = 1 << 17
"""How many places are remembered; past that all are forgotten."""


class Signatures:
    """The signatures of nodes under some rules of a site. Any number of threads may ask."""

    __slots__ = ("_amounts", "_boards", "_counters", "_known", "_numbers", "_reads", "_shared", "_tell", "rules")

    def __init__(self, rules: SiteRules) -> None:
        self.rules = rules
        conditions = list(_conditions(rules))
        parts = [part for condition in conditions for part in parts_of(condition)]
        units = {charge.by for quota in rules.quotas for charge in quota.charges}
        self._shared = bool(rules.used_together)
        self._tell = not (rules.keeps or rules.exclusions or rules.ceilings) and not any(map(reads_node, conditions))
        reads: set[Read] = set()
        for part in parts:
            if isinstance(part, DeviceTest | DeviceValue):
                reads |= part.program.reads
        self._reads = frozenset(reads)
        self._amounts = any(isinstance(part, DeviceAmount) for part in parts) or bool(
            units & {ChargeUnit.CAPACITY, ChargeUnit.CONSUMED}
        )
        self._counters = ChargeUnit.COUNTER in units
        # Of boards that span nodes the value says all: who uses them elsewhere is the same for all nodes that have it.
        self._boards = tuple(rule.board for rule in rules.used_together)
        self._known: dict[int, tuple[Place, int]] = {}
        self._numbers: dict[Hashable, int] = {}

    def of(self, place: Place, ledger: Ledger) -> int | None:
        """A number that places have in common which cannot be told apart; None if nobody knows."""
        if not self._tell or (self._shared and any(ledger.holders(record.id) for record in place.records)):
            return None
        known = self._known.get(id(place))
        if known is None:
            seen = tuple([self._seen(record) for record in place.records])
            known = place, self._numbers.setdefault(seen, len(self._numbers))
            if len(self._known) >= _MOST:
                self._known = {}
            # The place is kept, so that no other one gets its address.
            self._known[id(place)] = known
        return known[1]

    def _seen(self, record: DeviceRecord) -> Hashable:
        """Everything of a device that the rules can depend on."""
        device = record.device
        return (
            record.id.driver,
            record.facts.project(self._reads),
            frozenset(demand(device).items()) if self._counters else None,
            tuple(sorted((name, one.value.nano) for name, one in device.capacity.items())) if self._amounts else None,
            tuple([_board(record, key) for key in self._boards]) if self._boards else None,
        )


def _board(record: DeviceRecord, key: BoardKey) -> Hashable:
    names = [name for names in key.attributes for name in ((names,) if isinstance(names, str) else names)]
    return tuple(published(record, name) for name in names), record.id.device if key.pattern else ""


def _conditions(rules: SiteRules) -> Iterator[Condition]:
    yield from (one.condition for one in rules.refusals)
    yield from (quota.devices for quota in rules.quotas)
    yield from (limit.devices for limit in rules.sharing)
    yield from (agreement.devices for agreement in rules.agreements)
    yield from (charge.devices for quota in rules.quotas for charge in quota.charges)
    yield from (mode.devices for one in rules.modes for mode in one.modes)


__all__ = ["Signatures"]
