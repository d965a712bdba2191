"""Bugs planted in the rules and in the search: the checker sees each of them in an answer to one of a few questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy.allocation import capacity, constraints, counters, in_use, question, search, taints
from dra_policy.allocation.pruning import ALL, Pruning, bounds, matching, memory, standing, symmetry
from dra_policy.allocation.rule import Answer, Choice, Reply
from dra_policy.proof import Violation
from dra_policy.resources import Quantity

Json = Any
STEPS = 20_000


def units(amount: str, counter_set: str = "s") -> Json:
    return {"consumesCounters": [{"counterSet": counter_set, "counters": {"units": {"value": amount}}}]}


@pytest.fixture
def asked(build: Json, read: Json) -> dict[str, Json]:
    """Small questions, each about something that can go wrong."""
    features = dict.fromkeys(
        (
            "AdminAccess",
            "ConsumableCapacity",
            "DeviceTaints",
            "ListTypeAttributes",
            "PartitionableDevices",
            "PrioritizedList",
        ),
        True,
    )
    two = {"resourceSliceCount": 2}

    def partitions(*drawn: str, supply: str) -> list[Json]:
        parts = [{"name": f"part-{i}", **units(amount)} for i, amount in enumerate(drawn)]
        sets = [{"name": "s", "counters": {"units": {"value": supply}}}]
        return [build.pool(parts, pool=two), build.pool([], pool=two, named="sets", sharedCounters=sets)]

    def listed(*values: str, of: str = "p") -> list[Json]:
        return [
            {"name": f"d{i}", "attributes": {"tags": {"strings": list(value)}, "of": {"string": of}}}
            for i, value in enumerate(values)
        ]

    def only(text: str) -> Json:
        return {"selectors": [{"cel": {"expression": text}}]}

    shared = {"allowMultipleAllocations": True}
    steps = {"default": "2", "validRange": {"min": "2", "step": "2", "max": "6"}}
    slots = {"capacity": {"slots": {"value": "6", "requestPolicy": steps}}, **shared}
    every = {"name": "r", "exactly": {"deviceClassName": "any", "allocationMode": "All"}}
    sick = {"name": "sick", "taints": [{"key": "sick", "effect": "NoSchedule"}]}
    tag = {"matchAttribute": "gpu.io/tags"}
    made = {
        # The first device of the pair has to be given back before the others fit.
        "partitions to give back": build.question(
            partitions("1", "4", "2", "3", supply="6"),
            [build.claim(build.request(count=2)), build.claim(build.request(), name="b")],
        ),
        "partitions, too many": build.question(
            partitions("2", "2", "2", supply="5"), [build.claim(build.request(count=3))]
        ),
        "lists that fit by pairs": build.question(
            [build.pool(listed("ab", "bc", "ca"))], [build.claim(build.request(count=3), constraints=[tag])]
        ),
        "lists, some of which fit": build.question(
            [build.pool(listed("ab", "bc", "ca", "xb"))], [build.claim(build.request(count=3), constraints=[tag])]
        ),
        "shares in steps": build.question(
            [build.pool([{"name": "nic", **slots}])],
            [build.claim(build.request(capacity={"requests": {"slots": "3"}}), name=f"c{i}") for i in range(2)],
        ),
        "one share in steps": build.question(
            [build.pool([{"name": "nic", **slots}])],
            [build.claim(build.request(capacity={"requests": {"slots": "3"}}))],
        ),
        "admin first": build.question(
            [build.pool(build.devices(1))],
            [build.claim(build.request(adminAccess=True), name="admin"), build.claim(build.request(), name="plain")],
        ),
        "all": build.question([build.pool(build.devices(3))], [build.claim(every)]),
        "taints": build.question([build.pool([sick, {"name": "well"}])], [build.claim(build.request())]),
        "tolerated": build.question(
            [build.pool([sick, {"name": "well"}])],
            [build.claim(build.request(tolerations=[{"key": "sick", "operator": "Exists"}]))],
        ),
        # The two odd ones are wanted together, so the first request has to leave them.
        "odd ones": build.question(
            [build.pool(listed("a", "a", "b"))],
            [
                build.claim(
                    build.request("any"), build.request("odd", 2, **only('"a" in device.attributes["gpu.io"].tags'))
                )
            ],
        ),
        # The same devices are taken whichever of the first two requests has which; only one way the third one matches.
        "the second match": build.question(
            [build.pool(listed(*tags, of=name), name) for name, tags in (("a", "xy"), ("c", "y"))],
            [
                build.claim(
                    *(
                        build.request(n, **only(f'device.attributes["gpu.io"].of == "{of}"'))
                        for n, of in ("aa", "ba", "cc")
                    ),
                    constraints=[tag | {"requests": ["a", "c"]}],
                )
            ],
        ),
    }
    return {name: read(one | {"features": features}) for name, one in made.items()}


def objections(asked: dict[str, Json], prunings: frozenset[Pruning] = ALL) -> dict[str, tuple[Violation, ...]]:
    """What the checker has against the answers, those of a search that may prune as said."""
    answers = {name: one.question.ask(step_limit=STEPS, prunings=prunings) for name, one in asked.items()}
    found = {name: asked[name].objections(outcome) for name, outcome in answers.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize("prunings", [ALL, *(frozenset((one,)) for one in Pruning), frozenset()])
def test_without_a_bug_there_is_no_objection(
    prunings: frozenset[Pruning], asked: dict[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_PATIENCE", 0)
    assert objections(asked, prunings) == {}


# --- bugs in the rules


def lost_undo(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(counters.Counters, "_discharge", lambda _self, _record: None)


def wrong_counter(patch: pytest.MonkeyPatch) -> None:
    right = counters.demand
    patch.setattr(counters, "demand", lambda device: {name: amount // 2 for name, amount in right(device).items()})


def wrong_intersection(patch: pytest.MonkeyPatch) -> None:
    right = constraints.MatchSets._extended
    patch.setattr(
        constraints.MatchSets, "_extended", lambda self, state, value: value if right(self, state, value) else None
    )


def rounding_down(patch: pytest.MonkeyPatch) -> None:
    right = capacity._rounded

    def rounded(wanted: Quantity | None, of: Any, *, fractional: bool) -> Quantity | str:
        amount = right(wanted, of, fractional=fractional)
        step = of.request_policy.valid_range.step
        lower = amount if isinstance(amount, str) or wanted is None else amount - step
        return amount if isinstance(lower, str) or lower.sign <= 0 else lower

    patch.setattr(capacity, "_rounded", rounded)


def admin_marking_lost(patch: pytest.MonkeyPatch) -> None:
    def take(self: in_use.InUse, choice: Choice) -> Answer:
        return Reply.TAKEN if choice.asked.admin else right(self, choice)

    def undo(self: in_use.InUse, choice: Choice) -> None:
        if not choice.asked.admin:
            right_undo(self, choice)

    right, right_undo = in_use.InUse.take, in_use.InUse.undo
    patch.setattr(in_use.InUse, "take", take)
    patch.setattr(in_use.InUse, "undo", undo)


def all_set_too_small(patch: pytest.MonkeyPatch) -> None:
    right = question.Question._all

    def fewer(self: question.Question, asked: Any) -> Any:
        found = right(self, asked)
        return found[:-1] if isinstance(found, tuple) else found

    patch.setattr(question.Question, "_all", fewer)


def toleration_inverted(patch: pytest.MonkeyPatch) -> None:
    right = taints.tolerates
    patch.setattr(taints, "tolerates", lambda toleration, taint: not right(toleration, taint))


BUGS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "lost undo": (lost_undo, "partitions to give back", "J10"),
    "wrong counter": (wrong_counter, "partitions, too many", "G4"),
    "wrong intersection": (wrong_intersection, "lists that fit by pairs", "F5"),
    "capacity rounded down": (rounding_down, "one share in steps", "H8"),
    "admin access leaves no mark": (admin_marking_lost, "admin first", "J5"),
    "All without the last": (all_set_too_small, "all", "E3"),
    "toleration inverted": (toleration_inverted, "tolerated", "J10"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_a_rule_is_seen(bug: str, asked: dict[str, Json], monkeypatch: pytest.MonkeyPatch) -> None:
    plant, name, rule = BUGS[bug]
    plant(monkeypatch)
    found = objections(asked)
    assert rule in {violation.rule for violation in found[name]}, found


# --- bugs in what the search leaves out


def all_devices_alike(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(symmetry.Alikes, "_kind", lambda _self, _device, way=None: way)


def hall_off_by_one(patch: pytest.MonkeyPatch) -> None:
    right = matching.shortfall

    def shortfall(groups: Any, single: int, rooms: dict[int, int]) -> Any:
        return right([(places, demand + (not number)) for number, (places, demand) in enumerate(groups)], single, rooms)

    patch.setattr(bounds, "shortfall", shortfall)


def memory_without_constraints(patch: pytest.MonkeyPatch) -> None:
    right = memory.Memory.key

    def key(self: memory.Memory, now: standing.Standing, *place: Any) -> Any:
        ties, now.ties = now.ties, standing.Standing(self._problem).ties
        try:
            return right(self, now, *place)
        finally:
            now.ties = ties

    patch.setattr(memory.Memory, "key", key)


PRUNING_BUGS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Pruning, str]] = {
    "symmetric skip of devices that differ": (all_devices_alike, Pruning.SYMMETRY, "odd ones"),
    "Hall set off by one": (hall_off_by_one, Pruning.MATCHING, "odd ones"),
    "memory without the state of constraints": (memory_without_constraints, Pruning.MEMORY, "the second match"),
}


@pytest.mark.parametrize("bug", PRUNING_BUGS)
def test_a_bug_in_a_pruning_is_seen(bug: str, asked: dict[str, Json], monkeypatch: pytest.MonkeyPatch) -> None:
    plant, pruning, name = PRUNING_BUGS[bug]
    monkeypatch.setattr(search, "_PATIENCE", 0)
    plant(monkeypatch)
    found = objections(asked, frozenset((pruning,)))
    assert found[name][0].rule == "J10"
