"""The configuration that goes with an allocation: that of the classes, then that of the claim (E14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dra_policy.allocation.rule import Asked
from dra_policy.resources import DeviceAllocationConfiguration, OpaqueDeviceConfiguration
from dra_policy.rules import ClaimRules, ClassName, ClassRules

FROM_CLASS = "FromClass"
FROM_CLAIM = "FromClaim"


@dataclass(slots=True)
class _Entry:
    source: str
    requests: list[str]
    opaque: OpaqueDeviceConfiguration | None


def configurations(
    claim: ClaimRules, chosen: Sequence[Asked], classes: Mapping[ClassName, ClassRules]
) -> tuple[DeviceAllocationConfiguration, ...]:
    """All configuration for the alternatives that were chosen, one for each request of the claim, in order.

    An entry for every request of the claim names none.
    """
    entries: list[_Entry] = []
    by_class: dict[ClassName, list[_Entry]] = {}
    for asked in chosen:
        name = asked.ask.class_name
        if name in by_class:
            for entry in by_class[name]:
                entry.requests.append(asked.result_name)
            continue
        made = [_Entry(FROM_CLASS, [asked.result_name], config.opaque) for config in classes[name].configs]
        by_class[name] = made
        entries += made
    for config in claim.configs:
        names = config.requests
        if not names or any(a.request_name in names or a.result_name in names for a in chosen):
            entries.append(_Entry(FROM_CLAIM, list(names), config.opaque))
    return tuple(
        DeviceAllocationConfiguration(
            source=entry.source, requests=() if _covers(entry, chosen) else tuple(entry.requests), opaque=entry.opaque
        )
        for entry in entries
    )


def _covers(entry: _Entry, chosen: Sequence[Asked]) -> bool:
    return all(asked.request_name in entry.requests or asked.result_name in entry.requests for asked in chosen)


__all__ = ["FROM_CLAIM", "FROM_CLASS", "configurations"]
