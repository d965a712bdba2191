"""The search with set rules and preferences against every possible answer, judged by the definitions one by one."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dra_policy.allocation import Allocated, Unsatisfiable, preferring
from dra_policy.allocation import search as searching
from dra_policy.allocation.pruning import ALL, guide
from dra_policy.allocation.sets import objective
from dra_policy.inventory import DeviceID, Usage
from dra_policy.rules import Origin
from dra_policy.rules.sets import (
    SAME_NODE,
    Amount,
    Closeness,
    Connected,
    EveryPairLinked,
    LeastStranded,
    LinkedBy,
    Meets,
    Nearness,
    Pack,
    Preference,
    Shaped,
    Spread,
    Strength,
)
from dra_policy.topology import Axis, Fabric, Lattice, Wire, Wires, links

DRIVER = "acme.com"
NUMA, SOCKET, SLOT, MEMORY = (f"{DRIVER}/{name}" for name in ("numa", "socket", "slot", "memory"))
PAIRS = list(combinations(range(6), 2))
QUESTIONS = int(os.environ.get("DRA_POLICY_SETS_QUESTIONS", "40"))
QUICK = settings(
    max_examples=QUESTIONS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
LATTICE = Fabric("grid", (Lattice((Axis("x", 3, Fraction(2), wrap=True), Axis("y", 2, Fraction(1)))),))


# --- questions


@st.composite
def devices(draw, number):
    device = {"name": f"d{number}", "attributes": {"slot": {"int": draw(st.integers(0, 2))}}}
    for name in ("numa", "socket"):
        if draw(st.integers(0, 7)):
            device["attributes"][name] = {"int": draw(st.integers(0, 1))}
    if draw(st.booleans()):
        device["capacity"] = {"memory": {"value": str(draw(st.integers(1, 4)))}}
    if draw(st.integers(0, 2)) == 0:
        amount = str(draw(st.integers(1, 2)))
        device["consumesCounters"] = [{"counterSet": "board", "counters": {"slices": {"value": amount}}}]
    if draw(st.integers(0, 5)) == 0:
        device["allowMultipleAllocations"] = True
        device.pop("capacity", None)
    return device


@st.composite
def asks(draw, *, every):
    ask = {"deviceClassName": "any", "allocationMode": "ExactCount", "count": draw(st.sampled_from([1, 1, 2, 2, 3, 4]))}
    if every and draw(st.integers(0, 6)) == 0:
        ask = {"deviceClassName": "any", "allocationMode": "All"}
    if draw(st.integers(0, 4)) == 0:
        ask["selectors"] = [{"cel": {"expression": f'device.attributes["{DRIVER}"].slot >= 1'}}]
    return ask


@st.composite
def claims(draw, number):
    requests = []
    tied = draw(st.integers(0, 5)) == 0  # under a constraint, All is an error where it does not hold (E5)
    for name in ("r", "s")[: draw(st.sampled_from([1, 1, 2]))]:
        if draw(st.integers(0, 4)) == 0:
            alternatives = [{"name": sub, **draw(asks(every=not tied))} for sub in ("one", "two")]
            requests.append({"name": name, "firstAvailable": alternatives})
        else:
            requests.append({"name": name, "exactly": draw(asks(every=not tied))})
    spec = {"requests": requests}
    if tied:
        spec["constraints"] = [{"matchAttribute": NUMA}]
    return {"metadata": {"name": f"claim-{number}"}, "spec": {"devices": spec}}


@st.composite
def fabrics(draw):
    if draw(st.booleans()):
        return LATTICE
    pairs = draw(st.lists(st.sampled_from(PAIRS), min_size=3, max_size=13, unique=True))
    return Fabric("mesh", (Wires(tuple(Wire(*pair, Fraction(draw(st.integers(1, 2)))) for pair in pairs)),))


scopes = st.sampled_from([(), (), ("r",), ("r/one",), ("s",)])
levels = st.sampled_from(
    [
        (Nearness("numa", (NUMA,)), SAME_NODE),
        (Nearness("numa", (NUMA,)), Nearness("socket", (SOCKET,)), SAME_NODE),
        (Nearness("numa", (NUMA,)), Nearness("socket", (SOCKET,))),
        (Nearness("socket", (SOCKET,)),),
    ]
)


@st.composite
def set_rules(draw, fabric, number):
    origin, requests = Origin(f"rule {number}", ""), draw(scopes)
    strength = draw(st.sampled_from([Strength.MUST, Strength.MUST, Strength.SHOULD]))
    common = {"origin": origin, "requests": requests, "strength": strength}
    least = Fraction(draw(st.integers(0, 2)))
    match draw(st.sampled_from(["pairs", "connected", "shaped", "close", "close"])):
        case "pairs":
            return EveryPairLinked(fabric, at_least=least, **common)
        case "connected":
            return Connected(fabric, at_least=least, **common)
        case "shaped":
            sides = draw(st.sampled_from([(1,), (2,), (2, 2), (3, 1), (1, 2)]))
            return Shaped(LATTICE, sides, turned=draw(st.booleans()), around=draw(st.booleans()), **common)
        case _:
            return Closeness(draw(levels), **common)


@st.composite
def preferences(draw, fabric, number, condition):
    score = draw(
        st.sampled_from(
            [
                Meets(condition(f'device.attributes["{DRIVER}"].numa == 1')),
                Amount((MEMORY,)),
                Amount((MEMORY,), most=False),
                Amount((SLOT,)),
                LeastStranded(),
                Pack(),
                Pack((NUMA,)),
                Spread((SLOT,)),
                LinkedBy(fabric),
            ]
        )
    )
    tier, weight = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    return Preference(score, Origin(f"wish {number}", ""), tier, weight, draw(scopes))


@st.composite
def questions(draw, condition):
    fabric = draw(fabrics())
    count = draw(st.integers(1, 2))
    return {
        "devices": [draw(devices(number)) for number in range(draw(st.integers(2, 6)))],
        "counters": [{"name": "board", "counters": {"slices": {"value": str(draw(st.integers(1, 4)))}}}],
        "claims": [draw(claims(number)) for number in range(count)],
        "held": sorted(draw(st.sets(st.integers(0, 5), max_size=1))),
        "sets": [
            [
                *(draw(set_rules(fabric, f"{number}.{n}")) for n in range(draw(st.integers(0, 2)))),
                *(draw(preferences(fabric, f"{number}.{n}", condition)) for n in range(draw(st.integers(0, 2)))),
            ]
            for number in range(count)
        ],
    }


# --- the comparison


def asked(asking, question, **how):
    usage = Usage()
    held = [n for n in question["held"] if n < len(question["devices"])]
    usage = usage.with_held([DeviceID(DRIVER, "pool", f"d{n}") for n in held])
    node = asking.node(question["devices"], question["counters"], usage)
    return node.ask(*question["claims"], sets=question["sets"], **how)


def compare(asking, question, **how):
    reference = asking.reference(question)
    levels, answers = reference.best()
    outcome = asked(asking, question, **how)
    if not answers:
        assert isinstance(outcome, Unsatisfiable)
        assert outcome.reasons
        return
    assert isinstance(outcome, Allocated)
    expected = answers[0]
    chosen = [
        [f"d{n}" for (at, _), (_, own) in expected.items() if at == c for n in own]
        for c in range(len(question["claims"]))
    ]
    assert asking.names(outcome) == chosen
    preferred = outcome.preferred
    if not levels and not reference.wishes():
        assert preferred is None
        return
    assert preferred is not None
    assert preferred.optimal
    assert [one.position for one in preferred.levels] == levels
    assert all(one.proven for one in preferred.levels)
    scores = [reference.score(rule, c, expected) for c, rule in reference.wishes()]
    assert [one.score for one in preferred.scores] == scores
    if not scores:
        return

    def devices_of(answer):
        return {(c, n) for (c, _), (_, own) in answer.items() for n in own}

    other = next((a for a in answers[1:] if devices_of(a) != devices_of(expected)), None)
    assert (preferred.runner_up is None) == (other is None)
    if other is not None:
        tiers = {}
        for one in preferred.scores:
            tiers[one.tier] = tiers.get(one.tier, 0) + one.weight * one.runner_up
        assert tuple(tiers[tier] for tier in sorted(tiers)) == reference.worth(other)


@QUICK
@given(st.data())
def test_the_answer_is_the_best_and_the_first_of_the_best(asking, data):
    compare(asking, data.draw(questions(asking.condition)))


@QUICK
@given(st.data(), st.sampled_from([frozenset(), *(frozenset({one}) for one in sorted(ALL, key=str))]))
def test_no_pruning_changes_the_answer(asking, data, prunings):
    compare(asking, data.draw(questions(asking.condition)), prunings=prunings)


@pytest.fixture
def called_at_once(monkeypatch):
    monkeypatch.setattr(searching, "_PATIENCE", 0)
    monkeypatch.setattr(guide, "_PATIENCE", 0)
    monkeypatch.setattr(guide, "_ASKING", 1)


@QUICK
@given(st.data(), st.sampled_from([ALL, *(frozenset({one}) for one in sorted(ALL, key=str))]))
def test_nor_does_a_guide_that_is_called_at_once(asking, called_at_once, data, prunings):
    compare(asking, data.draw(questions(asking.condition)), prunings=prunings)


@QUICK
@given(st.data())
def test_links_are_judged_pair_by_pair_where_there_are_too_many_cliques(asking, monkeypatch, data):
    monkeypatch.setattr(links, "CLIQUES", 0)
    compare(asking, data.draw(questions(asking.condition)))


class Watched(searching.Search):
    """A search that leaves no trace in any rule, however it ends."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self.before = self.state()

    def release(self):
        super().release()
        assert all(not own for own in self.picked)
        assert self.state() == self.before


@QUICK
@given(st.data())
def test_every_search_leaves_the_rules_as_they_were(asking, called_at_once, monkeypatch, data):
    monkeypatch.setattr(preferring, "Search", Watched)
    asked(asking, data.draw(questions(asking.condition)))


class Falling(objective.Better):
    """Watches the bound: part by part it only falls, which is what makes a refused choice stay refused."""

    def take(self, choice):
        before = self._objective.bound()
        answer = super().take(choice)
        assert all(after <= part for after, part in zip(self._objective.bound(), before, strict=True))
        return answer


@QUICK
@given(st.data())
def test_a_bound_only_falls(asking, monkeypatch, data):
    monkeypatch.setattr(preferring, "Better", Falling)
    asked(asking, data.draw(questions(asking.condition)))
