"""Who may share a device, or a board, with whom (`rules.site.SharingLimit`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Choice, Nature, Reach, Reads
from dra_policy.allocation.site.board_rule import BoardRule
from dra_policy.allocation.site.context import Context, pods_of, undecided
from dra_policy.allocation.site.ledger import Holder
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.site import SharingLimit, Strength
from dra_policy.rules.subjects import Missing, Subject, SubjectValue


class _Sharer(NamedTuple):
    """A claim that holds some of a board."""

    claim: ClaimKey
    pods: frozenset[str]
    fields: tuple[SubjectValue | Missing, ...]


class Shared(BoardRule[_Sharer]):
    """Refuses a device that others hold with whom the asker may not share it. Administrative access shares nothing."""

    __slots__ = ("_limit", "_sharers")

    nature: ClassVar[Nature] = Nature(
        Cause.SHARING,
        (),
        Reach.CLUSTER,
        frozenset({Reads.ATTRIBUTES, Reads.CAPACITY, Reads.USAGE, Reads.CHOICES, Reads.ASKER}),
    )

    def __init__(self, limit: SharingLimit, context: Context) -> None:
        super().__init__(context, limit.board, limit.strength)
        self._limit = limit
        self._sharers: dict[int, _Sharer] = {}

    @property
    def named(self) -> Origin:
        return self._limit.origin

    def _about(self, record: DeviceRecord) -> bool | Missing:
        return self._matches(self._limit.devices, record)

    def _fields(self, subject: Subject) -> tuple[SubjectValue | Missing, ...]:
        return tuple(subject.get(name) for name in self._limit.same)

    def _user(self, choice: Choice) -> _Sharer:
        asked = choice.asked
        known = self._sharers.get(asked.claim)
        if known is None:
            context = self._context
            fields = self._fields(context.asker(asked).subject)
            known = self._sharers[asked.claim] = _Sharer(context.key(asked), context.pods(asked), fields)
        return known

    def _holding(self, record: DeviceRecord, holder: Holder) -> _Sharer:  # noqa: ARG002 - a share is a share
        return _Sharer(holder.claim, pods_of(holder.claim, holder.pods), self._fields(holder.subject))

    def _against(self, choice: Choice, board: Hashable) -> str | Missing:
        """Why the asker may not share; empty if it may."""
        limit, asker = self._limit, self._user(choice)
        others = [one for one in self._users(choice, board) if one.claim != asker.claim]
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

    def origin(self, choice: Choice) -> Origin:
        origin, board = self._limit.origin, self._board(choice.record)
        why = board if isinstance(board, Missing) or board is None else self._against(choice, board)
        if isinstance(why, Missing):
            return undecided(origin, why)
        return replace(origin, text=f"{origin.text} ({why})") if isinstance(why, str) and why else origin


def sharing_rules(context: Context) -> Iterator[OfSite]:
    """One rule for each limit."""
    for limit in context.question.rules.sharing:
        yield Shared(limit, context)


__all__ = ["Shared", "sharing_rules"]
