"""`why pod/NAME`: what kube-scheduler would do with a pod, and why, from the objects of the cluster alone.

The stages are the scheduler's own: what must be there before it looks at nodes (K1), the plain filters of each node,
then devices (K3). Every stage is looked at for every node, also where the scheduler would stop: only so can be told that
the one node with the devices lacks cpu, instead of counting how many nodes failed first for what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dra_policy import Allocated, ClaimKey, Engine, Explanation, Failed, Features, GaveUp, did_you_mean
from dra_policy.resources import DeviceRequest, Node, Pod, ResourceClaim, ResourceClaimStatus
from dra_policy_kubernetes.allocated_claims import elsewhere
from dra_policy_kubernetes.answers import NodeAnswer, Verdict, Why
from dra_policy_kubernetes.attempts import attempt
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey, claim_key, has_ended, pod_key
from dra_policy_kubernetes.device_causes import changes, clipped, device_cause, publishing, remedy, together
from dra_policy_kubernetes.device_questions import DeviceQuestions
from dra_policy_kubernetes.extended_resources import (
    ANNOTATION,
    ClassesByResource,
    claim_for,
    delegated,
    through_classes,
)
from dra_policy_kubernetes.holders import Release, holder_of, smallest_release
from dra_policy_kubernetes.node_filters import (
    NodeLoad,
    Obstacle,
    PodNeeds,
    not_looked_at,
    obstacle,
    refused_before_nodes,
)
from dra_policy_kubernetes.pod_causes import Prospects, why_never, why_nowhere
from dra_policy_kubernetes.pod_claims import PodClaim, Waiting, claims_of
from dra_policy_kubernetes.rendering import named_nodes
from dra_policy_kubernetes.scheduler_words import NO_NODES, filter_error, refused
from dra_policy_kubernetes.used_claims import Kept, when_unused

NOT_QUEUED: Final = "kube-scheduler has the pod not in its queue yet, and writes nothing about it"
TAKEN_BACK: Final = "deallocation of ResourceClaim completed"
ALL_NODES_TRIED: Final = 100
"""Up to so many nodes kube-scheduler looks at all of them; among more it stops when it has found enough."""


@dataclass(frozen=True)
class Settings:
    """How questions are answered: other features than the server's, a step limit, and the present time if it matters."""

    features: Features | None = None
    step_limit: int | None = None
    now: datetime | None = None


def why_pod(cluster: ClusterObjects, key: PodKey, settings: Settings | None = None) -> Why:
    """Why a pod is where it is, or nowhere. Raises `KeyError` for a pod that the cluster does not have."""
    pod = cluster.pods[key]
    asked = _Asked(cluster, pod, settings or Settings())
    why = asked.answer()
    return replace(why, said=_said(pod), notes=(*why.notes, *asked.notes()))


def why_claim_alone(cluster: ClusterObjects, claim: ResourceClaim, settings: Settings | None = None) -> Why:
    """Where the devices of a claim that no pod uses could be: only devices are looked at."""
    asked = _Asked(cluster, None, settings or Settings(), claim)
    why = asked.answer()
    return replace(
        why, scheduler="", notes=("no pod uses the claim, so kube-scheduler does nothing for it", *why.notes)
    )


