"""Claims that rules of a site count, wherever in the cluster they hold their devices: under quotas, at places, and on
boards that span nodes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from fractions import Fraction

from dra_policy.allocation.site import SiteQuestion
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.charging import bucket_of, held_charge
from dra_policy.allocation.site.ledger import Change
from dra_policy.allocation.site.matching import MATCHING
from dra_policy.explanation.situation import Situation
from dra_policy.rules import ClaimKey
from dra_policy.rules.conditions import NODE
from dra_policy.rules.site import Quota
from dra_policy.rules.subjects import Missing

MOST = 64
"""So many claims are told apart, those that hold most; all others stay where they are."""


def counted(situation: Situation) -> tuple[ClaimKey, ...]:
    """The claims that count against those asked for, whichever node they are on; those that hold most first."""
    known = situation.kept.get("counted")
    if not isinstance(known, tuple):
        known = situation.kept["counted"] = () if situation.site is None else _counted(situation, situation.site)
    return known


def _counted(situation: Situation, site: SiteQuestion) -> tuple[ClaimKey, ...]:
    held: dict[ClaimKey, Fraction] = {}
    for key, amount in (*_charged(situation, site), *_at_places(site), *_on_boards(site)):
        if key in situation.held:
            held[key] = held.get(key, Fraction(0)) + amount
    return tuple(sorted(held, key=lambda key: (-held[key], str(key)))[:MOST])


def buckets(situation: Situation, site: SiteQuestion, quota: Quota) -> frozenset[Hashable]:
    """Whose parts of a quota the claims asked for take; none if it is not about them."""
    found = (bucket_of(quota, site.asker(n).subject, site.now) for n in range(len(situation.claims)))
    return frozenset(bucket for bucket in found if bucket is not None and not isinstance(bucket, Missing))


def _charged(situation: Situation, site: SiteQuestion) -> Iterator[tuple[ClaimKey, Fraction]]:
    """What quotas count that the claims asked for are charged to, or that are in a cohort with one of these."""
    own = [(quota, buckets(situation, site, quota)) for quota in site.rules.quotas]
    cohorts = {quota.cohort for quota, whose in own if whose and quota.cohort is not None}
    for quota, whose in own:
        if not whose and quota.cohort not in cohorts:
            continue
        for device, holders in site.ledger.devices():
            for holder in holders:
                charged = held_charge(quota, Change(device, holder, 1), site.snapshot, site.now)
                if charged is not None and charged.amount and (quota.cohort in cohorts or charged.bucket in whose):
                    yield holder.claim, charged.amount


def _at_places(site: SiteQuestion) -> Iterator[tuple[ClaimKey, Fraction]]:
    """Who holds devices that are counted, or of which some are kept free, at places larger than a node."""
    rules = site.rules
    found = [(keep.level, keep.devices) for keep in rules.keeps]
    found += [(ceiling.level, ceiling.devices) for ceiling in rules.ceilings]
    found += [(exclusion.level, kind.devices) for exclusion in rules.exclusions for kind in exclusion.kinds]
    for level, condition in found:
        if level == NODE:
            continue
        for device, holders in site.ledger.devices():
            slots = site.snapshot.indices_of(device)
            if slots and MATCHING.of(condition, site.snapshot.device(slots[0])) is True:
                yield from ((holder.claim, Fraction(1)) for holder in holders)


def _on_boards(site: SiteQuestion) -> Iterator[tuple[ClaimKey, Fraction]]:
    """Who uses boards that span nodes, under rules over those who use one together."""
    for rule in site.rules.used_together:
        if not rule.board.spans_nodes:
            continue
        for device, holders in site.ledger.devices():
            slots = site.snapshot.indices_of(device)
            board = board_of(site.snapshot.device(slots[0]), rule.board) if slots else device
            if board != device and not isinstance(board, Missing):
                yield from ((holder.claim, Fraction(1)) for holder in holders)


__all__ = ["MOST", "buckets", "counted"]
