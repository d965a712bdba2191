"""The true cause of a refusal or an error, one sentence for the first line, from the devices as they are.

A funnel says where devices were lost; that is the cause only where too few are left because of it. Where enough match and
cannot be had, the cause is what keeps them away; where enough can be had and not together, it is how they lie: what a
`matchAttribute` groups them into, or how few values a `distinctAttribute` has to choose from. Each is said only if it
alone makes the request impossible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from dra_policy.allocation import Cause, Failed, RequestReasons
from dra_policy.allocation.attributes import Attributes, Value
from dra_policy.allocation.call import Call
from dra_policy.allocation.constraints import AnyConstraint, affects, constraint_rule
from dra_policy.allocation.funnel import Funnel, asked_of
from dra_policy.allocation.rule import Asked, Choice, Fault, Tie
from dra_policy.diagnostics import nearest
from dra_policy.explanation.budgets import Budgets, budget_of
from dra_policy.explanation.counters import used_up
from dra_policy.explanation.nearest import (
    Miss,
    Reading,
    Retired,
    named,
    near_misses,
    nothing_retired,
    readings,
    repelling_text,
    retired_words,
)
from dra_policy.explanation.reaching import unreached
from dra_policy.explanation.situation import Situation
from dra_policy.explanation.together import of_sets, together
from dra_policy.explanation.words import because, count, how, printable, reason_first, rule
from dra_policy.expression import EvaluationError
from dra_policy.expression.deciding import try_on
from dra_policy.inventory import DeviceRecord, chosen
from dra_policy.rules import ConstraintRule, Origin, Selector

_NO_KEY = "no such key: "

OF_SITE = frozenset(
    {
        Cause.REFUSAL,
        Cause.QUOTA,
        Cause.KEEP,
        Cause.SHARING,
        Cause.AGREEMENT,
        Cause.MODE,
        Cause.EXCLUSION,
        Cause.CEILING,
    }
)
"""What a site says beyond Kubernetes."""

SELECTION = frozenset({Cause.DRIVER, Cause.CLASS, Cause.REQUEST, Cause.NODE, Cause.FEATURE, Cause.POOL})
"""What decides whether a device is one that was asked for; every other rule keeps away one that is."""


class Why(Enum):
    """What kind of a cause it is. The values are stable codes."""

    ABSENT_NAME = "absentName"
    """A rule reads what a device does not have (D3, D8)."""
    ERROR = "error"
    TOO_FEW_MATCH = "tooFewMatch"
    """Too few devices are what was asked for."""
    UNAVAILABLE = "unavailable"
    """Enough are, and cannot be had: taints, claims that hold them, amounts."""
    TOGETHER = "together"
    """Enough can be had, and not together."""
    ELSEWHERE = "elsewhere"
    """Devices that the pod has already cannot be used here (C5)."""


@dataclass(frozen=True, slots=True)
class TrueCause:
    """A cause in words, without the node; `advice` is what to write instead, where there is one answer."""

    why: Why
    text: str
    advice: str = ""


def matches(reasons: RequestReasons) -> int:
    """How many devices are what a request asks for, whether it can have them or not."""
    return reasons.seen - sum(loss.devices for loss in reasons.losses if loss.cause in SELECTION)


def kind_of(reasons: RequestReasons) -> Why:
    """What kind of a cause a funnel shows."""
    if not reasons.request:
        return Why.ELSEWHERE
    if reasons.left >= reasons.wanted:
        return Why.TOGETHER
    return Why.UNAVAILABLE if matches(reasons) >= reasons.wanted else Why.TOO_FEW_MATCH


class Causes:
    """The causes of the refusals and errors of one situation."""

    def __init__(
        self, situation: Situation, retired: Retired = nothing_retired, budgets: Budgets = MappingProxyType({})
    ) -> None:
        self._situation = situation
        self._budgets = budgets
        self._retired = retired
        self._calls: dict[tuple[str, bool], Call] = {}

    def call(self, node: str, *, sited: bool = True) -> Call:
        """A call to the allocator about a node of the situation; without the rules of the site unless `sited`."""
        key = node, sited
        call = self._calls.get(key)
        if call is None:
            situation = self._situation
            whole = situation.call(situation.view(node))
            if not sited and whole.site is not None:
                whole = Call(
                    whole.view,
                    situation.graph,
                    claims=whole.claims,
                    classes=whole.classes,
                    usage=whole.usage,
                    features=whole.features,
                )
            call = self._calls[key] = whole
        return call

    # --- refusals

    def of_request(self, node: str, reasons: RequestReasons) -> TrueCause | None:
        """Why a request has no devices on a node, if more can be said than the funnel says."""
        if not reasons.request:
            return None
        asked = self._asked(reasons)
        if asked is None or asked.ask.class_name not in self._situation.classes:
            return None
        if reasons.seen == 0:
            return None
        if reasons.left >= reasons.wanted:
            return self._together(node, reasons, asked)
        matching = matches(reasons)
        if matching >= reasons.wanted and not asked.every:
            return self._unavailable(node, reasons, asked, matching)
        return None

    def unreached(self, node: str, reasons: RequestReasons) -> str:
        """That there are devices that a request asks for, and none of them can be reached from the node."""
        asked = self._asked(reasons)
        return "" if asked is None else unreached(self._situation, node, asked)

    def misses(self, node: str, reasons: RequestReasons) -> tuple[Miss, ...]:
        """The devices of a node that fail one rule of a request only, the nearest first."""
        asked = self._asked(reasons)
        if asked is None or asked.ask.class_name not in self._situation.classes:
            return ()
        return near_misses(self.call(node), asked, self._retired)

    def _asked(self, reasons: RequestReasons) -> Asked | None:
        for asked in asked_of(self._situation.claims):
            if asked.key == reasons.claim and asked.result_name == reasons.request:
                return asked
        return None

    def _unavailable(self, node: str, reasons: RequestReasons, asked: Asked, matching: int) -> TrueCause | None:
        """Enough devices match: what keeps them away, by what people see."""
        words = of_sets(self._situation, node, reasons, asked)
        if words:
            return TrueCause(Why.TOGETHER, words)
        # What Kubernetes refuses is refused for its reasons, whatever the site says of it too.
        sited = any(loss.cause in OF_SITE for loss in reasons.losses)
        parts, said = self._kept(node, asked, sited=sited)
        if not parts:
            return None
        wants = f"request `{reasons.request}` wants {count(reasons.wanted, 'device')}"
        return TrueCause(Why.UNAVAILABLE, f"{reason_first(said)}{wants} and {matching} match, but {parts}")

    def _kept(self, node: str, asked: Asked, *, sited: bool) -> tuple[str, list[Origin]]:
        """What keeps devices away that match, in words, and the rules of the site among it."""
        funnel = Funnel(self.call(node, sited=sited))
        refused = [
            (record, refusal)
            for record in self._matching(node, asked)
            if (refusal := next(funnel.refusals(asked, record), None)) is not None
        ]
        said = [refusal.origin for _, refusal in refused if refusal.cause in OF_SITE]
        counters = [refusal.origin for _, refusal in refused if refusal.cause is Cause.COUNTER]
        lacking = budget_of(used_up(counters), self._budgets) if counters else None
        kept: dict[str, list[str]] = {}
        for record, refusal in refused:
            origin = lacking if lacking is not None and refusal.cause is Cause.COUNTER else refusal.origin
            kept.setdefault(self._keeper(refusal.cause, origin, record, asked), []).append(record.id.device)
        parts = [
            f"{len(devices)} {'is' if len(devices) == 1 else 'are'} {how_} ({named(devices)})"
            for how_, devices in kept.items()
        ]
        return " and ".join(parts), said

    def _crowded(self, node: str, failing: Asked) -> TrueCause | None:
        """Several requests that want the same devices, of which there are fewer than all of them want."""
        left = {record.index for record in self._left(node, failing)}
        shared = any(record.device.allow_multiple_allocations for record in self._left(node, failing))
        if shared or failing.admin or failing.every:
            return None
        rivals: list[Asked] = []
        for asked in asked_of(self._situation.claims):
            alone = len(self._situation.claims[asked.claim].requests[asked.request].asks) == 1
            exact = alone and not asked.admin and not asked.every and asked.ask.class_name in self._situation.classes
            if exact and left.issuperset(record.index for record in self._left(node, asked)):
                rivals.append(asked)
        wanted = sum(asked.ask.count for asked in rivals)
        if wanted <= len(left) or failing.number not in {asked.number for asked in rivals}:
            return None
        several = len({asked.claim for asked in rivals}) > 1
        of = [f" of claim {asked.key}" if several else "" for asked in rivals]
        names = named(
            [f"`{asked.result_name}`{whose}" for asked, whose in zip(rivals, of, strict=True)], noun="requests"
        )
        away, said = self._kept(node, failing, sited=True)
        verb = "is" if len(left) == 1 else "are"
        text = f"requests {names} want {count(wanted, 'device')} together, of which {len(left)} {verb} left"
        return TrueCause(Why.TOGETHER, f"{reason_first(said)}{text}{f': {away}' if away else ''}")

    def _keeper(self, cause: Cause, origin: Origin, record: DeviceRecord, asked: Asked) -> str:
        match cause:
            case Cause.TAINT:
                return f"tainted {printable(repelling_text(record, asked))}"
            case Cause.IN_USE:
                holders = self._situation.holders.get(record.id, ())
                return f"held by claim {' and '.join(map(str, holders))}" if holders else "in use"
            case Cause.CAPACITY:
                return f"short of capacity: {printable(origin.text)}"
            case Cause.COUNTER:
                return how(cause, origin) if origin.span is not None else f"blocked: {printable(origin.text)}"
            case _ if cause in OF_SITE:
                return how(cause, origin)
            case _:
                return f"refused by {rule(origin)}{because(origin)}"

    def _matching(self, node: str, asked: Asked) -> Sequence[DeviceRecord]:
        call = self.call(node)
        return chosen(call.view.devices, call.selectable.judged(asked).match)

    def _left(self, node: str, asked: Asked) -> list[DeviceRecord]:
        funnel = Funnel(self.call(node))
        return [r for r in self._matching(node, asked) if next(funnel.refusals(asked, r), None) is None]

    # --- constraints

    def _together(self, node: str, reasons: RequestReasons, asked: Asked) -> TrueCause | None:
        """The first of the constraints to blame that no choice of devices satisfies, by what it sees of them."""
        claim = self._situation.claims[asked.claim]
        blamed = set(reasons.combination)
        for constraint in claim.constraints:
            if constraint.origin not in blamed:
                continue
            made: AnyConstraint | None = constraint_rule(constraint, Attributes(), self._situation.features)
            spread = None if made is None else self._spread(node, asked, constraint, made)
            if made is None or spread is None:
                continue
            words = _common(constraint, spread) if made.tie is Tie.COMMON else _distinct(constraint, spread)
            if words:
                return TrueCause(Why.TOGETHER, f"{words}: {rule(constraint.origin)}{because(constraint.origin)}")
        words = together(self._situation, node, reasons, asked)
        return TrueCause(Why.TOGETHER, words) if words else self._crowded(node, asked)

    def _spread(
        self, node: str, failing: Asked, constraint: ConstraintRule, made: AnyConstraint
    ) -> tuple[_Spread, ...] | None:
        """How the devices left for each request under a constraint are spread; None where that says nothing for sure."""
        spread: list[_Spread] = []
        claim = self._situation.claims[failing.claim]
        for asked in asked_of(self._situation.claims):
            if asked.claim != failing.claim or not affects(constraint, asked):
                continue
            if len(claim.requests[asked.request].asks) > 1 and asked.number != failing.number:
                continue  # another alternative may serve it
            if asked.admin or asked.every or asked.ask.class_name not in self._situation.classes:
                return None
            by_label: dict[object, set[int]] = {}
            for record in self._left(node, asked):
                labels = made.labels(Choice(asked, record))
                if record.device.allow_multiple_allocations or isinstance(labels, Fault):
                    return None
                for label in labels:
                    by_label.setdefault(label, set()).add(record.index)
            spread.append(_Spread(asked.result_name, asked.ask.count, by_label))
        return tuple(spread)

    # --- errors

    def of_failure(self, failed: Failed) -> TrueCause | None:
        """What is behind an error of a selector that reads what a device does not have (D3, D8)."""
        if failed.rule != "D8" or not failed.message.startswith(_NO_KEY) or failed.origin is None:
            return None
        record = self._record(failed)
        if record is None:
            return None
        found = self._read(failed.origin, record, failed.message.removeprefix(_NO_KEY))
        return None if found is None else self._absent(found[0], record, found[1])

    def _record(self, failed: Failed) -> DeviceRecord | None:
        if self._situation.snapshot.node(failed.node) is None:
            return None
        devices = self._situation.view(failed.node).devices
        return next((record for record in devices if str(record.id) == failed.device), None)

    def _read(self, origin: Origin, record: DeviceRecord, name: str) -> tuple[Origin, Reading] | None:
        """The condition that read what is not there, in its author's words, and what it read."""
        for selector in self._selectors():
            if selector.origin != origin or selector.program is None:
                continue
            trial = try_on(selector.program, record.facts)
            if not isinstance(trial.error, EvaluationError):
                continue
            for tree in trial.decided_by:
                for read in readings(tree):
                    if read.name == name and read.value(record.facts) is None:
                        words = None if origin.text != selector.program.text else tree.span
                        return (origin if words is None else replace(origin, text=words.text)), read
        return None

    def _selectors(self) -> Iterator[Selector]:
        for asked in asked_of(self._situation.claims):
            rules = self._situation.classes.get(asked.ask.class_name)
            yield from () if rules is None else rules.selectors
            yield from asked.ask.selectors

    def _absent(self, origin: Origin, record: DeviceRecord, read: Reading) -> TrueCause:
        driver = record.id.driver
        kind = "attribute" if read.side == "attributes" else "capacity"
        name = read.subject(driver)
        alike, names = self._published(driver, read)
        where = f"{origin.owner} reads it in {rule(origin)}{because(origin)}"
        if not alike[0]:
            former = self._retired(driver, read.name)
            near = nearest(read.name, names)
            text = f"no device of {driver} has {kind} `{name}`"
            if former is not None:
                advice = f"write `{former.new}`" if former.new else f"do without `{name}`"
                became = f"; {retired_words(former)}" if former.new else f": {printable(former.because)}"
                became = became if former.new or former.because else ""
                return TrueCause(Why.ABSENT_NAME, f"{text} any more{became}; {where}", advice)
            if near is not None:
                return TrueCause(Why.ABSENT_NAME, f"{text}; did you mean `{near}`? {where}", f"write `{near}`")
            return TrueCause(Why.ABSENT_NAME, f"{text}; {where}", f"do without `{name}`")
        has, all_ = alike
        text = (
            f"device {record.id} has no {kind} `{name}`, like {all_ - has} of {all_} devices of {driver}, "
            f"and {origin.owner} reads it without asking first: {rule(origin)}{because(origin)}"
        )
        return TrueCause(Why.ABSENT_NAME, text, f'write `has(device.{read.side}["{read.domain}"].{read.name}) && ...`')

    def _published(self, driver: str, read: Reading) -> tuple[tuple[int, int], set[str]]:
        """How many devices of a driver have a name, of how many, and which names there are."""
        has = total = 0
        names: set[str] = set()
        seen: set[int] = set()
        wanted = {f"{read.domain}/{read.name}"} | ({read.name} if read.domain == driver else set())
        for published in self._situation.snapshot.slices():
            if published.spec.driver != driver:
                continue
            for device in published.spec.devices:
                entries = device.attributes if read.side == "attributes" else device.capacity
                total += 1
                has += not wanted.isdisjoint(entries)
                if id(entries) not in seen:
                    seen.add(id(entries))
                    names.update(entry.rpartition("/")[2] for entry in entries)
        names.discard(read.name)
        return (has, total), names


