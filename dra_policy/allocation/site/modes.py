"""One board, one mode at a time (`rules.site.ModeExclusion`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Nature, Reach, Reads, Reply
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.context import Context, matches, undecided
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.site import Mode, ModeExclusion
from dra_policy.rules.subjects import Missing


class _Place(NamedTuple):
    """The board of a device, and the mode in which the device uses it."""

    board: Hashable
    mode: Mode


class _User(NamedTuple):
    """Who uses a board, in which mode."""

    mode: Mode
    claim: ClaimKey


class Modes(OfSite):
    """Refuses a device whose board is used in a mode that does not go with its own."""

    __slots__ = ("_before", "_chosen", "_context", "_exclusion", "_places")

    nature: ClassVar[Nature] = Nature(
        Cause.MODE, (), Reach.CALL, frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.USAGE, Reads.CHOICES})
    )

    def __init__(self, exclusion: ModeExclusion, context: Context) -> None:
        self._exclusion = exclusion
        self._context = context
        self._places: dict[int, _Place | Missing | None] = {}
        self._before: dict[Hashable, tuple[_User, ...]] = {}
        self._chosen: dict[Hashable, tuple[_User, ...]] = {}

    @property
    def named(self) -> Origin:
        return self._exclusion.origin

    def _place(self, record: DeviceRecord) -> _Place | Missing | None:
        """None for a device that is in no mode."""
        if record.index not in self._places:
            self._places[record.index] = self._found(record)
        return self._places[record.index]

    def _found(self, record: DeviceRecord) -> _Place | Missing | None:
        exclusion = self._exclusion
        for mode in exclusion.modes:
            found = matches(mode.devices, record, exclusion.strength)
            if isinstance(found, Missing):
                return found
            if found:
                board = board_of(record, exclusion.board)
                return board if isinstance(board, Missing) else _Place(board, mode)
        return None

    def _users(self, board: Hashable) -> tuple[_User, ...]:
        """Who used a board before the call."""
        known = self._before.get(board)
        if known is None:
            users: list[_User] = []
            for record in self._context.on_board(self._exclusion.board, board):
                holders = self._context.holders(record)
                place = self._place(record) if holders else None
                if isinstance(place, _Place):
                    users += [_User(place.mode, holder.claim) for holder in holders]
            known = self._before[board] = tuple(dict.fromkeys(users))
        return known

    def _against(self, place: _Place, claim: ClaimKey) -> _User | None:
        """Somebody who uses the board in a way that does not go with a further use."""
        for user in (*self._users(place.board), *self._chosen.get(place.board, ())):
            if user.mode.name != place.mode.name:
                if place.mode.name not in user.mode.together and user.mode.name not in place.mode.together:
                    return user
            elif place.mode.alone and user.claim != claim:
                return user
        return None

    def take(self, choice: Choice) -> Answer:
        place = None if choice.asked.admin else self._place(choice.record)
        if place is None:
            return Reply.TAKEN
        if isinstance(place, Missing):
            return Reply.REFUSED
        claim = self._context.key(choice.asked)
        if self._against(place, claim) is not None:
            return Reply.REFUSED
        self._chosen[place.board] = (*self._chosen.get(place.board, ()), _User(place.mode, claim))
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        place = None if choice.asked.admin else self._place(choice.record)
        if not isinstance(place, _Place):
            return
        rest = self._chosen[place.board][:-1]
        if rest:
            self._chosen[place.board] = rest
        else:
            del self._chosen[place.board]

    def state(self) -> Hashable:
        return frozenset(
            (board, frozenset((u.mode.name, u.claim) for u in users)) for board, users in self._chosen.items()
        )

    def origin(self, choice: Choice) -> Origin:
        origin, place = self._exclusion.origin, self._place(choice.record)
        if isinstance(place, Missing):
            return undecided(origin, place)
        user = None if place is None else self._against(place, self._context.key(choice.asked))
        if user is None or place is None:
            return origin
        used = f"in mode {user.mode.name} by claim {user.claim}"
        return replace(origin, text=f"{origin.text} (the board is used {used})")

    def kind(self, choice: Choice) -> Hashable:
        return self._place(choice.record)

    def exact(self, choice: Choice) -> bool:
        return choice.asked.admin or self._place(choice.record) is None

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        place = None if choice.asked.admin else self._place(choice.record)
        return ((id(self), place.board),) if isinstance(place, _Place) else ()


def mode_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each way to tell modes apart."""
    for exclusion in context.question.rules.modes:
        yield Modes(exclusion, context)


__all__ = ["Modes", "mode_rules"]
