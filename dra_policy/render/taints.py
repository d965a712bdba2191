"""Health events as DeviceTaintRules: what an administrator applies by hand until the driver taints by itself."""

from __future__ import annotations

from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.finding import device_of
from dra_policy.language.hardware import Event, Health
from dra_policy.render.literals import OBJECT
from dra_policy.render.targets import Target

POOL, DEVICE = "name-of-the-pool", "name-of-the-device"
"""What stands for the device that an event is about."""


def taint_rules(policies: CheckedPolicies, target: Target) -> list[OBJECT]:
    """One rule for each event, about no device yet: whoever applies it names driver, pool and device.

    So that nobody taints a whole fleet by applying a folder, the pool is one that does not exist.
    """
    if not target.taint_rules:
        return []
    return [
        _rule(health, event, target.taint_rule_version)
        for policy in policies
        for health in policy.hardware.health
        for event in health.events
    ]


def _rule(health: Health, event: Event, version: str) -> OBJECT:
    driver = device_of(health.board).driver
    taint: OBJECT = {"key": event.key, "effect": event.effect}
    if event.value:
        taint["value"] = event.value
    notes = {"dra-policy.dev/event": event.name}
    if event.clears:
        notes["dra-policy.dev/clears-on"] = event.clears
    name = "".join(c if c.isalnum() else "-" for c in f"{driver}-{event.name}".lower()).strip("-")
    return {
        "apiVersion": version,
        "kind": "DeviceTaintRule",
        "metadata": {"name": name, "annotations": notes},
        "spec": {"deviceSelector": {"driver": driver, "pool": POOL, "device": DEVICE}, "taint": taint},
    }


__all__ = ["DEVICE", "POOL", "taint_rules"]
