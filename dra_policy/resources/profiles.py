"""Named sets of features: the default gates of a Kubernetes version, and answers put right where upstream's are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from dra_policy.resources.corrections import Correction
from dra_policy.resources.features import Features

# Stages of the gates by version are in decision record 5. Structured parameters themselves are on in all of them.
_1_37: Final = Features()
_1_36: Final = replace(_1_37, fractional_capacity_range=False)
_1_34: Final = replace(
    _1_36,
    partitionable_devices=False,
    device_taints=False,
    device_binding_and_status=False,
    consumable_capacity=False,
)

PROFILES: Final[Mapping[str, Features]] = MappingProxyType(
    {
        "kubernetes-1.34": _1_34,
        "kubernetes-1.35": _1_34,
        "kubernetes-1.36": _1_36,
        "kubernetes-1.37": _1_37,
        "strict": replace(_1_37, corrections=frozenset(Correction)),
    }
)
"""The features of each profile by its name.

A version stands for the gates that it has on by default; the answers under them are those of 1.37's allocator.
"""


def profile(name: str) -> Features:
    """The features of a profile: `kubernetes-1.34` to `kubernetes-1.37`, or `strict`.

    `strict` is `kubernetes-1.37` with every `Correction`. Raises `KeyError` with the unknown name.

    >>> profile("kubernetes-1.35").prioritized_list, profile("kubernetes-1.35").consumable_capacity
    (True, False)
    >>> profile("kubernetes-1.37") == Features()
    True
    """
    return PROFILES[name]


__all__ = ["PROFILES", "profile"]
