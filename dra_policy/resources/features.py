"""Which features of Dynamic Resource Allocation are on, by upstream's names (`structured.Features`)."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Features:
    """The feature switches of the allocator; the defaults are those of a Kubernetes 1.37 cluster (rule A16).

    >>> Features().consumable_capacity, Features().list_type_attributes
    (True, False)
    >>> Features.all().list_type_attributes
    True
    >>> Features.named({"AdminAccess": True}).prioritized_list
    False
    """

    admin_access: bool = True
    prioritized_list: bool = True
    partitionable_devices: bool = True
    device_taints: bool = True
    device_binding_and_status: bool = True
    consumable_capacity: bool = True
    fractional_capacity_range: bool = True
    list_type_attributes: bool = False
    derived_attributes: bool = False
    compatibility_groups: bool = False
    optional_node_operations: bool = False

    @classmethod
    def all(cls) -> Features:
        """Every feature on, alpha ones included."""
        return cls(**{f.name: True for f in fields(cls)})

    @classmethod
    def named(cls, switches: dict[str, bool]) -> Features:
        """Exactly the given switches by upstream's names (`ListTypeAttributes`); all others off.

        Raises `KeyError` with the unknown name.
        """
        known = {name: f for f, name in FEATURE_NAMES.items()}
        return cls(**(dict.fromkeys(FEATURE_NAMES, False) | {known[name]: on for name, on in switches.items()}))


FEATURE_NAMES: dict[str, str] = {
    f.name: "".join(part.capitalize() for part in f.name.split("_")) for f in fields(Features)
}
"""Our field name to upstream's name, in upstream's order."""
