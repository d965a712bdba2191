"""The rules of one call with those of the site before all others."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.allocation.question import Need, first_refusal
from dra_policy.allocation.rule import Answer, Choice, Reply, Rule
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.site.agreements import agreement_rules
from dra_policy.allocation.site.context import Context
from dra_policy.allocation.site.keeps import keep_rules
from dra_policy.allocation.site.modes import mode_rules
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.allocation.site.places import place_rules
from dra_policy.allocation.site.quotas import quota_rules
from dra_policy.allocation.site.refusals import refusal_rules
from dra_policy.allocation.site.sharing_limits import sharing_rules

FAMILIES = (refusal_rules, mode_rules, sharing_rules, agreement_rules, place_rules, keep_rules, quota_rules)
"""In the order in which a choice meets them: what concerns the device alone comes first."""


def site_rules(context: Context) -> tuple[OfSite, ...]:
    """The rules of the site for one search, with empty state; always in the same order."""
    return tuple(rule for family in FAMILIES for rule in family(context))


class SitedRules(Rules):
    """The rules of a call, and before them those of the site: what these refuse is refused, be it an error otherwise."""

    __slots__ = ("_base", "_changing", "_known", "_steady")

    def __init__(self, base: Rules, of_site: Sequence[OfSite]) -> None:
        super().__init__(base.in_use, base.steady, base.capacity, base.pools)
        self._base = base
        self._steady = tuple(rule for rule in of_site if rule.nature.steady)
        self._changing = tuple(rule for rule in of_site if not rule.nature.steady)
        self._known: dict[tuple[int, int], Answer] = {}

    def steadily(self, choice: Choice) -> Answer:
        key = choice.asked.number, choice.record.index
        answer = self._known.get(key)
        if answer is None:
            answer = first_refusal(self._steady, choice)
            if answer is Reply.TAKEN:
                answer = self._base.steadily(choice)
            self._known[key] = answer
        return answer

    def changing(self, need: Need) -> tuple[Rule, ...]:
        return (*self._changing, *super().changing(need))

    def shared(self) -> tuple[Rule, ...]:
        return (self.in_use, *self._changing, *self.capacity, *self.pools)

    def of_site(self) -> tuple[Rule, ...]:
        return (*self._steady, *self._changing)


__all__ = ["FAMILIES", "SitedRules", "site_rules"]