class _Asked:
    """One pod, or one claim without a pod, in its cluster."""

    def __init__(
        self, cluster: ClusterObjects, pod: Pod | None, settings: Settings, claim: ResourceClaim | None = None
    ) -> None:
        self.cluster = cluster
        self.pod = pod
        self.settings = settings
        self.features = cluster.server.features if settings.features is None else settings.features
        self.needs = None if pod is None else PodNeeds.of(pod)
        self.classes = ClassesByResource(cluster.classes)
        self.resources: tuple[str, ...] = ()
        self.waiting: Waiting | None = None
        if pod is None:
            self.claims = [PodClaim("", claim)] if claim is not None else []
            self.subject = f"claim {self.claims[0].key}" if self.claims else "claim"
        else:
            found = claims_of(pod, cluster)
            self.claims, self.waiting = list(found.claims), found.waiting
            self.subject = f"pod {pod_key(pod)}"
            if cluster.server.enabled("DRAExtendedResource"):
                self.resources = through_classes(pod, self.classes)
        self.fresh = [one for one in self.claims if one.claim.status.allocation is None]
        self.held = [one for one in self.claims if one.claim.status.allocation is not None]
        self.extended: dict[tuple[str, ...], ResourceClaim] = {}
        if self.resources and pod is not None:
            for node in cluster.nodes.values():
                names = delegated(self.resources, node)
                if names and names not in self.extended:
                    claim = claim_for(pod, names, self.classes)
                    name = f"{claim.metadata.name}{f'-{len(self.extended)}' if self.extended else ''}"
                    metadata = claim.metadata.model_copy(update={"name": name})
                    self.extended[names] = claim.model_copy(update={"metadata": metadata})
        wanted = [*(one.claim for one in self.fresh), *self.extended.values()]
        self.questions = DeviceQuestions(cluster, wanted, self._engine)

    def _engine(self) -> Engine:
        if self.settings.step_limit is None:
            return Engine(features=self.features)
        return Engine(features=self.features, step_limit=self.settings.step_limit)

    # --- the answer

    def answer(self) -> Why:
        pod = self.pod
        if pod is not None:
            if has_ended(pod):
                return Why(self.subject, Verdict.ENDED, f"has ended ({pod.status.phase})")
            if pod.spec.node_name:
                return self._bound(pod)
        before = self._before_nodes()
        if before is not None:
            return before
        if not self.cluster.nodes:
            return Why(self.subject, Verdict.NEVER, "the cluster has no nodes", scheduler=NO_NODES)
        answers = [self._on_node(node) for node in self.cluster.nodes.values()]
        why = self._judged(answers)
        # The answer of a further attempt brings its own.
        return why if why.nodes else replace(why, nodes=tuple(answers))

    def _bound(self, pod: Pod) -> Why:
        node = pod.spec.node_name or ""
        cause = f"is on {node}"
        lacking = [str(one.key) for one in self.fresh]
        if self.waiting is not None:
            cause = f"is bound to {node} but cannot start: {self.waiting.cause}"
        elif lacking:
            cause = f"is bound to {node} but cannot start: claim {', '.join(lacking)} has no devices, as a pod that is bound by `nodeName` passes kube-scheduler by"
        elif self.held:
            cause = f"is on {node} with {', '.join(map(_devices, self.held))}"
        return Why(self.subject, Verdict.BOUND, cause)

    def _before_nodes(self) -> Why | None:
        """What kube-scheduler waits for before it looks at nodes."""
        pod, nodes = self.pod, len(self.cluster.nodes)
        if pod is not None and pod.spec.scheduling_gates:
            gates = ", ".join(gate.name for gate in pod.spec.scheduling_gates)
            cause = f"waits for the scheduling gate{'s' if len(pod.spec.scheduling_gates) > 1 else ''} {gates}"
            prospect = "waiting: whoever set the gate must take it away; kube-scheduler does not look at the pod before"
            return Why(self.subject, Verdict.WAITING, cause, prospect, notes=(NOT_QUEUED,))
        if self.waiting is not None:
            prospect = f"waiting: {self.waiting.remedy}{self._then()}"
            return Why(self.subject, Verdict.WAITING, self.waiting.cause, prospect, notes=(NOT_QUEUED,))
        conflict = "" if self.needs is None else refused_before_nodes(self.needs)
        if conflict:
            cause = "the pod's required node affinity names different nodes at once, so no node matches"
            prospect = "never: correct `spec.affinity.nodeAffinity`"
            return Why(self.subject, Verdict.NEVER, cause, prospect, scheduler=refused(nodes, conflict))
        for one in self.fresh:
            for name, request in _asks(one.claim.spec.devices.requests):
                problem = self._class_problem(one.key, name, request)
                if problem is not None:
                    return Why(
                        self.subject,
                        Verdict.WAITING,
                        problem[1],
                        f"waiting: {problem[2]}",
                        scheduler=refused(nodes, problem[0]),
                    )
        return None

    def _class_problem(self, key: ClaimKey, name: str, class_name: str) -> tuple[str, str, str] | None:
        if not self.features.prioritized_list and "/" in name:
            request = name.partition("/")[0]
            words = f"resource claim {key}, request {request}: has subrequests, but the DRAPrioritizedList feature is disabled"
            cause = f"request `{request}` of claim {key} has alternatives, and the gate DRAPrioritizedList is off"
            return words, cause, "turn the gate on, or write one request"
        if class_name in self.cluster.classes:
            return None
        hint = did_you_mean(class_name, list(self.cluster.classes), "create the class, or correct `deviceClassName`")
        cause = f"DeviceClass `{class_name}` does not exist, which request `{name}` of claim {key} names"
        return f"request {name}: device class {class_name} does not exist", cause, hint

    def _then(self) -> str:
        """What will be when the wait is over, as far as it can be told."""
        if all(one.exists for one in self.claims):
            return ""
        later = _Asked(self.cluster, self.pod, self.settings)
        later.waiting = None
        why = later.answer()
        return f"; then: {why.cause}" if why.verdict is not Verdict.WAITING else ""

    # --- one node

    def load(self, node: Node) -> NodeLoad:
        return NodeLoad(node, self.cluster.pods_on(node.metadata.name), frozenset(delegated(self.resources, node)))

    def keys(self, node: Node) -> list[ClaimKey]:
        """The claims to allocate on a node: those without devices, and the one for its extended resources, last (J2)."""
        # Two entries may name one claim.
        keys = list(dict.fromkeys(one.key for one in self.fresh))
        extended = self.extended.get(delegated(self.resources, node)) if self.resources else None
        return keys if extended is None else [*keys, claim_key(extended)]

    def _on_node(self, node: Node) -> NodeAnswer:
        name = node.metadata.name
        found = None if self.needs is None else obstacle(self.needs, self.load(node))
        away = next((o for one in self.held if (o := self._elsewhere(one, node)) is not None), None)
        keys = self.keys(node)
        devices = self.questions.now(keys, name) if keys else None
        return NodeAnswer(name, found, away, devices)

    def _elsewhere(self, one: PodClaim, node: Node) -> Obstacle | None:
        return elsewhere(one.claim, node, self.features, self.settings.now)

    # --- the judgement

    def _judged(self, answers: Sequence[NodeAnswer]) -> Why:
        open_ = [answer for answer in answers if answer.open]
        fits = [answer for answer in answers if answer.fits]
        fatal = [answer for answer in open_ if _fatal(answer)]
        if fatal:
            return self._error(answers, fatal, fits)
        if fits:
            return self._placed(fits)
        gave_up = [a for a in open_ if a.devices is not None and isinstance(a.devices.outcome, GaveUp)]
        if gave_up and gave_up[0].devices is not None:
            cause = gave_up[0].devices.sentence()
            return Why(self.subject, Verdict.GAVE_UP, cause, "not known: raise --step-limit")
        taken_back = self._taken_back(answers)
        if taken_back is not None:
            return self._anew(taken_back, answers)
        prospects = self._prospects(answers)
        cause = why_nowhere(answers, prospects, self._empty, wants_devices=bool(self.claims or self.resources))
        sentence = self._attempt(answers)
        if prospects.possible:
            return self._not_now(cause, sentence, prospects)
        focus = _in_the_way(answers)
        unpublished = self._unpublished(answers, focus, sentence)
        if unpublished is not None:
            return unpublished
        when_unused = self._when_unused(answers, sentence)
        if when_unused is not None:
            return when_unused
        why = Why(self.subject, Verdict.NEVER, cause, why_never(answers, prospects), scheduler=sentence)
        return why if prospects.hardware else replace(why, changes=changes(focus))

    def _unpublished(self, answers: Sequence[NodeAnswer], focus: Explanation | None, sentence: str) -> Why | None:
        """The answer where the devices are in pools that drivers are still publishing (B5)."""
        found = publishing(focus) or publishing(_in_the_way(answers, crowded=True))
        if found is None:
            return None
        answer = next(one for one in answers if one.node == found.node)
        cause = "" if answer.devices is None else device_cause(answer.devices)
        given_back = bool(found.holders) or found.unclaimed
        if answer.obstacle is not None:
            cause += f"; besides, {answer.obstacle.detail}"
            given_back = True
        prospect = f"not now: it would fit on {found.node} once {found.pools}"
        prospect += " and others gave back what they hold" if given_back else ""
        held = [claim for key in found.holders if (claim := self.cluster.claims.get(key)) is not None]
        holders = tuple(holder_of(claim, found.node, self.cluster) for claim in held)
        return Why(self.subject, Verdict.NOT_NOW, cause, prospect, holders, changes(focus), sentence)

    def _attempt(self, answers: Sequence[NodeAnswer], first: str = "") -> str:
        if self.needs is None:
            return ""
        return attempt(answers, self.needs, lambda name: self.load(self.cluster.nodes[name]), first)

    def _error(self, answers: Sequence[NodeAnswer], fatal: Sequence[NodeAnswer], fits: Sequence[NodeAnswer]) -> Why:
        first = fatal[0].devices
        failed = first.outcome if first is not None else None
        if first is None or not isinstance(failed, Failed):
            raise AssertionError("a fatal answer has a failure")
        claims = {claim_key(one): one for one in (*(c.claim for c in self.fresh), *self.extended.values())}
        sentence = filter_error(failed, claims, self.cluster.classes)
        cause = device_cause(first)
        awaited = _all_published(fatal)
        if awaited:
            prospect = f"not now: until {awaited}, an error on one node ends the attempt on all of them"
        elif fits:
            names = named_nodes([answer.node for answer in fits])
            prospect = (
                f"never as it stands: it would fit on {names}, but an error on one node ends the attempt on all of them"
            )
        else:
            prospect = "never as it stands: an error on one node ends the attempt on all of them"
        advice = remedy(first)
        prospect += f"; {advice}" if advice else ""
        notes: tuple[str, ...] = ()
        if len(answers) > ALL_NODES_TRIED and fits:
            notes = (
                f"of more than {ALL_NODES_TRIED} nodes kube-scheduler looks at some only, so the pod may be lucky",
            )
        return Why(self.subject, Verdict.ERROR, cause, prospect, scheduler=sentence, notes=notes)

    def _placed(self, fits: Sequence[NodeAnswer]) -> Why:
        names = named_nodes([answer.node for answer in fits])
        first = fits[0].devices
        gets = first.sentence() if first is not None else f"on {fits[0].node}"
        cause = f"fits {gets}" if len(fits) == 1 else f"fits on {names}; {gets}"
        return Why(
            self.subject,
            Verdict.PLACED,
            cause,
            "now: kube-scheduler would place it" + ("; its scores decide among the nodes" if len(fits) > 1 else ""),
        )

    def _prospects(self, answers: Sequence[NodeAnswer]) -> Prospects:
        """On which nodes the claims would fit if no claim had devices, and whether the pod would, with no other pod."""
        hardware = [answer for answer in answers if answer.elsewhere is None and self._on_empty(answer)]
        possible = [answer for answer in hardware if answer.obstacle is None or answer.obstacle.passing]
        return Prospects(hardware, possible)

    def _on_empty(self, answer: NodeAnswer) -> bool:
        if answer.has_devices:
            return True
        explanation = self._empty(answer)
        return explanation is None or isinstance(explanation.outcome, Allocated)

    def _empty(self, answer: NodeAnswer) -> Explanation | None:
        keys = self.keys(self.cluster.nodes[answer.node])
        return self.questions.empty(keys, answer.node) if keys else None

    def _not_now(self, cause: str, sentence: str, prospects: Prospects) -> Why:
        names = named_nodes([answer.node for answer in prospects.possible])
        release = self._release(prospects.possible)
        prospect = f"not now: it would fit on {names} if others gave back what they hold"
        if release is None:
            return Why(self.subject, Verdict.NOT_NOW, cause, prospect, scheduler=sentence)
        pods = list(dict.fromkeys(str(pod) for holder in release.holders for pod in holder.pods))
        unused = [str(holder.claim) for holder in release.holders if not holder.pods]
        going = _and([*(f"pod {pod}" for pod in pods), *(f"claim {claim}" for claim in unused)])
        gets = f" with {release.gets}" if release.gets else ""
        by_claims = [holder for holder in release.holders if holder.claim is not None]
        details = (clipped(cause),)
        if by_claims:
            cause = f"{release.node}: the devices are held by {_and_more([holder.held_by() for holder in by_claims])}"
        change = f"when {going} {'is' if len(pods) + len(unused) == 1 else 'are'} gone it fits on {release.node}{gets}"
        others = changes(_in_the_way(prospects.possible))[:1]
        return Why(
            self.subject,
            Verdict.NOT_NOW,
            cause,
            prospect,
            release.holders,
            (change, *others),
            sentence,
            details=details,
        )

    def _release(self, possible: Sequence[NodeAnswer]) -> Release | None:
        nodes = [self.cluster.nodes[answer.node] for answer in possible]
        engine = self.questions.engine
        by_keys: dict[tuple[ClaimKey, ...], list[NodeLoad]] = {}
        for node in nodes:
            by_keys.setdefault(tuple(self.keys(node)), []).append(self.load(node))
        found = [smallest_release(self.cluster, engine, keys, self.needs, loads) for keys, loads in by_keys.items()]
        return min((release for release in found if release is not None), key=lambda r: r.cost, default=None)

    def _taken_back(self, answers: Sequence[NodeAnswer]) -> PodClaim | None:
        """K5: a claim that only this pod uses is deallocated by the scheduler if some node is wrong for it."""
        if self.pod is None:
            return None
        uid, open_ = self.pod.metadata.uid, [self.cluster.nodes[answer.node] for answer in answers if answer.open]
        return next(
            (
                one
                for one in self.held
                if all(user.uid == uid for user in one.claim.status.reserved_for)
                and any(self._elsewhere(one, node) is not None for node in open_)
            ),
            None,
        )

    def _anew(self, taken_back: PodClaim, answers: Sequence[NodeAnswer]) -> Why:
        """The answer of the next attempt, which finds the claim without devices."""
        bare = taken_back.claim.model_copy(update={"status": ResourceClaimStatus()})
        cluster = replace(self.cluster, claims={**self.cluster.claims, taken_back.key: bare})
        later = _Asked(cluster, self.pod, self.settings).answer()
        away = next((a.elsewhere.detail for a in answers if a.elsewhere is not None), "")
        note = f"{away}; nobody else uses them, so kube-scheduler takes them back first and tries anew"
        return replace(later, scheduler=self._attempt(answers, TAKEN_BACK), notes=(note, *later.notes))

    def _when_unused(self, answers: Sequence[NodeAnswer], sentence: str) -> Why | None:
        """The answer where the pod waits for claims that others use."""
        uid = "" if self.pod is None else self.pod.metadata.uid
        nodes = {answer.node: self.cluster.nodes[answer.node] for answer in answers}
        away = [
            Kept(one, sorted(set(nodes) - set(found)), next(iter(found.values())).detail)
            for one in self.held
            if any(user.uid != uid for user in one.claim.status.reserved_for)
            if (found := {name: o for name, node in nodes.items() if (o := self._elsewhere(one, node)) is not None})
        ]
        if not away:
            return None
        claims = {kept.of.key: kept.bare() for kept in away}
        cluster = replace(self.cluster, claims={**self.cluster.claims, **claims})
        later = _Asked(cluster, self.pod, self.settings).answer()
        return when_unused(away, later, self.cluster, sentence)

    # --- what a reader must know

    def notes(self) -> list[str]:
        notes = [] if self.settings.features is not None else self.cluster.server.notes()
        if self.pod is None:
            return notes
        unseen = not_looked_at(self.pod, self.cluster.pods.values())
        if unseen:
            notes.append(f"not looked at: {', '.join(unseen)}; kube-scheduler may refuse more nodes for them")
        name = self.pod.spec.scheduler_name
        if name not in ("", "default-scheduler"):
            notes.append(
                f"the pod asks for the scheduler `{name}`; this is what kube-scheduler with its defaults would do"
            )
        left_over = [
            claim_key(claim)
            for claim in self.cluster.claims.values()
            if self.resources
            and claim.metadata.annotations.get(ANNOTATION) == "true"
            and any(o.uid == self.pod.metadata.uid for o in claim.metadata.owner_references)
        ]
        if left_over:
            notes.append(f"claim {left_over[0]} is left over from an earlier attempt; kube-scheduler deletes it first")
        return notes


