"""Changes that people can make so that claims are placed, each with its words, its cost and what it does to the question.

Costs are whole numbers that only put changes in order: what the author of a rule declared negotiable is cheapest, then
what the owner of the claim can do alone without losing what was asked for, then waiting, then doing with less, then what
concerns others. Two changes cost the sum of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias, assert_never

from dra_policy.allocation.taints import taint_text
from dra_policy.explanation.situation import Situation, Variation
from dra_policy.expression import EvaluationError, compile_tree
from dra_policy.expression.tree import Expression, all_of
from dra_policy.resources import DeviceTaint, Features, Quantity, Toleration
from dra_policy.rules import Ask, ClaimKey, ClaimRules, ClassName, ClassRules, ConstraintRule, Origin, Selector

NEGOTIABLE_LOOSENED, NEGOTIABLE_DROPPED = 1, 2


@dataclass(frozen=True, slots=True)
class Spot:
    """An alternative of a request, by positions, and how it is called."""

    claim: int
    request: int
    alternative: int
    name: str


@dataclass(frozen=True, slots=True)
class ClauseChange:
    """A clause of a selector as `now`, or left out if that is empty. `of` is a class, or an alternative of a request.

    `was` is the clause in its author's words, `now` CEL text, `selector` and `clause` its positions; `words` say what is
    different.
    """

    code: ClassVar[str] = "clause"
    of: ClassName | Spot
    selector: int
    clause: int
    was: str
    now: str
    words: str
    origin: Origin
    tree: Expression | None
    negotiable: bool = False
    driver: bool = False

    @property
    def cost(self) -> int:
        if self.driver:  # all else that is asked for is about devices of that driver
            return 90
        if self.negotiable:
            return NEGOTIABLE_LOOSENED if self.now else NEGOTIABLE_DROPPED
        if isinstance(self.of, Spot):
            return 10 if self.now else 25
        return 40 if self.now else 60

    @property
    def text(self) -> str:
        what = f"{self.words} in `{self.was}`" if self.now else f"without `{self.was}`"
        return what if isinstance(self.of, Spot) else f"{what} of class `{self.of}`"


@dataclass(frozen=True, slots=True)
class LessCapacity:
    """A smaller amount of a capacity."""

    code: ClassVar[str] = "amount"
    cost: ClassVar[int] = 10
    of: Spot
    capacity: str
    was: Quantity
    now: Quantity
    origin: Origin

    @property
    def text(self) -> str:
        return f"{self.capacity}: {self.now} instead of {self.was} for request `{self.of.name}`"


@dataclass(frozen=True, slots=True)
class OtherAttribute:
    """A constraint over a coarser attribute; `finer` says how many attributes are coarser than the old one, but less so."""

    code: ClassVar[str] = "attribute"
    claim: int
    position: int
    was: str
    now: str
    origin: Origin
    finer: int

    @property
    def cost(self) -> int:
        return 15 + min(self.finer, 4)

    @property
    def text(self) -> str:
        return f"match {self.now} instead of {self.was}"


@dataclass(frozen=True, slots=True)
class OtherClass:
    """Another class that exists."""

    code: ClassVar[str] = "class"
    cost: ClassVar[int] = 20
    of: Spot
    was: ClassName
    now: ClassName
    origin: Origin

    @property
    def text(self) -> str:
        return f"class `{self.now}` instead of `{self.was}` for request `{self.of.name}`"


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until another claim has given back its devices."""

    code: ClassVar[str] = "wait"
    cost: ClassVar[int] = 20
    holder: ClaimKey
    origin: Origin

    @property
    def text(self) -> str:
        return f"wait for claim `{self.holder}`"


@dataclass(frozen=True, slots=True)
class FewerDevices:
    """One device less."""

    code: ClassVar[str] = "count"
    cost: ClassVar[int] = 25
    of: Spot
    was: int
    now: int
    origin: Origin

    @property
    def text(self) -> str:
        return f"{self.now} instead of {self.was} devices for request `{self.of.name}`"


@dataclass(frozen=True, slots=True)
class Tolerate:
    """Every request tolerates a taint."""

    code: ClassVar[str] = "taint"
    cost: ClassVar[int] = 30
    taint: DeviceTaint
    origin: Origin

    @property
    def text(self) -> str:
        return f"tolerate {taint_text(self.taint)}"

    @property
    def toleration(self) -> Toleration:
        """What is to be added to the requests."""
        return toleration(self.taint)


@dataclass(frozen=True, slots=True)
class WithoutConstraint:
    """A claim without one of its constraints."""

    code: ClassVar[str] = "constraint"
    cost: ClassVar[int] = 30
    claim: int
    position: int
    origin: Origin

    @property
    def text(self) -> str:
        return f"without {self.origin.text}"


Change: TypeAlias = (
    ClauseChange | LessCapacity | OtherAttribute | OtherClass | WaitFor | FewerDevices | Tolerate | WithoutConstraint
)
"""Anything that people can change. `code` is stable, `cost` puts changes in order, `text` says what to do."""


def toleration(taint: DeviceTaint) -> Toleration:
    """What tolerates just this taint (I3); one without a key needs `Exists`."""
    if not taint.key:
        return Toleration(operator="Exists", effect=taint.effect)
    return Toleration(key=taint.key, operator="Equal", value=taint.value or "", effect=taint.effect)


