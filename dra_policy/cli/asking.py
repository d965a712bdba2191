"""Questions put to the engine one after the other, and the answers in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias, assert_never

from dra_policy.allocation import Allocated, Cause, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.expected import ERROR, NONE, Comparison, Got
from dra_policy.cli.inputs import Inputs
from dra_policy.cli.terminal import progress
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors, in_order
from dra_policy.engine import STEP_LIMIT, Engine
from dra_policy.engine.moment import utc
from dra_policy.explanation import Explanation, device_text
from dra_policy.resources import Features, Pod, ResourceClaim, ResourceClaimTemplate, read_objects
from dra_policy.resources.reading import ReadObject
from dra_policy.rules import ClaimKey

Claim: TypeAlias = ReadObject | ClaimKey
"""A claim or template of a manifest, or the name of a claim that a policy declares."""


@dataclass(frozen=True, slots=True)
class Questions:
    """An engine that knows everything given, and the claims to ask about, in order, by their names."""

    engine: Engine
    claims: tuple[tuple[ClaimKey, Claim], ...]
    warnings: tuple[Diagnostic, ...]


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

    def data(self, *, verbose: bool = False) -> dict[str, Any]:
        """The same as plain JSON values; all that can be said if `verbose`."""
        devices = [device for of_request in self.devices().values() for device in of_request]
        head = {"claim": self.claim, "node": self.node or None, "devices": devices}
        # The explanation names the same claim and node where it has one.
        return head | {
            k: v for k, v in self.explanation.data(verbose=verbose).items() if k not in {"claim", "claims", "node"}
        }


def _missing_feature(outcome: Outcome) -> str:
    if isinstance(outcome, Unsatisfiable):
        for node in outcome.reasons:
            for request in node.requests:
                for loss in request.losses:
                    if loss.cause is Cause.FEATURE:
                        return loss.origin.text
    return ""


def open_questions(
    inputs: Inputs, features: Features, step_limit: int | None, namespace: str, at: datetime | None = None
) -> Questions:
    """An engine with all policies and objects in it. Raises `InvalidInput` with every mistake of all files.

    All questions are asked at one time: `at`, or now.
    """
    now = utc() if at is None else at
    engine = Engine(features=features, step_limit=STEP_LIMIT if step_limit is None else step_limit, clock=lambda: now)
    problems: list[Diagnostic] = []
    try:
        problems += engine.load(*inputs.policies)
    except InvalidInput as problem:
        problems += problem.diagnostics
    declared = engine.claims
    reading = read_objects(*inputs.manifests)
    problems += reading.diagnostics
    objects = [_in_namespace(read, namespace) for read in reading.objects]
    try:
        engine.apply(*objects)
    except InvalidInput as problem:
        problems += problem.diagnostics
    if has_errors(problems):
        raise InvalidInput(problems)
    claims: list[tuple[ClaimKey, Claim]] = [(ClaimKey(key.namespace or namespace, key.name), key) for key in declared]
    claims += [(key, read) for read in objects if (key := _asked(read)) is not None]
    if not claims:
        hint = "name a ResourceClaim, a ResourceClaimTemplate, or a policy that declares a claim"
        raise InvalidInput([*problems, Diagnostic("SRC005", "there is no claim to allocate", help=hint)])
    return Questions(engine, tuple(claims), in_order(problems))


def _asked(read: ReadObject) -> ClaimKey | None:
    """The name of a claim without devices, or of a template; None for any other object."""
    match read.value:
        case ResourceClaim() as claim if claim.status.allocation is not None:
            return None
        case ResourceClaim() | ResourceClaimTemplate() as claim:
            return ClaimKey(claim.metadata.namespace or "", claim.metadata.name)
    return None


def _in_namespace(read: ReadObject, namespace: str) -> ReadObject:
    match read.value:
        case ResourceClaim() | ResourceClaimTemplate() | Pod() as claim if not claim.metadata.namespace:
            metadata = claim.metadata.model_copy(update={"namespace": namespace})
            return replace(read, value=claim.model_copy(update={"metadata": metadata}))
    return read


def ask(
    questions: Questions,
    *,
    node: str | None = None,
    per_node: bool = False,
    keep: bool = True,
    explain: bool = False,
) -> list[Answer]:
    """Every claim in turn: on the first node in order of names that fits, on one node, or on each node.

    `keep` leaves what a claim got in use for the next ones; with `per_node` that is what it got on the first node
    that fits. Refusals and errors can be explained; devices that were given only if `explain`.
    """
    engine = questions.engine
    nodes: Sequence[str | None] = engine.nodes if per_node else [node]
    answers: list[Answer] = []
    with progress("allocating", len(questions.claims) * len(nodes)) as advance:
        for key, claim in questions.claims:
            of_claim: list[Answer] = []
            for one in nodes:
                explanation = _ask(engine, key, claim, one, keep=keep and not per_node, explain=explain)
                of_claim.append(Answer(str(key), one or "", explanation))
                advance(key.name)
            answers += of_claim
            fits = next((a.asked for a in of_claim if isinstance(a.outcome, Allocated)), None)
            if keep and per_node and fits is not None:
                engine.allocate(claim, fits)
    return answers


def _ask(engine: Engine, key: ClaimKey, claim: Claim, node: str | None, *, keep: bool, explain: bool) -> Explanation:
    if not keep:
        return replace(engine.explain(claim, node), claims=(key,))
    before = engine.moment()
    outcome = engine.allocate(claim, node)
    # Of a search that gave up there is no more to say, and to ask again would take as long.
    if isinstance(outcome, GaveUp) or (isinstance(outcome, Allocated) and not explain):
        return Explanation((key,), outcome)
    explained = before.explain(claim, node)
    if isinstance(outcome, Allocated):
        # A template has made a claim, of which the moment before knows nothing.
        outcome = replace(outcome, claims=explained.claims)
        return replace(explained, claims=(key,), outcome=outcome)
    return replace(explained, claims=(key,))


def exit_code(answers: Sequence[Answer], comparison: Comparison | None, *, require_all: bool) -> ExitCode:
    """Gave up before different before answered."""
    if any(isinstance(answer.outcome, GaveUp) for answer in answers):
        return ExitCode.GAVE_UP
    if comparison is not None and not comparison.same:
        return ExitCode.DIFFERENT
    got = {answer.claim for answer in answers if isinstance(answer.outcome, Allocated)}
    if require_all and any(answer.claim not in got for answer in answers):
        return ExitCode.DIFFERENT
    return ExitCode.ANSWERED
