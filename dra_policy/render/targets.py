"""What a cluster can say and do: its Kubernetes version, feature gates, drivers' switches, and what else runs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dra_policy.diagnostics import did_you_mean
from dra_policy.resources import Features
from dra_policy.resources.features import FEATURE_NAMES

VERSIONS = ("1.34", "1.35", "1.36", "1.37")


@dataclass(frozen=True, slots=True)
class _Gate:
    """Since which version a feature can be switched on, since which it is, and since which it cannot be switched off.

    None: not up to the newest version.
    """

    since: str = "1.34"
    on: str | None = None
    locked: str | None = None


# The history of the feature gates `DRA...` in Kubernetes 1.37.2 (pkg/features/kube_features.go); the names are those of
# the allocator where it has one, else those of the gates without `DRA`.
_GATES: Mapping[str, _Gate] = {
    "AdminAccess": _Gate(on="1.34", locked="1.36"),
    "PrioritizedList": _Gate(on="1.34", locked="1.37"),
    # In 1.34 counter sets stand in the slices of the devices that draw on them, which is another API.
    "PartitionableDevices": _Gate(since="1.35", on="1.36"),
    "DeviceTaints": _Gate(on="1.36"),
    "DeviceBindingAndStatus": _Gate(on="1.36"),
    "ConsumableCapacity": _Gate(on="1.36"),
    "FractionalCapacityRange": _Gate(since="1.37", on="1.37"),
    "ListTypeAttributes": _Gate(since="1.36"),
    "DerivedAttributes": _Gate(since="1.37"),
    "CompatibilityGroups": _Gate(since="1.37"),
    "OptionalNodeOperations": _Gate(since="1.37"),
    "DeviceTaintRules": _Gate(since="1.35", on="1.37"),
    "ExtendedResource": _Gate(on="1.36", locked="1.37"),
    "NodeAllocatableResources": _Gate(since="1.36"),
}
_OF_ALLOCATOR = frozenset(FEATURE_NAMES.values())


class UnknownTarget(ValueError):
    """A version, or a feature that the version does not have; the message says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to render for.

    `features` are the allocator's switches there, `taint_rules`, `extended_resources` and `node_resources` those of the
    API server alone. `gates` are the switches of drivers by name. `controller` says that the controller of dra-policy
    allocates there, `kueue` that Kueue is installed.

    >>> Target.of("1.35").features.partitionable_devices, Target.of("1.37").features.device_taints
    (False, True)
    """

    version: str = "1.37"
    features: Features = field(default_factory=Features)
    gates: Mapping[str, bool] = field(default_factory=dict)
    taint_rules: bool = True
    extended_resources: bool = True
    node_resources: bool = False
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
        """A target with the defaults of its version, and some features switched by upstream's names.

        Raises `UnknownTarget`.
        """
        if version not in VERSIONS:
            raise UnknownTarget(f"Kubernetes `{version}` is no target; known are {', '.join(VERSIONS)}")
        on = {name: gate.on is not None and version >= gate.on for name, gate in _GATES.items()}
        for name, wanted in (switches or {}).items():
            _check(name, wanted, version)
            on[name] = wanted
        features = Features.named({name: value for name, value in on.items() if name in _OF_ALLOCATOR})
        rules, extended, node = on["DeviceTaintRules"], on["ExtendedResource"], on["NodeAllocatableResources"]
        rules = rules and features.device_taints
        return cls(version, features, gates or {}, rules, extended, node, controller, kueue)

    @property
    def taint_rule_version(self) -> str:
        """The newest API version of DeviceTaintRule."""
        newest = {"1.34": "v1alpha3", "1.35": "v1alpha3", "1.36": "v1beta2"}.get(self.version, "v1")
        return f"resource.k8s.io/{newest}"

    @property
    def ordered(self) -> bool:
        """Whether slices and devices are looked at in the order of their names and places (since 1.36)."""
        return self.version >= "1.36"

    def __str__(self) -> str:
        return f"Kubernetes {self.version}"


def _check(name: str, wanted: bool, version: str) -> None:
    gate = _GATES.get(name)
    if gate is None:
        hint = did_you_mean(name, _GATES, f"known are {', '.join(_GATES)}")
        raise UnknownTarget(f"there is no feature `{name}`; {hint}")
    if wanted and version < gate.since:
        raise UnknownTarget(f"Kubernetes {version} has no feature {name}: it comes with {gate.since}")
    if not wanted and gate.locked is not None and version >= gate.locked:
        raise UnknownTarget(f"{name} cannot be switched off since Kubernetes {gate.locked}")


__all__ = ["VERSIONS", "Target", "UnknownTarget"]
