"""Fields of the asker: where they come from, how they are read, and what is said where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from dra_policy.resources import Pod, Semver
from dra_policy.resources.metadata import ObjectMeta
from dra_policy.rules.subjects import (
    ClaimFacts,
    FieldType,
    Missing,
    Source,
    SubjectField,
    parse_duration,
    resolve_subject,
)

CLAIM = ClaimFacts("ml", "one", {"hours": "8", "long": "24h"}, {"note": "hi"})
POD = Pod.model_validate(
    {
        "metadata": {"name": "worker-0", "labels": {"app": "train"}, "annotations": {"x": "y"}},
        "spec": {"priority": 1000, "serviceAccountName": "robot"},
    }
)
NAMESPACE = ObjectMeta(name="ml", labels={"team": "cs"}, annotations={"cost": "42"})


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        (Source.NAMESPACE_NAME, "", "ml"),
        (Source.NAMESPACE_LABEL, "team", "cs"),
        (Source.NAMESPACE_ANNOTATION, "cost", "42"),
        (Source.POD_NAME, "", "worker-0"),
        (Source.POD_LABEL, "app", "train"),
        (Source.POD_ANNOTATION, "x", "y"),
        (Source.POD_PRIORITY, "", 1000),
        (Source.SERVICE_ACCOUNT, "", "robot"),
        (Source.CLAIM_NAME, "", "one"),
        (Source.CLAIM_NAMESPACE, "", "ml"),
        (Source.CLAIM_LABEL, "hours", "8"),
        (Source.CLAIM_ANNOTATION, "note", "hi"),
    ],
)
def test_every_source(source: Source, key: str, value: str | int) -> None:
    field = SubjectField("f", source, key)
    assert resolve_subject([field], CLAIM, POD, NAMESPACE).get("f") == value


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (FieldType.TEXT, "8", "8"),
        (FieldType.INT, "-8", -8),
        (FieldType.BOOL, "True", True),
        (FieldType.VERSION, "1.2.3", Semver.parse("1.2.3")),
        (FieldType.TIME, "2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        (FieldType.DURATION, "1h30m", Fraction(5400)),
        (FieldType.AMOUNT, "80Gi", Fraction(80 * 2**30)),
    ],
)
def test_every_type(type_: FieldType, text: str, value: Any) -> None:
    field = SubjectField("f", Source.CLAIM_LABEL, "f", type_)
    found = resolve_subject([field], ClaimFacts("", "", {"f": text}), None, None).get("f")
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (FieldType.INT, "eight"),
        (FieldType.INT, "1_000"),
        (FieldType.INT, "9" * 5000),
        (FieldType.BOOL, "yes"),
        (FieldType.VERSION, "1.2"),
        (FieldType.TIME, "2026-11-23T12:00:00"),
        (FieldType.DURATION, "soon"),
        (FieldType.DURATION, ""),
        (FieldType.AMOUNT, "lots"),
    ],
)
def test_what_cannot_be_read_has_no_value_though_there_is_a_default(type_: FieldType, text: str) -> None:
    field = SubjectField("f", Source.CLAIM_LABEL, "f", type_, default=1)
    found = resolve_subject([field], ClaimFacts("", "", {"f": text}), None, None).get("f")
    assert isinstance(found, Missing)
    assert f"which is no {type_.value}" in found.reason


def test_what_is_not_there_has_the_default() -> None:
    fields = [
        SubjectField("a", Source.CLAIM_LABEL, "a", default="x"),
        SubjectField("b", Source.POD_PRIORITY, default=0),
        SubjectField("c", Source.NAMESPACE_LABEL, "c", default=Fraction(1)),
    ]
    made = resolve_subject(fields, CLAIM, None, None)
    assert [made.get(name) for name in "abc"] == ["x", 0, Fraction(1)]


def test_without_a_default_it_is_said_what_is_missing() -> None:
    fields = [
        SubjectField("a", Source.CLAIM_LABEL, "team"),
        SubjectField("b", Source.POD_PRIORITY),
        SubjectField("c", Source.NAMESPACE_LABEL, "team"),
    ]
    made = resolve_subject(fields, CLAIM, None, None)
    assert [made.get(name) for name in "abcd"] == [
        Missing('`subject.a` has no value: there is no claim label "team"'),
        Missing("`subject.b` is unknown: no pod is known that uses the claim"),
        Missing("`subject.c` is unknown: the namespace `ml` is"),
        Missing("`subject.d` is not declared"),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1.5h", 5400), ("1 d 2 h", 93600), ("250ms", Fraction(1, 4)), ("15 min", 900), ("2w", 1209600)],
)
def test_durations(text: str, seconds: Fraction) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "5", "5 parsec", "1h5", "-1h", "1..5h"])
def test_no_durations(text: str) -> None:
    assert parse_duration(text) is None
