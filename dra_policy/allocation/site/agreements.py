"""Parameters that all claims on a device must have alike, or no two of them (`rules.site.Agreement`)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Nature, Reach, Reads, Reply
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.context import Context, matches, undecided
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import DeviceAllocationConfiguration
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.site import EVERY_DEVICE, Agree, Agreement, Strength
from dra_policy.rules.subjects import Missing


class Setting(NamedTuple):
    """What a claim sets: the value of the parameter and that of the group that it is compared in; None: nothing."""

    value: str | None
    group: str | None


class _User(NamedTuple):
    claim: ClaimKey
    setting: Setting


def setting_of(agreement: Agreement, configs: Iterable[DeviceAllocationConfiguration]) -> Setting:
    """What configurations set together: the last one of the kind counts, as drivers take it. Values are JSON texts."""
    chosen: Mapping[str, Any] = {}
    for config in configs:
        opaque = config.opaque
        if opaque is None or opaque.driver != agreement.driver or not isinstance(opaque.parameters, Mapping):
            continue
        parameters = opaque.parameters
        version, kind = parameters.get("apiVersion", ""), parameters.get("kind", "")
        if agreement.api_version in ("", version) and agreement.kind in ("", kind):
            chosen = parameters
    value = _at(chosen, agreement.parameter, agreement.default)
    group = _at(chosen, agreement.within, agreement.within_default) if agreement.within else None
    return Setting(value, group)


def _at(parameters: Mapping[str, Any], path: tuple[str, ...], default: str | int | bool | None) -> str | None:
    found: object = parameters
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None:
        found = default
    return None if found is None else json.dumps(found, sort_keys=True, default=str)


class Agreed(OfSite):
    """Refuses a device on which another claim has set a parameter in a way that does not go with this claim's.

    The requests of one claim are held to it as well. Administrative access sets nothing.
    """

    __slots__ = ("_agreement", "_before", "_boards", "_chosen", "_context", "_settings")

    nature: ClassVar[Nature] = Nature(
        Cause.AGREEMENT,
        (),
        Reach.CALL,
        frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.USAGE, Reads.CHOICES, Reads.ASKER}),
    )

    def __init__(self, agreement: Agreement, context: Context) -> None:
        self._agreement = agreement
        self._context = context
        self._boards: dict[int, Hashable | Missing] = {}
        self._settings: dict[int, Setting] = {}
        self._before: dict[Hashable, tuple[_User, ...]] = {}
        self._chosen: dict[Hashable, tuple[_User, ...]] = {}

    @property
    def named(self) -> Origin:
        return self._agreement.origin

    def _board(self, record: DeviceRecord) -> Hashable | Missing:
        """None for a device that the agreement is not about."""
        agreement = self._agreement
        if record.id.driver != agreement.driver:
            return None
        if record.index not in self._boards:
            about = matches(agreement.devices, record, agreement.strength)
            board = about if isinstance(about, Missing) else board_of(record, agreement.board) if about else None
            if isinstance(board, Missing) and agreement.strength is Strength.SHOULD:
                board = None
            self._boards[record.index] = board
        return self._boards[record.index]

    def _user(self, choice: Choice) -> _User:
        asked = choice.asked
        setting = self._settings.get(asked.number)
        if setting is None:
            setting = self._settings[asked.number] = setting_of(self._agreement, self._context.configs(asked))
        return _User(self._context.key(asked), setting)

    def _users(self, record: DeviceRecord, board: Hashable) -> tuple[_User, ...]:
        known = self._before.get(board)
        if known is None:
            alone = self._agreement.board == EVERY_DEVICE
            parts = (record,) if alone else self._context.on_board(self._agreement.board, board)
            known = self._before[board] = tuple(
                dict.fromkeys(
                    _User(holder.claim, setting_of(self._agreement, holder.configs))
                    for part in parts
                    if self._board(part) == board
                    for holder in self._context.holders(part)
                )
            )
        return known

    def _against(self, choice: Choice, board: Hashable) -> _User | None:
        """Somebody whose parameters do not go with the asker's."""
        ours = self._user(choice)
        users = (*self._users(choice.record, board), *self._chosen.get(board, ()))
        return next((user for user in users if self._clash(ours, user)), None)

    def _clash(self, ours: _User, theirs: _User) -> bool:
        agreement = self._agreement
        if agreement.within and ours.setting.group != theirs.setting.group:
            return False
        if agreement.how is Agree.EQUAL:
            return ours.setting.value != theirs.setting.value
        # A claim is one user of its value, however many of its requests have it.
        return (
            ours.claim != theirs.claim and ours.setting.value is not None and ours.setting.value == theirs.setting.value
        )

    def take(self, choice: Choice) -> Answer:
        board = None if choice.asked.admin else self._board(choice.record)
        if board is None:
            return Reply.TAKEN
        if isinstance(board, Missing) or self._against(choice, board) is not None:
            return Reply.REFUSED
        self._chosen[board] = (*self._chosen.get(board, ()), self._user(choice))
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
        return frozenset((board, frozenset(users)) for board, users in self._chosen.items())

    def origin(self, choice: Choice) -> Origin:
        origin, board = self._agreement.origin, self._board(choice.record)
        if isinstance(board, Missing):
            return undecided(origin, board)
        user = None if board is None else self._against(choice, board)
        if user is None:
            return origin
        theirs, ours = user.setting.value, self._user(choice).setting.value
        return replace(origin, text=f"{origin.text} (claim {user.claim} has {_told(theirs)}, this one {_told(ours)})")

    def kind(self, choice: Choice) -> Hashable:
        board = self._board(choice.record)
        if board is None or isinstance(board, Missing):
            return board
        return (True, self._users(choice.record, board), board if self._agreement.board != EVERY_DEVICE else None)

    def exact(self, choice: Choice) -> bool:
        return choice.asked.admin or self._board(choice.record) is None

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        board = None if choice.asked.admin else self._board(choice.record)
        return () if board is None or isinstance(board, Missing) else ((id(self), board),)


def _told(value: str | None) -> str:
    return "no value" if value is None else value


def agreement_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each parameter."""
    for agreement in context.question.rules.agreements:
        yield Agreed(agreement, context)


__all__ = ["Agreed", "Setting", "agreement_rules", "setting_of"]
