"""Who enforces each rule of a policy on a target: the cluster, our controller, the node, nobody.

The table of mechanisms is here and nowhere else. A `must` that nothing enforces fails the rendering.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from dra_policy.diagnostics import Diagnostic
from dra_policy.language.boards import Said
from dra_policy.language.checked import (
    CheckedClaim,
    CheckedClass,
    CheckedLinked,
    CheckedNearness,
    CheckedPolicies,
    CheckedPolicy,
    CheckedSet,
    CheckedShape,
    CheckedWish,
    Clause,
)
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import Form
from dra_policy.render.admission import judged_by
from dra_policy.render.targets import Target
from dra_policy.source import Span


class By(Enum):
    """Who sees to it that a rule holds."""

    CLUSTER = "cluster"
    CONTROLLER = "controller"
    NODE = "node"
    ADVISORY = "advisory"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Enforced:
    """One rule on a target: who enforces it, by what, and what to mind. `must` rules may not be lost."""

    owner: str
    words: str
    by: By
    means: str
    must: bool
    said: Said
    span: Span


def enforcement(policies: CheckedPolicies, target: Target) -> list[Enforced]:
    """Every rule of the policies that were given and of those they import, in the order of the files."""
    reading = _Reading(policies, target)
    return [one for policy in policies for one in reading.policy(policy)]


def failures(found: list[Enforced], target: Target) -> list[Diagnostic]:
    """The rules that must hold and do not on this target, as diagnostics (REN001, REN002)."""
    problems: list[Diagnostic] = []
    for one in found:
        named = one.said.enforced
        if named == "cluster" and one.by is not By.CLUSTER:
            message = f"the cluster cannot enforce this on Kubernetes {target.version}: {one.means}"
            help_ = "write `enforced by controller`, or render for a target that can"
            problems.append(Diagnostic("REN002", message, one.span, help_))
            continue
        if not one.must or one.by in (By.CLUSTER, By.NODE):
            continue
        if one.by is By.CONTROLLER and (named == "controller" or target.controller):
            continue
        if named == "node" and one.by is not By.LOST:
            continue
        message = f"nothing enforces this on Kubernetes {target.version}: {one.means}"
        help_ = "write `enforced by controller` where the controller of dra-policy allocates, or `should`"
        problems.append(Diagnostic("REN001", message, one.span, help_))
    return problems


_NATIVE = Said()


class _Reading:
    def __init__(self, policies: CheckedPolicies, target: Target) -> None:
        self.fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
        self.target = target
        self.features = target.features

    def policy(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        yield from self._hardware(policy)
        for class_ in policy.classes.values():
            yield from self._class(class_)
        for claim in policy.claims.values():
            yield from self._claim(claim)
        yield from self._site(policy)

    # ------------------------------------------------------------------------------------------------------ hardware

    def _hardware(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        features, hardware = self.features, policy.hardware
        for modes in hardware.modes:
            counters = features.partitionable_devices
            partitions = any(mode.partition for mode in modes.modes.values()) or len(modes.modes) > 1
            if partitions:
                by = By.CLUSTER if counters else By.LOST
                means = "counter sets" if counters else "the feature PartitionableDevices is off"
                yield Enforced(f"modes of `{modes.board.name}`", "modes", by, means, True, _NATIVE, modes.span)
        for share in hardware.shares.values():
            owner = f"share `{share.name}`"
            for sharer in share.sharers:
                if sharer.what == "claims":
                    by = By.CLUSTER if features.consumable_capacity else By.LOST
                    means = "capacity `slots`" if by is By.CLUSTER else "the feature ConsumableCapacity is off"
                else:
                    by, means = By.CONTROLLER, "kube-scheduler does not look at who else holds a device"
                yield Enforced(owner, sharer.words, by, means, sharer.said.strength == "must", sharer.said, sharer.span)
            for taking in share.takings:
                by = By.CLUSTER if features.consumable_capacity else By.LOST
                means = "request policy of a capacity" if by is By.CLUSTER else "the feature ConsumableCapacity is off"
                yield Enforced(owner, f"each takes {taking.capacity.name}", by, means, True, _NATIVE, taking.span)
        for binding in hardware.bindings:
            on = features.device_binding_and_status
            means = "binding conditions" if on else "the feature DeviceBindingAndStatus is off"
            by = By.CLUSTER if on else By.LOST
            words = f"binds when {', '.join(binding.conditions)}"
            yield Enforced(f"device `{binding.board.name}`", words, by, means, True, _NATIVE, binding.span)
        for cost in hardware.costs:
            words = f"costs node {cost.resource} per {cost.per}"
            means = "node allocatable resources are alpha; repeat them in the pod's requests"
            yield Enforced(f"device `{cost.board.name}`", words, By.ADVISORY, means, False, _NATIVE, cost.span)
        for health in hardware.health:
            means = "the driver taints its devices" if features.device_taints else "the feature DeviceTaints is off"
            by = By.NODE if features.device_taints else By.LOST
            yield Enforced(f"device `{health.board.name}`", "health", by, means, False, _NATIVE, health.span)
        for setup in hardware.setups:
            means = "CDI edits and steps of the kubelet plugin"
            yield Enforced(f"device `{setup.board.name}`", "setup", By.NODE, means, False, _NATIVE, setup.span)
        for parameters in policy.parameters.values():
            owner = f"parameters `{parameters.name}`"
            for field in parameters.fields.values():
                means = "ValidatingAdmissionPolicy on claims and templates"
                yield Enforced(owner, f"field {field.name}", By.CLUSTER, means, True, _NATIVE, field.span)
                if field.agrees or field.unique is not None:
                    words = (
                        f"{field.name} agrees per device" if field.agrees else f"{field.name} unique per {field.unique}"
                    )
                    means = "kube-scheduler does not compare configurations"
                    said = Said(enforced="controller" if self.target.controller else "")
                    yield Enforced(owner, words, By.CONTROLLER, means, False, said, field.span)

    # --------------------------------------------------------------------------------------------- classes, claims

    def _class(self, class_: CheckedClass) -> Iterator[Enforced]:
        for clause in class_.clauses:
            yield self._clause(f"class `{class_.name}`", clause, "selector of the DeviceClass")
        for wish in class_.wishes:
            yield self._wish(f"class `{class_.name}`", wish)

    def _clause(self, owner: str, clause: Clause, means: str) -> Enforced:
        said = Said(clause.because, "must", "", clause.negotiable)
        lists = [one for one in read_by(clause.condition) if one.form is Form.LIST]
        if lists and not self.features.list_type_attributes:
            means = f"`{lists[0].name}` is a list, and the feature ListTypeAttributes is off"
            return Enforced(owner, clause.words, By.LOST, means, True, said, clause.span)
        return Enforced(owner, clause.words, By.CLUSTER, means, True, said, clause.span)

    def _claim(self, claim: CheckedClaim) -> Iterator[Enforced]:
        owner = f"claim `{claim.name}`"
        features = self.features
        for request in claim.requests:
            if request.prioritized and not features.prioritized_list:
                means = "the feature PrioritizedList is off"
                yield Enforced(owner, f"request {request.name}", By.LOST, means, True, _NATIVE, request.span)
            for ask in request.asks:
                for clause in ask.clauses:
                    yield self._clause(f"{owner} request `{request.name}`", clause, "selector of the request")
                for taken in ask.takes:
                    on = features.consumable_capacity
                    means = "capacity request" if on else "the feature ConsumableCapacity is off"
                    by = By.CLUSTER if on else By.LOST
                    yield Enforced(owner, f"takes {taken.capacity.name}", by, means, True, _NATIVE, taken.span)
        for constraint in claim.constraints:
            must = constraint.said.strength == "must"
            by, means = By.CLUSTER, "matchAttribute" if constraint.keyword == "same" else "distinctAttribute"
            if constraint.names and not features.derived_attributes:
                by, means = By.CONTROLLER, "drivers spell it differently, and the feature DerivedAttributes is off"
            elif constraint.keyword == "distinct" and not features.consumable_capacity:
                by, means = By.LOST, "distinctAttribute needs the feature ConsumableCapacity"
            yield Enforced(owner, constraint.words, by, means, must, constraint.said, constraint.span)
        for one in claim.sets:
            yield self._set(owner, one)

    def _set(self, owner: str, one: CheckedSet) -> Enforced:
        match one:
            case CheckedNearness():
                hard = len(one.levels) == 1 and bool(one.levels[0][1])
                if hard and len(one.levels[0][1]) == 1:
                    return Enforced(owner, one.words, By.CLUSTER, "matchAttribute", True, one.said, one.span)
                means = "kube-scheduler knows no closeness with a second choice"
                needed = one.levels[-1][0] != "node"
                return Enforced(owner, one.words, By.CONTROLLER, means, needed, one.said, one.span)
            case CheckedLinked():
                means = "links are not published to kube-scheduler"
                return Enforced(owner, one.words, By.CONTROLLER, means, one.said.strength == "must", one.said, one.span)
            case CheckedShape():
                means = "kube-scheduler knows no shapes"
                return Enforced(owner, one.words, By.CONTROLLER, means, True, _NATIVE, one.span)
            case CheckedWish():
                return self._wish(owner, one)

    def _wish(self, owner: str, wish: CheckedWish) -> Enforced:
        means = "order of slices and devices within a node, since 1.36; the extender's score between nodes"
        return Enforced(owner, wish.words, By.ADVISORY, means, False, Said(wish.because, "should"), wish.span)

    # --------------------------------------------------------------------------------------------------------- site

    def _site(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        site = policy.site
        for refusal in site.refusals:
            by, means = By.CLUSTER, "ValidatingAdmissionPolicy on pods, claims and templates"
            if judged_by(refusal, self.fields) is None:
                by, means = By.CONTROLLER, "admission does not see devices, nodes and times"
            yield Enforced(
                "site", refusal.words, by, means, refusal.said.strength == "must", refusal.said, refusal.span
            )
        for quota in site.quotas.values():
            means = "a ResourceQuota counts requests by namespace and class name: another class evades it"
            if self.target.kueue:
                means = "Kueue counts requests by class name: another class over the same boards evades it"
            yield Enforced(
                f"quota `{quota.name}`",
                quota.words,
                By.CONTROLLER,
                means,
                quota.said.strength == "must",
                quota.said,
                quota.span,
            )
        for keep in site.keeps:
            means = "kube-scheduler keeps nothing free"
            yield Enforced("site", keep.words, By.CONTROLLER, means, keep.said.strength == "must", keep.said, keep.span)
        for toleration in site.tolerations:
            means = "the controller adds the toleration when it allocates; write it in the claim for kube-scheduler"
            yield Enforced("site", toleration.words, By.CONTROLLER, means, False, toleration.said, toleration.span)
        for gang in site.gangs.values():
            means = "kube-scheduler places pods one by one"
            yield Enforced(f"gang `{gang.name}`", gang.words, By.CONTROLLER, means, False, _NATIVE, gang.span)


__all__ = ["By", "Enforced", "enforcement", "failures"]
