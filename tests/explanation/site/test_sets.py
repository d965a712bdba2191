"""Rules over sets of devices count in conflicts: judged by what each rule means, over all answers there are."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import combinations
from typing import Any

from dra_policy.allocation.site import Ledger, SiteQuestion
from dra_policy.explanation.clauses import Element, Held, OfSet, Wanted
from dra_policy.explanation.conflict import conflicts
from dra_policy.explanation.relaxing import relaxations
from dra_policy.resources import AllocationResult
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.fabrics import Axis, Fabric, Lattice, Wire, Wires
from dra_policy.rules.sets import Closeness, Connected, EveryPairLinked, Nearness, Shaped
from dra_policy.rules.site import SiteRules
from dra_policy.rules.subjects import Subject

SEEDS = 250
DRIVER = "acme.com"
GRID = Fabric("grid", (Lattice((Axis("x", 3, Fraction(1)), Axis("y", 2, Fraction(1)))),))
BLOCKS = [{0, 1}, {1, 2}, {3, 4}, {4, 5}]
"""Of two positions along x."""


class Question:
    """A claim with rules over its devices, on a node with few of them."""

    def __init__(self, make_situation: Any, seed: int) -> None:
        dice = random.Random(seed)
        self.numbers = sorted(dice.sample(range(6), dice.randint(3, 6)))
        self.numa = {number: dice.randint(0, 1) for number in self.numbers}
        self.pairs = {frozenset(pair) for pair in combinations(range(6), 2) if dice.random() < 0.4}
        self.held = self.numbers[0] if dice.random() < 0.5 else None
        self.counts = [dice.randint(1, 3) for _ in range(dice.choice((1, 1, 2)))]
        wires = tuple(Wire(*sorted(pair), Fraction(1)) for pair in sorted(self.pairs, key=sorted))
        mesh = Fabric("mesh", (Wires(wires),))
        kinds = dice.sample(["pairs", "connected", "shaped", "near"], dice.randint(1, 2))
        made: dict[str, Any] = {
            "pairs": EveryPairLinked(mesh, Origin("", "pairs")),
            "connected": Connected(mesh, Origin("", "connected")),
            "shaped": Shaped(GRID, (2, 1), Origin("", "shaped"), turned=False),
            "near": Closeness((Nearness("numa", (f"{DRIVER}/numa",)),), Origin("", "near")),
        }
        self.sets = tuple(made[kind] for kind in kinds)
        devices = [{"name": f"d{n}", "attributes": {"numa": {"int": self.numa[n]}}} for n in self.numbers]
        requests = [
            {"name": f"r{n}", "exactly": {"deviceClassName": "any", "allocationMode": "ExactCount", "count": count}}
            for n, count in enumerate(self.counts)
        ]
        result = {"request": "r", "driver": DRIVER, "pool": "pool", "device": f"d{self.held}"}
        allocations = {} if self.held is None else {"old": {"devices": {"results": [result]}}}
        pool = {"name": "pool", "generation": 1, "resourceSliceCount": 1}
        spec = {"driver": DRIVER, "nodeName": "node-1", "pool": pool, "devices": devices}
        plain = make_situation(
            slices=[{"metadata": {"name": "s"}, "spec": spec}],
            classes=[{"metadata": {"name": "any"}, "spec": {}}],
            claims=[{"metadata": {"name": "c", "namespace": "default"}, "spec": {"devices": {"requests": requests}}}],
            allocations=allocations,
        )
        claim = replace(plain.claims[0], sets=self.sets)
        ledger = Ledger()
        for name, allocation in allocations.items():
            result_ = AllocationResult.model_validate(allocation)
            ledger = ledger.with_allocation(ClaimKey("default", name), Subject(()), frozenset(), result_)
        now = datetime(2026, 11, 23, tzinfo=UTC)
        self.situation = plain.about(claims=[claim])
        self.situation.site = SiteQuestion(SiteRules(), now, ledger, plain.snapshot, (), (self.sets,))

    def fits(self, gone: Sequence[Element]) -> bool:
        """Whether there is an answer without these elements; a block is no rule any more where a request is gone."""
        dropped = {e.request for e in gone if isinstance(e, Wanted)}
        without = {e.position for e in gone if isinstance(e, OfSet)}
        free = [n for n in self.numbers if n != self.held or any(isinstance(e, Held) for e in gone)]
        wanted = sum(count for number, count in enumerate(self.counts) if number not in dropped)
        rules = [
            rule
            for position, rule in enumerate(self.sets)
            if position not in without and not (dropped and isinstance(rule, Shaped | Connected))
        ]
        return any(all(self.holds(rule, set(chosen)) for rule in rules) for chosen in combinations(free, wanted))

    def holds(self, rule: Any, chosen: set[int]) -> bool:
        match rule:
            case EveryPairLinked():
                return all(frozenset(pair) in self.pairs for pair in combinations(chosen, 2))
            case Connected():
                reached = set(sorted(chosen)[:1])
                for _ in chosen:
                    reached |= {n for n in chosen if any(frozenset((n, m)) in self.pairs for m in reached)}
                return reached == chosen
            case Shaped():
                return chosen in BLOCKS
            case _:
                return len({self.numa[number] for number in chosen}) <= 1


def test_a_conflict_with_rules_over_sets_is_minimal(make_situation: Any) -> None:
    told: Counter[str] = Counter()
    for seed in range(SEEDS):
        question = Question(make_situation, seed)
        found = conflicts(question.situation).groups
        assert bool(found) == (not question.fits(())), seed
        if not found:
            continue
        (conflict,) = found
        elements = question.situation.kept["subject", "node-1"].elements
        others = [element for element in elements if element not in conflict.elements]
        words = (seed, [element.origin.text for element in conflict.elements])
        assert conflict.certain, words
        assert not question.fits(others), words
        for element in conflict.elements:
            assert question.fits([*others, element]), (*words, element.origin.text)
        told.update(element.origin.text for element in conflict.elements if isinstance(element, OfSet))
    assert set(told) == {"pairs", "connected", "shaped", "near"}, told


def test_a_rule_over_a_set_can_be_done_without(make_situation: Any) -> None:
    offered = 0
    for seed in range(SEEDS // 4):
        question = Question(make_situation, seed)
        for relaxation in relaxations(question.situation):
            positions = [change.position for change in relaxation.changes if change.code == "set"]
            if len(positions) == len(relaxation.changes):
                gone = [OfSet(0, position, Origin("", "")) for position in positions]
                assert question.fits(gone), seed
                offered += 1
    assert offered > 5
