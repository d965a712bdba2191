"""What an expression may use: variables, fields of `device`, type names, functions, depending on features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dra_policy.expression.signatures import NAMES, Overload, overloads
from dra_policy.expression.types import (
    ANY,
    BOOL,
    BYTES,
    DEVICE,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    QUANTITY,
    STRING,
    TIMESTAMP,
    UINT,
    Kind,
    Type,
    list_type,
    map_type,
    optional_type,
    type_type,
)
from dra_policy.resources import Features

TYPE_NAMES: dict[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "int": INT,
    "list": list_type(DYN),
    "map": map_type(DYN, DYN),
    "null_type": NULL,
    "optional_type": optional_type(DYN),
    "string": STRING,
    "type": type_type(DYN),
    "uint": UINT,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "net.IP": Type(Kind.PLAIN, "net.IP"),
    "net.CIDR": Type(Kind.PLAIN, "net.CIDR"),
}
"""The names that stand for types, as in `type(x) == int`."""


@dataclass(frozen=True)
class Environment:
    """The environment for devices (rules D1, D4, D5).

    `new` is the one for new objects at admission: it has what the features allow, and leaves out what the release
    before did not have. Stored objects, which is all that a scheduler sees, may use everything whatever the features.
    """

    list_type_attributes: bool
    consumable_capacity: bool
    new: bool = False

    @classmethod
    def of(cls, features: Features, *, new: bool = False) -> Environment:
        """The environment that a cluster with these features has."""
        if not new:
            return cls(list_type_attributes=True, consumable_capacity=True)
        return cls(features.list_type_attributes, features.consumable_capacity, new)

    @cached_property
    def variables(self) -> dict[str, Type]:
        return {"device": DEVICE}

    @cached_property
    def device_fields(self) -> dict[str, Type]:
        """The fields of `device`; attributes are `any` until lists make them `dyn` (D6)."""
        value = DYN if self.list_type_attributes else ANY
        fields = {
            "driver": STRING,
            "attributes": map_type(STRING, map_type(STRING, value)),
            "capacity": map_type(STRING, map_type(STRING, QUANTITY)),
        }
        return fields | {"allowMultipleAllocations": BOOL} if self.consumable_capacity else fields

    def overloads(self, name: str) -> tuple[Overload, ...]:
        """The overloads of a function; none if it is undeclared here."""
        if name == "includes" and self.new and not self.list_type_attributes:
            return ()
        return overloads(name)

    def names(self) -> frozenset[str]:
        """All function names, for suggestions."""
        return NAMES
