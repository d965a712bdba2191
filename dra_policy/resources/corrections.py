"""Where Kubernetes 1.37 is known to answer wrongly, and an answer can be put right."""

from __future__ import annotations

from enum import Enum


class Correction(Enum):
    """One wrong answer of Kubernetes 1.37.2 that upstream has accepted as a bug; the value is upstream's issue.

    Without a correction the answer is that of 1.37.2. Decision record 5 says how each was established.

    >>> Correction("kubernetes/kubernetes#140729").name
    'ADMIN_ACCESS_DRAWS_NOTHING'
    """

    ALL_FAILS_ON_ITS_NODE = "kubernetes/kubernetes#141829"
    """All over an incomplete or invalid pool fails on this node, not the pod's whole attempt (E6)."""

    SHARES_KEEP_A_DEVICE_IN_USE = "kubernetes/kubernetes#140797"
    """A device that turned exclusive is in use as long as shares of it are allocated, with capacity or not (H11)."""

    ADMIN_ACCESS_DRAWS_NOTHING = "kubernetes/kubernetes#140729"
    """Admin access neither needs nor draws from the counters of a pool (E10)."""

    SELECTOR_TERMS_FAIL_ON_THE_NODE = "kubernetes/kubernetes#141214"
    """A device whose node selector has several terms fails on this node, not the pod's whole attempt (C3)."""

    NEGATIVE_COUNTERS_ARE_INVALID = "kubernetes/kubernetes#141216"
    """A pool with a negative counter, or a device that draws a negative amount, is invalid (B7)."""


__all__ = ["Correction"]
