"""Which features of Dynamic Resource Allocation are on, by upstream's names (`structured.Features`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from dra_policy.resources.corrections import Correction


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
    corrections: frozenset[Correction] = frozenset()
    """Where the answer is the right one instead of Kubernetes 1.37's; no switch of upstream's."""

    @classmethod
    def all(cls) -> Features:
        """Every feature on, alpha ones included."""
        return cls().switched(dict.fromkeys(FEATURE_NAMES.values(), True))

    @classmethod
    def named(cls, switches: Mapping[str, bool]) -> Features:
        """Exactly the given switches by upstream's names (`ListTypeAttributes`); all others off.

        Raises `KeyError` with the unknown name.
        """
        return cls().switched(dict.fromkeys(FEATURE_NAMES.values(), False)).switched(switches)

    def switched(self, switches: Mapping[str, bool]) -> Features:
        """With some switches changed, by upstream's names. Raises `KeyError` with the unknown name.

        >>> Features().switched({"DeviceTaints": False}).device_taints
        False
        """
        known = {name: field for field, name in FEATURE_NAMES.items()}
        changes: dict[str, Any] = {known[name]: on for name, on in switches.items()}
        return replace(self, **changes)


FEATURE_NAMES: dict[str, str] = {
    f.name: "".join(part.capitalize() for part in f.name.split("_"))
    for f in fields(Features)
    if f.name != "corrections"
}
"""Our field name to upstream's name, in upstream's order."""
