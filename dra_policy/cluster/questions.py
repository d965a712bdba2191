"""What is asked of the cluster, free of names: claims of a pod by their shapes, resolved against the present classes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from dra_policy.expression import Read
from dra_policy.rules import Ask, ClaimRules, ClaimShape, ClassName, ClassRules, Selector

if TYPE_CHECKING:
    from dra_policy.cluster.columns import Columns
    from dra_policy.cluster.judging import Judgement

QUESTION_LIMIT = 1024
"""How many questions an engine has active; the one that was asked least recently goes first."""

JUDGEMENT_LIMIT = 1 << 19
"""How many judgements and sights all questions together remember."""

_SPARE = 8


class Bones:
    """What questions have in common that differ only in classes and conditions. Compared by identity.

    `judgements` are by class of nodes and by what the conditions match there; where none of them is an error, they are
    those of any question with these bones.
    """

    __slots__ = ("__weakref__", "judgements")

    def __init__(self) -> None:
        self.judgements: dict[Hashable, Judgement] = {}


class Sight(NamedTuple):
    """What the conditions of a question make of a layout: where each alternative's are true, by position, and whether
    one of them is an error anywhere."""

    matches: tuple[int, ...]
    error: bool


class PodQuestion:
    """The fresh claims of a pod, as one value for all pods whose claims have the same shapes. Compared by identity.

    `judgements` remembers what was found for classes of nodes, `sights` what the conditions make of layouts; they only
    grow until they are emptied, so any number of threads may look things up and add to them. `conditions` are the selectors of each alternative of each request: those
    of its class, then its own. `counts` are the devices that each needs at least, 0 where that cannot be said. `is_sound` says that some node had an answer, so
    that nothing is wrong with the question itself (E1, E2, F1).
    """

    __slots__ = (
        "_classes", "bones", "classes", "computes", "conditions", "counts", "fearful", "is_sound", "judgements", "most",
        "preferences", "reads", "shapes", "sights", "split", "used",
    )  # fmt: skip

    def __init__(
        self,
        claims: Sequence[ClaimRules],
        shapes: tuple[ClaimShape, ...],
        classes: Mapping[ClassName, ClassRules | None],
        bones: Bones,
    ) -> None:
        self.shapes = shapes
        self.bones = bones
        self.classes = classes
        self.used = 0
        self.judgements: dict[Hashable, Judgement] = {}
        self.sights: dict[bytes, Sight] = {}
        self.is_sound = False
        rules = {name: one for name, one in classes.items() if one is not None}
        asks = [ask for claim in claims for request in claim.requests for ask in request.asks]
        self.conditions: tuple[tuple[Selector, ...], ...] = tuple(
            (*(rules[ask.class_name].selectors if ask.class_name in rules else ()), *ask.selectors) for ask in asks
        )
        self.reads: frozenset[Read] = frozenset().union(
            *(one.program.reads for selectors in self.conditions for one in selectors if one.program is not None)
        )
        self.computes: frozenset[Read] = frozenset().union(
            *(derived.program.reads for ask in asks for derived in ask.derived if derived.program is not None)
        )
        self.most, self.preferences = _bounds(claims)
        self.counts: tuple[int, ...] = tuple(
            0 if request.prioritized or ask.admin_access is True or ask.mode != "ExactCount" else ask.count
            for claim in claims
            for request in claim.requests
            for ask in request.asks
        )
        # Without these nothing but a selector can be an error on one node and none on another (D8, E5, E6, H7, N2).
        self.fearful = any(ask.mode == "All" or ask.capacity or ask.derived for ask in asks)
        self._classes: Mapping[ClassName, ClassRules] | None = None
        # What `split_by` said last.
        self.split: tuple[Columns | None, bool, bool] = (None, False, True)

    def stands_under(self, classes: Mapping[ClassName, ClassRules]) -> bool:
        """Whether the classes that the claims name are still the ones that the question was made under."""
        if classes is self._classes:
            return True
        for name, rules in self.classes.items():
            if classes.get(name) is not rules:
                return False
        self._classes = classes
        return True

    def split_by(self, columns: Columns) -> tuple[Columns, bool, bool]:
        """The columns; whether the claims read values that layouts do not have; whether it is only selectors that do."""
        computed = columns.read_by(self.computes)
        split = columns, computed or columns.read_by(self.reads), not computed
        self.split = split  # in one piece: threads at different moments may disagree about it
        return split


def _bounds(claims: Sequence[ClaimRules]) -> tuple[int | None, int]:
    """The most devices that a node can lose to the claims (None: all of them), and the best score (E8)."""
    most: int | None = 0
    preferences = 0
    for claim in claims:
        for request in claim.requests:
            preferences += 8 if request.prioritized else 0
            counts = [_most(ask) for ask in request.asks]
            if None in counts:
                most = None
            elif most is not None:
                most += max((count for count in counts if count is not None), default=0)
    return most, preferences


def _most(ask: Ask) -> int | None:
    return None if ask.mode == "All" else max(ask.count, 0)


class PodQuestions:
    """The questions that an engine has active, bounded; idle ones cost nothing. Safe for any number of threads."""

    def __init__(self, limit: int = QUESTION_LIMIT) -> None:
        self._limit = limit
        self._lock = Lock()
        self._latest: dict[tuple[ClaimShape, ...], PodQuestion] = {}
        self._known: dict[Hashable, PodQuestion] = {}
        self._bones: WeakValueDictionary[Hashable, Bones] = WeakValueDictionary()
        self._uses = 0
        self._size = 0

    def of(self, claims: Sequence[ClaimRules], classes: Mapping[ClassName, ClassRules]) -> PodQuestion:
        """The question that these claims are, under the present classes."""
        shapes = (claims[0].shape,) if len(claims) == 1 else tuple([claim.shape for claim in claims])
        question = self._latest.get(shapes)
        if question is None or not question.stands_under(classes):
            question = self._made(shapes, claims, classes)
        self._uses += 1
        question.used = self._uses
        return question

    def _made(
        self, shapes: tuple[ClaimShape, ...], claims: Sequence[ClaimRules], classes: Mapping[ClassName, ClassRules]
    ) -> PodQuestion:
        names = tuple(dict.fromkeys(a.class_name for claim in claims for r in claim.requests for a in r.asks))
        rules = {name: classes.get(name) for name in names}
        keys = tuple(None if one is None else tuple(map(_condition, one.selectors)) for one in rules.values())
        with self._lock:
            question = self._known.get((shapes, keys))
            if question is None:
                if len(self._known) >= self._limit:
                    self._forget(self._limit // 2)
                bare = _bare(shapes)
                bones = self._bones.get(bare)
                if bones is None:
                    bones = self._bones[bare] = Bones()
                question = self._known[shapes, keys] = PodQuestion(claims, shapes, rules, bones)
            question.classes = rules  # what a class adds as configuration makes no difference to the question
            self._latest[shapes] = question
        return question

    def remember(self, question: PodQuestion, key: Hashable, judgement: Judgement, classes: int) -> None:
        """Keep a judgement; `classes` says how many classes of nodes there are, so that others can be forgotten."""
        if len(question.judgements) > _SPARE * (classes + _SPARE):
            question.judgements = {}
        question.judgements[key] = judgement
        self._grown()

    def remember_sight(self, question: PodQuestion, layout: bytes, sight: Sight, classes: int) -> None:
        """Keep what the conditions of a question make of a layout."""
        if len(question.sights) > _SPARE * (classes + _SPARE):
            question.sights = {}
        question.sights[layout] = sight
        self._grown()

    def remember_bones(self, bones: Bones, key: Hashable, judgement: Judgement, classes: int) -> None:
        """Keep a judgement for all questions with the same bones."""
        if len(bones.judgements) > _SPARE * _SPARE * (classes + _SPARE):
            bones.judgements = {}
        bones.judgements[key] = judgement
        self._grown()

    def _grown(self) -> None:
        self._size += 1  # too much where a question was emptied, so it is counted anew before it decides
        if self._size > JUDGEMENT_LIMIT:
            with self._lock:
                self._size = self._count()
                if self._size > JUDGEMENT_LIMIT // 2:
                    self._forget(len(self._known) // 2)
                    self._size = self._count()

    def _count(self) -> int:
        bones = sum(len(bones.judgements) for bones in self._bones.values())
        return bones + sum(len(question.judgements) + len(question.sights) for question in self._known.values())

    def _forget(self, kept: int) -> None:
        """Keep the questions that were asked most recently."""
        latest = sorted(self._known.items(), key=lambda item: item[1].used, reverse=True)
        for _, gone in latest[kept:]:
            gone.judgements, gone.sights, gone.bones.judgements = {}, {}, {}
        self._known = dict(latest[:kept])
        present = set(map(id, self._known.values()))
        self._latest = {shapes: one for shapes, one in self._latest.items() if id(one) in present}

    def __len__(self) -> int:
        return len(self._known)

    def size(self) -> int:
        """How much all questions together remember."""
        with self._lock:
            return self._count()


def _bare(shapes: tuple[ClaimShape, ...]) -> Hashable:
    """Shapes without what they say about devices."""
    return tuple(
        (
            tuple(
                (tuple(replace(ask, class_name="", selectors=()) for ask in request.asks), request.prioritized)
                for request in shape.requests
            ),
            shape.constraints,
        )
        for shape in shapes
    )


def _condition(selector: Selector) -> Hashable:
    failure = selector.failure
    return selector.key, failure is None, failure is None or bool(failure.diagnostics)


__all__ = ["JUDGEMENT_LIMIT", "QUESTION_LIMIT", "PodQuestion", "PodQuestions", "Sight"]
