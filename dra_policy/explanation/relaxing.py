"""What to change so that claims are placed: single changes, then two at a time, each tried before it is shown.

Conflicts say where to look: a change that places the claims takes something away from every conflict (the duality of
minimal unsatisfiable and minimal correction sets). So the changes of one minimal conflict's elements are tried; if one
of them does not do, what is left without it has a conflict of its own, and its elements are tried together with the
first. Only where a request for all devices is among the claims, everything is tried: there, less in the way can be more.

On one node of each cause all changes are tried, and more nodes are looked at until there is enough to show. On all other
kinds of nodes only what costs less than the cheapest change known is tried, so that none is missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from dra_policy.allocation import Allocated, GaveUp
from dra_policy.explanation.changes import Change, WaitFor, WaitForDriver, varied
from dra_policy.explanation.conflict import Core, changes_at_least, conflicts, core_of
from dra_policy.explanation.counting import counted
from dra_policy.explanation.leaving_out import Subject
from dra_policy.explanation.situation import Situation
from dra_policy.explanation.trying import Limit, Tries

SHOWN = 12
"""So many ways out are kept, the cheapest ones."""

OF_A_KIND = 4
"""So many of them may be of one kind: eight claims to wait for are not eight ways out."""

PAIRED = 8
"""On so many classes of nodes two changes at a time are tried."""

COUNT_QUESTIONS = 2_000
"""So many questions are asked to count the nodes of all ways out, the cheapest first; what is not counted is said."""

UNSEEN_QUESTIONS = 1_500
"""So many questions are asked about nodes that no conflict of others explains."""

PAIR_STEPS = 10_000
PAIR_QUESTIONS = 1_500
"""Two changes at a time are tried for so many steps and questions: where each of twenty things stands in the way by
itself, no two of them are it.
"""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One or two changes that place the claims, tried on the nodes named here.

    `more` says that other nodes were not tried, or the search gave up there: these nodes are some of those that there are.
    """

    changes: tuple[Change, ...]
    nodes: tuple[str, ...]
    more: bool

    @property
    def cost(self) -> int:
        """The sum of the costs of the changes."""
        return sum(change.cost for change in self.changes)

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """A total order: cheaper, then fewer changes, then more nodes, then by words."""
        return self.cost, len(self.changes), -len(self.nodes), "; ".join(change.text for change in self.changes)


class _Found:
    """Ways out, each with a node on which it places the claims."""

    def __init__(self) -> None:
        self.ways: dict[tuple[Change, ...], str] = {}
        self._known: set[frozenset[Change]] = set()

    def add(self, changes: tuple[Change, ...], node: str) -> None:
        # Two changes the other way round are no other way out.
        if frozenset(changes) not in self._known:
            self._known.add(frozenset(changes))
            self.ways[changes] = node

    @property
    def best(self) -> int | None:
        """What the cheapest one costs."""
        return min((sum(change.cost for change in changes) for changes in self.ways), default=None)

    def cheapest(self) -> list[tuple[tuple[Change, ...], str]]:
        """Those to be shown."""
        return _cheapest(self.ways)

    @property
    def enough(self) -> bool:
        return len(self.cheapest()) >= SHOWN


def relaxations(situation: Situation) -> tuple[Relaxation, ...]:
    """Changes that place the claims of a refused situation, the best first.

    Where a single change of the kinds in `dra_policy.explanation.changes` places them, the cheapest one is found, unless
    the questions run out.
    """
    found = _Found()
    tries = [(core, Tries(subject)) for subject, core in _subjects(situation)]
    groups = len(conflicts(situation).groups)
    for number, (core, one) in enumerate(tries):
        if situation.exhausted:
            break
        below = found.best if number >= groups and found.enough else None
        for change in one.single(core, below):
            found.add((change,), one.subject.node)
    # Nodes of which less is known, then those of which nothing is.
    for subject, core in chain(_further(situation), _unseen(situation)):
        if situation.exhausted:
            break
        for change in Tries(subject).single(core, found.best):
            found.add((change,), subject.node)
    best = found.best
    limit = Limit(situation.spent.steps + PAIR_STEPS, situation.spent.asked + PAIR_QUESTIONS)
    for core, one in tries[:PAIRED]:
        if situation.exhausted or found.enough:
            break
        for pair in one.double(core, best, limit):
            found.add(pair, one.subject.node)
    until = situation.spent.asked + COUNT_QUESTIONS
    made = [_counted(situation, changes, on, until) for changes, on in found.cheapest()]
    return tuple(sorted(made, key=lambda relaxation: relaxation.rank))


