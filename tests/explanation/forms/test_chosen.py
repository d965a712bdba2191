"""Why this one: every device before the chosen one is accounted for, and no rule tells alike devices from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dra_policy.allocation import Allocated
from dra_policy.engine import Engine
from dra_policy.explanation import Explanation
from dra_policy.resources import Features

DEVICES = [
    {"name": "gpu-0", "attributes": {"model": {"string": "old"}}},
    {
        "name": "gpu-1",
        "attributes": {"model": {"string": "new"}},
        "taints": [{"key": "sick", "effect": "NoSchedule"}],
    },
    *({"name": f"gpu-{n}", "attributes": {"model": {"string": "new"}, "root": {"int": n // 2}}} for n in range(2, 6)),
]
NEW = 'device.attributes["gpu.acme.com"].model == "new"'


def test_what_is_said_of_a_placement(make_engine: Callable[..., Engine], make_claim: Any) -> None:
    engine = make_engine([DEVICES[0]], DEVICES, DEVICES)
    engine.allocate(make_claim("first", {"name": "g", "selector": NEW}))
    explanation = engine.explain(make_claim("second", {"name": "g", "selector": NEW, "count": 2}))
    assert explanation.text(verbose=True) == (
        "default/second: placed on node-2\n"
        "  g=gpu-3\n"
        "  g=gpu-4\n"
        "  why:\n"
        "    1 node before node-2 in the order cannot have the claims\n"
        "    g=gpu-3\n"
        '      before it in the order: 1 fail the claim\'s rule `device.attributes["gpu.acme.com"].model == "new"`,'
        " 1 tainted sick:NoSchedule, 1 in use\n"
        "      no rule can tell it from gpu-4, gpu-5, which were not tried\n"
        "    g=gpu-4\n"
        '      before it in the order: 1 fail the claim\'s rule `device.attributes["gpu.acme.com"].model == "new"`,'
        " 1 tainted sick:NoSchedule, 1 in use\n"
        "      no rule can tell it from gpu-5, which was not tried\n"
    )


def test_a_device_with_which_nothing_fits_the_rest_is_told(make_engine: Callable[..., Engine], make_claim: Any) -> None:
    engine = make_engine([DEVICES[1], *DEVICES[3:]])
    constraint = {"matchAttribute": "gpu.acme.com/root"}
    explanation = engine.explain(make_claim("pair", {"name": "g", "count": 2}, constraints=(constraint,)))
    chosen = explanation.chosen
    assert chosen is not None
    assert [device.device for device in chosen.devices] == ["gpu-4", "gpu-5"]
    assert chosen.devices[0].fruitless == ("gpu-3",)
    assert chosen.devices[1].runner_up is None
    assert "1 with which nothing fits the rest (gpu-3)" in explanation.text(verbose=True)


def test_every_device_before_the_chosen_one_is_accounted_for(make_situation: Any, small_questions: Any) -> None:
    placed = 0
    for seed in range(250):
        made = small_questions.question(f"chosen {seed}", many=False)
        situation = small_questions.situation(make_situation, made, Features())
        outcome = situation.ask(small_questions.NODE)
        if not isinstance(outcome, Allocated):
            continue
        chosen = Explanation(outcome.claims, outcome, situation).chosen
        assert chosen is not None
        results = [result for allocation in outcome.results for result in allocation.devices.results]
        assert [one.device for one in chosen.devices] == [result.device for result in results]
        placed += 1
        view = situation.view(small_questions.NODE)
        order = [record.id.device for record in view.devices]
        earlier: list[int] = []
        for one in chosen.devices:
            assert order[one.position] == one.device
            told = sum(loss.devices for loss in one.passed) + len(one.fruitless)
            assert told == one.position - len({position for position in earlier if position < one.position})
            earlier.append(one.position)
    assert placed > 20


@given(models=st.lists(st.sampled_from("abc"), min_size=1, max_size=7), held=st.sets(st.integers(0, 6), max_size=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_alike_is_what_the_rules_of_the_claim_cannot_tell_apart(
    make_engine: Callable[..., Engine], make_claim: Any, models: list[str], held: set[int]
) -> None:
    devices = [
        {"name": f"gpu-{n}", "attributes": {"model": {"string": m}, "n": {"int": n}}} for n, m in enumerate(models)
    ]
    engine = make_engine(devices)
    for n in sorted(held):
        if n < len(models):
            selector = f'device.attributes["gpu.acme.com"].n == {n}'
            assert isinstance(engine.allocate(make_claim(f"held-{n}", {"name": "g", "selector": selector})), Allocated)
    free = [n for n in range(len(models)) if n not in held]
    match = {"matchAttribute": "gpu.acme.com/model"}
    explanation = engine.explain(make_claim("one", {"name": "g"}, constraints=(match,)))
    chosen = explanation.chosen
    if not free:
        assert chosen is None
        return
    assert chosen is not None
    (one,) = chosen.devices
    model = models[free[0]]
    assert one.device == f"gpu-{free[0]}"
    assert one.alike == tuple(f"gpu-{n}" for n in free[1:] if models[n] == model)
    others = [n for n in range(free[0] + 1, len(models)) if n in held or models[n] != model]
    if not others:
        assert one.runner_up is None
        return
    assert one.runner_up is not None
    assert one.runner_up.device == f"gpu-{others[0]}"
    assert one.runner_up.lacks == ("in use" if others[0] in held else "")