@dataclass(frozen=True, slots=True)
class _Spread:
    """How many devices a request wants, and which ones are left for it under each label that a constraint sees."""

    request: str
    wanted: int
    by_label: Mapping[object, set[int]]

    def at(self, label: object) -> int:
        return len(self.by_label.get(label, ()))

    @property
    def most(self) -> int:
        return max(map(len, self.by_label.values()), default=0)


def _common(constraint: ConstraintRule, spread: Sequence[_Spread]) -> str:
    """Why the devices cannot have one value in common; nothing if each value alone would let them."""
    attribute, wanted = constraint.attribute, sum(one.wanted for one in spread)
    labels = list(dict.fromkeys(label for one in spread for label in one.by_label))
    if any(_serves(spread, label) for label in labels):
        return ""
    must = f"{'all' if wanted > 2 else 'the'} {wanted} devices must share one `{attribute}`"
    if not labels:
        return f"{must}, but no device left has it"
    short = [one for one in spread if one.most < one.wanted]
    if short:
        told = ", and ".join(
            f"at most {one.most} left for request `{one.request}`, which wants {one.wanted}" for one in short
        )
        return f"{must}, but each has {told}"
    best = max(labels, key=lambda label: sum(min(one.at(label), one.wanted) for one in spread))
    told = ", and ".join(f"{one.at(best)} for request `{one.request}`, which wants {one.wanted}" for one in spread)
    apart = len({index for one in spread for index in one.by_label.get(best, ())})
    together = f", {apart} in all" if apart < sum(one.at(best) for one in spread) else ""
    return f"{must}, but none has enough for all: the best, {_label(best)}, has {told}{together}"


