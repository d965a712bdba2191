"""Why a node has no devices for the claims: how many there are, and which rule took how many away, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dra_policy.allocation.blame import blamed
from dra_policy.allocation.call import Call
from dra_policy.allocation.constraints import affects, constraint_rule
from dra_policy.allocation.question import ALL, ClaimNeeds, Need
from dra_policy.allocation.results import Cause, Loss, NodeReasons, RequestReasons
from dra_policy.allocation.rule import Asked, Choice, Reply, Rule
from dra_policy.expression import Read, ReadKind
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import ClaimRules, Origin, Selector

EXAMPLES = 3
"""How many of the devices that a rule took away are named."""

_DRIVER = frozenset({Read(ReadKind.DRIVER)})

AFTER_SELECTION = 1000
"""Places of rules that come after the selectors, of which there are fewer."""


@dataclass(slots=True)
class _Tally:
    """Losses by rule; a device is lost to the first rule that refuses it. `place` is that of the rule in the order."""

    counts: dict[tuple[int, Cause, Origin], int] = field(default_factory=dict)
    examples: dict[tuple[int, Cause, Origin], list[str]] = field(default_factory=dict)

    def add(self, place: int, cause: Cause, origin: Origin, record: DeviceRecord) -> None:
        key = place, cause, origin
        self.counts[key] = self.counts.get(key, 0) + 1
        named = self.examples.setdefault(key, [])
        if len(named) < EXAMPLES:
            named.append(record.id.device)

    def losses(self) -> Iterator[Loss]:
        for key in sorted(self.counts, key=lambda key: key[0]):
            _, cause, origin = key
            yield Loss(cause, origin, self.counts[key], tuple(self.examples[key]))


@dataclass(frozen=True, slots=True)
class _Alone:
    """What is left for a request if nothing else is asked for."""

    need: Need
    reasons: RequestReasons

    @property
    def enough(self) -> bool:
        return self.reasons.left >= self.reasons.wanted


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rule that refuses a device for a request; `selector` is the clause if it is one of a class or a request.

    `error` says that the clause is no "no" but an error on the device (D8).
    """

    cause: Cause
    origin: Origin
    selector: Selector | None = None
    error: bool = False


def node_reasons(call: Call, claims: Sequence[ClaimNeeds]) -> NodeReasons:
    """The requests that cannot be served even alone; if all of them can be, those that no combination serves."""
    funnel = Funnel(call)
    alone = [[[funnel.alone(need) for need in needs] for needs in claim.requests] for claim in claims]
    short = [
        one.reasons
        for claim in alone
        for alternatives in claim
        if not any(one.enough for one in alternatives)
        for one in alternatives
    ]
    if not short:
        reasons = {one.need.asked.number: one.reasons for claim in alone for needs in claim for one in needs}
        short = blamed(call, claims, reasons)
    return NodeReasons(call.view.node.metadata.name, tuple(short))


def asked_of(claims: Sequence[ClaimRules]) -> Iterator[Asked]:
    """Every alternative of every request of the claims, as rules are asked about it."""
    number = 0
    for position, claim in enumerate(claims):
        for place, request in enumerate(claim.requests):
            for alternative, ask in enumerate(request.asks):
                admin, every = ask.admin_access is True, ask.mode == ALL
                yield Asked(number, position, place, alternative, claim.key, request.name, ask, admin, every)
                number += 1


