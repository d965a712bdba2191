"""Who holds which device: what the rules of a site need to know of claims outside of the call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from immutables import Map

from dra_policy.inventory import DeviceID
from dra_policy.resources import AllocationResult, DeviceAllocationConfiguration
from dra_policy.rules import ClaimKey
from dra_policy.rules.subjects import Subject

if TYPE_CHECKING:
    from immutables._protocols import MapMutation

    from dra_policy.allocation.site.charging import Totals


@dataclass(frozen=True, slots=True)
class Holder:
    """A claim that holds a device, or a share of one.

    `request` is as in the result; `configs` are those of the claim for that request, in order; `consumed` are the
    amounts of capacity that its share takes; `node` is the one that it is used on, empty if only the device's pool says.
    """

    claim: ClaimKey
    subject: Subject
    pods: frozenset[str]
    request: str
    consumed: tuple[tuple[str, Fraction], ...] = ()
    configs: tuple[DeviceAllocationConfiguration, ...] = field(default=(), compare=False)
    node: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One device more (`sign` 1) or less (-1) that somebody holds."""

    device: DeviceID
    holder: Holder
    sign: int


_NOBODY: tuple[Holder, ...] = ()
_NONE: Map[DeviceID, tuple[Holder, ...]] = Map()
_CHAIN = 512
"""After so many changes sums are worked out anew."""


class Ledger:
    """The holders of all devices. Immutable; adding and taking back an allocation are exact inverses.

    Administrative access holds nothing (J12).
    """

    __slots__ = ("_holders", "changes", "former", "totals")

    def __init__(self, holders: Map[DeviceID, tuple[Holder, ...]] = _NONE) -> None:
        self._holders = holders
        # What sums of this ledger can be worked out from: those of a former one, and what changed since.
        self.totals: dict[int, Totals] = {}
        self.former: Mapping[int, Totals] = {}
        self.changes: tuple[Change, ...] = ()

    def __eq__(self, other: object) -> bool:
        return self._holders == other._holders if isinstance(other, Ledger) else NotImplemented

    def __hash__(self) -> int:
        return hash(len(self._holders))

    def __len__(self) -> int:
        return len(self._holders)

    def holders(self, device: DeviceID) -> tuple[Holder, ...]:
        """Who holds a device, in the order of claims and requests."""
        return self._holders.get(device, _NOBODY)

    def devices(self) -> Iterator[tuple[DeviceID, tuple[Holder, ...]]]:
        """All devices that somebody holds."""
        return iter(self._holders.items())

    def with_allocation(
        self, claim: ClaimKey, subject: Subject, pods: frozenset[str], allocation: AllocationResult, node: str = ""
    ) -> Ledger:
        """With the devices of a claim, which uses them on a node."""
        return self._changed(changes_of(claim, subject, pods, allocation, 1, node))

    def without_allocation(
        self, claim: ClaimKey, subject: Subject, pods: frozenset[str], allocation: AllocationResult, node: str = ""
    ) -> Ledger:
        """Without the devices of a claim that were added with the same words. Raises `ValueError` if they were not."""
        return self._changed(changes_of(claim, subject, pods, allocation, -1, node))

    def without_claims(self, claims: Collection[ClaimKey]) -> Ledger:
        """Without what some claims hold."""
        held = ((device, holder) for device, holders in self.devices() for holder in holders)
        return self._changed(tuple(Change(device, one, -1) for device, one in held if one.claim in claims))

    def _changed(self, changes: tuple[Change, ...]) -> Ledger:
        if not changes:
            return self
        holders = self._holders.mutate()
        for change in changes:
            _change(holders, change)
        after = Ledger(holders.finish())
        known, before = (self.totals, ()) if self.totals else (self.former, self.changes)
        if known and len(before) + len(changes) <= _CHAIN:
            after.former, after.changes = known, (*before, *changes)
        return after


def changes_of(
    claim: ClaimKey, subject: Subject, pods: frozenset[str], allocation: AllocationResult, sign: int, node: str = ""
) -> tuple[Change, ...]:
    """What an allocation means to the ledger. Without a `node` it is the one that the allocation itself is bound to."""
    node = node or node_named_by(allocation)
    config = allocation.devices.config
    changes: list[Change] = []
    for result in allocation.devices.results:
        if result.admin_access:
            continue
        consumed = tuple(sorted((name, amount.value) for name, amount in result.consumed_capacity.items()))
        holder = Holder(claim, subject, pods, result.request, consumed, configs_for(config, result.request), node)
        changes.append(Change(DeviceID(result.driver, result.pool, result.device), holder, sign))
    return tuple(changes)


def node_named_by(allocation: AllocationResult) -> str:
    """The one node that an allocation can be used on by its own words; empty if they name none."""
    terms = () if allocation.node_selector is None else allocation.node_selector.node_selector_terms
    fields = terms[0].match_fields if len(terms) == 1 else ()
    for one in fields:
        if one.key == "metadata.name" and one.operator == "In" and len(one.values) == 1:
            return one.values[0]
    return ""


def configs_for(
    configs: Iterable[DeviceAllocationConfiguration], request: str
) -> tuple[DeviceAllocationConfiguration, ...]:
    """The configuration that is for a request, named as in a result."""
    whole = request.partition("/")[0]
    return tuple(one for one in configs if not one.requests or request in one.requests or whole in one.requests)


def _order(holder: Holder) -> tuple[str, str, str, tuple[tuple[str, Fraction], ...], str]:
    return (*holder.claim, holder.request, holder.consumed, holder.node)


def _change(holders: MapMutation[DeviceID, tuple[Holder, ...]], change: Change) -> None:
    before = holders.get(change.device, _NOBODY)
    if change.sign > 0:
        # Invariant: in order, so that equal holders make equal ledgers, whatever came first.
        holders[change.device] = tuple(sorted((*before, change.holder), key=_order))
        return
    if change.holder not in before:
        raise ValueError(f"{change.device} is given back, but {change.holder.claim} does not hold it")
    at = before.index(change.holder)
    rest = (*before[:at], *before[at + 1 :])
    if rest:
        holders[change.device] = rest
    else:
        del holders[change.device]


__all__ = ["Change", "Holder", "Ledger", "changes_of", "configs_for", "node_named_by"]
