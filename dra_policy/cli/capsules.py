"""Capsules on the command line: made from what a command asked, and asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dra_policy.capsule import Asked, AskedClaim, Capsule, World, captured, open_world, policy_texts
from dra_policy.capsule.content import JsonObject
from dra_policy.capsule.differing import shares, with_shares
from dra_policy.capsule.packing import write_capsule
from dra_policy.cli.asking import Answer, Questions, ask
from dra_policy.cli.inputs import Inputs
from dra_policy.cli.inputs import policy_texts as texts_of
from dra_policy.cli.output import Output, emit
from dra_policy.resources import ReadObject, ResourceClaimTemplate
from dra_policy.rules import ClaimKey

ALLOCATE = "allocate"


def world_of(questions: Questions, inputs: Inputs) -> World:
    """All that an engine knows now. To be called before anything is asked, as answers are kept in use."""
    return captured(questions.engine.moment(), policies=policy_texts(*texts_of(inputs.policies)))


def asked_of(questions: Questions, *, node: str | None, per_node: bool, keep: bool) -> Asked:
    """The questions as a capsule has them."""
    return Asked(tuple((_claim(*one),) for one in questions.claims), node, per_node, keep)


def _claim(key: ClaimKey, claim: ReadObject | ClaimKey) -> AskedClaim:
    if isinstance(claim, ClaimKey):
        return AskedClaim(key, "")
    kind = "ResourceClaimTemplate" if isinstance(claim.value, ResourceClaimTemplate) else "ResourceClaim"
    return AskedClaim(key, kind)


def keep_answers(path: str, world: World, asked: Asked, answers: Sequence[Answer], options: Mapping[str, Any]) -> None:
    """Write the capsule of an `allocate`. Raises `InvalidInput`: SRC004."""
    from dra_policy import __version__

    decision = tuple(answer.data() for answer in answers)
    write_capsule(path, Capsule(world, asked, decision, __version__, ALLOCATE, options))


def ask_again(capsule: Capsule) -> list[Answer]:
    """The answers of an `allocate` made again, in the way in which they were made."""
    opened = open_world(capsule.world)
    asked = capsule.asked
    claims = tuple((one.key, opened.claim(one)) for pod in asked.pods for one in pod)
    questions = Questions(opened.engine, claims, ())
    explain = capsule.options.get("explain") is True
    return ask(questions, node=asked.node, per_node=asked.per_node, keep=asked.keep, explain=explain)


def print_again(answers: Sequence[Answer], capsule: Capsule, *, output: Output, explain: bool) -> None:
    """Print answers as `allocate` does, with the ids of shares that were drawn when they were made first."""
    from dra_policy.cli.answers import print_answers, print_answers_by_node

    if output is Output.TABLE:
        table = print_answers_by_node if capsule.asked.per_node else print_answers
        table(answers, explain=explain)
    else:
        emit({"answers": same_shares([answer.data(verbose=explain) for answer in answers], capsule)}, output)


def same_shares(data: list[JsonObject], capsule: Capsule) -> list[JsonObject]:
    """Answers with the ids of shares of the capsule, where there are as many."""
    made: list[JsonObject] = []
    for number, answer in enumerate(data):
        known = capsule.decision[number] if number < len(capsule.decision) else {}
        made.append(with_shares(answer, iter(dict.fromkeys(shares(known)))))
    return made


__all__ = ["ALLOCATE", "ask_again", "asked_of", "keep_answers", "print_again", "same_shares", "world_of"]
