"""What a site refuses: a device, for a class, to an asker, on a node, at a time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Nature, Reach, Reads, Reply
from dra_policy.allocation.site.context import Context, undecided
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.rules import Origin
from dra_policy.rules.conditions import reads_device
from dra_policy.rules.deciding import Truth
from dra_policy.rules.site import Counts, Refusal, Strength
from dra_policy.rules.subjects import Missing


class Refused(OfSite):
    """Refuses every device that a condition holds for; where nobody can tell, a `MUST` refuses too and says why.

    It refuses to administrative access as well.
    """

    __slots__ = ("_by_claim", "_context", "_known", "_refusal", "_two_sided")

    nature: ClassVar[Nature] = Nature(
        Cause.REFUSAL, (), Reach.DEVICE, frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.NODE, Reads.ASKER})
    )

    def __init__(self, refusal: Refusal, context: Context) -> None:
        self._refusal = refusal
        self._context = context
        self._two_sided = reads_device(refusal.condition)
        self._by_claim: dict[int, Truth] = {}
        self._known: dict[tuple[int, int], Truth] = {}

    @property
    def named(self) -> Origin:
        return self._refusal.origin

    def _holds(self, choice: Choice) -> Truth:
        refusal, claim = self._refusal, choice.asked.claim
        if refusal.classes is not None and choice.asked.ask.class_name not in refusal.classes:
            return False
        found: Truth | None
        if self._two_sided:
            key = claim, choice.record.index
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = self._context.decide_on(refusal.condition, choice)
        else:
            found = self._by_claim.get(claim)
            if found is None:
                found = self._by_claim[claim] = self._context.decide(refusal.condition, claim)
        return False if isinstance(found, Missing) and refusal.strength is Strength.SHOULD else found

    def take(self, choice: Choice) -> Answer:
        return Reply.TAKEN if self._holds(choice) is False else Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        found = self._holds(choice)
        return undecided(self._refusal.origin, found) if isinstance(found, Missing) else self._refusal.origin

    def kind(self, choice: Choice) -> Hashable:
        return self._holds(choice)


class Counted(OfSite):
    """Refuses every device to a request that asks for another number of them. Administrative access may look at all."""

    __slots__ = ("_counts",)

    nature: ClassVar[Nature] = Nature(Cause.REFUSAL, (), Reach.DEVICE, frozenset({Reads.ASKER}))

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    @property
    def named(self) -> Origin:
        return self._counts.origin

    def _allows(self, choice: Choice) -> bool:
        counts, asked = self._counts, choice.asked
        if asked.admin or asked.ask.class_name != counts.class_name:
            return True
        return not asked.every and asked.ask.count in counts.numbers

    def take(self, choice: Choice) -> Answer:
        return Reply.TAKEN if self._allows(choice) else Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        asked = "all" if choice.asked.every else str(choice.asked.ask.count)
        origin = self._counts.origin
        return replace(origin, text=f"{origin.text} (the request asks for {asked})")

    def kind(self, choice: Choice) -> Hashable:
        return self._allows(choice)


def refusal_rules(context: Context) -> Iterator[OfSite]:
    """The refusals that concern a class that is asked for."""
    asked = {ask.class_name for claim in context.claims for request in claim.requests for ask in request.asks}
    for refusal in context.question.rules.refusals:
        if refusal.classes is None or refusal.classes & asked:
            yield Refused(refusal, context)
    for counts in context.question.rules.counts:
        if counts.class_name in asked:
            yield Counted(counts)


__all__ = ["Counted", "Refused", "refusal_rules"]
