"""Findings about what classes and requests ask of a device: LIN058 to LIN062, LIN069, LIN074."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dra_policy.diagnostics import Related
from dra_policy.expression import compile_tree
from dra_policy.expression.cost.steps import BUDGET
from dra_policy.language import tree
from dra_policy.language.checked import (
    CheckedAsk,
    CheckedClaim,
    CheckedClass,
    CheckedCondition,
    CheckedPolicies,
    CheckedWish,
    Clause,
    Comparison,
    Conjunction,
    Disjunction,
    Present,
)
from dra_policy.language.lowering import ask_conditions, class_conditions
from dra_policy.language.schema import DeviceSchema
from dra_policy.language.types import AmountType
from dra_policy.lint.finding import Change, Finding, error, warning
from dra_policy.lint.kinds import Kind, concerned, constant_of
from dra_policy.lint.places import around, without, without_clause
from dra_policy.lint.reasoning import Cubes, TooMuchError, cubes, impossible, together
from dra_policy.lint.solving import excluded
from dra_policy.resources import Features
from dra_policy.source import Span

Kinds = Mapping[DeviceSchema, Sequence[Kind]]


def of_classes(policies: CheckedPolicies, kinds: Kinds) -> Iterator[Finding]:
    """What is wrong with the rules of classes and requests, and with preferences."""
    for policy in policies:
        if not policy.given:
            continue
        for class_ in policy.classes.values():
            if not class_.implied:
                yield from _of_class(class_, kinds[class_.device])
        for claim in policy.claims.values():
            for request in claim.requests:
                for ask in request.asks:
                    yield from _of_ask(request.name, ask, kinds[ask.of.device])
                yield from _shadowed(claim, request.asks)
        yield from _preferences(policy.classes.values(), policy.claims.values(), kinds)


def errors_of(policies: CheckedPolicies) -> Iterator[Finding]:
    """Those findings that refuse a policy: rules that exclude each other, and conditions that cost too much."""
    for policy in policies:
        if not policy.given:
            continue
        for class_ in policy.classes.values():
            yield from _contradictions((), class_.clauses, f"class `{class_.name}`")
            yield from _costs(class_)
        for claim in policy.claims.values():
            for request in claim.requests:
                for ask in request.asks:
                    yield from _contradictions(ask.of.clauses, ask.clauses, f"request `{request.name}`")
                    yield from _costs(ask)


def known(clause: Clause, holds: bool = True) -> Cubes | None:
    """The cubes of a clause, or None if there are too many."""
    try:
        return cubes(clause.condition, holds)
    except TooMuchError:
        return None


def _never(*parts: Cubes | None) -> bool:
    told = [part for part in parts if part is not None]
    return len(told) == len(parts) and impossible(*told)


# ------------------------------------------------------------------------------------------------------ 61, 62, 74


NEAREST = 16
"""A rule is compared one by one with so many of those before and behind it."""


def _excluded_together(parts: Iterable[Cubes | None]) -> bool | None:
    """Whether nothing meets all of these; None where that cannot be told."""
    try:
        return all(map(excluded, together(*(part for part in parts if part is not None))))
    except TooMuchError:
        return None


def _contradictions(before: Sequence[Clause], clauses: Sequence[Clause], owner: str) -> Iterator[Finding]:
    every = [*before, *clauses]
    means = [known(clause) for clause in every]
    # Two rules that exclude each other do so among all of them.
    if not clauses or _excluded_together(means) is False:
        return
    found = list(_contradicting_pairs(len(before), every, means, owner))
    yield from found
    if found or len(every) < 3 or not _never(*means):
        return
    last = bisect_left(range(1, len(every) + 1), True, key=lambda length: _never(*means[:length]))
    if last < len(before):
        return  # the class is refused for it already
    notes = [Related(one.span, "with this") for one in every[:last]]
    message = f"`{every[last].words}` and the rules before it hold for no device together"
    yield error("LIN061", message, every[last].span, f"nothing meets {owner}: remove one of them", *notes)


def _contradicting_pairs(
    first: int, every: Sequence[Clause], means: Sequence[Cubes | None], owner: str
) -> Iterator[Finding]:
    """Those of a rule from the `first` on and one before it."""
    empty = [_never(one) for one in means]
    for number in range(first, len(every)):
        clause, own = every[number], means[number]
        if empty[number]:
            message = f"`{clause.words}` holds for no device"
            yield error("LIN061", message, clause.span, f"nothing meets {owner}: change the values that it compares")
            continue
        for index in range(max(0, number - NEAREST), number):
            if not empty[index] and _never(means[index], own):
                earlier = every[index]
                note = Related(earlier.span, "the other one")
                message = f"`{clause.words}` and `{earlier.words}` hold for no device together"
                yield error("LIN061", message, clause.span, f"nothing meets {owner}: remove one of the two", note)
                break


def _implied(before: Sequence[Clause], clauses: Sequence[Clause]) -> Iterator[Finding]:
    gone: set[int] = set()
    every = [*before, *clauses]
    means = [known(clause) for clause in every]
    empty = [_never(one) for one in means]
    for number in range(len(before), len(every)):
        clause, opposite = every[number], known(every[number], holds=False)
        for index in range(max(0, number - NEAREST), min(len(every), number + NEAREST + 1)):
            if index == number or index in gone or empty[index] or empty[number]:
                continue
            other = every[index]
            if _never(means[index], opposite):
                gone.add(number)
                message, notes = f"`{clause.words}` always holds", list[Related]()
                if not _never(opposite):
                    message = f"`{clause.words}` follows from `{other.words}`"
                    notes.append(Related(other.span, "this asks for more, or the same"))
                changes = () if clause.because or clause.negotiable else without_clause(clause.span.source, clause.span)
                yield warning("LIN062", message, clause.span, "leave it out", *notes, changes=changes)
                break


def _costs(of: CheckedClass | CheckedAsk) -> Iterator[Finding]:
    conditions = (
        class_conditions(of, lists=False) if isinstance(of, CheckedClass) else ask_conditions(of, "", lists=False)
    )
    for condition in conditions:
        cost = compile_tree(condition.tree, Features()).cost
        span = condition.origin.span
        if cost > BUDGET and span is not None:
            shown = f"{cost:,}" if cost < 10**12 else "more than can be told"
            message = f"this condition may cost {shown}, and Kubernetes allows {BUDGET:,}"
            yield error("LIN074", message, span, "split it into several `require`s, or test less text")


# ---------------------------------------------------------------------------------------------------------- 58, 59


def _of_class(class_: CheckedClass, kinds: Sequence[Kind]) -> Iterator[Finding]:
    implied = list(_implied((), class_.clauses))
    yield from implied
    mine = concerned(kinds, class_)
    if mine:
        clauses = _without(class_.clauses, implied)
        yield from _against(clauses, (), mine, f"class `{class_.name}`", class_.device)


def _of_ask(request: str, ask: CheckedAsk, kinds: Sequence[Kind]) -> Iterator[Finding]:
    implied = list(_implied(ask.of.clauses, ask.clauses))
    yield from implied
    mine = concerned(kinds, ask.of)
    if mine and ask.clauses:
        clauses = _without(ask.clauses, implied)
        yield from _against(clauses, ask.of.clauses, mine, f"request `{request}`", ask.of.device)


def _without(clauses: Sequence[Clause], found: Sequence[Finding]) -> list[Clause]:
    """The clauses of which nothing is found yet."""
    spans = {finding.diagnostic.span for finding in found}
    return [clause for clause in clauses if clause.span not in spans]


def _against(
    clauses: Sequence[Clause], before: Sequence[Clause], kinds: Sequence[Kind], owner: str, device: DeviceSchema
) -> Iterator[Finding]:
    """Whether any declared kind of device meets all clauses, and whether a clause tells kinds apart."""
    every = [known(clause) for clause in (*before, *clauses)]
    left = [kind for kind in kinds if not _never((kind.cube,), *every)]
    if any(_never(one) for one in every) or _never(*every):
        return
    if not left:
        alone = [clause for clause in clauses if all(_never((kind.cube,), known(clause)) for kind in kinds)]
        if alone:
            span, message = alone[0].span, f"no declared model of `{device.name}` meets `{alone[0].words}`"
        else:
            span = clauses[0].span if clauses else kinds[0].model.span
            message = f"no declared model of `{device.name}` meets all that {owner} requires"
        models = list(dict.fromkeys(kind.model for kind in kinds))
        notes = [Related(model.span, "one that does not") for model in models[:3]]
        yield warning("LIN058", message, span, "declare the model that is meant, or ask for less", *notes)
        return
    if len(kinds) < 2:
        return
    for clause in clauses:
        # Equality names what is meant: models to come are left out by it.
        if _orders(clause) and all(_never((kind.cube,), known(clause, holds=False)) for kind in kinds):
            message = f"every declared model of `{device.name}` meets `{clause.words}`"
            help_ = "leave it out, or say what tells devices apart"
            yield warning("LIN059", message, clause.span, help_)


def _orders(clause: Clause) -> bool:
    """Whether a clause only asks for more or less of something, or for its presence."""
    stack: list[CheckedCondition] = [clause.condition]
    while stack:
        match stack.pop():
            case Conjunction(operands) | Disjunction(operands):
                stack.extend(operands)
            case Comparison(operator) if operator not in ("==", "!="):
                continue
            case Present():
                continue
            case _:
                return False
    return True


# -------------------------------------------------------------------------------------------------------------- 60


def _shadowed(claim: CheckedClaim, asks: Sequence[CheckedAsk]) -> Iterator[Finding]:
    special = {name for one in (*claim.sets, *claim.constraints) for name in one.requests if "/" in name}
    for number, ask in enumerate(asks):
        for earlier in asks[:number]:
            if earlier.span == ask.span or any(
                name.endswith(f"/{one.name}") for name in special for one in (earlier, ask)
            ):
                continue
            if _fits_wherever(earlier, ask):
                note = Related(earlier.span, "this one is tried first")
                message = f"`{ask.span.text}` is never taken: wherever it fits, `{earlier.span.text}` does too"
                yield warning("LIN060", message, ask.span, "put what asks for more in front, or leave this out", note)
                break


def _fits_wherever(earlier: CheckedAsk, later: CheckedAsk) -> bool:
    """Whether the earlier alternative fits wherever the later one does."""
    if earlier.of is not later.of or earlier.admin != later.admin:
        return False
    if earlier.count is None or (later.count is not None and later.count < earlier.count) or later.count is None:
        return False
    if any(one not in earlier.tolerations for one in later.tolerations):
        return False
    taken = {one.capacity: one.amount.value for one in later.takes}
    for one in earlier.takes:
        more = taken.get(one.capacity)
        if not isinstance(more, type(one.amount.value)) or more < one.amount.value:  # type: ignore[operator]  # both are amounts
            return False
    given = [known(clause) for clause in later.clauses]
    return all(_never(*given, known(clause, holds=False)) for clause in earlier.clauses)


# -------------------------------------------------------------------------------------------------------------- 69


def _preferences(classes: Iterable[CheckedClass], claims: Iterable[CheckedClaim], kinds: Kinds) -> Iterator[Finding]:
    seen: set[Span] = set()
    for class_ in classes:
        for wish in class_.wishes:
            seen.add(wish.span)
            yield from _wish(wish, concerned(kinds[class_.device], class_), class_.clauses)
    for claim in claims:
        for one in claim.sets:
            if isinstance(one, CheckedWish) and one.span not in seen:
                seen.add(one.span)
                asked = [
                    ask
                    for request in claim.requests
                    for ask in request.asks
                    if not one.requests or {request.name, f"{request.name}/{ask.name}"} & set(one.requests)
                ]
                if len({ask.of for ask in asked}) == 1:
                    ask = asked[0]
                    clauses = (*ask.of.clauses, *ask.clauses)
                    yield from _wish(one, concerned(kinds[ask.of.device], ask.of), clauses)


def _wish(wish: CheckedWish, kinds: Sequence[Kind], clauses: Sequence[Clause]) -> Iterator[Finding]:
    changes = _without_wish(wish)
    if wish.weight == 0:
        help_ = "give it a weight, or leave it out"
        yield warning("LIN069", "a preference of weight 0 orders nothing", wish.span, help_, changes=changes)
        return
    every = [known(clause) for clause in clauses]
    left = [kind for kind in kinds if not _never((kind.cube,), *every)]
    if wish.condition is not None:
        try:
            held, failed = cubes(wish.condition), cubes(wish.condition, holds=False)
        except TooMuchError:
            return
        told = [part for part in every if part is not None]
        candidates: list[list[Cubes]] = [[(kind.cube,), *told] for kind in left] if left else [told]
        if all(impossible(*one, failed) for one in candidates):
            message = "every device that can be given has what is preferred"
        elif all(impossible(*one, held) for one in candidates):
            message = "no device that can be given has what is preferred"
        else:
            return
        yield warning("LIN069", message, wish.span, "prefer what tells devices apart, or leave it out", changes=changes)
    elif wish.measure is not None and len(left) > 1:
        constants = [constant_of(kind, wish.measure.name) for kind in left]
        values = {None if one is None else one.value for one in constants}
        if len(values) == 1 and None not in values and isinstance(wish.measure.type, AmountType):
            message = f"every device that can be given has the same `{wish.measure.name}`"
            help_ = "prefer what tells devices apart, or leave it out"
            yield warning("LIN069", message, wish.span, help_, changes=changes)


def _without_wish(wish: CheckedWish) -> tuple[Change, ...]:
    one = around(tree.Prefer, wish.span)
    return () if one is None else without(one.span)


__all__ = ["Kinds", "errors_of", "of_classes"]
