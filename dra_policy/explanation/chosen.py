"""Why this one: what stood before a chosen device in the order, what is like it, and what would have come next.

Kubernetes takes the first devices that fit, in the order of pools, slices and devices (J8); nothing ranks devices within
a node, unless a claim says how close or which devices it would rather have: then the reason is what decided between all
answers. Otherwise the reason for a device is what every earlier one lacked. The choices are made again one after the other,
with the rules and the state of use that they were made under.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dra_policy.allocation import Allocated, Cause, Loss
from dra_policy.allocation.call import Call
from dra_policy.allocation.funnel import EXAMPLES, Funnel
from dra_policy.allocation.question import Need
from dra_policy.allocation.results import Preferred
from dra_policy.allocation.rule import Choice, Fault, Reply, Rule
from dra_policy.allocation.ruleset import Rules
from dra_policy.explanation.causes import SELECTION
from dra_policy.explanation.nearest import named
from dra_policy.explanation.situation import Situation, needed
from dra_policy.explanation.words import count, lost, printable
from dra_policy.inventory import DeviceID, DeviceRecord
from dra_policy.rules import ClaimKey, Origin

MOST_ALTERNATIVES = 8
"""The first alternative of a request scores so much, each further one less by one (E8)."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a choice is worth by one preference. The only one that Kubernetes has is the order of alternatives (E8)."""

    preference: str
    points: int
    most: int

    def text(self) -> str:
        return f"{self.preference}: {self.points} of {self.most}"


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The next device in the order that is not like the chosen one; `lacks` is empty if it would do as well."""

    device: str
    lacks: str

    def text(self) -> str:
        lacks = self.lacks or "it would do as well, and comes later in the order"
        return f"{self.device}: {lacks}"


@dataclass(frozen=True, slots=True)
class ChosenDevice:
    """One device of a placement.

    `passed` are the devices before it in the order by the first rule that refused them; `fruitless` ones every rule
    would have taken, but with them nothing was left for the rest; `outranked` ones every rule would have taken too, where
    preferences chose. No rule can tell `alike` devices from it: they come
    later, so they were not tried.
    """

    claim: ClaimKey
    request: str
    device: str
    position: int
    passed: tuple[Loss, ...]
    fruitless: tuple[str, ...]
    alike: tuple[str, ...]
    runner_up: RunnerUp | None
    outranked: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """In words, one line a reason."""
        before = [lost(loss) for loss in self.passed]
        if self.fruitless:
            before.append(f"{len(self.fruitless)} with which nothing fits the rest ({named(self.fruitless)})")
        if self.outranked:
            before.append(f"{len(self.outranked)} that other answers would have ({named(self.outranked)})")
        if before:
            yield f"before it in the order: {', '.join(before)}"
        else:
            yield "first in the order" if self.position == 0 else "first in the order of those not chosen already"
        if self.alike:
            were = "was" if len(self.alike) == 1 else "were"
            yield f"no rule can tell it from {named(self.alike)}, which {were} not tried"
        if self.runner_up is not None:
            yield f"next is {self.runner_up.text()}"


@dataclass(frozen=True, slots=True)
class Placement:
    """Why a placement is as it is. `nodes` are all that answer as its node does, which is the first of them to be asked.

    `earlier` nodes were asked before it and cannot have the claims. `told` claims had their devices already: why they
    got them is not known any more.
    """

    node: str
    devices: tuple[ChosenDevice, ...]
    scores: tuple[Score, ...]
    nodes: tuple[str, ...]
    earlier: int
    told: tuple[ClaimKey, ...]
    preferred: Preferred | None = None

    def lines(self) -> Iterator[str]:
        """In words: nodes, preferences, then every device."""
        if self.earlier:
            yield f"{count(self.earlier, 'node')} before {self.node} in the order cannot have the claims"
        if len(self.nodes) > 1:
            yield f"{len(self.nodes)} nodes answer alike: {named(self.nodes, noun='nodes')}"
        for score in self.scores:
            yield f"score of {score.text()}"
        for key in self.told:
            yield f"claim {key} has had its devices since before"
        if self.preferred is not None:
            yield from (printable(line) for line in self.preferred.lines())
        for device in self.devices:
            yield f"{device.request}={device.device}"
            for line in device.lines():
                yield f"  {line}"


def placement(situation: Situation, outcome: Allocated) -> Placement:
    """Why claims got the devices that they got, with what stood in the way of others."""
    node, fresh = outcome.node, {claim.key for claim in situation.claims}
    pairs = dict(zip(outcome.claims, outcome.results, strict=True))
    told = tuple(key for key in outcome.claims if key not in fresh)
    devices: tuple[ChosenDevice, ...] = ()
    scores: tuple[Score, ...] = ()
    # The devices may belong to a node, or the claims to a state, that is gone.
    if situation.snapshot.node(node) is not None and all(claim.key in pairs for claim in situation.claims):
        call = situation.call(situation.view(node))
        preferred = outcome.preferred
        needs = needed(call, None if preferred is None else preferred.distance)
        if not isinstance(needs, Fault):
            replay = _Replay(situation, call, ranked=preferred is not None and bool(preferred.scores))
            for claim in needs:
                for need, ids in _picked(pairs[claim.claim.key].devices.results, claim.requests):
                    replay.request(need, ids)
                    if len(claim.claim.requests[need.asked.request].asks) > 1:
                        preference = f"request `{need.asked.request_name}`"
                        points = MOST_ALTERNATIVES - need.asked.alternative
                        scores = (*scores, Score(preference, points, MOST_ALTERNATIVES))
            devices = tuple(replay.devices)
    group, earlier = _nodes(situation, node)
    return Placement(node, devices, scores, group, earlier, told, outcome.preferred)


def _nodes(situation: Situation, node: str) -> tuple[tuple[str, ...], int]:
    """The nodes that answer alike, and how many of all nodes were asked before this one."""
    if node not in situation.nodes:
        return (node,), 0
    group = next(group for group in situation.alike(situation.nodes) if node in group)
    return tuple(group), situation.nodes.index(node)


def _picked(results: Sequence[object], requests: Sequence[Sequence[Need]]) -> Iterator[tuple[Need, list[DeviceID]]]:
    """The alternative of each request that was chosen, with its devices in order."""
    by_name: dict[str, list[DeviceID]] = {}
    for result in results:
        name = str(getattr(result, "request", ""))
        device = DeviceID(getattr(result, "driver", ""), getattr(result, "pool", ""), getattr(result, "device", ""))
        by_name.setdefault(name, []).append(device)
    for alternatives in requests:
        for need in alternatives:
            if need.asked.result_name in by_name:
                yield need, by_name[need.asked.result_name]


class _Replay:
    """The choices of a placement made again, one after the other."""

    def __init__(self, situation: Situation, call: Call, *, ranked: bool) -> None:
        self._ranked = ranked
        self._situation = situation
        self._call = call
        self._rules: Rules = call.rules()
        self._site = tuple(rule for rule in self._rules.of_site() if rule.nature.steady)
        self._funnel = Funnel(call)
        self._chosen: set[int] = set()
        self.devices: list[ChosenDevice] = []

    def request(self, need: Need, ids: Sequence[DeviceID]) -> None:
        records = {record.id: record for record in need.devices}
        rules = (*self._site, self._rules.in_use, *self._rules.steady[1:], *self._rules.changing(need))
        for identity in ids:
            record = records.get(identity)
            if record is None:
                continue
            self.devices.append(self._device(need, record, rules))
            choice = Choice(need.asked, record)
            for rule in rules:
                if rule.take(choice) is not Reply.TAKEN:
                    break  # the state of use is not the one of the choice any more
            self._chosen.add(record.index)

    def _device(self, need: Need, record: DeviceRecord, rules: Sequence[Rule]) -> ChosenDevice:
        order = self._call.view.devices
        position = self._call.view.positions[record.index]
        tally: dict[tuple[Cause, Origin], list[str]] = {}
        fruitless: list[str] = []
        for other in order[:position]:
            if other.index in self._chosen:
                continue
            refused = self._refused(need, other, rules)
            if refused is None:
                fruitless.append(other.id.device)
            else:
                tally.setdefault(refused, []).append(other.id.device)
        passed = tuple(
            Loss(cause, origin, len(devices), tuple(devices[:EXAMPLES])) for (cause, origin), devices in tally.items()
        )
        alike, following = self._after(need, record, rules)
        # Where preferences chose, nothing comes next in an order.
        ranked = self._ranked
        runner_up = None if following is None or ranked else self._runner_up(need, following, rules)
        asked = need.asked
        return ChosenDevice(
            asked.key,
            asked.result_name,
            record.id.device,
            position,
            passed,
            () if ranked else tuple(fruitless),
            () if ranked else alike,
            runner_up,
            tuple(fruitless) if ranked else (),
        )

    def _refused(self, need: Need, record: DeviceRecord, rules: Sequence[Rule]) -> tuple[Cause, Origin] | None:
        """The first rule that refuses a device now."""
        for refusal in self._funnel.refusals(need.asked, record):
            if refusal.cause in SELECTION:
                return refusal.cause, refusal.origin
            break
        choice, taken, found = Choice(need.asked, record), [], None
        for rule in rules:
            if rule.take(choice) is not Reply.TAKEN:
                found = rule.nature.cause, rule.origin(choice)
                break
            taken.append(rule)
        for rule in reversed(taken):
            rule.undo(choice)
        return found

    def _after(
        self, need: Need, record: DeviceRecord, rules: Sequence[Rule]
    ) -> tuple[tuple[str, ...], DeviceRecord | None]:
        """The later candidates that no rule can tell from a device, and the first one that some rule can."""
        place = need.devices.index(record)
        kinds = [rule.kind(Choice(need.asked, record)) for rule in rules]
        unused = not self._situation.usage.is_charged(record.id)
        alike: list[str] = []
        first: DeviceRecord | None = None
        for other in need.devices[place + 1 :]:
            if other.index in self._chosen:
                continue
            same = unused and not self._situation.usage.is_charged(other.id)
            if same and [rule.kind(Choice(need.asked, other)) for rule in rules] == kinds:
                alike.append(other.id.device)
            elif first is None:
                first = other
        return tuple(alike), first

    def _runner_up(self, need: Need, record: DeviceRecord, rules: Sequence[Rule]) -> RunnerUp:
        refused = self._refused(need, record, rules)
        if refused is None:
            return RunnerUp(record.id.device, "")
        cause, origin = refused
        lacks = lost(Loss(cause, origin, 1, (record.id.device,))).partition(" ")[2]
        return RunnerUp(record.id.device, lacks)


__all__ = ["ChosenDevice", "Placement", "RunnerUp", "Score", "placement"]
