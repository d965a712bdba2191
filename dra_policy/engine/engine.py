"""The engine that drivers, schedulers and tests embed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from dra_policy.allocation import Allocated, Outcome
from dra_policy.diagnostics import Diagnostic, InvalidInput, did_you_mean, has_errors
from dra_policy.engine.answer import answer
from dra_policy.engine.state import DEFAULT_NAMESPACE, Applied, Held, State, key_of, rules_of
from dra_policy.explanation import Explanation
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.language import load, lower
from dra_policy.resources import (
    AllocationResult,
    DeviceClass,
    DeviceTaintRule,
    Features,
    Node,
    Places,
    ReadObject,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    TypedObject,
    decode,
)
from dra_policy.rules import ClaimKey, ClaimRules, refusals
from dra_policy.source import Source

STEP_LIMIT = 1_000_000
"""How many candidates a search looks at on one node before it gives up."""

_KINDS = (DeviceClass, DeviceTaintRule, Node, ResourceClaim, ResourceClaimTemplate, ResourceSlice)

ObjectLike: TypeAlias = TypedObject | ReadObject | Mapping[str, Any]
"""An API object as a model, as read from a manifest with positions, or as JSON values."""

ClaimLike: TypeAlias = ResourceClaim | ResourceClaimTemplate | ReadObject | ClaimRules | ClaimKey | str
"""A claim as an object, with positions or without, or as rules, or the name (`name` or `namespace/name`) of an applied claim or template, or of a claim that a
loaded policy declares."""


class Engine:
    """Decides which devices claims get, from policies and Kubernetes objects, and says why.

    All methods may be called from several threads: changes come one after the other, and every answer is made from
    one consistent state. A call that raises has changed nothing.

    >>> engine = Engine()
    >>> engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    >>> engine.apply({
    ...     "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "node-1-gpus"},
    ...     "spec": {"driver": "gpu.acme.com", "nodeName": "node-1", "devices": [{"name": "gpu-0"}],
    ...              "pool": {"name": "node-1", "generation": 1, "resourceSliceCount": 1}}})
    >>> engine.apply({
    ...     "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"},
    ...     "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.acme.com'"}}]}})
    >>> claim = ResourceClaim.model_validate({
    ...     "metadata": {"name": "one"},
    ...     "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}}})
    >>> outcome = engine.allocate(claim)
    >>> outcome.node, [result.device for result in outcome.results[0].devices.results]
    ('node-1', ['gpu-0'])
    >>> print(engine.explain("one").sentence())
    on node-1: gpu=gpu-0
    >>> engine.release("one")
    True
    """

    def __init__(self, *, features: Features | None = None, step_limit: int = STEP_LIMIT) -> None:
        if not isinstance(features, Features | None):
            raise TypeError(f"`features` is Features, not {type(features).__name__}")
        if not isinstance(step_limit, int):
            raise TypeError(f"`step_limit` is a whole number, not {type(step_limit).__name__}")
        if step_limit < 1:
            raise ValueError("`step_limit` is 1 or more")
        self._step_limit = step_limit
        self._writing = threading.RLock()
        snapshot = Snapshot.empty(Features() if features is None else features)
        # Invariant: state and graph are replaced together, under the lock, and belong to one snapshot.
        self._now: tuple[State, MatcherGraph] = (State(snapshot), MatcherGraph(snapshot))

    # --- what is known

    @property
    def features(self) -> Features:
        """The feature switches that every answer follows."""
        return self._now[0].features

    @property
    def snapshot(self) -> Snapshot:
        """The inventory of this moment, immutable."""
        return self._now[0].snapshot

    @property
    def usage(self) -> Usage:
        """The devices that are in use at this moment, immutable."""
        return self._now[0].usage

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes, in order."""
        return tuple(node.metadata.name for node in self.snapshot.nodes())

    @property
    def allocations(self) -> Mapping[ClaimKey, AllocationResult]:
        """What each claim holds at this moment."""
        return {key: held.allocation for key, held in self._now[0].held.items()}

    @property
    def claims(self) -> tuple[ClaimKey, ...]:
        """The claims and templates that were applied, in order of names, then those that the policies declare."""
        state = self._now[0]
        applied = sorted((*state.claims, *state.templates), key=str)
        return (*applied, *dict.fromkeys(rules.key for rules in state.policy_claims.values()))

    # --- what changes it

    def load(self, *policies: str | os.PathLike[str] | Source) -> tuple[Diagnostic, ...]:
        """Put these policies and what they import in force, instead of those loaded before; gives the warnings.

        A policy is a path of a `.dra` file or its text as `Source`. Raises `InvalidInput` with every mistake of all
        files; the former policies then stay in force.
        """
        checked, diagnostics = load(*policies)
        if checked is None or has_errors(diagnostics):
            raise InvalidInput(diagnostics)
        lowered = lower(checked, self.features)
        with self._writing:
            self._become(self._now[0].with_policies(lowered))
        return tuple(diagnostics)

    def apply(self, *objects: ObjectLike, stored: bool = False) -> None:
        """Add objects, or put them in the place of those of the same kind and name; all of them, or none.

        Nodes, DeviceClasses, ResourceSlices, ResourceClaims, ResourceClaimTemplates and DeviceTaintRules. A claim that
        carries `status.allocation` has those devices in use from now on (rule J12), one that carries none has none.
        Raises `InvalidInput` with what the API server would refuse in a new object (rules A1 to A15, and CEL that does
        not compile or may cost too much, D7), and with ENG003, ENG004. What a cluster holds already was admitted once:
        `stored` objects are decoded and not judged again.
        """
        diagnostics: list[Diagnostic] = []
        applied: list[tuple[Applied, Places | None]] = []
        for given in objects:
            found = _taken(given, diagnostics, self.features, checked=not stored)
            if found is not None:
                applied.append(found)
        if has_errors(diagnostics):
            raise InvalidInput(diagnostics)
        with self._writing:
            state = self._now[0]
            for one, places in applied:
                state = state.with_object(one, places)
            self._become(state)

    def remove(self, gone: ObjectLike) -> None:
        """Remove the object of this kind and name, if it is there; a claim gives back its devices.

        Raises `InvalidInput` with ENG003 or ENG004 for what can be no object of the engine.
        """
        diagnostics: list[Diagnostic] = []
        found = _taken(gone, diagnostics, self.features, checked=False)
        if found is None:
            raise InvalidInput(diagnostics)
        one = found[0]
        namespace = one.metadata.namespace or DEFAULT_NAMESPACE
        with self._writing:
            self._become(self._now[0].without_object(type(one), ClaimKey(namespace, one.metadata.name)))

    # --- questions

    def allocate(self, claims: ClaimLike | Sequence[ClaimLike], node: str | None = None) -> Outcome:
        """Give devices to all claims of one pod, on one node, all or nothing (J2), and keep them in use.

        Without a node, nodes are tried in order of their names; the first that fits is taken, and a failure that
        concerns the whole pod ends the walk. Claims that have devices already keep them: they only restrict the nodes
        (C5). A template, or a claim declared by a policy, makes a new claim at each call, named after it.

        Gives `Allocated`, `Unsatisfiable`, `Failed` or `GaveUp`; only `Allocated` has changed anything. Raises
        `InvalidInput` with ENG001 (unknown node), ENG002 (unknown claim), ENG004 (no name), ENG005 (a claim twice), and
        with what the API server would refuse of a claim that is given as an object (rules A1 to A15).
        """
        with self._writing:
            state, graph = self._now
            wanted = _resolve_all(state, claims)
            outcome = answer(state, graph, wanted, _nodes(state, node), self._step_limit)
            if isinstance(outcome, Allocated):
                for rules, result in zip(wanted, outcome.results, strict=True):
                    if rules.key not in state.held:
                        held = Held(result, outcome.node, made_here=rules.key not in state.claims)
                        state = replace(state.holding(rules.key, held), claims=state.claims.set(rules.key, rules))
                self._become(state)
        return outcome

    def release(self, claim: ClaimLike) -> bool:
        """Give back the devices of a claim; says whether it had any.

        A claim that was applied may be allocated again, any other one is forgotten. Raises `InvalidInput` with
        ENG002 for a name that stands for no claim.
        """
        with self._writing:
            state = self._now[0]
            key = _held_key(state, claim)
            held = state.held.get(key)
            if held is None:
                return False
            state = state.released(key)
            if held.made_here:
                state = replace(state, claims=state.claims.without(key))
            self._become(state)
        return True

    def explain(self, claims: ClaimLike | Sequence[ClaimLike], node: str | None = None) -> Explanation:
        """What claims of one pod have, or would get now, or why they cannot; changes nothing.

        Raises `InvalidInput` as `allocate` does.
        """
        state, graph = self._now
        wanted = _resolve_all(state, claims, existing=True)
        keys = tuple(rules.key for rules in wanted)
        held = [state.held[key] for key in keys if key in state.held]
        if node is None and keys and len(held) == len(keys) and held[0].node:
            results = tuple(one.allocation for one in held)
            return Explanation(keys, Allocated(held[0].node, keys, results, 0))
        return Explanation(keys, answer(state, graph, wanted, _nodes(state, node), self._step_limit))

    def _become(self, state: State) -> None:
        self._now = (state, self._now[1].advanced(state.snapshot))


def _taken(
    given: ObjectLike, diagnostics: list[Diagnostic], features: Features, *, checked: bool
) -> tuple[Applied, Places | None] | None:
    """The model and its positions; what is wrong with it goes to `diagnostics`."""
    places: Places | None = None
    one: object = given
    if isinstance(given, ReadObject):
        one, places = given.value, given.places
    elif isinstance(given, Mapping):
        one, problems = decode(dict(given))
        diagnostics += problems
        if one is None:
            return None
    if not isinstance(one, _KINDS):
        kind = getattr(one, "KIND", "") or getattr(one, "kind", type(one).__name__)
        known = ", ".join(model.KIND for model in _KINDS)
        message = f"device allocation has no use for an object of kind `{kind}`"
        diagnostics.append(Diagnostic("ENG003", message, help=f"it takes {known}"))
        return None
    _assert_whole(one)
    if not one.metadata.name:
        span = None if places is None else places.span("metadata")
        message = f"the {one.KIND} has no name"
        diagnostics.append(Diagnostic("ENG004", message, span, help="write `metadata.name`", path="metadata.name"))
        return None
    if checked:
        diagnostics += refusals(one, places=places, features=features)
    return one, places


def _assert_whole(one: Applied) -> None:
    """Models can be made past their own checks; one without its parts is a mistake of the program that made it."""
    parts: dict[str, object] = {"metadata": one.metadata, "spec": getattr(one, "spec", one)}
    if isinstance(one, ResourceClaim):
        parts["status"] = one.status
    missing = [name for name, part in parts.items() if part is None]
    if missing:
        raise TypeError(f"the {one.KIND} has None as `{missing[0]}`")


def _nodes(state: State, name: str | None) -> list[Node]:
    if name is None:
        return state.snapshot.nodes()
    if not isinstance(name, str):
        raise TypeError(f"a node is named by a str, not by {type(name).__name__}")
    node = state.snapshot.node(name)
    if node is None:
        known = [n.metadata.name for n in state.snapshot.nodes()]
        hint = did_you_mean(name, known, "apply the Node first")
        raise InvalidInput([Diagnostic("ENG001", f"there is no node `{name}`", help=hint)])
    return [node]


def _resolve_all(state: State, claims: ClaimLike | Sequence[ClaimLike], *, existing: bool = False) -> list[ClaimRules]:
    """The rules of each claim; a template's under a new name, or under its own if `existing`."""
    if isinstance(claims, ResourceClaim | ResourceClaimTemplate | ReadObject | ClaimRules | ClaimKey | str):
        claims = [claims]
    given: object = claims
    if not isinstance(given, Sequence):
        raise _no_claim(given)
    wanted: list[ClaimRules] = []
    made: set[ClaimKey] = set()
    for claim in claims:
        rules, template = _resolve(state, claim)
        if template and not existing:
            rules = replace(rules, key=_free_key(state, rules.key, made))
            made.add(rules.key)
        wanted.append(rules)
    twice = next((r.key for i, r in enumerate(wanted) if any(r.key == other.key for other in wanted[:i])), None)
    if twice is not None:
        message = f"the claim `{twice}` is named twice in one question"
        raise InvalidInput([Diagnostic("ENG005", message, help="name every claim of the pod once")])
    return wanted


def _resolve(state: State, claim: ClaimLike) -> tuple[ClaimRules, bool]:
    """The rules of a claim, and whether it stands for new claims each time (a template)."""
    match claim:
        case ClaimRules():
            return claim, False
        case ResourceClaim() | ResourceClaimTemplate():
            _assert_valid(claim, None, state.features)
            return rules_of(claim, state.features, None), isinstance(claim, ResourceClaimTemplate)
        case ReadObject(value=ResourceClaim() | ResourceClaimTemplate() as value, places=places):
            _assert_valid(value, places, state.features)
            return rules_of(value, state.features, places), isinstance(value, ResourceClaimTemplate)
        case ReadObject():
            hint = "ask for a ResourceClaim or a ResourceClaimTemplate"
            raise InvalidInput([Diagnostic("ENG002", "the object is no claim", claim.places.span("kind"), hint)])
        case ClaimKey() | str():
            return _by_name(state, claim)
    raise _no_claim(claim)


def _no_claim(given: object) -> TypeError:
    return TypeError(f"a claim is a ResourceClaim, a ResourceClaimTemplate or a name, not {type(given).__name__}")


def _assert_valid(claim: ResourceClaim | ResourceClaimTemplate, places: Places | None, features: Features) -> None:
    """What was never applied is looked at as the API server would."""
    _assert_whole(claim)
    if not claim.metadata.name:
        message = f"the {claim.KIND} has no name"
        raise InvalidInput([Diagnostic("ENG004", message, help="write `metadata.name`", path="metadata.name")])
    problems = refusals(claim, places=places, features=features)
    if has_errors(problems):
        raise InvalidInput(problems)


def _by_name(state: State, name: ClaimKey | str) -> tuple[ClaimRules, bool]:
    key = _key(name)
    applied = state.claims.get(key)
    if applied is not None:
        return applied, False
    template = state.templates.get(key)
    if template is None and isinstance(name, str):
        template = state.policy_claims.get(name)
    if template is None and isinstance(name, ClaimKey):
        template = next((rules for rules in state.policy_claims.values() if rules.key == name), None)
    if template is None:
        known = [str(k) for k in (*state.claims, *state.templates)] + list(state.policy_claims)
        hint = did_you_mean(str(name), known, "apply the claim, or load the policy that declares it")
        raise InvalidInput([Diagnostic("ENG002", f"there is no claim `{name}`", help=hint)])
    return template, True


def _key(name: ClaimKey | str) -> ClaimKey:
    if isinstance(name, ClaimKey):
        return name
    namespace, _, last = name.rpartition("/")
    return ClaimKey(namespace or DEFAULT_NAMESPACE, last)


def _held_key(state: State, claim: ClaimLike) -> ClaimKey:
    match claim:
        case ClaimRules():
            return claim.key
        case ResourceClaim() | ResourceClaimTemplate():
            return key_of(claim)
        case ReadObject():
            return _resolve(state, claim)[0].key
        case ClaimKey() | str():
            key = _key(claim)
            return key if key in state.held else _by_name(state, claim)[0].key
    raise _no_claim(claim)


def _free_key(state: State, key: ClaimKey, made: Iterable[ClaimKey]) -> ClaimKey:
    """The first of `name-1`, `name-2`, ... that no claim has: never the template's own name, which goes on naming it."""
    taken = set(made)
    number = 1
    while True:
        candidate = ClaimKey(key.namespace, f"{key.name}-{number}")
        if candidate not in state.claims and candidate not in taken:
            return candidate
        number += 1
