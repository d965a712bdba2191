"""The engine that drivers, schedulers and tests embed."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from itertools import chain, groupby

from dra_policy.allocation import Allocated, Outcome
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.cluster import Finder, Found, Placing, SuitableNodes, Touched
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors
from dra_policy.engine.answer import Asking, answer
from dra_policy.engine.claims import (
    ClaimLike,
    ObjectLike,
    assert_template,
    gang_named,
    held_key,
    named_key,
    node_named,
    resolve_new,
    taken,
)
from dra_policy.engine.gangs import GangOutcome, GangPlaced, GangSearch
from dra_policy.engine.moment import Clock, Moment, Terms, as_one, utc
from dra_policy.engine.people import People
from dra_policy.engine.sited import ANYBODY, By, concerned, introduced
from dra_policy.engine.state import DEFAULT_NAMESPACE, Applied, Held, State, devices_of, touched
from dra_policy.explanation import Explanation
from dra_policy.inventory import Snapshot, Usage, uncollected
from dra_policy.language import PolicyRules, load, lower
from dra_policy.resources import AllocationResult, Features, Places, ResourceSlice
from dra_policy.rules import ClaimKey, ClaimRules
from dra_policy.rules.site import Gang
from dra_policy.rules.subjects import SubjectValue
from dra_policy.source import Source

STEP_LIMIT = 1_000_000
"""How many candidates a search looks at on one node before it gives up."""

_MANY = 256
"""Objects applied at once from which on they are taken in bulk."""
_new_held = tuple.__new__
_UNTOLD = 1024
"""So many changes are told to the finder one by one; after more it starts anew."""


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
    >>> from dra_policy.resources import ResourceClaim
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

    def __init__(
        self,
        *,
        features: Features | None = None,
        step_limit: int = STEP_LIMIT,
        prunings: frozenset[Pruning] = ALL,
        clock: Clock = utc,
    ) -> None:
        if not isinstance(features, Features | None):
            raise TypeError(f"`features` is Features, not {type(features).__name__}")
        if not isinstance(step_limit, int):
            raise TypeError(f"`step_limit` is a whole number, not {type(step_limit).__name__}")
        if step_limit < 1:
            raise ValueError("`step_limit` is 1 or more")
        if not isinstance(prunings, frozenset):
            raise TypeError(f"`prunings` is a frozenset of Pruning, not {type(prunings).__name__}")
        if not callable(clock):
            raise TypeError(f"`clock` is a function that gives the time, not {type(clock).__name__}")
        self._writing = threading.RLock()
        # Invariant: the parts of a moment belong together, and the lock is held while another takes its place.
        self._now = Moment.first(Features() if features is None else features, Terms(step_limit, prunings, clock))
        self._finder = Finder()
        self._untold: list[Touched] = []

    # --- what is known

    def moment(self) -> Moment:
        """Everything that is known now, consistent in itself: what happens later does not change it."""
        return self._now

    @property
    def features(self) -> Features:
        """The feature switches that every answer follows."""
        return self._now.state.features

    @property
    def snapshot(self) -> Snapshot:
        """The inventory of this moment, immutable."""
        return self._now.snapshot

    @property
    def usage(self) -> Usage:
        """The devices that are in use at this moment, immutable."""
        return self._now.usage

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes, in order."""
        return self._now.nodes

    @property
    def allocations(self) -> Mapping[ClaimKey, AllocationResult]:
        """What each claim holds at this moment."""
        return self._now.allocations

    @property
    def claims(self) -> tuple[ClaimKey, ...]:
        """The claims and templates that were applied, in order of names, then those that the policies declare."""
        return self._now.claims

    # --- what changes it

    def load(self, *policies: str | os.PathLike[str] | Source) -> tuple[Diagnostic, ...]:
        """Put these policies and what they import in force, instead of those loaded before; gives the warnings.

        A policy is a path of a `.dra` file or its text as `Source`. Raises `InvalidInput` with every mistake of all
        files; the former policies then stay in force.
        """
        checked, diagnostics = load(*policies)
        if checked is None or has_errors(diagnostics):
            raise InvalidInput(diagnostics)
        self.load_rules(lower(checked, self.features))
        return tuple(diagnostics)

    def load_rules(self, rules: PolicyRules) -> None:
        """Put rules in force that are there already, instead of those loaded before: what `load` makes of policies."""
        with self._writing:
            self._become(self._now.state.with_policies(rules), [])

    def apply(self, *objects: ObjectLike, stored: bool = False) -> None:
        """Add objects, or put them in the place of those of the same kind and name; all of them, or none.

        Nodes, DeviceClasses, ResourceSlices, ResourceClaims, ResourceClaimTemplates and DeviceTaintRules; Namespaces and
        Pods for what rules of a site read of whoever asks. A claim that
        carries `status.allocation` has those devices in use from now on (rule J12), one that carries none has none.
        Raises `InvalidInput` with what the API server would refuse in a new object (rules A1 to A15, and CEL that does
        not compile or may cost too much, D7), and with ENG003, ENG004. What a cluster holds already was admitted once:
        `stored` objects are decoded and not judged again.
        """
        with uncollected() if len(objects) > _MANY else nullcontext():
            self._apply(objects, checked=not stored)

    def _apply(self, objects: Sequence[ObjectLike], *, checked: bool) -> None:
        diagnostics: list[Diagnostic] = []
        applied: list[tuple[Applied, Places | None]] = []
        for given in objects:
            found = taken(given, diagnostics, self.features, checked=checked)
            if found is not None:
                applied.append(found)
        if diagnostics and has_errors(diagnostics):
            raise InvalidInput(diagnostics)
        with self._writing:
            before = self._now.state
            changes: list[Touched] = []
            for slices, others in groupby(applied, _is_slice):
                group = list(others)
                if slices:
                    state = before.with_slices([one for one, _ in group if isinstance(one, ResourceSlice)])
                    if len(group) > max(_MANY, len(before.snapshot.nodes()) // 2):
                        changes.append(Touched(all=True))
                    else:
                        for one, _ in group:
                            changes += _change(before, state, one)
                    before = state
                    continue
                for one, places in group:
                    state = before.with_object(one, places)
                    changes += _change(before, state, one)
                    before = state
            self._become(before, changes)

    def remove(self, gone: ObjectLike) -> None:
        """Remove the object of this kind and name, if it is there; a claim gives back its devices.

        Raises `InvalidInput` with ENG003 or ENG004 for what can be no object of the engine.
        """
        diagnostics: list[Diagnostic] = []
        found = taken(gone, diagnostics, self.features, checked=False)
        if found is None:
            raise InvalidInput(diagnostics)
        one = found[0]
        with self._writing:
            before = self._now.state
            state = before.without_object(type(one), _key(one))
            self._become(state, _change(before, state, one))

    # --- questions

    def allocate(
        self,
        claims: ClaimLike | Sequence[ClaimLike],
        node: str | None = None,
        placing: Placing = Placing.FIRST,
        *,
        at: datetime | None = None,
        subject: Mapping[str, SubjectValue] | None = None,
        pod: str | None = None,
    ) -> Outcome:
        """Give devices to all claims of one pod, on one node, all or nothing (J2), and keep them in use.

        Without a node, `placing` says which one is taken of those that fit, the first in order of their names by
        default; a failure that concerns the whole pod ends the walk. Claims that have devices already keep them: they
        only restrict the nodes (C5). A template, or a claim declared by a policy, makes a new claim at each call, named
        after it.

        Where policies have rules of a site, they are asked about whoever uses the claims: `pod` names an applied Pod,
        `subject` gives values to fields of the asker whatever labels say, `at` is the time, an aware one, if it is not
        the clock's.

        Gives `Allocated`, `Unsatisfiable`, `Failed` or `GaveUp`; only `Allocated` has changed anything. Raises
        `InvalidInput` with ENG001 (unknown node), ENG002 (unknown claim), ENG004 (no name), ENG005 (a claim twice), ENG006 (a field of the asker), and
        with what the API server would refuse of a claim that is given as an object (rules A1 to A15).
        """
        if not isinstance(placing, Placing):
            raise TypeError(f"`placing` is a Placing, not {type(placing).__name__}")
        with self._writing:
            now = self._now
            state, wanted = resolve_new(now.state, claims)
            name = None if node is None else node_named(state, node)
            if self._untold:
                self._tell()
            if concerned(state, wanted):
                people = introduced(state, claims, wanted, by(subject, pod))
                return self._allocate_sited(state, wanted, people, name, placing, at)
            asking = Asking(now.state, now, wanted)
            outcome, found = answer(asking, now.terms.questions, self._finder, name, placing)
            if isinstance(outcome, Allocated):
                self._keep(asking, state, outcome, found)
        return outcome

    def _allocate_sited(
        self,
        state: State,
        wanted: Sequence[ClaimRules],
        people: People,
        node: str | None,
        placing: Placing,
        at: datetime | None,
    ) -> Outcome:
        """As `allocate`, under the rules of a site. `people` is what is known with what those who ask say."""
        now = self._now
        sited = now.sited(wanted, people, at)
        outcome = sited.answer(node, placing)
        if isinstance(outcome, Allocated):
            self._keep(sited.asking, state._replace(people=people), outcome, None)
            self._follow(now.state, sited.asking.keys)
        return outcome

    def allocate_gang(
        self,
        gang: Gang | str,
        template: ClaimLike | None = None,
        *,
        at: datetime | None = None,
        subject: Mapping[str, SubjectValue] | None = None,
    ) -> GangOutcome:
        """Give devices to all claims of a gang, each a new one made of the template, or to none of them.

        A gang of a loaded policy goes by its name. Gives `GangPlaced`, `Unsatisfiable`, `Failed` or `GaveUp`; only
        `GangPlaced` has changed anything. Raises `InvalidInput` with ENG002 for an unknown gang or template, and with
        ENG005 for a claim in the place of a template.
        """
        with self._writing:
            now = self._now
            wanted = gang_named(now.state, gang)
            given = wanted.template if template is None else template
            state, people = now.state, now.state.people
            members: list[ClaimRules] = []
            for _ in range(wanted.count):
                state, (rules,) = resolve_new(state, given)
                people = introduced(state._replace(people=people), given, (rules,), By(subject))
                members.append(rules)
            assert_template(members)
            sited = now.sited(members, people, at)
            search = GangSearch(
                wanted, now, sited.site, sited.asking.claims, people.asker(now.state.site_rules, members[0].key)
            )
            outcome = search.run(sited.candidates())
            if isinstance(outcome, GangPlaced):
                state = state._replace(people=people)
                for rules, member in zip(sited.asking.claims, outcome.members, strict=True):
                    (result,) = member.results
                    state = state.taking(
                        rules, Held(result, member.node, True), state.usage.with_allocation(result), None
                    )
                devices = [d for member in outcome.members for result in member.results for d in devices_of(result)]
                self._become(state, [Touched(devices=tuple(devices))])
                self._follow(now.state, sited.asking.keys)
        return outcome

    def suitable_nodes(
        self,
        claims: ClaimLike | Sequence[ClaimLike],
        *,
        at: datetime | None = None,
        subject: Mapping[str, SubjectValue] | None = None,
        pod: str | None = None,
    ) -> SuitableNodes:
        """The nodes of the whole cluster on which the claims of one pod could be now; changes nothing.

        A template stands for one new claim. Raises `InvalidInput` as `allocate` does.
        """
        return self._now.suitable_nodes(claims, at=at, by=by(subject, pod))

    def release(self, claim: ClaimLike) -> bool:
        """Give back the devices of a claim; says whether it had any.

        A claim that was applied may be allocated again, any other one is forgotten. Raises `InvalidInput` with
        ENG002 for a name that stands for no claim.
        """
        with self._writing:
            before = self._now.state
            key = held_key(before, claim)
            held = before.held.get(key)
            if held is None:
                return False
            state = before.ended(key, held)
            if not self._freed(held, state):
                self._become(state, [Touched(devices=held.devices)])
            if before.policies is not None:
                self._follow(before, (key,))
        return True

    def explain(
        self,
        claims: ClaimLike | Sequence[ClaimLike],
        node: str | None = None,
        *,
        at: datetime | None = None,
        subject: Mapping[str, SubjectValue] | None = None,
        pod: str | None = None,
    ) -> Explanation:
        """What claims of one pod have, or would get now, or why they cannot; changes nothing.

        Raises `InvalidInput` as `allocate` does.
        """
        return self._now.explain(claims, node, at=at, by=by(subject, pod))

    # --- one moment after the other

    def _follow(self, before: State, keys: Sequence[ClaimKey]) -> None:
        """Tell who remembers the site that since a moment only these claims have changed what they hold."""
        after = self._now.state
        self._now.terms.sites.follow((before.people, before.held), (after.people, after.held), keys)

    def _become(self, state: State, changes: Sequence[Touched]) -> None:
        now = self._now
        if not changes:
            self._now = now.followed_by(state, None)
            return
        change = as_one(changes)
        self._now = now.followed_by(state, change)
        self._untold.append(change)
        if len(self._untold) > _UNTOLD:
            self._finder.forget()
            self._untold.clear()

    def _keep(self, asking: Asking, state: State, outcome: Allocated, found: Found | None) -> None:
        """The devices of an answer are in use from now on."""
        now = self._now
        index, fresh, known = now.index, asking.fresh, asking.state.claims
        node, results, usage = outcome.node, outcome.results, state.usage
        if fresh is not asking.claims:
            made = dict(zip(asking.keys, results, strict=True))
            results = tuple([made[rules.key] for rules in fresh])
        if found is None or (positions := found.judgement.positions) is None:
            for rules, result in zip(fresh, results, strict=True):
                usage = usage.with_allocation(result)
                # What the site adds to an applied claim is not what was applied.
                applied = known.get(rules.key)
                state = state.taking(applied or rules, Held(result, node, applied is None), usage, applied)
            devices = [device for result in results for device in devices_of(result)]
            self._now = now.using(state, index.with_uses(devices, state.snapshot, usage))
            if found is not None:
                self._finder.moved(self._now.index, found.rank, self._now.index.class_at(found.rank), taken=True)
            return
        rank, standing, judgement = found
        place, after = standing.place, judgement.after
        if after is not None:
            records = place.records
            usage = usage.with_held([records[position].id for position in chain.from_iterable(positions)])
            index = index.standing_in(rank, standing, after)
        else:
            for result in results:
                usage = usage.with_allocation(result)
            index = index.with_own_uses(rank, chain.from_iterable(positions), usage)
            after = index.class_at(rank)
        again = place.plain and judgement.after is not None
        picks = judgement.picks
        for number, rules in enumerate(fresh):
            result = results[number]
            applied = known.get(rules.key)
            config, given = result.devices.config, None if again else result
            held = _new_held(
                Held, (given, node, applied is None, place, positions[number], rules, picks[number], config)
            )
            state = state.taking(rules, held, usage, applied)
        self._now = now.using(state, index)
        self._finder.moved(index, rank, after, taken=True)

    def _freed(self, held: Held, state: State) -> bool:
        """Go over to a state in which some devices are free, if it is known where they are."""
        index, place = self._now.index_if_known, held.place
        if index is None or place is None or self._untold:
            return False
        standing = index.standings.get(held.node)
        if standing is None or standing.place is not place:
            return False
        rank = index.rank(held.node)
        assert rank is not None  # Invariant: the names and the standings of an index are the same nodes
        index = index.with_own_uses(rank, held.positions, state.usage)
        self._now = self._now.using(state, index)
        self._finder.moved(index, rank, index.class_at(rank))
        return True

    def _tell(self) -> None:
        """Tell the finder what changed since it was asked last."""
        index, finder = self._now.index, self._finder
        snapshot = self._now.snapshot
        for change in self._untold:
            if change.all:
                finder.forget()
                continue
            names: set[str | None] = set(change.nodes)
            names.update(snapshot.node_of(device.pool_id) for device in change.devices)
            for name in names:
                if name is None:
                    finder.freed_shared()
                    continue
                rank = index.rank(name)
                if rank is not None:
                    finder.moved(index, rank, index.class_at(rank))
        self._untold.clear()


def by(subject: Mapping[str, SubjectValue] | None, pod: str | None) -> By:
    """Who asks, as the caller says it."""
    if subject is None and pod is None:
        return ANYBODY
    return By(subject, None if pod is None else named_key(pod))


def _is_slice(applied: tuple[Applied, Places | None]) -> bool:
    return isinstance(applied[0], ResourceSlice)


def _change(before: State, after: State, one: Applied) -> list[Touched]:
    change = touched(before, after, type(one), _key(one))
    return [] if change is None else [change]


def _key(one: Applied) -> ClaimKey:
    return ClaimKey(one.metadata.namespace or DEFAULT_NAMESPACE, one.metadata.name)
