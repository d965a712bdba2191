"""The allocation of each claim as Kubernetes writes it into the claim's status (A15, E9, H8, J14, J15).

Results are made from picks alone, so that an answer that is remembered and one that was just found come out alike.
What the results of a request have in common is validated once; each is a copy with the names of its device, which come
from validated slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from dra_policy.resources.model import maker_of
from dra_policy.rules import Ask, ClaimRules, ClaimSpec, ClassName, ClassRules

_KEPT = "assembly"
_MEMORY_LIMIT = 256

_DEVICES = DeviceAllocationResult(results=(), config=())
_devices = maker_of(_DEVICES)
_anywhere = maker_of(AllocationResult(devices=_DEVICES))
_somewhere = maker_of(AllocationResult(devices=_DEVICES, node_selector=only_node("node")))


class Records(Protocol):
    """Devices by slot."""

    def get(self, slot: int, /) -> DeviceRecord | None:
        """The device in a slot, None for an empty one."""
        ...


def assemble(
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
    return assembled(node, claims, picks, records.get, classes, features)


def assembled(
    node: str,
    claims: Sequence[ClaimRules],
    picks: Sequence[Sequence[_Numbers]],
    record_at: Callable[[int], DeviceRecord | None],
    classes: Mapping[ClassName, ClassRules],
    features: Features,
) -> tuple[AllocationResult, ...] | Fault:
    """As `assemble`, for devices that are known by any number: `record_at` has the device of each."""
    results: list[AllocationResult] = []
    for claim, picked in zip(claims, picks, strict=True):
        result = _result(node, claim, picked, record_at, classes, features)
        if isinstance(result, Fault):
            return result
        results.append(result)
    return tuple(results)


def are_plain(records: Iterable[DeviceRecord]) -> bool:
    """Whether results for these devices say nothing but their names, and are usable on the node of their slices."""
    for record in records:
        spec, device = record.slice.spec, record.device
        if (
            not spec.node_name
            or spec.per_device_node_selection
            or spec.skip_node_operations
            or device.allow_multiple_allocations
            or device.binding_conditions
            or device.binding_failure_conditions
        ):
            return False
    return True


def plain_results(
    node: str,
    claims: Sequence[ClaimRules],
    picks: Sequence[Sequence[_Numbers]],
    records: Sequence[DeviceRecord],
    classes: Mapping[ClassName, ClassRules],
) -> tuple[AllocationResult, ...]:
    """As `assemble`, for devices by their positions in `records`, of which `are_plain` is true."""
    results: list[AllocationResult] = []
    for claim, picked in zip(claims, picks, strict=True):
        forms = _forms(claim.spec)
        results.append(_plain(node, forms, picked, records, forms.config(picked, classes)))
    return tuple(results)


def plain_result(
    node: str,
    claim: ClaimRules,
    picks: Sequence[_Numbers],
    records: Sequence[DeviceRecord],
    config: tuple[DeviceAllocationConfiguration, ...],
) -> AllocationResult:
    """The result of one claim, as `plain_results` has it, with this configuration."""
    return _plain(node, _forms(claim.spec), picks, records, config)


def _plain(
    node: str,
    forms: _Forms,
    picks: Sequence[_Numbers],
    records: Sequence[DeviceRecord],
    config: tuple[DeviceAllocationConfiguration, ...],
) -> AllocationResult:
    heads = forms.heads
    results: list[DeviceRequestAllocationResult] = []
    for request, alternative, position in picks:
        like, make = heads[request][alternative] or forms.head(request, alternative)
        values = like.copy()
        values["driver"], values["pool"], values["device"] = records[position].id
        values["consumed_capacity"] = {}
        results.append(make(values))
    devices = _devices({"results": tuple(results), "config": config})
    if not results:
        return _anywhere({"devices": devices, "node_selector": None, "allocation_timestamp": None})
    # What `merged_selector` would say.
    return _somewhere({"devices": devices, "node_selector": only_node(node), "allocation_timestamp": None})


_Chosen: TypeAlias = tuple[int, ...]
"""The alternative chosen for each request, by position."""

_Numbers: TypeAlias = tuple[int, int, int]
"""Request and alternative by position, and a number of the device."""


_Head: TypeAlias = tuple[dict[str, Any], Callable[[dict[str, Any]], DeviceRequestAllocationResult]]
"""The values of a result without those of the device, and what makes one of values."""


class _Forms:
    """What the results of one spec have in common: worked out once, whatever device is picked."""

    __slots__ = ("_configs", "_consumed", "_first", "_latest", "_shared_heads", "_spec", "heads")

    def __init__(self, spec: ClaimSpec) -> None:
        self._spec = spec
        self._first: _Chosen | None = None
        if not any(request.prioritized for request in spec.requests):
            self._first = (0,) * len(spec.requests)
        # By request and alternative.
        self.heads: tuple[list[_Head | None], ...] = tuple([[None] * len(request.asks) for request in spec.requests])
        self._shared_heads: dict[tuple[int, ...], _Head] = {}
        # The classes that were given last, and their configuration: in one piece, for threads at different moments.
        self._latest: tuple[Mapping[ClassName, ClassRules] | None, tuple[DeviceAllocationConfiguration, ...]]
        self._latest = None, ()
        self._configs: dict[_Chosen, tuple[tuple[ClassRules, ...], tuple[DeviceAllocationConfiguration, ...]]] = {}
        self._consumed: dict[tuple[int, int, int, bool], tuple[Device, Mapping[str, Quantity]]] = {}

    def head(self, request: int, alternative: int) -> _Head:
        """The results of an alternative, without the device."""
        made = self.heads[request][alternative] = self._made(request, alternative, None)
        return made

    def shared_head(self, request: int, alternative: int) -> _Head:
        """The same for a share."""
        known = self._shared_heads.get((request, alternative))
        if known is None:
            known = self._shared_heads[request, alternative] = self._made(request, alternative, "share")
        return known

    def _made(self, request: int, alternative: int, share_id: str | None) -> _Head:
        asked = self._spec.requests[request]
        ask = asked.asks[alternative]
        made = DeviceRequestAllocationResult(
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
        return made.__dict__, maker_of(made)

    def config(
        self, picks: Sequence[_Numbers], classes: Mapping[ClassName, ClassRules]
    ) -> tuple[DeviceAllocationConfiguration, ...]:
        """The configuration for what was chosen (E14), the same until one of the classes changes."""
        chosen = self._first
        if chosen is None:
            return self._configuration(_chosen(self._spec, picks), classes)
        latest, config = self._latest
        if latest is not classes:
            config = self._configuration(chosen, classes)
            self._latest = classes, config
        return config

    def _configuration(
        self, chosen: _Chosen, classes: Mapping[ClassName, ClassRules]
    ) -> tuple[DeviceAllocationConfiguration, ...]:
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

    def consumed(self, request: int, alternative: int, device: Device, *, fractional: bool) -> dict[str, Quantity]:
        """What a share of a device takes of its capacities (H2-H5)."""
        key = request, alternative, id(device), fractional
        known = self._consumed.get(key)
        if known is None:
            wanted = dict(self._spec.requests[request].asks[alternative].capacity)
            amounts = consumption(device.capacity, wanted, fractional=fractional)
            # Invariant: only devices that can serve the request are picked.
            assert isinstance(amounts, tuple)
            if len(self._consumed) >= _MEMORY_LIMIT:
                self._consumed.clear()
            known = self._consumed[key] = device, dict(amounts)
        return dict(known[1])


def _forms(spec: ClaimSpec) -> _Forms:
    forms: _Forms | None = spec.kept.get(_KEPT)
    if forms is None:
        forms = spec.kept[_KEPT] = _Forms(spec)
    return forms


def _chosen(spec: ClaimSpec, picks: Sequence[_Numbers]) -> _Chosen:
    """The alternative of each request that its picks belong to.

    An alternative without devices is one that wants none; all such alternatives succeed, so it was the first of them.
    """
    with_picks = {request: alternative for request, alternative, _ in picks}
    return tuple(
        with_picks[number]
        if number in with_picks
        else next((i for i, ask in enumerate(request.asks) if ask.mode != "All" and ask.count <= 0), 0)
        for number, request in enumerate(spec.requests)
    )


def _result(
    node: str,
    claim: ClaimRules,
    picks: Sequence[_Numbers],
    record_at: Callable[[int], DeviceRecord | None],
    classes: Mapping[ClassName, ClassRules],
    features: Features,
) -> AllocationResult | Fault:
    forms = _forms(claim.spec)
    heads = forms.heads
    records: list[DeviceRecord] = []
    results: list[DeviceRequestAllocationResult] = []
    for request, alternative, number in picks:
        record = record_at(number)
        assert record is not None  # Invariant: only devices of the snapshot are picked
        records.append(record)
        like, make = heads[request][alternative] or forms.head(request, alternative)
        values = like.copy()
        values["driver"], values["pool"], values["device"] = record.id
        values["consumed_capacity"] = {}
        if _add(values, record, features):
            fractional = features.fractional_capacity_range
            values["consumed_capacity"] = forms.consumed(request, alternative, record.device, fractional=fractional)
            _, make = forms.shared_head(request, alternative)
        results.append(make(values))
    selector = merged_selector(records, node)
    if isinstance(selector, TooManyTerms):
        return _unmergeable(claim, picks[selector.position], selector, features)
    devices = _devices({"results": tuple(results), "config": forms.config(picks, classes)})
    values = {"devices": devices, "node_selector": selector, "allocation_timestamp": None}
    return _anywhere(values) if selector is None else _somewhere(values)


def _add(values: dict[str, Any], record: DeviceRecord, features: Features) -> bool:
    """What only some devices have: conditions of binding, calls to skip, the id of a share; says whether it is one."""
    device = record.device
    if features.device_binding_and_status:
        values["binding_conditions"] = device.binding_conditions
        values["binding_failure_conditions"] = device.binding_failure_conditions
    if features.optional_node_operations:
        values["skip_node_operations"] = record.slice.spec.skip_node_operations
    if not (features.consumable_capacity and device.allow_multiple_allocations):
        return False
    values["share_id"] = str(uuid4())
    return True


def _unmergeable(claim: ClaimRules, pick: _Numbers, found: TooManyTerms, features: Features) -> Fault:
    asked = claim.spec.requests[pick[0]]
    ask: Ask = asked.asks[pick[1]]
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


__all__ = ["Records", "are_plain", "assemble", "assembled", "plain_result", "plain_results"]
