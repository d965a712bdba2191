"""What there is to try where an element stands in the way: its changes in ladders, from the mildest to the strongest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import ceil
from typing import TypeAlias, assert_never

from dra_policy.allocation.question import EXACT
from dra_policy.allocation.site.charging import charge_of, totals
from dra_policy.allocation.site.matching import MATCHING
from dra_policy.explanation.changes import (
    Change,
    ClauseChange,
    FewerDevices,
    LessCapacity,
    OtherAttribute,
    OtherClass,
    RaiseQuota,
    Spot,
    Tolerate,
    WaitFor,
    WaitForDriver,
    WithoutConstraint,
    WithoutSet,
    WithoutSiteRule,
)
from dra_policy.explanation.clauses import (
    Amount,
    ClassClause,
    Constraint,
    Element,
    Elsewhere,
    Held,
    OfPool,
    OfSet,
    OfSite,
    PoolPart,
    RequestClause,
    SwitchedOff,
    Tainted,
    Wanted,
    about_driver,
    asks,
)
from dra_policy.explanation.coarser import coarser_attributes
from dra_policy.explanation.kinds import awaited
from dra_policy.explanation.leaving_out import Subject
from dra_policy.explanation.loosening import ladders
from dra_policy.expression import to_cel
from dra_policy.inventory import DeviceRecord, chosen
from dra_policy.resources import Quantity
from dra_policy.rules import Ask, ClassName, ConstraintKind, Origin, RequestRules, Selector
from dra_policy.rules.shapes import covers
from dra_policy.rules.site import Quota

CLASSES_TRIED = 32
"""So many other classes are tried for a request."""

RAISES = 64
"""A quota is raised in so many steps at most."""

Ladder: TypeAlias = Sequence[Change]
"""Changes of one thing, from the mildest to the strongest: what places the claims at one step does at all behind it, but
for errors."""


class Options:
    """The changes of the elements of one node."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._situation = subject.situation
        self._known: dict[int, list[Ladder]] = {}

    def of(self, number: int) -> list[Ladder]:
        """The changes that take something away from an element, by its position; none of what is not to be given up."""
        known = self._known.get(number)
        if known is None:
            element = self._subject.elements[number]
            found = () if self._firm(element) else self._of(element)
            known = self._known[number] = [ladder for ladder in found if ladder]
        return known

    def other_classes(self, numbers: Sequence[int]) -> Iterator[OtherClass]:
        """Other classes for the requests whose class is among these elements, those of the same driver first."""
        elements = (self._subject.elements[number] for number in numbers)
        concerned = {element.class_name for element in elements if isinstance(element, ClassClause)}
        for c, r, a, ask in asks(self._situation):
            if ask.class_name in concerned:
                spot = self._spot(c, r, a)
                drivers = self._drivers(ask.class_name)
                others = [name for name in sorted(self._situation.classes) if name != ask.class_name]
                made = [
                    OtherClass(spot, ask.class_name, n, ask.origin, not self._drivers(n) <= drivers) for n in others
                ]
                yield from islice(sorted(made, key=lambda change: change.foreign), CLASSES_TRIED)

    def _drivers(self, of: ClassName) -> frozenset[str]:
        """What a class says of the driver, in one spelling."""
        graph = self._situation.graph
        clauses = (c for selector in self._situation.classes[of].selectors for c in graph.clauses(selector))
        return frozenset(to_cel(c.program.tree) for c in clauses if c.program is not None and about_driver(c))

    # --- what is not to be given up

    def _firm(self, element: Element) -> bool:
        """Whether an author who marks some rules `negotiable` did not mark this one."""
        match element:
            case RequestClause(claim) | Amount(claim) | Constraint(claim) | OfSet(claim):
                return not element.origin.negotiable and claim in self._marked_claims()
            case ClassClause(name):
                return not element.origin.negotiable and name in self._marked_classes()
            case _:
                return False

    def _marked_claims(self) -> frozenset[int]:
        kinds = RequestClause, Amount, Constraint, OfSet
        return frozenset(e.claim for e in self._subject.elements if isinstance(e, kinds) and e.origin.negotiable)

    def _marked_classes(self) -> frozenset[ClassName]:
        elements = self._subject.elements
        return frozenset(e.class_name for e in elements if isinstance(e, ClassClause) and e.origin.negotiable)

    # --- of each kind of an element

    def _of(self, element: Element) -> Iterator[Ladder]:
        match element:
            case RequestClause(c, r, a, selector, clause):
                ask = self._ask(c, r, a)
                yield from self._of_clause(ask.selectors[selector], self._spot(c, r, a), selector, clause, [ask])
            case ClassClause(of, selector, clause):
                users = [ask for _, _, _, ask in asks(self._situation) if ask.class_name == of]
                rules = self._situation.classes[of]
                yield from self._of_clause(rules.selectors[selector], of, selector, clause, users)
            case Amount(c, r, a, capacity):
                yield self._less(self._spot(c, r, a), self._ask(c, r, a), capacity, element.origin)
            case Constraint(c, position):
                rule = self._situation.claims[c].constraints[position]
                if rule.kind is ConstraintKind.MATCH:
                    devices = self._devices(self._covered(c, position))
                    for finer, name in enumerate(coarser_attributes(devices, rule.attribute)):
                        yield [OtherAttribute(c, position, rule.attribute, name, element.origin, finer)]
                yield [WithoutConstraint(c, position, element.origin)]
            case Wanted(c, r):
                for a, ask in enumerate(self._situation.claims[c].requests[r].asks):
                    if ask.mode == EXACT and ask.count > 1:
                        yield [FewerDevices(self._spot(c, r, a), ask.count, ask.count - 1, element.origin)]
            case Tainted(taint):
                yield [Tolerate(taint, element.origin)]
            case Held(holder):
                if holder is not None:
                    yield [WaitFor(holder, element.origin)]
            case OfPool(PoolPart.SLICES, pool):
                if pool in awaited(self._situation, self._subject.view):
                    yield [WaitForDriver(pool, element.origin)]
            case OfSet(c, position):
                yield [WithoutSet(c, position, element.origin)]
            case OfSite(rule=rule):
                if isinstance(rule, Quota):
                    yield self._more(rule)
                if rule.origin.negotiable and not element.others:
                    yield [WithoutSiteRule(rule)]
            case OfPool() | SwitchedOff() | Elsewhere():
                pass
            case _:
                assert_never(element)

    def _of_clause(
        self, selector: Selector, of: ClassName | Spot, position: int, number: int, users: Sequence[Ask]
    ) -> Iterator[Ladder]:
        clause = self._situation.graph.clauses(selector)[number]
        origin = clause.origin
        program = clause.program
        was = " ".join(origin.text.split())
        driver = program is not None and about_driver(clause)
        if driver and not isinstance(of, Spot):
            return  # no user can make the device of another driver fit; another class may
        if program is not None and not driver:
            # Of all devices of the driver: another change may be what lets them in.
            known = self._devices(users, drivers=True)
            for steps in ladders(program.tree, known, self._situation.features):
                yield [
                    ClauseChange(of, position, number, was, to_cel(tree), words, origin, tree, share, older)
                    for tree, words, share, older in steps
                ]
        yield [ClauseChange(of, position, number, was, "", "", origin, None, driver=driver)]

    def _less(self, spot: Spot, ask: Ask, capacity: str, origin: Origin) -> Ladder:
        """Smaller amounts: as much as some device has left, beside what other requests ask of it too."""
        wanted = dict(ask.capacity)[capacity]
        usage, nothing = self._situation.usage, Quantity(0)
        others = [
            amount for _, _, _, other in asks(self._situation) for name, amount in other.capacity if name == capacity
        ]
        left: set[Quantity] = set()
        for record in self._devices([ask]):
            has = record.device.capacity.get(capacity)
            if has is not None:
                rest = has.value - usage.consumed(record.id).get(capacity, nothing)
                left |= {has.value, rest, *(rest - amount for amount in others)}
        smaller = sorted((amount for amount in left if nothing < amount < wanted), reverse=True)
        return [LessCapacity(spot, capacity, wanted, amount, origin) for amount in smaller]

    def _more(self, quota: Quota) -> Ladder:
        """Larger quotas, up to one that has room for all that is asked for beside all that it counts."""
        view, site = self._subject.view, self._situation.site
        charges = [charge_of(quota, r, dict) for r in view.devices if MATCHING.of(quota.devices, r) is True]
        most = max((charge for charge in charges if isinstance(charge, Fraction)), default=Fraction(0))
        wanted = sum(max(a.count if a.mode == EXACT else len(charges) for a in r.asks) for r in self._requests())
        if site is None or not most:
            return ()
        held = sum(totals(site.ledger, quota, site.snapshot, site.now).values(), Fraction(0))
        beyond = max(held + wanted * most - quota.own, wanted * most)
        parts = [charge for charge in charges if isinstance(charge, Fraction) and charge]
        step = max(min(*parts, Fraction(1)), beyond / RAISES)
        return [RaiseQuota(quota, quota.own + number * step) for number in range(1, ceil(beyond / step) + 1)]

    def _requests(self) -> Iterator[RequestRules]:
        for claim in self._situation.claims:
            yield from (request for request in claim.requests if request.asks)

    # --- places and devices

    def _ask(self, claim: int, request: int, alternative: int) -> Ask:
        return self._situation.claims[claim].requests[request].asks[alternative]

    def _spot(self, claim: int, request: int, alternative: int) -> Spot:
        rules = self._situation.claims[claim].requests[request]
        ask = rules.asks[alternative]
        return Spot(claim, request, alternative, f"{rules.name}/{ask.name}" if ask.name else rules.name)

    def _covered(self, claim: int, position: int) -> list[Ask]:
        rules = self._situation.claims[claim]
        names = rules.constraints[position].requests
        return [ask for request in rules.requests for ask in request.asks if covers(names, request.name, ask.name)]

    def _devices(self, users: Sequence[Ask], *, drivers: bool = False) -> Sequence[DeviceRecord]:
        """The devices of the node that some of these asks select, by their drivers only if `drivers`."""
        view, graph = self._subject.view, self._situation.graph
        found = 0
        for ask in users:
            rules = self._situation.classes.get(ask.class_name)
            match = view.everywhere
            for selector in (*(() if rules is None else rules.selectors), *ask.selectors):
                for clause in graph.clauses(selector):
                    if not drivers or about_driver(clause):
                        match &= graph.conjunction_on(view, (clause,)).match
            found |= match
        return chosen(view.devices, found)


__all__ = ["CLASSES_TRIED", "Ladder", "Options"]
