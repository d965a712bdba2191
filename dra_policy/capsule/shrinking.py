"""The smallest world in which a question still ends as it did: delta debugging over all that a capsule holds.

Whatever can be taken out is tried, the large things first: pods that were placed before, nodes, slices, devices, then
objects, requests, clauses, attributes. A part that is gone stays gone if the decision is of the same kind for the same
cause (`Sign`). It ends when no single part can go any more.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.capsule.content import Asked, AskedClaim, Capsule, JsonObject, ObjectKey, World, allocation_of
from dra_policy.capsule.cuts import (
    PASSES,
    Cut,
    Step,
    node_cuts,
    part_at,
    paths,
    selector_paths,
    size_of,
    split_selector,
    without,
)
from dra_policy.capsule.deciding import Decision, decided, to_load
from dra_policy.capsule.pools import complete_pools, counted
from dra_policy.diagnostics import Diagnostic, InvalidInput, did_you_mean
from dra_policy.language import load
from dra_policy.language.objects import claim_template, device_class
from dra_policy.resources import to_object
from dra_policy.rules import ClaimKey

PROBES = 4_000
"""How many smaller worlds are tried; what is left then is told not to be minimal."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What has to stay as it is: the outcome, whether it is for now or for ever, and the cause."""

    outcome: str
    kind: str
    cause: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A smaller world. `claims` were placed before, in order; `target` is the claim that the decision is about.

    It is `minimal` if no part of it can go alone. `sign` is what stayed. In a `checked` world every object is one that the
    API server would take.
    """

    world: World
    claims: tuple[ClaimKey, ...]
    target: tuple[ClaimKey, ...]
    node: str | None
    decision: Decision
    sign: Sign
    probes: int
    minimal: bool
    checked: bool

    @property
    def asked(self) -> Asked:
        return _asked(self.claims, self.target, self.node)


def sign(decision: Decision) -> Sign:
    """Kind and cause of a decision."""
    explanation, outcome = decision.explanation, decision.outcome
    match outcome:
        case Allocated():
            results = [r for allocation in outcome.results for r in allocation.devices.results]
            return Sign(
                "allocated",
                "",
                (outcome.node, *((r.request.partition("/")[0], r.driver, r.pool, r.device) for r in results)),
            )
        case Failed():
            return Sign("failed", "", (outcome.rule, outcome.scope.value))
        case GaveUp():
            return Sign("gaveUp", "", ())
        case Unsatisfiable():
            kind = "" if explanation.kind is None else explanation.kind.value
            cause = explanation.cause
            why = "" if cause is None else cause.why.value
            return Sign("unsatisfiable", kind, (why, *_last_loss(decision)))


def _last_loss(decision: Decision) -> tuple[object, ...]:
    """The rule that took the last device that the nearest node's first failing request could have had."""
    groups = decision.explanation.groups
    if not groups or not groups[0][0].requests:
        return ()
    reasons = groups[0][0].requests[0]
    if reasons.left >= reasons.wanted:
        return ("together", *sorted({origin.text.split(" of ")[0] for origin in reasons.combination}))
    return (reasons.losses[-1].cause.name,) if reasons.losses else ("NONE",)


def shrink(capsule: Capsule, claim: ClaimKey | None = None, *, probes: int = PROBES) -> Shrunk:
    """The smallest world in which the questions about `claim` end as in the capsule.

    Without `claim` it is the first that got no devices, or the last one. Policies become the classes and claims that
    they declare. Raises `InvalidInput`: CAP006, CAP008, and as `open_world` does.
    """
    return _Shrinking(capsule, claim, probes).run()


def _asked(claims: Sequence[ClaimKey], target: Sequence[ClaimKey], node: str | None) -> Asked:
    pods = [(AskedClaim(key),) for key in claims]
    return Asked((*pods, tuple(AskedClaim(key) for key in target)), node)


