"""Random questions, put to upstream's allocator and to ours: the same outcome, and the same devices in the same order.

`DRA_POLICY_DIFFERENTIAL_QUESTIONS` says how many (500), `DRA_POLICY_DIFFERENTIAL_SEED` which (the same ones every time).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from dra_policy.engine.questions import Questions

QUESTIONS = int(os.environ.get("DRA_POLICY_DIFFERENTIAL_QUESTIONS", "500"))
SEED = os.environ.get("DRA_POLICY_DIFFERENTIAL_SEED", "")
STEPS = 20_000

Json = dict[str, Any]


RARE = ("no claims", "node operations unknown", "unreadable node selector")
"""What only makes sure that odd questions are asked at all."""


class Distribution:
    """What the questions were like."""

    def __init__(self) -> None:
        self.questions = 0
        self.outcomes: Counter[str] = Counter()
        self.topics: Counter[str] = Counter()
        self.laborious = 0
        self.accepted = 0
        self.undecided = 0

    def count(self, outcome: str, topics: Iterable[str], backtracks: int) -> None:
        self.questions += 1
        self.outcomes[outcome] += 1
        self.topics.update(topics)
        self.laborious += backtracks >= 10

    def share(self, count: int) -> float:
        return count / max(self.questions, 1)

    def text(self) -> str:
        outcomes = [f"{name} {self.share(count):.1%}" for name, count in self.outcomes.most_common()]
        topics = [f"{name} {self.share(count):.1%}" for name, count in sorted(self.topics.items(), key=lambda i: i[1])]
        return (
            f"{self.questions} questions to upstream and to us: {', '.join(outcomes)}; "
            f"ten backtracks or more {self.share(self.laborious):.1%}, given up by one side {self.undecided}, "
            f"known differences {self.accepted}\nabout: {', '.join(topics)}"
        )


def backtracks(question: Json, theirs: Json) -> int:
    """How often upstream's search turned round: its calls, less those that are left standing on the way to a solution.

    There is one call a device, and at most one more at the end of each request and each claim.
    """
    if not theirs["allocated"]:
        return int(theirs["steps"])
    claims = question["claims"]
    requests = sum(len(claim["spec"]["devices"].get("requests", ())) for claim in claims)
    devices = sum(len(result["devices"].get("results") or ()) for result in theirs["results"])
    return int(theirs["steps"]) - devices - requests - len(claims)


def test_upstream_and_we_answer_alike(
    ask_upstream: Callable[[str], Json],
    strategies: ModuleType,
    comparing: ModuleType,
    known_differences: list[Json],
    say: Callable[[str], None],
) -> None:
    ours = Questions(step_limit=STEPS)
    seen = Distribution()

    def check(question: Json) -> None:
        line = json.dumps(question)
        theirs = ask_upstream(line)
        answer = ours.answer(line).data()
        seen.count(comparing.outcome_class(theirs), comparing.topics(question), backtracks(question, theirs))
        if theirs["gaveUp"] or answer["gaveUp"]:
            seen.undecided += 1
        elif comparing.comparable(answer) != comparing.comparable(theirs):
            if not comparing.accepted(question, theirs, answer, known_differences):
                raise AssertionError(comparing.report(question, theirs, answer))
            seen.accepted += 1

    run: Any = given(strategies.questions())(check)
    run = seed(int(SEED))(run) if SEED else run
    asked: Callable[[], None] = settings(
        max_examples=QUESTIONS,
        derandomize=not SEED,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )(run)
    asked()
    say(seen.text())
    # A change of the strategies must not make the comparison an easy one.
    assert seen.questions >= QUESTIONS
    assert seen.share(seen.undecided) <= 0.03
    assert seen.share(seen.outcomes["allocated"]) >= 0.30
    assert seen.share(seen.outcomes["error"]) >= 0.05
    assert seen.share(seen.laborious) >= 0.20
    for topic in comparing.TOPICS:
        assert seen.share(seen.topics[topic]) >= (0 if topic in RARE else 0.03), topic


def test_known_differences_are_explained(known_differences: list[Json], comparing: ModuleType) -> None:
    outcomes = {"allocated", "none", "error", "error on this node"}
    for entry in known_differences:
        assert set(entry) - {"upstream_error"} == {"topics", "upstream", "ours", "why", "version", "issue"}
        assert set(entry["topics"]) <= set(comparing.TOPICS)
        assert entry["topics"]
        assert {*entry["upstream"], *entry["ours"]} <= outcomes
        assert all(entry[text] for text in ("why", "version", "issue"))


def test_a_known_difference_explains_what_it_names_and_nothing_else(comparing: ModuleType) -> None:
    question: Json = {"slices": [], "claims": [], "classes": []}
    entry = {"topics": ["no claims"], "upstream": ["error"], "upstream_error": "selector", "ours": ["allocated"]}
    ours = {"results": [], "allocated": True, "error": None, "nodeOnly": False, "gaveUp": False}
    theirs = ours | {"results": None, "allocated": False, "error": "a selector"}
    assert comparing.accepted(question, theirs, ours, [entry])
    assert not comparing.accepted(question, theirs | {"error": "another"}, ours, [entry])
    assert not comparing.accepted(question, ours, theirs, [entry])
    assert not comparing.accepted(question | {"claims": [{"spec": {"devices": {}}}]}, theirs, ours, [entry])
    assert not comparing.accepted(question, theirs, ours, [entry | {"topics": ["no claims", "taints"]}])


def test_answers_differ_by_device_order_and_amount_but_not_by_share_ids_or_words(comparing: ModuleType) -> None:
    def answer(*devices: str, **members: Any) -> Json:
        results = [{"device": device, "shareID": f"{device}-{id(devices)}", **members} for device in devices]
        return {
            "results": [{"devices": {"results": results, "config": []}}],
            "allocated": True,
            "error": None,
            "nodeOnly": False,
            "gaveUp": False,
        }

    same = comparing.comparable(answer("a", "b"))
    assert same == comparing.comparable(answer("a", "b", tolerations=None))
    assert same != comparing.comparable(answer("b", "a"))
    assert same != comparing.comparable(answer("a", "b", consumedCapacity={"slots": "1"}))
    failed = answer() | {"results": None, "allocated": False, "error": "one"}
    assert comparing.comparable(failed) == comparing.comparable(failed | {"error": "other"})
    assert comparing.comparable(failed) != comparing.comparable(failed | {"nodeOnly": True})