class Funnel:
    """What each rule takes away from the devices of the node, for one request at a time, as if it were alone."""

    def __init__(self, call: Call) -> None:
        self._call = call
        rules = call.rules()
        self._selectable = rules.steady[0]
        # Rules of the site stand above all others. Taints are what people can mend, so they are named before the state
        # of use.
        self._order: tuple[Rule, ...] = (
            *rules.of_site(),
            *(rule for rule in rules.steady if rule.nature.cause is Cause.TAINT),
            rules.in_use,
            *(rule for rule in rules.steady[1:] if rule.nature.cause is not Cause.TAINT),
            *rules.capacity,
            *rules.pools,
        )

    def alone(self, need: Need) -> _Alone:
        tally = _Tally()
        seen = self._withheld(tally)
        left = 0
        for record in self._selected(need, tally):
            if self._survives(need, record, tally):
                left += 1
        seen += sum(len(pool.devices) for pool in self._call.view.pools)
        wanted = max(1, need.needed) if need.asked.every else need.needed  # E4
        asked = need.asked
        reasons = RequestReasons(asked.key, asked.result_name, wanted, seen, tuple(tally.losses()), left)
        return _Alone(need, reasons)

    def refusals(self, asked: Asked, record: DeviceRecord) -> Iterator[Refusal]:
        """Every rule that refuses a device by itself, in order: unlike in the funnel, not only the first."""
        call, view = self._call, self._call.view
        selection = call.selection
        of_class = len(selection.classes[asked.ask.class_name].selectors)
        for number, selector in enumerate(selection.selectors(asked.ask)):
            cause = Cause.CLASS if number < of_class else Cause.REQUEST
            for clause in selection.graph.clauses(selector):
                outcome = selection.graph.outcome(clause, record)
                if not outcome:
                    yield Refusal(_cause(clause, cause), clause.origin, clause, error=outcome is None)
        position = view.positions[record.index]
        if selection.unbindable >> position & 1:
            yield Refusal(Cause.FEATURE, _UNBINDABLE)
        if not view.reached >> position & 1:
            yield Refusal(Cause.NODE, _UNREACHED)
        choice = Choice(asked, record)
        claim = call.claims[asked.claim]
        constraints = [
            made
            for rule in claim.constraints
            if affects(rule, asked) and (made := constraint_rule(rule, call.attributes, call.features)) is not None
        ]
        given = True
        for rule in (*self._order, *constraints):
            # What is left of a capacity can only be asked about an amount that the device gives at all (H4).
            if rule.nature.cause is Cause.CAPACITY and not given:
                continue
            if rule.take(choice) is Reply.TAKEN:
                rule.undo(choice)
            else:
                given = given and rule.nature.cause is not Cause.CAPACITY
                yield Refusal(rule.nature.cause, rule.origin(choice))

    def _withheld(self, tally: _Tally) -> int:
        """Devices of incomplete and invalid pools (B6, B7)."""
        view = self._call.view
        count = 0
        for pool in view.pools:
            origin = Origin(f"pool `{pool.id}`", f"{pool.state.value}: {pool.why}")
            for index in pool.withheld:
                tally.add(0, Cause.POOL, origin, view.device(index))
                count += 1
        return count

    def _selected(self, need: Need, tally: _Tally) -> Iterable[DeviceRecord]:
        """The devices that the feature, class, request and node leave, clause by clause, as bit sets."""
        selection, view, ask = self._call.selection, self._call.view, need.asked.ask
        alive = view.everywhere
        steps: list[tuple[Cause, Origin, int]] = []
        steps.append((Cause.FEATURE, _UNBINDABLE, view.everywhere & ~selection.unbindable))
        of_class = len(selection.classes[ask.class_name].selectors)
        graph = selection.graph
        for number, selector in enumerate(selection.selectors(ask)):
            cause = Cause.CLASS if number < of_class else Cause.REQUEST
            for clause in graph.clauses(selector):
                match, error = graph.conjunction_on(view, (clause,))
                # A clause that raises decides nothing as long as another one is false.
                steps.append((_cause(clause, cause), clause.origin, match | error))
            steps.append((cause, selector.origin, graph.conjunction_on(view, (selector,)).match))
        steps.append((Cause.NODE, _UNREACHED, view.reached))
        for place, (cause, origin, kept) in enumerate(steps, start=1):
            for record in selection.devices(alive & ~kept):
                tally.add(place, cause, origin, record)
            alive &= kept
        return tuple(selection.devices(alive))

    def _survives(self, need: Need, record: DeviceRecord, tally: _Tally) -> bool:
        choice = Choice(need.asked, record)
        taken: list[Rule] = []
        survives = True
        for place, rule in enumerate((*self._order, *need.constraints), start=AFTER_SELECTION):
            if rule.take(choice) is not Reply.TAKEN:
                tally.add(place, rule.nature.cause, rule.origin(choice), record)
                survives = False
                break
            taken.append(rule)
        for rule in reversed(taken):
            rule.undo(choice)
        return survives


_UNBINDABLE = Origin("feature", "DeviceBindingAndStatus is off")
_UNREACHED = Origin("node", "the device cannot be reached from the node")


def _cause(clause: Selector, cause: Cause) -> Cause:
    return Cause.DRIVER if clause.program is not None and clause.program.reads == _DRIVER else cause


__all__ = ["EXAMPLES", "Funnel", "Refusal", "asked_of", "node_reasons"]
