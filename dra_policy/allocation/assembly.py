"""The allocation of each claim as Kubernetes writes it into the claim's status (A15, E9, H8, J14, J15).

Results are made from picks alone, so that an answer that is remembered and one that was just found come out alike.
What the results of a request have in common is validated once; each is a copy with the names of its device, which come
from validated slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from dra_policy.allocation.capacity import consumption
from dra_policy.allocation.configuration import configurations
from dra_policy.allocation.node_selector import TooManyTerms, merged_selector, only_node
from dra_policy.allocation.results import Pick, Scope
from dra_policy.allocation.rule import Fault
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import (
    AllocationResult,
    Correction,
    Device,
    DeviceAllocationConfiguration,
    DeviceAllocationResult,
    DeviceRequestAllocationResult,
    Features,
    Quantity,
)
from dra_policy.resources.model import made_like
from dra_policy.rules import Ask, ClaimRules, ClaimSpec, ClassName, ClassRules

_KEPT = "assembly"
_MEMORY_LIMIT = 256

_DEVICES = DeviceAllocationResult(results=(), config=())
_ANYWHERE = AllocationResult(devices=_DEVICES)
_SOMEWHERE = AllocationResult(devices=_DEVICES, node_selector=only_node("node"))


class Records(Protocol):
    """Devices by slot."""

    def get(self, slot: int, /) -> DeviceRecord | None:
        """The device in a slot, None for an empty one."""
        ...


def assemble(  # noqa: PLR0917  # what a result is made of
    node: str,
    claims: Sequence[ClaimRules],
    picks: Sequence[Sequence[Pick]],
    records: Records,
    classes: Mapping[ClassName, ClassRules],
    features: Features,
) -> tuple[AllocationResult, ...] | Fault:
    """The result of each claim from its picks, in the order in which they were made (J14).

    `records` has the devices by slot, `classes` all classes that the claims name. The time of an allocation is the
    scheduler's to fill in. A share gets a new id each time (H8). A fault is a node selector that cannot be merged (C3).
    """
    results: list[AllocationResult] = []
    record_at = records.get
    for claim, picked in zip(claims, picks, strict=True):
        result = _result(node, claim, picked, record_at, classes, features)
        if isinstance(result, Fault):
            return result
        results.append(result)
    return tuple(results)


_Chosen: TypeAlias = tuple[int, ...]
"""The alternative chosen for each request, by position."""


class _Forms:
    """What the results of one spec have in common: worked out once, whatever device is picked."""

    __slots__ = ("_configs", "_consumed", "_first", "_shared_heads", "_spec", "heads")

    def __init__(self, spec: ClaimSpec) -> None:
        self._spec = spec
        self._first: _Chosen | None = None
        if not any(request.prioritized for request in spec.requests):
            self._first = (0,) * len(spec.requests)
        self.heads: dict[tuple[int, ...], DeviceRequestAllocationResult] = {}
        self._shared_heads: dict[tuple[int, ...], DeviceRequestAllocationResult] = {}
        self._configs: dict[_Chosen, tuple[tuple[ClassRules, ...], tuple[DeviceAllocationConfiguration, ...]]] = {}
        self._consumed: dict[tuple[int, int, int, bool], tuple[Device, Mapping[str, Quantity]]] = {}

    def head(self, pick: Pick) -> DeviceRequestAllocationResult:
        """A result of an alternative, without the device."""
        made = self.heads[pick[:2]] = self._made(pick, None)
        return made

    def shared_head(self, pick: Pick) -> DeviceRequestAllocationResult:
        """The same for a share."""
        known = self._shared_heads.get(pick[:2])
        if known is None:
            known = self._shared_heads[pick[:2]] = self._made(pick, "share")
        return known

    def _made(self, pick: Pick, share_id: str | None) -> DeviceRequestAllocationResult:
        asked = self._spec.requests[pick.request]
        ask = asked.asks[pick.alternative]
        return DeviceRequestAllocationResult(
            request=f"{asked.name}/{ask.name}" if ask.name else asked.name,
            driver="",
            pool="",
            device="",
            admin_access=True if ask.admin_access is True else None,
            tolerations=ask.tolerations,
            binding_conditions=(),
            binding_failure_conditions=(),
            share_id=share_id,
            consumed_capacity={},
            skip_node_operations=(),
        )

    def config(
        self, picks: Sequence[Pick], classes: Mapping[ClassName, ClassRules]
    ) -> tuple[DeviceAllocationConfiguration, ...]:
        """The configuration for what was chosen (E14), the same until one of the classes changes."""
        chosen = self._first
        if chosen is None:
            chosen = _chosen(self._spec, picks)
        known = self._configs.get(chosen)
        if known is not None:
            for class_ in known[0]:
                if classes.get(class_.name) is not class_:
                    break
            else:
                return known[1]
        asks = [request.asks[alternative] for request, alternative in zip(self._spec.requests, chosen, strict=True)]
        made = configurations(self._spec, asks, classes)
        if len(self._configs) >= _MEMORY_LIMIT:
            self._configs.clear()
        self._configs[chosen] = tuple(classes[ask.class_name] for ask in asks), made
        return made

    def consumed(self, pick: Pick, device: Device, *, fractional: bool) -> dict[str, Quantity]:
        """What a pick of a shareable device takes of its capacities (H2-H5)."""
        key = pick.request, pick.alternative, id(device), fractional
        known = self._consumed.get(key)
        if known is None:
            wanted = dict(self._spec.requests[pick.request].asks[pick.alternative].capacity)
            amounts = consumption(device.capacity, wanted, fractional=fractional)
            # Invariant: only devices that can serve the request are picked.
            assert isinstance(amounts, tuple)
            if len(self._consumed) >= _MEMORY_LIMIT:
                self._consumed.clear()
            known = self._consumed[key] = device, dict(amounts)
        return dict(known[1])


def _chosen(spec: ClaimSpec, picks: Sequence[Pick]) -> _Chosen:
    """The alternative of each request that its picks belong to.

    An alternative without devices is one that wants none; all such alternatives succeed, so it was the first of them.
    """
    with_picks = {pick.request: pick.alternative for pick in picks}
    return tuple(
        with_picks[number]
        if number in with_picks
        else next((i for i, ask in enumerate(request.asks) if ask.mode != "All" and ask.count <= 0), 0)
        for number, request in enumerate(spec.requests)
    )


def _result(  # noqa: PLR0917  # what a result is made of
    node: str,
    claim: ClaimRules,
    picks: Sequence[Pick],
    record_at: Callable[[int], DeviceRecord | None],
    classes: Mapping[ClassName, ClassRules],
    features: Features,
) -> AllocationResult | Fault:
    spec = claim.spec
    forms: _Forms | None = spec.kept.get(_KEPT)
    if forms is None:
        forms = spec.kept[_KEPT] = _Forms(spec)
    plain = not (
        features.consumable_capacity or features.device_binding_and_status or features.optional_node_operations
    )
    heads = forms.heads
    records: list[DeviceRecord] = []
    results: list[DeviceRequestAllocationResult] = []
    for pick in picks:
        record = record_at(pick[2])
        assert record is not None  # Invariant: only devices of the snapshot are picked
        records.append(record)
        head = heads.get(pick[:2])
        if head is None:
            head = forms.head(pick)
        driver, pool, name = record.id
        values = head.__dict__.copy()
        values["driver"] = driver
        values["pool"] = pool
        values["device"] = name
        values["consumed_capacity"] = {}
        if not plain and _add(values, forms, pick, record, features):
            head = forms.shared_head(pick)
        results.append(made_like(head, values))
    selector = merged_selector(records, node)
    if isinstance(selector, TooManyTerms):
        return _unmergeable(claim, picks[selector.position], selector, features)
    devices = made_like(_DEVICES, {"results": tuple(results), "config": forms.config(picks, classes)})
    form = _ANYWHERE if selector is None else _SOMEWHERE
    return made_like(form, {"devices": devices, "node_selector": selector, "allocation_timestamp": None})


def _add(values: dict[str, Any], forms: _Forms, pick: Pick, record: DeviceRecord, features: Features) -> bool:
    """What only some devices have: conditions of binding, calls to skip, and whether it is a share."""
    device = record.device
    if features.device_binding_and_status:
        values["binding_conditions"] = device.binding_conditions
        values["binding_failure_conditions"] = device.binding_failure_conditions
    if features.optional_node_operations:
        values["skip_node_operations"] = record.slice.spec.skip_node_operations
    if not (features.consumable_capacity and device.allow_multiple_allocations):
        return False
    values["share_id"] = str(uuid4())
    values["consumed_capacity"] = forms.consumed(pick, device, fractional=features.fractional_capacity_range)
    return True


def _unmergeable(claim: ClaimRules, pick: Pick, found: TooManyTerms, features: Features) -> Fault:
    asked = claim.spec.requests[pick.request]
    ask: Ask = asked.asks[pick.alternative]
    here = Correction.SELECTOR_TERMS_FAIL_ON_THE_NODE in features.corrections
    return Fault(
        "C3",
        f"the node selector has {found.terms} terms, one is supported",
        None,
        claim.key,
        f"{asked.name}/{ask.name}" if ask.name else asked.name,
        str(found.device),
        Scope.NODE if here else Scope.POD,
    )


__all__ = ["Records", "assemble"]
