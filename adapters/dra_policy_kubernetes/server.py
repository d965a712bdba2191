"""Which Kubernetes it is: its version, its feature gates, and the semantics profile that follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dra_policy import Features
from dra_policy.resources import Node, profile

OLDEST: Final = 34
NEWEST: Final = 37
"""The minor versions of Kubernetes 1 whose semantics have a profile."""

_GATES: Final = {
    "DRAAdminAccess": "AdminAccess",
    "DRAPrioritizedList": "PrioritizedList",
    "DRAPartitionableDevices": "PartitionableDevices",
    "DRADeviceTaints": "DeviceTaints",
    "DRAConsumableCapacity": "ConsumableCapacity",
    "DRAFractionalCapacityRange": "FractionalCapacityRange",
    "DRAListTypeAttributes": "ListTypeAttributes",
    "DRADerivedAttributes": "DerivedAttributes",
    "DRADeviceCompatibilityGroups": "CompatibilityGroups",
    "DRAOptionalNodeOperations": "OptionalNodeOperations",
}
# One switch of the allocator that two gates turn on together.
_BINDING: Final = ("DRADeviceBindingConditions", "DRAResourceClaimDeviceStatus")
# Gates of the scheduler beside the allocator's, with the minor version from which on they are on by default.
_ON_SINCE: Final = {"DRADeviceTaintRules": 37, "DRAExtendedResource": 36}

GATES: Final = frozenset((*_GATES, *_BINDING, *_ON_SINCE, "DRAWorkloadResourceClaims", "DRANodeAllocatableResources"))
"""The feature gates that change an answer."""

_VERSION: Final = re.compile(r"v?1\.(\d{1,3})(?:[.+-]|$)")


@dataclass(frozen=True, slots=True)
class Server:
    """A version such as `v1.37.2`, empty if it is not known, and the gates as far as somebody could read them.

    `source` says in words where that comes from; `gates_read` is false where the gates are the version's defaults.
    """

    version: str = ""
    gates: Mapping[str, bool] = field(default_factory=dict)
    gates_read: bool = False
    source: str = ""

    @property
    def minor(self) -> int:
        """The minor version whose semantics are followed: the nearest that has a profile, the newest if unknown.

        >>> Server("v1.35.1-eks-1").minor, Server("v1.40.0").minor, Server().minor
        (35, 37, 37)
        """
        known = _minor(self.version)
        return NEWEST if known is None else min(max(known, OLDEST), NEWEST)

    @property
    def profile(self) -> str:
        return f"kubernetes-1.{self.minor}"

    @property
    def features(self) -> Features:
        """The profile of the version, changed by the gates that are known."""
        features = profile(self.profile)
        switches = {ours: self.gates[gate] for gate, ours in _GATES.items() if gate in self.gates}
        if any(gate in self.gates for gate in _BINDING):
            on = features.device_binding_and_status
            # The status gate alone is on by default since 1.33; both are needed.
            switches["DeviceBindingAndStatus"] = self.gates.get(_BINDING[0], on) and self.gates.get(_BINDING[1], True)
        return features.switched(switches)

    def enabled(self, gate: str) -> bool:
        """Whether a gate beside those of the allocator is on.

        >>> Server("v1.36.0").enabled("DRAExtendedResource"), Server("v1.36.0").enabled("DRADeviceTaintRules")
        (True, False)
        """
        return self.gates.get(gate, self.minor >= _ON_SINCE.get(gate, NEWEST + 1))

    def notes(self) -> list[str]:
        """What a reader must know of how the semantics were chosen."""
        notes = [f"semantics of {self.profile}, {self.source}" if self.source else f"semantics of {self.profile}"]
        known = _minor(self.version)
        if known is not None and not OLDEST <= known <= NEWEST:
            notes.append(f"Kubernetes {self.version} has no profile of its own; {self.profile} is the nearest")
        if not self.gates_read:
            notes.append("feature gates were not read; those that the version has on by default are taken")
        return notes


def server_of(nodes: Iterable[Node]) -> Server:
    """The version that the newest kubelet has: a server is never older than its kubelets."""
    versions = [node.status.node_info.kubelet_version for node in nodes]
    known = [(minor, version) for version in versions if (minor := _minor(version)) is not None]
    if not known:
        return Server(source="as nothing says which version the cluster has")
    return Server(max(known)[1], source=f"the newest kubelet has {max(known)[1]}")


def source_of(version: str) -> str:
    """The words for a version that the server itself gave, now or when a dump was made."""
    return f"the server's version is {version}"


def gates_in_words(gates: Mapping[str, bool]) -> str:
    """Gates as the option `--feature-gates` of Kubernetes has them.

    >>> gates_in_words({"DRAConsumableCapacity": True, "DRAAdminAccess": False})
    'DRAAdminAccess=false,DRAConsumableCapacity=true'
    """
    return ",".join(f"{name}={'true' if on else 'false'}" for name, on in sorted(gates.items()))


def gates_of_words(text: str) -> dict[str, bool]:
    """The inverse; what is no gate of ours is passed over.

    >>> gates_of_words("DRAAdminAccess=false,X=true")
    {'DRAAdminAccess': False}
    """
    pairs = [part.partition("=") for part in text.split(",")]
    return {name: value == "true" for name, _, value in pairs if name in GATES}


def _minor(version: str) -> int | None:
    found = _VERSION.match(version)
    return None if found is None else int(found[1])


__all__ = ["GATES", "NEWEST", "OLDEST", "Server", "gates_in_words", "gates_of_words", "server_of", "source_of"]
