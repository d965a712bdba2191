"""Refutations: each kind of step is accepted where it holds, and never where there is a placement."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.inventory import DeviceID, PoolID
from dra_policy.proof import Case, check_first, check_refutation
from dra_policy.proof.certificate import (
    CapacityOf,
    CounterOf,
    Counting,
    DeviceItself,
    Label,
    Like,
    Refutation,
    Renaming,
    RequestID,
    Resource,
    Split,
    ValueOf,
    Way,
    Weight,
    Weights,
    Without,
)
from dra_policy.proof.first import ways_before
from dra_policy.proof.refutation import Checker, Unfounded
from dra_policy.proof.situation import Situation, draws, matches
from dra_policy.rules import ClaimKey

Json = Any
KEY = ClaimKey("", "claim")
POOL = PoolID("gpu.io", "p")
UNITS = CounterOf(POOL, "s", "units")


def of(request: str = "r", claim: str = "claim") -> RequestID:
    return RequestID(ClaimKey("", claim), request)


def device(name: str) -> DeviceID:
    return DeviceID("gpu.io", "p", name)


def itself(*names: str) -> Weights:
    return Weights(tuple(Weight(DeviceItself(device(name)), 1) for name in names))


def split(parts: dict[str, Refutation], request: RequestID = of(), number: int = -1) -> Split:  # noqa: B008  # a value
    return Split(request, tuple((Way(0, device(name)), part) for name, part in parts.items()), number)


def wrong(case: Case, refutation: Refutation) -> str:
    found = check_refutation(case, refutation)
    return found[0].sentence if found else ""


def listed(*values: str) -> list[Json]:
    return [{"name": f"d{i}", "attributes": {"tag": {"string": value}}} for i, value in enumerate(values)]


def drawing(units: int) -> Json:
    return {"consumesCounters": [{"counterSet": "s", "counters": {"units": {"value": str(units)}}}]}


def partitions(build: Json, devices: list[Json], supply: int) -> list[Json]:
    two = {"resourceSliceCount": 2}
    sets = [{"name": "s", "counters": {"units": {"value": str(supply)}}}]
    return [build.pool(devices, pool=two), build.pool([], pool=two, named="sets", sharedCounters=sets)]


# --- counting and weights


def test_counting(build: Json, read: Json) -> None:
    case = read(build.question([build.pool(build.devices(2))], [build.claim(build.request(count=3))])).case
    assert check_refutation(case, Counting()) == ()
    enough = read(build.question([build.pool(build.devices(3))], [build.claim(build.request(count=3))])).case
    assert "enough" in wrong(enough, Counting())


def test_devices_weighed(build: Json, read: Json) -> None:
    """Hall: three claims for two devices."""
    claims = [build.claim(build.request(), name=f"c{i}") for i in range(3)]
    case = read(build.question([build.pool(build.devices(2))], claims)).case
    assert check_refutation(case, itself("d0", "d1")) == ()
    assert "worth 0" in wrong(case, itself())
    assert "cost 0" in wrong(case, itself("d0"))
    enough = read(build.question([build.pool(build.devices(2))], claims[:2])).case
    assert "cost 2, and what is left is worth 2" in wrong(enough, itself("d0", "d1"))


def test_weights_are_what_they_are_said_to_be(build: Json, read: Json) -> None:
    case = read(build.question([build.pool(build.devices(2))], [build.claim(build.request())])).case
    for weight in (Weight(DeviceItself(device("d0")), -1), Weight(DeviceItself(device("d0")), 1, 0)):
        assert "not negative" in wrong(case, Weights((weight,)))


def test_shares_of_a_device(build: Json, read: Json) -> None:
    """Five slots are two shares of two, whatever weighs a slot: what is left over counts only in whole shares."""
    nic = {"name": "nic", "allowMultipleAllocations": True, "capacity": {"slots": {"value": "5"}}}
    asking = build.request(capacity={"requests": {"slots": "2"}})
    slots = CapacityOf(device("nic"), "slots")
    for number, refuted in ((2, False), (3, True)):
        claims = [build.claim(asking, name=f"c{i}") for i in range(number)]
        case = read(build.question([build.pool([nic])], claims)).case
        for unit in (1, 2 * 10**9):
            assert (check_refutation(case, Weights((Weight(slots, 1, unit),))) == ()) is refuted


def test_amounts_in_whole_units(build: Json, read: Json) -> None:
    """Of 7 units, of which only 6 can be drawn by threes, two devices of three are enough, three are too many."""
    for count, amount in ((2, 3), (3, 3), (2, 4)):
        devices = [{"name": f"d{i}", **drawing(amount)} for i in range(3)]
        case = read(build.question(partitions(build, devices, 7), [build.claim(build.request(count=count))])).case
        for unit in (1, amount * 10**9):
            assert (check_refutation(case, Weights((Weight(UNITS, 1, unit),))) == ()) is (count * amount > 7)


def test_distinct_values_weighed(build: Json, read: Json) -> None:
    constraint = {"distinctAttribute": "gpu.io/tag"}
    for values, refuted in (("aabb", True), ("aabc", False)):
        claim = build.claim(build.request(count=3), constraints=[constraint])
        case = read(build.question([build.pool(listed(*values))], [claim])).case
        weights = Weights(tuple(Weight(ValueOf(KEY, 0, Label("string", value)), 1) for value in sorted(set(values))))
        assert (check_refutation(case, weights) == ()) is refuted
    assert "no such matchAttribute" in wrong(case, Without(KEY, 0, Label("string", "a"), Counting(), Counting()))


def test_resources_weighed_against_each_other(build: Json, read: Json) -> None:
    """Three of four devices, one of which draws nothing: two of them draw more than there is."""
    devices = [{"name": f"d{i}", **drawing(4)} for i in range(3)] + [{"name": "d3"}]
    claims = [build.claim(build.request(), name=f"c{i}") for i in range(3)]
    case = read(build.question(partitions(build, devices, 7), claims)).case
    both = Weights((Weight(UNITS, 1), Weight(DeviceItself(device("d3")), 4 * 10**9)))
    assert check_refutation(case, both) == ()
    for alone in both.weights:
        assert "cost 0" in wrong(case, Weights((alone,)))


# --- values in common


def test_lemmas_on_values(build: Json, read: Json) -> None:
    claim = build.claim(build.request(count=3), constraints=[{"matchAttribute": "gpu.io/tag"}])
    a, b, c = (Label("string", text) for text in "abc")
    case = read(build.question([build.pool(listed(*"aabbc"))], [claim])).case
    few = Counting()
    lemmas = Without(KEY, 0, a, few, Without(KEY, 0, b, few, few))  # then there are too few devices with c
    assert check_refutation(case, Without(KEY, 0, c, few, lemmas)) == ()
    assert check_refutation(case, lemmas) == ()
    assert "enough" in wrong(case, Without(KEY, 0, a, few, few))
    assert "no such matchAttribute" in wrong(case, Without(KEY, 1, a, few, few))
    enough = read(build.question([build.pool(listed(*"aaabc"))], [claim])).case
    assert "enough" in wrong(enough, lemmas)


# --- splits


def test_alternatives(build: Json, read: Json) -> None:
    """Two claims want the same device: it is taken, whichever has it."""
    only = {"selectors": [{"cel": {"expression": 'device.attributes["gpu.io"].tag == "a"'}}]}
    either = {
        "name": "r",
        "firstAvailable": [
            {"name": "one", "deviceClassName": "any", **only},
            {"name": "three", "deviceClassName": "any", "count": 3},
        ],
    }
    claims = [build.claim(either, name="c0"), build.claim(build.request(**only), name="c1")]
    case = read(build.question([build.pool(listed(*"abc"))], claims)).case
    one, three = (Way(0, device("d0")), Counting()), (Way(1, device("d0")), Counting())
    assert check_refutation(case, Split(of(claim="c0"), (one, three))) == ()
    assert "nothing is said of gpu.io/p/d0" in wrong(case, Split(of(claim="c0"), (one,)))
    # In any order: the second claim first.
    assert check_refutation(case, split({"d0": Counting()}, of(claim="c1"))) == ()
    assert "has no request" in wrong(case, split({}, of("other")))


def test_a_request_that_is_served(build: Json, read: Json) -> None:
    claims = [build.claim(build.request(), name=name) for name in ("a", "b")]
    case = read(build.question([build.pool(build.devices(2))], claims)).case
    again = split({"d0": Counting(), "d1": Counting()}, of(claim="a"))
    assert "is served" in wrong(case, split({"d0": again, "d1": again}, of(claim="a")))


def test_later_devices_of_a_request_come_behind_earlier_ones(build: Json, read: Json) -> None:
    claim = build.claim(build.request(count=2), build.request("s", 2))
    case = read(build.question([build.pool(build.devices(3))], [claim])).case
    then = {"d0": split({"d1": Counting(), "d2": Counting()}), "d1": split({"d2": Counting()})}
    assert check_refutation(case, split(then)) == ()
    assert "nothing is said of gpu.io/p/d1" in wrong(case, split({"d0": then["d0"]}))


def test_an_error_on_the_way_is_no_refusal(build: Json, read: Json) -> None:
    """D8, D10: a selector that raises ends the search where it is met."""
    raising = {"selectors": [{"cel": {"expression": 'device.attributes["gpu.io"].tag == "a"'}}]}
    slices = [build.pool([*listed("a"), {"name": "odd"}])]
    last = build.claim(build.request("some", 2), build.request(**raising), build.request("many", 3))
    for claim, rules in ((build.claim(build.request(**raising), build.request("many", 3)), ["D8"]), (last, [])):
        found = check_refutation(read(build.question(slices, [claim])).case, Counting())
        assert [violation.rule for violation in found] == rules
    # Where a split comes to it: of three devices one is taken, the second matches, the third is an error.
    slices = [build.pool([*listed("a", "a"), {"name": "odd"}])]
    claims = [build.claim(build.request(), name="a"), build.claim(build.request(**raising), name="b")]
    claims.append(build.claim(build.request(count=2), name="c"))
    case = read(build.question(slices, claims)).case
    second = {
        name: split(dict.fromkeys({"d0", "d1"} - {name}, Counting()), of(claim="b")) for name in ("d0", "d1", "odd")
    }
    found = check_refutation(case, split(second, of(claim="a")))
    assert [violation.rule for violation in found] == ["D8"]
    # In another order nobody looks.
    assert check_refutation(case, itself("d0", "d1", "odd")) == ()


def test_a_device_that_gives_counters_back(build: Json, read: Json) -> None:
    """Where a choice can make room, what is refused now may fit later: no bound holds, and order matters."""
    devices = [{"name": "d0", **drawing(-2)}, {"name": "d1", **drawing(3)}]
    first, second = (build.request(name, 1, selectors=[]) for name in "ab")
    case = read(build.question(partitions(build, devices, 1), [build.claim(first, second)])).case
    assert "do not add up" in wrong(case, Weights((Weight(UNITS, 1),)))
    assert "who comes first" in wrong(case, split({"d0": Counting(), "d1": Counting()}, of("b")))
    assert "enough" in wrong(case, split({"d0": split({"d1": Counting()}, of("b"))}, of("a")))


# --- situations alike


def pairs(build: Json, devices: list[Json], supply: int = 100) -> Json:
    """Two devices for each of two requests, of four that differ in their tags, and one more for a third."""
    claim = build.claim(build.request("a"), build.request("b"), build.request("c", 3))
    return build.question(partitions(build, devices, supply), [claim])


def test_the_same_again(build: Json, read: Json) -> None:
    case = read(pairs(build, build.devices(4))).case
    rest = {name: Counting() for name in ("d0", "d1", "d2", "d3")}

    def second(first: str, number: int) -> Split:
        return split({name: why for name, why in rest.items() if name != first}, of("b"), number)

    def whole(renaming: Renaming, number: int = 0) -> Split:
        likes = {name: Like(number, renaming) for name in ("d2", "d3")}
        return split({"d0": second("d0", 0), "d1": second("d1", 1), **likes}, of("a"))

    def exchange(one: str, other: str) -> Renaming:
        return Renaming(((device(one), device(other)), (device(other), device(one))))

    def renamed(name: str) -> Split:
        parts: dict[str, Refutation] = {"d0": second("d0", 0), "d1": second("d1", 1)}
        parts |= {other: second(other, 9) for other in ("d2", "d3")}
        return split(parts | {name: Like(0, exchange("d0", name))}, of("a"))

    assert check_refutation(case, renamed("d2")) == ()
    assert check_refutation(case, renamed("d3")) == ()
    assert "could not be had" in wrong(case, whole(Renaming()))
    assert "could not be had" in wrong(case, whole(exchange("d1", "d2")))
    assert "not finished" in wrong(case, whole(exchange("d0", "d2"), 7))
    one_way = Renaming(((device("d0"), device("d2")),))
    assert "each name to one thing" in wrong(case, whole(one_way))


def test_nothing_is_like_what_is_under_way(build: Json, read: Json) -> None:
    case = read(build.question([build.pool(build.devices(2))], [build.claim(build.request())])).case
    assert "not finished" in wrong(case, split({"d0": Like(0), "d1": Like(0)}, number=0))
    assert "not finished" in wrong(case, Like(0))


@pytest.mark.parametrize(
    ("told", "sentence"), [({"attributes": {"tag": {"string": "odd"}}}, "values"), (drawing(1), "draw")]
)
def test_devices_that_differ_are_not_alike(told: Json, sentence: str, build: Json, read: Json) -> None:
    """Each of the four is followed by the same failure; but only the first three agree in everything."""
    same = {"attributes": {"tag": {"string": "same"}}}
    devices = [{"name": f"d{i}", **same} for i in range(3)] + [{"name": "d3", **same, **told}]
    question = pairs(build, devices)
    question["claims"][0]["spec"]["devices"]["constraints"] = [{"matchAttribute": "gpu.io/tag", "requests": ["b", "c"]}]
    case = read(question).case
    few = Counting()
    first = split(dict.fromkeys(("d1", "d2", "d3"), few), of("b"), 0)

    def exchanged(name: str) -> Like:
        return Like(0, Renaming(((device("d0"), device(name)), (device(name), device("d0")))))

    alike = {"d0": first, "d1": exchanged("d1"), "d2": exchanged("d2")}
    assert sentence in wrong(case, split({**alike, "d3": exchanged("d3")}, of("a")))
    own = split(dict.fromkeys(("d0", "d1", "d2"), few), of("b"))
    assert check_refutation(case, split({**alike, "d3": own}, of("a"))) == ()


def test_counters_that_stand_for_each_other(build: Json, read: Json) -> None:
    """Two boards of two partitions: what holds of the one holds of the other, if as much is left of its counter."""

    def board(name: str) -> list[Json]:
        part = {"consumesCounters": [{"counterSet": name, "counters": {"units": {"value": "2"}}}]}
        return [{"name": f"{name}{i}", **part} for i in range(2)]

    for supplies, refuted in (((2, 2), True), ((2, 3), True), ((3, 2), False)):
        two = {"resourceSliceCount": 2}
        sets = [{"name": n, "counters": {"units": {"value": str(s)}}} for n, s in zip("xy", supplies, strict=True)]
        slices = [
            build.pool([*board("x"), *board("y")], pool=two),
            build.pool([], pool=two, named="sets", sharedCounters=sets),
        ]
        claim = build.claim(build.request("a"), build.request("b", 2))
        case = read(build.question(slices, [claim])).case
        x, y = (CounterOf(POOL, name, "units") for name in "xy")
        of_b = Weights((Weight(y, 1, 2 * 10**9), Weight(x, 1, 2 * 10**9)))
        devices = tuple(
            (device(one), device(other)) for a, b in (("x0", "y0"), ("x1", "y1")) for one, other in ((a, b), (b, a))
        )
        first = split({"y0": of_b}, of("b"), 0)
        like = Like(0, Renaming(devices, ((x, y), (y, x))))
        found = wrong(case, split({"x0": first, "x1": split({"y0": of_b}, of("b")), "y0": like, "y1": like}, of("a")))
        assert found == "" if refuted else "left" in found


def test_where_order_matters_nothing_is_alike(build: Json, read: Json) -> None:
    question = pairs(build, build.devices(4))
    question["claims"].append(build.claim(build.request(adminAccess=True), name="admin"))
    question["features"] = {"AdminAccess": True}
    case = read(question).case
    few = Counting()
    first = split(dict.fromkeys(("d1", "d2", "d3"), few), of("b"), 0)
    like = Like(0, Renaming(((device("d0"), device("d1")), (device("d1"), device("d0")))))
    assert "more than amounts" in wrong(case, split({"d0": first} | dict.fromkeys(("d1", "d2", "d3"), like), of("a")))


# --- the first placement


def test_every_way_before_needs_a_reason(build: Json, read: Json) -> None:
    only = {"selectors": [{"cel": {"expression": 'device.attributes["gpu.io"].tag == "a"'}}]}
    claims = [build.claim(build.request(), name="c0"), build.claim(build.request(**only), name="c1")]
    asked = read(build.question([build.pool(listed(*"ab"))], claims))
    placement = asked.placement()
    (reason,) = asked.earlier(placement)
    assert reason.way == Way(0, device("d0"))
    assert check_first(asked.case, placement, [reason]) == ()
    assert "nothing is said of gpu.io/p/d0" in check_first(asked.case, placement, [])[0].sentence
    bad = reason._replace(why=itself("d1"))
    assert check_first(asked.case, placement, [reason._replace(chosen=1)])[0].rule == "J10"
    assert check_first(asked.case, placement, [bad]) == ()  # the other claim has nothing left, whatever is said


# --- no step is accepted on the way to a placement

QUESTIONS = 100


def leaves(situation: Situation, rng: random.Random) -> Iterator[Refutation]:
    """Steps that come to mind."""
    case = situation.case
    yield Counting()
    drawn: set[Resource] = set()
    for alternatives in situation.open.values():
        for one in alternatives:
            for offer in one.offers:
                drawn |= draws(case, one.wanted, offer).keys()
    resources = sorted(drawn, key=str)
    for kind in (DeviceItself, CounterOf, CapacityOf, ValueOf):
        yield Weights(tuple(Weight(one, 1) for one in resources if isinstance(one, kind)))
    for _ in range(6):
        some = [one for one in resources if rng.random() < 0.5]
        yield Weights(tuple(Weight(one, rng.randrange(1, 5), rng.choice((1, 1, 10**9, 2 * 10**9))) for one in some))
    for number, claim in enumerate(case.claims):
        for position in range(len(claim.constraints)):
            if matches(case, (number, position)):
                yield Without(claim.key, position, Label("string", "a"), Counting(), Counting())
    for place in situation.open:
        claim = case.claims[place[0]]
        yield Split(RequestID(claim.key, claim.requests[place[1]].name), ())


@pytest.mark.parametrize("part", range(2))
def test_nothing_is_refuted_that_can_be_placed(
    part: int, strategies: ModuleType, read_all: Any, say: Callable[[str], None]
) -> None:
    """Along placements, and against each situation that was refuted, under random names."""
    seen: Counter[str] = Counter()
    rng = random.Random(part)
    while seen["placements"] < QUESTIONS // 2:
        asked = read_all(strategies.random_question(rng))
        outcome = asked.outcome()
        if not isinstance(outcome, Allocated):
            continue
        case = asked.case
        checker = Checker(case)
        forks = list(ways_before(case, outcome))
        good = [fork.situation for fork in forks if fork.way is None]
        bad = [fork.situation for fork in forks if fork.way is not None]
        for situation in good:
            for leaf in leaves(situation, rng):
                seen["steps"] += 1
                assert checker.check(situation, leaf), (leaf, [str(offer.id) for _, offer in situation.picks])
            for refuted in bad[:10]:
                for renaming in (Renaming(), *exchanges(case, rng)):
                    seen["likes"] += 1
                    with pytest.raises(Unfounded):
                        checker._like(situation, refuted, renaming)
        seen["placements"] += 1
    say(", ".join(f"{count} {what}" for what, count in seen.most_common()))
    assert seen["steps"] > 500
    assert seen["likes"] > 100


def exchanges(case: Case, rng: random.Random) -> Iterator[Renaming]:
    """Two devices that change places, at random."""
    for _ in range(4):
        one, other = rng.sample(case.offers, 2) if len(case.offers) > 1 else (case.offers * 2)[:2]
        yield Renaming(((one.id, other.id), (other.id, one.id)))


def test_a_certificate_of_another_question_is_refused(
    strategies: ModuleType, read_all: Any, say: Callable[[str], None]
) -> None:
    """What is refused is made a little easier until it can be placed: its certificate holds no more."""
    rng = random.Random(3)
    seen: Counter[str] = Counter()
    while seen["certificates"] < QUESTIONS:
        question = strategies.random_question(rng)
        asked = read_all(question)
        if not isinstance(asked.outcome(), Unsatisfiable):
            continue
        refutation = asked.refutation()
        assert refutation is not None
        seen["certificates"] += 1
        for easier in relaxed(question):
            other = read_all(easier)
            outcome = other.outcome()
            if isinstance(outcome, Allocated) and outcome.claims:
                seen["refused"] += 1
                assert check_refutation(other.case, refutation), easier
    say(", ".join(f"{count} {what}" for what, count in seen.most_common()))
    assert seen["refused"] >= 20


def relaxed(question: Json) -> Iterator[Json]:
    """The question with less in each claim, in one or the other way."""
    yield {
        key: value
        for key, value in question.items()
        if key in ("id", "features", "node", "classes", "slices", "claims")
    }
    for number, claim in enumerate(question["claims"]):
        for members in ({"constraints": []}, {"requests": claim["spec"]["devices"]["requests"][:1]}):
            devices = claim["spec"]["devices"] | members
            if members.get("requests"):
                devices = devices | {"constraints": []}
            changed = claim | {"spec": claim["spec"] | {"devices": devices}}
            yield question | {"claims": [*question["claims"][:number], changed, *question["claims"][number + 1 :]]}
        if len(question["claims"]) > 1:
            yield question | {"claims": question["claims"][:number] + question["claims"][number + 1 :]}
