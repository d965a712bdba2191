"""Checked policies as rules of the core: every rule keeps the words and the place that it comes from.

A class becomes the test of its driver, the values of its model if it is of one, and its own clauses; a claim its
requests with their clauses, constraints and configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from dra_policy.expression import compile_tree
from dra_policy.expression.tree import ALLOW_MULTIPLE_ALLOCATIONS, Expression, all_of, any_of, negation
from dra_policy.language.boards import Mode, Part, Share, slots_name
from dra_policy.language.checked import (
    AttributeTerm,
    CheckedAsk,
    CheckedClaim,
    CheckedClass,
    CheckedCondition,
    CheckedConstraint,
    CheckedRequest,
    CheckedTakes,
    Clause,
    Comparison,
    Negation,
    Present,
)
from dra_policy.language.checking import words
from dra_policy.language.configuration import claim_configurations, class_configuration
from dra_policy.language.finding import device_of
from dra_policy.language.predicates import lower_condition, lower_driver, lower_model_value
from dra_policy.language.schema import AttributeSchema, Form, ModelSchema, ModelValue, PublishedName, element_of
from dra_policy.language.setting import lower_set
from dra_policy.language.templates import filled, is_template, lone, typed
from dra_policy.language.types import COUNT, Constant, SetType, quantity_text
from dra_policy.resources import Quantity
from dra_policy.resources.features import Features
from dra_policy.rules import (
    Ask,
    AttributeAlias,
    ClaimKey,
    ClaimRules,
    ClassName,
    ClassRules,
    ConstraintKind,
    ConstraintRule,
    Origin,
    RequestName,
    RequestRules,
    Selector,
)

POSITIONS_BETWEEN = ","
"""Between the positions in a value."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One selector to be: where it comes from and its expression."""

    origin: Origin
    tree: Expression


def lower_class(class_: CheckedClass, features: Features) -> ClassRules:
    """The rules of one class: its driver first, so that no other driver's device meets the rest (D8)."""
    conditions = class_conditions(class_, lists=features.list_type_attributes)
    return ClassRules(
        name=ClassName(class_.name),
        selectors=tuple(_selector(condition, features) for condition in conditions),
        configs=tuple(class_configuration(config) for config in class_.configs),
        origin=Origin(f"class `{class_.name}`", f"class {class_.name} of {class_of(class_)}", class_.span),
    )


def lower_claim(claim: CheckedClaim, features: Features, key: ClaimKey | None = None) -> ClaimRules:
    """The rules of one claim; without `key` it is named like its template."""
    key = ClaimKey("", claim.name) if key is None else key
    owner = f"claim `{key.name}`"
    return ClaimRules(
        key=key,
        requests=tuple(_request(request, owner, features) for request in claim.requests),
        constraints=tuple(_constraint(constraint, owner) for constraint in claim.constraints),
        configs=claim_configurations(claim),
        origin=Origin(owner, f"claim {claim.name}", claim.span),
        sets=tuple(lower_set(one, owner, features) for one in claim.sets),
    )


def class_of(class_: CheckedClass) -> str:
    """What a class is of: a device or a model."""
    return class_.device.name if class_.model is None else class_.model.name


def class_conditions(class_: CheckedClass, *, lists: bool) -> tuple[Condition, ...]:
    """The conditions of a class in the order of evaluation."""
    owner = f"class `{class_.name}`"
    device = class_.device
    driver = Origin(owner, f"driver {device.driver}", device.driver_span)
    found = [Condition(driver, lower_driver(device))]
    if class_.part is not None:
        found += part_conditions(class_.part, owner, lists)
    elif class_.model is not None:
        found += value_conditions(class_.model.values.values(), f"{owner}, model `{class_.model.name}`", lists)
    return (*found, *_clauses(class_.clauses, owner, lists))


def value_conditions(values: Iterable[ModelValue], owner: str, lists: bool) -> Iterator[Condition]:
    """What devices publish for sure, one condition a value."""
    for value in values:
        if value.attribute.unpublished(lists=lists):
            continue
        origin = Origin(owner, words(value.span), value.span)
        yield Condition(origin, lower_model_value(value, lists=lists))


