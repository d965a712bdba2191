"""When two runs of a test must end alike: what the engine is told of it, as values that can be compared."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, tzinfo
from enum import Enum
from fractions import Fraction

from pydantic import BaseModel

from dra_policy.expression import Program
from dra_policy.language.checked import CheckedClaim, CheckedPolicies
from dra_policy.language.lowered import PolicyRules
from dra_policy.language.lowering import lower_claim
from dra_policy.language.trials import CheckedTest, ExpectedConfiguration, GivenClaim, GivenGang
from dra_policy.resources import Features, Quantity, Semver
from dra_policy.rules import ClassName
from dra_policy.source import Source, Span

_PLAIN = (str, int, bool, bytes, float, Fraction, datetime, date, time, tzinfo, Enum, Quantity, Semver, type(None))


def likeness_of_rules(policies: CheckedPolicies, rules: PolicyRules) -> Hashable:
    """What concerns every test of a policy: the rules of its site, and the drivers' switches."""
    gates = [
        (gate.policy, gate.name, gate.default, gate.excludes, gate.requires)
        for policy in policies
        for gate in policy.hardware.gates.values()
    ]
    needs = [
        (need.parameters.name, need.gate.name, need.field, None if need.value is None else need.value.value)
        for policy in policies
        for need in policy.hardware.gate_needs
    ]
    return comparable([rules.site, rules.retired, gates, needs])


def likeness_of_claims(rules: PolicyRules, test: CheckedTest, features: Features) -> Hashable:
    """What the claims of one test ask for, and what is expected of their configuration."""
    asked: list[object] = []
    for step in test.steps:
        match step:
            case GivenClaim():
                asked += _asked(step.template, rules, features)
            case GivenGang():
                asked += _asked(step.gang.claim, rules, features)
            case ExpectedConfiguration():
                schema = step.parameters
                asked += [schema.api_version, schema.kind, schema.device.driver, schema.name]
                asked += [(field.path, values) for field, values in step.values.items()]
            case _:
                continue
    return comparable(asked)


def _asked(claim: CheckedClaim, rules: PolicyRules, features: Features) -> Iterator[object]:
    """A claim with its classes, and the values of its configurations, which gates look at."""
    yield lower_claim(claim, features)
    for request in claim.requests:
        for ask in request.asks:
            yield rules.classes.get(ClassName(ask.of.name))


def comparable(value: object) -> Hashable:
    """A value as plain tuples: positions by file and line, programs by their text, models by their fields.

    Whatever cannot be compared is never like anything.
    """
    if isinstance(value, _PLAIN):
        return (type(value).__name__, value)
    if isinstance(value, Program):
        return ("Program", value.text)
    if isinstance(value, Span):
        return ("Span", value.source.name, value.line)
    if isinstance(value, Source):
        return ("Source", value.name)
    if isinstance(value, BaseModel):
        return (type(value).__name__, comparable(dict(value)))
    if isinstance(value, Mapping):
        return tuple((comparable(key), comparable(one)) for key, one in value.items())
    if isinstance(value, tuple | list):
        return tuple(map(comparable, value))
    if isinstance(value, set | frozenset):
        return frozenset(map(comparable, value))
    if is_dataclass(value) and not isinstance(value, type):
        parts = tuple(comparable(getattr(value, field.name)) for field in fields(value) if field.compare)
        return (type(value).__name__, parts)
    # Whatever else there is, is like nothing.
    return object()


__all__ = ["comparable", "likeness_of_claims", "likeness_of_rules"]