def _asks(requests: Iterable[DeviceRequest]) -> Iterable[tuple[str, str]]:
    """The names of requests and alternatives as kube-scheduler writes them, each with its class."""
    for request in requests:
        if request.exactly is not None:
            yield request.name, request.exactly.device_class_name
        for alternative in request.first_available:
            yield f"{request.name}/{alternative.name}", alternative.device_class_name


def _in_the_way(answers: Iterable[NodeAnswer], *, crowded: bool = False) -> Explanation | None:
    """What devices say where nothing else stands in the way; or, `crowded`, only what passes when other pods go."""
    focus = [
        answer.devices
        for answer in answers
        if answer.devices is not None and answer.elsewhere is None
        if (answer.obstacle is not None and answer.obstacle.passing if crowded else answer.open)
    ]
    return together(focus)


def _all_published(fatal: Sequence[NodeAnswer]) -> str:
    """What is waited for if each error passes when drivers have published their pools (E6); nothing if one stays."""
    pools: list[str] = []
    for answer in fatal:
        found = publishing(answer.devices)
        if found is None:
            return ""
        pools.append(found.pools)
    told = list(dict.fromkeys(pools))
    return told[0] + (f", and {len(told) - 1} more are complete" if len(told) > 1 else "")


def _fatal(answer: NodeAnswer) -> bool:
    """Whether kube-scheduler ends the whole attempt on this node (K3)."""
    return (
        answer.devices is not None
        and isinstance(answer.devices.outcome, Failed)
        and answer.devices.outcome.scope.value == "pod"
    )


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _and_more(words: Sequence[str]) -> str:
    return _and([*words[:2], f"{len(words) - 2} more"]) if len(words) > 3 else _and(words)


def _devices(one: PodClaim) -> str:
    allocation = one.claim.status.allocation
    results = allocation.devices.results if allocation is not None else ()
    return ", ".join(f"{result.request}={result.device}" for result in results) or f"claim {one.key}"


def _said(pod: Pod) -> str:
    """What kube-scheduler wrote into the pod's condition last."""
    scheduled = next((c for c in pod.status.conditions if c.type == "PodScheduled"), None)
    return "" if scheduled is None or scheduled.status == "True" else scheduled.message


__all__ = ["Settings", "why_claim_alone", "why_pod"]
