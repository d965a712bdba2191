"""Whom rules judge: declared fields of the asker, where each comes from, and what it is for one claim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from fractions import Fraction
from typing import TypeAlias, assert_never

from dra_policy.resources import Pod, Quantity, Semver
from dra_policy.resources.metadata import ObjectMeta
from dra_policy.rules.model import Origin

SubjectValue: TypeAlias = str | int | bool | Fraction | Semver | datetime
"""Text, whole number, truth value, amount or duration in seconds, version, aware time."""


class Source(Enum):
    """Where the value of a field is found; labels and annotations by their key."""

    NAMESPACE_NAME = "namespace name"
    NAMESPACE_LABEL = "namespace label"
    NAMESPACE_ANNOTATION = "namespace annotation"
    POD_NAME = "pod name"
    POD_LABEL = "pod label"
    POD_ANNOTATION = "pod annotation"
    POD_PRIORITY = "pod priority"
    SERVICE_ACCOUNT = "pod service account"
    CLAIM_NAME = "claim name"
    CLAIM_NAMESPACE = "claim namespace"
    CLAIM_LABEL = "claim label"
    CLAIM_ANNOTATION = "claim annotation"


class FieldType(Enum):
    """How the text of a label or annotation is read."""

    TEXT = "text"
    INT = "int"
    BOOL = "bool"
    VERSION = "version"
    TIME = "time"
    DURATION = "duration"
    AMOUNT = "amount"


class Trust(Enum):
    """Who can set the value of a field. No answer depends on it."""

    ADMIN = "admin"
    USER = "user"


@dataclass(frozen=True, slots=True)
class SubjectField:
    """One thing that rules may read of the asker. `default` is its value where there is none; None: rules are told so.

    A text may be one of `choices` only, if there are any.
    """

    name: str
    source: Source
    key: str = ""
    type: FieldType = FieldType.TEXT
    default: SubjectValue | None = None
    trust: Trust = Trust.USER
    origin: Origin | None = field(default=None, compare=False)
    choices: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where the value is looked for, in words."""
        return f'{self.source.value} "{self.key}"' if self.key else self.source.value


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no value, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The fields of one asker, by name."""

    values: tuple[tuple[str, SubjectValue | Missing], ...]

    def get(self, name: str) -> SubjectValue | Missing:
        """The value of a field.

        >>> Subject((("team", "cs"),)).get("team"), Subject(()).get("team").reason
        ('cs', '`subject.team` is not declared')
        """
        for known, value in self.values:
            if known == name:
                return value
        return Missing(f"`subject.{name}` is not declared")


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What of a claim's own metadata can be read."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, metadata: ObjectMeta, namespace: str = "") -> ClaimFacts:
        """The facts of a claim with this metadata; `namespace` is that of one which names none."""
        return cls(metadata.namespace or namespace, metadata.name, metadata.labels, metadata.annotations)


def resolve_subject(
    fields: Iterable[SubjectField], claim: ClaimFacts, pod: Pod | None, namespace: ObjectMeta | None
) -> Subject:
    """The fields of whoever asks for a claim.

    `pod` is the one that uses it and `namespace` the metadata of the claim's namespace, None if unknown. What is not
    there has the field's default; what cannot be read as the field's type has no value, default or not.

    >>> team = SubjectField("team", Source.NAMESPACE_LABEL, "example.org/team")
    >>> made = resolve_subject([team], ClaimFacts("ml", "one"), None, ObjectMeta(name="ml", labels={"example.org/team": "cs"}))
    >>> made.get("team")
    'cs'
    """
    return Subject(tuple((one.name, _resolved(one, claim, pod, namespace)) for one in fields))


def _resolved(
    one: SubjectField, claim: ClaimFacts, pod: Pod | None, namespace: ObjectMeta | None
) -> SubjectValue | Missing:
    found = _found(one, claim, pod, namespace)
    if isinstance(found, Missing):
        return found if one.default is None else one.default
    if isinstance(found, int):
        return found
    if one.choices and found not in one.choices:
        return Missing(f"`subject.{one.name}` ({one.place}) is `{found}`, which is none of {', '.join(one.choices)}")
    return parse_value(one.type, found, f"`subject.{one.name}` ({one.place})")


def _found(one: SubjectField, claim: ClaimFacts, pod: Pod | None, namespace: ObjectMeta | None) -> str | int | Missing:
    source = one.source
    match source:
        case Source.CLAIM_NAME:
            return claim.name
        case Source.CLAIM_NAMESPACE | Source.NAMESPACE_NAME:
            return claim.namespace
        case Source.CLAIM_LABEL:
            return _entry(one, claim.labels)
        case Source.CLAIM_ANNOTATION:
            return _entry(one, claim.annotations)
        case Source.NAMESPACE_LABEL | Source.NAMESPACE_ANNOTATION:
            if namespace is None:
                return Missing(f"`subject.{one.name}` is unknown: the namespace `{claim.namespace}` is")
            return _entry(one, namespace.labels if source is Source.NAMESPACE_LABEL else namespace.annotations)
        case Source.POD_NAME | Source.POD_LABEL | Source.POD_ANNOTATION | Source.POD_PRIORITY | Source.SERVICE_ACCOUNT:
            if pod is None:
                return Missing(f"`subject.{one.name}` is unknown: no pod is known that uses the claim")
            return _of_pod(one, pod)
    assert_never(source)


def _of_pod(one: SubjectField, pod: Pod) -> str | int | Missing:
    if one.source is Source.POD_PRIORITY:
        return pod.spec.priority
    if one.source is Source.POD_LABEL:
        return _entry(one, pod.metadata.labels)
    if one.source is Source.POD_ANNOTATION:
        return _entry(one, pod.metadata.annotations)
    return pod.metadata.name if one.source is Source.POD_NAME else pod.spec.service_account_name or "default"


def _entry(one: SubjectField, entries: Mapping[str, str]) -> str | Missing:
    value = entries.get(one.key)
    return Missing(f"`subject.{one.name}` has no value: there is no {one.place}") if value is None else value


_PARTS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "min": 60, "s": 1}
_SMALL = {"ms": Fraction(1, 1000), "us": Fraction(1, 10**6), "ns": Fraction(1, 10**9)}
_LENGTHS: Mapping[str, Fraction] = {**{unit: Fraction(seconds) for unit, seconds in _PARTS.items()}, **_SMALL}
_PIECE = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([a-z]+)", re.ASCII)
_INT = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def parse_duration(text: str) -> Fraction | None:
    """A duration in seconds, None for a text that is none.

    >>> parse_duration("1h30m"), parse_duration("2 d"), parse_duration("soon")
    (Fraction(5400, 1), Fraction(172800, 1), None)
    """
    total, at = Fraction(0), 0
    while (piece := _PIECE.match(text, at)) is not None:
        length = _LENGTHS.get(piece[2])
        if length is None:
            return None
        total += Fraction(piece[1]) * length
        at = piece.end()
    return total if at and not text[at:].strip() else None


def unfit(one: SubjectField, value: object) -> str:
    """Why a value that is given for a field is none of its type, in words; empty if it is one.

    >>> tier = SubjectField("tier", Source.POD_LABEL, "tier", choices=("gold", "silver"))
    >>> unfit(tier, "gold"), unfit(tier, "bronze"), unfit(tier, 3)
    ('', '`bronze` is none of gold, silver', '3 is no text')
    """
    kinds = _KINDS[one.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"{value!r} is no {one.type.value}"
    if isinstance(value, datetime) and value.tzinfo is None:
        return f"{value.isoformat()} says no time zone"
    if one.choices and value not in one.choices:
        return f"`{value}` is none of {', '.join(one.choices)}"
    return ""


_KINDS: Mapping[FieldType, tuple[type, ...]] = {
    FieldType.TEXT: (str,),
    FieldType.INT: (int,),
    FieldType.BOOL: (bool,),
    FieldType.VERSION: (Semver,),
    FieldType.TIME: (datetime,),
    FieldType.DURATION: (int, Fraction),
    FieldType.AMOUNT: (int, Fraction),
}


def parse_value(wanted: FieldType, text: str, what: str) -> SubjectValue | Missing:
    """A text as a value of a type; `what` names it if it is none."""
    value: SubjectValue | None
    match wanted:
        case FieldType.TEXT:
            return text
        case FieldType.INT:
            value = int(text) if _INT.fullmatch(text) else None
        case FieldType.BOOL:
            value = {"true": True, "false": False}.get(text.lower())
        case FieldType.VERSION:
            value = _version(text)
        case FieldType.TIME:
            value = _time(text)
        case FieldType.DURATION:
            value = parse_duration(text)
        case FieldType.AMOUNT:
            value = _amount(text)
    return Missing(f"{what} is `{text}`, which is no {wanted.value}") if value is None else value


def _version(text: str) -> Semver | None:
    try:
        return Semver.parse(text)
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else time


def _amount(text: str) -> Fraction | None:
    try:
        return Quantity.parse(text).value
    except ValueError:
        return None


__all__ = [
    "ClaimFacts",
    "FieldType",
    "Missing",
    "Source",
    "Subject",
    "SubjectField",
    "SubjectValue",
    "Trust",
    "parse_duration",
    "parse_value",
    "resolve_subject",
]
