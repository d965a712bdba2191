"""Refusals in words: nodes with equal reasons together, the nearest one first, and the funnel of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dra_policy.allocation import Cause, Failed, Loss, NodeReasons, RequestReasons, Scope, Unsatisfiable
from dra_policy.explanation.causes import Causes
from dra_policy.explanation.counters import used_up
from dra_policy.explanation.nearest import Miss
from dra_policy.explanation.words import because, count, lost, rule

# Nodes with the same reasons are one group; a group names this many of them.
NAMED = 3


def groups(outcome: Unsatisfiable) -> list[list[NodeReasons]]:
    """The nodes with equal reasons together, the group that came nearest to an allocation first."""
    found: dict[object, list[NodeReasons]] = {}
    # Nodes that differ in name only share their reasons, and so they are compared once.
    known: dict[int, object] = {}
    for node in outcome.reasons:
        key = known.get(id(node.requests))
        if key is None:
            key = known[id(node.requests)] = tuple(map(_likeness, node.requests))
        found.setdefault(key, []).append(node)
    return sorted(found.values(), key=lambda group: _distance(group[0]))


def _likeness(reasons: RequestReasons) -> object:
    losses = tuple((loss.cause, loss.origin.owner, loss.origin.text, loss.devices) for loss in reasons.losses)
    combination = tuple((origin.owner, origin.text) for origin in reasons.combination)
    return reasons.claim, reasons.request, reasons.wanted, reasons.seen, losses, reasons.left, combination


def _distance(node: NodeReasons) -> tuple[int, int, int, str]:
    """Smaller is nearer: fewer devices short, then more devices that are of the driver at all."""
    short = sum(max(0, r.wanted - r.left) for r in node.requests)
    of_driver = of_drivers(node)
    return int(of_driver == 0), short, -of_driver, node.node


def of_drivers(node: NodeReasons) -> int:
    """How many devices of the node are of the drivers asked for, whatever else is wrong with them."""
    return sum(_of_driver(r) for r in node.requests)


def _of_driver(reasons: RequestReasons) -> int:
    return reasons.seen - sum(loss.devices for loss in reasons.losses if loss.cause is Cause.DRIVER)


def refusal(outcome: Unsatisfiable, ranked: Sequence[Sequence[NodeReasons]], causes: Causes | None) -> str:
    """One line: the true cause on the nodes that came nearest."""
    if not outcome.reasons:
        return "there is no node"
    nearest = ranked[0]
    nodes = len(outcome.reasons)
    nearest_is = "nearest is" if len(nearest) == 1 else "nearest are"
    where = names_of(nearest) if len(nearest) == nodes else f"{nearest_is} {names_of(nearest)}"
    failing = nearest[0].requests
    if not failing:
        return f"no combination fits on {count(nodes, 'node')}; {where}"
    several = len({reasons.claim for reasons in failing}) > 1
    told = [
        (f"claim {alike[0].claim}: " if several else "") + request_words(alike, nearest[0].node, causes)
        for alike in _alike(failing)
    ]
    # Two requests that one constraint keeps apart have one cause.
    return f"{where}: {'; '.join(dict.fromkeys(told))}"


def names_of(group: Sequence[NodeReasons]) -> str:
    """The name of one node, or the number of several and the first few names."""
    names = [node.node for node in group]
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:NAMED])
    return f"{len(names)} nodes ({shown}{', ...' if len(names) > NAMED else ''})"


def _alike(failing: Sequence[RequestReasons]) -> list[list[RequestReasons]]:
    """Requests that differ in nothing but their names together: one sentence serves them all."""
    found: dict[object, list[RequestReasons]] = {}
    for reasons in failing:
        found.setdefault(_likeness(replace(reasons, request="")), []).append(reasons)
    return list(found.values())


def request_words(alike: Sequence[RequestReasons], node: str, causes: Causes | None) -> str:
    """Why requests that are alike have no devices."""
    reasons = alike[0]
    start = wants(alike)
    if _of_driver(reasons) == 0 and causes is not None:
        elsewhere = [text for one in alike if (text := causes.unreached(node, one))]
        if elsewhere:
            return f"{start}, and {' and '.join(dict.fromkeys(elsewhere))}"
    if reasons.seen == 0:
        return f"{start}, there is none"
    cause = None if causes is None or len(alike) > 1 else causes.of_request(node, reasons)
    if cause is not None:
        return cause.text
    if reasons.combination and reasons.left >= reasons.wanted:
        blame = " and ".join(f"{rule(origin)}{because(origin)}" for origin in reasons.combination)
        if not reasons.request:
            return f"together they do not satisfy {blame}"  # each member of a gang fits by itself
        return f"{start}, {reasons.left} would do, but no choice satisfies {blame}"
    losses = summed(reasons.losses)
    of_driver = _of_driver(reasons)
    # Devices of other drivers explain only that there is none of this one.
    told = [loss for loss in losses if loss.cause is not Cause.DRIVER or of_driver == 0]
    have = f"{reasons.left} of {reasons.seen} left" if of_driver == 0 else f"{reasons.left} of {of_driver} left"
    words = f"{start}, {have}: {', '.join(losses_words(told))}" if told else f"{start}, {have}"
    miss = None if causes is None or of_driver == 0 else nearest_miss(causes.misses(node, reasons))
    return words if miss is None else f"{words}; {miss_words(miss)}"


def nearest_miss(misses: Sequence[Miss]) -> Miss | None:
    """The nearest of those of which can be said by how much they miss."""
    return next((miss for miss in misses if miss.gaps), None)


def miss_words(miss: Miss) -> str:
    """As in "nearest is gpu-0: memory 79Gi, needs 80Gi"."""
    return f"nearest {'is' if len(miss.devices) == 1 else 'are'} {miss.text()}"


def wants(alike: Sequence[RequestReasons]) -> str:
    """What requests that are alike ask for."""
    names = [f"`{reasons.request}`" for reasons in alike]
    devices = count(alike[0].wanted, "device")
    if not alike[0].request:
        return f"the claim wants {devices}"
    if len(names) == 1:
        return f"request {names[0]} wants {devices}"
    shown = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
    return f"requests {shown} want {devices} each"


def summed(losses: Sequence[Loss]) -> list[Loss]:
    """Devices that lack other counters, or other amounts, have lost to one kind of rule.

    Counters are named together; of amounts the first stands for all.
    """
    found: dict[object, Loss] = {}
    counters = [loss.origin for loss in losses if loss.cause is Cause.COUNTER]
    for number, loss in enumerate(losses):
        alike = loss.cause in (Cause.COUNTER, Cause.CAPACITY)
        key = loss.cause if alike else number
        before = found.get(key)
        if before is None:
            found[key] = replace(loss, origin=used_up(counters)) if loss.cause is Cause.COUNTER else loss
        else:
            examples = (*before.examples, *loss.examples)[:NAMED]
            found[key] = replace(before, devices=before.devices + loss.devices, examples=examples)
    return list(found.values())


def losses_words(losses: Sequence[Loss]) -> Iterator[str]:
    """Each loss in words; a sentence that several clauses of one rule share stands behind the last of them."""
    for number, loss in enumerate(losses):
        following = losses[number + 1] if number + 1 < len(losses) else None
        shared = following is not None and following.origin.because == loss.origin.because
        yield lost(loss, reason=not shared)


def group_lines(group: Sequence[NodeReasons], causes: Causes | None, *, several: bool) -> list[str]:
    """The funnel of nodes with equal reasons; `several` claims are told apart."""
    lines = [f"  {names_of(group)}"]
    for reasons in group[0].requests:
        whose = f" of {reasons.claim}" if several else ""
        if reasons.combination and not reasons.request:
            lines += [f"    together they do not satisfy {rule(o)}{because(o)}" for o in reasons.combination]
            continue
        lines.append(f"    {wants([reasons])}{whose}")
        if reasons.seen == 0:
            lines.append("          0 on the node")
            continue
        lines.append(f"      {reasons.seen:>5} on the node")
        losses = summed(reasons.losses)
        for loss, words in zip(losses, losses_words(losses), strict=True):
            examples = f" [{', '.join(loss.examples)}]" if loss.examples and len(group) == 1 else ""
            lines.append(f"      {-loss.devices:>5} {words.split(' ', 1)[1]}{examples}")
        lines.append(f"      {reasons.left:>5} left")
        lines += [f"            no choice satisfies {rule(o)}{because(o)}" for o in reasons.combination]
        if causes is not None and reasons.left < reasons.wanted:
            lines += [f"            nearly {miss.text()}" for miss in causes.misses(group[0].node, reasons)[:NAMED]]
    return lines


def failure(failed: Failed, causes: Causes | None) -> str:
    """One line: what is an error, where, and in which rule."""
    where = f" on {failed.node}" if failed.node else ""
    cause = None if causes is None else causes.of_failure(failed)
    if cause is not None:
        ends = ", which ends the attempt for every node" if failed.scope is Scope.POD else ""
        return f"{cause.text} (an error{where}{ends}: rule {failed.rule})"
    at = "".join(
        [
            f", for request `{failed.request}`" if failed.request else "",
            f" on device {failed.device}" if failed.device else "",
            f", in {rule(failed.origin)}" if failed.origin is not None else "",
        ]
    )
    why = "" if failed.origin is None else because(failed.origin)
    return f"error{where}: {failed.message}{at}{why} (rule {failed.rule})"


__all__ = [
    "NAMED",
    "failure",
    "group_lines",
    "groups",
    "losses_words",
    "miss_words",
    "names_of",
    "nearest_miss",
    "of_drivers",
    "refusal",
    "request_words",
    "summed",
    "wants",
]
