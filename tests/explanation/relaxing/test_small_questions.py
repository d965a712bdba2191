"""What is shown places the claims once the objects are changed so; and where one change would do, one is found.

`DRA_POLICY_CONFLICT_QUESTIONS` says how many unsatisfied questions are judged; 80 by default.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from copy import deepcopy

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.explanation.changes import (
    ClauseChange,
    FewerDevices,
    LessCapacity,
    OtherAttribute,
    OtherClass,
    Spot,
    Tolerate,
    WaitFor,
    WaitForDriver,
    WithoutConstraint,
)
from dra_policy.explanation.relaxing import relaxations
from dra_policy.resources import Features

QUESTIONS = int(os.environ.get("DRA_POLICY_CONFLICT_QUESTIONS", "80"))

ATTRIBUTES = 'device.attributes["gpu.io"]'
LOOSER = {
    f"{ATTRIBUTES}.slot >= 1": [f"{ATTRIBUTES}.slot >= 0"],
    f"{ATTRIBUTES}.slot < 2": [f"{ATTRIBUTES}.slot <= 2"],
    f"{ATTRIBUTES}.slot > 2": [f"{ATTRIBUTES}.slot >= {n}" for n in range(3)],
    f'{ATTRIBUTES}.model == "a"': [f'{ATTRIBUTES}.model in ["a", "b"]'],
    f'{ATTRIBUTES}.model in ["b", "c"]': [f'{ATTRIBUTES}.model in ["a", "b", "c"]'],
}


def changed(small_questions, question, changes):
    """The question with its objects changed."""
    made = deepcopy(question)
    clauses: list[tuple[list[str], int, str]] = []
    constraints: list[tuple[list, int]] = []

    def ask_of(spot):
        return made["claims"][spot.claim]["requests"][spot.request]["asks"][spot.alternative]

    for change in changes:
        match change:
            case ClauseChange(of, _, clause, _, now):
                whole = ask_of(of)["clauses"] if isinstance(of, Spot) else made["classes"][of]
                clauses.append((whole, clause, now))
            case LessCapacity(spot, capacity, _, now):
                ask_of(spot)["capacity"][capacity] = str(now)
            case OtherAttribute(claim, position, _, now):
                constraint = made["claims"][claim]["constraints"][position]
                constraint["matchAttribute"] = now
            case OtherClass(spot, _, now):
                ask_of(spot)["class"] = str(now)
            case WaitFor(holder):
                del made["holders"][holder.name]
            case WaitForDriver(pool):
                small_questions.publish(made, pool.pool)
            case FewerDevices(spot, _, now):
                ask_of(spot)["count"] = now
            case Tolerate(taint):
                made = tolerating(made, taint.key, taint.value or "", taint.effect)
            case WithoutConstraint(claim, position):
                constraints.append((made["claims"][claim]["constraints"], position))
            case _:
                raise AssertionError(change)
    for whole, clause, now in sorted(clauses, key=lambda one: -one[1]):
        whole[clause : clause + 1] = [now] if now else []
    for whole, position in sorted(constraints, key=lambda one: -one[1]):
        del whole[position]
    return made


def tolerating(made, key, value, effect):
    """In place: every request tolerates a taint."""
    for claim in made["claims"]:
        for request in claim["requests"]:
            for ask in request["asks"]:
                added = {"key": key, "operator": "Equal", "value": value, "effect": effect}
                ask.setdefault("tolerations", []).append(added)
    return made


def single_changes(small_questions, question):
    """Every question that differs by one change, of the kinds that explanations know; classes keep their drivers."""
    places = [
        ("class", name, n)
        for name, clauses in question["classes"].items()
        for n, clause in enumerate(clauses)
        if not clause.startswith("device.driver")
    ]
    for c, claim in enumerate(question["claims"]):
        for n in range(len(claim["constraints"])):
            made = deepcopy(question)
            del made["claims"][c]["constraints"][n]
            yield "without constraint", made
        for r, request in enumerate(claim["requests"]):
            for a, ask in enumerate(request["asks"]):
                places += [("ask", c, r, a, n) for n in range(len(ask["clauses"]))]
                if ask.get("mode") != "All" and ask["count"] > 1:
                    made = deepcopy(question)
                    made["claims"][c]["requests"][r]["asks"][a]["count"] -= 1
                    yield "count", made
                for name in question["classes"]:
                    if name != ask["class"]:
                        made = deepcopy(question)
                        made["claims"][c]["requests"][r]["asks"][a]["class"] = name
                        yield "class", made
                for name, wanted in ask.get("capacity", {}).items():
                    for amount in range(1, int(wanted)):
                        made = deepcopy(question)
                        made["claims"][c]["requests"][r]["asks"][a]["capacity"][name] = str(amount)
                        yield "amount", made
    for place in places:
        yield from at_clause(question, place)
    for holder in question["holders"]:
        if holder:
            made = deepcopy(question)
            del made["holders"][holder]
            yield "wait", made
    for pool in question["pools"]:
        if pool["kind"] == "incomplete":
            yield "pool", small_questions.publish(deepcopy(question), pool["name"])
    taints = {
        (taint["key"], taint.get("value", ""), taint["effect"])
        for pool in question["pools"]
        for device in pool["devices"]
        for taint in device.get("taints", [])
    }
    for taint in sorted(taints):
        yield "tolerate", tolerating(deepcopy(question), *taint)


def at_clause(question, place):
    def clauses_of(made):
        if place[0] == "class":
            return made["classes"][place[1]], place[2]
        _, c, r, a, n = place
        return made["claims"][c]["requests"][r]["asks"][a]["clauses"], n

    clauses, n = clauses_of(question)
    for now in ("", *LOOSER.get(clauses[n], ())):
        made = deepcopy(question)
        whole, n = clauses_of(made)
        whole[n : n + 1] = [now] if now else []
        yield "clause", made


def test_what_is_shown_places_the_claims_and_nothing_single_is_missed(make_situation, small_questions):
    judged = number = single = shown = 0
    kinds: Counter[str] = Counter()
    while judged < QUESTIONS:
        number += 1
        question = small_questions.question(number)
        situation = small_questions.situation(make_situation, question, Features.all())
        if not isinstance(situation.ask("node-1"), Unsatisfiable):
            continue
        judged += 1
        found = relaxations(situation)
        for relaxation in found:
            shown += 1
            kinds.update(change.code for change in relaxation.changes)
            kinds["pair"] += len(relaxation.changes) == 2
            again = small_questions.situation(
                make_situation, changed(small_questions, question, relaxation.changes), Features.all()
            )
            assert isinstance(again.ask("node-1"), Allocated), (number, relaxation)
            assert relaxation.nodes == ("node-1",)
        assert [one.rank for one in found] == sorted(one.rank for one in found)
        brute = [
            kind
            for kind, made in single_changes(small_questions, question)
            if isinstance(small_questions.situation(make_situation, made, Features.all()).ask("node-1"), Allocated)
        ]
        singles = [one for one in found if len(one.changes) == 1]
        single += bool(brute)
        assert bool(singles) >= bool(brute), (number, brute)
    sys.stdout.write(f"{judged} of {number} questions, {single} with a single change, {shown} shown, {kinds}" + "\n")
    every = {"clause", "amount", "class", "wait", "pool", "count", "taint", "constraint", "pair"}
    assert every <= set(kinds)
    assert single >= judged // 6
