"""Conflicts under the rules of a site are minimal: judged by what each rule means, over all answers there are."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.allocation.site import Asker, SiteQuestion
from dra_policy.explanation.changes import RaiseQuota, WaitFor, varied
from dra_policy.explanation.clauses import ClassClause, Element, Held, OfSite, Wanted
from dra_policy.explanation.conflict import conflicts
from dra_policy.explanation.kinds import Kind, prospect
from dra_policy.explanation.relaxing import relaxations
from dra_policy.explanation.situation import Situation
from dra_policy.resources import Features, ResourceClaim
from dra_policy.rules import ClaimKey, Origin, claim_rules
from dra_policy.rules.site import Quota, SiteToleration
from dra_policy.rules.subjects import Subject

SEEDS = 160
SITE = Path(__file__).parents[2] / "allocation" / "site"


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"explanation_site_{name}", SITE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Judge:
    """A random small question, and whether it has an answer with some of its elements left out."""

    def __init__(self, cases: ModuleType, make: Any, seed: int) -> None:
        held: dict[ClaimKey, Any] = {}

        class World(make.world):  # type: ignore[misc]
            def hold(self, name: str, allocation: Any, subject: Any, namespace: str = "ns") -> None:
                super().hold(name, allocation, subject, namespace)
                held[ClaimKey(namespace, name)] = allocation

        self.case = cases.Case(replace(make, world=World), seed)
        self.asked = self.case.asked
        self.situation = self._situation(held)

    def _situation(self, held: dict[ClaimKey, Any]) -> Situation:
        case, make = self.case, self.case.make
        world = case.world
        claims = [
            make.claim(
                one["name"],
                *(make.request(f"r{n}", count, class_name) for n, (class_name, count) in enumerate(one["requests"])),
                namespace=one["namespace"],
                config=[case.config(one["speed"])] if one["speed"] else [],
            )
            for one in case.asked
        ]
        askers = tuple(Asker(Subject((("team", one["team"]),))) for one in case.asked)
        return Situation(
            snapshot=world.snapshot,
            graph=world.graph,
            usage=world.usage,
            held=held,
            claims=[claim_rules(ResourceClaim.model_validate(claim), Features()) for claim in claims],
            nodes=["node-1"],
            step_limit=20_000,
            site=SiteQuestion(world.rules, world.now, world.ledger, world.snapshot, askers),
        )

    def fits(self, gone: Sequence[Element]) -> bool:
        """Whether there is an answer without these elements, by what the rules mean."""
        case = self.case
        before, asked, rules, here = case.before, case.asked, case.rules, case.choices
        try:
            freed = {element.holder for element in gone if isinstance(element, Held)}
            case.before = [h for h in before if ClaimKey(h.namespace, h.claim) not in freed]
            dropped = {(e.claim, e.request) for e in gone if isinstance(e, Wanted)}
            case.asked = [
                one | {"requests": [r for n, r in enumerate(one["requests"]) if (c, n) not in dropped]}
                for c, one in enumerate(asked)
            ]
            left_out = [rule for e in gone if isinstance(e, OfSite) for rule in (e.rule, *e.others)]
            case.rules = rules.without(*left_out)
            if any(isinstance(element, ClassClause) and element.class_name == "a" for element in gone):
                # Rules of the site go on reading the name of the class.
                case.choices = _Blind(case).choices
            return case.first() is not None
        finally:
            case.before, case.asked, case.rules, case.choices = before, asked, rules, here


class _Blind:
    """A case to whose classes every device belongs."""

    def __init__(self, case: Any) -> None:
        self._case = case

    def __getattr__(self, name: str) -> Any:
        return getattr(self._case, name)

    @property
    def devices(self) -> dict[str, Any]:
        return {name: device | {"model": "a"} for name, device in self._case.devices.items()}

    def choices(self, requests: Any, chosen: Any) -> Any:
        return type(self._case).choices(self, requests, chosen)


@pytest.fixture(scope="module")
def judges() -> list[Judge]:
    """The questions that have no answer."""
    make = _loaded("conftest").make.__wrapped__()
    cases = _loaded("test_against_definitions")
    made = [Judge(cases, make, seed) for seed in range(SEEDS)]
    return [judge for judge in made if judge.case.first() is None]


def test_a_conflict_is_one_and_none_of_it_can_be_missed(judges: list[Judge]) -> None:
    families: Counter[str] = Counter()
    for number, judge in enumerate(judges):
        (conflict,) = conflicts(judge.situation).groups
        subject = judge.situation.kept["subject", "node-1"]
        others = [element for element in subject.elements if element not in conflict.elements]
        told = (number, [element.origin.text for element in conflict.elements])
        assert conflict.certain, told
        assert not judge.fits(others), told
        for element in conflict.elements:
            assert judge.fits([*others, element]), (*told, element.origin.text)
        families.update(element.code for element in conflict.elements)
    assert len(judges) > SEEDS // 4
    assert {"quota", "keep", "sharing", "agreement", "mode", "refusal", "inUse", "count"} <= set(families), families


def test_what_is_offered_was_tried_and_places_the_claims(judges: list[Judge]) -> None:
    kinds: Counter[str] = Counter()
    for judge in judges:
        situation = judge.situation
        for relaxation in relaxations(situation):
            question = varied(situation, relaxation.changes)
            assert question is not None
            for name in relaxation.nodes:
                assert isinstance(situation.ask(name, question), Allocated)
            kinds.update(change.code for change in relaxation.changes)
            if all(isinstance(change, WaitFor) for change in relaxation.changes):
                gone = [e for e in situation.kept["subject", "node-1"].elements if isinstance(e, Held)]
                waited = {change.holder for change in relaxation.changes if isinstance(change, WaitFor)}
                assert judge.fits([e for e in gone if e.holder in waited])
    assert {"wait", "quota", "count"} <= set(kinds), kinds
    # A `must` is never offered to be left out.
    assert "siteRule" not in kinds


def test_a_quota_is_raised_by_no_more_than_it_takes(judges: list[Judge]) -> None:
    raised = 0
    for judge in judges:
        situation = judge.situation
        for relaxation in relaxations(situation):
            change = relaxation.changes[0]
            if len(relaxation.changes) == 1 and isinstance(change, RaiseQuota) and not change.quota.charges:
                question = varied(situation, [RaiseQuota(change.quota, change.now - 1)])
                assert question is not None
                assert not isinstance(situation.ask("node-1", question), Allocated)
                raised += 1
    assert raised


def test_not_now_names_holders_that_do_and_never_means_it(judges: list[Judge]) -> None:
    kinds: Counter[Kind] = Counter()
    for judge in judges:
        situation = judge.situation
        outcome = situation.ask("node-1")
        assert isinstance(outcome, Unsatisfiable)
        found = prospect(situation, outcome)
        held = [Held(key, (), Origin("", "")) for key in situation.held]
        emptied = judge.fits(held)
        assert (found.kind is Kind.NOT_NOW) == emptied
        if emptied:
            assert judge.fits([element for element in held if element.holder in found.holders])
            for missed in found.holders:
                assert not judge.fits([e for e in held if e.holder in found.holders and e.holder != missed])
        kinds[found.kind] += 1
    assert kinds[Kind.NOT_NOW] > 5
    assert kinds[Kind.NEVER] > 5


def test_every_rule_of_the_site_is_an_element(judges: list[Judge]) -> None:
    for judge in judges[:20]:
        site = judge.situation.site
        assert site is not None
        conflicts(judge.situation)
        elements = judge.situation.kept["subject", "node-1"].elements
        named = [rule for e in elements if isinstance(e, OfSite) for rule in (e.rule, *e.others)]
        rules = [rule for rule in site.rules.all() if not isinstance(rule, SiteToleration)]
        assert sorted(map(id, named)) == sorted(map(id, rules))
        assert all(e.others == () or isinstance(e.rule, Quota) for e in elements if isinstance(e, OfSite))