def varied(situation: Situation, changes: Sequence[Change]) -> Variation | None:
    """The question with these changes; None if a changed selector means nothing."""
    try:
        return _varied(situation, changes)
    except EvaluationError:
        return None


def _varied(situation: Situation, changes: Sequence[Change]) -> Variation:
    claims = list(situation.claims)
    classes = dict(situation.classes)
    freed: list[ClaimKey] = []
    clauses: list[ClauseChange] = []
    for change in changes:
        match change:
            case ClauseChange():
                clauses.append(change)
            case LessCapacity(spot, capacity, _, now):
                ask = _ask(claims, spot)
                amounts = tuple((name, now if name == capacity else amount) for name, amount in ask.capacity)
                claims[spot.claim] = _with_ask(claims[spot.claim], spot, replace(ask, capacity=amounts))
            case OtherAttribute(claim, position, _, name):
                before = claims[claim].constraints
                other = replace(before[position], attribute=name)
                after = (*before[:position], other, *before[position + 1 :])
                claims[claim] = _with_constraints(claims[claim], after)
            case OtherClass(spot, _, class_name):
                ask = replace(_ask(claims, spot), class_name=class_name)
                claims[spot.claim] = _with_ask(claims[spot.claim], spot, ask)
            case WaitFor(holder):
                freed.append(holder)
            case FewerDevices(spot, _, count):
                claims[spot.claim] = _with_ask(claims[spot.claim], spot, replace(_ask(claims, spot), count=count))
            case Tolerate():
                claims = [_tolerating(claim, change.toleration) for claim in claims]
            case WithoutConstraint():
                pass
            case _:
                assert_never(change)
    # Positions of constraints and clauses stay true until all of them are known.
    for number, rules in enumerate(claims):
        gone = {c.position for c in changes if isinstance(c, WithoutConstraint) and c.claim == number}
        if gone:
            kept = tuple(rule for position, rule in enumerate(rules.constraints) if position not in gone)
            claims[number] = _with_constraints(rules, kept)
    for of in dict.fromkeys(change.of for change in clauses):
        here = [change for change in clauses if change.of == of]
        if isinstance(of, Spot):
            ask = _ask(claims, of)
            claims[of.claim] = _with_ask(claims[of.claim], of, replace(ask, selectors=_selectors(situation, ask, here)))
        else:
            rules_of_class = classes[of]
            classes[of] = replace(rules_of_class, selectors=_selectors(situation, rules_of_class, here))
    usage = situation.freed(dict.fromkeys(freed)) if freed else None
    return Variation(tuple(claims), classes, usage)


def _selectors(situation: Situation, of: Ask | ClassRules, changes: Iterable[ClauseChange]) -> tuple[Selector, ...]:
    changed: dict[int, dict[int, ClauseChange]] = {}
    for change in changes:
        changed.setdefault(change.selector, {})[change.clause] = change
    made: list[Selector] = []
    for position, selector in enumerate(of.selectors):
        if position not in changed:
            made.append(selector)
            continue
        parts: list[Expression] = []
        for number, clause in enumerate(situation.graph.clauses(selector)):
            change_here = changed[position].get(number)
            if change_here is not None:
                if change_here.tree is not None:
                    parts.append(change_here.tree)
            elif clause.program is not None:
                parts.append(clause.program.tree)
        if parts:
            made.append(_compiled(selector, all_of(*parts), situation.features))
    return tuple(made)


def _compiled(selector: Selector, tree: Expression, features: Features) -> Selector:
    program = compile_tree(tree, features)
    return Selector(replace(selector.origin, text=program.text), program=program)


def _ask(claims: Sequence[ClaimRules], spot: Spot) -> Ask:
    return claims[spot.claim].requests[spot.request].asks[spot.alternative]


def _with_ask(claim: ClaimRules, spot: Spot, ask: Ask) -> ClaimRules:
    request = claim.requests[spot.request]
    asks = (*request.asks[: spot.alternative], ask, *request.asks[spot.alternative + 1 :])
    requests = (
        *claim.requests[: spot.request],
        replace(request, asks=asks),
        *claim.requests[spot.request + 1 :],
    )
    return ClaimRules(claim.key, requests, claim.constraints, claim.configs, claim.origin)


def _with_constraints(claim: ClaimRules, constraints: tuple[ConstraintRule, ...]) -> ClaimRules:
    return ClaimRules(claim.key, claim.requests, constraints, claim.configs, claim.origin)


def _tolerating(claim: ClaimRules, added: Toleration) -> ClaimRules:
    requests = tuple(
        replace(request, asks=tuple(replace(ask, tolerations=(*ask.tolerations, added)) for ask in request.asks))
        for request in claim.requests
    )
    return ClaimRules(claim.key, requests, claim.constraints, claim.configs, claim.origin)


__all__ = [
    "Change",
    "ClauseChange",
    "FewerDevices",
    "LessCapacity",
    "OtherAttribute",
    "OtherClass",
    "Spot",
    "Tolerate",
    "WaitFor",
    "WithoutConstraint",
    "toleration",
    "varied",
]
