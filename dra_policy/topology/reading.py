"""What fabrics read of a device: attributes, the number in its name, where it belongs."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import assert_never

from dra_policy.expression import EvaluationError
from dra_policy.expression.facts import attribute_value
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import Semver
from dra_policy.rules.fabrics import AttributeNames, Everywhere, Extent, Fabric, SameAttribute, SameLabel, SameNode

NodeLabels = Mapping[str, Mapping[str, str]]
"""The labels of nodes by the node's name."""

_LAST_NUMBER = re.compile(r"(\d+)\D*\Z")


def published(record: DeviceRecord, names: AttributeNames) -> object:
    """The first of some attributes that a device publishes: int, bool, text, version or a tuple; None without any.

    The driver's own may be published bare (D2). An attribute that does not convert counts as not published.
    """
    attributes = record.device.attributes
    for name in names:
        attribute = attributes.get(name)
        if attribute is None:
            domain, _, identifier = name.rpartition("/")
            attribute = attributes.get(identifier) if domain == record.id.driver else None
        if attribute is not None:
            try:
                return attribute_value(attribute)
            except ValueError:
                return None
    return None


def items(record: DeviceRecord, names: AttributeNames) -> frozenset[Hashable]:
    """The values of an attribute, one for a scalar; values of different types differ, versions count as texts (F4, F5)."""
    value = published(record, names)
    if value is None:
        return frozenset()
    return frozenset((type(item), _plain(item)) for item in (value if isinstance(value, tuple) else (value,)))


def _plain(item: object) -> Hashable:
    return str(item) if isinstance(item, Semver) else item


def number(record: DeviceRecord, names: AttributeNames) -> int | None:
    """The number of a device: an integer attribute, or without names the last number in the device's name.

    A boolean is no number, nor is a list.
    """
    if names:
        value = published(record, names)
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    found = _LAST_NUMBER.search(record.id.device)
    # More digits than that are an identifier, and no place.
    return int(found[1]) if found is not None and len(found[1]) <= 9 else None


def node_of(record: DeviceRecord) -> str | None:
    """The node that a device belongs to; None if it belongs to no one node."""
    return record.device.node_name or record.slice.spec.node_name or None


def place(record: DeviceRecord, within: Extent, labels: NodeLabels) -> frozenset[Hashable]:
    """Where a device is, as far as an extent tells: two devices with a place in common are within it together."""
    match within:
        case Everywhere():
            return _ANYWHERE
        case SameNode():
            node = node_of(record)
            return frozenset((("pool", record.id.pool_id) if node is None else ("node", node),))
        case SameAttribute(names):
            return items(record, names)
        case SameLabel(label):
            node = node_of(record)
            value = None if node is None else labels.get(node, {}).get(label)
            return frozenset() if value is None else frozenset((value,))
    assert_never(within)


_ANYWHERE: frozenset[Hashable] = frozenset(("everywhere",))


def is_member(record: DeviceRecord, fabric: Fabric) -> bool:
    """Whether a device is a member of a fabric; an error counts as no."""
    try:
        return all(program.evaluate(record.facts.restricted(program.reads)) for program in fabric.members)
    except EvaluationError:
        return False


__all__ = ["NodeLabels", "is_member", "items", "node_of", "number", "place", "published"]
