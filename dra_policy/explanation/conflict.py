"""Minimal conflicts: elements that together leave no placement, none of which can be missed.

They are found by QuickXplain (U. Junker, 2004) over the elements of one node, what people can mend first, so that of
several conflicts the one comes out that says what to do. What is found is then checked by definition: with all of it and
nothing else nothing fits, and without any one element of it something does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from dra_policy.explanation.clauses import Element
from dra_policy.explanation.leaving_out import Kept, Subject
from dra_policy.explanation.situation import Ending, Situation

CLASSES = 24
"""For so many classes of nodes a minimal conflict is worked out; of any others it is only asked whether the causes that
explain some of these explain them too."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Elements that cannot hold together on these nodes; the elements are those of the first of them.

    Nodes whose conflicts have the same causes are one group: other claims may hold other devices there. It is `certain`
    if no question about it was given up. The first `examined` nodes, and those like them, have been found minimal.
    """

    nodes: tuple[str, ...]
    elements: tuple[Element, ...]
    certain: bool
    examined: int

    @property
    def causes(self) -> frozenset[Hashable]:
        """What the conflict is made of, without the names of node, pools and holders."""
        return frozenset(element.cause for element in self.elements)


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The conflicts of all nodes asked, the one with the most nodes first; of `unseen` nodes nothing could be told."""

    groups: tuple[Conflict, ...]
    unseen: tuple[str, ...]

    @property
    def certain(self) -> bool:
        """Whether nothing was given up and no node passed over."""
        return not self.unseen and all(group.certain for group in self.groups)


@dataclass(frozen=True, slots=True)
class Core:
    """A minimal conflict by positions in `Subject.elements`."""

    kept: Kept
    certain: bool


def conflicts(situation: Situation) -> Conflicts:
    """A minimal conflict for every node asked, grouped by cause; none where the claims fit.

    Nodes that answer alike are looked at once. A conflict that was found is tried first on the next node, so that nodes
    which can be explained in one way are.
    """
    known = situation.kept.get("conflicts")
    if not isinstance(known, Conflicts):
        known = situation.kept["conflicts"] = _worked_out(situation)
    return known


@dataclass(slots=True)
class _Group:
    """Nodes that one set of causes explains; `like` are those of which only that was asked."""

    subject: Subject
    core: Core
    nodes: list[str]
    certain: bool
    like: list[str]


def _worked_out(situation: Situation) -> Conflicts:
    found: dict[frozenset[Hashable], _Group] = {}
    unseen: list[str] = []
    for number, nodes in enumerate(situation.alike(situation.nodes)):
        if situation.exhausted:
            unseen += nodes
            continue
        subject = Subject.of(situation, nodes[0])
        causes = _explaining(subject, found)
        if number >= CLASSES:
            if causes is None:
                unseen += nodes
            else:
                found[causes].like.extend(nodes)
                # A conflict, if not a minimal one.
                situation.kept["like", nodes[0]] = Core(_with_causes(subject, causes), certain=False)
            continue
        core = core_of(subject, subject.all if causes is None else _with_causes(subject, causes))
        if core is None:
            if subject.ends(subject.all) is Ending.UNKNOWN:
                unseen += nodes
            continue
        situation.kept["core", nodes[0]] = core
        own = frozenset(subject.elements[number].cause for number in core.kept)
        group = found.setdefault(own, _Group(subject, core, [], core.certain, []))
        group.nodes += nodes
        group.certain = group.certain and core.certain
    made = [
        Conflict((*group.nodes, *group.like), named(group.subject, group.core), group.certain, len(group.nodes))
        for group in found.values()
    ]
    made.sort(key=lambda conflict: -len(conflict.nodes))
    return Conflicts(tuple(made), tuple(unseen))


def _explaining(subject: Subject, found: Iterable[frozenset[Hashable]]) -> frozenset[Hashable] | None:
    """The first causes that explained another node and explain this one too."""
    return next((c for c in found if subject.ends(_with_causes(subject, c)) is Ending.UNFIT), None)


def _with_causes(subject: Subject, causes: frozenset[Hashable]) -> Kept:
    return frozenset(number for number, element in enumerate(subject.elements) if element.cause in causes)


def named(subject: Subject, core: Core) -> tuple[Element, ...]:
    """The elements of a core, in order."""
    return tuple(subject.elements[number] for number in sorted(core.kept))


def core_of(subject: Subject, among: Kept) -> Core | None:
    """A minimal conflict among some elements; None if they are none, or if that could not be told."""
    if subject.ends(among) is not Ending.UNFIT:
        return None

    def conflicting(kept: Kept) -> bool:
        return subject.ends(kept) is Ending.UNFIT

    kept = quickxplain(conflicting, sorted(among))
    if not conflicting(kept):
        # A request for all devices takes more where less is asked of them: not what QuickXplain is for.
        kept = among
    kept = _without_what_can_be_missed(conflicting, kept)
    certain = all(subject.ends(kept - {number}) is Ending.FITS for number in kept)
    return Core(kept, certain)


def changes_at_least(subject: Subject, core: Core, enough: int) -> int:
    """How many things have to change at least, as far as `enough`: as many conflicts as share no element.

    One change takes away from one element, so each of these conflicts needs one of its own. Nothing is known where a
    request for all devices is among the claims: there, less in the way can be more.
    """
    if not subject.monotone:
        return 1
    apart = subject.apart
    if not apart:
        apart.append(core.kept)
    while len(apart) < enough:
        left = subject.all.difference(*apart)
        if subject.ends(left) is not Ending.UNFIT:
            break
        # The next one need not be found to know that it is there, unless there may be another behind it.
        if len(apart) + 1 >= enough:
            return enough
        other = core_of(subject, left)
        apart.append(left if other is None else other.kept)
    return min(len(apart), enough)


def quickxplain(conflicting: Callable[[Kept], bool], elements: Sequence[int]) -> Kept:
    """A minimal conflict among elements that are one together, earlier ones preferred (Junker's algorithm).

    `conflicting` must be monotone: what contains a conflict is one.

    >>> sorted(quickxplain(lambda kept: kept >= {2, 5} or kept >= {0, 7}, range(8)))
    [2, 5]
    >>> quickxplain(lambda kept: True, range(8))
    frozenset()
    """
    nothing: Kept = frozenset()
    if conflicting(nothing):
        return nothing

    def explained(background: Kept, added: bool, rest: Sequence[int]) -> Kept:
        if added and conflicting(background):
            return nothing
        if len(rest) == 1:
            return frozenset(rest)
        middle = len(rest) // 2
        first, second = rest[:middle], rest[middle:]
        late = explained(background.union(first), True, second)
        early = explained(background | late, bool(late), first)
        return early | late

    return explained(nothing, False, elements) if elements else nothing


def _without_what_can_be_missed(conflicting: Callable[[Kept], bool], kept: Kept) -> Kept:
    """Elements taken away one by one, the last first, for as long as a conflict is left."""
    changed = True
    while changed:
        changed = False
        for number in sorted(kept, reverse=True):
            rest = kept - {number}
            if conflicting(rest):
                kept, changed = rest, True
    return kept


__all__ = [
    "CLASSES",
    "Conflict",
    "Conflicts",
    "Core",
    "changes_at_least",
    "conflicts",
    "core_of",
    "named",
    "quickxplain",
]
