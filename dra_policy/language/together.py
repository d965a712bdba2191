"""The pass over what a claim asks of its devices together: same and distinct values, closeness, links, shapes, wishes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import are_one_fact, can_be_read, find_attribute, look_up
from dra_policy.language.checked import (
    CheckedAsk,
    CheckedCondition,
    CheckedConstraint,
    CheckedLinked,
    CheckedNearness,
    CheckedRequest,
    CheckedShape,
    CheckedWish,
)
from dra_policy.language.checking import Checking, said_by, words
from dra_policy.language.conditions import joined_condition
from dra_policy.language.fabrics import bandwidth_of, shape_fits
from dra_policy.language.identities import all_lost, presence_of
from dra_policy.language.machinery import Fabric
from dra_policy.language.modes import device_of, said_of
from dra_policy.language.predicates import proved_by
from dra_policy.language.schema import AttributeSchema, DeviceSchema, Form, ModelSchema
from dra_policy.language.scope import ATTRIBUTE, FABRIC, Scope
from dra_policy.language.terms import Presence, another_name
from dra_policy.language.types import AmountType, IntType, SetType
from dra_policy.source import Span

NODE = "node"
"""The level that is always there."""

WAYS = ("pack", "spread")


def devices_of(requests: Sequence[CheckedRequest]) -> list[tuple[CheckedRequest, DeviceSchema]]:
    """The kinds of devices that some requests may get, with the request."""
    found: list[tuple[CheckedRequest, DeviceSchema]] = []
    for request in requests:
        for ask in request.asks:
            if not any(one is request and device is ask.of.device for one, device in found):
                found.append((request, ask.of.device))
    return found


# --------------------------------------------------------------------------------------------------- same, distinct


def check_constraint(
    checking: Checking,
    scope: Scope,
    constraint: tree.Constraint,
    involved: Sequence[CheckedRequest],
    requests: tuple[str, ...],
) -> CheckedConstraint | CheckedNearness | None:
    """`same`, `distinct`, or a chain of `else`; `requests` are the names it is written for (none: all)."""
    if constraint.otherwise or (constraint.keyword == "same" and constraint.attribute.text == NODE):
        return _nearness(checking, scope, constraint, involved, requests)
    found = _compared(checking, scope, constraint.attribute, constraint.keyword, involved)
    if found is None:
        return None
    names = tuple(dict.fromkeys(attribute.published.qualified for attribute in found))
    span = constraint_span(constraint)
    said = said_of(constraint.said)
    if constraint.keyword == "same" and said.strength == "should":
        # What only should be the same is closeness with the node as the second choice.
        levels = ((constraint.attribute.text, names), (NODE, ()))
        return CheckedNearness(levels, requests, words(span), said, span)
    return CheckedConstraint(
        constraint.keyword,
        names[0],
        names if len(names) > 1 else (),
        requests,
        words(span),
        said,
        span,
    )


def constraint_span(constraint: tree.Constraint) -> Span:
    """The constraint without what it says of itself."""
    ends = [name.span.end for name in (constraint.attribute, *constraint.otherwise, *constraint.requests)]
    return replace(constraint.span, end=max(ends))


def _nearness(
    checking: Checking,
    scope: Scope,
    constraint: tree.Constraint,
    involved: Sequence[CheckedRequest],
    requests: tuple[str, ...],
) -> CheckedNearness | None:
    problems = scope.problems
    if constraint.keyword != "same":
        message = "`distinct` has no `else`: devices differ, or they do not"
        problems.add("RUL013", message, constraint.otherwise[0].span, "leave `else` out, or write `same`")
        return None
    levels: list[tuple[str, tuple[str, ...]]] = []
    written = (constraint.attribute, *constraint.otherwise)
    for number, name in enumerate(written):
        if any(level == name.text for level, _ in levels):
            problems.add("NAM003", f"`{name.text}` is named already", name.span, "name each level once")
            return None
        if name.text == NODE:
            if number < len(written) - 1:
                message = "all devices of a claim are on one node: what stands behind `node` is never looked at"
                problems.add("RUL013", message, written[number + 1].span, "put `same node` last")
                return None
            levels.append((NODE, ()))
            continue
        found = _compared(checking, scope, name, "same", involved)
        if found is None:
            return None
        levels.append((name.text, tuple(dict.fromkeys(one.published.qualified for one in found))))
    span = constraint_span(constraint)
    return CheckedNearness(tuple(levels), requests, words(span), said_of(constraint.said), span)


def _compared(
    checking: Checking, scope: Scope, name: tree.Name, keyword: str, involved: Sequence[CheckedRequest]
) -> list[AttributeSchema] | None:
    """The attribute that is compared, of each kind of device; None if something is wrong, which is reported."""
    found: list[tuple[CheckedRequest, AttributeSchema]] = []
    for request, device in devices_of(involved):
        attribute = _attribute(scope, name, keyword, request, device)
        if attribute is None:
            return None
        if not all(_published(checking, scope, name, keyword, attribute, ask) for ask in _asks(request, device)):
            return None
        found.append((request, attribute))
    return [attribute for _, attribute in found] if found and _one_meaning(name, found, scope) else None


def _asks(request: CheckedRequest, device: DeviceSchema) -> list[CheckedAsk]:
    return [ask for ask in request.asks if ask.of.device is device]


def _published(
    checking: Checking, scope: Scope, name: tree.Name, keyword: str, attribute: AttributeSchema, ask: CheckedAsk
) -> bool:
    """Whether partitions that are asked for publish what is compared, or rules leave out those that do not."""
    mode = presence_of(checking, ask.of).lost.get(attribute)
    proved = attribute.optional or any(
        attribute in proved_by(clause.condition) for clause in (*ask.of.clauses, *ask.clauses)
    )
    if mode is None or (proved and not all_lost(ask.of, attribute)):
        return True
    message = f"`{attribute.name}` is of a whole board, and partitions of mode `{mode.name}` do not publish it"
    help_ = f"{another_name(attribute, mode)}, and write `{keyword} card`"
    if not all_lost(ask.of, attribute):
        help_ += f"; or leave them out with `require has {attribute.name}`"
    note = Related(attribute.span, "declared `unique in cluster` here")
    scope.problems.add("RUL009", message, name.span, help_, note)
    return False


def _attribute(
    scope: Scope, name: tree.Name, keyword: str, request: CheckedRequest, device: DeviceSchema
) -> AttributeSchema | None:
    problems = scope.problems
    attribute = look_up(device, name.text, scope)
    if attribute is None and scope.peek(name.text, ATTRIBUTE) is not None:
        message = f"device `{device.name}` of request `{request.name}` does not publish `{name.text}`"
        note = Related(device.span, "its schema is declared here")
        help_ = f"name the requests whose devices do: `{keyword} {name.text} of ...`"
        problems.add("RUL009", message, name.span, help_, note)
        return None
    if attribute is None:
        return find_attribute(device, name, scope)
    if not can_be_read(attribute, name.span, scope):
        return None
    note = Related(attribute.span, "declared here")
    if attribute.is_capacity:
        message = f"`{keyword}` compares attributes, and `{attribute.name}` is a capacity"
        problems.add("RUL009", message, name.span, "name an attribute", note)
        return None
    if attribute.form in (Form.FLAGS, Form.LIST_OR_FLAGS, Form.JOINED):
        how = "one text" if attribute.form is Form.JOINED else "flags"
        message = f"`{keyword}` compares one value, and `{attribute.name}` may be published as {how}"
        problems.add("RUL009", message, name.span, "publish it as list, or compare another", note)
        return None
    return attribute


def _one_meaning(name: tree.Name, found: Sequence[tuple[CheckedRequest, AttributeSchema]], scope: Scope) -> bool:
    """One published name, or one well-known fact that drivers spell in several ways."""
    problems = scope.problems
    first_request, first = found[0]
    for request, attribute in found[1:]:
        notes = Related(first.span, "declared here"), Related(attribute.span, "and here")
        same_fact = are_one_fact((first, attribute), scope)
        if attribute.published.qualified != first.published.qualified and not same_fact:
            message = (
                f"`{name.text}` of request `{first_request.name}` is published as "
                f"`{first.published.qualified}`, that of `{request.name}` as `{attribute.published.qualified}`"
            )
            help_ = "compare a fact that both publish, such as a well-known one of std.pcie or std.numa: import it"
            problems.add("RUL009", message, name.span, help_, *notes)
            return False
        if _element(attribute) != _element(first) and not (same_fact and isinstance(_element(attribute), IntType)):
            message = f"`{name.text}` is {first.type} in one device and {attribute.type} in another"
            problems.add("RUL009", message, name.span, "values of two types are never the same", *notes)
            return False
    return True


def _element(attribute: AttributeSchema) -> object:
    return attribute.type.element if isinstance(attribute.type, SetType) else attribute.type


# ---------------------------------------------------------------------------------------------------- links, shapes


def check_linked(
    checking: Checking,
    scope: Scope,
    linked: tree.Linked,
    involved: Sequence[CheckedRequest],
    requests: tuple[str, ...],
) -> CheckedLinked | None:
    """A rule over the links among the devices."""
    fabric = _fabric(checking, scope, linked.fabric, involved)
    least = Fraction(0)
    if linked.least is not None:
        found = bandwidth_of(linked.least, scope)
        if found is None:
            return None
        least = found
    if fabric is None:
        return None
    fastest = _fastest(fabric)
    if linked.least is not None and fastest is not None and least > fastest:
        note = Related(fabric.span, "declared here")
        message = f"no link of `{fabric.name}` has so much: the fastest has {_gigabytes(fastest)}"
        scope.problems.add("FAB009", message, linked.least.span, f"ask for {_gigabytes(fastest)} or less", note)
        return None
    said = said_of(linked.said)
    ends = [linked.fabric.span.end, 0 if linked.least is None else linked.least.span.end]
    span = replace(linked.span, end=max(ends))
    return CheckedLinked(linked.every_pair, fabric, least, requests, words(span), said, span)


def _gigabytes(amount: Fraction) -> str:
    number = amount / 10**9
    return f"{number.numerator if number.denominator == 1 else float(number):g} GB/s"


def _fastest(fabric: Fabric) -> Fraction | None:
    """The best single link; None if nothing is known. Several links between two devices add up."""
    if fabric.pairs and fabric.lattices:
        return None
    found = [one.bandwidth for one in fabric.pairs] + [one.bandwidth for one in fabric.lattices]
    pairs: dict[frozenset[int | str], Fraction] = {}
    for one, other, bandwidth in fabric.links:
        ends = frozenset((one, other))
        pairs[ends] = pairs.get(ends, Fraction(0)) + bandwidth
    return max([*found, *pairs.values()], default=None)


def _fabric(checking: Checking, scope: Scope, name: tree.Name, involved: Sequence[CheckedRequest]) -> Fabric | None:
    entry = scope.find(name, FABRIC, wanted="a fabric")
    fabric = None if entry is None else checking.fabrics.get(entry.key)
    if fabric is None:
        return None
    for request in involved:
        for ask in request.asks:
            if not _joins(fabric, ask.of.device, ask.of.model):
                note = Related(fabric.span, "declared here")
                message = f"fabric `{fabric.name}` does not join the devices of request `{request.name}`"
                joins = ", ".join(f"`{board.name}`" for board in fabric.joins)
                scope.problems.add("FAB006", message, name.span, f"it joins {joins}", note)
                return None
    return fabric


def _joins(fabric: Fabric, device: DeviceSchema, model: ModelSchema | None) -> bool:
    """Whether a fabric joins boards of a model, or, where no model is asked for, of some model of the device."""
    if model is None:
        return any(device_of(board) is device for board in fabric.joins)
    return any(board in (device, model) for board in fabric.joins)


def check_shape(
    checking: Checking, scope: Scope, asked: tree.Asked, request: CheckedRequest, requests: tuple[str, ...]
) -> CheckedShape | None:
    """`shaped block 4 x 4`: on the lattice that joins the devices."""
    problems = scope.problems
    span = asked.shape[0].span.to(asked.shape[-1].span)
    sides = tuple(side.value for side in asked.shape)
    if any(side < 1 for side in sides):
        problems.add("FAB010", "a side of a block is 1 or more", span, "write such as `4 x 4`")
        return None
    of = request.asks[0].of
    fabrics = [
        fabric for fabric in checking.fabrics.values() if fabric.lattices and _joins(fabric, of.device, of.model)
    ]
    if not fabrics:
        message = f"no torus or ring joins the devices of request `{request.name}`"
        problems.add("FAB010", message, span, "declare a `fabric` with a `torus` that joins them")
        return None
    # Where devices of several models may be asked for, one with room for the block is meant.
    roomy = (one for one in fabrics if any(shape_fits(lattice, sides) for lattice in one.lattices))
    fabric = next(roomy, fabrics[0])
    count = 1
    for side in sides:
        count *= side
    if asked.count is not None and asked.most is None and not asked.others and asked.count.value != count:
        block = " x ".join(map(str, sides))
        message = f"a block of {block} has {count} devices, and {asked.count.value} are asked for"
        problems.add("FAB010", message, asked.count.span, f"write {count}, or another block")
        return None
    if not any(shape_fits(lattice, sides) for lattice in fabric.lattices):
        lengths = " x ".join(str(axis.size) for axis in fabric.lattices[0].axes)
        note = Related(fabric.span, "declared here")
        message = f"such a block does not fit `{fabric.name}`, which is {lengths}"
        problems.add("FAB010", message, span, "write smaller sides", note)
        return None
    if asked.around and not any(axis.wrap for lattice in fabric.lattices for axis in lattice.axes):
        note = Related(fabric.span, "declared here")
        message = f"no axis of `{fabric.name}` wraps, so no block goes around"
        problems.add("FAB010", message, span, "leave `around` out, or write `wrap` behind an axis", note)
        return None
    text = f"shaped block {' x '.join(map(str, sides))}{' around' if asked.around else ''}"
    return CheckedShape(fabric, sides, requests, text, span, asked.around)


# ---------------------------------------------------------------------------------------------------------- wishes


def check_prefer(
    checking: Checking,
    scope: Scope,
    prefer: tree.Prefer,
    devices: Sequence[DeviceSchema],
    requests: tuple[str, ...],
    there: Presence,
) -> CheckedWish | None:
    """A preference over devices of some kinds."""
    problems = scope.problems
    tier = 1 if prefer.tier is None else prefer.tier.value
    weight = 1 if prefer.weight is None else prefer.weight.value
    if prefer.tier is not None and not 1 <= tier <= 100:
        problems.add("RUL014", f"there is no tier {tier}", prefer.tier.span, "tiers count from 1 to 100")
        return None
    if prefer.weight is not None and not 0 <= weight <= 100:
        problems.add("RUL014", f"a weight of {weight}", prefer.weight.span, "weights are 0 to 100")
        return None
    if prefer.said.strength is not None and prefer.said.strength.text == "must":
        message = "a preference is never a must"
        problems.add("RUL014", message, prefer.said.strength.span, "leave it out, or write `require`")
        return None
    condition: CheckedCondition | None = None
    measure: AttributeSchema | None = None
    fabric: Fabric | None = None
    most, way = False, ""
    device = devices[0]
    match prefer.wish:
        case tree.Extreme(is_most, name):
            most = is_most
            if name.text == "stranded" and not is_most and look_up(device, name.text, scope) is None:
                way = "stranded"
            else:
                measure = find_attribute(device, name, scope, "stranded")
                if measure is None or not can_be_read(measure, name.span, scope):
                    return None
                if not isinstance(measure.type, AmountType | IntType):
                    message = f"`{measure.name}` is {measure.type}: there is no most or least of it"
                    problems.add("RUL014", message, name.span, "name a number or an amount")
                    return None
        case tree.LinkedBy(name):
            entry = scope.find(name, FABRIC, wanted="a fabric")
            fabric = None if entry is None else checking.fabrics.get(entry.key)
            if fabric is None:
                return None
        case tree.Reference(name) if name.text in WAYS and look_up(device, name.text, scope) is None:
            way = name.text
        case _:
            condition = joined_condition(checking, scope, device, prefer.wish, there=there)
            if condition is None:
                return None
    if len(devices) > 1 and (condition is not None or measure is not None):
        message = "this is about several kinds of devices"
        problems.add("RUL014", message, prefer.span, "write it in the request, or the class, of one of them")
        return None
    end = max(part.span.end for part in (prefer.wish, prefer.weight) if part is not None)
    span = replace(prefer.span, end=end)
    because = said_by(prefer.said.because)
    return CheckedWish(tier, weight, condition, measure, most, fabric, way, requests, words(span), because, span)


__all__ = [
    "NODE",
    "check_constraint",
    "check_linked",
    "check_prefer",
    "check_shape",
    "constraint_span",
    "devices_of",
]
