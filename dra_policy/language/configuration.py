"""Lowering of configuration: an opaque JSON object for one driver, with defaults filled in.

Drivers take the last configuration of a kind as a whole, and a claim's comes behind those of its classes. So a claim's is
lowered with what is said before it of the fields that it leaves out; where its requests go to classes that say different
things, it becomes one for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from dra_policy.language.checked import CheckedAsk, CheckedClaim, CheckedConfig, CheckedRequest
from dra_policy.language.schema import FieldSchema
from dra_policy.language.types import DURATION, Constant, SetType, duration_text, quantity_text
from dra_policy.resources import DeviceClaimConfiguration, DeviceClassConfiguration, OpaqueDeviceConfiguration


def class_configuration(config: CheckedConfig) -> DeviceClassConfiguration:
    """What a class adds to each claim made through it; fields that nobody set have their defaults."""
    return DeviceClassConfiguration(opaque=_opaque(config, in_class=True))


def claim_configurations(claim: CheckedClaim) -> tuple[DeviceClaimConfiguration, ...]:
    """What a claim says itself and with it its classes; the fields that only administrators set are left to the class."""
    return tuple(claim_configuration(config) for config in merged(claim.requests, claim.configs))


def claim_configuration(config: CheckedConfig) -> DeviceClaimConfiguration:
    """A configuration of a claim that is merged already."""
    return DeviceClaimConfiguration(requests=config.requests, opaque=_opaque(config, in_class=False))


def merged(requests: Sequence[CheckedRequest], configs: Sequence[CheckedConfig]) -> Iterator[CheckedConfig]:
    """The configurations of a claim, each with what its classes and those before it say of the fields it leaves out."""
    for number, config in enumerate(configs):
        asks = [
            (request, ask)
            for request in requests
            for ask in request.asks
            if _concerns(config, request) and ask.of.device.driver == config.parameters.device.driver
        ]
        ways: dict[object, tuple[CheckedConfig, list[CheckedAsk]]] = {}
        for request, ask in asks:
            earlier = [one for one in configs[:number] if _concerns(one, request)]
            made = _over([*ask.of.configs, *earlier], config)
            key = frozenset((field, tuple(one.value for one in values)) for field, values in made.values.items())
            ways.setdefault(key, (made, []))[1].append(ask)
        if len(ways) < 2:
            yield from (made for made, _ in ways.values()) if ways else (config,)
            continue
        for made, chosen in ways.values():
            yield replace(made, requests=tuple(_names(asks, chosen)))


def _concerns(config: CheckedConfig, request: CheckedRequest) -> bool:
    return not config.requests or request.name in config.requests


def _over(before: Sequence[CheckedConfig], config: CheckedConfig) -> CheckedConfig:
    """A configuration with what is said before it of the same parameters; of each field what is said last."""
    of_kind = [one for one in before if one.parameters is config.parameters]
    inherited = {field: said for one in of_kind for field, said in one.values.items() if not field.admin}
    values = {**inherited, **config.values}
    written = config.written.union(*(one.written for one in of_kind))
    return replace(config, values=values, written=written)


def _names(asks: Sequence[tuple[CheckedRequest, CheckedAsk]], chosen: Sequence[CheckedAsk]) -> Iterator[str]:
    """The names of some alternatives of requests: of all of a request as one."""
    for request in dict.fromkeys(request for request, _ in asks):
        own = [ask for other, ask in asks if other is request]
        meant = [ask for ask in own if any(ask is one for one in chosen)]
        if len(meant) == len(own):
            yield request.name
        else:
            yield from (f"{request.name}/{ask.name}" for ask in meant)


def _opaque(config: CheckedConfig, *, in_class: bool) -> OpaqueDeviceConfiguration:
    schema = config.parameters
    parameters: dict[str, Any] = {"apiVersion": schema.api_version, "kind": schema.kind}
    for field in schema.fields.values():
        constants = config.values.get(field)
        if constants is None and field.defaults and (in_class or not field.admin):
            constants = field.defaults
        if constants is not None:
            *outer, last = field.path
            inside = parameters
            for part in outer:
                inside = inside.setdefault(part, {})
            inside[last] = json_value(field, constants)
    return OpaqueDeviceConfiguration(driver=schema.device.driver, parameters=parameters)


def json_value(field: FieldSchema, constants: tuple[Constant, ...]) -> str | int | bool | list[str | int | bool]:
    """The value of a field as drivers read it."""
    values = [_scalar(constant) for constant in constants]
    return values if isinstance(field.type, SetType) else values[0]


def _scalar(constant: Constant) -> str | int | bool:
    if not isinstance(constant.value, Fraction):
        return constant.value
    if constant.type == DURATION:
        text = duration_text(constant.value)
    else:
        text = quantity_text(constant.value, binary=constant.binary)
    assert text is not None  # the checker refused finer amounts
    return text


__all__ = ["claim_configuration", "claim_configurations", "class_configuration", "json_value", "merged"]
