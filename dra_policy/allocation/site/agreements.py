"""Parameters that all claims on a device must have alike, or no two of them (`rules.site.Agreement`)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from dra_policy.allocation.configuration import told
from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Choice, Nature, Reach, Reads
from dra_policy.allocation.site.board_rule import BoardRule
from dra_policy.allocation.site.context import Context, undecided
from dra_policy.allocation.site.ledger import Holder
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import DeviceAllocationConfiguration
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.site import Agree, Agreement
from dra_policy.rules.subjects import Missing


class Setting(NamedTuple):
    """What a claim sets: the value of the parameter and that of the group that it is compared in; None: nothing."""

    value: str | None
    group: str | None


class _User(NamedTuple):
    claim: ClaimKey
    setting: Setting


def setting_of(agreement: Agreement, configs: Iterable[DeviceAllocationConfiguration]) -> Setting:
    """What configurations set together, of each value what is said last. Values are JSON texts."""
    chosen = told(configs, agreement.driver, agreement.api_version, agreement.kind) or {}
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


class Agreed(BoardRule[_User]):
    """Refuses a device on which another claim has set a parameter in a way that does not go with this claim's.

    The requests of one claim are held to it as well. Administrative access sets nothing.
    """

    __slots__ = ("_agreement", "_settings")

    nature: ClassVar[Nature] = Nature(
        Cause.AGREEMENT,
        (),
        Reach.CLUSTER,
        frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.USAGE, Reads.CHOICES, Reads.ASKER}),
    )

    def __init__(self, agreement: Agreement, context: Context) -> None:
        super().__init__(context, agreement.board, agreement.strength)
        self._agreement = agreement
        self._settings: dict[int, Setting] = {}

    @property
    def named(self) -> Origin:
        return self._agreement.origin

    def _about(self, record: DeviceRecord) -> bool | Missing:
        agreement = self._agreement
        return record.id.driver == agreement.driver and self._matches(agreement.devices, record)

    def _user(self, choice: Choice) -> _User:
        asked = choice.asked
        setting = self._settings.get(asked.number)
        if setting is None:
            setting = self._settings[asked.number] = setting_of(self._agreement, self._context.configs(asked))
        return _User(self._context.key(asked), setting)

    def _holding(self, record: DeviceRecord, holder: Holder) -> _User:  # noqa: ARG002 - all of a board say it alike
        return _User(holder.claim, setting_of(self._agreement, holder.configs))

    def _against(self, choice: Choice, board: Hashable) -> _User | None:
        """Somebody whose parameters do not go with the asker's."""
        ours = self._user(choice)
        return next((user for user in self._users(choice, board) if self._clash(ours, user)), None)

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

    def origin(self, choice: Choice) -> Origin:
        origin, board = self._agreement.origin, self._board(choice.record)
        if isinstance(board, Missing):
            return undecided(origin, board)
        user = None if board is None else self._against(choice, board)
        if user is None:
            return origin
        theirs, ours = user.setting.value, self._user(choice).setting.value
        return replace(origin, text=f"{origin.text} (claim {user.claim} has {_told(theirs)}, this one {_told(ours)})")


def _told(value: str | None) -> str:
    return "no value" if value is None else value


def agreement_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each parameter."""
    for agreement in context.question.rules.agreements:
        yield Agreed(agreement, context)


__all__ = ["Agreed", "Setting", "agreement_rules", "setting_of"]
