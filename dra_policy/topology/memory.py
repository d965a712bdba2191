"""Links worked out once for each view of a node: as long as nothing in the view changes, nothing is read again."""

from __future__ import annotations

from threading import Lock
from weakref import WeakKeyDictionary

from dra_policy.inventory import NodeView
from dra_policy.rules.fabrics import Fabric
from dra_policy.topology.links import Links

# They go when the view goes.
_known: WeakKeyDictionary[NodeView, dict[Fabric, Links]] = WeakKeyDictionary()
_lock = Lock()


def links_of(fabric: Fabric, view: NodeView) -> Links:
    """The links of a fabric between the devices that a node sees, in the node's order. Any thread may ask."""
    with _lock:
        links = _known.setdefault(view, {}).get(fabric)
    if links is None:
        metadata = view.node.metadata
        links = Links(fabric, view.devices, {metadata.name: metadata.labels})
        with _lock:
            links = _known.setdefault(view, {}).setdefault(fabric, links)
    return links


__all__ = ["links_of"]
