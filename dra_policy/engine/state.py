"""What an engine knows at one moment: an immutable value, replaced as a whole by every change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, TypeVar

from immutables import Map

from dra_policy.allocation.assembly import plain_result
from dra_policy.cluster import Place, Touched
from dra_policy.engine.people import NOBODY_KNOWN, People
from dra_policy.inventory import DeviceID, PoolID, Snapshot, Usage
from dra_policy.language import PolicyRules
from dra_policy.resources import (
    AllocationResult,
    DeviceAllocationConfiguration,
    DeviceClass,
    DeviceTaintRule,
    Features,
    Namespace,
    Node,
    Places,
    Pod,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
)
from dra_policy.rules import ClaimKey, ClaimRules, ClassName, ClassRules, claim_rules, class_rules
from dra_policy.rules.site import NO_SITE_RULES, SiteRules

DEFAULT_NAMESPACE = "default"
"""Where a namespaced object without a namespace belongs, as for `kubectl`."""

Applied: TypeAlias = (
    DeviceClass | DeviceTaintRule | Namespace | Node | Pod | ResourceClaim | ResourceClaimTemplate | ResourceSlice
)


_K = TypeVar("_K")
_V = TypeVar("_V")

_new_state = tuple.__new__
_NO_USAGE = Usage()
_NO_CLAIMS: Map[ClaimKey, ClaimRules] = Map()
_NO_HELD: Map[ClaimKey, Held] = Map()
_NO_CLASSES: Map[ClassName, ClassRules] = Map()
_NO_NUMBERS: Map[ClaimKey, int] = Map()
_NOTHING_DECLARED: Mapping[str, ClaimRules] = MappingProxyType({})


class Held(NamedTuple):
    """The devices that a claim has: its allocation, the node it was made for (empty if it came with the claim), and
    whether the claim exists only through this allocation, made from a template.

    `positions` says where in `place` these devices are, for as long as the node looks as it did then, if they are all
    its own. `given` is the allocation; None if it is to be made anew, whenever somebody reads it, of the claim's `rules`,
    its `picks` by position, and its `config`: so what many claims hold takes little room, and is nothing that a
    collection of garbage has to look at.
    """

    given: AllocationResult | None
    node: str
    made_here: bool
    place: Place | None = None
    positions: tuple[int, ...] = ()
    rules: ClaimRules | None = None
    picks: tuple[tuple[int, int, int], ...] = ()
    config: tuple[DeviceAllocationConfiguration, ...] = ()

    @property
    def allocation(self) -> AllocationResult:
        """What is written into the status of the claim; no two readings share anything that can change."""
        given = self.given
        if given is not None:
            return given
        place, rules = self.place, self.rules
        # Invariant: what has no allocation has what it is made of.
        assert place is not None
        assert rules is not None
        return plain_result(self.node, rules, self.picks, place.records, self.config)

    @property
    def devices(self) -> tuple[DeviceID, ...]:
        """The devices, in the order of the allocation."""
        given, place = self.given, self.place
        if given is not None or place is None:
            return devices_of(self.allocation)
        return tuple([place.records[position].id for position in self.positions])

    def freed(self, usage: Usage) -> Usage:
        """The state of use without these devices."""
        if self.given is None:
            return usage.without_held(self.devices)
        return usage.without_allocation(self.given)


class Allocations(Mapping[ClaimKey, AllocationResult]):
    """What each claim holds, read from what is known of it."""

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[ClaimKey, Held]) -> None:
        self._held = held

    def __getitem__(self, key: ClaimKey) -> AllocationResult:
        return self._held[key].allocation

    def __iter__(self) -> Iterator[ClaimKey]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return repr(dict(self))


class State(NamedTuple):
    """Snapshot of the inventory, claims by key, what they hold, and the policies in force.

    `usage` is always the sum of `held`. A class of a policy stands before an applied DeviceClass of its name;
    `classes` keeps the applied ones, so that they count again when the policy is gone. `policy_claims` are the claims
    that policies declare, by plain and by qualified name; each is in the default namespace. `numbers` says for each
    template which numbers its claims have: bit n for `name-n`. `people` is what is known of those who ask.
    """

    snapshot: Snapshot
    usage: Usage = _NO_USAGE
    claims: Map[ClaimKey, ClaimRules] = _NO_CLAIMS
    templates: Map[ClaimKey, ClaimRules] = _NO_CLAIMS
    held: Map[ClaimKey, Held] = _NO_HELD
    classes: Map[ClassName, ClassRules] = _NO_CLASSES
    policies: PolicyRules | None = None
    policy_claims: Mapping[str, ClaimRules] = _NOTHING_DECLARED
    numbers: Map[ClaimKey, int] = _NO_NUMBERS
    people: People = NOBODY_KNOWN

    @property
    def features(self) -> Features:
        return self.snapshot.features

    @property
    def policy_classes(self) -> Mapping[ClassName, ClassRules]:
        return {} if self.policies is None else self.policies.classes

    @property
    def site_rules(self) -> SiteRules:
        """What decides beyond Kubernetes."""
        return NO_SITE_RULES if self.policies is None else self.policies.site

    # --- policies

    def with_policies(self, policies: PolicyRules | None) -> State:
        """With these policies in force, and no others."""
        snapshot = self.snapshot
        for name in self.policy_classes:
            below = self.classes.get(name)
            snapshot = snapshot.without_class(name) if below is None else snapshot.with_class(below)
        for rules in policies.classes.values() if policies is not None else ():
            snapshot = snapshot.with_class(rules)
        declared = {} if policies is None else policies.claims
        claims = {name: rules.renamed(ClaimKey(DEFAULT_NAMESPACE, rules.key.name)) for name, rules in declared.items()}
        return self._replace(snapshot=snapshot, policies=policies, policy_claims=MappingProxyType(claims))

    # --- objects

    def with_object(self, applied: Applied, places: Places | None) -> State:
        """With one object added, or put in the place of the one with its name."""
        snapshot = self.snapshot
        match applied:
            case Node():
                return self._replace(snapshot=snapshot.with_node(applied))
            case ResourceSlice():
                return self._replace(snapshot=snapshot.with_slice(applied))
            case DeviceTaintRule():
                return self._replace(snapshot=snapshot.with_taint_rule(applied))
            case DeviceClass():
                rules = class_rules(applied, self.features, places)
                shadowed = rules.name in self.policy_classes
                return self._replace(
                    classes=self.classes.set(rules.name, rules),
                    snapshot=snapshot if shadowed else snapshot.with_class(rules),
                )
            case ResourceClaimTemplate():
                template = rules_of(applied, self.features, places)
                people = self.people.with_template(applied, template.key)
                return self._replace(templates=self.templates.set(template.key, template), people=people)
            case Namespace():
                return self._replace(people=self.people.with_namespace(applied))
            case Pod():
                key = ClaimKey(applied.metadata.namespace or DEFAULT_NAMESPACE, applied.metadata.name)
                return self._replace(people=self.people.with_pod(applied, key))
            case ResourceClaim():
                claim = rules_of(applied, self.features, places)
                people = self.people.with_claim(applied, claim.key)
                known = self._replace(claims=self.claims.set(claim.key, claim), people=people)
                allocation = applied.status.allocation
                if allocation is None:
                    return known.released(claim.key)
                return known.holding(claim, Held(allocation, "", made_here=False))  # J12

    def with_slices(self, published: Iterable[ResourceSlice]) -> State:
        """With several slices at once."""
        snapshot = self.snapshot.with_slices(published)
        return self if snapshot is self.snapshot else self._replace(snapshot=snapshot)

    def without_object(self, kind: type[Applied], key: ClaimKey) -> State:
        """Without the object of this kind and name, if it is there; a claim gives back what it holds."""
        snapshot, name = self.snapshot, key.name
        if kind is Node:
            return self._replace(snapshot=snapshot.without_node(name))
        if kind is ResourceSlice:
            return self._replace(snapshot=snapshot.without_slice(name))
        if kind is DeviceTaintRule:
            return self._replace(snapshot=snapshot.without_taint_rule(name))
        if kind is DeviceClass:
            shadowed = ClassName(name) in self.policy_classes
            return self._replace(
                classes=_without(self.classes, ClassName(name)),
                snapshot=snapshot if shadowed else snapshot.without_class(name),
            )
        if kind is ResourceClaimTemplate:
            people = self.people.without_template(key)
            numbers = _without(self.numbers, key)
            return self._replace(templates=_without(self.templates, key), numbers=numbers, people=people)
        if kind is Namespace:
            return self._replace(people=self.people.without_namespace(name))
        if kind is Pod:
            return self._replace(people=self.people.without_pod(key))
        return self.released(key).forgetting(key)

    # --- what claims hold

    def holding(self, claim: ClaimRules, held: Held) -> State:
        """With a claim and its devices in use; whatever it held before is given back first."""
        key = claim.key
        before = self.released(key) if key in self.held else self
        usage = before.usage.with_allocation(held.allocation)
        return before.taking(claim, held, usage, before.claims.get(key))

    def taking(self, claim: ClaimRules, held: Held, usage: Usage, applied: ClaimRules | None) -> State:
        """As `holding`, for a claim that holds nothing; `usage` has its devices in use already.

        `applied` is what `claims` has under the key of the claim.
        """
        key = claim.key
        claims = self.claims if applied is claim else self.claims.set(key, claim)
        return self._in_use(usage, claims, self.held.set(key, held), self.numbers)

    def released(self, key: ClaimKey) -> State:
        """Without the devices of a claim in use: the exact inverse of `holding`, but that the claim stays known."""
        held = self.held.get(key)
        if held is None:
            return self
        return self._in_use(held.freed(self.usage), self.claims, self.held.delete(key), self.numbers)

    def ended(self, key: ClaimKey, held: Held) -> State:
        """Without what a claim holds, and without the claim if it was made only for that."""
        usage = held.freed(self.usage)
        if not held.made_here:
            return self._in_use(usage, self.claims, self.held.delete(key), self.numbers)
        state = self._in_use(usage, self.claims.delete(key), self.held.delete(key), self._without_number(key))
        return state.not_knowing(key)

    def forgetting(self, key: ClaimKey) -> State:
        """Without a claim that holds nothing; its number is free again."""
        if key not in self.claims:
            return self
        state = self._in_use(self.usage, self.claims.delete(key), self.held, self._without_number(key))
        return state.not_knowing(key)

    def not_knowing(self, key: ClaimKey) -> State:
        """Without what a claim said of itself."""
        people = self.people
        after = people.without_claim(key) if people is not NOBODY_KNOWN else people
        return self if after is people else self._replace(people=after)

    def _in_use(
        self,
        usage: Usage,
        claims: Map[ClaimKey, ClaimRules],
        held: Map[ClaimKey, Held],
        numbers: Map[ClaimKey, int],
    ) -> State:
        snapshot, _, _, templates, _, classes, policies, policy_claims, _, people = self
        return _new_state(
            State, (snapshot, usage, claims, templates, held, classes, policies, policy_claims, numbers, people)
        )

    def _without_number(self, key: ClaimKey) -> Map[ClaimKey, int]:
        numbers = self.numbers
        place = _numbered(key) if numbers else None
        if place is None:
            return numbers
        template, number = place
        taken = numbers.get(template, 0)
        if not taken >> number & 1:
            return numbers
        rest = taken ^ 1 << number
        return numbers.set(template, rest) if rest else numbers.delete(template)

    def numbered(self, template: ClaimKey) -> tuple[State, ClaimKey]:
        """The first of `name-1`, `name-2`, ... that no claim has, and the state in which it is taken.

        Never the template's own name, which goes on naming it.
        """
        taken = self.numbers.get(template, 0) | 1  # there is no claim number 0
        while True:
            lowest = ~taken & taken + 1
            number = lowest.bit_length() - 1
            taken |= lowest
            key = ClaimKey(template.namespace, f"{template.name}-{number}")
            if key not in self.claims:
                return self._replace(numbers=self.numbers.set(template, taken ^ 1)), key


def _without(known: Map[_K, _V], key: _K) -> Map[_K, _V]:
    return known.delete(key) if key in known else known


def _numbered(key: ClaimKey) -> tuple[ClaimKey, int] | None:
    """The template and the number that the name of a claim may come from."""
    name, dash, digits = key.name.rpartition("-")
    if not dash or not digits.isascii() or not digits.isdigit() or digits[0] == "0" or len(digits) > _MOST_DIGITS:
        return None
    return ClaimKey(key.namespace, name), int(digits)


_MOST_DIGITS = 9  # more claims than that of one template are no business of this century


def touched(before: State, after: State, kind: type[Applied], key: ClaimKey) -> Touched | None:
    """What of the cluster index the change of one object concerns; None if nothing."""
    name = key.name
    if kind is ResourceClaim:
        devices = (*_devices(before, key), *_devices(after, key))
        return Touched(devices=devices) if devices else None
    if after.snapshot is before.snapshot:
        return None
    if kind is Node:
        return Touched(nodes=frozenset((name,)))
    seen: set[str | None] = set()
    if kind is ResourceSlice:
        old, new = before.snapshot.slice(name), after.snapshot.slice(name)
        # A slice that comes or goes cannot give an own pool to another node, unless it makes the pool a shared one.
        if old is not None:
            seen.add(before.snapshot.node_of(_pool_of(old)))
        if new is not None:
            seen.add(after.snapshot.node_of(_pool_of(new)))
    elif kind is DeviceTaintRule:
        now, then = after.snapshot.records, before.snapshot.records
        pools = {record.id.pool_id for slot in now.differences(then) if (record := now.get(slot)) is not None}
        seen.update(map(after.snapshot.node_of, pools))
    else:
        return None
    nodes = frozenset(node for node in seen if node is not None)
    return Touched(all=True) if None in seen else Touched(nodes=nodes)


def _pool_of(published: ResourceSlice) -> PoolID:
    return PoolID(published.spec.driver, published.spec.pool.name)


def _devices(state: State, key: ClaimKey) -> tuple[DeviceID, ...]:
    held = state.held.get(key)
    return () if held is None else held.devices


def devices_of(allocation: AllocationResult) -> tuple[DeviceID, ...]:
    """The devices of an allocation."""
    return tuple([DeviceID(one.driver, one.pool, one.device) for one in allocation.devices.results])


def key_of(claim: ResourceClaim | ResourceClaimTemplate) -> ClaimKey:
    """The identity of a claim or template; without a namespace it belongs to `default`."""
    return ClaimKey(claim.metadata.namespace or DEFAULT_NAMESPACE, claim.metadata.name)


def rules_of(claim: ResourceClaim | ResourceClaimTemplate, features: Features, places: Places | None) -> ClaimRules:
    """The rules of a claim, each with its place in the text that the claim was read from, if it was."""
    return claim_rules(claim, features, places).renamed(key_of(claim))
