"""An answer together with its reasons, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, NodeReasons, Outcome, Unsatisfiable
from dra_policy.explanation import forms
from dra_policy.explanation.budgets import Budgets, with_budgets
from dra_policy.explanation.causes import Causes, TrueCause, Why, kind_of
from dra_policy.explanation.chosen import Placement, placement
from dra_policy.explanation.conflict import Conflicts, conflicts
from dra_policy.explanation.data import explanation_data
from dra_policy.explanation.joining import joined
from dra_policy.explanation.kinds import Kind, Prospect, prospect
from dra_policy.explanation.nearest import Miss, Retired, nothing_retired
from dra_policy.explanation.refusals import failure, groups, refusal, request_words
from dra_policy.explanation.relaxing import Relaxation, relaxations
from dra_policy.explanation.situation import Situation
from dra_policy.explanation.words import count, device_text, devices
from dra_policy.rules import ClaimKey


@dataclass(frozen=True)
class Explanation:
    """Why the claims of one pod got what they got, or got nothing.

    `outcome` is the answer itself. `sentence()` is one line, `text()` a few or all, `data()` the same as plain JSON
    values with stable names. Everything beyond the outcome is worked out when it is first read, from the `situation` in
    which the answer was made; without one, only what the outcome itself says is told.
    """

    claims: tuple[ClaimKey, ...]
    outcome: Outcome
    situation: Situation | None = field(default=None, compare=False, repr=False)
    retired: Retired = field(default=nothing_retired, compare=False, repr=False)
    budgets: Budgets = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def together(cls, explanations: Sequence[Explanation]) -> Explanation:
        """One explanation of refusals of the same claims on several nodes; of anything else, the first.

        Raises `ValueError` if there is none.
        """
        if not explanations:
            raise ValueError("there is no explanation")
        refusals = [(one.outcome, one.situation) for one in explanations if isinstance(one.outcome, Unsatisfiable)]
        if not refusals:
            return explanations[0]
        first = next(one for one in explanations if isinstance(one.outcome, Unsatisfiable))
        outcome, situation = joined(refusals)
        return cls(first.claims, outcome, situation, first.retired, first.budgets)

    # --- what is worked out

    @cached_property
    def groups(self) -> Sequence[Sequence[NodeReasons]]:
        """For a refusal, the nodes with equal reasons together, the nearest to an allocation first."""
        return with_budgets(groups(self.outcome), self.budgets) if isinstance(self.outcome, Unsatisfiable) else ()

    @cached_property
    def prospect(self) -> Prospect | None:
        """Never, never here, or just not now, and who holds what is missing; None for want of a situation."""
        if self.situation is None:
            match self.outcome:
                case Allocated():
                    return Prospect(Kind.PLACED, self.outcome.node)
                case Failed():
                    return Prospect(Kind.INVALID, self.outcome.node)
                case GaveUp():
                    return Prospect(Kind.GAVE_UP, self.outcome.node, certain=False)
                case Unsatisfiable():
                    return None
                case _:
                    assert_never(self.outcome)
        return prospect(self.situation, self.outcome)

    @property
    def kind(self) -> Kind | None:
        """What the answer amounts to."""
        return None if self.prospect is None else self.prospect.kind

    @property
    def holders(self) -> tuple[ClaimKey, ...]:
        """For NOT_NOW, claims whose release lets the claims fit."""
        return () if self.prospect is None else self.prospect.holders

    @cached_property
    def causes(self) -> Causes | None:
        """The true causes of refusals and errors."""
        return None if self.situation is None else Causes(self.situation, self.retired, self.budgets)

    @cached_property
    def cause(self) -> TrueCause | None:
        """The true cause of an error, or of the refusal on the node that came nearest; None for anything else."""
        causes = self.causes
        if isinstance(self.outcome, Failed):
            known = None if causes is None else causes.of_failure(self.outcome)
            return known or TrueCause(Why.ERROR, failure(self.outcome, None))
        if not self.groups or not self.groups[0][0].requests:
            return None
        nearest = self.groups[0][0]
        if causes is not None:
            for reasons in nearest.requests:
                cause = causes.of_request(nearest.node, reasons)
                if cause is not None:
                    return cause
        first = nearest.requests[0]
        return TrueCause(kind_of(first), request_words([first], nearest.node, causes))

    @cached_property
    def misses(self) -> tuple[Miss, ...]:
        """For a refusal, the devices of the nearest node that fail only one rule of a request, by requests."""
        if self.causes is None or not self.groups:
            return ()
        node = self.groups[0][0]
        return tuple(miss for r in node.requests if r.left < r.wanted for miss in self.causes.misses(node.node, r))

    @cached_property
    def conflict(self) -> Conflicts | None:
        """For a refusal, minimal conflicts, grouped by cause."""
        if self.situation is None or not isinstance(self.outcome, Unsatisfiable):
            return None
        return conflicts(self.situation)

    @cached_property
    def relaxations(self) -> tuple[Relaxation, ...]:
        """For a refusal, changes that place the claims, each tried, the cheapest first."""
        if self.situation is None or not isinstance(self.outcome, Unsatisfiable):
            return ()
        return relaxations(self.situation)

    @cached_property
    def chosen(self) -> Placement | None:
        """For a placement, why these devices and this node."""
        if self.situation is None or not isinstance(self.outcome, Allocated):
            return None
        return placement(self.situation, self.outcome)

    # --- in words and as data

    def sentence(self) -> str:
        """One line: where the claims are, or the true cause on the node that came nearest."""
        outcome = self.outcome
        match outcome:
            case Allocated():
                return f"on {outcome.node}: {', '.join(devices(outcome)) or 'no device asked for'}"
            case Unsatisfiable():
                return refusal(outcome, self.groups, self.causes)
            case Failed():
                return failure(outcome, self.causes)
            case GaveUp():
                return f"gave up after {count(outcome.steps, 'step')} on {outcome.node}; this is not a no"
        assert_never(outcome)

    def text(self, *, verbose: bool = False) -> str:
        """Several lines for people, ending with a line break.

        The true cause; never or not now, and who holds what is missing; the smallest change that places the claims. If
        `verbose`, all of it: the funnel of every group of nodes, conflicts, all changes, and why these devices. Without
        a situation a refusal is told by its funnels.
        """
        return forms.text(self, verbose=verbose)

    def markdown(self) -> str:
        """Everything, for a ticket or a chat."""
        return forms.markdown(self)

    def event(self) -> forms.Event:
        """Cause and prospect within the limits of an Event of Kubernetes."""
        return forms.event(self)

    def condition(self) -> forms.Condition:
        """Everything within the limits of a condition of Kubernetes."""
        return forms.condition(self)

    def data(self, *, verbose: bool = False) -> dict[str, Any]:
        """The same as plain JSON values, after `dra_policy.explanation.data.SCHEMA`.

        What has to be worked out by asking again (kind, holders, conflicts, changes) is there if `verbose`.
        """
        return explanation_data(self, verbose=verbose)


__all__ = ["Explanation", "device_text", "groups"]
