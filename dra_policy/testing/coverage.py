"""Which clauses of policies their tests decide: each is left out, and some test must come out differently.

A clause that can be left out while every test still passes has survived: nothing says what it is for. Without a
clause only those tests are run to which it makes a difference what the engine is told.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.checking import words
from dra_policy.language.imports import load
from dra_policy.language.parser import parse
from dra_policy.language.tree import ExpectRefused
from dra_policy.language.trials import CheckedTest
from dra_policy.resources import Features
from dra_policy.source import Source, Span
from dra_policy.testing.always import run_properties
from dra_policy.testing.clauses import Droppable, droppable
from dra_policy.testing.given import Given, given
from dra_policy.testing.policy_tests import plays


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """One clause: `test` is the first one that needs it; empty for a survivor, `check` if policies are wrong without it.

    `runs` counts the tests that were run without it.
    """

    words: str
    span: Span
    test: str
    runs: int = field(default=0, compare=False)

    @property
    def survived(self) -> bool:
        return not self.test


CHECK = "check"


def clause_coverage(
    policies: CheckedPolicies, *, features: Features | None = None, examples: int = 10
) -> list[ClauseResult]:
    """Leave out each clause of the policies that were given, and run their tests without it.

    Tests that fail as they are decide nothing. `examples` is how many fleets are tried for each `always`.
    """
    sources = [policy.span.source for policy in policies if policy.given]
    played = {_named(play.test): play for play in plays(policies, features=features) if play.run().passed}
    tried = run_properties(policies, features=features, examples=examples)
    before = _Before(
        features,
        examples,
        {name: play.question() for name, play in played.items()},
        {name: play.given for name, play in played.items()},
        frozenset(one.result.title for one in tried if one.result.passed),
    )
    results: list[ClauseResult] = []
    for source in sources:
        file, _ = parse(source)
        for one in () if file is None else droppable(file):
            test, runs = before.decided(one, [one.left_out() if other is source else other for other in sources])
            results.append(ClauseResult(words(one.span), one.span, test, runs))
    return results


_Name: TypeAlias = tuple[str, str]


def _named(test: CheckedTest) -> _Name:
    return test.policy, test.title


@dataclass(frozen=True, slots=True)
class _Before:
    """What passes while nothing is left out: tests by policy and title, and properties by their words."""

    features: Features | None
    examples: int
    questions: Mapping[_Name, Hashable]
    fleets: Mapping[_Name, Given]
    holding: frozenset[str]

    def decided(self, clause: Droppable, sources: Sequence[Source]) -> tuple[str, int]:
        """A test that needs what was left out, and how many were run to find it."""
        policies, _ = load(*sources)
        if policies is None:
            return CHECK, 0
        text, runs = clause.span.text, 0
        # The test that expects the clause's own sentence first.
        tests = sorted(
            (test for test in policies.tests if _named(test) in self.questions),
            key=lambda test: not any(reason in text for reason in _reasons(test)),
        )
        fleet = given if clause.hardware else self._fleet
        for play in plays(policies, features=self.features, tests=tests, fleet=fleet):
            if play.question() == self.questions[_named(play.test)]:
                continue
            runs += 1
            if not play.run().passed:
                return play.test.title, runs
        if self.holding:
            for one in run_properties(policies, features=self.features, examples=self.examples):
                if one.result.title in self.holding and not one.result.passed:
                    return one.result.title, runs
        return "", runs

    def _fleet(self, _policies: CheckedPolicies, test: CheckedTest, _features: Features) -> Given:
        return self.fleets[_named(test)]


def _reasons(test: CheckedTest) -> Iterator[str]:
    for step in test.steps:
        if isinstance(step, ExpectRefused) and step.reason is not None:
            yield step.reason.value


__all__ = ["CHECK", "ClauseResult", "clause_coverage"]
