"""Attributes that group devices more coarsely than another one: a NUMA node beside a PCIe root."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.allocation.attributes import Value, published
from dra_policy.inventory import DeviceRecord


def coarser_attributes(devices: Sequence[DeviceRecord], attribute: str) -> list[str]:
    """The attributes that all devices have, whose values follow from those of `attribute`, and of which there are fewer.

    Those with the most values come first: they give up least. Names are fully qualified.
    """
    fine = [published(record, attribute) for record in devices]
    kinds = len(set(fine))
    names = {
        name if "/" in name else f"{record.id.driver}/{name}" for record in devices for name in record.device.attributes
    }
    found: list[tuple[int, str]] = []
    for name in sorted(names - {attribute}):
        values = [published(record, name) for record in devices]
        if any(value is None or not value.known or value.listed for value in values):
            continue
        groups: dict[Value | None, Value | None] = {}
        follows = all(groups.setdefault(one, value) == value for one, value in zip(fine, values, strict=True))
        coarse = len(set(values))
        if follows and coarse < kinds:
            found.append((-coarse, name))
    return [name for _, name in sorted(found)]


__all__ = ["coarser_attributes"]
