"""Decoding and validation judge as the API server of Kubernetes 1.37.2 does, with the same fields.

The API server's judgements are recorded. With `DRA_POLICY_VALIDATION_ORACLE=1` they are asked for anew, from
Kubernetes' own code: `tests/data/validation/README.md`.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from dra_policy.diagnostics import Diagnostic, Severity
from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.resources import (
    Features,
    PlainObject,
    TypedObject,
    decode,
    to_object,
    validate,
    validate_update,
    with_defaults,
)
from dra_policy.resources.validation.metadata import instant
from dra_policy.source import Source

DATA: Final = Path(__file__).parent.parent / "data" / "validation"
LIVE: Final = "DRA_POLICY_VALIDATION_ORACLE"
TABLES: Final = ("vendors", *sorted(path.stem for path in (DATA / "questions").glob("*.yaml")))
FEATURES: Final = {
    # Without flags a cluster of 1.37 is compatible with 1.36, and this gate is then off.
    "plain": dataclasses.replace(Features(), fractional_capacity_range=False),
    "default": Features(),
    "all": Features.all(),
}
KNOWN: Final = {
    entry["question"]: entry for entry in tomllib.loads((DATA / "known_differences.toml").read_text())["difference"]
}


@dataclasses.dataclass(frozen=True)
class Refusal:
    """The fields that an object is refused for; none: it is accepted. `decoding` if it could not even be read."""

    fields: frozenset[str]
    decoding: bool = False


def fields(diagnostics: Collection[Diagnostic]) -> frozenset[str]:
    return frozenset(d.path for d in diagnostics if d.severity is Severity.ERROR)


def ours(question: Any) -> Refusal:
    value, problems = decode(question.object)
    if value is None:
        # An unknown kind is a warning to us, but nothing that could be accepted.
        return Refusal(fields(problems) or frozenset(d.path for d in problems), decoding=True)
    assert not isinstance(value, PlainObject)
    features = FEATURES[question.features]
    found = fields(validate(value, features=features)) | expressions(question.object, features)
    if question.old is not None:
        old, problems = decode(question.old)
        assert isinstance(old, type(value)), problems
        fixed = fields(validate_update(value, old))
        # What may not change is not looked into.
        found = fixed | {path for path in found if not path.startswith(tuple(f"{f}." for f in fixed))}
    return Refusal(frozenset(found))


def expressions(data: Any, features: Features) -> frozenset[str]:
    """The fields of CEL expressions that do not compile; validation only measures them."""
    found = set()
    for path, text in texts(data, ""):
        kind = "derived" if ".derivedAttributes[" in path else "selector"
        if path.endswith(".expression") and 0 < len(text.encode()) <= 10 * 1024:
            program = compile_cel(Source(path, text), features=features, kind=kind, new=True)  # type: ignore[arg-type]
            if isinstance(program, EvaluationError):
                found.add(in_v1(data, path))
    return frozenset(found)


def texts(data: Any, path: str) -> Iterator[tuple[str, str]]:
    match data:
        case dict():
            for key, item in data.items():
                yield from texts(item, f"{path}.{key}".strip("."))
        case list():
            for i, item in enumerate(data):
                yield from texts(item, f"{path}[{i}]")
        case str():
            yield path, data


def in_v1(data: Any, path: str) -> str:
    """A path of v1beta1 in the words of v1: the API server itself uses now the one, now the other."""
    if data["apiVersion"] != "resource.k8s.io/v1beta1":
        return path
    flat = "deviceClassName|selectors|allocationMode|count|adminAccess|tolerations|capacity|derivedAttributes"
    if data["kind"].startswith("ResourceClaim"):
        return re.sub(rf"(\.devices\.requests\[\d+\])\.({flat})\b", r"\1.exactly.\2", path)
    return re.sub(r"(spec\.devices\[\d+\])\.basic\b", r"\1", path)


def theirs(question: Any, judgement: dict[str, Any]) -> Refusal:
    if "decodeError" in judgement:
        return Refusal(named(judgement["decodeError"]), decoding=True)
    return Refusal(frozenset(in_v1(question.object, field) for field, _ in judgement.get("errors", ())))


def named(error: str) -> frozenset[str]:
    """The fields that a decoding error names; most name none."""
    unknown = re.findall(r'unknown field "([^"]+)"', error)
    # An embedded type of Go has a name of its own there; fields of the API start in lower case.
    wrong = [re.sub(r"\.[A-Z]\w*", "", path) for path in re.findall(r"Go struct field \w+\.([\w.]+) of type", error)]
    return frozenset(unknown or wrong)


def agree(mine: Refusal, upstream: Refusal) -> bool:
    if not upstream.decoding:
        return mine.fields == upstream.fields
    if not upstream.fields:
        return bool(mine.fields)
    dotted = {re.sub(r"\[([^\]]*[^\d\]][^\]]*)\]", r".\1", path) for path in mine.fields}
    # For a value of the wrong type the fields are named without indices and keys, and only the first of them.
    plain = {re.sub(r"\[[^\]]*\]", "", path) for path in mine.fields}
    return mine.decoding and (upstream.fields == dotted or (len(upstream.fields) == 1 and upstream.fields <= plain))


def compare(asked: Collection[Any], judgements: Collection[dict[str, Any]]) -> list[str]:
    """Each disagreement as one line; those known must be what is written of them."""
    wrong = []
    for question, judgement in zip(asked, judgements, strict=True):
        mine, upstream = ours(question), theirs(question, judgement)
        known = KNOWN.get(question.id)
        if known is None and not agree(mine, upstream):
            said = judgement.get("decodeError") or sorted(upstream.fields)
            wrong.append(f"{question.id} ({question.rule}): Kubernetes {said}, we {sorted(mine.fields)}")
        elif known is not None and (agree(mine, upstream) or mine.fields != frozenset(known["ours"])):
            wrong.append(f"{question.id}: the known difference is another one now: we {sorted(mine.fields)}")
    return wrong


def test_the_recording_is_of_these_questions(upstream: Callable[[str], ModuleType]) -> None:
    module = upstream("questions")
    recorded = {key: row["question"] for key, row in module.recorded().items()}
    asked = {question.id: question.digest for question in module.questions()}
    assert recorded == asked, "run `python tests/oracle/validation/record.py`"
    assert set(KNOWN) <= set(asked)


def test_diagnostics_keep_the_house_rules(
    upstream: Callable[[str], ModuleType], rendered: Callable[[Collection[Diagnostic]], list[tuple[str, str, str]]]
) -> None:
    codes = set()
    for question in upstream("questions").questions():
        value, problems = decode(question.object)
        if isinstance(value, TypedObject):
            problems += validate(value)
        codes |= {code for code, _, _ in rendered(problems)}
    assert len(codes) > 15


@pytest.mark.parametrize("table", TABLES)
def test_judgements_are_those_recorded(table: str, upstream: Callable[[str], ModuleType]) -> None:
    module = upstream("questions")
    asked = [question for question in module.questions() if question.id.split("/")[0] == table]
    recorded = module.recorded()
    assert asked
    assert compare(asked, [recorded[question.id] for question in asked]) == []


def test_vendors_objects_are_accepted(upstream: Callable[[str], ModuleType]) -> None:
    recorded = upstream("questions").recorded()
    vendors = {key: row for key, row in recorded.items() if key.startswith("vendors/")}
    assert len(vendors) > 100
    assert all(set(row) == {"id", "question"} for row in vendors.values())


def test_every_rule_has_questions_of_both_outcomes(upstream: Callable[[str], ModuleType]) -> None:
    module = upstream("questions")
    recorded = module.recorded()
    outcomes: dict[str, set[bool]] = {}
    for question in module.questions():
        if question.rule:
            row = recorded[question.id]
            outcomes.setdefault(question.rule, set()).add("errors" in row or "decodeError" in row)
    rules = ("A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "A14", "A15", "H10")
    assert {rule: outcomes.get(rule) for rule in rules} == {rule: {True, False} for rule in rules}


Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def ask(upstream: Callable[[str], ModuleType]) -> Ask:
    """Asks Kubernetes' own code. It fails if that cannot be built, unless nobody asked for it."""
    if not os.environ.get(LIVE):
        pytest.skip(f"{LIVE} is not set: the judgements of Kubernetes are those recorded")
    oracle = upstream("oracle")

    def answers(asked: list[Any], **more: object) -> list[dict[str, Any]]:
        try:
            said: list[dict[str, Any]] = oracle.ask([question.line(**more) for question in asked])
        except oracle.NoOracle as problem:
            pytest.fail(str(problem), pytrace=False)
        return said

    return answers


