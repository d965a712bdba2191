"""A prepared question together with the rules of a site: what is needed and the rules, ready for a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dra_policy.allocation.preparation import Prepared
from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.site.context import Context
from dra_policy.allocation.site.question import SiteQuestion
from dra_policy.allocation.site.ruleset import SitedRules, site_rules
from dra_policy.inventory import NodeView, Usage
from dra_policy.rules import ClaimRules, ClassName, ClassRules
from dra_policy.rules.shapes import ClaimSpec, marked


class SitedCall:
    """One call under the rules of a site. Each search takes its own `needs` and `rules`, which keep its state."""

    def __init__(
        self,
        question: SiteQuestion,
        prepared: Prepared,
        view: NodeView,
        claims: Sequence[ClaimRules],
        classes: Mapping[ClassName, ClassRules],
        usage: Usage,
    ) -> None:
        self.question = question
        self._prepared = prepared
        self._view = view
        self._usage = usage
        self._claims = tuple(claims)
        self._context = Context(question, view, claims, classes, prepared.consumptions)
        self._marks = marks_of(question, self._claims)
        self._marked: dict[int, ClaimRules] = {}

    def needs(self) -> tuple[ClaimNeeds, ...]:
        """What is needed, with constraints that hold nothing."""
        needs = self._prepared.needs()
        if not any(self._marks):
            return needs
        return tuple(
            ClaimNeeds(self._marked_claim(at, claim.claim), claim.requests, claim.constraints)
            for at, claim in enumerate(needs)
        )

    def rules(self) -> Rules:
        """The rules for one search, with empty state."""
        return SitedRules(self._prepared.rules(self._view, self._usage), site_rules(self._context))

    def _marked_claim(self, position: int, claim: ClaimRules) -> ClaimRules:
        mark = self._marks[position]
        if not mark:
            return claim
        known = self._marked.get(position)
        if known is None:
            spec = claim.spec
            own = ClaimSpec(spec.owner, spec.requests, spec.constraints, spec.configs, spec.sets)
            own.take_shape(marked(claim.shape, mark))
            known = self._marked[position] = ClaimRules.of_spec(claim.key, own, claim.origin)
        return known


def marks_of(question: SiteQuestion, claims: Sequence[ClaimRules]) -> tuple[int, ...]:
    """Equal numbers for claims that no rule of the site can tell apart but by name; 0 for those like the first."""
    seen: list[tuple[object, ...]] = []
    marks: list[int] = []
    for position, claim in enumerate(claims):
        asker = question.asker(position)
        looks = asker.subject, asker.pods, claim.key.namespace, claim.configs
        if looks not in seen:
            seen.append(looks)
        marks.append(seen.index(looks))
    return tuple(marks)


__all__ = ["SitedCall", "marks_of"]
