"""The question that a decision answers, for the checker, and every request of it with the devices it could ever have.

What Kubernetes looks at before it searches (E1, E2, E3, E6, F1) is worked out here; a question with anything wrong there
has an error for an answer, never a placement and never a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from dra_policy.expression import EvaluationError
from dra_policy.inventory import DeviceID, PoolID, Snapshot, Usage
from dra_policy.proof.amounts import amounts
from dra_policy.proof.certificate import Label
from dra_policy.proof.objection import Objection, Violation
from dra_policy.proof.pools import CounterName, Offer, Pool, drawn, pools
from dra_policy.proof.values import Value, value_of
from dra_policy.resources import DeviceTaintRule, Features, Node, Quantity, ResourceSlice
from dra_policy.rules import Ask, ClaimKey, ClaimRules, ClassName, ClassRules, ConstraintKind

if TYPE_CHECKING:
    from dra_policy.proof.situation import Situation

LIMIT = 32
"""The most devices of a claim (A7)."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One alternative of a request: claim, request and alternative by position, and how the result is named (E9).

    `covering` are the positions of the constraints that cover it (F2).
    """

    claim: int
    request: int
    alternative: int
    key: ClaimKey
    name: str
    ask: Ask
    covering: tuple[int, ...]

    @property
    def admin(self) -> bool:
        return self.ask.admin_access is True

    @property
    def every(self) -> bool:
        return self.ask.mode == "All"


Pick: TypeAlias = tuple[Wanted, Offer]
"""A device chosen for an alternative."""


@dataclass(frozen=True)
class Case:
    """All that a decision for one node rests on. Slices and claims have names of their own.

    `usage` is what was in use before the call (J12).
    """

    node: Node
    slices: tuple[ResourceSlice, ...]
    classes: Mapping[ClassName, ClassRules]
    claims: tuple[ClaimRules, ...]
    usage: Usage
    features: Features
    taint_rules: tuple[DeviceTaintRule, ...] = ()

    @classmethod
    def at(
        cls,
        snapshot: Snapshot,
        node: Node,
        claims: Sequence[ClaimRules],
        usage: Usage,
        classes: Mapping[ClassName, ClassRules] | None = None,
    ) -> Case:
        """The question about the objects of a snapshot, of which only the objects are read; or with other `classes`."""
        return cls(
            node,
            tuple(snapshot.slices()),
            snapshot.classes if classes is None else classes,
            tuple(claims),
            usage,
            snapshot.features,
            tuple(snapshot.taint_rules.values()),
        )

    @cached_property
    def seen(self) -> tuple[Pool, ...] | Objection:
        return pools(self.node, self.slices, self.taint_rules, self.features)

    @cached_property
    def pools(self) -> Mapping[PoolID, Pool]:
        """The pools that the node sees, in the order of the search; none if they cannot be read."""
        return {} if isinstance(self.seen, Objection) else {pool.id: pool for pool in self.seen}

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Every device of every whole pool, in the order of the search (B6, B7)."""
        return tuple(offer for pool in self.pools.values() if not pool.trouble for offer in pool.offers)

    @cached_property
    def by_id(self) -> Mapping[DeviceID, Offer]:
        return {offer.id: offer for offer in self.offers}

    @cached_property
    def available(self) -> dict[PoolID, dict[CounterName, int]]:
        """What is left of counters, worked out once (`dra_policy.proof.rules`)."""
        return {}

    @cached_property
    def started(self) -> dict[None, Situation]:
        """The situation in which nothing is chosen, worked out once (`dra_policy.proof.situation`)."""
        return {}

    @cached_property
    def wanted(self) -> tuple[tuple[tuple[Wanted, ...], ...], ...]:
        """Per claim, per request, its alternatives."""
        return tuple(
            tuple(
                tuple(self._wanted(c, r, a, request.name, ask) for a, ask in enumerate(request.asks))
                for r, request in enumerate(claim.requests)
            )
            for c, claim in enumerate(self.claims)
        )

    @cached_property
    def places(self) -> Mapping[tuple[ClaimKey, str], tuple[int, int]]:
        """Claim and request by position, by their names."""
        return {
            (claim.key, request.name): (c, r)
            for c, claim in enumerate(self.claims)
            for r, request in enumerate(claim.requests)
        }

    def _wanted(self, claim: int, request: int, alternative: int, request_name: str, ask: Ask) -> Wanted:
        rules = self.claims[claim]
        name = f"{request_name}/{ask.name}" if ask.name else request_name
        covering = tuple(
            position
            for position, constraint in enumerate(rules.constraints)
            if not constraint.requests or request_name in constraint.requests or name in constraint.requests
        )
        return Wanted(claim, request, alternative, rules.key, name, ask, covering)

    # --- what each alternative could have

    @cached_property
    def _suitable(self) -> dict[int, dict[DeviceID, Objection | None]]:
        return {}

    def unsuitable(self, wanted: Wanted, offer: Offer) -> Objection | None:
        """What keeps a device from an alternative whatever else is chosen (J4.2, J4.3): selectors, node, sizes."""
        known = self._suitable.setdefault(id(wanted.ask), {})
        if offer.id not in known:
            known[offer.id] = self._selected(wanted.ask, offer) or self._large_enough(wanted, offer)
        return known[offer.id]

    def _selected(self, ask: Ask, offer: Offer) -> Objection | None:
        if offer.device.binding_conditions and not self.features.device_binding_and_status:
            return Objection("J4", "it has binding conditions, and that feature is off")
        for selector in (*self.classes[ask.class_name].selectors, *ask.selectors):
            if selector.program is None:
                return Objection("D8", f"`{selector.origin.text}` does not compile", fatal=True)
            try:
                if not selector.program.evaluate(offer.facts):
                    return Objection("D8", f"`{selector.origin.text}` is false")
            except EvaluationError as error:
                return Objection("D8", f"`{selector.origin.text}`: {error.message}", fatal=True)
        if offer.reached is None:
            return Objection("C4", "its node choice cannot be read", fatal=True)
        return None if offer.reached else Objection("C4", "it cannot be reached from the node")

    def _large_enough(self, wanted: Wanted, offer: Offer) -> Objection | None:
        taken = self.consumption(wanted, offer)
        return taken if isinstance(taken, Objection) else None

    @cached_property
    def _consumptions(self) -> dict[tuple[int, DeviceID], dict[str, Quantity] | Objection]:
        return {}

    def consumption(self, wanted: Wanted, offer: Offer) -> dict[str, Quantity] | Objection:
        """What the alternative takes of every capacity of the device; nothing without that feature (H2-H7)."""
        if not self.features.consumable_capacity:
            return {}
        key = (id(wanted.ask), offer.id)
        if key not in self._consumptions:
            fractional = self.features.fractional_capacity_range
            self._consumptions[key] = amounts(offer.device, dict(wanted.ask.capacity), fractional=fractional)
        return self._consumptions[key]

    @cached_property
    def _values(self) -> dict[tuple[int, DeviceID, str], Value | Objection | None]:
        return {}

    def value(self, wanted: Wanted, offer: Offer, attribute: str) -> Value | Objection | None:
        """An attribute of a device as a constraint over an alternative reads it."""
        key = (id(wanted.ask), offer.id, attribute)
        if key not in self._values:
            self._values[key] = value_of(wanted.ask, offer, attribute)
        return self._values[key]

    def labels(self, wanted: Wanted, offer: Offer, constraint: int) -> frozenset[Label]:
        """The values of a device that devices under a constraint of its claim could have in common (F4 to F7)."""
        value = self.value(wanted, offer, self.claims[wanted.claim].constraints[constraint].attribute)
        if not isinstance(value, Value):
            return frozenset()
        if value.scalar or self.features.list_type_attributes:
            return frozenset(Label(*item) for item in value.items)
        return frozenset((Label("list", str(offer.id)),))

    @cached_property
    def _sets(self) -> dict[int, tuple[Offer, ...]]:
        return {}

    def devices(self, wanted: Wanted) -> tuple[Offer, ...]:
        """In order: for All the set it takes (E3), else all that match or are an error (D10)."""
        known = id(wanted.ask)  # the claims keep it, so the number stays its own
        if known not in self._sets:
            answers = [(offer, self.unsuitable(wanted, offer)) for offer in self.offers]
            self._sets[known] = tuple(o for o, no in answers if no is None or (no.fatal and not wanted.every))
        return self._sets[known]

    def count(self, wanted: Wanted) -> int:
        """The devices that an alternative needs; for All at least one (E2, E4)."""
        return max(len(self.devices(wanted)), 1) if wanted.every else max(wanted.ask.count, 0)

    @cached_property
    def _alone(self) -> frozenset[tuple[int, int]]:
        most = {
            (c, position): sum(
                max((self.count(one) for one in alternatives if position in one.covering), default=0)
                for alternatives in claim
            )
            for c, claim in enumerate(self.wanted)
            for position in range(len(self.claims[c].constraints))
        }
        return frozenset(at for at, count in most.items() if count <= 1)

    def alone(self, claim: int, constraint: int) -> bool:
        """Whether a constraint never holds two devices together: then it does not matter which values they have."""
        return (claim, constraint) in self._alone

    # --- what kind of a question it is

    @cached_property
    def monotone(self) -> bool:
        """Whether a choice never makes room: no device gives counters back. Then what is refused stays refused."""
        return all(amount >= 0 for pool in self.pools.values() for d in pool.members for amount in drawn(d).values())

    @cached_property
    def additive(self) -> bool:
        """Whether amounts and values are all that choices depend on: who comes first never matters then.

        Not so with administrative access (E11), compatibility groups (N1), shares that draw from counters (G5), and lists
        without list attributes (F4, F6).
        """
        wanted = [w for claim in self.wanted for alternatives in claim for w in alternatives]
        if not self.monotone or any(one.admin for one in wanted):
            return False
        drawing = [offer.device for offer in self.offers if offer.device.consumes_counters]
        charged = self.features.partitionable_devices
        if charged and any(device.allow_multiple_allocations for device in drawing):
            return False
        if self.features.compatibility_groups and any(
            p.compatibility_groups for d in drawing for p in d.consumes_counters
        ):
            return False
        covered = any(one.covering for one in wanted)
        return self.features.list_type_attributes or not covered or not any(self._lists(one) for one in wanted)

    def _lists(self, wanted: Wanted) -> bool:
        """Whether some device has a list where a constraint looks."""
        names = [self.claims[wanted.claim].constraints[position].attribute for position in wanted.covering]
        values = (self.value(wanted, offer, name) for name in names for offer in self.devices(wanted))
        return any(isinstance(value, Value) and not value.scalar for value in values)

    def may_fail(self, wanted: Wanted) -> bool:
        """Whether choosing for an alternative can be an error (D8, D10, E5, H7, N2)."""
        if wanted.ask.derived or (wanted.every and wanted.covering):
            return True
        answers = (self.unsuitable(wanted, offer) for offer in self.devices(wanted))
        return any(no is not None and no.fatal for no in answers)

    # --- what makes the question an error before any search

    def errors(self) -> Iterator[Violation]:
        """All that Kubernetes refuses to search with (C1, E1, E2, E3, E6, F1); nothing for no claims (J13)."""
        if not self.claims:
            return
        if isinstance(self.seen, Objection):
            yield Violation(self.seen.rule, self.seen.sentence)
            return
        if len({claim.key for claim in self.claims}) < len(self.claims):
            yield Violation("A9", "two claims have one name")
        for claim, requests in zip(self.claims, self.wanted, strict=True):
            sound = True
            for rules, alternatives in zip(claim.requests, requests, strict=True):
                if rules.prioritized and not self.features.prioritized_list:
                    sound = False
                    yield Violation("E1", "alternatives, and that feature is off", claim.key, rules.name)
                if not alternatives:
                    sound = False
                    yield Violation("E1", "asks for nothing", claim.key, rules.name)
                for wanted in alternatives:
                    for objection in self._misasked(wanted):
                        sound = False
                        yield Violation(objection.rule, objection.sentence, claim.key, wanted.name)
            # E2; an empty set of All counts as none here.
            least = [min(self._size(w) for w in alternatives) for alternatives in requests] if sound else []
            if sum(least) > LIMIT:
                yield Violation("E2", f"needs {sum(least)} devices, the limit is {LIMIT}", claim.key)
            if any(constraint.kind is ConstraintKind.NEITHER for constraint in claim.constraints):
                yield Violation("F1", "a constraint of neither kind", claim.key)

    def _size(self, wanted: Wanted) -> int:
        return len(self.devices(wanted)) if wanted.every else wanted.ask.count

    def _misasked(self, wanted: Wanted) -> Iterator[Objection]:
        ask, features = wanted.ask, self.features
        if (ask.capacity or ask.capacity_given) and not features.consumable_capacity:
            yield Objection("E1", "asks for capacity, and that feature is off")
        if ask.derived and not features.derived_attributes:
            yield Objection("E1", "has derived attributes, and that feature is off")
        if any(
            s.program is None and not s.origin.text and not (s.failure and s.failure.diagnostics) for s in ask.selectors
        ):
            yield Objection("E1", "has a selector without an expression")
        if ask.admin_access is not None and not features.admin_access:
            yield Objection("E1", "says something of admin access, and that feature is off")
        if ask.class_name not in self.classes:
            yield Objection("E1", f"there is no class `{ask.class_name}`")
            return
        if ask.mode not in ("All", "ExactCount"):
            yield Objection("E1", f"there is no mode `{ask.mode}`")
        if wanted.every:
            yield from (Objection("E6", f"pool {p.id} is not whole") for p in self.pools.values() if p.trouble)
            answers = (self.unsuitable(wanted, offer) for offer in self.offers)
            yield from (no for no in answers if no is not None and no.fatal)


__all__ = ["LIMIT", "Case", "Pick", "Wanted"]
