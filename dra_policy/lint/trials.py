"""Findings that come of running what policies say of themselves: LIN072 and LIN073."""

from __future__ import annotations

from collections.abc import Iterator

from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.tree import ExpectRefused
from dra_policy.lint.finding import Finding, warning
from dra_policy.testing.always import run_properties
from dra_policy.testing.policy_tests import run_tests


def of_trials(policies: CheckedPolicies) -> Iterator[Finding]:
    """Reasons that are expected and not given, and properties of which there is no example."""
    yield from _reasons(policies)
    for one in run_properties(policies):
        if one.result.passed and not one.tally.met:
            message = f"`{one.property.words}` is about nothing: no generated fleet has an example"
            help_ = "declare a model and a class that have one, or leave it out"
            yield warning("LIN073", message, one.property.span, help_)


def _reasons(policies: CheckedPolicies) -> Iterator[Finding]:
    expected = [test for test in policies.tests if any(_reason(step) is not None for step in test.steps)]
    if not expected:
        return
    for test, result in zip(policies.tests, run_tests(policies), strict=True):
        wrong = {difference.span: difference for difference in result.differences if difference.actual == "refused"}
        for step in test.steps:
            if not isinstance(step, ExpectRefused) or step.reason is None or step.span not in wrong:
                continue
            message = f'no answer says "{step.reason.value}"'
            said = wrong[step.span].reason
            help_ = f"the reason is: {said}" if said else "leave the text out, or write a part of the reason"
            yield warning("LIN072", message, step.reason.span, help_)


def _reason(step: object) -> str | None:
    return step.reason.value if isinstance(step, ExpectRefused) and step.reason is not None else None


__all__ = ["of_trials"]
