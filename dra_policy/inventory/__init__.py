"""Pools, devices and what is in use, as immutable snapshots that are cheap to change."""

from __future__ import annotations

from dra_policy.inventory.changes import Step
from dra_policy.inventory.collecting import uncollected
from dra_policy.inventory.identity import DeviceID, PoolID
from dra_policy.inventory.listing import told_apart
from dra_policy.inventory.nodes import NodeFacts, NodeSelectorError, choice_matches, node_matches
from dra_policy.inventory.persistent import PersistentVector, bits
from dra_policy.inventory.pools import PlacedSlice
from dra_policy.inventory.records import DeviceRecord
from dra_policy.inventory.snapshot import Snapshot
from dra_policy.inventory.usage import Usage
from dra_policy.inventory.views import Finding, NodeView, PoolState, PoolView, ViewFailure, chosen

__all__ = [
    "DeviceID",
    "DeviceRecord",
    "Finding",
    "NodeFacts",
    "NodeSelectorError",
    "NodeView",
    "PersistentVector",
    "PlacedSlice",
    "PoolID",
    "PoolState",
    "PoolView",
    "Snapshot",
    "Step",
    "Usage",
    "ViewFailure",
    "bits",
    "choice_matches",
    "chosen",
    "node_matches",
    "told_apart",
    "uncollected",
]
