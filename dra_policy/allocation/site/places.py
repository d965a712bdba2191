"""What is held at one place of a level, and rules over it: what is not there together, and how much there is at most.

A claim holds its devices where it is used: on the node that it was allocated for, else on the node of their pool. Where
nobody knows that, a `MUST` counts it at every place, and a `SHOULD` at none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Draws, Nature, Reach, Reads, Reply, Resource
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.context import Context, matches, undecided
from dra_policy.allocation.site.ledger import Holder
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.allocation.site.question import SiteQuestion
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import Origin
from dra_policy.rules.conditions import NODE
from dra_policy.rules.deciding import place_of
from dra_policy.rules.site import EVERY_DEVICE, Ceiling, Exclusion, Strength
from dra_policy.rules.subjects import Missing

_READS = frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.NODE, Reads.USAGE, Reads.CHOICES})


class Holding(NamedTuple):
    """A device that somebody holds, and at which place; None: nobody knows where."""

    record: DeviceRecord
    holder: Holder
    place: str | None


def place_held(question: SiteQuestion, level: str, record: DeviceRecord, holder: Holder) -> str | Missing | None:
    """Where a claim uses a device; None if nobody knows on which node."""
    name = holder.node or question.snapshot.node_of(record.id.pool_id)
    if name is None:
        return None
    node = question.snapshot.node(name)
    labels = {} if node is None else node.metadata.labels
    return place_of(level, name, labels, question.rules.level_labels())


def held_at(context: Context, level: str, place: str, strength: Strength) -> Iterator[Holding]:
    """What claims outside of the call hold at a place.

    On a node that is some of what the node sees; at larger places it is looked for in the whole ledger, once a question.
    """
    question = context.question
    if level == NODE:
        for record in context.view.records.values():
            for holder in context.holders(record):
                where = place_held(question, level, record, holder)
                if where == place or (where is None and strength is Strength.MUST):
                    yield Holding(record, holder, place)
        return
    known = question.kept.get(("held", level))
    if not isinstance(known, dict):
        known = question.kept["held", level] = _by_place(question, level)
    yield from known.get(place, ())
    if strength is Strength.MUST:
        yield from known.get(None, ())


def _by_place(question: SiteQuestion, level: str) -> dict[str | None, list[Holding]]:
    found: dict[str | None, list[Holding]] = {}
    for device, holders in question.ledger.devices():
        slots = question.snapshot.indices_of(device)
        if not slots:
            continue
        record = question.snapshot.device(slots[0])
        for holder in holders:
            where = place_held(question, level, record, holder)
            if not isinstance(where, Missing):
                found.setdefault(where, []).append(Holding(record, holder, where))
    return found


class Excluded(OfSite):
    """Refuses a device at a place where one of another kind is held. Administrative access holds nothing."""

    __slots__ = ("_before", "_chosen", "_context", "_exclusion", "_kinds")

    nature: ClassVar[Nature] = Nature(Cause.EXCLUSION, (), Reach.CLUSTER, _READS)

    def __init__(self, exclusion: Exclusion, context: Context) -> None:
        self._exclusion = exclusion
        self._context = context
        self._kinds: dict[int, int | Missing | None] = {}
        self._before: dict[int, Holder] | Missing | None = None
        self._chosen: list[int] = []

    @property
    def named(self) -> Origin:
        return self._exclusion.origin

    def _kind(self, record: DeviceRecord) -> int | Missing | None:
        """Which of the kinds a device is, by number; None for a device of no kind."""
        if record.index not in self._kinds:
            self._kinds[record.index] = self._found(record)
        return self._kinds[record.index]

    def _found(self, record: DeviceRecord) -> int | Missing | None:
        for number, kind in enumerate(self._exclusion.kinds):
            about = matches(kind.devices, record, self._exclusion.strength)
            if isinstance(about, Missing):
                return about
            if about:
                return number
        return None

    def _held(self) -> dict[int, Holder] | Missing:
        """Who holds a device of each kind at this place before the call; missing if nobody knows where the node is."""
        if self._before is None:
            rule, context = self._exclusion, self._context
            here = context.view.node.metadata
            place = place_of(rule.level, here.name, here.labels, context.levels)
            if isinstance(place, Missing):
                self._before = place if rule.strength is Strength.MUST else {}
            else:
                self._before = {}
                for holding in held_at(context, rule.level, place, rule.strength):
                    kind = self._kind(holding.record)
                    if isinstance(kind, int):
                        self._before.setdefault(kind, holding.holder)
        return self._before

    def _against(self, kind: int) -> str | Missing:
        """Who stands against one more device of a kind; empty if nobody does."""
        held = self._held()
        if isinstance(held, Missing):
            return held
        kinds = self._exclusion.kinds
        for other, holder in held.items():
            if other != kind:
                return f"claim {holder.claim} holds {kinds[other].name} there"
        for other in self._chosen:
            if other != kind:
                return f"the same pod takes {kinds[other].name} there"
        return ""

    def take(self, choice: Choice) -> Answer:
        kind = None if choice.asked.admin else self._kind(choice.record)
        if kind is None:
            return Reply.TAKEN
        if isinstance(kind, Missing) or self._against(kind):
            return Reply.REFUSED
        self._chosen.append(kind)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        if not choice.asked.admin and self._kind(choice.record) is not None:
            self._chosen.pop()

    def state(self) -> Hashable:
        return frozenset(self._chosen)

    def origin(self, choice: Choice) -> Origin:
        origin, kind = self._exclusion.origin, self._kind(choice.record)
        why = kind if isinstance(kind, Missing) or kind is None else self._against(kind)
        if isinstance(why, Missing):
            return undecided(origin, why)
        return replace(origin, text=f"{origin.text} ({why})") if why else origin

    def kind(self, choice: Choice) -> Hashable:
        return self._kind(choice.record)

    def exact(self, choice: Choice) -> bool:
        return choice.asked.admin or self._kind(choice.record) is None

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        return () if self.exact(choice) else (id(self),)


class Limited(OfSite):
    """Refuses what would be one device too many at a place. Administrative access holds nothing."""

    __slots__ = ("_before", "_boards", "_ceiling", "_chosen", "_context")

    nature: ClassVar[Nature] = Nature(Cause.CEILING, (), Reach.CLUSTER, _READS)

    def __init__(self, ceiling: Ceiling, context: Context) -> None:
        self._ceiling = ceiling
        self._context = context
        self._before: tuple[frozenset[Hashable], int | None] | Missing | None = None
        self._chosen: list[Hashable] = []
        self._boards: dict[int, Hashable] = {}

    @property
    def named(self) -> Origin:
        return self._ceiling.origin

    def _board(self, record: DeviceRecord) -> Hashable:
        """What a device counts as: with all others of its board as one."""
        if record.index not in self._boards:
            found = board_of(record, self._ceiling.board)
            self._boards[record.index] = record.id if isinstance(found, Missing) else found
        return self._boards[record.index]

    def _standing(self) -> tuple[frozenset[Hashable], int | None] | Missing:
        """The boards of which devices are held at this place before the call, and how many may be; None: any number."""
        if self._before is None:
            found = self._worked_out()
            if isinstance(found, Missing) and self._ceiling.strength is Strength.SHOULD:
                found = frozenset(), None
            self._before = found
        return self._before

    def _worked_out(self) -> tuple[frozenset[Hashable], int | None] | Missing:
        rule, context = self._ceiling, self._context
        here = context.view.node.metadata
        place = place_of(rule.level, here.name, here.labels, context.levels)
        if isinstance(place, Missing):
            return place
        most = rule.count
        if rule.label:
            text = here.labels.get(rule.label, "")
            if not text.isascii() or not text.isdecimal():
                said = f'label `{rule.label}` "{text}", which is no number' if text else f"no label `{rule.label}`"
                return Missing(f"node `{here.name}` has {said}")
            most = int(text)
        held = (one.record for one in held_at(context, rule.level, place, rule.strength))
        about = (self._board(record) for record in held if matches(rule.devices, record, rule.strength) is True)
        return frozenset(about), most

    def _concerned(self, choice: Choice) -> bool | Missing:
        """Whether a choice counts."""
        if choice.asked.admin:
            return False
        about = matches(self._ceiling.devices, choice.record, self._ceiling.strength)
        if about is True:
            standing = self._standing()
            return standing if isinstance(standing, Missing) else standing[1] is not None
        return about

    def _left(self) -> int:
        """How many more devices may be held."""
        standing = self._standing()
        # Invariant: only what is concerned is counted, and then the number is known.
        assert not isinstance(standing, Missing)
        held, most = standing
        assert most is not None
        return most - len(held.union(self._chosen))

    def _is_more(self, choice: Choice) -> bool:
        """Whether a board is not among those that are held or chosen."""
        standing = self._standing()
        board = self._board(choice.record)
        return isinstance(standing, Missing) or (board not in standing[0] and board not in self._chosen)

    def take(self, choice: Choice) -> Answer:
        about = self._concerned(choice)
        if about is False:
            return Reply.TAKEN
        # Where more is held than may be, nothing is added, not even to what is held: less held never refuses more.
        if isinstance(about, Missing) or self._left() < (1 if self._is_more(choice) else 0):
            return Reply.REFUSED
        self._chosen.append(self._board(choice.record))
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        if self._concerned(choice) is True:
            self._chosen.pop()

    def state(self) -> Hashable:
        return frozenset(self._chosen)

    def origin(self, choice: Choice) -> Origin:
        origin, about = self._ceiling.origin, self._concerned(choice)
        if isinstance(about, Missing):
            return undecided(origin, about)
        standing = self._standing()
        if about is False or isinstance(standing, Missing):
            return origin
        return replace(origin, text=f"{origin.text} ({len(standing[0])} of {standing[1]} held)")

    def kind(self, choice: Choice) -> Hashable:
        about = matches(self._ceiling.devices, choice.record, self._ceiling.strength)
        return (about, self._board(choice.record)) if self._ceiling.board != EVERY_DEVICE else about

    def _counts_alone(self, choice: Choice) -> bool:
        """Whether a choice is one device more, whatever else is chosen."""
        standing = self._standing()
        shared = bool(choice.record.device.allow_multiple_allocations) or self._ceiling.board != EVERY_DEVICE
        return not shared and not isinstance(standing, Missing) and self._board(choice.record) not in standing[0]

    def draws(self, choice: Choice) -> Draws:
        counts = self._concerned(choice) is True and self._counts_alone(choice)
        return ((Resource(("ceiling", id(self)), ()), 1),) if counts else ()

    def supply(self, resource: Resource) -> int:
        del resource
        return max(0, self._left())

    def exact(self, choice: Choice) -> bool:
        about = self._concerned(choice)
        return about is False or (about is True and self._counts_alone(choice))

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        return () if self._concerned(choice) is False else (id(self),)


def place_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each that says what is held together at a place, then for each that says how much."""
    rules = context.question.rules
    for exclusion in rules.exclusions:
        yield Excluded(exclusion, context)
    for ceiling in rules.ceilings:
        yield Limited(ceiling, context)


__all__ = ["Excluded", "Holding", "Limited", "held_at", "place_held", "place_rules"]
