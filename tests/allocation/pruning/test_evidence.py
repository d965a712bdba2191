"""What the bounds say is recomputed from the rules alone."""

from __future__ import annotations

import pytest

from benchmarks import hard
from dra_policy.allocation.pruning import Pruning
from dra_policy.allocation.pruning.problem import bits_of
from dra_policy.allocation.pruning.refutation import (
    Absent,
    Alike,
    NoCommonLabel,
    Removed,
    TooFew,
    TooFewGroups,
    TooFewLabels,
    TooFewTogether,
    TooLittle,
    Tried,
)
from dra_policy.allocation.rule import Choice, Reply
from dra_policy.allocation.search import End

FAMILIES = {
    "toomany-n16": TooFew,
    "manyclaims-n8": TooFewTogether,
    "claimsof3-n11": TooFewTogether,
    "pairs-p8": TooFewTogether,
    "distinct-n32": TooFewLabels,
    "two-n64-c9": NoCommonLabel,
    "grouprequests-g4-k8": NoCommonLabel,
    "lastgroup-g16-k8-false": NoCommonLabel,
    "mig2-8xcompute1": NoCommonLabel,
    "mig2-7xcompute1-one-taken": NoCommonLabel,
    "migclaims-8": TooLittle,
    "shares-d2-cap10-claims21": (TooFewTogether, TooLittle),
}


