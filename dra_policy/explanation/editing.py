"""A question with parts of it changed or left out: claims, classes and the state of use, made anew from what is different.

All that is different is told before anything is made, so positions of requests, clauses and constraints stay true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dra_policy.allocation.site import SiteQuestion
from dra_policy.explanation.situation import Situation, Variation
from dra_policy.expression import compile_tree
from dra_policy.expression.tree import Expression, all_of
from dra_policy.inventory import PoolID, Usage
from dra_policy.resources import Quantity, Toleration
from dra_policy.rules import Ask, ClaimKey, ClaimRules, ClassName, ClassRules, ConstraintRule, RequestRules, Selector
from dra_policy.rules.sets import ClaimSetRule, Connected, Shaped
from dra_policy.rules.shapes import covers
from dra_policy.rules.site import Quota, SiteRule

Asked: TypeAlias = tuple[int, int, int]
"""An alternative of a request: claim, request and alternative by their positions."""

Clauses: TypeAlias = dict[int, dict[int, Expression | None]]
"""By positions of selectors and their clauses: what a clause becomes, None if it is left out."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What is different; empty at first, and filled by who edits."""

    of_asks: dict[Asked, Clauses] = field(default_factory=dict)
    of_classes: dict[ClassName, Clauses] = field(default_factory=dict)
    amounts: dict[Asked, dict[str, Quantity]] = field(default_factory=dict)
    counts: dict[Asked, int] = field(default_factory=dict)
    class_names: dict[Asked, ClassName] = field(default_factory=dict)
    attributes: dict[tuple[int, int], str | None] = field(default_factory=dict)
    """What a constraint of a claim, by positions, compares instead; None if it is left out."""
    without: set[tuple[int, int]] = field(default_factory=set)
    """Requests, by claim and position, that are left out."""
    tolerations: list[Toleration] = field(default_factory=list)
    """What every request tolerates too."""
    freed: list[ClaimKey] = field(default_factory=list)
    """Claims that give back what they hold."""
    completed: set[PoolID] = field(default_factory=set)
    sets: set[tuple[int, int]] = field(default_factory=set)
    """Rules over sets of devices, by claim and position, that are left out."""
    site: list[SiteRule] = field(default_factory=list)
    """Rules of the site that are left out."""
    quotas: list[tuple[Quota, Quota]] = field(default_factory=list)
    """Quotas of the site, and what they become."""

    def clause(self, of: ClassName | Asked, selector: int, clause: int, now: Expression | None = None) -> None:
        """A clause of a class or of what is asked becomes another one, or is left out."""
        clauses = self.of_asks.setdefault(of, {}) if isinstance(of, tuple) else self.of_classes.setdefault(of, {})
        clauses.setdefault(selector, {})[clause] = now

    def variation(self, situation: Situation, *, usage: Usage | None = None, joined: bool = True) -> Variation:
        """The question of a situation with all of it; `usage` stands for what `freed` comes to, if it is given.

        What is left of a selector is one again if `joined`, as its author would write it; otherwise its clauses stand
        alone, and what is known of each of them is used. Raises `EvaluationError` for an expression that means nothing.
        """
        made = _Made(situation, self, joined=joined)
        if usage is None and self.freed:
            usage = situation.freed(dict.fromkeys(self.freed))
        return Variation(tuple(made.claims()), made.classes(), usage, frozenset(self.completed), made.site())


