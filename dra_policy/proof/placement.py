"""Is a placement right? Every rule is checked against the results as they are written, device by device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from dra_policy.allocation.results import Allocated
from dra_policy.inventory import DeviceID
from dra_policy.proof.case import LIMIT, Case, Pick, Wanted
from dra_policy.proof.objection import Objection, Violation
from dra_policy.proof.pools import Offer
from dra_policy.proof.rules import objection, shareable
from dra_policy.resources import (
    AllocationResult,
    DeviceAllocationConfiguration,
    DeviceRequestAllocationResult,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Quantity,
    ResourceSliceSpec,
)
from dra_policy.resources import Device as PublishedDevice


def check_placement(case: Case, placement: Allocated) -> tuple[Violation, ...]:
    """All that is wrong with a placement; nothing if it is right.

    It is right if every rule holds for it (B to I, N, and E14, C2, J14, J15 for what is written beside the devices). That
    it is the first one in Kubernetes' order (J8) is the matter of `check_first`.
    """
    return tuple(_Placement(case, placement).violations())


def picks_of(case: Case, placement: Allocated) -> list[Pick]:
    """The choices of a placement that is right, in order."""
    return _Placement(case, placement).picks()


class _Placement:
    def __init__(self, case: Case, placement: Allocated) -> None:
        self.case = case
        self.placement = placement
        self._share_ids: set[str] = set()

    def violations(self) -> Iterator[Violation]:
        case, placement = self.case, self.placement
        wrong = list(case.errors())
        if placement.node != case.node.metadata.name:
            wrong.append(Violation("J2", f"is for node `{placement.node}`, asked was `{case.node.metadata.name}`"))
        if list(placement.claims) != [claim.key for claim in case.claims]:
            wrong.append(Violation("J2", "is for other claims than those that asked"))
        if len(placement.results) != len(case.claims):
            wrong.append(Violation("J2", "has not one result for each claim"))
        if wrong:
            yield from wrong
            return
        earlier: list[Pick] = []
        for number, result in enumerate(placement.results):
            yield from self._claim(number, result, earlier)

    def picks(self) -> list[Pick]:
        by_name = self._by_name()
        return [
            (by_name[number][one.request], self.case.by_id[DeviceID(one.driver, one.pool, one.device)])
            for number, result in enumerate(self.placement.results)
            for one in result.devices.results
        ]

    def _by_name(self) -> list[dict[str, Wanted]]:
        return [{w.name: w for alternatives in claim for w in alternatives} for claim in self.case.wanted]

    def _claim(self, number: int, result: AllocationResult, earlier: list[Pick]) -> Iterator[Violation]:
        case, key = self.case, self.case.claims[number].key
        by_name = self._by_name()[number]
        picks: list[Pick] = []
        lost = False
        for one in result.devices.results:
            device = DeviceID(one.driver, one.pool, one.device)
            wanted, offer = by_name.get(one.request), case.by_id.get(device)
            if wanted is None:
                yield Violation("E9", "there is no such request", key, one.request, device)
            elif offer is None:
                no = self._not_offered(device)
                yield Violation(no.rule, no.sentence, key, one.request, device)
            else:
                no_more = objection(case, [*earlier, *picks], wanted, offer)
                if no_more is not None:
                    yield Violation(no_more.rule, no_more.sentence, key, wanted.name, device)
                for rule, sentence in self._written(one, wanted, offer):
                    yield Violation(rule, sentence, key, wanted.name, device)
                picks.append((wanted, offer))
                continue
            lost = True
        earlier += picks
        if lost:
            return
        if len(picks) > LIMIT:
            yield Violation("A7", f"has {len(picks)} devices, the limit is {LIMIT}", key)
        yield from self._counts(number, picks)
        chosen = self._chosen(number, picks)
        if chosen is None:
            return
        selector = self._selector(picks)
        if isinstance(selector, Objection):
            yield Violation(selector.rule, selector.sentence, key)
        elif selector != result.node_selector:
            yield Violation("C2", "the node selector is not the one that its devices make", key)
        if self._configs(number, chosen) != result.devices.config:
            yield Violation("E14", "the configuration is not that of its classes and claim", key)

    def _not_offered(self, device: DeviceID) -> Objection:
        """Why the node does not see a device, in the words of the first rule that keeps it away."""
        pool = self.case.pools.get(device.pool_id)
        if pool is not None and pool.trouble:
            return Objection(pool.trouble, f"pool {device.pool_id} is not whole")
        published = [
            one
            for one in self.case.slices
            if (one.spec.driver, one.spec.pool.name) == device.pool_id
            and any(known.name == device.device for known in one.spec.devices)
        ]
        if not published:
            return Objection("B1", "there is no such device")
        if pool is None:
            return Objection("B2", "the node does not see its pool")
        newest = max(
            one.spec.pool.generation for one in self.case.slices if (one.spec.driver, one.spec.pool.name) == pool.id
        )
        if all(one.spec.pool.generation < newest for one in published):
            return Objection("B4", "it is of an earlier generation of its pool")
        return Objection("B2", "its slice is not for the node")

    def _counts(self, number: int, picks: Sequence[Pick]) -> Iterator[Violation]:
        """Requests in order, one alternative each, devices in order (J6, J14), as many as asked (E2-E5)."""
        case, key = self.case, self.case.claims[number].key
        if any(one.request > other.request for (one, _), (other, _) in pairwise(picks)):
            yield Violation("J14", "the devices are not in the order of the requests", key)
        for alternatives in case.wanted[number]:
            here = [pick for pick in picks if any(pick[0] is wanted for wanted in alternatives)]
            used = [wanted for wanted in alternatives if any(pick[0] is wanted for pick in here)]
            name = case.claims[number].requests[alternatives[0].request].name
            if len(used) > 1:
                yield Violation("E7", "has devices for more than one alternative", key, name)
                continue
            if not used and all(case.count(wanted) for wanted in alternatives):
                yield Violation("E2", "has no devices", key, name)
            for wanted in used:
                offers = [offer for _, offer in here]
                if any(one.position >= other.position for one, other in pairwise(offers)):
                    yield Violation("J6", "the devices of the request are not in order", key, wanted.name)
                if wanted.every and {o.id for o in offers} != {o.id for o in case.devices(wanted)}:
                    yield Violation("E3", "All is not all that match", key, wanted.name)
                elif len(offers) != case.count(wanted):
                    sentence = f"has {len(offers)} devices, asked for {case.count(wanted)}"
                    yield Violation("E2", sentence, key, wanted.name)

    def _chosen(self, number: int, picks: Sequence[Pick]) -> list[Wanted] | None:
        """The alternative of each request; for one that wants no devices the first such one."""
        chosen: list[Wanted] = []
        for alternatives in self.case.wanted[number]:
            used = [w for w in alternatives if any(wanted is w for wanted, _ in picks)]
            used = used or [w for w in alternatives if not self.case.count(w)]
            if not used:
                return None
            chosen.append(used[0])
        return chosen

    # --- what is written beside each device

    def _written(self, one: DeviceRequestAllocationResult, wanted: Wanted, offer: Offer) -> Iterator[tuple[str, str]]:
        device, features = offer.device, self.case.features
        if one.admin_access is not (True if wanted.admin else None):
            yield "J15", "admin access is written for a request without it, or not for one with it"
        if one.tolerations != wanted.ask.tolerations:
            yield "J15", "the tolerations are not those of the request"
        binding = features.device_binding_and_status
        conditions = (device.binding_conditions, device.binding_failure_conditions) if binding else ((), ())
        if (one.binding_conditions, one.binding_failure_conditions) != conditions:
            yield "J15", "the binding conditions are not those of the device"
        if one.skip_node_operations != (
            offer.slice.spec.skip_node_operations if features.optional_node_operations else ()
        ):
            yield "N3", "the node operations to skip are not those of the slice"
        shared = shareable(self.case, offer)
        if (one.share_id is not None) is not shared:
            yield "H8", "a share id is written for an exclusive device, or missing for a share"
        if one.share_id is not None:
            if one.share_id in self._share_ids | self.case.usage.shares(offer.id):
                yield "H8", "the share id is taken"
            self._share_ids.add(one.share_id)
        taken = self.case.consumption(wanted, offer) if shared else {}
        if not isinstance(taken, Objection) and _texts(one.consumed_capacity) != _texts(taken):
            yield "H8", "the consumed capacity is not what the request takes"

    # --- what is written beside the whole

    def _selector(self, picks: Sequence[Pick]) -> NodeSelector | Objection | None:
        """C2, C3."""
        parts: dict[str, list[NodeSelectorRequirement]] = {"labels": [], "fields": []}
        for _, offer in picks:
            spec = offer.slice.spec
            place: ResourceSliceSpec | PublishedDevice = offer.device if spec.per_device_node_selection else spec
            if place.node_name or offer.device.binds_to_node:
                here = NodeSelectorRequirement(key="metadata.name", operator="In", values=(self.placement.node,))
                return NodeSelector(node_selector_terms=(NodeSelectorTerm(match_fields=(here,)),))
            terms = () if place.node_selector is None else place.node_selector.node_selector_terms
            if len(terms) > 1:
                return Objection("C3", "a node selector has more than one term")
            for term in terms:
                for kind, more in (("labels", term.match_expressions), ("fields", term.match_fields)):
                    for one in more:
                        meaning = one.key, one.operator, frozenset(one.values)
                        if meaning not in [(o.key, o.operator, frozenset(o.values)) for o in parts[kind]]:
                            parts[kind].append(one)
        if not parts["labels"] and not parts["fields"]:
            return None
        term = NodeSelectorTerm(match_expressions=tuple(parts["labels"]), match_fields=tuple(parts["fields"]))
        return NodeSelector(node_selector_terms=(term,))

    def _configs(self, number: int, chosen: Sequence[Wanted]) -> tuple[DeviceAllocationConfiguration, ...]:
        """E14."""
        claim = self.case.claims[number]
        names = {wanted.name: claim.requests[wanted.request].name for wanted in chosen}
        entries = []
        for name in dict.fromkeys(wanted.ask.class_name for wanted in chosen):
            served = tuple(wanted.name for wanted in chosen if wanted.ask.class_name == name)
            entries += [("FromClass", served, config.opaque) for config in self.case.classes[name].configs]
        for config in claim.configs:
            if not config.requests or any(n in config.requests or base in config.requests for n, base in names.items()):
                entries.append(("FromClaim", config.requests, config.opaque))
        return tuple(
            DeviceAllocationConfiguration(
                source=source,
                requests=() if all(n in served or base in served for n, base in names.items()) else served,
                opaque=opaque,
            )
            for source, served, opaque in entries
        )


def _texts(taken: dict[str, Quantity]) -> dict[str, str]:
    return {name: str(amount) for name, amount in taken.items()}


__all__ = ["check_placement", "picks_of"]
