"""The same claims before and after a change, in rows."""

from __future__ import annotations

import textwrap
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from typing import Any

import click

from dra_policy.allocation import Allocated
from dra_policy.capsule import (
    Alteration,
    Asked,
    Capsule,
    Change,
    Changed,
    World,
    altered,
    compare,
    decide,
    differing,
    open_world,
)
from dra_policy.capsule.comparing import Answered, answered
from dra_policy.capsule.deciding import plain
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.output import Output, emit
from dra_policy.cli.replayed import Replayed
from dra_policy.cli.tables import print_table
from dra_policy.explanation import device_text

WHAT_IF = "what-if"
_WIDTH, _LINES = 48, 4
"""Of a reason in a table; JSON has it whole."""
COLUMNS = ("claim", "change", "before", "after")
_SHADES = {Change.LOST: "red", Change.PLACED: "green", Change.UNKNOWN: "yellow", Change.SAME: "dim"}
_WORDS = {
    Change.LOST: "unplaceable",
    Change.PLACED: "placed",
    Change.CLASS: "another class",
    Change.MOVED: "moved",
    Change.REASON: "another reason",
    Change.GONE: "not asked any more",
    Change.NEW: "asked only now",
    Change.UNKNOWN: "unknown: gave up",
    Change.SAME: "same",
}


def changes(before: World, after: World, asked: Asked, asked_after: Asked | None = None) -> list[Changed]:
    """What a change does to the claims that are asked for. Raises `InvalidInput` as `open_world` does."""
    return compare(_answered(before, asked), _answered(after, asked if asked_after is None else asked_after))


def _answered(world: World, asked: Asked) -> list[Answered]:
    opened = open_world(world)
    return answered(opened, decide(opened, asked, world))


def without_freed(asked: Asked, change: Alteration) -> Asked:
    """The questions without those about claims that are gone."""
    gone = frozenset(change.free)
    pods = tuple(pod for pod in asked.pods if not any(one.key in gone for one in pod))
    return Asked(pods, asked.node, asked.per_node, asked.keep)


def print_changes(found: Sequence[Changed], output: Output, *, everything: bool = True) -> None:
    """One row a claim; then a line that counts."""
    if output is not Output.TABLE:
        emit({"changes": [data(one) for one in found], "counts": counts(found)}, output)
        return
    shown = [one for one in found if everything or one.change is not Change.SAME]
    if shown:
        rows = [(_claims(one), _WORDS[one.change], _in_short(one.before), _in_short(one.after)) for one in shown]
        shades = [_SHADES.get(one.change, "") for one in shown]
        print_table(COLUMNS, rows, shades=shades)
    total = "1 claim" if len(found) == 1 else f"{len(found)} claims"
    parts = [f"{number} {_WORDS[Change(code)]}" for code, number in counts(found).items()]
    click.echo(f"\n{total}: {', '.join(parts)}" if parts else f"\n{total}")


def counts(found: Sequence[Changed]) -> dict[str, int]:
    """How many claims each kind of change concerns, without those that none does."""
    tally = Tally(one.change for one in found)
    return {change.value: tally[change] for change in Change if tally[change]}


def data(one: Changed) -> dict[str, Any]:
    """One row as plain JSON values."""
    return {
        "claims": [str(key) for key in one.claims],
        "change": one.change.value,
        "before": None if one.before is None else _side(one.before),
        "after": None if one.after is None else _side(one.after),
    }


def _side(side: Answered) -> dict[str, Any]:
    outcome = side.decision.outcome
    head: dict[str, Any] = {"classes": dict(side.classes)}
    if isinstance(outcome, Allocated):
        head |= {"outcome": "allocated", "node": outcome.node, "devices": _devices(outcome)}
        return head
    return {**head, **{k: v for k, v in side.decision.data().items() if k not in ("asked", "claims", "steps")}}


def _devices(outcome: Allocated) -> list[str]:
    return [device_text(result) for allocation in outcome.results for result in allocation.devices.results]


def _claims(one: Changed) -> str:
    return " ".join(map(str, one.claims))


def _in_short(side: Answered | None) -> str:
    if side is None:
        return "-"
    outcome = side.decision.outcome
    if not isinstance(outcome, Allocated):
        words = textwrap.wrap(side.decision.explanation.sentence(), _WIDTH, max_lines=_LINES, placeholder=" ...")
        return "\n".join(words)
    classes = ", ".join(dict.fromkeys(name for _, name in side.classes))
    devices = " ".join(text.partition("=")[2] for text in _devices(outcome)) or "no device asked for"
    return f"{outcome.node}: {devices}" + (f" ({classes})" if classes else "")


def exit_code(found: Sequence[Changed], *, require_all: bool) -> ExitCode:
    """Gave up before different before answered."""
    if any(one.change is Change.UNKNOWN for one in found):
        return ExitCode.GAVE_UP
    without = any(one.after is not None and not isinstance(one.after.decision.outcome, Allocated) for one in found)
    return ExitCode.DIFFERENT if require_all and without else ExitCode.ANSWERED


def decision_of(found: Sequence[Changed]) -> tuple[dict[str, Any], ...]:
    """The rows as a capsule keeps them."""
    return tuple(plain(data(one)) for one in found)


def capsule_of(
    world: World, asked: Asked, change: Alteration, found: Sequence[Changed], options: Mapping[str, Any]
) -> Capsule:
    """The capsule of a what-if: the world before, the change, and the rows."""
    from dra_policy import __version__
    from dra_policy.capsule.varying import alteration_data

    return Capsule(
        world, asked, decision_of(found), __version__, WHAT_IF, {**options, "alteration": alteration_data(change)}
    )


def change_again(capsule: Capsule, output: Output) -> Replayed:
    """The answers of a what-if made again."""
    from dra_policy import __version__
    from dra_policy.capsule.varying import alteration_of

    change = alteration_of(capsule)
    after = altered(capsule.world, change)
    found = changes(capsule.world, after, capsule.asked, without_freed(capsule.asked, change))
    return Replayed(
        lambda: print_changes(found, output, everything=capsule.options.get("everything") is not False),
        differing(capsule, decision_of(found), __version__),
        exit_code(found, require_all=capsule.options.get("requireAll") is True),
    )


__all__ = [
    "WHAT_IF",
    "altered",
    "capsule_of",
    "change_again",
    "changes",
    "data",
    "decision_of",
    "exit_code",
    "print_changes",
    "without_freed",
]
