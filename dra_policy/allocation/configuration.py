"""The configuration that goes with an allocation: that of the classes, then that of the claim (E14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dra_policy.resources import DeviceAllocationConfiguration, OpaqueDeviceConfiguration
from dra_policy.rules import Ask, ClaimSpec, ClassName, ClassRules

FROM_CLASS = "FromClass"
FROM_CLAIM = "FromClaim"


@dataclass(slots=True)
class _Entry:
    source: str
    requests: list[str]
    opaque: OpaqueDeviceConfiguration | None


def configurations(
    spec: ClaimSpec, chosen: Sequence[Ask], classes: Mapping[ClassName, ClassRules]
) -> tuple[DeviceAllocationConfiguration, ...]:
    """All configuration for the alternatives that were chosen, one for each request of the claim, in order.

    An entry for every request of the claim names none.
    """
    entries: list[_Entry] = []
    by_class: dict[ClassName, list[_Entry]] = {}
    names = [
        (request.name, f"{request.name}/{ask.name}" if ask.name else request.name)
        for request, ask in zip(spec.requests, chosen, strict=True)
    ]
    for ask, (_, result_name) in zip(chosen, names, strict=True):
        class_name = ask.class_name
        if class_name in by_class:
            for entry in by_class[class_name]:
                entry.requests.append(result_name)
            continue
        made = [_Entry(FROM_CLASS, [result_name], config.opaque) for config in classes[class_name].configs]
        by_class[class_name] = made
        entries += made
    for config in spec.configs:
        given = config.requests
        if not given or any(name in given for both in names for name in both):
            entries.append(_Entry(FROM_CLAIM, list(given), config.opaque))
    return tuple(
        DeviceAllocationConfiguration(
            source=entry.source, requests=() if _covers(entry, names) else tuple(entry.requests), opaque=entry.opaque
        )
        for entry in entries
    )


def told(
    configs: Iterable[DeviceAllocationConfiguration], driver: str, api_version: str = "", kind: str = ""
) -> Mapping[str, Any] | None:
    """What configurations tell a driver together: of each value, inside of objects too, what is said last.

    An empty version or kind stands for all. None if nothing of the kind is said. Configuration of classes comes before
    that of the claim, so a claim has the last word.
    """
    said: Mapping[str, Any] | None = None
    for config in configs:
        opaque = config.opaque
        if opaque is None or opaque.driver != driver or not isinstance(opaque.parameters, Mapping):
            continue
        parameters = opaque.parameters
        if api_version in ("", parameters.get("apiVersion", "")) and kind in ("", parameters.get("kind", "")):
            said = parameters if said is None else _over(said, parameters)
    return said


def _over(first: Mapping[str, Any], last: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = {**first, **last}
    waiting = [(merged, first, last)]
    while waiting:
        into, before, after = waiting.pop()
        for name, value in after.items():
            known = before.get(name)
            if isinstance(known, Mapping) and isinstance(value, Mapping):
                into[name] = {**known, **value}
                waiting.append((into[name], known, value))
    return merged


def _covers(entry: _Entry, names: Sequence[tuple[str, str]]) -> bool:
    return all(request in entry.requests or result in entry.requests for request, result in names)


__all__ = ["FROM_CLAIM", "FROM_CLASS", "configurations", "told"]
