"""What a cluster can say and do: its Kubernetes version, feature gates, drivers' switches, and what else runs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dra_policy.resources import Features

VERSIONS = ("1.34", "1.35", "1.36", "1.37")

_SWITCHED_OFF = {
    "1.34": ("PartitionableDevices", "DeviceTaints", "DeviceBindingAndStatus", "ConsumableCapacity"),
    "1.35": ("PartitionableDevices", "DeviceTaints", "DeviceBindingAndStatus", "ConsumableCapacity"),
    "1.36": (),
    "1.37": (),
}
"""Gates that are alpha in a version, by the names of the allocator (feature table)."""


class UnknownTarget(ValueError):  # it says what is wrong, not that something is
    """A version or gate that nobody knows."""


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to render for.

    `features` are the allocator's switches there. `gates` are the switches of drivers by name. `controller` says that
    the controller of dra-policy allocates there, `kueue` that Kueue is installed.

    >>> Target.of("1.35").features.partitionable_devices, Target.of("1.37").features.device_taints
    (False, True)
    """

    version: str = "1.37"
    features: Features = field(default_factory=Features)
    gates: Mapping[str, bool] = field(default_factory=dict)
    controller: bool = False
    kueue: bool = False

    @classmethod
    def of(
        cls,
        version: str,
        switches: Mapping[str, bool] | None = None,
        gates: Mapping[str, bool] | None = None,
        *,
        controller: bool = False,
        kueue: bool = False,
    ) -> Target:
        """A target with the defaults of its version, and some gates switched. Raises `UnknownTarget`."""
        if version not in VERSIONS:
            raise UnknownTarget(f"Kubernetes `{version}` is no target; known are {', '.join(VERSIONS)}")
        base = Features()
        try:
            base = base.switched(dict.fromkeys(_SWITCHED_OFF[version], False))
            if version != "1.37":
                base = base.switched({"FractionalCapacityRange": False})
            features = base.switched(switches or {})
        except KeyError as unknown:
            raise UnknownTarget(f"there is no feature `{unknown.args[0]}`") from unknown
        return cls(version, features, gates or {}, controller, kueue)

    @property
    def split_counters(self) -> bool:
        """Whether counter sets stand in slices of their own (since 1.35)."""
        return self.version != "1.34"


__all__ = ["VERSIONS", "Target", "UnknownTarget"]