class Checker:
    """Recomputes evidence at the root, with nothing but what single rules say to single choices."""

    def __init__(self, asked, problem):
        self.problem = problem
        self.rules = asked.rules()
        self.needs = [need for claim in asked.needs for (need,) in claim.requests]
        self.claims = asked.needs
        self.owners = {}

    def candidates(self, number, given, only=None):
        """The devices of a request, but for those all of whose labels under some tie are removed."""
        need = self.needs[number]
        claim, first = self.problem.requests[number].claim, self.problem.requests[number].base
        found = 0
        for record in need.devices:
            choice = Choice(need.asked, record)
            if self.rules.in_use.never(choice) or self.rules.steadily(choice) is not Reply.TAKEN:
                continue
            if any(self.left(resource) < amount for resource, amount in self.draws(choice).items()):
                continue
            kept = True
            for position, rule in enumerate(self.claims[claim].constraints):
                if rule not in need.constraints:
                    continue
                labels = rule.labels(choice)
                gone = given.get(first + position, set())
                space = rule.space()
                kept &= any(label not in gone for label in labels)
                if only is not None and only[0] == first + position:
                    kept &= self.name(space, only[1]) in labels
            if kept:
                found |= 1 << self.problem.position(record)
        return found

    def labels(self, number, tie):
        """The labels, as bits, on the candidates of a request."""
        rule = self.problem.tie_rule(tie)
        found = 0
        for device in bits_of(self.candidates(number, {})):
            for label in rule.labels(Choice(self.needs[number].asked, self.problem.records[device])):
                found |= 1 << self.problem.label_number(rule.space(), label)
        return found

    def name(self, space, label):
        return self.problem.label_name(space, label)

    def draws(self, choice):
        total = {}
        for rule in self.rules.shared():
            for resource, amount in rule.draws(choice):
                total[resource] = total.get(resource, 0) + amount
                self.owners[resource] = rule
        return total

    def left(self, resource):
        return self.owners[resource].supply(resource)

    def given(self, evidence, only=None):
        """Removed labels by tie, each checked; those of claims that stand alike are the same."""
        gone = {}
        for fact in getattr(evidence, "given", ()):
            match fact:
                case Removed():
                    assert self.holds(fact.why, only=(fact.tie, fact.label))
                    rule = self.problem.tie_rule(fact.tie)
                    gone.setdefault(fact.tie, set()).add(self.name(rule.space(), fact.label))
                case Absent():
                    assert not fact.labels & self.labels(fact.request, fact.tie)
                    space = self.problem.tie_rule(fact.tie).space()
                    gone.setdefault(fact.tie, set()).update(self.name(space, at) for at in bits_of(fact.labels))
                case Alike():
                    here, there = (
                        next(r.base for r in self.problem.requests if r.claim == c) for c in (fact.claim, fact.other)
                    )
                    for tie, labels in list(gone.items()):
                        if self.problem.ties[tie][0] == fact.other:
                            gone[tie - there + here] = labels
        return gone

    def holds(self, evidence, only=None):
        given = self.given(evidence, only)
        numbers = list(bits_of(evidence.requests))
        found = {number: self.candidates(number, given, only) for number in numbers}
        needed = {number: self.needs[number].needed for number in numbers}
        match evidence:
            case TooFew():
                return any(found[number].bit_count() < needed[number] for number in numbers)
            case TooFewTogether():
                inside = [number for number in numbers if found[number] and not found[number] & ~evidence.devices]
                room = 0
                for device in bits_of(evidence.devices):
                    room += self.room(self.problem.records[device], [self.needs[number] for number in inside])
                return room <= evidence.room < evidence.needed <= sum(needed[number] for number in inside)
            case TooFewGroups():
                return self.groups(evidence, found) < evidence.needed == len(set(evidence.ties))
            case TooFewLabels():
                rule = self.problem.tie_rule(evidence.tie)
                inside, labels = [], set()
                for number in numbers:
                    need = self.needs[number]
                    if rule in need.constraints:
                        inside.append(number)
                        for device in bits_of(found[number]):
                            labels |= rule.labels(Choice(need.asked, self.problem.records[device]))
                return len(labels) < sum(needed[number] for number in inside)
            case TooLittle():
                resources = [self.problem.resources[resource] for resource in evidence.resources]
                demand = 0
                for number in numbers:
                    drawn = []
                    for device in bits_of(found[number]):
                        amounts = self.draws(Choice(self.needs[number].asked, self.problem.records[device]))
                        drawn.append(sum(amount for resource, amount in amounts.items() if resource in resources))
                    demand += sum(sorted(drawn)[: needed[number]])
                supply = sum(self.left(resource) for resource in resources)
                return evidence.supply <= supply and supply < demand and evidence.demand <= demand
            case NoCommonLabel():
                left = -1
                for number in numbers:
                    left &= self.labels(number, evidence.tie)
                space = self.problem.tie_rule(evidence.tie).space()
                return {self.name(space, label) for label in bits_of(left)} <= given.get(evidence.tie, set())
        raise AssertionError(evidence)

    def groups(self, evidence, found):
        """For how many groups of requests the labels have room, if all of them ask for the same."""
        members = [
            [number for number in found if self.problem.tie_rule(tie) in self.needs[number].constraints]
            for tie in evidence.ties
        ]
        asked = [sorted((found[number], self.needs[number].needed) for number in group) for group in members]
        assert all(one == asked[0] for one in asked)
        inside = [number for group in members for number in group]
        assert len(inside) == len(set(inside))
        others = [number for number in found if number not in inside]
        rule = self.problem.tie_rule(evidence.ties[0])
        room = 0
        for label in {label for devices, _ in asked[0] for label in self.names(rule, members[0][0], devices)}:
            fits = []
            for devices in {devices for devices, _ in asked[0]}:
                mine = sum(
                    1 << device for device in bits_of(devices) if label in self.names(rule, members[0][0], 1 << device)
                )
                lost = sum(self.needs[number].needed for number in others if not found[number] & ~mine)
                fits.append((mine.bit_count() - lost) // sum(n for own, n in asked[0] if own == devices))
            room += max(0, min(fits))
        return room

    def names(self, rule, number, devices):
        """The labels on some devices."""
        choices = [Choice(self.needs[number].asked, self.problem.records[device]) for device in bits_of(devices)]
        return {label for choice in choices for label in rule.labels(choice)}

    def room(self, record, needs):
        """How many choices of a device its rules admit at the most, for the cheapest of these requests."""
        if not record.device.allow_multiple_allocations:
            return 1
        draws = [self.draws(Choice(need.asked, record)) for need in needs]
        return min(self.left(resource) // min(d[resource] for d in draws) for resource in draws[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_evidence_of_a_family_holds(asked, name, at_once):
    del at_once
    question = asked(name)
    search = question.search()
    assert search.run() is End.EXHAUSTED
    assert isinstance(search.evidence, FAMILIES[name])
    assert Checker(question, question.problem()).holds(search.evidence)


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kind in FAMILIES.items() if kind is TooFewTogether])
def test_wrong_evidence_is_told_apart(asked, name, kind):
    """The checker is no rubber stamp: one request less, or one device more, and it says no."""
    question = asked(name)
    search = question.search()
    assert search.run() is End.EXHAUSTED
    evidence = search.evidence
    assert isinstance(evidence, kind)
    checker = Checker(question, question.problem())
    fewer = kind(evidence.requests & (evidence.requests - 1), evidence.needed, evidence.devices, evidence.room)
    assert not checker.holds(fewer)
    assert not checker.holds(kind(evidence.requests, evidence.needed, evidence.devices & (evidence.devices - 1), 0))


@pytest.mark.parametrize("seed", [3, 256])
def test_the_evidence_of_groups_holds(asked, seed, at_once):
    """And with one group less there is no contradiction."""
    del at_once
    question = asked(hard.instance("pairs", seed))
    search = question.search()
    assert search.run() is End.EXHAUSTED
    evidence = search.evidence
    assert isinstance(evidence, TooFewGroups)
    checker = Checker(question, question.problem())
    assert checker.holds(evidence)
    ties = evidence.ties[1:]
    lacking = evidence.needed - evidence.room
    if lacking == 1:
        assert not checker.holds(TooFewGroups(evidence.requests, ties, len(ties), evidence.room))


@pytest.mark.parametrize("name", ["manyclaims-n8", "grouprequests-g4-k8"])
def test_a_recorded_search_says_what_was_tried(asked, name, at_once):
    del at_once
    search = asked(name).search(frozenset({Pruning.MEMORY}), record=True)
    assert search.run() is End.EXHAUSTED
    assert isinstance(search.evidence, Tried)
    assert search.evidence.parts
