"""What is asked, checked before the search: unknown classes and modes, features, sizes, and how much "all" is (E1-E6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dra_policy.allocation.attributes import Attributes
from dra_policy.allocation.constraints import AnyConstraint, affects, constraint_rule
from dra_policy.allocation.results import Scope
from dra_policy.allocation.rule import Asked, Choice, Fault, Reply, Rule
from dra_policy.allocation.selection import Selectable, Selection
from dra_policy.allocation.sharing import CapacityPolicies
from dra_policy.inventory import DeviceRecord, PoolState, chosen
from dra_policy.resources import Correction, Features
from dra_policy.rules import Ask, ClaimRules, ClassName, ClassRules, ConstraintRule, RequestRules

LIMIT = 32
"""The most devices that one claim gets (A7, E2)."""

EXACT = "ExactCount"
ALL = "All"


# Not frozen, though nobody changes them: those of claims with constraints are made anew for every call, and a frozen
# dataclass takes three times as long to make.
@dataclass(slots=True, eq=False)
class Need:
    """One alternative, ready for the search.

    `devices` are the candidates in order: for All exactly the set to take (E3), else all that match or are an error.
    `constraints` are those that cover the request, in the order of the claim (F2).
    """

    asked: Asked
    needed: int
    devices: tuple[DeviceRecord, ...]
    constraints: tuple[AnyConstraint, ...]


@dataclass(slots=True, eq=False)
class ClaimNeeds:
    """A claim, ready for the search: for each request its alternatives, one for an exact request."""

    claim: ClaimRules
    requests: tuple[tuple[Need, ...], ...]
    constraints: tuple[AnyConstraint, ...]


class Question:
    """Reads claims one after the other; the first problem ends it (E1)."""

    def __init__(
        self,
        selection: Selection,
        selectable: Selectable,
        policies: CapacityPolicies | None,
        classes: Mapping[ClassName, ClassRules],
        features: Features,
        *,
        attributes: Attributes,
    ) -> None:
        self._selection = selection
        self._selectable = selectable
        self._policies = policies
        self._classes = classes
        self._features = features
        self._attributes = attributes
        self._number = 0
        self._found: dict[int, tuple[DeviceRecord, ...]] = {}

    def read(self, claims: Sequence[ClaimRules]) -> tuple[ClaimNeeds, ...] | Fault:
        """All claims in order, or the first problem."""
        needs: list[ClaimNeeds] = []
        for position, claim in enumerate(claims):
            read = self._claim(claim, position)
            if isinstance(read, Fault):
                return read
            needs.append(read)
        return tuple(needs)

    def _claim(self, claim: ClaimRules, position: int) -> ClaimNeeds | Fault:
        # The constraints are looked at after the requests; a constraint of neither kind is an error then (F1).
        constraints = [(rule, constraint_rule(rule, self._attributes, self._features)) for rule in claim.constraints]
        total = 0
        requests: list[tuple[Need, ...]] = []
        for number, request in enumerate(claim.requests):
            read = self._request(claim, position, request, number, constraints)
            if isinstance(read, Fault):
                return read
            least = min(need.needed for need in read)
            if total + least > LIMIT:  # E2
                message = f"{least} more devices exceed the limit of {LIMIT} for a claim, with {total} counted before"
                return Fault("E2", message, request.origin, claim.key, request.name)
            total += least
            requests.append(read)
        for rule, constraint in constraints:
            if constraint is None:
                return Fault("F1", "a constraint needs matchAttribute or distinctAttribute", rule.origin, claim.key)
        return ClaimNeeds(claim, tuple(requests), tuple(made for _, made in constraints if made is not None))

    def _request(
        self,
        claim: ClaimRules,
        position: int,
        request: RequestRules,
        number: int,
        constraints: Sequence[tuple[ConstraintRule, AnyConstraint | None]],
    ) -> tuple[Need, ...] | Fault:
        if request.prioritized and not self._features.prioritized_list:
            message = "alternatives need the feature PrioritizedList, which is off"
            return Fault("E1", message, request.origin, claim.key, request.name)
        if not request.asks:
            return Fault("E1", "the request asks for nothing", request.origin, claim.key, request.name)
        needs: list[Need] = []
        for alternative, ask in enumerate(request.asks):
            asked = Asked(
                number=self._number,
                claim=position,
                request=number,
                alternative=alternative,
                key=claim.key,
                request_name=request.name,
                ask=ask,
                admin=ask.admin_access is True,
                every=ask.mode == ALL,
            )
            self._number += 1
            problem = self._problem(ask)
            if problem:
                return Fault("E1", problem, ask.origin, claim.key, asked.result_name)
            found = self._devices(asked)
            if isinstance(found, Fault):
                return found
            covering = tuple(made for rule, made in constraints if made is not None and affects(rule, asked))
            needs.append(Need(asked, len(found) if asked.every else ask.count, found, covering))
        return tuple(needs)

    def _problem(self, ask: Ask) -> str:
        """What is wrong with a request by itself, in upstream's order of looking (E1); empty if nothing is."""
        features = self._features
        if (ask.capacity or ask.capacity_given) and not features.consumable_capacity:
            return "capacity requests need the feature ConsumableCapacity, which is off"
        if ask.derived and not features.derived_attributes:
            return "derived attributes need the feature DerivedAttributes, which is off"
        for number, selector in enumerate(ask.selectors):
            failure = selector.failure
            if failure is not None and not selector.origin.text and not failure.diagnostics:
                return f"selector #{number} has no CEL expression"
        if ask.admin_access is not None and not features.admin_access:
            return "adminAccess needs the feature AdminAccess, which is off"
        if not ask.class_name:
            return "the request names no device class"
        if ask.class_name not in self._classes:
            return f"there is no device class `{ask.class_name}`"
        if ask.mode not in (EXACT, ALL):
            return f"unknown allocation mode `{ask.mode}`"
        return ""

    def _devices(self, asked: Asked) -> tuple[DeviceRecord, ...] | Fault:
        """Claims that share a spec share their candidates too."""
        known = self._found.get(id(asked.ask))
        if known is not None:
            return known
        found = self._all(asked) if asked.every else self._candidates(asked)
        if not isinstance(found, Fault):
            self._found[id(asked.ask)] = found
        return found

    def _candidates(self, asked: Asked) -> tuple[DeviceRecord, ...]:
        """Devices that match, and those that are an error if the search comes to them (D10)."""
        judged = self._selectable.judged(asked)
        return tuple(self._selection.devices(judged.match | judged.error))

    def _all(self, asked: Asked) -> tuple[DeviceRecord, ...] | Fault:
        """Every selectable device of every pool, in order, in use or not (E3, E6)."""
        judged = self._selectable.judged(asked)
        rules: tuple[Rule, ...] = (self._selectable,) if self._policies is None else (self._selectable, self._policies)
        considered = judged.match | judged.error
        found: list[DeviceRecord] = []
        for pool in self._selection.view.pools:
            if pool.state is not PoolState.COMPLETE:
                state = "is being updated" if pool.state is PoolState.INCOMPLETE else "is invalid"
                message = f"asks for all devices, but pool {pool.id} {state}: {pool.why}"
                corrected = Correction.ALL_FAILS_ON_ITS_NODE in self._features.corrections
                scope = Scope.NODE if corrected else Scope.POD
                return Fault("E6", message, asked.ask.origin, asked.key, asked.result_name, scope=scope)
            here = considered & pool.everywhere
            considered >>= len(pool.devices)
            for record in chosen(pool.records, here):
                answer = first_refusal(rules, Choice(asked, record))
                if isinstance(answer, Fault):
                    return answer
                if answer is Reply.TAKEN:
                    found.append(record)
        return tuple(found)


def first_refusal(rules: Sequence[Rule], choice: Choice) -> Reply | Fault:
    """The answer of steady rules together: that of the first which does not take the choice."""
    for rule in rules:
        answer = rule.take(choice)
        if answer is not Reply.TAKEN:
            return answer
    return Reply.TAKEN


__all__ = ["ALL", "EXACT", "LIMIT", "ClaimNeeds", "Need", "Question", "first_refusal"]