@dataclass(frozen=True, slots=True)
class _Made:
    situation: Situation
    edits: Edits
    joined: bool

    def claims(self) -> Iterator[ClaimRules]:
        edits = self.edits
        touched = {at[0] for group in (edits.of_asks, edits.amounts, edits.counts, edits.class_names) for at in group}
        touched |= {at[0] for group in (edits.attributes, edits.without, edits.sets) for at in group}
        for number, claim in enumerate(self.situation.claims):
            if number not in touched and not edits.tolerations:
                yield claim
                continue
            requests = tuple(
                self._request(request, (number, position))
                for position, request in enumerate(claim.requests)
                if (number, position) not in edits.without
            )
            constraints = tuple(
                made
                for position, rule in enumerate(claim.constraints)
                if (made := self._constraint(rule, (number, position))) is not None
            )
            sets = tuple(
                rule for position, rule in enumerate(claim.sets) if self._set_stays(number, claim, position, rule)
            )
            yield ClaimRules(claim.key, requests, constraints, claim.configs, claim.origin, sets)

    def _set_stays(self, number: int, claim: ClaimRules, position: int, rule: ClaimSetRule) -> bool:
        if (number, position) in self.edits.sets:
            return False
        # A block that is not filled, or a way over devices that nobody asks for any more, is no rule about the rest.
        return not isinstance(rule, Shaped | Connected) or not any(
            covers(rule.requests, claim.requests[r].name, ask.name)
            for c, r in self.edits.without
            if c == number
            for ask in claim.requests[r].asks
        )

    def site(self) -> SiteQuestion | None:
        """The question to the site; None if nothing of it is different."""
        edits, site = self.edits, self.situation.site
        if site is None or not (edits.freed or edits.site or edits.quotas):
            return None
        rules = site.rules.without(*edits.site) if edits.site else site.rules
        if edits.quotas:
            now = {id(old): new for old, new in edits.quotas}
            rules = replace(rules, quotas=tuple(now.get(id(quota), quota) for quota in rules.quotas))
        ledger = site.ledger.without_claims(dict.fromkeys(edits.freed)) if edits.freed else site.ledger
        return replace(site, rules=rules, ledger=ledger, kept={})

    def _request(self, request: RequestRules, place: tuple[int, int]) -> RequestRules:
        asks = tuple(self._ask(ask, (*place, position)) for position, ask in enumerate(request.asks))
        return replace(request, asks=asks)

    def _ask(self, ask: Ask, place: Asked) -> Ask:
        edits = self.edits
        amounts = edits.amounts.get(place, {})
        return replace(
            ask,
            class_name=edits.class_names.get(place, ask.class_name),
            count=edits.counts.get(place, ask.count),
            selectors=self._selectors(ask.selectors, edits.of_asks.get(place)),
            capacity=tuple((name, amounts.get(name, amount)) for name, amount in ask.capacity),
            tolerations=(*ask.tolerations, *edits.tolerations),
        )

    def _constraint(self, rule: ConstraintRule, place: tuple[int, int]) -> ConstraintRule | None:
        name = self.edits.attributes.get(place, rule.attribute)
        return None if name is None else replace(rule, attribute=name)

    def classes(self) -> Mapping[ClassName, ClassRules]:
        classes = self.situation.classes
        if not self.edits.of_classes:
            return classes
        changed = {
            name: replace(classes[name], selectors=self._selectors(classes[name].selectors, clauses))
            for name, clauses in self.edits.of_classes.items()
        }
        return {**classes, **changed}

    def _selectors(self, selectors: Sequence[Selector], clauses: Clauses | None) -> tuple[Selector, ...]:
        if not clauses:
            return tuple(selectors)
        return tuple(made for n, selector in enumerate(selectors) for made in self._left(selector, clauses.get(n)))

    def _left(self, selector: Selector, changed: Mapping[int, Expression | None] | None) -> Iterator[Selector]:
        if not changed:
            yield selector
            return
        parts = self.situation.graph.clauses(selector)
        if not self.joined and all(tree is None for tree in changed.values()):
            yield from (clause for number, clause in enumerate(parts) if number not in changed)
            return
        trees = [
            tree
            for number, clause in enumerate(parts)
            if (tree := changed.get(number, None if clause.program is None else clause.program.tree)) is not None
        ]
        if trees:
            program = compile_tree(all_of(*trees), self.situation.features)
            yield Selector(replace(selector.origin, text=program.text), program=program)


__all__ = ["Asked", "Edits"]
