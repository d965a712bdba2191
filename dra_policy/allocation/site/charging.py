"""What quotas count: for one device that a claim holds, and for all claims together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import lcm

from dra_policy.allocation.counters import demand
from dra_policy.allocation.site.ledger import Change, Ledger
from dra_policy.allocation.site.matching import MATCHING
from dra_policy.expression import DeviceFacts
from dra_policy.inventory import DeviceID, DeviceRecord, PersistentVector, Snapshot
from dra_policy.resources import Device
from dra_policy.rules.conditions import reads_time
from dra_policy.rules.deciding import NOWHERE, Setting, published_amount, truth
from dra_policy.rules.site import Charge, ChargeUnit, Quota
from dra_policy.rules.subjects import Missing, Subject

NANO = 10**9

WHOLE = Fraction(1)
"""What a device counts for which no charge is meant, or of which nobody can tell any more what it was."""


def charge_of(quota: Quota, record: DeviceRecord, consumed: Callable[[], Mapping[str, Fraction]]) -> Fraction | Missing:
    """What a quota counts for a device that it is about; `consumed` is what a share takes of its capacities."""
    for charge in quota.charges:
        meant = MATCHING.of(charge.devices, record)
        if isinstance(meant, Missing):
            return meant
        if meant:
            return _amount(charge, record, consumed)
    return WHOLE


def _amount(charge: Charge, record: DeviceRecord, consumed: Callable[[], Mapping[str, Fraction]]) -> Fraction | Missing:
    amount: Fraction | None = None
    match charge.by:
        case ChargeUnit.DEVICE:
            amount = WHOLE
        case ChargeUnit.COUNTER:
            drawn = [nano for (_, name), nano in demand(record.device).items() if name == charge.name]
            amount = Fraction(sum(drawn), NANO) if drawn else None
        case ChargeUnit.CAPACITY:
            amount = published_amount(record.device, record.id.driver, charge.name)
        case ChargeUnit.CONSUMED:
            # A device held as a whole consumes all that it has.
            amount = consumed().get(charge.name)
            if amount is None:
                amount = published_amount(record.device, record.id.driver, charge.name)
    if amount is None:
        return Missing(f"the device has no {charge.by.name.lower()} `{charge.name}` to count it by")
    return amount * charge.rate


@dataclass(frozen=True, slots=True)
class Charged:
    """How much of a quota something takes; `bucket` is whose it is, where each value of a field has its own."""

    bucket: Hashable
    amount: Fraction


def bucket_of(quota: Quota, subject: Subject, now: datetime) -> Hashable | Missing | None:
    """Whose part of a quota an asker takes; None if the quota is not about the asker."""
    member = truth(quota.subject, Setting(subject, now))
    if isinstance(member, Missing):
        return member
    if not member:
        return None
    return "" if quota.per is None else subject.get(quota.per)


def held_charge(quota: Quota, change: Change, snapshot: Snapshot, now: datetime) -> Charged | None:
    """What a quota counts for a device that is held; None if nothing.

    Nobody is charged who cannot be told to be one of those whom the quota is about. A device that is no longer published
    counts as a whole one, unless the quota cannot be about it.
    """
    bucket = bucket_of(quota, change.holder.subject, now)
    if bucket is None or isinstance(bucket, Missing):
        return None
    slots = snapshot.indices_of(change.device)
    if not slots:
        return None if _gone(quota, change.device) is False else Charged(bucket, WHOLE)
    record = snapshot.device(slots[0])
    if MATCHING.of(quota.devices, record) is False:
        return None
    amount = charge_of(quota, record, lambda: dict(change.holder.consumed))
    return Charged(bucket, WHOLE if isinstance(amount, Missing) else amount)


def _gone(quota: Quota, device: DeviceID) -> bool | Missing:
    """Whether a quota is about a device of which only the name is known."""
    bare = Device(name=device.device)
    return truth(
        quota.devices, Setting(Subject(()), NOWHERE.now, facts=DeviceFacts.of(device.driver, bare), device=bare)
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """What a quota counts in all, by bucket, as far as it depends on these devices."""

    quota: Quota
    records: PersistentVector[DeviceRecord]
    sums: Mapping[Hashable, Fraction]


def totals(ledger: Ledger, quota: Quota, snapshot: Snapshot, now: datetime) -> Mapping[Hashable, Fraction]:
    """What a quota counts for everything that is held, by bucket; remembered as long as nothing changes."""
    key = id(quota)
    lasting = not reads_time(quota.subject)
    for known, changes in ((ledger.totals, ()), (ledger.former, ledger.changes)):
        before = known.get(key) if lasting else None
        # Invariant: what is remembered holds on to the quota, so no address is used twice.
        if before is not None and before.records is snapshot.records:
            if not changes:
                return before.sums
            return _keep(ledger, quota, snapshot, _summed(dict(before.sums), quota, changes, snapshot, now))
    everything = (Change(device, holder, 1) for device, holders in ledger.devices() for holder in holders)
    sums = _summed({}, quota, everything, snapshot, now)
    return _keep(ledger, quota, snapshot, sums) if lasting else sums


def _keep(
    ledger: Ledger, quota: Quota, snapshot: Snapshot, sums: Mapping[Hashable, Fraction]
) -> Mapping[Hashable, Fraction]:
    ledger.totals[id(quota)] = Totals(quota, snapshot.records, sums)
    return sums


def _summed(
    sums: dict[Hashable, Fraction], quota: Quota, changes: Iterable[Change], snapshot: Snapshot, now: datetime
) -> dict[Hashable, Fraction]:
    for change in changes:
        charged = held_charge(quota, change, snapshot, now)
        if charged is None or not charged.amount:
            continue
        after = sums.get(charged.bucket, Fraction(0)) + change.sign * charged.amount
        if after:
            sums[charged.bucket] = after
        else:
            del sums[charged.bucket]
    return sums


def unit_of(quotas: Iterable[Quota]) -> int:
    """The parts of one in which all charges of some quotas are whole numbers."""
    unit = 1
    for quota in quotas:
        for charge in quota.charges:
            parts = charge.rate.denominator * (1 if charge.by is ChargeUnit.DEVICE else NANO)
            unit = lcm(unit, parts)
    return unit


__all__ = ["WHOLE", "Charged", "Totals", "bucket_of", "charge_of", "held_charge", "totals", "unit_of"]
