"""CDI specifications: what a container gets of the devices that its claim was given.

One device for each device of the allocation, with the edits of `for each device`, and one for the whole claim, with
those of `for claim`; variables that join values of all devices are the claim's. The kind is `k8s.DRIVER/claim`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from json import dumps

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression import DeviceFacts, EvaluationError, compile_tree
from dra_policy.expression.tree import Expression
from dra_policy.language.checked import CheckedCondition, CheckedPolicies
from dra_policy.language.configured import BETWEEN, as_attribute
from dra_policy.language.finding import device_of
from dra_policy.language.hardware import Edit, Setup
from dra_policy.language.kinds import is_evident
from dra_policy.language.predicates import lower_condition, lower_model_value
from dra_policy.language.schema import AttributeSchema, DeviceSchema, FieldSchema, ModelSchema
from dra_policy.language.templates import in_unit, split
from dra_policy.language.types import (
    DURATION,
    AmountType,
    BoolType,
    IntType,
    Type,
    VersionType,
    quantity_text,
)
from dra_policy.render.literals import OBJECT
from dra_policy.resources import (
    Device,
    DeviceAttribute,
    DeviceCapacity,
    Features,
    NotAQuantity,
    NotASemver,
    Quantity,
    Semver,
)
from dra_policy.rules.subjects import parse_duration

VERSION = "0.8.0"
"""Of the specification; hooks and mounts as here are older."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Given:
    """One device of an allocation: for which request, of which pool, and what it publishes.

    `taken` is what the claim takes of its capacities, by published name; of others it has all. `parameters` are those that
    are set for the request. `kind` is None where only what is published can tell it.
    """

    request: str
    pool: str
    device: Device
    taken: Mapping[str, Quantity] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    kind: DeviceSchema | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """A claim with its devices of one driver, the driver's kinds of device with their models, and parameters with their
    defaults."""

    uid: str
    name: str
    namespace: str
    node: str
    given: tuple[Given, ...]
    kinds: Mapping[DeviceSchema, tuple[ModelSchema, ...]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, FieldSchema] = field(default_factory=dict)


def setups_of(policies: CheckedPolicies, driver: str) -> list[Setup]:
    """The set-ups of the devices of a driver."""
    return [setup for policy in policies for setup in policy.hardware.setups if device_of(setup.board).driver == driver]


