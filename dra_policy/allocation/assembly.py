"""The allocation of one claim as Kubernetes writes it into the claim's status (A15, E9, H8, J14, J15)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from dra_policy.allocation.call import Call
from dra_policy.allocation.configuration import configurations
from dra_policy.allocation.node_selector import merged_selector
from dra_policy.allocation.rule import Asked, Choice, Fault
from dra_policy.allocation.sharing import Consumptions
from dra_policy.resources import (
    AllocationResult,
    DeviceAllocationResult,
    DeviceRequestAllocationResult,
    Features,
)
from dra_policy.rules import ClaimRules


def allocation_result(
    call: Call, claim: ClaimRules, asked: Sequence[Asked], choices: Sequence[Choice]
) -> AllocationResult | Fault:
    """The result of a claim from its choices, in the order in which they were made (J14).

    `asked` is the alternative chosen for each request. The time of the allocation is the scheduler's to fill in.
    """
    selector = merged_selector(choices, call.view.node.metadata.name, call.features)
    if isinstance(selector, Fault):
        return selector
    return AllocationResult(
        devices=DeviceAllocationResult(
            results=tuple(_device(choice, call.consumptions, call.features) for choice in choices),
            config=configurations(claim, asked, call.classes),
        ),
        node_selector=selector,
    )


def _device(choice: Choice, consumptions: Consumptions, features: Features) -> DeviceRequestAllocationResult:
    record, asked = choice.record, choice.asked
    device = record.device
    shared = features.consumable_capacity and bool(device.allow_multiple_allocations)
    binding = features.device_binding_and_status
    return DeviceRequestAllocationResult(
        request=asked.result_name,
        driver=record.id.driver,
        pool=record.id.pool,
        device=record.id.device,
        admin_access=True if asked.admin else None,
        tolerations=asked.ask.tolerations,
        binding_conditions=device.binding_conditions if binding else (),
        binding_failure_conditions=device.binding_failure_conditions if binding else (),
        share_id=str(uuid4()) if shared else None,
        consumed_capacity=dict(consumptions.taken(choice)) if shared else {},
        skip_node_operations=record.slice.spec.skip_node_operations if features.optional_node_operations else (),
    )


__all__ = ["allocation_result"]
