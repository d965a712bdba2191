"""Expected answers: what a file says that claims get on nodes, compared with what they got.

The file is a list of entries, or an object of the kind `ExpectedAnswers` with the list under `answers`:

```yaml
apiVersion: dra-policy.dev/v1
kind: ExpectedAnswers
answers:
- claim: lobby-camera                              # name, or namespace/name
  nodes: {edge-hall-a-01: "cam=cam-lobby-02{streams:1}"}
  errors: {edge-hall-b-01: "no such key: streams"} # the error on the node holds these words
  none: 2                                          # on so many other nodes there is nothing, without an error
```

Devices are written `request=device`, with `{capacity:amount,...}` for a share, in the order of the results. A node
that is not named has no devices for the claim and no error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dra_policy.diagnostics.invalid import InvalidInput
from dra_policy.diagnostics.model import Diagnostic
from dra_policy.diagnostics.nearest import did_you_mean
from dra_policy.resources.places import Places

KIND = "ExpectedAnswers"
VERSION = "dra-policy.dev/v1"
SHAPE = "RES001"
UNKNOWN = "RES004"
_FIELDS = ("file", "claim", "nodes", "errors", "none")

Pair: TypeAlias = tuple[str, str]
"""Claim, as namespace/name, and node."""

NONE = "none"
ERROR = "error: "


@dataclass(frozen=True, slots=True)
class Expected:
    """What one claim gets: devices by node, words of the error by node, nothing on `none` other nodes."""

    claim: str
    nodes: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    none: int | None = None

    def on(self, node: str) -> str:
        """In one line what the claim gets on a node."""
        if node in self.errors:
            return f"{ERROR}{self.errors[node]}"
        return self.nodes.get(node, NONE)


@dataclass(frozen=True, slots=True)
class Got:
    """What a claim got on a node. `words` are what an expected error must hold; `feature` is one that is off and
    took devices away."""

    answer: str
    words: tuple[str, ...] = ()
    feature: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair that disagrees; `feature` names a switched-off feature that it waits for."""

    pair: Pair
    expected: str
    got: str
    feature: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All pairs, each in one place: agreeing, differing, or without an expected answer."""

    agreeing: int
    differing: tuple[Difference, ...]
    not_covered: tuple[Pair, ...]
    miscounted: tuple[str, ...]

    @property
    def pairs(self) -> int:
        return self.agreeing + len(self.differing)

    @property
    def same(self) -> bool:
        return not self.differing and not self.miscounted

    def summary(self) -> str:
        """One line: how many pairs agree, and what the others are."""
        text = f"{self.agreeing} of {self.pairs} pairs agree"
        if waiting := sum(bool(d.feature) for d in self.differing):
            text += f", {waiting} wait for a feature"
        return f"{text}, {len(self.not_covered)} not covered" if self.not_covered else text

    def data(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        rows = [
            {"claim": d.pair[0], "node": d.pair[1], "expected": d.expected, "got": d.got}
            | ({"feature": d.feature} if d.feature else {})
            for d in self.differing
        ]
        return {
            "summary": self.summary(),
            "pairs": self.pairs,
            "agreeing": self.agreeing,
            "differing": rows,
            "notCovered": [{"claim": claim, "node": node} for claim, node in self.not_covered],
            "miscounted": list(self.miscounted),
        }


def compare(expected: Sequence[Expected], got: Mapping[Pair, Got]) -> Comparison:
    """Every pair that was asked or is named in the file; a named pair that was not asked differs."""
    by_claim = {entry.claim: entry for entry in expected}
    agreeing = 0
    differing: list[Difference] = []
    not_covered: list[Pair] = []
    for pair, answer in got.items():
        entry = by_claim.get(pair[0])
        if entry is None:
            not_covered.append(pair)
        elif _agree(entry.on(pair[1]), answer):
            agreeing += 1
        else:
            differing.append(Difference(pair, entry.on(pair[1]), answer.answer, answer.feature))
    for entry in expected:
        named = [*entry.nodes, *entry.errors]
        differing += [
            Difference((entry.claim, node), entry.on(node), "not asked")
            for node in named
            if (entry.claim, node) not in got
        ]
    return Comparison(agreeing, tuple(differing), tuple(not_covered), tuple(_miscounted(expected, got)))


def _agree(expected: str, got: Got) -> bool:
    if not expected.startswith(ERROR):
        return expected == got.answer
    # A file may quote another program's whole sentence, which names device and cause, or only the words that matter.
    wanted = expected.removeprefix(ERROR)
    known = all(words in wanted for words in got.words) or wanted in ": ".join(got.words)
    return got.answer.startswith(ERROR) and known


def _miscounted(expected: Sequence[Expected], got: Mapping[Pair, Got]) -> list[str]:
    counted: dict[str, int] = {}
    for claim, _ in got:
        counted[claim] = counted.get(claim, 0) + 1
    wrong = []
    for entry in expected:
        asked = counted.get(entry.claim)
        if asked is None:
            wrong.append(f"{entry.claim}: the claim was not asked")
        elif entry.none is not None and asked != len(entry.nodes) + len(entry.errors) + entry.none:
            stated = len(entry.nodes) + len(entry.errors) + entry.none
            wrong.append(f"{entry.claim}: the file speaks of {stated} nodes, {asked} were asked")
    return wrong


def read_expected(path: str, namespace: str) -> list[Expected]:
    """The entries of a file; claims without a namespace get `namespace`.

    Raises `InvalidInput`, all mistakes at once: SRC and YML codes for the text, RES001 and RES004 for another shape.
    """
    from dra_policy.resources.files import read_text
    from dra_policy.resources.reading import read_values

    source = read_text(path)
    if isinstance(source, Diagnostic):
        raise InvalidInput([source])
    values, problems = read_values(source)
    if not problems and len(values) != 1:
        problems = [Diagnostic(SHAPE, f"expected one document, got {len(values)}", source.whole())]
    if problems:
        raise InvalidInput(problems)
    return _Reader(values[0].places, namespace).entries(values[0].value)


class _Reader:
    """Collects mistakes with the place of each."""

    def __init__(self, places: Places, namespace: str) -> None:
        self.places = places
        self.namespace = namespace
        self.problems: list[Diagnostic] = []

    def entries(self, value: Any) -> list[Expected]:
        at = ""
        if isinstance(value, dict):
            if value.get("kind") != KIND or value.get("apiVersion") != VERSION:
                self.wrong("kind", f"expected `apiVersion: {VERSION}` and `kind: {KIND}`")
                raise InvalidInput(self.problems)
            at, value = "answers", value.get("answers")
        found: dict[str, Expected] = {}
        if isinstance(value, list):
            for number, entry in enumerate(value):
                read = self.entry(entry, f"{at}[{number}]")
                if read is not None and read.claim in found:
                    self.wrong(f"{at}[{number}].claim", f"`{read.claim}` is answered twice")
                elif read is not None:
                    found[read.claim] = read
        else:
            self.wrong(at, "expected a list of answers")
        if self.problems:
            raise InvalidInput(self.problems)
        return list(found.values())

    def entry(self, entry: Any, at: str) -> Expected | None:
        if not isinstance(entry, dict) or not isinstance(entry.get("claim"), str):
            self.wrong(at, "expected an object with the name of a `claim`")
            return None
        for key in entry:
            if key not in _FIELDS:
                self.wrong(f"{at}.{key}", f"unknown field `{key}`", did_you_mean(key, _FIELDS), UNKNOWN, key=True)
        name = entry["claim"]
        claim = name if "/" in name or not self.namespace else f"{self.namespace}/{name}"
        none = entry.get("none")
        if none is not None and (not isinstance(none, int) or isinstance(none, bool) or none < 0):
            self.wrong(f"{at}.none", f"expected a number of nodes, got `{none}`")
            none = None
        return Expected(claim, self.texts(entry, f"{at}.nodes"), self.texts(entry, f"{at}.errors"), none)

    def texts(self, entry: dict[str, Any], at: str) -> dict[str, str]:
        value = entry.get(at.rpartition(".")[2])
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            self.wrong(at, "expected a text for each node")
            return {}
        return value

    def wrong(self, at: str, message: str, hint: str = "", code: str = SHAPE, *, key: bool = False) -> None:
        self.problems.append(Diagnostic(code, message, self.places.span(at, key=key), help=hint, path=at))
