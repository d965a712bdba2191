"""Who enforces each rule of a policy on a target: the cluster, our controller, the node, nobody.

The table of mechanisms is here and nowhere else. A `must` that nothing enforces fails the rendering.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression import compile_tree
from dra_policy.language.boards import Modes, Said, Share, slots_name
from dra_policy.language.checked import (
    CheckedClaim,
    CheckedClass,
    CheckedConstraint,
    CheckedLinked,
    CheckedNearness,
    CheckedPolicies,
    CheckedPolicy,
    CheckedSet,
    CheckedShape,
    CheckedWish,
    Clause,
)
from dra_policy.language.counting import MOST_COUNTERS
from dra_policy.language.decisions import Site
from dra_policy.language.finding import device_of
from dra_policy.language.predicates import lower_condition, read_by
from dra_policy.language.schema import Form
from dra_policy.render.boards import unguarded_modes
from dra_policy.render.catalog import Catalog
from dra_policy.render.kept import kept_claim, lost_asks, lost_class
from dra_policy.render.objects import rendered_classes
from dra_policy.render.refusals import judged_by, unjudged
from dra_policy.render.targets import Target
from dra_policy.source import Span


class By(Enum):
    """Who sees to it that a rule holds."""

    CLUSTER = "cluster"
    CONTROLLER = "controller"
    NODE = "node"
    ADVISORY = "advisory"
    NOBODY = "nobody"
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
    cost: int | None = None
    """The most that its CEL expression can cost, of the 1,000,000 that one may."""
    takes: tuple[str, ...] = ()
    """What may be written behind it: `enforced by ...`, `should`."""


def enforcement(policies: CheckedPolicies, target: Target) -> list[Enforced]:
    """Every rule of the policies that were given and of those they import, in the order of the files."""
    reading = _Reading(policies, target)
    return [_there(one, target) for policy in policies for one in reading.policy(policy)]


def _there(one: Enforced, target: Target) -> Enforced:
    """The controller enforces where it is, or where the rule says that it is: else nobody does, and a wish is just that."""
    if one.by is not By.CONTROLLER or target.controller or one.said.enforced == "controller":
        return one
    return replace(one, by=By.NOBODY if one.must else By.ADVISORY)


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
        if not one.must or one.by in (By.CLUSTER, By.NODE, By.CONTROLLER):
            continue
        if named == "node" and one.by is not By.LOST:
            continue
        message = f"nothing enforces this on Kubernetes {target.version}: {one.means}"
        # Whoever is named for it cannot enforce what is not there.
        takes = [way for way in one.takes if way == "should" or one.by is not By.LOST]
        ways = [f"write {' or '.join(f'`{way}`' for way in takes)}"] if takes else []
        if one.by is By.NOBODY:
            ways.insert(0, "say `--controller` where the controller of dra-policy allocates")
        elif one.by is By.LOST:
            ways.insert(0, "render for a target that has it, with another version or `--features`")
        help_ = "; or ".join(ways)
        problems.append(Diagnostic("REN001", message, one.span, help_))
    return problems


_NATIVE = Said()
_ENFORCED = ("enforced by ...",)
_ANY = (*_ENFORCED, "should")


class _Reading:
    def __init__(self, policies: CheckedPolicies, target: Target) -> None:
        self.fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
        self.classes = frozenset(rendered_classes(policies))
        self.catalog = Catalog.of(policies)
        self.models = [model for policy in policies for model in policy.models.values()]
        self.target = target
        self.features = target.features

    def policy(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        yield from self._hardware(policy)
        yield from self._parameters(policy)
        for class_ in policy.classes.values():
            if class_ in self.classes:
                yield from self._class(class_)
        if policy.given:
            for claim in policy.claims.values():
                yield from self._claim(claim)
        yield from self._site(policy)

    # ------------------------------------------------------------------------------------------------------ hardware

    def _hardware(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        features, hardware = self.features, policy.hardware
        yield from self._lost_lists(policy)
        for modes in hardware.modes:
            owner = f"modes of `{modes.board.name}`"
            if len(modes.modes) > 1 or any(mode.partition for mode in modes.modes.values()):
                means = "counter sets"
                if not features.partitionable_devices:
                    means = f"one layout of each board is published: {_off('PartitionableDevices')}"
                yield _native(owner, ", ".join(modes.modes), By.CLUSTER, means, modes.span)
            for one, other in self._unguarded(modes):
                means = f"a device draws on {MOST_COUNTERS} counters, and it takes more to keep them apart"
                yield _native(owner, f"{one} and {other} not at a time", By.CONTROLLER, means, modes.span)
            for sharer in modes.sharers:
                means = "kube-scheduler does not look at who else holds parts of a board"
                must, owner = sharer.said.strength == "must", f"modes of `{modes.board.name}`"
                by = By.CONTROLLER if must else By.ADVISORY
                yield Enforced(owner, sharer.words, by, means, must, sharer.said, sharer.span, takes=_ENFORCED)
        for share in hardware.shares.values():
            yield from self._share(share)
        for machine in hardware.machines.values():
            for budget in machine.budgets:
                means = "a counter set of the node's pool"
                if not features.partitionable_devices:
                    means = f"only devices that it is enough for are published: {_off('PartitionableDevices')}"
                yield _native(f"machine `{machine.name}`", f"budget {budget.name}", By.CLUSTER, means, budget.span)
        for binding in hardware.bindings:
            by, means = By.CLUSTER, "binding conditions"
            if not features.device_binding_and_status:
                by, means = By.LOST, f"its devices are not published: {_off('DeviceBindingAndStatus')}"
            words = f"binds when {', '.join(binding.conditions)}"
            owner = f"device `{binding.board.name}`"
            yield _native(owner, words, by, means, binding.span, must=by is By.CLUSTER)
        for reach in hardware.reachable:
            owner = "network" if reach.board is None else f"device `{reach.board.name}`"
            yield _native(owner, "network reachable", By.CLUSTER, "node selectors of slices and devices", reach.span)
        for condition in hardware.advertised:
            means = "the driver publishes no other devices"
            words = f"advertise when {condition.words}"
            yield _native(f"device `{condition.board.name}`", words, By.NODE, means, condition.span)
        for cost in hardware.costs:
            words = f"costs node {cost.resource} per {cost.per}"
            by, means = By.CLUSTER, "node allocatable resources"
            if not self.target.node_resources:
                by, means = By.ADVISORY, f"repeat it in the requests of the pod: {_off('NodeAllocatableResources')}"
            yield _native(f"device `{cost.board.name}`", words, by, means, cost.span, must=False)
        for health in hardware.health:
            by, means = By.NODE, "the driver taints its devices"
            if self.target.taint_rules:
                means += "; a DeviceTaintRule for each event, to apply by hand"
            if not features.device_taints:
                by, means = By.LOST, f"tainted devices are not published: {_off('DeviceTaints')}"
            yield _native(f"device `{health.board.name}`", "health", by, means, health.span, must=False)
        for setup in hardware.setups:
            means = "CDI specification of the claim, and steps of the kubelet plugin"
            yield _native(f"device `{setup.board.name}`", "setup", By.NODE, means, setup.span, must=False)
            for edit in (edit for scope in setup.scopes for edit in scope.edits if edit.kind == "capability"):
                means = f"CDI gives none: write `securityContext.capabilities.add: [{edit.target}]` in the container"
                words = f"capability {edit.target}"
                yield _native(f"device `{setup.board.name}`", words, By.ADVISORY, means, edit.span, must=False)

    def _lost_lists(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        """The attributes that the target drops from slices; what a model has of them is not asked of its devices."""
        lists = self.features.list_type_attributes
        for device in policy.devices.values():
            for one in device.attributes.values():
                if one.unpublished(lists=lists) and not one.private:
                    means = f"not published: {_off('ListTypeAttributes')}; with `publish as list or flags` it would be"
                    owner = f"device `{device.name}`"
                    yield _native(owner, f"attribute {one.name}", By.LOST, means, one.span, must=False)

    def _unguarded(self, modes: Modes) -> list[tuple[str, str]]:
        """The pairs of modes that counters do not keep apart, on some model."""
        if not self.features.partitionable_devices:
            return []
        models = [one for one in self.models if self.catalog.modes(one) is modes]
        return list(dict.fromkeys(pair for model in models for pair in unguarded_modes(model, self.catalog)))

    def _share(self, share: Share) -> Iterator[Enforced]:
        owner, shared = f"share `{share.name}`", self.features.consumable_capacity
        if not shared:
            means = f"shared devices are not published: {_off('ConsumableCapacity')}"
            yield _native(owner, f"share {share.name}", By.LOST, means, share.span, must=False)
        nobody = "nobody shares"
        for sharer in share.sharers:
            by, means = By.CLUSTER, f"capacity `{slots_name(device_of(share.board))}`" if shared else nobody
            if sharer.what != "claims" and shared:
                by, means = By.CONTROLLER, "kube-scheduler does not look at who else holds a device"
            must, takes = sharer.said.strength == "must", _ENFORCED if sharer.same else _ANY
            yield Enforced(owner, sharer.words, by, means, must, sharer.said, sharer.span, takes=takes)
        for taking in share.takings:
            means = "request policy of a capacity" if shared else nobody
            yield _native(owner, f"each takes {taking.capacity.name}", By.CLUSTER, means, taking.span)

    def _parameters(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        means = "ValidatingAdmissionPolicy on claims and templates"
        for parameters in policy.parameters.values():
            owner = f"parameters `{parameters.name}`"
            for field in parameters.fields.values():
                yield _native(owner, f"field {field.name}", By.CLUSTER, means, field.span)
                for compared in (field.agrees, field.unique):
                    if compared is None:
                        continue
                    by, alone = By.CONTROLLER, "kube-scheduler does not compare configurations"
                    if compared.at_node and compared.attribute is not None:
                        private = f"`{compared.attribute.name}` is not published"
                        by, alone = By.NODE, f"the driver compares claims of its node when it prepares: {private}"
                    yield _native(owner, f"field {field.name} {compared.words}", by, alone, field.span)
        for need in policy.hardware.gate_needs:
            on = self.target.gates.get(need.gate.name, need.gate.default)
            how = f"the gate {need.gate.name} is on" if on else means
            words = f"needs gate {need.gate.name}"
            yield _native(f"parameters `{need.parameters.name}`", words, By.CLUSTER, how, need.span)

    # --------------------------------------------------------------------------------------------- classes, claims

    def _class(self, class_: CheckedClass) -> Iterator[Enforced]:
        owner = f"class `{class_.name}`"
        lost = lost_class(class_, self.target)
        if lost:
            yield _native(owner, f"class {class_.name}", By.LOST, f"left out: {_off(lost)}", class_.span, must=False)
            return
        for clause in class_.clauses:
            yield self._clause(owner, clause, "selector of the DeviceClass")
        if class_.counts is not None:
            counts = class_.counts
            must = counts.said.strength == "must"
            by = By.CLUSTER if must else By.ADVISORY
            means = f"{'ValidatingAdmissionPolicy' if must else 'a warning'} on claims and templates"
            yield Enforced(owner, counts.words, by, means, must, counts.said, counts.span, takes=_ANY)
        for wish in class_.wishes:
            yield self._wish(owner, wish)
        if class_.extended_resource and not self.target.extended_resources:
            words = f"extended resource {class_.extended_resource}"
            yield _native(owner, words, By.LOST, _off("ExtendedResource"), class_.span, must=False)

    def _clause(self, owner: str, clause: Clause, means: str) -> Enforced:
        said = Said(clause.because, "must", "", clause.negotiable)
        lists = self.features.list_type_attributes
        published = [one for one in read_by(clause.condition) if one.form is Form.LIST]
        if published and not lists:
            means = f"`{published[0].name}` is a list, and {_off('ListTypeAttributes')}"
            return Enforced(owner, clause.words, By.LOST, means, True, said, clause.span)
        program = compile_tree(lower_condition(clause.condition, lists=lists), self.features)
        return Enforced(owner, clause.words, By.CLUSTER, means, True, said, clause.span, program.cost)

    def _claim(self, whole: CheckedClaim) -> Iterator[Enforced]:
        owner = f"claim `{whole.name}`"
        features = self.features
        claim = kept_claim(whole, self.target)
        for name, ask in lost_asks(whole, self.target):
            wanted = "all" if ask.count is None else ask.count
            said = f"claim {whole.name}" if claim is None else f"request {name}, {wanted} of {ask.of.name}"
            means = f"left out: there is no class `{ask.of.name}`"
            yield _native(owner, said, By.LOST, means, ask.span, must=False)
        if claim is None:
            return
        for request in claim.requests:
            if request.prioritized:
                by, means = By.CLUSTER, "firstAvailable"
                if not features.prioritized_list:
                    by, means = By.LOST, _off("PrioritizedList")
                yield _native(owner, f"request {request.name} = first of", by, means, request.span)
            for ask in request.asks:
                for clause in ask.clauses:
                    yield self._clause(f"{owner} request `{request.name}`", clause, "selector of the request")
                for taken in ask.takes:
                    by, means = By.CLUSTER, "capacity of the request"
                    if not features.consumable_capacity:
                        by, means = By.LOST, _off("ConsumableCapacity")
                    yield _native(owner, f"takes {taken.capacity.name}", by, means, taken.span)
        for constraint in claim.constraints:
            yield self._constraint(owner, constraint)
        # What a class wishes is a row of the class.
        wished = {wish.span for request in claim.requests for ask in request.asks for wish in ask.of.wishes}
        for one in claim.sets:
            if not (isinstance(one, CheckedWish) and one.span in wished):
                yield self._set(owner, one)

    def _constraint(self, owner: str, constraint: CheckedConstraint) -> Enforced:
        must = constraint.said.strength == "must"
        by, means = By.CLUSTER, "matchAttribute" if constraint.keyword == "same" else "distinctAttribute"
        if not must:
            by, means = By.ADVISORY, "kube-scheduler knows no constraints that only should hold"
        elif constraint.names:
            by, means = By.CONTROLLER, f"drivers publish it as {' and '.join(constraint.names)}"
        elif constraint.keyword == "distinct" and not self.features.consumable_capacity:
            by, means = By.LOST, _off("ConsumableCapacity")
        return Enforced(owner, constraint.words, by, means, must, constraint.said, constraint.span, takes=_ANY)

    def _set(self, owner: str, one: CheckedSet) -> Enforced:
        match one:
            case CheckedNearness():
                if len(one.levels) == 1 and not one.levels[0][1]:
                    means = "all devices of a claim are on one node"
                    return Enforced(owner, one.words, By.CLUSTER, means, True, one.said, one.span, takes=_ANY)
                # On one node they are anyway, so a chain that ends there is a wish.
                must = one.said.strength == "must" and bool(one.levels[-1][1])
                means = "kube-scheduler knows no closeness with a second choice"
                by = By.CONTROLLER if must else By.ADVISORY
                return Enforced(owner, one.words, by, means, must, one.said, one.span, takes=_ANY)
            case CheckedLinked():
                must = one.said.strength == "must"
                means = "kube-scheduler knows no links between devices"
                by = By.CONTROLLER if must else By.ADVISORY
                return Enforced(owner, one.words, by, means, must, one.said, one.span, takes=_ANY)
            case CheckedShape():
                return _native(owner, one.words, By.CONTROLLER, "kube-scheduler knows no shapes", one.span)
            case CheckedWish():
                return self._wish(owner, one)

    def _wish(self, owner: str, wish: CheckedWish) -> Enforced:
        means = "the score of the extender between nodes; a node gives the first that fits, as written in modes and machines"
        if not self.target.ordered:
            means = "the score of the extender between nodes; the order on a node is not defined before 1.36"
        return Enforced(owner, wish.words, By.ADVISORY, means, False, Said(wish.because, "should"), wish.span)

    # --------------------------------------------------------------------------------------------------------- site

    def _site(self, policy: CheckedPolicy) -> Iterator[Enforced]:
        site = policy.site
        for refusal in site.refusals:
            must = refusal.said.strength == "must"
            by, means = By.CONTROLLER, unjudged(refusal, self.fields)
            how = judged_by(refusal, self.fields)
            if how is not None:
                by = By.CLUSTER if must else By.ADVISORY
                about = "pods" if how.pods else "claims and templates"
                means = f"{'ValidatingAdmissionPolicy' if must else 'a warning'} on {about}"
            yield Enforced("site", refusal.words, by, means, must, refusal.said, refusal.span, takes=_ANY)
        for quota in site.quotas.values():
            must = quota.said.strength == "must"
            means = (
                "a ResourceQuota counts requests of one namespace by class name: another class over the same boards "
                "evades it, and `all` counts as 32"
            )
            if self.target.kueue:
                means = "Kueue counts requests by class name: another class over the same boards evades it"
            by = By.CONTROLLER if must else By.ADVISORY
            yield Enforced(f"quota `{quota.name}`", quota.words, by, means, must, quota.said, quota.span, takes=_ANY)
        for keep in site.keeps:
            means = "kube-scheduler keeps nothing free"
            must = keep.said.strength == "must"
            by = By.CONTROLLER if must else By.ADVISORY
            yield Enforced("site", keep.words, by, means, must, keep.said, keep.span, takes=_ANY)
        yield from self._at_places(site)
        for toleration in site.tolerations:
            means = "the controller adds the toleration when it allocates; write it in the claim for kube-scheduler"
            yield Enforced("site", toleration.words, By.CONTROLLER, means, False, toleration.said, toleration.span)
        for gang in site.gangs.values():
            if kept_claim(gang.claim, self.target) is None:
                means = f"left out: its claim `{gang.claim.name}` is"
                yield _native(f"gang `{gang.name}`", gang.words, By.LOST, means, gang.span, must=False)
                continue
            means = "kube-scheduler places pods one by one"
            yield _native(f"gang `{gang.name}`", gang.words, By.CONTROLLER, means, gang.span)

    @staticmethod
    def _at_places(site: Site) -> Iterator[Enforced]:
        """What is not held together at a place, and how much of it at most."""
        rules: list[tuple[str, Said, Span]] = [(one.words, one.said, one.span) for one in site.exclusions]
        rules += [(one.words, one.said, one.span) for one in site.ceilings]
        for words, said, span in rules:
            must = said.strength == "must"
            by = By.CONTROLLER if must else By.ADVISORY
            means = "kube-scheduler does not look at what else is held there"
            yield Enforced("site", words, by, means, must, said, span, takes=_ANY)


def _native(owner: str, words: str, by: By, means: str, span: Span, *, must: bool = True) -> Enforced:
    """What says nothing of its strength."""
    return Enforced(owner, words, by, means, must, _NATIVE, span)


def _off(feature: str) -> str:
    return f"the feature {feature} is off"


__all__ = ["By", "Enforced", "enforcement", "failures"]
