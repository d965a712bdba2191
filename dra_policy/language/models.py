"""The pass over models: each value against the schema of its device, `like` written out."""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType
from typing import assert_never

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import find_attribute
from dra_policy.language.checking import Checking
from dra_policy.language.constants import TEXT_LIMIT, constant
from dra_policy.language.devices import check_flag
from dra_policy.language.references import Link, in_dependency_order
from dra_policy.language.schema import AttributeSchema, DeviceSchema, Form, ModelSchema, ModelValue, element_of
from dra_policy.language.scope import DEVICE, MODEL, Declared, Key, Problems, Scope
from dra_policy.language.tree import Literal, Model, Name
from dra_policy.language.types import (
    AmountType,
    BoolType,
    Constant,
    IntType,
    OneOfType,
    SetType,
    TextType,
    VersionType,
)
from dra_policy.source import Span


def check_models(checking: Checking) -> None:
    """Resolve every model, each after the one it is like."""
    models: dict[Key, tuple[Scope, Declared, Model]] = {}
    graph: dict[Key, list[Link[Key]]] = {}
    for scope, entry in checking.declared(MODEL):
        if not isinstance(entry.statement, Model):
            continue
        models[entry.key] = scope, entry, entry.statement
        like = entry.statement.like
        found = None if like is None else scope.find(like, MODEL, wanted="a model")
        graph[entry.key] = [] if like is None or found is None else [Link(found.key, like.span)]
    order, circles = in_dependency_order(graph)
    for circle in circles:
        names = [models[key][1].name.text for key in circle.vertices]
        scope = models[circle.vertices[0]][0]
        message = f"model `{names[0]}` is like itself: {circle.path(names)}"
        help_ = "say what one of them is `of` instead of `like`"
        scope.problems.add("NAM006", message, circle.links[0].span, help_, *circle.related(names))
    for key in order:
        scope, _, model = models[key]
        base = next((checking.models.get(link.to) for link in graph[key]), None)
        device = _device(checking, scope, model, base)
        if device is not None:
            checking.models[key] = _model(scope, model, device, base)


def _device(checking: Checking, scope: Scope, model: Model, base: ModelSchema | None) -> DeviceSchema | None:
    if model.of is None:
        return None if base is None else base.device
    found = scope.find(model.of, DEVICE, wanted="a device")
    return None if found is None else checking.devices.get(found.key)


def _model(scope: Scope, model: Model, device: DeviceSchema, base: ModelSchema | None) -> ModelSchema:
    problems = scope.problems
    values: dict[str, ModelValue] = {} if base is None else dict(base.values)
    first: dict[str, Name] = {}
    for value in model.values:
        attribute = find_attribute(device, value.name, scope)
        if attribute is None:
            continue
        if first.setdefault(attribute.name, value.name) is not value.name:
            note = Related(first[attribute.name].span, "first given here")
            problems.add(
                "NAM003", f"`{value.name.text}` is given already", value.name.span, "remove one of the two", note
            )
            continue
        if attribute.unique:
            message = f"`{attribute.name}` is unique in a cluster: devices of one model do not share it"
            note = Related(attribute.span, "declared here")
            problems.add("RUL012", message, value.name.span, "leave it out", note)
            continue
        constants = constants_of(attribute, value.values, value.span, problems)
        tolerance = _tolerance(attribute, value.tolerance, value.span, problems)
        if constants is not None and tolerance is not None:
            values[attribute.name] = ModelValue(attribute, constants, tolerance, value.span)
    grids = {} if base is None else dict(base.grids)
    grids |= {grid.name.text: (grid.size.value, grid.name.span) for grid in model.grids}
    return ModelSchema(model.name.text, device, values, model.name.span, MappingProxyType(grids))


def constants_of(
    attribute: AttributeSchema, written: tuple[Literal | Name, ...], span: Span, problems: Problems
) -> tuple[Constant, ...] | None:
    """The constants given to an attribute, or None if a mistake was reported."""
    if not isinstance(attribute.type, SetType) and len(written) > 1:
        message = f"`{attribute.name}` is {attribute.type} and takes one value, not {len(written)}"
        note = Related(attribute.span, "declared here")
        problems.add("TYP001", message, span, "give one value", note)
        return None
    found: list[Constant] = []
    for value in written:
        one = constant(value, element_of(attribute.type), f"`{attribute.name}`", problems, attribute.span)
        if one is None or not _publishable(attribute, one, problems):
            return None
        if one in found:
            problems.add("NAM003", f"`{value.span.text}` is given already", value.span, "remove one of the two")
        found.append(one)
    return tuple(found)


def _publishable(attribute: AttributeSchema, value: Constant, problems: Problems) -> bool:
    """Whether a device can publish the value (A11)."""
    match value.type:
        case TextType() | VersionType() | OneOfType():
            text = str(value.value)
            if attribute.form in (Form.FLAGS, Form.LIST_OR_FLAGS) and not check_flag(
                attribute, text, value.span, problems
            ):
                return False
            if attribute.joined_by and attribute.joined_by in text:
                message = f"`{text}` has `{attribute.joined_by}` in it, which stands between values"
                help_ = "give the values one by one"
                problems.add("TYP013", message, value.span, help_, Related(attribute.span, "declared here"))
                return False
            if len(text.encode()) > TEXT_LIMIT:
                message = f"this value of `{attribute.name}` is longer than {TEXT_LIMIT} bytes"
                problems.add("TYP013", message, value.span, "Kubernetes refuses longer values of attributes")
                return False
        case AmountType():
            if isinstance(value.value, Fraction) and value.value < 0:
                problems.add("TYP013", f"`{attribute.name}` cannot be less than nothing", value.span, "write 0 or more")
                return False
        case IntType() | BoolType():
            pass
        case _:
            assert_never(value.type)
    return True


def _tolerance(attribute: AttributeSchema, written: Fraction | None, span: Span, problems: Problems) -> Fraction | None:
    if written is None:
        return Fraction(0)
    if not isinstance(attribute.type, AmountType):
        message = f"`{attribute.name}` is {attribute.type} and has no tolerance"
        problems.add("TYP014", message, span, "only capacities have one: remove `tolerance`")
        return None
    if not 0 <= written < 1:
        message = f"the tolerance of `{attribute.name}` is not below 100%"
        problems.add("TYP014", message, span, "write a share such as `tolerance 3%`")
        return None
    return written
