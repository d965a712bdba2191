"""Four departments that borrow and lend: whatever comes and goes in whatever order, nobody holds more than they may."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dra_policy import Engine
from dra_policy.allocation import Allocated
from dra_policy.resources import to_object
from dra_policy.rules import Origin
from dra_policy.rules.site import Charge, ChargeUnit, Quota, SiteRules
from dra_policy.rules.subjects import Source, SubjectField

TEAMS = ("biology", "chemistry", "cs", "physics")
FIELD = SubjectField("team", Source.NAMESPACE_LABEL, "team")
BOARD = {"compute": {"value": "7"}}


def fleet(make: Any) -> list[dict[str, Any]]:
    """Three nodes: whole boards, boards with partitions, and boards that are shared."""

    def part(name: str, compute: int, board: str) -> dict[str, Any]:
        drawn = [{"counterSet": board, "counters": {"compute": {"value": str(compute)}}}]
        return {"name": name, "attributes": {"kind": {"string": "mig"}}, "consumesCounters": drawn}

    objects: list[dict[str, Any]] = []
    for number in range(3):
        name = f"node-{number}"
        devices: list[dict[str, Any]] = [
            {"name": f"gpu-{n}", "attributes": {"kind": {"string": "whole"}}} for n in range(2)
        ]
        shared = {"kind": {"string": "shared"}}
        devices.append({"name": "slice", "attributes": shared, "allowMultipleAllocations": True})
        mig = make.slice(name, [part(f"mig-{n}", n + 2, "b0") for n in range(3)])
        mig["metadata"]["name"] = f"{name}-mig"
        mig["spec"]["pool"] = {"name": f"{name}-mig", "generation": 1, "resourceSliceCount": 2}
        counters = make.slice(name, 0, sharedCounters=[{"name": "b0", "counters": BOARD}])
        counters["metadata"]["name"] = f"{name}-counters"
        counters["spec"]["pool"] = mig["spec"]["pool"]
        del counters["spec"]["devices"]
        objects += [make.node(name), make.slice(name, devices), counters, mig]
    objects += [make.namespace(team, team=team) for team in TEAMS]
    return objects


def rules_of(make: Any, dice: random.Random) -> SiteRules:
    kind = lambda name: make.test(f'device.attributes["acme.com"].kind == "{name}"')  # noqa: E731
    charges = (
        Charge(kind("mig"), Fraction(1, 7), ChargeUnit.COUNTER, "compute"),
        Charge(kind("shared"), Fraction(1, 4)),
    )
    return SiteRules(
        fields=(FIELD,),
        quotas=tuple(
            Quota(
                team,
                make.test('device.driver == "acme.com"'),
                Fraction(dice.randint(0, 12), 4),
                Origin("policy `uni`", f"quota {team}"),
                make.team(team),
                None,
                "uni",
                borrow=dice.choice([None, Fraction(0), Fraction(dice.randint(1, 8), 4)]),
                lend=dice.choice([None, Fraction(0), Fraction(dice.randint(1, 6), 4)]),
                charges=charges,
            )
            for team in TEAMS
        ),
    )


def charged(engine: Engine) -> dict[str, Fraction]:
    """What each department holds, counted anew from what claims hold."""
    held: Counter[str] = Counter()
    for key, allocation in engine.allocations.items():
        for result in allocation.devices.results:
            if result.device.startswith("mig"):
                held[key.namespace] += Fraction(int(result.device[-1]) + 2, 7)
            else:
                held[key.namespace] += Fraction(1, 4) if result.device == "slice" else Fraction(1)
    return {team: Fraction(held[team]) for team in TEAMS}


def assert_within(rules: SiteRules, held: dict[str, Fraction]) -> None:
    beyond = Fraction(0)
    for quota in rules.quotas:
        if quota.borrow is not None:
            assert held[quota.name] <= quota.own + quota.borrow
        beyond += max(Fraction(0), held[quota.name] - (quota.own - quota.lent))
    assert beyond <= sum(quota.lent for quota in rules.quotas)
    assert sum(held.values()) <= sum(quota.own for quota in rules.quotas)
    # What some hold beyond their own is what others lend and do not use themselves.
    borrowed = sum((held[one.name] - one.own for one in rules.quotas if held[one.name] > one.own), Fraction(0))
    lenders = [one for one in rules.quotas if held[one.name] <= one.own]
    assert borrowed <= sum((min(one.lent, one.own - held[one.name]) for one in lenders), Fraction(0))


class Story:
    """One random sequence of what happens."""

    def __init__(self, make: Any, seed: int) -> None:
        self.make = make
        self.dice = random.Random(seed)
        self.rules = rules_of(make, self.dice)
        self.engine = make.engine(self.rules, *fleet(make))
        self.claims: dict[str, dict[str, Any]] = {}
        self.held: list[str] = []
        self.granted = self.refused = 0

    def step(self, number: int) -> None:
        dice = self.dice
        what = dice.random()
        if what < 0.6 or not self.held:
            team = dice.choice(TEAMS)
            made = self.make.claim(f"c{number}", dice.choice((1, 1, 2)), dice.choice(("any", "other")), team)
            self.claims[f"{team}/c{number}"] = made
            self.engine.apply(made)
            outcome = self.engine.allocate(f"{team}/c{number}")
            if isinstance(outcome, Allocated):
                self.held.append(f"{team}/c{number}")
                self.granted += 1
            else:
                self.refused += 1
        elif what < 0.95:
            gone = self.held.pop(dice.randrange(len(self.held)))
            assert self.engine.release(gone)
        else:
            self.engine = self.restarted()

    def restarted(self) -> Engine:
        """Another engine that knows only what a cluster keeps: objects, and claims with their status."""
        engine: Engine = self.make.engine(self.rules, *fleet(self.make))
        for name, made in self.claims.items():
            allocation = {str(key): held for key, held in self.engine.allocations.items()}.get(name)
            status = {} if allocation is None else {"status": {"allocation": to_object(allocation)}}
            engine.apply({**made, **status}, stored=True)
        return engine


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_nobody_ever_holds_more_than_with_borrowing_and_lending(make: Any, seed: int) -> None:
    story = Story(make, seed)
    for number in range(14):
        story.step(number)
        assert_within(story.rules, charged(story.engine))


def test_some_are_granted_and_some_refused(make: Any) -> None:
    granted = refused = borrowed = 0
    for seed in range(12):
        story = Story(make, seed)
        for number in range(25):
            story.step(number)
            held = charged(story.engine)
            borrowed += any(held[quota.name] > quota.own for quota in story.rules.quotas)
        granted, refused = granted + story.granted, refused + story.refused
    assert min(granted, refused, borrowed) > 20


@pytest.mark.parametrize("seed", range(6))
def test_after_a_restart_the_answers_are_the_same(make: Any, seed: int) -> None:
    story = Story(make, seed)
    for number in range(15):
        story.step(number)
    again = story.restarted()
    for number in range(100, 110):
        team, count = story.dice.choice(TEAMS), story.dice.choice((1, 2))
        made = story.make.claim(f"c{number}", count, "any", team)
        for engine in (story.engine, again):
            engine.apply(made)
        one, two = (engine.allocate(f"{team}/c{number}") for engine in (story.engine, again))
        assert type(one) is type(two)
        if isinstance(one, Allocated):
            assert isinstance(two, Allocated)
            names = [[(r.pool, r.device) for r in o.results[0].devices.results] for o in (one, two)]
            assert (one.node, names[0]) == (two.node, names[1])


def test_what_is_given_back_is_there_again_exactly(make: Any) -> None:
    rules = SiteRules(
        fields=(FIELD,),
        quotas=(
            Quota("cs", make.test("true"), Fraction(3, 10), Origin("", "cs"), charges=(Charge(rate=Fraction(1, 10)),)),
        ),
    )
    engine = make.engine(rules, make.node("n"), make.slice("n", 8))
    for turn in range(20):
        for number in range(3):
            assert isinstance(engine.allocate(f"c{number}") if turn else _first(engine, make, number), Allocated)
        assert not isinstance(_first(engine, make, 9), Allocated)
        for number in range(3):
            assert engine.release(f"c{number}")


def _first(engine: Engine, make: Any, number: int) -> Any:
    engine.apply(make.claim(f"c{number}"))
    return engine.allocate(f"c{number}")
