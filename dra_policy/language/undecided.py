"""What the grammar reads and nothing decides yet: refused, because a rule that has no effect is worse than none."""

from __future__ import annotations

from collections.abc import Iterator

from dra_policy.language import tree
from dra_policy.language.checking import Checking
from dra_policy.source import Span


def check_undecided(checking: Checking) -> None:
    """Report every statement and clause without an effect."""
    for name, file in checking.files.items():
        for statement in file.statements:
            for words, span in _undecided(statement):
                checking.scopes[name].problems.add(
                    "SYN015", f"`{words}` has no effect in this version of dra-policy", span, _instead(words)
                )


def _instead(words: str) -> str:
    """What does what was meant."""
    return "leave it out; a wish is `prefer CONDITION`" if words == "should" else "leave it out"


def _undecided(statement: tree.Statement) -> Iterator[tuple[str, Span]]:
    if isinstance(statement, tree.Class | tree.Claim):
        for member in statement.members:
            if isinstance(member, tree.Require | tree.Constraint):
                yield from _of_rule(member)
            elif isinstance(member, tree.Request):
                yield from _of_request(member)
    elif isinstance(statement, tree.Test):
        for step in statement.steps:
            if isinstance(step, tree.TestClaim) and step.request is not None:
                yield from _of_request(step.request)


def _of_rule(member: tree.Require | tree.Constraint) -> Iterator[tuple[str, Span]]:
    enforced, strength = member.said.enforced, member.said.strength
    if isinstance(member, tree.Require):
        # The cluster decides every one, as a selector.
        if enforced is not None:
            yield "enforced by", enforced.span
        if strength is not None and strength.text == "should":
            yield "should", strength.span
    elif member.keyword == "distinct" and strength is not None and strength.text == "should":
        yield "should", strength.span


def _of_request(request: tree.Request) -> Iterator[tuple[str, Span]]:
    for asked in request.alternatives:
        for member in asked.members:
            if isinstance(member, tree.Require):
                yield from _of_rule(member)
