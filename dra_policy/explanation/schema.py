"""The shape of `Explanation.data()`: what programs may rely on. Keys and codes are added to it; none change or go.

`json_schema()` gives it as JSON Schema. Codes of `cause` under `lost` and `nearest` are the names of
`dra_policy.allocation.Cause`; all others are listed here.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, frozen=True)


class Rule(_Part):
    """Where a rule comes from: in its own words, with file and line if there are any, and what else its author says."""

    owner: str
    text: str
    file: str | None = None
    line: int | None = None
    because: str | None = None
    negotiable: bool | None = None


class Lost(_Part):
    """Devices that one rule took away; `examples` are some of their names."""

    cause: str
    devices: int = Field(ge=0)
    examples: list[str]
    rule: Rule


class Request(_Part):
    """The funnel of a request on a node: `seen` less all that was `lost` is `left`."""

    claim: str
    request: str
    wanted: int
    seen: int
    lost: list[Lost]
    left: int
    combination: list[Rule] | None = None


class Node(_Part):
    """A node that was tried."""

    node: str
    requests: list[Request]


class TrueCause(_Part):
    """The first line; `advice` is what to write instead."""

    code: Literal["absentName", "error", "tooFewMatch", "unavailable", "together", "elsewhere"]
    text: str
    advice: str | None = None


class Gap(_Part):
    """What a device has and what a rule needs, in words."""

    code: Literal["less", "more", "other", "absent", "present", "error"]
    subject: str
    has: str
    needs: str
    hint: str | None = None


class Miss(_Part):
    """Devices of the nearest node that fail one rule of a request and no other."""

    request: str
    devices: list[str]
    cause: str
    rule: Rule
    gaps: list[Gap]


class ConflictElement(_Part):
    """One of the things that cannot hold together."""

    code: Literal[
        "classClause",
        "requestClause",
        "amount",
        "constraint",
        "set",
        "refusal",
        "quota",
        "keep",
        "sharing",
        "agreement",
        "mode",
        "exclusion",
        "ceiling",
        "count",
        "taint",
        "inUse",
        "counters",
        "capacity",
        "groups",
        "node",
        "pool",
        "feature",
        "elsewhere",
    ]
    rule: Rule


class ConflictGroup(_Part):
    """Nodes with the same minimal conflict."""

    nodes: list[str]
    certain: bool
    elements: list[ConflictElement]


class Conflicts(_Part):
    """Minimal conflicts, and the nodes that were not looked at."""

    groups: list[ConflictGroup]
    unseen: list[str]


class Change(_Part):
    """One thing to change."""

    code: Literal[
        "clause",
        "amount",
        "attribute",
        "class",
        "wait",
        "pool",
        "count",
        "taint",
        "constraint",
        "set",
        "quota",
        "siteRule",
    ]
    text: str
    cost: int
    rule: Rule


class WayOut(_Part):
    """Changes that were tried together and place the claims on these nodes; `more`: on these at least."""

    changes: list[Change]
    cost: int
    nodes: list[str]
    more: bool


class RunnerUp(_Part):
    """The device that would have come next; `lacks` is empty if it would do as well."""

    device: str
    lacks: str


class ChosenDevice(_Part):
    """Why a device was taken: what those before it lack, and which ones are like it."""

    claim: str
    request: str
    device: str
    position: int
    passed: list[Lost]
    fruitless: list[str]
    alike: list[str]
    runner_up: RunnerUp | None = None
    outranked: list[str] | None = Field(default=None, description="devices that other answers would have")


class Score(_Part):
    """What a choice is worth by one preference."""

    preference: str
    points: int
    most: int


class Level(_Part):
    """The level of a closeness that was reached; `position` 0 is the closest."""

    claim: str
    level: str
    position: int
    proven: bool
    rule: Rule


class Points(_Part):
    """What a preference gives, 0 to 100, as an exact fraction in text."""

    claim: str
    tier: int
    weight: int
    score: str
    rule: Rule
    runner_up: str | None = None


class Preferred(_Part):
    """What decided between several answers: `lines` is all of it in words."""

    optimal: bool
    levels: list[Level]
    scores: list[Points]
    gave_way: list[Rule]
    lines: list[str]
    runner_up: list[list[str]] | None = Field(default=None, description="devices of the next best answer, by claims")


class Chosen(_Part):
    """Why a placement is as it is; `held` claims had their devices before."""

    node: str
    nodes: list[str]
    earlier: int
    scores: list[Score]
    devices: list[ChosenDevice]
    held: list[str]


class ExplanationData(_Part):
    """An explanation. `outcome` says which keys are there; those from `kind` on are worked out on demand only."""

    schema_name: Literal["explanation/v1"] | None = Field(default=None, alias="schema")
    claims: list[str]
    reason: str = Field(description="one line for people")
    outcome: Literal["allocated", "unsatisfiable", "failed", "gaveUp"]
    node: str | None = None
    results: list[dict[str, Any]] | None = Field(default=None, description="AllocationResults of resource.k8s.io/v1")
    steps: int | None = None
    preferred: Preferred | None = None
    nodes: list[Node] | None = None
    scope: Literal["node", "pod"] | None = None
    rule: str | None = Field(default=None, description="the semantic rule that makes it an error, such as D8")
    message: str | None = None
    claim: str | None = None
    request: str | None = None
    device: str | None = None
    origin: Rule | None = None
    cause: TrueCause | None = None
    kind: Literal["placed", "notNow", "neverHere", "never", "invalid", "gaveUp"] | None = None
    certain: bool | None = None
    fits_on: str | None = None
    holders: list[str] | None = None
    unclaimed: bool | None = None
    after: str | None = Field(default=None, description="the moment from which on rules of time let the claims fit")
    updating: list[str] | None = Field(default=None, description="pools that drivers have not published all of")
    nearest: list[Miss] | None = None
    conflicts: Conflicts | None = None
    changes: list[WayOut] | None = None
    chosen: Chosen | None = None


def json_schema() -> dict[str, Any]:
    """The shape as JSON Schema (2020-12)."""
    return ExplanationData.model_json_schema(by_alias=True)


__all__ = ["ExplanationData", "json_schema"]
