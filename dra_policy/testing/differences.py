"""What a test expects of a claim, beside what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.explanation import Explanation, Kind
from dra_policy.language.tree import ExpectPlaced, ExpectRefused
from dra_policy.language.trials import ExpectedConfiguration
from dra_policy.source import Span
from dra_policy.testing.answers import Answer
from dra_policy.testing.configured import told, told_otherwise

Expectation: TypeAlias = ExpectPlaced | ExpectRefused | ExpectedConfiguration


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that did not come true; `reason` is the engine's own explanation, on one line."""

    claim: str
    expected: str
    actual: str
    reason: str
    span: Span

    def text(self) -> str:
        lines = [
            f"  {self.span}: claim `{self.claim}`",
            f"    expected: {self.expected}",
            f"    actual:   {self.actual}",
        ]
        return "\n".join([*lines, f"    reason:   {self.reason}"] if self.reason else lines)


def difference(claim: str, step: Expectation, answer: Answer) -> Difference | None:
    """What is otherwise than a step expects of one claim; None if nothing is."""
    match step:
        case ExpectPlaced():
            agrees = bool(answer.placed) and _as_placed(step, answer)
        case ExpectRefused():
            agrees = isinstance(answer.outcome, Unsatisfiable | Failed) and _as_refused(step, answer)
        case ExpectedConfiguration():
            agrees = bool(answer.placed) and not told_otherwise(step, answer.placed)
        case _:
            assert_never(step)
    if agrees:
        return None
    why = "" if answer.placed else answer.refused or _bare(answer.explanation).sentence()
    return Difference(claim, _expected(step), _actual(step, answer), why, step.span)


def _as_refused(step: ExpectRefused, answer: Answer) -> bool:
    explanation = answer.explanation
    words = "" if step.reason is None else step.reason.value
    if step.kind and answer.kind not in _KINDS[step.kind]:
        return False
    if answer.refused:
        return words in answer.refused
    bare = _bare(explanation)
    return words in bare.text() + bare.sentence() or words in explanation.sentence()


def _bare(explanation: Explanation) -> Explanation:
    """The answer in its own words, without what else was found out about it."""
    return Explanation(explanation.claims, explanation.outcome, budgets=explanation.budgets)


_KINDS = {"not now": (Kind.NOT_NOW,), "never": (Kind.NEVER, Kind.NEVER_HERE, Kind.INVALID)}


def _as_placed(step: ExpectPlaced, answer: Answer) -> bool:
    placed = answer.placed
    devices = tuple(text.value for text in step.devices)
    as_devices = not devices or devices == _devices(placed)
    as_node = step.node is None or all(step.node.value == one.node for one in placed)
    return as_devices and as_node and (step.reached is None or step.reached.text in _reached(answer))


def _reached(answer: Answer) -> tuple[str, ...]:
    """The levels that all of them had, and those at which they are together."""
    placed = answer.placed
    levels = [() if one.preferred is None else tuple(level.level for level in one.preferred.levels) for one in placed]
    shared = [level for level in levels[0] if all(level in others for others in levels)]
    return tuple(dict.fromkeys([*shared, *(level for level, _ in answer.places)]))


def _devices(placed: tuple[Allocated, ...]) -> tuple[str, ...]:
    return tuple(result.device for one in placed for claim in one.results for result in claim.devices.results)


def _expected(step: Expectation) -> str:
    match step:
        case ExpectPlaced():
            devices = ", ".join(text.value for text in step.devices)
            node = "" if step.node is None else f" on node {step.node.value}"
            reached = "" if step.reached is None else f", reached {step.reached.text}"
            return ("placed" if not devices else f"placed on {devices}") + node + reached
        case ExpectRefused():
            kind = f", {step.kind}" if step.kind else ""
            return f"refused{kind}" + ("" if step.reason is None else f', with "{step.reason.value}" in the reason')
        case ExpectedConfiguration():
            return step.words
    assert_never(step)


def _actual(step: Expectation, answer: Answer) -> str:
    if answer.placed:
        return told(step, answer.placed) if isinstance(step, ExpectedConfiguration) else _where(answer)
    kind = ""
    if isinstance(step, ExpectRefused) and step.kind:
        kind = ", not now" if answer.kind is Kind.NOT_NOW else ", never"
    match answer.outcome:
        case Unsatisfiable():
            return f"refused{kind}"
        case Failed(rule=rule):
            return f"failed (rule {rule}){kind}"
        case GaveUp(steps=steps):
            return f"the search gave up after {steps} steps"
        case outcome:
            raise AssertionError(outcome)  # Invariant: what is allocated is placed


def _where(answer: Answer) -> str:
    placed = answer.placed
    nodes = list(dict.fromkeys(one.node for one in placed))
    where = f"on node {nodes[0]}" if len(nodes) == 1 else f"on nodes {', '.join(nodes)}"
    reached = "".join(f", reached {level}" for level in _reached(answer))
    return f"placed on {', '.join(_devices(placed)) or 'no device'} {where}{reached}"


__all__ = ["Difference", "Expectation", "difference"]