def part_conditions(part: Part, owner: str, lists: bool) -> Iterator[Condition]:
    """What tells the devices of a mode or share from all others of their driver."""
    # A class that was not declared has the name of what it is of.
    owner = owner if owner == f"class `{part.name}`" else f"{owner}, `{part.name}`"
    if part.share is not None:
        origin = Origin(owner, "may be shared", part.share.span)
        yield Condition(origin, ALLOW_MULTIPLE_ALLOCATIONS)
        if part.share.by_slots:
            yield _slots(part.share, owner, lists)
    elif part.unshared:
        yield Condition(Origin(owner, "is not shared", part.modes[0].span), negation(ALLOW_MULTIPLE_ALLOCATIONS))
    published = part_values(part)
    if len(published) == 1:
        yield from value_conditions(published[0].values(), owner, lists)
        return
    if not published:
        return
    span = part.modes[0].span
    ways = [
        all_of(
            *(
                lower_model_value(value, lists=lists)
                for value in one.values()
                if not value.attribute.unpublished(lists=lists)
            )
        )
        for one in published
    ]
    boards = " or ".join(f"`{board.name}`" for board in part.boards)
    yield Condition(Origin(owner, f"{part.name} of {boards}", span), any_of(*ways, span=span))


def _slots(share: Share, owner: str, lists: bool) -> Condition:
    """That so many claims may hold a device: the capacity `slots`, of which each takes one."""
    device, span, count = device_of(share.board), share.span, share.slots
    own = slots_name(device)
    name = PublishedName(device.driver, own, bare=True)
    slots = AttributeSchema("capacity", own, COUNT, count is None, None, False, name, Form.VALUE, "", "", span)
    condition: CheckedCondition = Negation(Present(slots, span), span)
    words_ = "for any number of claims"
    if count is not None:
        words_ = f"for {count} claims at most"
        condition = Comparison("==", AttributeTerm(slots, span), Constant(COUNT, Fraction(count), span), False, span)
    return Condition(Origin(owner, words_, span), lower_condition(condition, lists=lists))


def part_values(part: Part) -> list[Mapping[str, ModelValue]]:
    """What each board publishes of a part, by attribute: those of the profile above those of the mode and the model.

    With `by_profile` each profile for itself, with `by_place` each place of it. A partition has the capacities that it is
    given, and none of its board.
    """
    found: list[Mapping[str, ModelValue]] = []
    for number, board in enumerate(part.boards):
        mode = part.modes[number] if part.modes else None
        model = board.values if isinstance(board, ModelSchema) else {}
        partition = mode is not None and mode.partition
        values = {name: value for name, value in model.items() if not (partition and value.attribute.is_capacity)}
        profiles: Iterable[str] = (part.profile,)
        if mode is not None and mode.profiles and part.by_profile:
            profiles = mode.profiles
        for profile in profiles:
            known = {"mode": part.name if mode is None else mode.name} | ({"profile": profile} if profile else {})
            own = _of_mode(values, mode, profile)
            places = _places(mode, profile) if part.by_place else [{}]
            found += [dict(_known_values(own, known | place)) for place in places]
    return found


def _places(mode: Mode | None, name: str) -> list[dict[str, str]]:
    """What is known of the places of a profile, by placeholder: one where nothing is known."""
    if mode is None or not name:
        return [{}]
    profile = mode.profiles[name]
    known = {} if profile.id is None else {"id": str(profile.id)}
    if not profile.positions:
        return [known]
    first = profile.positions[0]
    places = [first.covered(start) for start in first.starts]
    return [
        known | {"start": str(one[0]), "end": str(one[-1]), "positions": POSITIONS_BETWEEN.join(map(str, one))}
        for one in places
    ]


def _of_mode(board: Mapping[str, ModelValue], mode: Mode | None, profile: str) -> Mapping[str, ModelValue]:
    """What a mode and a profile of it make of the values of a board."""
    if mode is None:
        return board
    given = {**board, **mode.gives, **(mode.profiles[profile].gives if profile else {})}
    return {name: value for name, value in given.items() if value.attribute not in mode.without}


