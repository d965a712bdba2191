"""An answer together with its reasons, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from dra_policy.allocation import (
    Allocated,
    Cause,
    Failed,
    GaveUp,
    Loss,
    NodeReasons,
    Outcome,
    RequestReasons,
    Unsatisfiable,
)
from dra_policy.explanation.data import outcome_data
from dra_policy.explanation.words import because, count, lost, rule
from dra_policy.rules import ClaimKey

# Nodes with the same reasons are one group; a group names this many of them.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the claims of one pod got what they got, or got nothing.

    `outcome` is the answer itself. `sentence()` is one line, `text()` says everything, `data()` is the same as plain
    JSON values with the stable names of `Cause` and the numbers of the semantic rules.
    """

    claims: tuple[ClaimKey, ...]
    outcome: Outcome

    def sentence(self) -> str:
        """One line: where the claims are, or the reason on the node that came nearest."""
        outcome = self.outcome
        match outcome:
            case Allocated():
                return f"on {outcome.node}: {', '.join(_devices(outcome)) or 'no device asked for'}"
            case Unsatisfiable():
                return _refusal(outcome)
            case Failed():
                return _failure(outcome)
            case GaveUp():
                return f"gave up after {count(outcome.steps, 'step')} on {outcome.node}; this is not a no"
        assert_never(outcome)

    def text(self, *, verbose: bool = False) -> str:
        """Several lines, ending with a line break: for a refusal the funnel of every group of nodes.

        Nodes without a single device of the driver are one line, unless `verbose` or there are no others.
        """
        names = ", ".join(map(str, self.claims))
        outcome = self.outcome
        match outcome:
            case Allocated():
                lines = [f"{names}: placed on {outcome.node}"]
                lines += [f"  {device}" for device in _devices(outcome)]
            case Unsatisfiable():
                lines = [f"{names}: refused: {_refusal(outcome)}"]
                ranked = groups(outcome)
                shown = ranked if verbose else [g for g in ranked if _of_drivers(g[0])] or ranked[:1]
                for group in shown:
                    lines += _group(group, several=len(self.claims) > 1)
                others = [node for group in ranked[len(shown) :] for node in group]
                if others:
                    lines.append(f"  {_nodes(others)}: no device of the driver")
            case Failed() | GaveUp():
                lines = [f"{names}: {self.sentence()}"]
            case _:
                assert_never(outcome)
        return "\n".join(lines) + "\n"

    def data(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {"claims": [str(key) for key in self.claims], "reason": self.sentence(), **outcome_data(self.outcome)}


def groups(outcome: Unsatisfiable) -> list[list[NodeReasons]]:
    """The nodes with equal reasons together, the group that came nearest to an allocation first."""
    found: dict[object, list[NodeReasons]] = {}
    for node in outcome.reasons:
        found.setdefault(tuple(map(_likeness, node.requests)), []).append(node)
    return sorted(found.values(), key=lambda group: _distance(group[0]))


def _likeness(reasons: RequestReasons) -> object:
    losses = tuple((loss.cause, loss.origin.owner, loss.origin.text, loss.devices) for loss in reasons.losses)
    combination = tuple((origin.owner, origin.text) for origin in reasons.combination)
    return reasons.claim, reasons.request, reasons.wanted, reasons.seen, losses, reasons.left, combination


def _distance(node: NodeReasons) -> tuple[int, int, int, str]:
    """Smaller is nearer: fewer devices short, then more devices that are of the driver at all."""
    short = sum(max(0, r.wanted - r.left) for r in node.requests)
    of_driver = _of_drivers(node)
    return int(of_driver == 0), short, -of_driver, node.node


def _of_drivers(node: NodeReasons) -> int:
    """How many devices of the node are of the drivers asked for, whatever else is wrong with them."""
    return sum(_of_driver(r) for r in node.requests)


def _of_driver(reasons: RequestReasons) -> int:
    return reasons.seen - sum(loss.devices for loss in reasons.losses if loss.cause is Cause.DRIVER)


def _refusal(outcome: Unsatisfiable) -> str:
    if not outcome.reasons:
        return "there is no node"
    ranked = groups(outcome)
    nearest = ranked[0]
    nodes = len(outcome.reasons)
    nearest_is = "nearest is" if len(nearest) == 1 else "nearest are"
    where = _nodes(nearest) if len(nearest) == nodes else f"{nearest_is} {_nodes(nearest)}"
    failing = nearest[0].requests
    if not failing:
        return f"no combination fits on {count(nodes, 'node')}; {where}"
    return f"{where}: {'; '.join(_request(alike) for alike in _alike(failing))}"


def _nodes(group: list[NodeReasons]) -> str:
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


def _request(alike: Sequence[RequestReasons]) -> str:
    reasons = alike[0]
    start = _wants(alike)
    if reasons.seen == 0:
        return f"{start}, there is none"
    if reasons.combination:
        blame = " and ".join(f"{rule(origin)}{because(origin)}" for origin in reasons.combination)
        return f"{start}, {reasons.left} would do, but no choice satisfies {blame}"
    losses = _summed(reasons.losses)
    of_driver = _of_driver(reasons)
    # Devices of other drivers explain only that there is none of this one.
    named = [loss for loss in losses if loss.cause is not Cause.DRIVER or of_driver == 0]
    have = f"{reasons.left} of {reasons.seen} left" if of_driver == 0 else f"{reasons.left} of {of_driver} left"
    return f"{start}, {have}: {', '.join(_losses(named))}" if named else f"{start}, {have}"


def _wants(alike: Sequence[RequestReasons]) -> str:
    names = [f"`{reasons.request}`" for reasons in alike]
    devices = count(alike[0].wanted, "device")
    if not alike[0].request:
        return f"the claim wants {devices}"
    if len(names) == 1:
        return f"request {names[0]} wants {devices}"
    shown = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
    return f"requests {shown} want {devices} each"


def _summed(losses: Sequence[Loss]) -> list[Loss]:
    """Devices that lack other counters, or other amounts, have lost to one kind of rule: the first stands for all."""
    summed: dict[object, Loss] = {}
    for number, loss in enumerate(losses):
        alike = loss.cause in (Cause.COUNTER, Cause.CAPACITY)
        key = loss.cause if alike else number
        before = summed.get(key)
        if before is None:
            summed[key] = loss
        else:
            examples = (*before.examples, *loss.examples)[:NAMED]
            summed[key] = replace(before, devices=before.devices + loss.devices, examples=examples)
    return list(summed.values())


def _losses(losses: Sequence[Loss]) -> Iterator[str]:
    """Each loss in words; a sentence that several clauses of one rule share stands behind the last of them."""
    for number, loss in enumerate(losses):
        following = losses[number + 1] if number + 1 < len(losses) else None
        shared = following is not None and following.origin.because == loss.origin.because
        yield lost(loss, reason=not shared)


def _group(group: list[NodeReasons], *, several: bool) -> list[str]:
    lines = [f"  {_nodes(group)}"]
    for reasons in group[0].requests:
        whose = f" of {reasons.claim}" if several else ""
        lines.append(f"    {_wants([reasons])}{whose}")
        if reasons.seen == 0:
            lines.append("          0 on the node")
            continue
        lines.append(f"      {reasons.seen:>5} on the node")
        losses = _summed(reasons.losses)
        for loss, words in zip(losses, _losses(losses), strict=True):
            examples = f" [{', '.join(loss.examples)}]" if loss.examples and len(group) == 1 else ""
            lines.append(f"      {-loss.devices:>5} {words.split(' ', 1)[1]}{examples}")
        lines.append(f"      {reasons.left:>5} left")
        lines += [f"            no choice satisfies {rule(o)}{because(o)}" for o in reasons.combination]
    return lines


def _failure(failed: Failed) -> str:
    where = f" on {failed.node}" if failed.node else ""
    at = "".join(
        [
            f", for request `{failed.request}`" if failed.request else "",
            f" on device {failed.device}" if failed.device else "",
            f", in {rule(failed.origin)}" if failed.origin is not None else "",
        ]
    )
    why = "" if failed.origin is None else because(failed.origin)
    return f"error{where}: {failed.message}{at}{why} (rule {failed.rule})"


def _devices(outcome: Allocated) -> list[str]:
    return [device_text(result) for allocation in outcome.results for result in allocation.devices.results]


def device_text(result: Any) -> str:
    """A result in short, `request=device{capacity:amount,...}`: capacities by name, for shares only."""
    share = ""
    if result.consumed_capacity:
        share = "{" + ",".join(f"{name}:{amount}" for name, amount in sorted(result.consumed_capacity.items())) + "}"
    return f"{result.request}={result.device}{share}"
