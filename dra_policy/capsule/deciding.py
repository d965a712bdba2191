"""Asking a world: an engine that knows it, and answers to the questions of a capsule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dra_policy import __version__
from dra_policy.allocation import Allocated, GaveUp, Outcome
from dra_policy.capsule.capturing import captured, named_lines
from dra_policy.capsule.content import Asked, AskedClaim, Capsule, JsonObject, ObjectKey, Place, PolicyText, World
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors
from dra_policy.engine import Engine, Moment, Placing
from dra_policy.engine.moment import utc
from dra_policy.explanation import Explanation
from dra_policy.language.imports import library_policies
from dra_policy.resources import Places, ReadObject, TypedObject, decode, read_text
from dra_policy.rules import ClaimKey
from dra_policy.source import Source, Span


@dataclass(frozen=True, slots=True)
class Decision:
    """What the claims of one pod got; `asked` is the node that they were asked for, empty if any would do."""

    claims: tuple[ClaimKey, ...]
    asked: str
    explanation: Explanation

    @property
    def outcome(self) -> Outcome:
        return self.explanation.outcome

    def data(self) -> JsonObject:
        """The same as plain JSON values."""
        return {"asked": self.asked or None, **recorded(self.explanation.data())}


@dataclass(frozen=True)
class Opened:
    """An engine that knows a world, and its claims as they would be asked about."""

    engine: Engine
    claims: Mapping[tuple[str, ClaimKey], ReadObject]

    def claim(self, asked: AskedClaim) -> ReadObject | ClaimKey:
        """The object of a claim, or its name. Raises `InvalidInput`: ENG002 for one that the world does not have."""
        if not asked.kind:
            return asked.key
        found = self.claims.get((asked.kind, asked.key))
        if found is None:
            message = f"the capsule asks for the {asked.kind} `{asked.key}` and does not hold it"
            raise InvalidInput([Diagnostic("CAP004", message, help="make the capsule again")])
        return found


@dataclass(frozen=True)
class _RecordedPlaces(Places):
    """Places that were noted when the object was read; every other field has none."""

    noted: Mapping[str, Span] = field(default_factory=dict)

    def span(self, path: str = "", *, key: bool = False) -> Span | None:
        del key
        return self.noted.get(path)


def open_world(world: World, *, stored: bool = True) -> Opened:
    """An engine that knows everything in a world. Raises `InvalidInput` for policies or objects that it cannot take.

    Objects were judged when they were applied first; `stored` ones are decoded and not judged again.
    """
    at = world.at
    clock = utc if at is None else lambda: at
    engine = Engine(features=world.features, step_limit=world.step_limit, clock=clock)
    if world.policies:
        engine.load(*to_load(world.policies))
    problems: list[Diagnostic] = []
    sources = {name: Source(name, named_lines(lines)) for name, lines in world.lines.items()}
    claims: dict[tuple[str, ClaimKey], ReadObject] = {}
    objects: list[ReadObject | TypedObject] = []
    for key, value in world.in_order():
        found, wrong = decode(value)
        problems += wrong
        if not isinstance(found, TypedObject):
            continue
        read = ReadObject(found, _places(key, world.places.get(key, {}), sources))
        # Without places equal claims share their rules.
        objects.append(read if key in world.places else found)
        if key[0] in ("ResourceClaim", "ResourceClaimTemplate"):
            claims[key[0], ClaimKey(*key[1:])] = read
    if has_errors(problems):
        raise InvalidInput(problems)
    engine.apply(*objects, stored=stored)
    return Opened(engine, claims)


def to_load(policies: Sequence[PolicyText]) -> list[Source]:
    """The texts to load: those given, and with them what they import unless the library has the same."""
    library = library_policies()
    given = [Source(policy.name, policy.text) for policy in policies if policy.given]
    imported = [policy for policy in policies if not policy.given]
    texts = {path: _text(str(path)) for paths in library.values() for path in paths[:1]} if imported else {}
    if all(policy.text in texts.values() for policy in imported):
        return given
    return given + [Source(policy.name, policy.text) for policy in imported]


def _text(path: str) -> str | None:
    read = read_text(path)
    return read.text if isinstance(read, Source) else None


def _places(key: ObjectKey, noted: Mapping[str, Place], sources: Mapping[str, Source]) -> Places:
    spans: dict[str, Span] = {}
    for path, place in noted.items():
        source = sources[place.file]
        start = source.offset(place.line, place.column)
        spans[path] = Span(source, start, start + place.length)
    # Without any place an object is one that no file had; its places lead nowhere.
    name = next((place.file for place in noted.values()), "/".join(filter(None, key)))
    return _RecordedPlaces(sources.get(name, Source(name, "")), lambda: None, noted=spans)


def decide(opened: Opened, asked: Asked, world: World) -> list[Decision]:
    """The answers to all questions, in order. What is kept in use stays so in the engine."""
    engine = opened.engine
    decisions: list[Decision] = []
    for pod in asked.pods:
        keys = tuple(claim.key for claim in pod)
        wanted = [claim.key if claim.kind == "ResourceClaim" else opened.claim(claim) for claim in pod]
        for claim in pod:
            opened.claim(claim)
        nodes: Sequence[str | None] = engine.nodes if asked.per_node else [asked.node]
        of_pod = [
            Decision(keys, node or "", engine.moment().explain(wanted, node, placing=world.placing)) for node in nodes
        ]
        decisions += of_pod
        fits = next((one for one in of_pod if isinstance(one.outcome, Allocated)), None)
        if asked.keep and fits is not None:
            engine.allocate(wanted, fits.asked or None, world.placing)
    return decisions


def decided(world: World, asked: Asked, *, stored: bool = True) -> list[Decision]:
    """The answers of a world to questions. Raises `InvalidInput` as `open_world` does."""
    return decide(open_world(world, stored=stored), asked, world)


def of_moment(
    moment: Moment,
    pods: Sequence[Sequence[ClaimKey]],
    node: str | None = None,
    *,
    policies: Sequence[PolicyText] = (),
    placing: Placing = Placing.FIRST,
) -> Capsule:
    """The capsule of what an engine would answer at a moment, to each pod as if it were the only one.

    The claims are applied ones. `policies` are those in force, as `policy_texts` gives them. Raises as `captured` and
    `Engine.explain` do.
    """
    world = captured(moment, policies=policies, placing=placing)
    asked = Asked(tuple(tuple(AskedClaim(key) for key in pod) for pod in pods), node, keep=False)
    answers = [
        Decision(tuple(pod), node or "", moment.explain(list(pod), node, placing=placing, at=world.at)) for pod in pods
    ]
    return Capsule(world, asked, tuple(plain(one.data()) for one in answers), __version__)


def recorded(data: JsonObject) -> JsonObject:
    """An answer without what it cost: how far a search went is known only if that is all it found."""
    return data if data.get("outcome") == "gaveUp" else {k: v for k, v in data.items() if k != "steps"}


def gave_up(decisions: Sequence[Decision]) -> bool:
    """Whether a search ended at its limit."""
    return any(isinstance(one.outcome, GaveUp) for one in decisions)


def plain(value: Any) -> Any:
    """A JSON value without tuples, as it is once written and read."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


__all__ = [
    "Decision",
    "Opened",
    "decide",
    "decided",
    "gave_up",
    "of_moment",
    "open_world",
    "plain",
    "recorded",
    "to_load",
]
