"""An explanation in the forms that people and Kubernetes read: text, Markdown, an Event, a condition.

All say the same in the same order: the true cause first, then never or not now and who holds what is missing, then the
smallest change that was tried and places the claims. Where a form has a limit, whole sentences go from the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final, assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.explanation.conflict import Conflict
from dra_policy.explanation.kinds import Kind, Prospect
from dra_policy.explanation.nearest import named
from dra_policy.explanation.refusals import group_lines, names_of, of_drivers
from dra_policy.explanation.relaxing import Relaxation
from dra_policy.explanation.situation import Situation
from dra_policy.explanation.words import because, count, cut, devices, printable, rule
from dra_policy.inventory import DeviceID

if TYPE_CHECKING:
    from dra_policy.explanation.explanation import Explanation

NOTE_BYTES: Final = 1024
"""The most that `note` of an Event of events.k8s.io/v1 takes, and `message` of a core one."""

EVENT_REASON: Final = 128
CONDITION_REASON: Final = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
CONDITION_REASON_LENGTH: Final = 1024
CONDITION_BYTES: Final = 32768
CONDITION_TYPE: Final = "DevicesAvailable"

SHOWN = 5
"""So many changes, groups and devices a verbose text names each."""


@dataclass(frozen=True, slots=True)
class Event:
    """The fields of an Event of events.k8s.io/v1 that an explanation fills: `type`, `reason`, `action` and `note`."""

    type: str
    reason: str
    action: str
    note: str


@dataclass(frozen=True, slots=True)
class Condition:
    """The fields of a condition of meta/v1 that an explanation fills; the status is `True`, `False` or `Unknown`."""

    type: str
    status: str
    reason: str
    message: str


def event(explanation: Explanation) -> Event:
    """The line and the prospect of an explanation as an Event."""
    lines = [explanation.sentence(), *_prospect_lines(explanation)]
    placed = isinstance(explanation.outcome, Allocated)
    note = cut("; ".join(lines), NOTE_BYTES)
    return Event("Normal" if placed else "Warning", _reason(explanation), "AllocateDevices", note)


def condition(explanation: Explanation) -> Condition:
    """An explanation as a condition: whether the devices of the claims can be had."""
    outcome = explanation.outcome
    status = "True" if isinstance(outcome, Allocated) else "Unknown" if isinstance(outcome, GaveUp) else "False"
    lines = [explanation.sentence(), *_prospect_lines(explanation), *_change_lines(explanation, SHOWN)]
    return Condition(CONDITION_TYPE, status, _reason(explanation), cut("\n".join(lines), CONDITION_BYTES))


REASONS: Final = {
    Kind.PLACED: "DevicesAllocated",
    Kind.NOT_NOW: "DevicesInUse",
    Kind.NEVER_HERE: "NoSuchDevicesOnNode",
    Kind.NEVER: "NoSuchDevices",
    Kind.INVALID: "DeviceSelectionFailed",
    Kind.GAVE_UP: "DeviceSearchGaveUp",
}
"""Reasons of Events and conditions; a refusal of which no more is known has `UNPLACED`, one that waits for drivers and
for no claim `UNPUBLISHED`."""

UNPLACED: Final = "DevicesUnavailable"
UNPUBLISHED: Final = "DevicesNotPublished"
OUT_OF_TIME: Final = "RefusedForNow"


def _reason(explanation: Explanation) -> str:
    found = explanation.prospect
    if found is None:
        return UNPLACED
    if found.kind is Kind.NOT_NOW and not found.holders:
        if found.after is not None:
            return OUT_OF_TIME
        if found.updating:
            return UNPUBLISHED
    return REASONS[found.kind]


# --- text


def text(explanation: Explanation, *, verbose: bool) -> str:
    """Several lines for people, the true cause in the first one."""
    return "\n".join(_text(explanation, verbose=verbose)) + "\n"


def _text(explanation: Explanation, *, verbose: bool) -> Iterator[str]:
    names = ", ".join(map(str, explanation.claims))
    outcome = explanation.outcome
    match outcome:
        case Allocated():
            yield f"{names}: placed on {outcome.node}"
            yield from (f"  {device}" for device in devices(outcome))
            if verbose:
                yield from _why_lines(explanation)
            else:
                yield from (f"  {line}" for line in _gave_way(outcome))
        case Unsatisfiable():
            yield f"{names}: refused: {explanation.sentence()}"
            yield from (f"  {line}" for line in _prospect_lines(explanation))
            yield from (f"  {line}" for line in _change_lines(explanation, None if verbose else 1))
            if verbose:
                yield from _conflict_lines(explanation)
            if verbose or explanation.situation is None:
                yield from _funnel_lines(explanation, verbose=verbose)
        case Failed():
            yield f"{names}: {explanation.sentence()}"
            yield from (f"  {line}" for line in (*_prospect_lines(explanation), *_advice(explanation)))
        case GaveUp():
            yield f"{names}: {explanation.sentence()}"
        case _:
            assert_never(outcome)


def _advice(explanation: Explanation) -> Iterator[str]:
    if explanation.cause is not None and explanation.cause.advice:
        yield explanation.cause.advice


def _prospect_lines(explanation: Explanation) -> Iterator[str]:
    """Never or not now, in one line; nothing for what says so itself."""
    found = explanation.prospect
    if found is None or not (isinstance(explanation.outcome, Unsatisfiable) or found.kind is Kind.NOT_NOW):
        return
    told = found.certain or found.updating
    unsure = "" if told else "; some questions about it were given up, so this is not certain"
    yield f"{_prospect(found, explanation)}{unsure}"


def _prospect(found: Prospect, explanation: Explanation) -> str:
    match found.kind:
        case Kind.NOT_NOW:
            waited = [f"driver {pool.driver} has published all of pool `{pool.pool}`" for pool in found.updating]
            waited += [_holder(str(key), explanation.situation, found.node) for key in found.holders]
            if found.unclaimed:
                waited.append("what is in use without a known claim is free")
            if found.after is not None:
                moment = f"{found.after.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
                once = f", once {' and '.join(waited)}" if waited else ""
                return f"not now: it fits on {found.node} from {moment} on{once}"
            return f"not now: it fits on {found.node} once {' and '.join(waited) or 'others give back what they hold'}"
        case Kind.NEVER_HERE:
            asked = explanation.situation.nodes if explanation.situation is not None else ()
            where = asked[0] if len(asked) == 1 else "the nodes that were asked"
            never = f"never here: not on {where}, even with nothing in use; {found.node} could have it"
            return never + _to_come(found)
        case Kind.NEVER:
            site = explanation.situation is not None and explanation.situation.site is not None
            ruled = "devices, taints, classes and the rules of the site" if site else "devices, taints and classes"
            never = f"never: on no node, even with nothing in use, as {ruled} are"
            return never + _to_come(found)
        case Kind.PLACED | Kind.INVALID | Kind.GAVE_UP:
            return str(found.kind.value)
    assert_never(found.kind)


def _to_come(found: Prospect) -> str:
    """What may change a never."""
    if not found.updating:
        return ""
    pools = named([f"`{pool.pool}`" for pool in found.updating], noun="pools")
    one = len(found.updating) == 1
    whose = f"pool {pools}, which its driver is" if one else f"pools {pools}, which their drivers are"
    return f"; nobody knows what is to come of {whose} still publishing"


def _holder(key: str, situation: Situation | None, node: str) -> str:
    """Who gives back what."""
    held = () if situation is None else situation.held
    for name in held:
        if str(name) == key and situation is not None and situation.snapshot.node(node) is not None:
            ids = {record.id for record in situation.view(node).records.values()}
            results = [result for result in situation.held[name].devices.results if not result.admin_access]
            here = [r.device for r in results if DeviceID(r.driver, r.pool, r.device) in ids]
            # What counts against a quota may be on any node.
            devices = here or [result.device for result in results]
            return f"claim {key} gives back {named(devices)}" if devices else f"claim {key} is gone"
    return f"claim {key} is gone"


def _change_lines(explanation: Explanation, most: int | None) -> Iterator[str]:
    """The smallest changes that place the claims."""
    found = explanation.relaxations
    for number, relaxation in enumerate(found[:most]):
        start = "smallest change" if number == 0 else "or"
        yield f"{start}: {relaxation_words(relaxation)}"
    if explanation.situation is not None and not found and isinstance(explanation.outcome, Unsatisfiable):
        yield "no one or two changes that were tried place it"


def relaxation_words(relaxation: Relaxation) -> str:
    """What to change, and where the claims fit then."""
    changes = ", and ".join(printable(change.text) for change in relaxation.changes)
    more = "at least " if relaxation.more else ""
    return f"{changes} (then it fits on {more}{named(relaxation.nodes, noun='nodes')})"


def _conflict_lines(explanation: Explanation) -> Iterator[str]:
    found = explanation.conflict
    if found is None:
        return
    for conflict in found.groups[:SHOWN]:
        yield f"  cannot hold together on {_nodes(conflict)}:"
        yield from (f"    {line}" for line in conflict_lines(conflict))
    if len(found.groups) > SHOWN:
        yield f"  and {count(len(found.groups) - SHOWN, 'other conflict')} on other nodes"
    if found.unseen:
        yield f"  {count(len(found.unseen), 'node')} not looked at"


def _nodes(conflict: Conflict) -> str:
    return named(conflict.nodes, noun="nodes")


def conflict_lines(conflict: Conflict) -> Iterator[str]:
    """Each element of a conflict with its place."""
    for element in conflict.elements:
        negotiable = ", which is negotiable" if element.origin.negotiable else ""
        yield f"{element.origin.owner}: {rule(element.origin)}{negotiable}{because(element.origin)}"


def _funnel_lines(explanation: Explanation, *, verbose: bool) -> Iterator[str]:
    """The funnels of all groups; nodes without a single device of the driver are one line, unless there are no others."""
    ranked = explanation.groups
    shown = ranked if verbose else [g for g in ranked if of_drivers(g[0])] or ranked[:1]
    for group in shown:
        yield from group_lines(group, explanation.causes, several=len(explanation.claims) > 1)
    others = [node for group in ranked[len(shown) :] for node in group]
    if others:
        yield f"  {names_of(others)}: no device of the driver"


def _why_lines(explanation: Explanation) -> Iterator[str]:
    lines = list(_why(explanation))
    if lines:
        yield "  why:"
        yield from (f"    {line}" for line in lines)


def _why(explanation: Explanation) -> Iterator[str]:
    """Why these devices; without a situation, what preferences said of them."""
    outcome = explanation.outcome
    if explanation.chosen is not None:
        yield from explanation.chosen.lines()
    elif isinstance(outcome, Allocated) and outcome.preferred is not None:
        yield from (printable(line) for line in outcome.preferred.lines())


def _gave_way(outcome: Allocated) -> Iterator[str]:
    """Rules that should have held."""
    for origin in () if outcome.preferred is None else outcome.preferred.given_up:
        yield f"gave way: {rule(origin)}{because(origin)}"


# --- Markdown


def markdown(explanation: Explanation) -> str:
    """Everything with headings and lists; what rules and devices say is quoted so that it marks up nothing."""
    lines = list(_markdown(explanation))
    return "\n".join(lines).rstrip("\n") + "\n"


def _markdown(explanation: Explanation) -> Iterator[str]:
    outcome = explanation.outcome
    verdict = {Allocated: "placed", Unsatisfiable: "refused", Failed: "error", GaveUp: "gave up"}[type(outcome)]
    yield f"### {_plain(', '.join(map(str, explanation.claims)))}: {verdict}"
    yield ""
    yield _plain(explanation.sentence())
    yield ""
    points = [*_prospect_lines(explanation), *_change_lines(explanation, SHOWN), *_advice(explanation)]
    yield from (f"- {_plain(line)}" for line in points)
    if points:
        yield ""
    conflict = explanation.conflict
    for one in conflict.groups[:SHOWN] if conflict is not None else ():
        yield f"**Cannot hold together on {_plain(_nodes(one))}**"
        yield ""
        yield from (f"- {_plain(line)}" for line in conflict_lines(one))
        yield ""
    body: Sequence[str] = ()
    if isinstance(outcome, Unsatisfiable):
        body = list(_funnel_lines(explanation, verbose=False))
    else:
        body = list(_why(explanation))
    if body:
        title = "What each rule took away" if isinstance(outcome, Unsatisfiable) else "Why these devices"
        fence = _fence(body)
        yield f"<details><summary>{title}</summary>"
        yield ""
        yield from (f"{fence}text", *body, fence)
        yield ""
        yield "</details>"


def _plain(line: str) -> str:
    """Text outside of backticks with the signs of Markdown and HTML disarmed; what is in backticks is code already."""
    parts = line.split("`")
    # With an odd number of backticks the last one would open what nothing closes.
    if len(parts) % 2 == 0:
        parts[-2:] = [f"{parts[-2]}'{parts[-1]}"]
    return "`".join([part if number % 2 else _MARKS.sub(_escaped, part) for number, part in enumerate(parts)])


def _escaped(mark: re.Match[str]) -> str:
    return f"\\{mark[0]}"


_MARKS: re.Pattern[str] = re.compile(r"[\\*_<>\[\]#|~!&]")


def _fence(lines: Sequence[str]) -> str:
    """A fence that no line of the block closes."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    return "`" * max(3, longest + 1)


__all__ = [
    "CONDITION_BYTES",
    "CONDITION_REASON",
    "CONDITION_REASON_LENGTH",
    "EVENT_REASON",
    "NOTE_BYTES",
    "REASONS",
    "UNPLACED",
    "UNPUBLISHED",
    "Condition",
    "Event",
    "condition",
    "conflict_lines",
    "event",
    "markdown",
    "relaxation_words",
    "text",
]