def test_the_recording_is_what_kubernetes_says(ask: Ask, upstream: Callable[[str], ModuleType]) -> None:
    module = upstream("questions")
    asked, recorded = module.questions(), module.recorded()
    now = [
        {"id": question.id, "question": question.digest, **module.judgement(answer)}
        for question, answer in zip(asked, ask(asked), strict=True)
    ]
    assert [row for row in now if row != recorded[row["id"]]] == []


def test_every_field_changed_in_every_way_is_judged_alike(ask: Ask, upstream: Callable[[str], ModuleType]) -> None:
    asked = list(upstream("mutations").everywhere())
    assert len(asked) > 5000
    wrong = compare(asked, [upstream("questions").judgement(answer) for answer in ask(asked)])
    assert not wrong, "\n".join([f"{len(wrong)} of {len(asked)}", *wrong[:40]])


def test_defaults_and_older_versions_are_those_of_kubernetes(ask: Ask, upstream: Callable[[str], ModuleType]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    asked = [question for question in upstream("questions").questions() if question.object.get("kind") != "Node"]
    answers = ask(asked, defaults=True)
    now = datetime.now(UTC)
    compared = 0
    for question, answer in zip(asked, answers, strict=True):
        value, _ = decode(question.object)
        # The first second of year 1 is the zero time of Go, which Kubernetes writes as null.
        if "decodeError" in answer or question.id == "decoding/time-year-1":
            continue
        upstreams, problems = decode(answer["defaulted"])
        assert problems == [], question.id
        assert isinstance(value, TypedObject), question.id
        assert isinstance(upstreams, TypedObject), question.id
        # Nothing is absent any more, so our own defaults change nothing; the times of taints are those of two clocks.
        assert with_defaults(upstreams) == upstreams, question.id
        theirs_filled, ours_filled = to_object(upstreams), to_object(with_defaults(value, now=now))
        if theirs_filled.get("status") == {}:
            del theirs_filled["status"]
        assert clocks(theirs_filled, before, now) == clocks(ours_filled, before, now), question.id
        compared += 1
    assert compared > 800


def clocks(data: Any, first: datetime, last: datetime) -> Any:
    """The data with times in whole seconds, as Kubernetes writes them, and those between two others as `now`."""
    match data:
        case dict():
            return {key: clocks(item, first, last) for key, item in data.items()}
        case list():
            return [clocks(item, first, last) for item in data]
        case str() if (moment := instant(data)) is not None:
            bounds = [instant(time.isoformat()) for time in (first, last)]
            return "now" if bounds[0] <= moment <= bounds[1] else moment[0]  # type: ignore[operator]
        case _:
            return data
