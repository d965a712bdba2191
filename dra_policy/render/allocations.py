"""Allocations to write CDI specifications for: those of claims that were given, or an example made from the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from dra_policy.allocation.configuration import told
from dra_policy.allocation.site.ledger import configs_for
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.configured import BETWEEN
from dra_policy.language.finding import device_of
from dra_policy.language.hardware import Setup
from dra_policy.language.machinery import Machine
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import AttributeSchema, DeviceSchema, FieldSchema, ModelSchema
from dra_policy.language.templates import placeholders
from dra_policy.language.types import AmountType, Constant, IntType, duration_text, quantity_text
from dra_policy.render.catalog import Catalog
from dra_policy.render.cdi import Allocation, Given, setups_of
from dra_policy.render.machines import Fleet
from dra_policy.render.targets import Target
from dra_policy.render.values import attributes_of
from dra_policy.resources import Device, DeviceAttribute, Quantity, ResourceClaim, ResourceSlice

EXAMPLE_UID = "00000000-0000-4000-8000-000000000001"
_NODE = "example-node"
_BOARDS = 2


def drivers_of(policies: CheckedPolicies) -> list[str]:
    """The drivers whose devices are set up, in the order of the policies."""
    return list(dict.fromkeys(device_of(setup.board).driver for policy in policies for setup in policy.hardware.setups))


def allocations_of(
    policies: CheckedPolicies,
    claims: Iterable[ResourceClaim],
    slices: Sequence[ResourceSlice],
    machines: Iterable[tuple[Machine, str]] = (),
) -> Iterator[tuple[str, Allocation]]:
    """The allocations of claims by driver; devices that no slice publishes have a name and nothing else.

    What drivers know and do not publish is that of the `machines`, which stand on these nodes.
    """
    known = _known_privately(policies, machines)
    published = {
        (one.spec.driver, one.spec.pool.name, device.name): (one, device)
        for one in slices
        for device in one.spec.devices
    }
    for claim in claims:
        if claim.status.allocation is None:
            continue
        results = claim.status.allocation.devices.results
        for driver in drivers_of(policies):
            given: list[Given] = []
            node = ""
            for result in results:
                if result.driver != driver:
                    continue
                found = published.get((driver, result.pool, result.device))
                device = Device(name=result.device) if found is None else found[1]
                private = known.get((driver, result.pool, result.device))
                if private:
                    device = device.model_copy(update={"attributes": {**device.attributes, **private}})
                node = node or ("" if found is None else found[0].spec.node_name or "")
                configs = configs_for(claim.status.allocation.devices.config, result.request)
                set_ = _flat(told(configs, driver) or {})
                given.append(Given(result.request, result.pool, device, result.consumed_capacity, set_))
            if not given:
                continue
            metadata = claim.metadata
            yield (
                driver,
                Allocation(
                    metadata.uid or metadata.name,
                    metadata.name,
                    metadata.namespace or "default",
                    node,
                    tuple(given),
                    _kinds(policies, driver),
                    _parameters(policies, driver),
                    _fields(policies, driver),
                ),
            )


def _known_privately(
    policies: CheckedPolicies, machines: Iterable[tuple[Machine, str]]
) -> dict[tuple[str, str, str], dict[str, DeviceAttribute]]:
    """What the drivers of machines know of each device beside what they publish."""
    fleet = Fleet(Catalog.of(policies))
    for machine, node in machines:
        fleet.place(machine, node, {})
    return {
        (driver, name, one.device.name): attributes_of(one.values, lists=False, private=True)
        for (driver, name), pool in fleet.pools.items()
        for board in pool.boards
        for one in board.devices
    }


def _flat(parameters: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """The fields of a configuration by their way, as texts."""
    found: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            found[before + name] = BETWEEN.join(map(str, value))
        else:
            found[before + name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _kinds(policies: CheckedPolicies, driver: str) -> dict[DeviceSchema, tuple[ModelSchema, ...]]:
    """The kinds of device of a driver with their models."""
    models = [one for policy in policies for one in policy.models.values()]
    kinds = (one for policy in policies for one in policy.devices.values() if one.driver == driver)
    return {kind: tuple(one for one in models if one.device is kind) for kind in kinds}


def _fields(policies: CheckedPolicies, driver: str) -> dict[str, FieldSchema]:
    """The fields of all parameters of a driver."""
    return {
        field.name: field
        for policy in policies
        for parameters in policy.parameters.values()
        if parameters.device.driver == driver
        for field in parameters.fields.values()
    }


def _parameters(policies: CheckedPolicies, driver: str) -> dict[str, str]:
    """The defaults of all parameters of a driver."""
    return {
        field.name: BETWEEN.join(map(_text, field.defaults))
        for policy in policies
        for parameters in policy.parameters.values()
        if parameters.device.driver == driver
        for field in parameters.fields.values()
        if field.defaults
    }


def _text(constant: Constant) -> str:
    value = constant.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, Fraction):
        return str(value)
    if isinstance(constant.type, AmountType) and constant.type.dimension == "seconds":
        return duration_text(value) or ""
    return quantity_text(value, binary=constant.binary) or ""


# ------------------------------------------------------------------------------------------------------------- example


def examples(policies: CheckedPolicies, target: Target) -> Iterator[tuple[str, Allocation]]:
    """For each driver that sets devices up, a claim that was given two boards of each model that it is said for."""
    # An example has no health and no link, so it is there whatever is advertised.
    catalog = Catalog(tuple(replace(policy.hardware, advertised=()) for policy in policies))
    for driver in drivers_of(policies):
        setups = setups_of(policies, driver)
        kinds = _kinds(policies, driver)
        given: list[Given] = []
        for model in _models(policies, setups):
            fleet = Fleet(catalog, lists=target.features.list_type_attributes, invented=True)
            fleet.give(_BOARDS, model, _NODE, {})
            for one in fleet.slices():
                for device in _apart(one.spec.devices):
                    number = len(given)
                    name = (
                        f"board-{number}" if any(device.name == other.device.name for other in given) else device.name
                    )
                    own = [setup for setup in setups if device_of(setup.board) is model.device]
                    full = _filled(device, own, model.device.attributes, number).model_copy(update={"name": name})
                    given.append(Given("board", one.spec.pool.name, full, _taken(full), kind=model.device))
        if given:
            fields = {
                field.name: field.name
                for policy in policies
                for parameters in policy.parameters.values()
                if parameters.device.driver == driver
                for field in parameters.fields.values()
            }
            set_ = fields | _parameters(policies, driver)
            yield (
                driver,
                Allocation(
                    EXAMPLE_UID, "example", "default", _NODE, tuple(given), kinds, set_, _fields(policies, driver)
                ),
            )


def _models(policies: CheckedPolicies, setups: Sequence[Setup]) -> list[ModelSchema]:
    """The models that set-ups are said for; of a device without a model of its own word, the first one declared."""
    found: dict[ModelSchema, None] = {}
    for setup in setups:
        if isinstance(setup.board, ModelSchema):
            found[setup.board] = None
        else:
            first = _first_model(policies, setup.board)
            if first is not None:
                found[first] = None
    return list(found)


def _first_model(policies: CheckedPolicies, device: DeviceSchema) -> ModelSchema | None:
    models = (one for policy in policies for one in policy.models.values())
    return next((one for one in models if one.device is device), None)


def _apart(devices: Iterable[Device]) -> list[Device]:
    """The first device of each board."""
    seen: set[str] = set()
    found: list[Device] = []
    for device in devices:
        sets = {consumption.counter_set for consumption in device.consumes_counters}
        if not sets & seen:
            seen |= sets
            found.append(device)
    return found[:_BOARDS]


def _filled(device: Device, setups: Sequence[Setup], schema: Mapping[str, AttributeSchema], number: int) -> Device:
    """The device with a value for whatever the set-ups name and its model leaves open."""
    wanted: list[AttributeSchema] = []
    for setup in setups:
        for scope in setup.scopes:
            for edit in scope.edits:
                texts = (edit.source, edit.target, *edit.options)
                wanted += [schema[name] for text in texts for name in placeholders(text) if name in schema]
                wanted += [] if edit.joined is None else [edit.joined]
                wanted += (
                    []
                    if edit.when is None
                    else [one for one in read_by(edit.when) if one.required and not one.parameter]
                )
    attributes = dict(device.attributes)
    for one in wanted:
        if not one.is_capacity and one.published.key not in attributes:
            attributes[one.published.key] = _invented(one, number)
    return device.model_copy(update={"attributes": attributes})


def _taken(device: Device) -> dict[str, Quantity]:
    """What a claim takes of a shared device that asks for no amount."""
    return {
        name: one.request_policy.default
        for name, one in device.capacity.items()
        if one.request_policy is not None and one.request_policy.default is not None
    }


def _invented(attribute: AttributeSchema, number: int) -> DeviceAttribute:
    match attribute.type:
        case IntType():
            return DeviceAttribute(int_=number)
        case _:
            return DeviceAttribute(string=f"{attribute.name}-{number}")


__all__ = ["EXAMPLE_UID", "allocations_of", "drivers_of", "examples"]
