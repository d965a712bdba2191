"""What the bounds of the search say, in the names of the question: steps of a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, assert_never, cast

from dra_policy.allocation.attributes import Value
from dra_policy.allocation.pruning import refutation as recorded
from dra_policy.allocation.pruning.blocks import Block
from dra_policy.allocation.pruning.problem import Problem, bits_of
from dra_policy.inventory import DeviceID, PoolID
from dra_policy.proof.certificate import (
    CapacityOf,
    CounterOf,
    Counting,
    DeviceItself,
    Label,
    Refutation,
    Renaming,
    RequestID,
    ValueOf,
    Weight,
    Weights,
    Without,
)
from dra_policy.rules import ClaimRules


class Names:
    """The names of a problem's numbers. `renamed` says which claim stands for which, where the one is like the other."""

    def __init__(self, problem: Problem, renamed: Mapping[int, int] | None = None) -> None:
        self.problem = problem
        self._renamed = renamed or {}
        self._records = {record.index: record.id for record in problem.records}

    def step(self, evidence: recorded.Refutation, left: Sequence[int]) -> Refutation:
        """A bound as a step; `left` is what is left of resources, by number."""
        match evidence:
            case recorded.TooFew():
                return Counting()
            case recorded.TooFewTogether(_, _, devices, _, given):
                weights = tuple(self._place(device, left) for device in bits_of(devices))
                return self._given(given, Weights(tuple(w for w in weights if w is not None)), left)
            case recorded.TooFewLabels(_, tie, _, labels, _, given):
                claim, position = self._tie(tie)
                values = (ValueOf(claim.key, position, self._label(tie, label)) for label in bits_of(labels))
                return self._given(given, Weights(tuple(Weight(value, 1) for value in values)), left)
            case recorded.TooLittle(_, _, resources, _, _, given, unit):
                amounts = tuple(Weight(self.resource(number), 1, max(unit, 1)) for number in resources)
                return self._given(given, Weights(amounts), left)
            case recorded.TooDear(_, resources, devices_weighed, _, _, given):
                prices = [Weight(self.resource(number), weight) for number, weight in resources]
                prices += [Weight(DeviceItself(self.device(number)), weight) for number, weight in devices_weighed]
                return self._given(given, Weights(tuple(prices)), left)
            case recorded.NoCommonLabel(_, _, given):
                return self._given(given, Counting(), left)
            case (
                recorded.TooFewGroups()
                | recorded.Tried()
                | recorded.Decided()
                | recorded.FailedBefore()
                | recorded.Unrelated()
            ):
                raise TypeError(evidence)  # pragma: no cover  # no bound says that
        assert_never(evidence)

    def _place(self, device: int, left: Sequence[int]) -> Weight | None:
        """What a device in a Hall set weighs: itself, or the capacity by which fewest shares of it fit."""
        problem = self.problem
        if problem.single >> device & 1:
            return Weight(DeviceItself(self.device(device)), 1)
        least: dict[int, int] = {}
        for profile in problem.profiles:
            for resource, amount in profile.draws.get(device, ()):
                least[resource] = min(amount, least.get(resource, amount))
        scarce = min(least, key=lambda resource: left[resource] // least[resource], default=None)
        return None if scarce is None else Weight(self.resource(scarce), 1, least[scarce])

    def _given(self, given: Sequence[recorded.Given], end: Refutation, left: Sequence[int]) -> Refutation:
        """What was found out before comes first, the oldest of all at the very beginning."""
        lemmas: list[tuple[int, int, recorded.Refutation | None, Names]] = []
        for one in given:
            match one:
                case recorded.Removed(tie, label, why):
                    lemmas.append((self._of_tie(tie), label, why, self))
                case recorded.Absent(tie, labels, _):
                    lemmas += [(self._of_tie(tie), label, None, self) for label in bits_of(labels)]
                case recorded.Alike(claim, other):
                    # Each lemma about the other claim holds for this one, and is checked again for it.
                    renamed = Names(self.problem, {**self._renamed, other: claim})
                    mine = [lemma for lemma in lemmas if self.problem.ties[lemma[0]][0] == other and lemma[3] is self]
                    lemmas += [(renamed._of_tie(at), value, reason, renamed) for at, value, reason, _ in mine]
                case _:
                    assert_never(one)
        for tie, label, reason, names in reversed(lemmas):
            claim_rules, position = self._claim(self.problem.ties[tie][0]), self.problem.ties[tie][1]
            because = Counting() if reason is None else names.step(reason, left)
            end = Without(claim_rules.key, position, self._label(tie, label), because, end)
        return end

    # --- names

    def _claim(self, claim: int) -> ClaimRules:
        return self.problem.claims[claim].claim

    def request(self, number: int) -> RequestID:
        """A request by its number."""
        request = self.problem.requests[number]
        claim = self._claim(request.claim)
        return RequestID(claim.key, claim.requests[request.position].name)

    def device(self, number: int) -> DeviceID:
        """A device by its number."""
        return self.problem.records[number].id

    def _of_tie(self, tie: int) -> int:
        """The number of a tie, or of the one in its place in the claim that stands for its own."""
        claim, position = self.problem.ties[tie]
        return self.problem.ties.index((self._renamed.get(claim, claim), position))

    def _tie(self, tie: int) -> tuple[ClaimRules, int]:
        claim, position = self.problem.ties[self._of_tie(tie)]
        return self._claim(claim), position

    def _label(self, tie: int, label: int) -> Label:
        name = self.problem.label_name(self.problem.tie_rule(tie).space(), label)
        match name:
            case Value(kind, items):
                return Label(kind, str(items[0]))
            case ("of device", int(index)):
                return Label("list", str(self._records[index]))
            case (str(kind), item):
                return Label(kind, str(item))
        raise TypeError(name)  # pragma: no cover

    def resource(self, number: int) -> CounterOf | CapacityOf:
        """A counter or a capacity by its number."""
        resource = self.problem.resources[number]
        kind, name = cast("tuple[str, str]", resource.family)
        if kind == "counter":
            pool, (counter_set, counter) = cast("tuple[PoolID, tuple[str, str]]", resource.key)
            return CounterOf(pool, counter_set, counter)
        index, _ = cast("tuple[int, str]", resource.key)
        return CapacityOf(self._records[index], name)

    # --- what is alike

    def exchange(self, one: int, other: int, block: Block, other_block: Block) -> Renaming:
        """Two devices of one class change places, or the two blocks of one type that they are in."""
        if block is other_block:
            return Renaming(((self.device(one), self.device(other)), (self.device(other), self.device(one))))
        before, after = list(bits_of(block.mask)), list(bits_of(other_block.mask))
        # The two devices may have different places in their blocks, among others of their class.
        swapped, place = after.index(other), before.index(one)
        after[swapped], after[place] = after[place], after[swapped]
        devices = [(self.device(a), self.device(b)) for a, b in zip(before, after, strict=True)]
        resources = zip(map(self.resource, block.resources), map(self.resource, other_block.resources), strict=True)
        counters = [(a, b) for a, b in resources if isinstance(a, CounterOf) and isinstance(b, CounterOf)]
        values = list(self._values(block, other_block))
        return Renaming(_both(devices), _both(counters), tuple({*values, *((n, b, a) for n, a, b in values)}))

    def _values(self, block: Block, other: Block) -> Iterable[tuple[str, Label, Label]]:
        spaces: dict[int, int] = {}
        for request in self.problem.requests:
            for option in request.options:
                for position, labels in (*option.common, *option.distinct):
                    spaces.setdefault(labels.space, request.base + position)
        by_number = {number: (space, label) for (space, label), number in other.labels.items()}
        for (space, label), number in block.labels.items():
            tie = spaces[space]
            claim, position = self.problem.ties[tie]
            attribute = self._claim(claim).constraints[position].attribute
            same, renamed = by_number[number]
            # Invariant: blocks of one type have labels of the same spaces in the same order.
            assert same == space
            yield attribute, self._label(tie, label), self._label(tie, renamed)


_T = TypeVar("_T")


def _both(pairs: Sequence[tuple[_T, _T]]) -> tuple[tuple[_T, _T], ...]:
    return tuple(dict.fromkeys((*pairs, *((b, a) for a, b in pairs))))


__all__ = ["Names"]
