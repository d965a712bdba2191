"""Who may share a device, or a board, with whom (`rules.site.SharingLimit`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Nature, Reach, Reads, Reply
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.context import Context, matches, pods_of, undecided
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.site import EVERY_DEVICE, SharingLimit, Strength
from dra_policy.rules.subjects import Missing, Subject, SubjectValue


class _Sharer(NamedTuple):
    """A claim that holds some of a board."""

    claim: ClaimKey
    pods: frozenset[str]
    fields: tuple[SubjectValue | Missing, ...]


class Shared(OfSite):
    """Refuses a device that others hold with whom the asker may not share it. Administrative access shares nothing."""

    __slots__ = ("_before", "_boards", "_chosen", "_context", "_limit", "_sharers")

    nature: ClassVar[Nature] = Nature(
        Cause.SHARING,
        (),
        Reach.CALL,
        frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.USAGE, Reads.CHOICES, Reads.ASKER}),
    )

    def __init__(self, limit: SharingLimit, context: Context) -> None:
        self._limit = limit
        self._context = context
        self._boards: dict[int, Hashable | Missing] = {}
        self._before: dict[Hashable, tuple[_Sharer, ...]] = {}
        self._chosen: dict[Hashable, tuple[_Sharer, ...]] = {}
        self._sharers: dict[int, _Sharer] = {}

    @property
    def named(self) -> Origin:
        return self._limit.origin

    def _board(self, record: DeviceRecord) -> Hashable | Missing:
        """None for a device that the limit is not about."""
        if record.index not in self._boards:
            about = matches(self._limit.devices, record, self._limit.strength)
            board = about if isinstance(about, Missing) else board_of(record, self._limit.board) if about else None
            if isinstance(board, Missing) and self._limit.strength is Strength.SHOULD:
                board = None
            self._boards[record.index] = board
        return self._boards[record.index]

    def _fields(self, subject: Subject) -> tuple[SubjectValue | Missing, ...]:
        return tuple(subject.get(name) for name in self._limit.same)

    def _sharer(self, choice: Choice) -> _Sharer:
        asked = choice.asked
        known = self._sharers.get(asked.claim)
        if known is None:
            context = self._context
            fields = self._fields(context.asker(asked).subject)
            known = self._sharers[asked.claim] = _Sharer(context.key(asked), context.pods(asked), fields)
        return known

    def _held(self, record: DeviceRecord, board: Hashable) -> tuple[_Sharer, ...]:
        """Who holds some of a board before the call."""
        known = self._before.get(board)
        if known is None:
            alone = self._limit.board == EVERY_DEVICE
            parts = (record,) if alone else self._context.on_board(self._limit.board, board)
            known = self._before[board] = tuple(
                dict.fromkeys(
                    _Sharer(holder.claim, pods_of(holder.claim, holder.pods), self._fields(holder.subject))
                    for part in parts
                    if self._board(part) == board
                    for holder in self._context.holders(part)
                )
            )
        return known

    def _against(self, choice: Choice, board: Hashable) -> str | Missing:
        """Why the asker may not share; empty if it may."""
        limit, asker = self._limit, self._sharer(choice)
        held = (*self._held(choice.record, board), *self._chosen.get(board, ()))
        others = [one for one in held if one.claim != asker.claim]
        if limit.strength is Strength.MUST or others:
            for value in asker.fields:
                if isinstance(value, Missing) and limit.strength is Strength.MUST:
                    return value
        if not others:
            return self._crowded(limit, (asker,))
        if limit.alone:
            return f"claim {others[0].claim} has it"
        for other in others:
            for name, ours, theirs in zip(limit.same, asker.fields, other.fields, strict=True):
                if isinstance(theirs, Missing):
                    if limit.strength is Strength.MUST:
                        return Missing(f"of claim {other.claim}, which has it, {theirs.reason}")
                elif not isinstance(ours, Missing) and (type(ours), ours) != (type(theirs), theirs):
                    return f"claim {other.claim}, which has it, is of another {name}"
        return self._crowded(limit, (asker, *others))

    @staticmethod
    def _crowded(limit: SharingLimit, sharers: tuple[_Sharer, ...]) -> str:
        claims = {one.claim for one in sharers}
        namespaces = {claim.namespace for claim in claims}
        pods = frozenset[str]().union(*(one.pods for one in sharers))
        for most, found, what in (
            (limit.claims, claims, "claims"),
            (limit.pods, pods, "pods"),
            (limit.namespaces, namespaces, "namespaces"),
        ):
            if most is not None and len(found) > most:
                return f"it would be {len(found)} {what}"
        return ""

    def take(self, choice: Choice) -> Answer:
        board = None if choice.asked.admin else self._board(choice.record)
        if board is None:
            return Reply.TAKEN
        if isinstance(board, Missing) or self._against(choice, board):
            return Reply.REFUSED
        self._chosen[board] = (*self._chosen.get(board, ()), self._sharer(choice))
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        board = None if choice.asked.admin else self._board(choice.record)
        if board is None:
            return
        rest = self._chosen[board][:-1]
        if rest:
            self._chosen[board] = rest
        else:
            del self._chosen[board]

    def state(self) -> Hashable:
        return frozenset((board, frozenset(one.claim for one in sharers)) for board, sharers in self._chosen.items())

    def origin(self, choice: Choice) -> Origin:
        origin, board = self._limit.origin, self._board(choice.record)
        why = board if isinstance(board, Missing) or board is None else self._against(choice, board)
        if isinstance(why, Missing):
            return undecided(origin, why)
        return replace(origin, text=f"{origin.text} ({why})") if isinstance(why, str) and why else origin

    def kind(self, choice: Choice) -> Hashable:
        board = self._board(choice.record)
        if board is None or isinstance(board, Missing):
            return board
        return (True, self._held(choice.record, board), board if self._limit.board != EVERY_DEVICE else None)

    def exact(self, choice: Choice) -> bool:
        return choice.asked.admin or self._board(choice.record) is None

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        board = None if choice.asked.admin else self._board(choice.record)
        return () if board is None or isinstance(board, Missing) else ((id(self), board),)


def sharing_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each limit."""
    for limit in context.question.rules.sharing:
        yield Shared(limit, context)


__all__ = ["Shared", "sharing_rules"]