def _cheapest(found: Mapping[tuple[Change, ...], str]) -> list[tuple[tuple[Change, ...], str]]:
    def rank(item: tuple[tuple[Change, ...], str]) -> tuple[int, int, str]:
        changes = item[0]
        return sum(change.cost for change in changes), len(changes), "; ".join(change.text for change in changes)

    kinds: Counter[tuple[str, ...]] = Counter()
    kept: list[tuple[tuple[Change, ...], str]] = []
    for item in sorted(found.items(), key=rank):
        kind = tuple(change.code for change in item[0])
        kinds[kind] += 1
        if kinds[kind] <= OF_A_KIND:
            kept.append(item)
    return kept[:SHOWN]


def _subjects(situation: Situation) -> list[tuple[Subject, Core]]:
    """Nodes to look at: of every group of conflicts the first, then the second, and so on."""
    groups = conflicts(situation).groups
    by_cause: list[list[tuple[Subject, Core]]] = []
    for group in groups:
        members: list[tuple[Subject, Core]] = []
        for node in group.nodes:
            core = situation.kept.get(("core", node))
            if isinstance(core, Core):
                members.append((Subject.of(situation, node), core))
        by_cause.append(members)
    longest = max(map(len, by_cause), default=0)
    return [members[turn] for turn in range(longest) for members in by_cause if turn < len(members)]


def _further(situation: Situation) -> Iterator[tuple[Subject, Core]]:
    """Nodes that are like those looked at, each with a conflict that need not be minimal."""
    for group in conflicts(situation).groups:
        for node in group.nodes[group.examined :]:
            core = situation.kept.get(("like", node))
            if isinstance(core, Core):
                yield Subject.of(situation, node), core


def _unseen(situation: Situation) -> Iterator[tuple[Subject, Core]]:
    """Nodes that no conflict of others explains, each with one of its own."""
    until = situation.spent.asked + UNSEEN_QUESTIONS
    for alike in situation.alike(conflicts(situation).unseen):
        if situation.exhausted or situation.spent.asked >= until:
            return
        subject = Subject.of(situation, alike[0])
        core = core_of(subject, subject.all)
        if core is not None:
            yield subject, core


def _counted(situation: Situation, changes: tuple[Change, ...], known: str, until: int) -> Relaxation:
    """With all nodes that the changes open; one is known already."""
    question = varied(situation, changes)
    assert question is not None  # Invariant: these changes have been tried
    nodes: list[str] = []
    more = False
    # What others give back, or a driver publishes, is on some nodes only, whichever others are like them.
    only = any(isinstance(change, WaitFor | WaitForDriver) for change in changes)
    for alike in situation.alike(situation.nodes):
        if known in alike:
            nodes += [known] if only else alike
        elif only and not _concerns(situation, changes, alike[0]):
            continue
        elif situation.exhausted or situation.spent.asked >= until:
            more = True
        elif _takes_more(situation, alike[0], len(changes)):
            continue
        else:
            outcome = situation.ask(alike[0], question)
            if isinstance(outcome, Allocated):
                nodes += alike[:1] if only else alike
            more |= isinstance(outcome, GaveUp)
    return Relaxation(changes, tuple(nodes), more)


def _takes_more(situation: Situation, node: str, changes: int) -> bool:
    """Whether a node is known to need more changes."""
    core = situation.kept.get(("core", node)) or situation.kept.get(("like", node))
    return isinstance(core, Core) and changes_at_least(Subject.of(situation, node), core, changes + 1) > changes


def _concerns(situation: Situation, changes: Sequence[Change], node: str) -> bool:
    view = situation.view(node)
    holders = {change.holder for change in changes if isinstance(change, WaitFor)}
    if holders.intersection(counted(situation)):
        return True
    pools = {change.pool for change in changes if isinstance(change, WaitForDriver)}
    return any(pool.id in pools for pool in view.pools) or any(
        holders.intersection(situation.holders.get(record.id, ())) for record in view.records.values()
    )


__all__ = ["SHOWN", "Relaxation", "relaxations"]
