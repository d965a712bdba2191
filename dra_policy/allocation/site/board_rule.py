"""What rules have in common that look at who uses a board already: to be asked, to take, to undo."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from dra_policy.allocation.rule import Answer, Choice, Reply
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.context import Context, matches
from dra_policy.allocation.site.ledger import Holder
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.rules.conditions import Condition
from dra_policy.rules.site import EVERY_DEVICE, BoardKey, Strength
from dra_policy.rules.subjects import Missing

UserT = TypeVar("UserT", bound=Hashable)


class BoardRule(OfSite, Generic[UserT]):
    """A rule about those who use one board together, `UserT` each. Administrative access uses nothing.

    Those from before the call and those chosen in it count alike. A rule says which devices it is about, what it wants to
    know of a user, and what is against one more.
    """

    __slots__ = ("_before", "_boards", "_chosen", "_context", "_key", "_strength")

    def __init__(self, context: Context, key: BoardKey, strength: Strength) -> None:
        self._context = context
        self._key = key
        self._strength = strength
        self._boards: dict[int, Hashable | Missing] = {}
        self._before: dict[Hashable, tuple[UserT, ...]] = {}
        self._chosen: dict[Hashable, tuple[UserT, ...]] = {}

    @abstractmethod
    def _about(self, record: DeviceRecord) -> bool | Missing:
        """Whether the rule is about a device."""

    @abstractmethod
    def _user(self, choice: Choice) -> UserT:
        """The asker, as a user of the device."""

    @abstractmethod
    def _holding(self, record: DeviceRecord, holder: Holder) -> UserT:
        """Somebody who had the device before the call."""

    @abstractmethod
    def _against(self, choice: Choice, board: Hashable) -> object:
        """What is against the asker as one more user; nothing that counts as true if nothing is."""

    def _matches(self, devices: Condition, record: DeviceRecord) -> bool | Missing:
        return matches(devices, record, self._strength)

    def _board(self, record: DeviceRecord) -> Hashable | Missing:
        """None for a device that the rule is not about."""
        if record.index not in self._boards:
            about = self._about(record)
            board = about if isinstance(about, Missing) else board_of(record, self._key) if about else None
            if isinstance(board, Missing) and self._strength is Strength.SHOULD:
                board = None
            self._boards[record.index] = board
        return self._boards[record.index]

    def _asked(self, choice: Choice) -> Hashable | Missing:
        """The board that a choice would use."""
        return None if choice.asked.admin else self._board(choice.record)

    def _held(self, record: DeviceRecord, board: Hashable) -> tuple[UserT, ...]:
        """Who used a board before the call, asked of one of its devices."""
        known = self._before.get(board)
        if known is None:
            held: Iterable[tuple[DeviceRecord, Holder]]
            if self._key == EVERY_DEVICE:
                held = ((record, holder) for holder in self._context.holders(record))
            else:
                held = self._context.held_on(self._key, board)
            found = [self._holding(part, holder) for part, holder in held if self._board(part) == board]
            known = self._before[board] = tuple(dict.fromkeys(found))
        return known

    def _users(self, choice: Choice, board: Hashable) -> tuple[UserT, ...]:
        """Who uses a board, those chosen in this call too."""
        return (*self._held(choice.record, board), *self._chosen.get(board, ()))

    def take(self, choice: Choice) -> Answer:
        board = self._asked(choice)
        if board is None:
            return Reply.TAKEN
        if isinstance(board, Missing) or self._against(choice, board):
            return Reply.REFUSED
        self._chosen[board] = (*self._chosen.get(board, ()), self._user(choice))
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        board = self._asked(choice)
        if board is None:
            return
        rest = self._chosen[board][:-1]
        if rest:
            self._chosen[board] = rest
        else:
            del self._chosen[board]

    def state(self) -> Hashable:
        return frozenset((board, frozenset(users)) for board, users in self._chosen.items())

    def kind(self, choice: Choice) -> Hashable:
        board = self._board(choice.record)
        if board is None or isinstance(board, Missing):
            return board
        return (True, self._held(choice.record, board), None if self._key == EVERY_DEVICE else board)

    def exact(self, choice: Choice) -> bool:
        return self._asked(choice) is None

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        board = self._asked(choice)
        return () if board is None or isinstance(board, Missing) else ((id(self), board),)


__all__ = ["BoardRule"]
