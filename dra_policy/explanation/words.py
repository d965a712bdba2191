"""The words for one reason: what a rule is called, where it stands, what its author wanted a refused user to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, assert_never

from dra_policy.allocation import Allocated, Cause, Loss
from dra_policy.rules import Origin

# A rule's own words are quoted up to this many characters; the place leads to the rest.
QUOTED = 140

_MORE = "..."
_END = re.compile(r"; |\. |\.?\n")


def rule(origin: Origin) -> str:
    """The rule in its own words with its place, as in `` `require ecc` (gpu.dra:12) ``."""
    # Backticks are the quotes around it.
    words = printable(" ".join(origin.text.split()).replace("`", ""))
    if len(words) > QUOTED:
        words = words[: QUOTED - 3] + "..."
    quoted = f"`{words}`" if words else origin.owner
    return quoted if origin.span is None else f"{quoted} ({origin.span.place})"


def because(origin: Origin) -> str:
    """The author's sentence behind a colon, or nothing."""
    return f": {printable(origin.because)}" if origin.because else ""


def reason_first(origins: Sequence[Origin]) -> str:
    """What authors wanted a refused user to read, each sentence once, before everything else."""
    said = dict.fromkeys(printable(origin.because) for origin in origins if origin.because)
    return "".join(f"{sentence}: " for sentence in said)


def printable(text: str) -> str:
    """With escapes for what would move the cursor or turn the direction of writing: rules come from other people.

    >>> printable("a\\u202eb")
    'a\\\\u{202E}b'
    """
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):X}}}" for c in text)


def lost(loss: Loss, *, reason: bool = True) -> str:
    """What one rule removed, as in "3 tainted gpu.nvidia.com/xid=79:NoSchedule"; with its author's `reason`, if any."""
    return f"{loss.devices} {how(loss.cause, loss.origin)}{because(loss.origin) if reason else ''}"


def how(cause: Cause, origin: Origin) -> str:
    """What a rule does to devices, as in "refused by `refuse ...`", without its author's sentence."""
    match cause:
        case Cause.DRIVER:
            return f"of another driver, {rule(origin)}"
        case Cause.CLASS:
            return f"fail {origin.owner}, {rule(origin)}"
        case Cause.REQUEST:
            return f"fail the claim's rule {rule(origin)}"
        case Cause.NODE:
            return f"not for this node: {origin.text}"
        case Cause.IN_USE:
            return "in use"
        case Cause.FEATURE:
            return f"need a feature that is off, {origin.text}"
        case Cause.CAPACITY:
            return f"lack capacity: {origin.text}"
        case Cause.COUNTER:
            return f"blocked: {origin.text}" if origin.span is None else f"beyond what is left of {rule(origin)}"
        case Cause.TAINT:
            return f"tainted {origin.text}"
        case Cause.CONSTRAINT:
            return f"fail the constraint {rule(origin)}"
        case Cause.POOL:
            return f"in a pool that cannot be used, {origin.text}"
        case Cause.REFUSAL:
            return f"refused by {rule(origin)}"
        case Cause.QUOTA:
            return f"beyond the quota {rule(origin)}"
        case Cause.KEEP:
            return f"kept free by {rule(origin)}"
        case Cause.SHARING:
            return f"not to be shared so, {rule(origin)}"
        case Cause.AGREEMENT:
            return f"with parameters that do not agree, {rule(origin)}"
        case Cause.MODE:
            return f"on a board in another mode, {rule(origin)}"
        case Cause.EXCLUSION:
            return f"not together with what is held there, {rule(origin)}"
        case Cause.CEILING:
            return f"beyond the most there, {rule(origin)}"
    assert_never(cause)


def count(number: int, noun: str) -> str:
    """A number with its noun, as in "1 device" and "2 devices"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cut(text: str, limit: int) -> str:
    """As many whole sentences as fit into a number of bytes of UTF-8, then `...`; half a sentence if it is the first.

    A sentence ends at `; `, at a full stop with a space or a line behind it, or with its line.

    >>> cut("one; two; three", 13), cut("ääää", 7)
    ('one; two; ...', 'ää...')
    """
    if len(text.encode()) <= limit:
        return text
    room = text.encode()[: max(0, limit - len(_MORE))].decode(errors="ignore")
    ends = [match.end() for match in _END.finditer(text) if match.end() <= len(room)]
    return (room[: ends[-1]] if ends else room) + _MORE[: max(0, limit)]


def devices(outcome: Allocated) -> list[str]:
    """Every device of a placement in short."""
    return [device_text(result) for allocation in outcome.results for result in allocation.devices.results]


def device_text(result: Any) -> str:
    """A result in short, `request=device{capacity:amount,...}`: capacities by name, for shares only."""
    share = ""
    if result.consumed_capacity:
        share = "{" + ",".join(f"{name}:{amount}" for name, amount in sorted(result.consumed_capacity.items())) + "}"
    return f"{result.request}={result.device}{share}"
