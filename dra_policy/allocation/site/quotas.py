"""How much of some devices askers may hold together, with what cohorts borrow and lend (`rules.site.Quota`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, NamedTuple, TypeAlias, cast

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import NEVER, Answer, Choice, Draws, Nature, Reach, Reads, Reply, Resource
from dra_policy.allocation.site.charging import bucket_of, charge_of, totals, unit_of
from dra_policy.allocation.site.context import Context, matches, undecided
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.rules import Origin
from dra_policy.rules.site import Quota, Strength
from dra_policy.rules.subjects import Missing

Account: TypeAlias = tuple[int, Hashable]
"""A quota of the rule, by its number, and whose part of it."""


class _Entry(NamedTuple):
    """What a choice takes of an account, in units of the rule."""

    account: Account
    amount: int


class _Unknown(NamedTuple):
    """Nobody can tell what a choice takes of a quota."""

    quota: Quota
    missing: Missing


_Charges: TypeAlias = tuple[_Entry, ...] | _Unknown


class Quotas(OfSite):
    """Refuses what one quota, or those of one cohort together, have no room for. Administrative access takes nothing.

    Amounts are whole parts of one, in a unit in which all charges are whole.
    """

    __slots__ = (
        "_before",
        "_ceilings",
        "_charges",
        "_cohort",
        "_context",
        "_kept",
        "_pool",
        "_quotas",
        "_spared",
        "_unit",
        "_used",
    )

    nature: ClassVar[Nature] = Nature(
        Cause.QUOTA,
        (),
        Reach.CLUSTER,
        frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.COUNTERS, Reads.USAGE, Reads.CHOICES, Reads.ASKER}),
    )

    def __init__(self, quotas: Iterable[Quota], context: Context) -> None:
        self._quotas = tuple(quotas)
        self._context = context
        self._cohort = self._quotas[0].cohort is not None
        unit = self._unit = unit_of(self._quotas)
        ceilings = [quota.ceiling for quota in self._quotas]
        self._ceilings = [None if ceiling is None else int(ceiling * unit) for ceiling in ceilings]
        self._kept = [(quota.own - quota.lent) * unit for quota in self._quotas]
        self._pool: Fraction = sum((quota.lent * unit for quota in self._quotas), Fraction(0))
        question = context.question
        self._used: dict[Account, int] = {}
        for number, quota in enumerate(self._quotas):
            sums = totals(question.ledger, quota, question.snapshot, question.now)
            for bucket, amount in sums.items():
                # Whatever is a part of a unit in a charge is whole; only rules that changed meanwhile may leave less.
                self._used[number, bucket] = -int(-amount * unit // 1)
        self._before = dict(self._used)
        # All charges are whole: less than an amount is at most one less.
        self._spared = {
            number: int(amount * unit) - 1
            for number, quota in enumerate(self._quotas)
            for spared, amount in question.spared
            if spared is quota
        }
        self._charges: dict[tuple[int, int], _Charges] = {}

    @property
    def named(self) -> Origin:
        return self._quotas[0].origin

    # --- what choices take

    def _taken(self, choice: Choice) -> _Charges:
        if choice.asked.admin:
            return ()
        key = choice.asked.number, choice.record.index
        known = self._charges.get(key)
        if known is None:
            known = self._charges[key] = self._worked_out(choice)
        return known

    def _worked_out(self, choice: Choice) -> _Charges:
        context = self._context
        subject = context.asker(choice.asked).subject
        entries: list[_Entry] = []
        for number, quota in enumerate(self._quotas):
            about = matches(quota.devices, choice.record, quota.strength)
            bucket = None if about is False else bucket_of(quota, subject, context.question.now)
            if about is False or bucket is None:
                continue
            amount = charge_of(quota, choice.record, lambda: context.consumed(choice))
            for unknown in (about, bucket, amount):
                if isinstance(unknown, Missing):
                    if quota.strength is Strength.MUST:
                        return _Unknown(quota, unknown)
                    break
            else:
                # Invariant: no part of it is missing, or the loop had been left.
                assert isinstance(amount, Fraction)
                if amount:
                    entries.append(_Entry((number, bucket), int(amount * self._unit)))
        return tuple(entries)

    # --- what there is room for

    def _short(self, taken: tuple[_Entry, ...]) -> Quota | None:
        """The first quota that has no room."""
        used = self._used
        borrowed = zero = Fraction(0)
        for account, amount in taken:
            number = account[0]
            ceiling = self._ceilings[number]
            after = used.get(account, 0) + amount
            if ceiling is not None and after > ceiling:
                return self._quotas[number]
            if number in self._spared and after - self._before.get(account, 0) > self._spared[number]:
                return self._quotas[number]
            if self._cohort:
                kept = self._kept[number]
                borrowed += max(after - kept, zero) - max(after - amount - kept, zero)
                if borrowed and self._beyond() + borrowed > self._pool:
                    return self._quotas[number]
        return None

    def _beyond(self) -> Fraction:
        """What the quotas of the cohort hold together beyond what each keeps for itself."""
        held = [Fraction(0)] * len(self._quotas)
        for (number, _), amount in self._used.items():
            held[number] += amount
        return sum((max(held[number] - kept, Fraction(0)) for number, kept in enumerate(self._kept)), Fraction(0))

    def take(self, choice: Choice) -> Answer:
        taken = self._taken(choice)
        if not taken:
            return Reply.TAKEN
        if isinstance(taken, _Unknown) or self._short(taken) is not None:
            return Reply.REFUSED
        for account, amount in taken:
            self._used[account] = self._used.get(account, 0) + amount
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        taken = self._taken(choice)
        # Invariant: what nobody can tell is never taken.
        assert not isinstance(taken, _Unknown)
        for account, amount in taken:
            left = self._used[account] - amount
            if left or account in self._before:
                self._used[account] = left
            else:
                del self._used[account]

    def state(self) -> Hashable:
        return frozenset(self._used.items())

    def origin(self, choice: Choice) -> Origin:
        taken = self._taken(choice)
        if isinstance(taken, _Unknown):
            return undecided(taken.quota.origin, taken.missing)
        short = self._short(taken) or self._quotas[0]
        number = self._quotas.index(short)
        account = next((entry.account for entry in taken if entry.account[0] == number), (number, ""))
        held = Fraction(self._before.get(account, 0), self._unit)
        return replace(short.origin, text=f"{short.origin.text} ({self._told(short, held)})")

    def _told(self, quota: Quota, held: Fraction) -> str:
        """What others held before the call: the same for all devices that a quota takes away."""
        ceiling = quota.ceiling
        told = f"{held} held" if ceiling is None else f"{held} of {ceiling} held"
        if not self._cohort or (ceiling is not None and held >= ceiling):
            return told
        together = sum((Fraction(amount, self._unit) for amount in self._before.values()), Fraction(0))
        return f"{told}, {together} of {sum(one.own for one in self._quotas)} in cohort {quota.cohort}"

    def kind(self, choice: Choice) -> Hashable:
        return self._taken(choice)

    # --- bounds

    def draws(self, choice: Choice) -> Draws:
        taken = self._taken(choice)
        if isinstance(taken, _Unknown):
            return ((NEVER, 1),)
        drawn = [
            (Resource(("quota", id(self), account), account), amount)
            for account, amount in taken
            if self._ceilings[account[0]] is not None
        ]
        if self._cohort and taken and self._beyond() <= self._pool:
            # What all hold beyond what they keep is bounded by what is lent, so all together by all that is owned.
            drawn.append((Resource(("cohort", id(self)), ()), sum(amount for _, amount in taken)))
        return tuple(drawn)

    def supply(self, resource: Resource) -> int:
        if resource is NEVER:
            return 0
        if resource.key == ():
            owned = sum((quota.own * self._unit for quota in self._quotas), Fraction(0))
            return max(0, int(owned) - sum(self._used.values()))
        account = cast("Account", resource.key)
        ceiling = self._ceilings[account[0]]
        # Invariant: `draws` names only accounts with a ceiling.
        assert ceiling is not None
        return max(0, ceiling - self._used.get(account, 0))

    def exact(self, choice: Choice) -> bool:
        taken = self._taken(choice)
        return not taken or not (self._cohort or self._spared or isinstance(taken, _Unknown))

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        taken = self._taken(choice)
        return () if not taken or isinstance(taken, _Unknown) else (id(self),)


def quota_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each cohort and for each quota by itself."""
    cohorts: dict[str, list[Quota]] = {}
    for quota in context.question.rules.quotas:
        if quota.cohort is None:
            yield Quotas((quota,), context)
        else:
            cohorts.setdefault(quota.cohort, []).append(quota)
    for members in cohorts.values():
        yield Quotas(members, context)


__all__ = ["Quotas", "quota_rules"]