def specification(
    setups: Sequence[Setup], allocation: Allocation, driver: str, features: Features
) -> tuple[OBJECT | None, list[Diagnostic]]:
    """The CDI specification of a claim on its node, None where it edits nothing; and what has no value (REN003)."""
    rendering = _Rendering(allocation, driver, features)
    devices: list[OBJECT] = []
    for name, given in zip(_names(allocation), allocation.given, strict=True):
        made = rendering.edits(_wanted(rendering, setups, given, ("device", "request")))
        devices.append({"name": name, "containerEdits": made})
    whole = [one for given in allocation.given for one in _wanted(rendering, setups, given, ("claim", "container"))]
    # What is for the whole claim is told by the first of its devices that it is about and that meets its condition.
    first = {id(one.edit): one for one in reversed(whole) if rendering.holds(one.edit.when, one.given)}
    kept = [first[key] for key in dict.fromkeys(id(one.edit) for one in whole) if key in first]
    devices.append({"name": allocation.uid, "containerEdits": rendering.edits(kept)})
    # A device without edits is none (CDI).
    edited = [device for device in devices if device["containerEdits"]]
    if not edited:
        return None, rendering.problems
    return {"cdiVersion": VERSION, "kind": f"k8s.{driver}/claim", "devices": edited}, rendering.problems


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An edit to be made: for which device, of which scope, and of a set-up of which kind of device."""

    edit: Edit
    given: Given
    each: str
    kind: DeviceSchema


def _names(allocation: Allocation) -> list[str]:
    """A name for each device; one that the claim has several shares of gets a number from the second on."""
    found: list[str] = []
    for given in allocation.given:
        name = f"{allocation.uid}-{given.device.name}"
        count = sum(one == name or one.startswith(f"{name}.") for one in found)
        found.append(name if count == 0 else f"{name}.{count + 1}")
    return found


def _wanted(rendering: _Rendering, setups: Sequence[Setup], given: Given, scopes: tuple[str, ...]) -> list[_Wanted]:
    return [
        _Wanted(edit, given, scope.each, device_of(setup.board))
        for setup in setups
        if rendering.is_about(setup, given)
        for scope in setup.scopes
        if scope.each in scopes
        for edit in scope.edits
    ]


class _Rendering:
    def __init__(self, allocation: Allocation, driver: str, features: Features) -> None:
        self.allocation = allocation
        self.driver = driver
        self.features = features
        self.problems: list[Diagnostic] = []

    def is_about(self, setup: Setup, given: Given) -> bool:
        """Whether a set-up is for a device: of its kind, and of its model where it names one."""
        board = setup.board
        if not self.is_of(device_of(board), given):
            return False
        return not isinstance(board, ModelSchema) or self._is_of_model(board, given)

    def is_of(self, kind: DeviceSchema, given: Given) -> bool:
        """Whether a device is of a kind; where nobody knows, what it publishes tells it from other kinds of its driver."""
        if given.kind is not None:
            return given.kind is kind
        device = given.device
        if len(self.allocation.kinds) < 2 or not (device.attributes or device.capacity):
            return True
        if not all(one.published.key in device.attributes for one in kind.attributes.values() if is_evident(one)):
            return False
        models = self.allocation.kinds.get(kind, ())
        return not models or any(self._is_of_model(model, given) for model in models)

    def _is_of_model(self, model: ModelSchema, given: Given) -> bool:
        lists = self.features.list_type_attributes
        return all(
            self._holds_tree(lower_model_value(value, lists=lists), given)
            for value in model.values.values()
            if not (value.attribute.is_capacity or value.attribute.unpublished(lists=lists))
        )

    def _holds_tree(self, tree: Expression, given: Given) -> bool:
        program = compile_tree(tree, self.features)
        try:
            return program.evaluate(DeviceFacts.of(self.driver, given.device))
        except EvaluationError:
            return False

    def holds(self, condition: CheckedCondition | None, given: Given) -> bool:
        """Whether a device meets the condition of an edit, with what is set for it."""
        if condition is None:
            return True
        tree = lower_condition(condition, lists=self.features.list_type_attributes)
        return self._holds_tree(tree, replace(given, device=self._configured(given)))

    def _configured(self, given: Given) -> Device:
        """The device with what is set for it, as conditions read it."""
        attributes, capacity = dict(given.device.attributes), dict(given.device.capacity)
        set_ = {**self.allocation.parameters, **given.parameters}
        for name, schema in self.allocation.fields.items():
            if name not in set_:
                continue
            key = as_attribute(schema).published.key
            match schema.type:
                case AmountType():
                    amount = _amount(set_[name], schema.type)
                    if amount is not None:
                        capacity[key] = DeviceCapacity(value=amount)
                case type_:
                    value = _value(set_[name], type_)
                    if value is not None:
                        attributes[key] = value
        return given.device.model_copy(update={"attributes": attributes, "capacity": capacity})

    def edits(self, wanted: Sequence[_Wanted]) -> OBJECT:
        """The container edits of one CDI device; each only once."""
        made: dict[str, dict[str, object]] = {}
        for one in wanted:
            # CDI gives no capabilities: the report of who enforces what says who must ask for them.
            if one.edit.kind == "capability" or not self.holds(one.edit.when, one.given):
                continue
            for number in one.edit.numbers if one.edit.number else (None,):
                key, value = self._edit(one, number)
                made.setdefault(key, {})[dumps(value, sort_keys=True)] = value
        return {key: list(values.values()) for key, values in made.items()}

    def _edit(self, wanted: _Wanted, number: int | None) -> tuple[str, object]:
        edit = wanted.edit

        def fill(text: str) -> str:
            if number is not None:
                text = text.replace(f"{{{edit.number}}}", str(number))
            return _PLACEHOLDER.sub(lambda found: self._named(found.group(1), wanted), text)

        match edit.kind:
            case "node":
                node: OBJECT = {"path": fill(edit.target)}
                if edit.source:
                    node["hostPath"] = fill(edit.source)
                if edit.options:
                    node["permissions"] = edit.options[0]
                return "deviceNodes", node
            case "env":
                return "env", f"{fill(edit.target)}={self._value(wanted, fill)}"
            case "mount":
                mount: OBJECT = {"hostPath": fill(edit.source), "containerPath": fill(edit.target)}
                options = [_OPTIONS.get(option, option) for option in edit.options]
                mount["options"] = [*options, *(one for one in ("nosuid", "nodev", "bind") if one not in options)]
                return "mounts", mount
            case _:
                hook: OBJECT = {"hookName": edit.target, "path": fill(edit.source)}
                if edit.options:
                    name = edit.source.rsplit("/", 1)[-1]
                    hook["args"] = [name, *map(fill, edit.options)]
                return "hooks", hook

    def _value(self, wanted: _Wanted, fill: Callable[[str], str]) -> str:
        joined, parameter = wanted.edit.joined, wanted.edit.parameter
        among = tuple(one for one in self.allocation.given if self.is_of(wanted.kind, one))
        if wanted.each == "request":
            among = tuple(one for one in among if one.request == wanted.given.request)
        if parameter:
            defaults = self.allocation.parameters
            sets = [one.parameters.get(parameter) or defaults.get(parameter, "") for one in among]
            values = dict.fromkeys(value for text in sets if text for value in text.split(BETWEEN))
            return wanted.edit.source.join(values)
        if joined is None:
            return fill(wanted.edit.source)
        return wanted.edit.source.join(text for given in among if (text := _published(given, joined)))

    def _named(self, placeholder: str, wanted: _Wanted) -> str:
        name, unit = split(placeholder)
        text = self._plain(name, wanted)
        if not unit or not text:
            return text
        attribute = wanted.kind.attributes.get(name)
        type_ = self.allocation.fields[name].type if attribute is None else attribute.type
        assert isinstance(type_, AmountType)  # Invariant: the checker lets amounts alone have a unit
        try:
            return in_unit(Quantity.parse(text).value, type_, unit)
        except NotAQuantity:
            return text  # as whoever wrote the claim has it, and in examples without a value

    def _plain(self, name: str, wanted: _Wanted) -> str:
        allocation, given = self.allocation, wanted.given
        known = {
            "claim": allocation.name,
            "claim_uid": allocation.uid,
            "namespace": allocation.namespace,
            "node": allocation.node,
            "request": given.request,
            "device": given.device.name,
            "pool": given.pool,
            "place": str(next(number for number, one in enumerate(allocation.given) if one is given)),
        }
        if name in known:
            return known[name]
        attribute = wanted.kind.attributes.get(name)
        text = "" if attribute is None else _published(given, attribute)
        text = text or (given.parameters.get(name) or allocation.parameters.get(name, "")).replace(BETWEEN, ",")
        if not text:
            message = f"device `{given.device.name}` has no value for `{{{name}}}`"
            help_ = "set it in the configuration"
            if attribute is not None:
                help_ = f"write `when has {name}` behind the edit"
                help_ += f", or `place` it in a machine: `{name}` is private" if attribute.private else ""
            self.problems.append(Diagnostic("REN003", message, wanted.edit.span, help_))
        return text


_OPTIONS = {"read-only": "ro", "read-write": "rw"}


def _published(given: Given, attribute: AttributeSchema) -> str:
    """What a device publishes of an attribute, or what the claim has of a capacity of it, as text."""
    key = attribute.published.key
    if attribute.is_capacity:
        if key in given.taken:
            return str(given.taken[key])
        found = given.device.capacity.get(key)
        return "" if found is None else str(found.value)
    value = given.device.attributes.get(key)
    return "" if value is None else _text(value)


def _amount(text: str, type_: AmountType) -> Quantity | None:
    """An amount that is set, None for what is none: claims may say anything."""
    try:
        if type_ != DURATION:
            return Quantity.parse(text)
        seconds = parse_duration(text)
        return None if seconds is None else Quantity.parse(quantity_text(seconds) or "")
    except NotAQuantity:
        return None


def _value(text: str, type_: Type) -> DeviceAttribute | None:
    """A value that is set as devices publish it, a set as one text; None for what is none of its type."""
    match type_:
        case IntType():
            return DeviceAttribute(int_=int(text)) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
        case BoolType():
            return DeviceAttribute(bool_=text == "true") if text in ("true", "false") else None
        case VersionType():
            try:
                return DeviceAttribute(version=str(Semver.parse(text)))
            except NotASemver:
                return None
        case _:
            return DeviceAttribute(string=text)


def _text(value: DeviceAttribute) -> str:
    if value.bool_ is not None:
        return "true" if value.bool_ else "false"
    for one in (value.string, value.version):
        if one is not None:
            return str(one)
    if value.int_ is not None:
        return str(value.int_)
    items = value.strings or value.versions or value.ints or value.bools or ()
    return ",".join(str(item) for item in items)


__all__ = ["Allocation", "Given", "setups_of", "specification"]