def _serves(spread: Sequence[_Spread], label: object) -> bool:
    """Whether a value may have devices enough for all; that they are enough in number is all that is said."""
    devices = {index for one in spread for index in one.by_label.get(label, ())}
    return all(one.at(label) >= one.wanted for one in spread) and len(devices) >= sum(one.wanted for one in spread)


def _distinct(constraint: ConstraintRule, spread: Sequence[_Spread]) -> str:
    """Why the devices cannot all have different values; nothing if there are enough values."""
    wanted = sum(one.wanted for one in spread)
    labels = list(dict.fromkeys(label for one in spread for label in one.by_label))
    if len(labels) < wanted:
        shown = f" ({', '.join(map(_label, labels[:3]))}{', ...' if len(labels) > 3 else ''})" if labels else ""
        values = count(len(labels), "value")
        return f"{wanted} devices must differ in `{constraint.attribute}`, but those left have {values}{shown}"
    for one in spread:
        if len(one.by_label) < one.wanted:
            values = count(len(one.by_label), "value")
            differ = f"{one.wanted} devices of request `{one.request}` must differ in `{constraint.attribute}`"
            return f"{differ}, but those left have {values}"
    return ""


def _label(label: object) -> str:
    match label:
        case Value(items=(item,)):
            shown: object = item
        case (_, item):
            shown = item
        case _:
            shown = label
    if isinstance(shown, bool):
        return "true" if shown else "false"
    return f"`{printable(shown)}`" if isinstance(shown, str) else str(shown)


__all__ = ["SELECTION", "Causes", "TrueCause", "Why", "kind_of", "matches"]
