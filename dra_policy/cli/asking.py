"""Questions put to the engine one after the other, and the answers in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from dra_policy.allocation import Allocated, Cause, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.cli.expected import ERROR, NONE, Got, Pair
from dra_policy.explanation import Explanation, device_text
from dra_policy.rules import ClaimKey

if TYPE_CHECKING:
    from dra_policy.cli.terminal import Advance
    from dra_policy.engine import Engine
    from dra_policy.resources import ResourceClaim


@dataclass(frozen=True, slots=True)
class Answer:
    """What one claim got; `asked` is the node that it was asked for, empty if any would do."""

    claim: str
    asked: str
    explanation: Explanation

    @property
    def outcome(self) -> Outcome:
        return self.explanation.outcome

    @property
    def node(self) -> str:
        """Where the devices are, or the node that was asked for."""
        return self.outcome.node if isinstance(self.outcome, Allocated) else self.asked

    def devices(self) -> dict[str, list[str]]:
        """The devices in short by request (`request/subrequest`), in the order of the results."""
        by_request: dict[str, list[str]] = {}
        if isinstance(self.outcome, Allocated):
            for allocation in self.outcome.results:
                for result in allocation.devices.results:
                    by_request.setdefault(result.request, []).append(device_text(result))
        return by_request

    def in_short(self) -> str:
        """All devices in one line, as files of expected answers have them; `none`; or the error."""
        match self.outcome:
            case Allocated():
                return " ".join(
                    device_text(result) for allocation in self.outcome.results for result in allocation.devices.results
                )
            case Unsatisfiable():
                return NONE
            case Failed():
                return f"{ERROR}{self.outcome.message}"
            case GaveUp():
                return f"gave up after {self.outcome.steps} steps"
        assert_never(self.outcome)

    def got(self) -> Got:
        """What a comparison with an expected answer looks at."""
        outcome = self.outcome
        if isinstance(outcome, Failed):
            return Got(self.in_short(), words=tuple(filter(None, (outcome.device, outcome.message))))
        return Got(self.in_short(), feature=_missing_feature(outcome))

    def data(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        devices = [device for of_request in self.devices().values() for device in of_request]
        return {"claim": self.claim, "node": self.node or None, "devices": devices, **self.explanation.data()}


def _missing_feature(outcome: Outcome) -> str:
    if isinstance(outcome, Unsatisfiable):
        for node in outcome.reasons:
            for request in node.requests:
                for loss in request.losses:
                    if loss.cause is Cause.FEATURE:
                        return loss.origin.text
    return ""


def each_in_turn(
    engine: Engine, claims: Sequence[ResourceClaim], node: str | None, *, keep: bool, advance: Advance
) -> Iterator[Answer]:
    """Each claim on the first node that fits, in order of names, or on one node; `keep` leaves its devices in use."""
    for claim in claims:
        yield _ask(engine, claim, node, keep=keep)
        advance(claim.metadata.name)


def on_every_node(
    engine: Engine, claims: Sequence[ResourceClaim], nodes: Sequence[str], *, keep: bool, advance: Advance
) -> Iterator[Answer]:
    """Each claim against each node; `keep` leaves the devices of the first node that fits in use."""
    for claim in claims:
        kept: str | None = None
        for node in nodes:
            answer = _ask(engine, claim, node, keep=False)
            if keep and kept is None and isinstance(answer.outcome, Allocated):
                kept = node
            yield answer
        if kept is not None:
            _ask(engine, claim, kept, keep=True)
        advance(claim.metadata.name)


def _ask(engine: Engine, claim: ResourceClaim, node: str | None, *, keep: bool) -> Answer:
    outcome = engine.allocate([claim], node)
    if isinstance(outcome, Allocated) and not keep:
        engine.release(claim)
    name = f"{claim.metadata.namespace}/{claim.metadata.name}"
    return Answer(name, node or "", Explanation((ClaimKey(claim.metadata.namespace or "", claim.metadata.name),), outcome))


def got(answers: Sequence[Answer]) -> dict[Pair, Got]:
    """Answers by claim and node, for a comparison."""
    return {(answer.claim, answer.asked or answer.node): answer.got() for answer in answers}