class _Shrinking:
    """One run: the smallest world so far, and how often a smaller one was tried."""

    def __init__(self, capsule: Capsule, claim: ClaimKey | None, probes: int) -> None:
        self.left = probes
        self.probes = 0
        target, node = _target(capsule, claim)
        world, kinds = _plain(capsule.world, capsule.asked)
        before = capsule.asked.pods[: capsule.asked.pods.index(target)] if capsule.asked.keep else ()
        self.target = tuple(kinds[one] for one in target)
        self.claims = tuple(kinds[one] for pod in before for one in pod)
        self.node = node
        self.complete = complete_pools(world)
        self.checked = True
        self.world = world
        decision = self._decision(world, self.claims)
        if decision is None:
            # It holds what the API server would not take now; it was there all the same.
            self.checked = False
            decision = decided(world, _asked(self.claims, self.target, node))[-1]
        self.decision = decision
        self.sign = sign(decision)
        if capsule.world.policies:
            asked = replace(capsule.asked, pods=(*before, target), node=node, per_node=False)
            if sign(decided(capsule.world, asked)[-1]) != self.sign:
                message = "the answer rests on rules that only its policies have, such as quotas, links or refusals"
                raise InvalidInput([Diagnostic("CAP008", message, help="ask it again with `dra-policy replay`")])

    def _decision(self, world: World, claims: Sequence[ClaimKey]) -> Decision | None:
        try:
            return decided(world, _asked(claims, self.target, self.node), stored=not self.checked)[-1]
        except InvalidInput:
            return None

    def run(self) -> Shrunk:
        self._nearest_node()
        self._placed_before()
        self._split()
        while True:
            size = size_of(self.world)
            for cuts in PASSES:
                self._without(cuts)
            self._placed_before()
            self._alternatives()
            self._counts()
            if self.left <= 0 or size_of(self.world) >= size:
                break
        return Shrunk(
            self.world,
            self.claims,
            self.target,
            self.node,
            self.decision,
            self.sign,
            self.probes,
            minimal=self.left > 0,
            checked=self.checked,
        )

    # --- trying

    def _holds(self, world: World, claims: Sequence[ClaimKey] | None = None) -> bool:
        """Try a smaller world, and go over to it if the decision stays."""
        if self.left <= 0:
            return False
        self.left -= 1
        self.probes += 1
        claims = self.claims if claims is None else tuple(claims)
        decision = self._decision(world, claims)
        if decision is None or sign(decision) != self.sign:
            return False
        self.world, self.claims, self.decision = world, tuple(claims), decision
        return True

    def _nearest_node(self) -> None:
        """Mostly one node tells it all."""
        outcome = self.decision.outcome
        groups = self.decision.explanation.groups
        name = outcome.node if isinstance(outcome, Allocated | Failed | GaveUp) else groups[0][0].node if groups else ""
        others = [cut for cut in node_cuts(self.world) if cut[0][0] != ("Node", "", name)]
        if name and others:
            self._holds(self._cut(others))

    def _placed_before(self) -> None:
        """Claims that were placed before, each of which may be what holds the devices."""

        def keep(kept: Sequence[ClaimKey]) -> bool:
            gone = {("ResourceClaim", key.namespace, key.name) for key in self.claims if key not in kept}
            objects = {key: value for key, value in self.world.objects.items() if key not in gone}
            return self._holds(replace(self.world, objects=objects), kept)

        _smallest(list(self.claims), keep, lambda: list(self.claims))

    def _without(self, cuts: Callable[[World], Sequence[Cut]]) -> None:
        asked = {("ResourceClaim", key.namespace, key.name) for key in (*self.claims, *self.target)}

        def possible() -> list[Cut]:
            return [cut for cut in cuts(self.world) if not any(key in asked and not path for key, path in cut)]

        def keep(kept: Sequence[Cut]) -> bool:
            kept_ones = set(kept)
            return self._holds(self._cut([cut for cut in possible() if cut not in kept_ones]))

        _smallest(possible(), keep, possible)

    def _cut(self, gone: Sequence[Cut]) -> World:
        return replace(self.world, objects=counted(without(self.world, gone), self.complete), places={}, lines={})

    # --- other ways to be smaller

    def _split(self) -> None:
        """Every `&&` clause a selector of its own, so that each may go."""
        for key, path in [(key, path) for key, value in self.world.in_order() for path in selector_paths(value)]:
            value = copy.deepcopy(self.world.objects[key])
            found = part_at(value, path)
            split = [part for one in found for part in split_selector(one, self.world.features)]
            if len(split) > len(found):
                found[:] = split
                self._holds(replace(self.world, objects={**self.world.objects, key: value}, places={}, lines={}))

    def _alternatives(self) -> None:
        """Each request with alternatives for one of them, if that will do."""
        for key in [("ResourceClaim", one.namespace, one.name) for one in (*self.claims, *self.target)]:
            for number, request in enumerate(
                self.world.objects[key].get("spec", {}).get("devices", {}).get("requests", [])
            ):
                for ask in request.get("firstAvailable", []):
                    value = copy.deepcopy(self.world.objects[key])
                    exactly = {name: part for name, part in ask.items() if name != "name"}
                    value["spec"]["devices"]["requests"][number] = {"name": request["name"], "exactly": exactly}
                    if self._holds(replace(self.world, objects={**self.world.objects, key: value})):
                        break

    def _counts(self) -> None:
        """Each request for as few devices as will do."""
        for key in [("ResourceClaim", one.namespace, one.name) for one in (*self.claims, *self.target)]:
            for path in [p for p in paths(self.world.objects.get(key, {})) if p[-1:] == ("count",)]:
                while (count := part_at(self.world.objects[key], path)) > 1:
                    if not any(self._with_count(key, path, fewer) for fewer in sorted({1, count // 2, count - 1})):
                        break

    def _with_count(self, key: ObjectKey, path: tuple[Step, ...], count: int) -> bool:
        value = copy.deepcopy(self.world.objects[key])
        part_at(value, path[:-1])[path[-1]] = count
        return self._holds(replace(self.world, objects={**self.world.objects, key: value}))


def _smallest(parts: Sequence[Any], keep: Callable[[Sequence[Any]], bool], again: Callable[[], Sequence[Any]]) -> None:
    """Leave out parts as long as that holds: all, halves, quarters, ..., then one by one (Zeller's ddmin, complements).

    `keep` tries to go on with some of the parts; if it could, `again` names the parts that there are now.
    """
    parts = list(parts)
    pieces = 1
    while parts:
        size = -(-len(parts) // pieces)
        for start in range(0, len(parts), size):
            rest = parts[:start] + parts[start + size :]
            if keep(rest):
                parts = list(again())
                pieces = max(1, min(pieces - 1, len(parts)))
                break
        else:
            if size == 1:
                return
            pieces = min(2 * pieces, len(parts))


# ------------------------------------------------------------------------------------------- what the question is


def _target(capsule: Capsule, claim: ClaimKey | None) -> tuple[tuple[AskedClaim, ...], str | None]:
    """The claims that it is about, and the node that they are asked for."""
    asked = capsule.asked
    if claim is not None:
        pod = next((pod for pod in asked.pods if any(one.key == claim for one in pod)), None)
        if pod is None:
            hint = did_you_mean(str(claim), [str(one.key) for pod in asked.pods for one in pod], "name a claim of it")
            raise InvalidInput([Diagnostic("CAP006", f"the capsule does not ask about claim `{claim}`", help=hint)])
    elif not asked.pods:
        hint = "make a capsule of a question about a claim"
        raise InvalidInput([Diagnostic("CAP006", "the capsule asks about no claim", help=hint)])
    else:
        pod = None
    nodes = max(1, len(capsule.decision) // len(asked.pods)) if asked.per_node else 1
    for number, answer in enumerate(capsule.decision):
        of = asked.pods[min(number // nodes, len(asked.pods) - 1)]
        if answer.get("outcome") != "allocated" and pod in (None, of):
            node = answer.get("asked") or answer.get("node")
            return of, (node if asked.per_node and isinstance(node, str) else asked.node)
    return pod or asked.pods[-1], asked.node


def _plain(world: World, asked: Asked) -> tuple[World, dict[AskedClaim, ClaimKey]]:
    """A world without policies, in which every asked claim is an object; and the names of these objects."""
    objects = dict(world.objects)
    declared: dict[ClaimKey, JsonObject] = {}
    if world.policies:
        policies, diagnostics = load(*to_load(world.policies))
        if policies is None:
            raise InvalidInput(diagnostics)
        for name, class_ in policies.classes.items():
            objects["DeviceClass", "", name] = to_object(device_class(class_, world.features))
        for name, claim in policies.templates.items():
            value = to_object(claim_template(claim, world.features))
            declared[ClaimKey("default", name)] = value["spec"]["spec"]
    kinds: dict[AskedClaim, ClaimKey] = {}
    for one in dict.fromkeys(one for pod in asked.pods for one in pod):
        key = one.key
        if one.kind == "ResourceClaim" and ("ResourceClaim", key.namespace, key.name) in objects:
            kinds[one] = key
            continue
        template = objects.get(("ResourceClaimTemplate", key.namespace, key.name))
        spec = declared.get(key) if template is None else template.get("spec", {}).get("spec", {})
        if spec is None or one.kind == "ResourceClaim":
            hint = "make the capsule again"
            raise InvalidInput([Diagnostic("CAP004", f"the capsule asks for `{key}` and does not hold it", help=hint)])
        name = key.name
        while ("ResourceClaim", key.namespace, name) in objects:
            name += "-made"
        kinds[one] = ClaimKey(key.namespace, name)
        objects["ResourceClaim", key.namespace, name] = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": name, "namespace": key.namespace},
            "spec": copy.deepcopy(spec),
        }
    kept = {key: value for key, value in objects.items() if key[0] not in ("Pod", "ResourceClaimTemplate")}
    asked_keys = {("ResourceClaim", key.namespace, key.name) for key in kinds.values()}
    # Claims that hold nothing and are not asked about play no part.
    kept = {
        key: value
        for key, value in kept.items()
        if key[0] != "ResourceClaim" or key in asked_keys or allocation_of(value) is not None
    }
    return replace(world, objects=kept, policies=(), places={}, lines={}), kinds


__all__ = ["PROBES", "Shrunk", "Sign", "shrink", "sign"]
