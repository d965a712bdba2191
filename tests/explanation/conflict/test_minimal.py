"""Conflicts conflict, and nothing in them can be missed: judged by a reference that tries everything.

`DRA_POLICY_CONFLICT_QUESTIONS` says how many unsatisfied questions are judged; 150 by default.
"""

from __future__ import annotations

import os
import sys
from collections import Counter

from dra_policy.allocation import Unsatisfiable
from dra_policy.explanation.clauses import (
    Amount,
    ClassClause,
    Constraint,
    Held,
    OfPool,
    RequestClause,
    Tainted,
    Wanted,
)
from dra_policy.explanation.conflict import conflicts
from dra_policy.resources import Features

QUESTIONS = int(os.environ.get("DRA_POLICY_CONFLICT_QUESTIONS", "150"))


def part_of(element):
    """The part of the question in JSON that an element stands for."""
    match element:
        case ClassClause(name, _, clause):
            return "class", str(name), clause
        case RequestClause(c, r, a, _, clause):
            return "clause", c, r, a, clause
        case Amount(c, r, a, capacity):
            return "amount", c, r, a, capacity
        case Constraint(c, position):
            return "constraint", c, position
        case Wanted(c, r):
            return "count", c, r
        case Tainted(taint):
            return "taint", taint.key, taint.value or "", taint.effect
        case Held(holder):
            return "held", "" if holder is None else holder.name
        case OfPool(part, pool):
            return part.value, pool.pool
    raise AssertionError(element)


def test_every_conflict_conflicts_and_is_minimal(make_situation, small_questions, reference):
    judged = number = 0
    seen: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    while judged < QUESTIONS:
        number += 1
        question = small_questions.question(number)
        situation = small_questions.situation(make_situation, question, Features.all())
        if not isinstance(situation.ask("node-1"), Unsatisfiable):
            continue
        judged += 1
        groups = conflicts(situation).groups
        assert len(groups) == 1, number
        assert groups[0].certain, number
        elements = groups[0].elements
        kept = {part_of(element) for element in elements}
        assert len(kept) == len(elements), number
        seen.update(element.code for element in elements)
        sizes[len(elements)] += 1
        world, claims = small_questions.reduced(reference, question, kept)
        assert reference.first_solution(world, claims) is None, (number, kept)
        for part in kept:
            world, claims = small_questions.reduced(reference, question, kept - {part})
            assert reference.first_solution(world, claims) is not None, (number, kept, part)
    sys.stdout.write(f"{judged} of {number} questions, sizes {sorted(sizes.items())}, elements {seen}" + "\n")
    # Every kind of an element has to turn up, or the test judges less than it says.
    assert {"classClause", "requestClause", "constraint", "count", "taint", "inUse", "counters"} <= set(seen)
    assert max(sizes) >= 4
