"""What `what-if` and `diff` are asked: worlds from files, and what is different in the second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dra_policy.capsule import Alteration, Asked, PolicyText, World, altered, policy_texts, read_capsule
from dra_policy.capsule.content import ObjectKey, key_of
from dra_policy.capsule.packing import MAGIC, write_capsule
from dra_policy.cli.asking import open_questions
from dra_policy.cli.capsules import asked_of, world_of
from dra_policy.cli.changes import capsule_of, changes, exit_code, print_changes, without_freed
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import STDIN, Inputs, gather
from dra_policy.cli.output import Output
from dra_policy.cli.terminal import complain
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors
from dra_policy.language import parse
from dra_policy.resources import (
    Features,
    Pod,
    ReadObject,
    ResourceClaim,
    ResourceClaimTemplate,
    TypedObject,
    read_objects,
    to_object,
)
from dra_policy.rules import ClaimKey, refusals
from dra_policy.source import Source


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a what-if is asked for."""

    paths: tuple[str, ...]
    add_nodes: int
    like: str
    changed: tuple[str, ...]
    free: tuple[str, ...]
    features: Features | None
    features_before: Features
    node: str | None
    keep: bool
    step_limit: int | None
    namespace: str
    at: datetime | None = None


def what_if_of(wanted: Wanted, capsule: str | None, output: Output, *, everything: bool, require_all: bool) -> ExitCode:
    """Ask before and after, print, and keep the capsule if one is wanted."""
    world, asked = _before(wanted)
    change = _alteration(wanted, world)
    found = changes(world, altered(world, change), asked, without_freed(asked, change))
    print_changes(found, output, everything=everything)
    if capsule is not None:
        options = {"output": output.value, "everything": everything, "requireAll": require_all}
        write_capsule(capsule, capsule_of(world, asked, change, found, options))
    return exit_code(found, require_all=require_all)


def _before(wanted: Wanted) -> tuple[World, Asked]:
    """The world as it is, and the questions; of a capsule, its own."""
    if len(wanted.paths) == 1 and _is_capsule(wanted.paths[0]):
        kept = read_capsule(wanted.paths[0])
        asked = kept.asked
        node = asked.node if wanted.node is None else wanted.node
        world = kept.world if wanted.at is None else replace(kept.world, at=wanted.at)
        return world, replace(asked, node=node, per_node=False, keep=asked.keep and wanted.keep)
    inputs = gather(wanted.paths)
    questions = open_questions(inputs, wanted.features_before, wanted.step_limit, wanted.namespace, wanted.at)
    complain(questions.warnings)
    asked = asked_of(questions, node=wanted.node, per_node=False, keep=wanted.keep)
    return world_of(questions, inputs), asked


def _is_capsule(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path may be `-` or none at all
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def _alteration(wanted: Wanted, world: World) -> Alteration:
    changed = gather(wanted.changed) if wanted.changed else Inputs()
    return Alteration(
        add_nodes=wanted.add_nodes,
        like=wanted.like,
        objects=_objects(changed, wanted),
        free=tuple(_claim_key(name, wanted.namespace) for name in wanted.free),
        policies=_policies(world.policies, changed.policies) if changed.policies else None,
        features=wanted.features,
    )


def _claim_key(name: str, namespace: str) -> ClaimKey:
    before, slash, last = name.rpartition("/")
    return ClaimKey(before if slash else namespace, last)


def _objects(changed: Inputs, wanted: Wanted) -> dict[ObjectKey, dict[str, object]]:
    """The objects of --with, judged as new ones are."""
    reading = read_objects(*changed.manifests)
    problems: list[Diagnostic] = list(reading.diagnostics)
    features = wanted.features_before if wanted.features is None else wanted.features
    found: dict[ObjectKey, dict[str, object]] = {}
    for read in reading.objects:
        if not isinstance(read.value, TypedObject):
            continue
        problems += refusals(read.value, places=read.places, features=features)
        value = to_object(_in_namespace(read, wanted.namespace))
        found[key_of(value)] = value
    if has_errors(problems):
        raise InvalidInput(problems)
    return found


def _in_namespace(read: ReadObject, namespace: str) -> TypedObject:
    match read.value:
        case ResourceClaim() | ResourceClaimTemplate() | Pod() as claim if not claim.metadata.namespace:
            metadata = claim.metadata.model_copy(update={"namespace": namespace})
            return claim.model_copy(update={"metadata": metadata})
        case TypedObject() as other:
            return other
    raise AssertionError(read)


def _policies(known: Sequence[PolicyText], changed: Sequence[str]) -> tuple[PolicyText, ...]:
    """The policies with some in the place of those of their names; all are checked together again."""
    new = [_source(path) for path in changed]
    names = {_name(source) for source in new}
    kept = [Source(p.name, p.text) for p in known if p.given and _name(Source(p.name, p.text)) not in names]
    return policy_texts(*kept, *new)


def _source(path: str) -> Source:
    from dra_policy.cli.inputs import read_policy

    return read_policy(path)


def _name(source: Source) -> str:
    file, diagnostics = parse(source)
    if file is None:
        raise InvalidInput(diagnostics)
    return file.header.name.text


@dataclass(frozen=True, slots=True)
class Compared:
    """What a diff is asked for."""

    old: str
    new: str
    claims: tuple[str, ...]
    features: Features
    step_limit: int | None
    namespace: str
    keep: bool


def diff_of(wanted: Compared, output: Output, *, everything: bool, require_all: bool) -> ExitCode:
    """Ask under the old policies and under the new ones, and print what became of the claims."""
    if STDIN in (wanted.old, wanted.new):
        raise InvalidInput([Diagnostic("SRC005", "policies to compare are files", help="name two files or folders")])
    worlds: list[tuple[World, Asked]] = []
    problems: list[Diagnostic] = []
    given = gather(wanted.claims)
    for path in (wanted.old, wanted.new):
        ours = gather([path])
        inputs = Inputs((*ours.policies, *given.policies), (*ours.manifests, *given.manifests))
        try:
            questions = open_questions(inputs, wanted.features, wanted.step_limit, wanted.namespace)
        except InvalidInput as problem:
            problems += [d for d in problem.diagnostics if d not in problems]
            continue
        if not worlds:
            complain(questions.warnings)
        asked = asked_of(questions, node=None, per_node=False, keep=wanted.keep)
        worlds.append((world_of(questions, inputs), asked))
    if problems:
        raise InvalidInput(problems)
    (before, asked), (after, asked_after) = worlds
    found = changes(before, after, asked, asked_after)
    print_changes(found, output, everything=everything or output is not Output.TABLE)
    return exit_code(found, require_all=require_all)


__all__ = ["Compared", "Wanted", "diff_of", "what_if_of"]
