"""One board, one mode at a time (`rules.site.ModeExclusion`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Choice, Nature, Reach, Reads
from dra_policy.allocation.site.board_rule import BoardRule
from dra_policy.allocation.site.context import Context, undecided
from dra_policy.allocation.site.ledger import Holder
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.site import Mode, ModeExclusion
from dra_policy.rules.subjects import Missing


class _User(NamedTuple):
    """Who uses a board, in which mode, and the modes that go together with it."""

    mode: str
    together: frozenset[str]
    claim: ClaimKey


class Modes(BoardRule[_User]):
    """Refuses a device whose board is used in a mode that does not go with its own."""

    __slots__ = ("_exclusion", "_modes")

    nature: ClassVar[Nature] = Nature(
        Cause.MODE, (), Reach.CLUSTER, frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.USAGE, Reads.CHOICES})
    )

    def __init__(self, exclusion: ModeExclusion, context: Context) -> None:
        super().__init__(context, exclusion.board, exclusion.strength)
        self._exclusion = exclusion
        self._modes: dict[int, Mode] = {}

    @property
    def named(self) -> Origin:
        return self._exclusion.origin

    def _about(self, record: DeviceRecord) -> bool | Missing:
        for mode in self._exclusion.modes:
            found = self._matches(mode.devices, record)
            if isinstance(found, Missing):
                return found
            if found:
                self._modes[record.index] = mode
                return True
        return False

    def _user(self, choice: Choice) -> _User:
        mode = self._modes[choice.record.index]
        return _User(mode.name, mode.together, self._context.key(choice.asked))

    def _holding(self, record: DeviceRecord, holder: Holder) -> _User:
        mode = self._modes[record.index]
        return _User(mode.name, mode.together, holder.claim)

    def _against(self, choice: Choice, board: Hashable) -> _User | None:
        """Somebody who uses the board in a way that does not go with a further use."""
        ours = self._user(choice)
        alone = self._modes[choice.record.index].alone
        for user in self._users(choice, board):
            if user.mode != ours.mode:
                if ours.mode not in user.together and user.mode not in ours.together:
                    return user
            elif alone and user.claim != ours.claim:
                return user
        return None

    def origin(self, choice: Choice) -> Origin:
        origin, board = self._exclusion.origin, self._board(choice.record)
        if isinstance(board, Missing):
            return undecided(origin, board)
        user = None if board is None else self._against(choice, board)
        if user is None:
            return origin
        used = f"in mode {user.mode} by claim {user.claim}"
        return replace(origin, text=f"{origin.text} (the board is used {used})")

    def kind(self, choice: Choice) -> Hashable:
        mode = self._modes.get(choice.record.index) if self._board(choice.record) is not None else None
        return (super().kind(choice), None if mode is None else mode.name)


def mode_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each way to tell modes apart."""
    for exclusion in context.question.rules.modes:
        yield Modes(exclusion, context)


__all__ = ["Modes", "mode_rules"]
