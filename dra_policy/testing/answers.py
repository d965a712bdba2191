"""What becomes of the claims of a test, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.engine import Engine
from dra_policy.engine.gangs import GangPlaced
from dra_policy.explanation import Explanation, Kind
from dra_policy.language.checked import CheckedClaim, CheckedPolicies
from dra_policy.language.configuration import merged
from dra_policy.language.hardware import Gate
from dra_policy.language.lowering import lower_claim
from dra_policy.language.trials import CheckedTest, GivenClaim, GivenGang, GivenGate, GivenTime, Released
from dra_policy.resources import Features
from dra_policy.rules import ClaimKey
from dra_policy.rules.site import Gang

NAMESPACE = "default"
"""Where the claims of tests are made."""


@dataclass
class Clock:
    """The time of a test: the same until the test says another, so that no test depends on when it is run."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a claim, or of all claims of a gang.

    `refused` is set where its driver would refuse it, whatever devices there are. The members of a gang that are placed
    have an outcome each, and `places` are where all of them are, by level; why it is refused one explanation says, and
    whether for now or for good `kind`.
    """

    explanation: Explanation
    refused: str = ""
    placed: tuple[Allocated, ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    gang_kind: Callable[[], Kind] | None = field(default=None, compare=False)

    @property
    def outcome(self) -> Outcome:
        return self.explanation.outcome

    @property
    def kind(self) -> Kind | None:
        """Whether it is refused for now or for good."""
        if self.refused:
            # Nothing but another configuration, or another switch, helps.
            return Kind.NEVER
        return self.explanation.kind if self.gang_kind is None else self.gang_kind()


def answers(
    engine: Engine,
    policies: CheckedPolicies,
    test: CheckedTest,
    clock: Clock,
    features: Features,
    empty: Callable[[], Engine],
) -> dict[str, Answer]:
    """The answers to all claims, one after the other. `empty` makes the same engine in which no claim has anything."""
    gates = {gate: gate.default for policy in policies for gate in policy.hardware.gates.values()}
    keys: dict[str, tuple[ClaimKey, ...]] = {}
    found: dict[str, Answer] = {}
    for step in test.steps:
        match step:
            case GivenGate(gate, on):
                gates[gate] = on
            case GivenTime(at):
                clock.at = at
            case Released(names):
                for name in names:
                    if found[name].placed:
                        for key in keys[name]:
                            engine.release(key)
            case GivenClaim():
                key = ClaimKey(step.namespace or NAMESPACE, step.name)
                keys[step.name] = (key,)
                rules = lower_claim(step.template, features, key)
                subject = step.subject or None
                refused = closed_gate(policies, step.template, gates)
                if refused:
                    found[step.name] = _refused((key,), refused)
                    continue
                outcome = engine.allocate(rules, subject=subject)
                if isinstance(outcome, Allocated):
                    found[step.name] = Answer(Explanation((key,), outcome), placed=(outcome,))
                else:
                    found[step.name] = Answer(engine.explain(rules, subject=subject))
            case GivenGang():
                refused = closed_gate(policies, step.gang.claim, gates)
                key = ClaimKey(NAMESPACE, step.gang.claim.name)
                if refused:
                    found[step.name] = _refused((key,), refused)
                    continue
                found[step.name] = _of_gang(engine, step, empty)
                keys[step.name] = tuple(key for one in found[step.name].placed for key in one.claims)
            case _:
                continue
    return found


def _refused(keys: tuple[ClaimKey, ...], why: str) -> Answer:
    return Answer(Explanation(keys, Unsatisfiable(keys, (), 0)), why)


def _of_gang(engine: Engine, step: GivenGang, empty: Callable[[], Engine]) -> Answer:
    """The answer to a gang, asked by its template's qualified name."""
    claim, gang = step.gang.claim, step.gang
    template = f"{claim.policy}.{claim.name}"
    known = engine.moment().state.site_rules.gang(gang.name)
    assert known is not None  # Invariant: a test sees its own policy and what that imports
    subject = step.subject or None

    def asked(of: Engine, wanted: Gang) -> GangPlaced | Unsatisfiable | Failed | GaveUp:
        return of.allocate_gang(wanted, template, subject=subject)

    outcome = asked(engine, known)
    match outcome:
        case GangPlaced(members=members, places=places):
            keys = tuple(key for one in members for key in one.claims)
            return Answer(Explanation(keys, members[0]), placed=members, places=places)
        case Unsatisfiable():
            # Alone in the cluster a gang has all that it can ever have.
            return Answer(
                Explanation(outcome.claims, outcome),
                gang_kind=lambda: Kind.NOT_NOW if isinstance(asked(empty(), known), GangPlaced) else Kind.NEVER,
            )
        case Failed() | GaveUp():
            return Answer(Explanation((ClaimKey(NAMESPACE, claim.name),), outcome))
        case _:
            assert_never(outcome)


def closed_gate(policies: CheckedPolicies, claim: CheckedClaim, gates: Mapping[Gate, bool]) -> str:
    """Why the driver takes no configuration of a claim, with its gates as they are; empty if it takes all."""
    configs = [
        *merged(claim.requests, claim.configs),
        *(config for request in claim.requests for ask in request.asks for config in ask.of.configs),
    ]
    for need in (need for policy in policies for need in policy.hardware.gate_needs):
        for config in configs:
            if config.parameters is not need.parameters or gates.get(need.gate, need.gate.default):
                continue
            field = need.parameters.fields.get(need.field)
            if field is None or need.value is None:
                return f"`{need.parameters.name}` needs gate `{need.gate.name}`, which is off"
            values = config.values.get(field, field.defaults)
            if any(value.value == need.value.value for value in values):
                said = f"`{field.name}` {need.value.value} of `{need.parameters.name}`"
                return f"{said} needs gate `{need.gate.name}`, which is off"
    on = [gate for gate, is_on in gates.items() if is_on]
    for gate in on:
        for other in gates:
            if other.name in gate.excludes and other in on and other.policy == gate.policy:
                return f"gates `{gate.name}` and `{other.name}` exclude each other and are both on"
            if other.name in gate.requires and other not in on and other.policy == gate.policy:
                return f"gate `{gate.name}` requires `{other.name}`, which is off"
    return ""


__all__ = ["NAMESPACE", "Answer", "Clock", "answers", "closed_gate"]