def _known_values(values: Mapping[str, ModelValue], known: Mapping[str, str]) -> Iterator[tuple[str, ModelValue]]:
    """The values with their placeholders filled in; those that are another for each board are left out."""
    for name, value in values.items():
        if value.attribute.private:
            continue
        written = [one for constant in value.constants for one in _each(value, constant, known)]
        made = [_filled_in(value, one, known) if is_template(one) else one for one in written]
        constants = tuple(one for one in made if one is not None)
        if len(constants) == len(made):
            yield name, value if constants == value.constants else replace(value, constants=constants)


def _each(value: ModelValue, one: Constant, known: Mapping[str, str]) -> list[Constant]:
    """The values that a text stands for: `{positions}` alone is one of a set for each of them."""
    if is_template(one) and lone(str(one.value)) == "positions" and isinstance(value.attribute.type, SetType):
        return [replace(one, value=number) for number in known.get("positions", "{positions}").split(POSITIONS_BETWEEN)]
    return [one]


def _filled_in(value: ModelValue, one: Constant, known: Mapping[str, str]) -> Constant | None:
    """A text with its braces filled in, as a value of the attribute; None if something in them is not known."""
    text = replace(one, value=filled(str(one.value), known))
    return None if is_template(text) else typed(str(text.value), element_of(value.attribute.type), one.span)


def ask_conditions(ask: CheckedAsk, owner: str, *, lists: bool) -> tuple[Condition, ...]:
    """The conditions that a request adds to those of its class."""
    return tuple(_clauses(ask.clauses, owner, lists))


def _clauses(clauses: tuple[Clause, ...], owner: str, lists: bool) -> Iterator[Condition]:
    for clause in clauses:
        origin = Origin(owner, clause.words, clause.span, clause.because, negotiable=clause.negotiable)
        yield Condition(origin, lower_condition(clause.condition, lists=lists))


def _selector(condition: Condition, features: Features) -> Selector:
    return Selector(condition.origin, program=compile_tree(condition.tree, features))


def _request(request: CheckedRequest, claim: str, features: Features) -> RequestRules:
    owner = f"{claim} request `{request.name}`"
    asks = tuple(_ask(ask, owner, features) for ask in request.asks)
    origin = asks[0].origin
    if request.prioritized:
        origin = Origin(owner, words(request.span), request.span)
    return RequestRules(RequestName(request.name), asks, prioritized=request.prioritized, origin=origin)


def _ask(ask: CheckedAsk, owner: str, features: Features) -> Ask:
    if ask.name:
        owner = f"{owner} alternative `{ask.name}`"
    wanted = "all" if ask.count is None else str(ask.count)
    conditions = ask_conditions(ask, owner, lists=features.list_type_attributes)
    return Ask(
        name=ask.name,
        class_name=ClassName(ask.of.name),
        selectors=tuple(_selector(condition, features) for condition in conditions),
        mode="All" if ask.count is None else "ExactCount",
        count=ask.count or 0,
        admin_access=True if ask.admin else None,
        tolerations=ask.tolerations,
        capacity=tuple((taken.capacity.published.key, amount(taken)) for taken in ask.takes),
        derived=(),
        origin=Origin(owner, f"{wanted} of {ask.of.name}", ask.span),
        negotiable=tuple(taken.capacity.published.key for taken in ask.takes if taken.negotiable),
    )


def amount(taken: CheckedTakes) -> Quantity:
    """How much a request takes of a capacity."""
    value = taken.amount.value
    assert isinstance(value, Fraction)
    text = quantity_text(value, binary=taken.amount.binary)
    assert text is not None  # the checker refused finer amounts
    return Quantity.parse(text)


def _constraint(constraint: CheckedConstraint, owner: str) -> ConstraintRule:
    kind = ConstraintKind.MATCH if constraint.keyword == "same" else ConstraintKind.DISTINCT
    words, because, negotiable = constraint.words, constraint.because, constraint.negotiable
    origin = Origin(owner, words, constraint.span, because, negotiable=negotiable)
    aliases = tuple(AttributeAlias(name) for name in constraint.names)
    return ConstraintRule(kind, constraint.attribute, constraint.requests, origin, aliases)


__all__ = [
    "Condition",
    "amount",
    "ask_conditions",
    "class_conditions",
    "class_of",
    "lower_claim",
    "lower_class",
    "part_conditions",
    "part_values",
    "value_conditions",
]
