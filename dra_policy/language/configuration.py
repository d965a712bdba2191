"""Lowering of configuration: an opaque JSON object for one driver, with defaults filled in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dra_policy.language.checked import CheckedConfig
from dra_policy.language.schema import FieldSchema
from dra_policy.language.types import DURATION, Constant, SetType, duration_text, quantity_text
from dra_policy.resources import DeviceClaimConfiguration, DeviceClassConfiguration, OpaqueDeviceConfiguration


def class_configuration(config: CheckedConfig) -> DeviceClassConfiguration:
    """What a class adds to each claim made through it; fields that nobody set have their defaults."""
    return DeviceClassConfiguration(opaque=_opaque(config, in_class=True))


def claim_configuration(config: CheckedConfig) -> DeviceClaimConfiguration:
    """What a claim says itself; the fields that only administrators set are left to the class."""
    return DeviceClaimConfiguration(requests=config.requests, opaque=_opaque(config, in_class=False))


def _opaque(config: CheckedConfig, *, in_class: bool) -> OpaqueDeviceConfiguration:
    schema = config.parameters
    parameters: dict[str, Any] = {"apiVersion": schema.api_version, "kind": schema.kind}
    for field in schema.fields.values():
        constants = config.values.get(field)
        if constants is None and field.default is not None and (in_class or not field.admin):
            constants = (field.default,)
        if constants is not None:
            *outer, last = field.path
            inside = parameters
            for part in outer:
                inside = inside.setdefault(part, {})
            inside[last] = _json(field, constants)
    return OpaqueDeviceConfiguration(driver=schema.device.driver, parameters=parameters)


def _json(field: FieldSchema, constants: tuple[Constant, ...]) -> str | int | bool | list[str | int | bool]:
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


__all__ = ["claim_configuration", "class_configuration"]
