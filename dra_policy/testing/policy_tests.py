"""Running the `test` blocks of policies: devices are given, claims are made, answers are compared.

Each test has an engine of its own, with the policies in force that were checked together. Claims are answered one
after the other in the order written; an expectation that is wrong says what was expected and what happened, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import ClassVar

from dra_policy.diagnostics import Diagnostic, InvalidInput, as_text, has_errors
from dra_policy.engine import Engine
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.lowered import PolicyRules, lower
from dra_policy.language.siting import lower_site
from dra_policy.language.tree import ExpectPlaced, ExpectRefused
from dra_policy.language.trials import CheckedTest, ExpectedConfiguration
from dra_policy.resources import Features
from dra_policy.source import Span
from dra_policy.testing.answers import Clock, answers
from dra_policy.testing.differences import Difference, difference
from dra_policy.testing.given import Given, given
from dra_policy.testing.likeness import likeness_of_claims, likeness_of_rules


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test: it passed if nothing was different and nothing was wrong with what it gives."""

    # pytest must not take this for a class of tests.
    __test__: ClassVar[bool] = False

    title: str
    policy: str
    span: Span
    differences: tuple[Difference, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences and not has_errors(self.diagnostics)

    def text(self) -> str:
        """One line if it passed; else every difference with the place of its expectation. Ends with a line break."""
        lines = [f'{"ok" if self.passed else "FAILED"} "{self.title}" ({self.span.place})']
        lines += [difference.text() for difference in self.differences]
        lines += [f"  {line}" for line in as_text(self.diagnostics).splitlines()]
        return "\n".join(lines) + "\n"


def run_tests(policies: CheckedPolicies, *, features: Features | None = None) -> list[TestResult]:
    """Run every test of the policies that were given, in order.

    `features` are those of the cluster that the tests play on; the default is Kubernetes 1.37. What a test gives and
    cannot be used (TST002, or what is wrong with its manifests) stands in its result.

    >>> from dra_policy.language import load
    >>> from dra_policy.source import Source
    >>> policies, _ = load(Source("a.dra", '''
    ...     policy a.example version 1.0 language 1
    ...     device Gpu { driver gpu.example.org  capacity memory bytes }
    ...     model Big of Gpu { memory 80Gi }
    ...     class gpu of Gpu { require memory >= 40Gi }
    ...     test "one is enough" { given 1 Big  claim a, b 1 of gpu  expect a placed  expect b placed }'''))
    >>> print(run_tests(policies)[0].text())  # doctest: +ELLIPSIS
    FAILED "one is enough" (a.dra:6)
      a.dra:6:79: claim `b`
        expected: placed
        actual:   refused
        reason:   ...
    <BLANKLINE>
    """
    return [test.run() for test in plays(policies, features=features)]


@dataclass(frozen=True, eq=False, slots=True)
class Play:
    """One test with all that its result depends on: the rules in force, and what is given."""

    policies: CheckedPolicies
    rules: PolicyRules
    test: CheckedTest
    features: Features
    given: Given
    of_rules: Callable[[], Hashable]

    def run(self) -> TestResult:
        """What becomes of the test."""
        title, policy, span = self.test.title, self.test.policy, self.test.span
        if has_errors(self.given.problems):
            return TestResult(title, policy, span, (), self.given.problems)
        clock = Clock()

        def start() -> Engine:
            engine = Engine(features=self.features, clock=clock)
            engine.load_rules(self.rules)
            engine.apply(*self.given.objects)
            return engine

        try:
            engine = start()
        except InvalidInput as invalid:
            return TestResult(title, policy, span, (), tuple(invalid.diagnostics))
        found = answers(engine, self.policies, self.test, clock, self.features, start)
        differences: list[Difference] = []
        for step in self.test.steps:
            if isinstance(step, ExpectPlaced | ExpectRefused | ExpectedConfiguration):
                for name in step.names:
                    text = name if isinstance(name, str) else name.text
                    one = difference(text, step, found[text])
                    differences += [] if one is None else [one]
        return TestResult(title, policy, span, tuple(differences), self.given.problems)

    def question(self) -> Hashable:
        """Equal for two plays of one test whose results are equal: what the engine is told, without where it stands."""
        return self.of_rules(), likeness_of_claims(self.rules, self.test, self.features), self.given.likeness


def plays(
    policies: CheckedPolicies,
    *,
    features: Features | None = None,
    tests: Sequence[CheckedTest] | None = None,
    fleet: Callable[[CheckedPolicies, CheckedTest, Features], Given] = given,
) -> Iterator[Play]:
    """The tests of the policies that were given, or some of them, ready to be run; `fleet` says what each gives."""
    chosen = Features() if features is None else features
    tests = policies.tests if tests is None else tests
    if not tests:
        return
    rules = lower(policies, chosen)
    own: dict[str, tuple[CheckedPolicies, PolicyRules, Callable[[], Hashable]]] = {}
    for test in tests:
        if test.policy not in own:
            seen = seen_by(policies, test.policy)
            sited = replace(rules, site=lower_site(seen, chosen))
            own[test.policy] = seen, sited, cache(partial(likeness_of_rules, seen, sited))
        try:
            objects = fleet(policies, test, chosen)
        except InvalidInput as invalid:
            objects = Given((), tuple(invalid.diagnostics))
        seen, sited, of_rules = own[test.policy]
        yield Play(seen, sited, test, chosen, objects, of_rules)


def seen_by(policies: CheckedPolicies, name: str) -> CheckedPolicies:
    """A policy with all that it imports: what a test says is about these, whatever else is checked with them."""
    wanted = {name}
    for policy in reversed(policies.policies):  # each comes after those it imports
        if policy.name in wanted:
            wanted.update(policy.imports)
    return CheckedPolicies(tuple(policy for policy in policies if policy.name in wanted))


def summary(results: list[TestResult]) -> str:
    """The results as text, failed ones in full, and a last line that counts them."""
    failed = sum(not result.passed for result in results)
    lines = [result.text() for result in results]
    count = f"{len(results)} test{'' if len(results) == 1 else 's'}"
    return "".join(lines) + (f"{count}, {failed} failed\n" if failed else f"{count}, all passed\n")


__all__ = ["Difference", "Play", "TestResult", "plays", "run_tests", "summary"]
