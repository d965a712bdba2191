"""What an engine knows at one moment: an immutable value, replaced as a whole by every change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from dra_policy.inventory import PersistentMap, Snapshot, Usage
from dra_policy.language import PolicyRules
from dra_policy.resources import (
    AllocationResult,
    DeviceClass,
    DeviceTaintRule,
    Features,
    Node,
    Places,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
)
from dra_policy.rules import ClaimKey, ClaimRules, ClassName, ClassRules, claim_rules, class_rules

DEFAULT_NAMESPACE = "default"
"""Where a namespaced object without a namespace belongs, as for `kubectl`."""

Applied: TypeAlias = DeviceClass | DeviceTaintRule | Node | ResourceClaim | ResourceClaimTemplate | ResourceSlice


@dataclass(frozen=True, slots=True)
class Held:
    """The devices that a claim has: its allocation, the node it was made for (empty if it came with the claim), and
    whether the claim exists only through this allocation, made from a template."""

    allocation: AllocationResult
    node: str
    made_here: bool


@dataclass(frozen=True)
class State:
    """Snapshot of the inventory, claims by key, what they hold, and the policies in force.

    `usage` is always the sum of `held`. A class of a policy stands before an applied DeviceClass of its name;
    `classes` keeps the applied ones, so that they count again when the policy is gone.
    """

    snapshot: Snapshot
    usage: Usage = field(default_factory=Usage)
    claims: PersistentMap[ClaimKey, ClaimRules] = field(default_factory=PersistentMap)
    templates: PersistentMap[ClaimKey, ClaimRules] = field(default_factory=PersistentMap)
    held: PersistentMap[ClaimKey, Held] = field(default_factory=PersistentMap)
    classes: PersistentMap[ClassName, ClassRules] = field(default_factory=PersistentMap)
    policies: PolicyRules | None = None

    @property
    def features(self) -> Features:
        return self.snapshot.features

    @property
    def policy_classes(self) -> Mapping[ClassName, ClassRules]:
        return {} if self.policies is None else self.policies.classes

    @cached_property
    def policy_claims(self) -> Mapping[str, ClaimRules]:
        """The claims that policies declare, by plain and by qualified name; each is in the default namespace."""
        declared = {} if self.policies is None else self.policies.claims
        return {
            name: replace(rules, key=ClaimKey(DEFAULT_NAMESPACE, rules.key.name)) for name, rules in declared.items()
        }

    # --- policies

    def with_policies(self, policies: PolicyRules | None) -> State:
        """With these policies in force, and no others."""
        snapshot = self.snapshot
        for name in self.policy_classes:
            below = self.classes.get(name)
            snapshot = snapshot.without_class(name) if below is None else snapshot.with_class(below)
        for rules in policies.classes.values() if policies is not None else ():
            snapshot = snapshot.with_class(rules)
        return replace(self, snapshot=snapshot, policies=policies)

    # --- objects

    def with_object(self, applied: Applied, places: Places | None) -> State:
        """With one object added, or put in the place of the one with its name."""
        snapshot = self.snapshot
        match applied:
            case Node():
                return replace(self, snapshot=snapshot.with_node(applied))
            case ResourceSlice():
                return replace(self, snapshot=snapshot.with_slice(applied))
            case DeviceTaintRule():
                return replace(self, snapshot=snapshot.with_taint_rule(applied))
            case DeviceClass():
                rules = class_rules(applied, self.features, places)
                shadowed = rules.name in self.policy_classes
                return replace(
                    self,
                    classes=self.classes.set(rules.name, rules),
                    snapshot=snapshot if shadowed else snapshot.with_class(rules),
                )
            case ResourceClaimTemplate():
                template = rules_of(applied, self.features, places)
                return replace(self, templates=self.templates.set(template.key, template))
            case ResourceClaim():
                claim = rules_of(applied, self.features, places)
                known = replace(self, claims=self.claims.set(claim.key, claim))
                allocation = applied.status.allocation
                if allocation is None:
                    return known.released(claim.key)
                return known.holding(claim.key, Held(allocation, "", made_here=False))  # J12

    def without_object(self, kind: type[Applied], key: ClaimKey) -> State:
        """Without the object of this kind and name, if it is there; a claim gives back what it holds."""
        snapshot, name = self.snapshot, key.name
        if kind is Node:
            return replace(self, snapshot=snapshot.without_node(name))
        if kind is ResourceSlice:
            return replace(self, snapshot=snapshot.without_slice(name))
        if kind is DeviceTaintRule:
            return replace(self, snapshot=snapshot.without_taint_rule(name))
        if kind is DeviceClass:
            shadowed = ClassName(name) in self.policy_classes
            return replace(
                self,
                classes=self.classes.without(ClassName(name)),
                snapshot=snapshot if shadowed else snapshot.without_class(name),
            )
        if kind is ResourceClaimTemplate:
            return replace(self, templates=self.templates.without(key))
        return replace(self.released(key), claims=self.claims.without(key))

    # --- what claims hold

    def holding(self, key: ClaimKey, held: Held) -> State:
        """With a claim's devices in use; whatever it held before is given back first."""
        free = self.released(key)
        return replace(free, usage=free.usage.with_allocation(held.allocation), held=free.held.set(key, held))

    def released(self, key: ClaimKey) -> State:
        """Without the devices of a claim in use: the exact inverse of `holding`."""
        held = self.held.get(key)
        if held is None:
            return self
        return replace(self, usage=self.usage.without_allocation(held.allocation), held=self.held.without(key))


def key_of(claim: ResourceClaim | ResourceClaimTemplate) -> ClaimKey:
    """The identity of a claim or template; without a namespace it belongs to `default`."""
    return ClaimKey(claim.metadata.namespace or DEFAULT_NAMESPACE, claim.metadata.name)


def rules_of(claim: ResourceClaim | ResourceClaimTemplate, features: Features, places: Places | None) -> ClaimRules:
    """The rules of a claim, each with its place in the text that the claim was read from, if it was."""
    return replace(claim_rules(claim, features, places), key=key_of(claim))
