"""Which clauses of policies their tests decide: each is dropped, and some test must come out differently.

A clause that can be dropped while every test still passes has survived: nothing says what it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass

from dra_policy.language import tree
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.checking import words
from dra_policy.language.imports import load
from dra_policy.language.parser import parse
from dra_policy.resources import Features
from dra_policy.source import Source, Span
from dra_policy.testing.always import run_properties
from dra_policy.testing.policy_tests import run_tests

_WHOLE = (
    tree.Require,
    tree.Takes,
    tree.Tolerate,
    tree.Constraint,
    tree.Linked,
    tree.Prefer,
    tree.Config,
    tree.Refuse,
    tree.Quota,
    tree.Keep,
    tree.SiteTolerate,
    tree.AtMost,
    tree.OnlySame,
    tree.EachTakes,
    tree.Advertise,
    tree.Borrow,
    tree.Lend,
    tree.Charge,
)
"""What is left out whole. What a driver publishes is no rule: datasheets and layouts are compared with real devices."""


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """One clause: `test` is the first one that needs it; empty for a survivor, `check` if policies are wrong without it."""

    words: str
    span: Span
    test: str

    @property
    def survived(self) -> bool:
        return not self.test


CHECK = "check"


def clause_coverage(
    policies: CheckedPolicies, *, features: Features | None = None, examples: int = 10
) -> list[ClauseResult]:
    """Drop each clause of the policies that were given, and run their tests without it.

    Tests that fail as they are decide nothing. `examples` is how many fleets are tried for each `always`.
    """
    sources = [policy.span.source for policy in policies if policy.given]
    passing = {result.title for result in run_tests(policies, features=features) if result.passed}
    tried = run_properties(policies, features=features, examples=examples)
    passing |= {one.result.title for one in tried if one.result.passed}
    results: list[ClauseResult] = []
    for source in sources:
        file, _ = parse(source)
        for span, text in () if file is None else _clauses(file):
            changed = [_without(one, span, text) if one is source else one for one in sources]
            results.append(ClauseResult(words(span), span, _decided(changed, passing, features, examples)))
    return results


def _decided(sources: Sequence[Source], passing: set[str], features: Features | None, examples: int) -> str:
    policies, _ = load(*sources)
    if policies is None:
        return CHECK
    for result in run_tests(policies, features=features):
        if result.title in passing and not result.passed:
            return result.title
    for one in run_properties(policies, features=features, examples=examples):
        if one.result.title in passing and not one.result.passed:
            return one.result.title
    return ""


def _without(source: Source, span: Span, text: str) -> Source:
    """The source with a clause left out; lines stay where they are."""
    gone = "".join(c if c == "\n" else " " for c in source.text[span.start + len(text) : span.end])
    return Source(source.name, source.text[: span.start] + text + gone + source.text[span.end :])


def _clauses(file: tree.PolicyFile) -> Iterator[tuple[Span, str]]:
    """What can be dropped, with what takes its place: a part of a condition leaves `true` behind."""
    for statement in file.statements:
        if not isinstance(statement, tree.Test | tree.Always):
            yield from _within(statement)


def _within(node: object) -> Iterator[tuple[Span, str]]:
    stack: list[object] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, tuple):
            stack.extend(reversed(one))
            continue
        if not is_dataclass(one):
            continue
        if isinstance(one, _WHOLE):
            yield one.span, ""
        if isinstance(one, tree.Require | tree.Refuse) and isinstance(one.condition, tree.And):
            yield from ((operand.span, "true") for operand in one.condition.operands)
        stack.extend(reversed([getattr(one, field.name) for field in fields(one)]))


__all__ = ["CHECK", "ClauseResult", "clause_coverage"]
