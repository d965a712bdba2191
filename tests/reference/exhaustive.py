"""A short allocator that tries everything: every way to choose devices, in order, each judged as a whole.

It shares nothing with the allocator of the package but the rules of Dynamic Resource Allocation: plain JSON objects
in, no expressions (selectors are looked up in a table), no state, no undoing, no early end. It knows ExactCount and
All, alternatives, selectors, taints, node choice, devices in use, administrative access, scalar constraints, shared
counters, compatibility groups and consumable capacity without policies. It does not know errors: questions that have any are not for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, product
from typing import Any, NamedTuple

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
Identity = tuple[str, str, str]


class Pick(NamedTuple):
    """One device for one request."""

    claim: int
    request: str
    ask: Json
    identity: Identity
    device: Json


@dataclass
class World:
    """All that a question is about, on one node."""

    node: str
    slices: list[Json]
    classes: dict[str, list[str]]
    selectors: dict[str, Predicate]
    exclusive: set[Identity] = field(default_factory=set)
    consumed: dict[Identity, dict[str, int]] = field(default_factory=dict)

    def devices(self) -> list[tuple[Identity, Json]]:
        """B10, B11: by driver, pool and slice name, then as listed; only what the node reaches (C1)."""

        def order(s: Json) -> tuple[str, str, str]:
            return s["spec"]["driver"], s["spec"]["pool"]["name"], s["metadata"]["name"]

        found = []
        for spec in (published["spec"] for published in sorted(self.slices, key=order)):
            if spec.get("allNodes") or spec.get("nodeName") == self.node:
                found += [((spec["driver"], spec["pool"]["name"], d["name"]), d) for d in spec.get("devices", [])]
        return found

    def counters(self, driver: str, pool: str) -> dict[tuple[str, str], Fraction]:
        return {
            (counter_set["name"], name): Fraction(counter["value"])
            for s in self.slices
            if (s["spec"]["driver"], s["spec"]["pool"]["name"]) == (driver, pool)
            for counter_set in s["spec"].get("sharedCounters", [])
            for name, counter in counter_set["counters"].items()
        }


def first_solution(world: World, claims: list[Json]) -> list[list[Pick]] | None:
    """The picks of every claim: the first way in the order of J8 that breaks no rule; None if all of them do."""
    ways = [list(ways_of_claim(world, number, claim)) for number, claim in enumerate(claims)]
    for way in product(*ways):
        if holds(world, claims, [pick for picks in way for pick in picks]):
            return [list(picks) for picks in way]
    return None


def ways_of_claim(world: World, number: int, claim: Json) -> Iterator[list[Pick]]:
    per_request = [list(ways_of_request(world, number, r)) for r in claim["spec"]["devices"].get("requests", [])]
    for way in product(*per_request):
        yield [pick for picks in way for pick in picks]


def ways_of_request(world: World, claim: int, request: Json) -> Iterator[list[Pick]]:
    """Alternatives in order, then sets of devices in order (J8)."""
    alternatives = request.get("firstAvailable") or [request["exactly"]]
    for ask in alternatives:
        name = f"{request['name']}/{ask['name']}" if "firstAvailable" in request else request["name"]
        fitting = [Pick(claim, name, ask, *found) for found in world.devices() if selected(world, ask, found[1])]
        if ask.get("allocationMode") == "All":
            if fitting:  # E4
                yield fitting
        else:
            yield from map(list, combinations(fitting, ask.get("count", 1)))


def selected(world: World, ask: Json, device: Json) -> bool:
    """D8; and E3: All leaves out devices without a capacity that is asked for, or with too little of it."""
    texts = world.classes[ask["deviceClassName"]] + [s["cel"]["expression"] for s in ask.get("selectors", [])]
    wanted = ask.get("capacity", {}).get("requests", {})
    capacity = device.get("capacity", {})
    large_enough = all(n in capacity and Fraction(a) <= Fraction(capacity[n]["value"]) for n, a in wanted.items())
    return all(world.selectors[text](device) for text in texts) and large_enough


def holds(world: World, claims: list[Json], picks: list[Pick]) -> bool:
    return (
        all(tolerated(pick) for pick in picks)
        and free(world, picks)
        and enough_capacity(world, picks)
        and enough_counters(world, picks)
        and all(
            constraint_holds(constraint, [p for p in picks if p.claim == number])
            for number, claim in enumerate(claims)
            for constraint in claim["spec"]["devices"].get("constraints", [])
        )
    )


def tolerated(pick: Pick) -> bool:
    """I2, I3."""
    return all(
        taint["effect"] not in ("NoSchedule", "NoExecute")
        or any(
            t.get("effect", taint["effect"]) == taint["effect"]
            and t.get("key", taint["key"]) == taint["key"]
            and (t.get("operator") == "Exists" or t.get("value", "") == taint.get("value", ""))
            for t in pick.ask.get("tolerations", [])
        )
        for taint in pick.device.get("taints", [])
    )


def free(world: World, picks: list[Pick]) -> bool:
    """J5, E10, E11: no device twice, shareable ones and administrative access aside."""
    earlier: list[Pick] = []
    for pick in picks:
        same = [p for p in earlier if p.identity == pick.identity and not p.device.get("allowMultipleAllocations")]
        if pick.ask.get("adminAccess"):
            if any(p.claim == pick.claim for p in same):
                return False
        elif same or pick.identity in world.exclusive:
            return False
        earlier.append(pick)
    return True


def amounts(pick: Pick) -> dict[str, Fraction]:
    """H2 without policies: what is asked for, or all of it."""
    wanted = pick.ask.get("capacity", {}).get("requests", {})
    return {n: Fraction(wanted.get(n, c["value"])) for n, c in pick.device.get("capacity", {}).items()}


def enough_capacity(world: World, picks: list[Pick]) -> bool:
    """H6: for each device, what is consumed and what all its shares here take is at most what it has."""
    for pick in picks:
        shares = [p for p in picks if p.identity == pick.identity]
        if not pick.device.get("allowMultipleAllocations"):
            shares = [pick]
        before = world.consumed.get(pick.identity, {})
        for name, capacity in pick.device.get("capacity", {}).items():
            if before.get(name, 0) + sum(amounts(share)[name] for share in shares) > Fraction(capacity["value"]):
                return False
    return True


def enough_counters(world: World, picks: list[Pick]) -> bool:
    """G3 to G5: per pool, devices in use and devices picked; shares of one device count once, and not if it is in use."""
    known = {found[0]: found[1] for found in world.devices()}
    for driver, pool in {pick.identity[:2] for pick in picks if pick.device.get("consumesCounters")}:
        charged = [
            known[identity]
            for identity in {*world.exclusive, *world.consumed}
            if identity in known and identity[:2] == (driver, pool)
        ]
        shared: set[Identity] = set()
        before = len(charged)
        for pick in picks:
            if pick.identity[:2] != (driver, pool):
                continue
            if pick.device.get("allowMultipleAllocations"):
                if pick.identity in shared or pick.identity in world.consumed:
                    continue
                shared.add(pick.identity)
            charged.append(pick.device)
        # A device without counters, or a further share, is never blocked (G4, G5).
        if not any(device.get("consumesCounters") for device in charged[before:]):
            continue
        if not groups_fit(charged, before):
            return False
        left = world.counters(driver, pool)
        for device in charged:
            for part in device.get("consumesCounters", []):
                for name, counter in part["counters"].items():
                    left[part["counterSet"], name] -= Fraction(counter["value"])
        if any(amount < 0 for amount in left.values()):
            return False
    return True


def groups_fit(charged: list[Json], before: int) -> bool:
    """N1: on each counter set that a picked device draws from, no device has groups or all have one in common."""
    for counter_set in {part["counterSet"] for d in charged[before:] for part in d.get("consumesCounters", [])}:
        groups = [
            set(part.get("compatibilityGroups", []))
            for device in charged
            for part in device.get("consumesCounters", [])
            if part["counterSet"] == counter_set
        ]
        if len(groups) > 1 and any(groups) and not set.intersection(*groups):
            return False
    return True


def constraint_holds(constraint: Json, picks: list[Pick]) -> bool:
    """F1 to F4 and F6, for scalar attributes."""
    names = constraint.get("requests", [])
    covered = [p for p in picks if not names or p.request in names or p.request.partition("/")[0] in names]
    attribute = constraint.get("matchAttribute") or constraint["distinctAttribute"]
    values = [value_of(pick, attribute) for pick in covered]
    if None in values:
        return False
    different = len(set(values))
    return different <= 1 if "matchAttribute" in constraint else different == len(values)


def value_of(pick: Pick, attribute: str) -> tuple[str, Any] | None:
    """F3."""
    domain, _, identifier = attribute.partition("/")
    attributes = pick.device.get("attributes", {})
    value = attributes.get(attribute) or (attributes.get(identifier) if domain == pick.identity[0] else None)
    return None if value is None else next(iter(value.items()))
