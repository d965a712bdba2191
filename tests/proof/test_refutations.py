"""Refutations: each kind of step is accepted where it holds, and never where there is a placement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.inventory import DeviceID, PoolID
from dra_policy.proof import Case, check_refutation
from dra_policy.proof.certificate import (
    Amounts,
    CapacityOf,
    Chosen,
    CounterOf,
    Counting,
    DeviceItself,
    Distinct,
    Enumerated,
    Exhausted,
    Group,
    Label,
    Labels,
    Matching,
    Refutation,
    RequestID,
    Resource,
    Same,
    Symmetric,
    SymmetricClaims,
    SymmetricRequests,
    Unrelated,
    Without,
)
from dra_policy.proof.prover import prove
from dra_policy.proof.refutation import check_after
from dra_policy.proof.state import State
from dra_policy.rules import ClaimKey, ConstraintKind

Json = Any
KEY = ClaimKey("", "claim")
POOL = PoolID("gpu.io", "p")


def of(request: str = "r", claim: str = "claim") -> RequestID:
    return RequestID(ClaimKey("", claim), request)


def device(name: str) -> DeviceID:
    return DeviceID("gpu.io", "p", name)


def wrong(case: Case, refutation: Refutation) -> str:
    found = check_refutation(case, refutation)
    return found[0].sentence if found else ""


# --- bounds


def test_counting(build: Json, read: Json) -> None:
    case = read(build.question([build.pool(build.devices(2))], [build.claim(build.request(count=3))])).case
    assert check_refutation(case, Counting((of(),))) == ()
    assert check_refutation(case, Enumerated()) == ()
    assert "has no request" in wrong(case, Counting((of("other"),)))
    enough = read(build.question([build.pool(build.devices(3))], [build.claim(build.request(count=3))])).case
    assert "enough" in wrong(enough, Counting((of(),)))
    assert "there is a placement" in wrong(enough, Enumerated())
    assert "there is a placement" in wrong(enough, Exhausted(of(), ((device("d0"), Enumerated()),)))


def test_matching_and_its_groups(build: Json, read: Json) -> None:
    claims = [build.claim(build.request(), name=f"c{i}") for i in range(3)]
    requests = tuple(of(claim=f"c{i}") for i in range(3))
    case = read(build.question([build.pool(build.devices(2))], claims)).case
    assert check_refutation(case, Matching(requests)) == ()
    assert check_refutation(case, Matching(requests, frozenset((device("d0"), device("d1"))))) == ()
    assert "needs 2 devices" in wrong(case, Matching(requests[:2]))
    assert "needs 0 devices" in wrong(case, Matching(requests, frozenset((device("d0"),))))
    assert "different ones" in wrong(case, Matching((*requests, requests[0])))
    # Two of the three devices draw on a counter that serves one of them.
    drawing = {"consumesCounters": [{"counterSet": "s", "counters": {"units": {"value": "2"}}}]}
    counters = [{"name": "s", "counters": {"units": {"value": "3"}}}]
    two = {"resourceSliceCount": 2}
    devices = [{"name": "d0", **drawing}, {"name": "d1", **drawing}, {"name": "d2"}]
    slices = [build.pool(devices, pool=two), build.pool([], pool=two, named="sets", sharedCounters=counters)]
    drawn = read(build.question(slices, claims)).case
    group = Group(frozenset((device("d0"), device("d1"))), CounterOf(POOL, "s", "units"))
    assert check_refutation(drawn, Matching(requests, groups=(group,))) == ()
    assert "there are 3" in wrong(drawn, Matching(requests))


def test_shares_of_a_device(build: Json, read: Json) -> None:
    nic = {"name": "nic", "allowMultipleAllocations": True, "capacity": {"slots": {"value": "5"}}}
    asking = build.request(capacity={"requests": {"slots": "2"}})
    for number, refuted in ((2, False), (3, True)):
        claims = [build.claim(asking, name=f"c{i}") for i in range(number)]
        case = read(build.question([build.pool([nic])], claims)).case
        requests = tuple(of(claim=f"c{i}") for i in range(number))
        for step in (Matching(requests), Amounts(requests, (CapacityOf(device("nic"), "slots"),))):
            assert (check_refutation(case, step) == ()) is refuted


def test_amounts(build: Json, read: Json) -> None:
    def drawing(units: int) -> Json:
        return {"consumesCounters": [{"counterSet": "s", "counters": {"units": {"value": str(units)}}}]}

    two = {"resourceSliceCount": 2}
    units = CounterOf(POOL, "s", "units")
    # Of 7 units, of which only 6 can be drawn by threes, two devices of three are enough, three are too many.
    for count, step in ((2, 3), (3, 3), (2, 4)):
        devices = [{"name": f"d{i}", **drawing(step)} for i in range(3)]
        counters = [{"name": "s", "counters": {"units": {"value": "7"}}}]
        slices = [build.pool(devices, pool=two), build.pool([], pool=two, named="sets", sharedCounters=counters)]
        case = read(build.question(slices, [build.claim(build.request(count=count))])).case
        assert (check_refutation(case, Amounts((of(),), (units,))) == ()) is (count * step > 7)
    case = read(build.question([build.pool(build.devices(1))], [build.claim(build.request())])).case
    assert "one kind" in wrong(case, Amounts((of(),), (units, DeviceItself(device("d0")))))
    assert "different ones" in wrong(case, Amounts((of(),), (units, units)))


def listed(*values: str) -> list[Json]:
    return [{"name": f"d{i}", "attributes": {"tag": {"string": value}}} for i, value in enumerate(values)]


def test_distinct(build: Json, read: Json) -> None:
    constraint = {"distinctAttribute": "gpu.io/tag"}
    for values, refuted in (("aabb", True), ("aabc", False)):
        claim = build.claim(build.request(count=3), constraints=[constraint])
        case = read(build.question([build.pool(listed(*values))], [claim])).case
        assert (check_refutation(case, Distinct(KEY, 0, (of(),))) == ()) is refuted
        within = frozenset((Label("string", "a"), Label("string", "b")))
        assert (check_refutation(case, Distinct(KEY, 0, (of(),), within)) == ()) is refuted
    claim = build.claim(build.request(), constraints=[constraint])
    case = read(build.question([build.pool(listed("a"))], [claim])).case
    assert "no such constraint" in wrong(case, Distinct(KEY, 1, (of(),)))
    assert "no matchAttribute" in wrong(case, Labels(KEY, 0, ()))


def test_labels_and_lemmas(build: Json, read: Json) -> None:
    constraint = {"matchAttribute": "gpu.io/tag"}
    claim = build.claim(build.request(count=3), constraints=[constraint])
    a, b, c = (Label("string", text) for text in "abc")
    case = read(build.question([build.pool(listed(*"aabbc"))], [claim])).case
    too_few = Counting((of(),))
    assert check_refutation(case, Labels(KEY, 0, tuple((label, too_few) for label in (a, b, c)))) == ()
    assert "left out" in wrong(case, Labels(KEY, 0, ((a, too_few), (b, too_few))))
    nothing = Labels(KEY, 0, ())
    lemmas = Without(KEY, 0, a, too_few, Without(KEY, 0, b, too_few, Without(KEY, 0, c, too_few, nothing)))
    assert check_refutation(case, lemmas) == ()
    assert "left out" in wrong(case, Without(KEY, 0, a, too_few, nothing))
    enough = read(build.question([build.pool(listed(*"aaabc"))], [claim])).case
    assert "enough" in wrong(enough, lemmas)


# --- choices


def test_exhausted_alternatives(build: Json, read: Json) -> None:
    """Two claims want the same device: it is exhausted, whichever has it."""
    only = {"selectors": [{"cel": {"expression": 'device.attributes["gpu.io"].tag == "a"'}}]}
    either = {
        "name": "r",
        "firstAvailable": [
            {"name": "one", "deviceClassName": "any", **only},
            {"name": "all", "deviceClassName": "any", "count": 4},
        ],
    }
    claims = [build.claim(either, name="c0"), build.claim(build.request(**only), name="c1")]
    case = read(build.question([build.pool(listed(*"abc"))], claims)).case
    after = Exhausted(of(claim="c0"), ((device("d0"), Counting((of(claim="c1"),))),))
    too_many = Counting((of(claim="c0"),))
    assert check_refutation(case, Exhausted(of(claim="c0"), ((0, after), (1, too_many)))) == ()
    assert "nothing is said" in wrong(case, Exhausted(of(claim="c0"), ((0, after),)))
    assert "not what is chosen next" in wrong(case, Exhausted(of(claim="c1"), ()))
    assert "not what is chosen next" in wrong(
        case, Exhausted(of(claim="c0"), ((0, Exhausted(of(claim="c1"), ())), (1, too_many)))
    )


def test_a_request_that_has_no_part_in_it(build: Json, read: Json) -> None:
    claim = build.claim(build.request("first"), build.request("many", 3))
    for number, refuted in ((2, True), (3, False), (4, False)):
        case = read(build.question([build.pool(build.devices(number))], [claim])).case
        assert (check_refutation(case, Unrelated(of("first"), Counting((of("many"),)))) == ()) is refuted
    case = read(build.question([build.pool(build.devices(3))], [claim])).case
    assert "is open" in wrong(case, Unrelated(of("first"), Counting((of("first"),))))
    # The other way round: what was chosen stays chosen.
    step = Exhausted(of("first"), ((device("d0"), Counting((of("many"),))),))
    assert check_refutation(case, step) == ()


def test_symmetric_devices_need_no_part(build: Json, read: Json) -> None:
    """After one of three equal devices the second request still fails; a device that differs needs a part of its own."""
    claim = build.claim(build.request("first"), build.request("many", 3))
    alike = read(build.question([build.pool(build.devices(3))], [claim])).case
    one = Exhausted(of("first"), ((device("d0"), Counting((of("many"),))),))
    assert check_refutation(alike, one) == ()
    devices = [*build.devices(2), {"name": "d2", "taints": [{"key": "k", "effect": "NoSchedule"}]}]
    tolerant = build.claim(build.request("first", tolerations=[{"operator": "Exists"}]), build.request("many", 2))
    differing = read(build.question([build.pool(devices)], [tolerant])).case
    assert "nothing is said" in wrong(differing, one)
    by_hand = (
        (device("d0"), Counting((of("many"),))),
        (device("d1"), Symmetric(device("d1"), device("d0"))),
        (device("d2"), Symmetric(device("d2"), device("d0"))),
    )
    assert "not alike" in wrong(differing, Exhausted(of("first"), by_hand))


def test_exchanged_requests_and_claims(build: Json, read: Json) -> None:
    """The second of two equal requests need not look at devices before those of the first one."""
    devices = build.devices(3)
    in_claim = [build.claim(build.request("a"), build.request("b"), build.request("c", 2))]
    in_call = [build.claim(build.request("r"), name=name) for name in "ab"] + [
        build.claim(build.request("r", 2), name="c")
    ]
    for claims, names, exchange in (
        (in_claim, [of("a"), of("b"), of("c")], SymmetricRequests(of("a"), of("b"))),
        (in_call, [of(claim=name) for name in "abc"], SymmetricClaims(ClaimKey("", "a"), ClaimKey("", "b"))),
    ):
        case = read(build.question([build.pool(devices)], claims)).case
        rest = Counting((names[2],))

        def second(
            first: str, case: Case = case, names: Any = names, exchange: Any = exchange, rest: Any = rest
        ) -> Refutation:
            others = [name for name in ("d0", "d1", "d2") if name != first]
            return Exhausted(names[1], tuple((device(n), exchange if n < first else rest) for n in others))

        parts = tuple((device(first), second(first)) for first in ("d0", "d1", "d2"))
        assert check_refutation(case, Exhausted(names[0], parts)) == ()
        back = tuple((device(n), exchange) for n in ("d1", "d2"))
        assert "not come earlier" in wrong(
            case, Exhausted(names[0], ((device("d0"), Exhausted(names[1], back)), *parts[1:]))
        )


def test_the_same_state_reached_before(build: Json, read: Json) -> None:
    claim = build.claim(build.request("a"), build.request("b"), build.request("c", 2))
    case = read(build.question([build.pool(listed(*"abc"))], [claim])).case
    rest = Counting((of("c"),))

    def chosen(first: str, then: str) -> tuple[Chosen, ...]:
        return Chosen(KEY, "a", device(first)), Chosen(KEY, "b", device(then))

    def second(first: str, same: dict[str, tuple[Chosen, ...]]) -> Refutation:
        others = [name for name in ("d0", "d1", "d2") if name != first]
        return Exhausted(of("b"), tuple((device(n), Same(same[n]) if n in same else rest) for n in others))

    def whole(same: tuple[Chosen, ...]) -> Refutation:
        parts = [(device("d0"), second("d0", {})), (device("d1"), second("d1", {"d0": same}))]
        return Exhausted(of("a"), (*parts, (device("d2"), second("d2", {}))))

    assert check_refutation(case, whole(chosen("d0", "d1"))) == ()
    assert "something else" in wrong(case, whole(chosen("d0", "d2")))
    assert "earlier" in wrong(case, whole(chosen("d1", "d0")))
    assert "cannot be chosen" in wrong(case, whole(chosen("d0", "d0")))
    assert "same place" in wrong(case, whole(chosen("d0", "d1")[:1]))


def test_an_error_on_the_way_is_no_refusal(build: Json, read: Json) -> None:
    """D8, D10: a selector that raises ends the search where it is met."""
    raising = {"selectors": [{"cel": {"expression": 'device.attributes["gpu.io"].tag == "a"'}}]}
    devices = [*listed("b"), {"name": "odd"}]
    case = read(build.question([build.pool(devices)], [build.claim(build.request(**raising))])).case
    assert [violation.rule for violation in check_refutation(case, Enumerated())] == ["D8"]
    assert [violation.rule for violation in check_refutation(case, Exhausted(of(), ()))] == ["D8"]


def test_a_device_that_gives_counters_back(build: Json, read: Json) -> None:
    """Where a choice can make room, what is refused now may fit later: no bound holds."""
    draws = [{"counterSet": "s", "counters": {"units": {"value": value}}} for value in ("-2", "3")]
    devices = [{"name": f"d{i}", "consumesCounters": [one]} for i, one in enumerate(draws)]
    counters = [{"name": "s", "counters": {"units": {"value": "1"}}}]
    two = {"resourceSliceCount": 2}
    slices = [build.pool(devices, pool=two), build.pool([], pool=two, named="sets", sharedCounters=counters)]
    case = read(build.question(slices, [build.claim(build.request(count=2))])).case
    assert "room can appear" in wrong(case, Counting((of(),)))
    assert "there is a placement" in wrong(case, Enumerated())


# --- no step is accepted on the way to a placement


def leaves(state: State) -> Iterator[Refutation]:
    """All steps that come to mind."""
    case = state.case
    names = [RequestID(case.claims[c].key, case.claims[c].requests[r].name) for c, r in state.open]
    resources: list[tuple[Resource, ...]] = [tuple(DeviceItself(offer.id) for offer in case.offers)]
    groups: list[tuple[Group, ...]] = [()]
    for pool in case.pools.values():
        for counter_set, counter in pool.counters:
            resource = CounterOf(pool.id, counter_set, counter)
            drawing = [o for o in pool.offers if any(p.counter_set == counter_set for p in o.device.consumes_counters)]
            resources.append((resource,))
            groups.append((Group(frozenset(offer.id for offer in drawing), resource),))
    for name in {name for offer in case.offers for name in offer.device.capacity}:
        shared = [o for o in case.offers if name in o.device.capacity and o.device.allow_multiple_allocations]
        resources += [tuple(CapacityOf(offer.id, name) for offer in shared)] if shared else []
    for requests in (some for size in (1, 2, 3) for some in combinations(names[:4], size)):
        yield Counting(requests)
        yield from (Matching(requests, groups=group) for group in groups)
        yield from (Amounts(requests, some) for some in resources if some)
    for claim in case.claims:
        for position, constraint in enumerate(claim.constraints):
            if constraint.kind is ConstraintKind.MATCH:
                yield Labels(claim.key, position, ())
            else:
                yield from (Distinct(claim.key, position, (name,)) for name in names)
                yield Distinct(claim.key, position, tuple(name for name in names if name.claim == claim.key))
        yield from (
            SymmetricRequests(RequestID(claim.key, one.name), RequestID(claim.key, other.name))
            for one, other in combinations(claim.requests, 2)
        )
    yield from (SymmetricClaims(one.key, other.key) for one, other in combinations(case.claims, 2))
    choices = [Chosen(wanted.key, wanted.name, offer.id) for wanted, offer in state.picks]
    for offer in case.offers if choices else ():
        yield Symmetric(choices[-1].device, offer.id)
        for number, choice in enumerate(choices):
            yield Same((*choices[:number], choice._replace(device=offer.id), *choices[number + 1 :]))


QUESTIONS = 120


@pytest.mark.parametrize("part", range(2))
def test_nothing_is_refuted_on_the_way_to_the_first_placement(
    part: int, strategies: ModuleType, read_all: Any, say: Callable[[str], None]
) -> None:
    """Every step that holds somewhere on the way would rule the answer out."""
    seen: Counter[str] = Counter()

    def check(question: Any) -> None:
        asked = read_all(question)
        outcome = asked.outcome(2_000)
        case = asked.case
        if isinstance(outcome, Unsatisfiable):
            refutation = prove(case, places=200)
            seen["proved" if refutation is not None else "not proved"] += 1
            assert refutation is None or check_refutation(case, refutation) == ()
        if not isinstance(outcome, Allocated):
            return
        assert prove(case, places=50) is None
        state, step = State.start(case), 0
        picks = [
            (one.request, DeviceID(one.driver, one.pool, one.device))
            for result in outcome.results
            for one in result.devices.results
        ]
        while not state.complete:
            for leaf in leaves(state):
                seen["steps"] += 1
                assert check_after(state, leaf), (leaf, picks[:step])
            request, chosen = picks[step]
            if state.wanted is None:
                alternatives = case.wanted[state.claim][state.request]
                state = state.choosing([wanted.name for wanted in alternatives].index(request))
            else:
                state, step = state.picking(case.by_id[chosen]), step + 1
        seen["placements"] += 1

    run: Any = given(strategies.questions())(check)
    asked: Any = settings(
        max_examples=QUESTIONS // 2,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )(seed(part)(run))
    asked()
    say(", ".join(f"{count} {what}" for what, count in seen.most_common()))
    assert seen["steps"] > 500
    assert seen["placements"] >= QUESTIONS // 8
    assert seen["not proved"] <= QUESTIONS // 20


def test_an_enumeration_with_reasons(build: Json, read: Json) -> None:
    """Two of twelve devices fit the second claim, and the first may take any that differ: the same fails every time."""
    only = {"selectors": [{"cel": {"expression": 'device.attributes["gpu.io"].tag == "a"'}}]}
    apart = [{"distinctAttribute": "gpu.io/tag"}]
    first = build.claim(build.request("x", 3), name="c0", constraints=apart)
    case = read(
        build.question(
            [build.pool(listed(*"aa", *"bcdefghijk"))], [first, build.claim(build.request("y", 3, **only), name="c1")]
        )
    ).case
    assert check_refutation(case, Enumerated((Counting((of("y", "c1"),)),)), budget=30) == ()
    assert "would have to be tried" in check_refutation(case, Enumerated(), budget=30)[0].sentence
    no_reason = Enumerated((Counting((of("x", "c0"),)),))
    assert "would have to be tried" in check_refutation(case, no_reason, budget=60)[0].sentence
