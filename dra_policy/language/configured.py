"""What set-ups read: a device with the fields of its parameters, which a driver knows when it prepares a claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dra_policy.language.schema import AttributeSchema, DeviceSchema, FieldSchema, Form, ParametersSchema, PublishedName
from dra_policy.language.types import AmountType, SetType

DOMAIN = "(parameters)"
"""Where conditions find what is set: no driver publishes attributes of such a domain."""

BETWEEN = "\x1f"
"""Between the values of a set in the text of a parameter: the separator of units, which stands in no value."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A kind of device with the fields of its parameters as attributes.

    `twice` are fields that are also called as an attribute, or as a field of other parameters that has another type.
    """

    device: DeviceSchema
    twice: Mapping[str, FieldSchema]

    @classmethod
    def of(cls, device: DeviceSchema, parameters: Iterable[ParametersSchema]) -> Configured:
        fields: dict[str, FieldSchema] = {}
        twice: dict[str, FieldSchema] = {}
        for field in (field for one in parameters if one.device is device for field in one.fields.values()):
            first = fields.setdefault(field.name, field)
            if first.type != field.type or field.name in device.attributes:
                twice[field.name] = field
        read = {name: as_attribute(field) for name, field in fields.items() if name not in device.attributes}
        return cls(replace(device, attributes={**device.attributes, **read}), twice)


def as_attribute(field: FieldSchema) -> AttributeSchema:
    """A field as if the device published it; one without a value is not there."""
    joined = isinstance(field.type, SetType)
    return AttributeSchema(
        keyword="capacity" if isinstance(field.type, AmountType) else "attribute",
        name=field.name,
        type=field.type,
        optional=field.optional,
        absent=None,
        unique=False,
        published=PublishedName(DOMAIN, field.name),
        form=Form.JOINED if joined else Form.VALUE,
        pattern=BETWEEN if joined else "",
        well_known="",
        span=field.span,
        private=True,
        parameter=True,
    )


__all__ = ["BETWEEN", "DOMAIN", "Configured", "as_attribute"]
