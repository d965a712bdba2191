"""True causes: each is a reason by itself, so what it says must be impossible by counting; and it is found where it is one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.engine import Engine
from dra_policy.explanation import Explanation, causes
from dra_policy.explanation.causes import Causes, Why
from dra_policy.resources import Features
from dra_policy.rules import ConstraintKind, ConstraintRule, Origin
from dra_policy.source import Source

SPREADS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.dictionaries(st.sampled_from("xyz"), st.sets(st.integers(0, 5), min_size=1, max_size=4), max_size=3),
    ),
    min_size=1,
    max_size=3,
)


def spread_of(made: list[tuple[int, dict[str, set[int]]]]) -> tuple[tuple[causes._Spread, ...], dict[int, str]]:
    """The same with every device under one label only."""
    label: dict[int, str] = {}
    for _, by_label in made:
        for name, devices in by_label.items():
            for device in devices:
                label.setdefault(device, name)
    spread = []
    for number, (wanted, by_label) in enumerate(made):
        own = {device for devices in by_label.values() for device in devices}
        grouped: dict[object, set[int]] = {}
        for device in own:
            grouped.setdefault(label[device], set()).add(device)
        spread.append(causes._Spread(f"r{number}", wanted, grouped))
    return tuple(spread), label


def choices(spread: tuple[causes._Spread, ...]) -> Any:
    """Every choice of different devices for all requests."""
    slots = [
        sorted({device for devices in one.by_label.values() for device in devices})
        for one in spread
        for _ in range(one.wanted)
    ]
    return (chosen for chosen in product(*slots) if len(set(chosen)) == len(chosen))


def constraint(kind: ConstraintKind) -> ConstraintRule:
    return ConstraintRule(kind, "gpu.io/root", (), Origin("", ""))


@given(SPREADS)
@settings(deadline=None)
def test_what_is_said_of_one_value_in_common_is_impossible(made: list[tuple[int, dict[str, set[int]]]]) -> None:
    spread, label = spread_of(made)
    said = causes._common(constraint(ConstraintKind.MATCH), spread)
    possible = any(len({label[device] for device in chosen}) == 1 for chosen in choices(spread))
    assert not (said and possible)
    if len(spread) == 1:
        assert bool(said) is not possible


@given(SPREADS)
@settings(deadline=None)
def test_what_is_said_of_different_values_is_impossible(made: list[tuple[int, dict[str, set[int]]]]) -> None:
    spread, label = spread_of(made)
    said = causes._distinct(constraint(ConstraintKind.DISTINCT), spread)
    possible = any(len({label[device] for device in chosen}) == len(chosen) for chosen in choices(spread))
    assert not (said and possible)
    if len(spread) == 1:
        assert bool(said) is not possible


def gpu(number: int, root: int, **more: Any) -> dict[str, Any]:
    return {"name": f"gpu-{number}", "attributes": {"root": {"string": f"pci{root}"}, "slot": {"int": number}}, **more}


MATCH, DISTINCT = {"matchAttribute": "gpu.acme.com/root"}, {"distinctAttribute": "gpu.acme.com/root"}
PAIRS = [gpu(n, n // 2) for n in range(8)]
TAINTED = [
    gpu(0, 0),
    gpu(1, 0, taints=[{"key": "sick", "effect": "NoSchedule"}, {"key": "cold", "value": "1", "effect": "NoExecute"}]),
    gpu(2, 1, taints=[{"key": "told", "effect": "None"}]),
]


@pytest.mark.parametrize(
    ("devices", "requests", "constraints", "why", "said"),
    [
        (
            PAIRS,
            [{"name": "a", "count": 3}],
            (MATCH,),
            Why.TOGETHER,
            (
                "node-1: all 3 devices must share one `gpu.acme.com/root`, but each has at most 2 left for request `a`, which wants 3:"
                " `matchAttribute gpu.acme.com/root`"
            ),
        ),
        (
            PAIRS,
            [{"name": "a", "count": 2}, {"name": "b"}],
            (MATCH,),
            Why.TOGETHER,
            (
                "node-1: all 3 devices must share one `gpu.acme.com/root`, but none has enough for all: the best, `pci0`, has 2"
                " for request `a`, which wants 2, and 2 for request `b`, which wants 1, 2 in all:"
                " `matchAttribute gpu.acme.com/root`"
            ),
        ),
        (
            PAIRS,
            [{"name": "a", "count": 5}],
            (DISTINCT,),
            Why.TOGETHER,
            (
                "node-1: 5 devices must differ in `gpu.acme.com/root`, but those left have 4 values (`pci0`, `pci1`, `pci2`,"
                " ...): `distinctAttribute gpu.acme.com/root`"
            ),
        ),
        (
            TAINTED,
            [{"name": "a", "count": 3}],
            (),
            Why.UNAVAILABLE,
            "node-1: request `a` wants 3 devices and 3 match, but 1 is tainted sick:NoSchedule and cold=1:NoExecute (gpu-1)",
        ),
    ],
)
def test_the_sentence_of_a_cause(
    make_engine: Callable[..., Engine],
    make_claim: Any,
    devices: list[dict[str, Any]],
    requests: list[dict[str, Any]],
    constraints: tuple[dict[str, Any], ...],
    why: Why,
    said: str,
) -> None:
    explanation = make_engine(devices).explain(make_claim("one", *requests, constraints=constraints))
    assert explanation.sentence() == said
    assert explanation.cause is not None
    assert explanation.cause.why is why


def test_who_holds_what_is_missing_is_named(make_engine: Callable[..., Engine], make_claim: Any) -> None:
    engine = make_engine(PAIRS[:4])
    engine.allocate(make_claim("first", {"name": "g", "count": 2}))
    engine.allocate(make_claim("second", {"name": "g"}))
    explanation = engine.explain(make_claim("third", {"name": "g", "count": 4}))
    assert explanation.sentence() == (
        "node-1: request `g` wants 4 devices and 4 match, but 2 are held by claim default/first (gpu-0, gpu-1)"
        " and 1 is held by claim default/second (gpu-2)"
    )
    assert explanation.text().splitlines()[1] == (
        "  not now: it fits on node-1 once claim default/first gives back gpu-0, gpu-1 and claim default/second gives back"
        " gpu-2"
    )
    assert explanation.event().reason == "DevicesInUse"


def test_the_nearest_miss_is_told_where_too_few_match(make_engine: Callable[..., Engine], make_claim: Any) -> None:
    devices = [gpu(n, 0, capacity={"memory": {"value": f"{70 + n}Gi"}}) for n in range(4)]
    selector = 'device.capacity["gpu.acme.com"].memory.compareTo(quantity("80Gi")) >= 0'
    sentence = make_engine(devices).explain(make_claim("one", {"name": "g", "selector": selector})).sentence()
    assert sentence.endswith("; nearest is gpu-3: memory 73Gi, needs 80Gi")


RENAMED = """
policy gpu.acme.com version 1.0.0 language 1
device AcmeGpu {
  driver gpu.acme.com
  attribute minor int publish as slot
  renamed index to minor because "index moved when a board dropped out"
  renamed cake away because "it was a lie"
}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "index",
            "no device of gpu.acme.com has attribute `index` any more; renamed to `slot`: index moved when a board",
        ),
        (
            "cake",
            "no device of gpu.acme.com has attribute `cake` any more: it was a lie; claim `one` request `g` reads it",
        ),
        (
            "slto",
            "no device of gpu.acme.com has attribute `slto`; did you mean `slot`? claim `one` request `g` reads it",
        ),
        (
            "nothing",
            "no device of gpu.acme.com has attribute `nothing`; claim `one` request `g` reads it in `device.attr",
        ),
    ],
)
def test_a_name_that_no_device_has(make_engine: Callable[..., Engine], make_claim: Any, name: str, said: str) -> None:
    engine = make_engine(PAIRS)
    engine.load(Source("gpu.dra", RENAMED))
    selector = f'device.driver != "x" && device.attributes["gpu.acme.com"].{name} == 1'
    explanation = engine.explain(make_claim("one", {"name": "g", "selector": selector}))
    assert explanation.sentence().startswith(said)
    assert "rule D8" in explanation.sentence()
    assert explanation.cause is not None
    assert explanation.cause.advice


def test_refusals_of_several_nodes_told_together(make_engine: Callable[..., Engine], make_claim: Any) -> None:
    engine = make_engine(PAIRS, TAINTED)
    claim = make_claim("one", {"name": "a", "count": 3}, constraints=(MATCH,))
    together = Explanation.together([engine.explain(claim, node) for node in ("node-1", "node-2")])
    whole = engine.explain(claim)
    assert together == whole
    assert together.text(verbose=True) == whole.text(verbose=True)
    with pytest.raises(ValueError, match="no explanation"):
        Explanation.together([])


def test_causes_hold_by_themselves(make_situation: Any, small_questions: Any) -> None:
    """A cause that blames a constraint is one with that constraint alone; one that blames the devices' state goes with it."""
    told = dict.fromkeys(Why, 0)
    for seed in range(400):
        made = small_questions.question(f"cause {seed}", many=False)
        situation = small_questions.situation(make_situation, made, Features())
        outcome = situation.ask(small_questions.NODE)
        assert isinstance(Explanation((), outcome, situation).sentence(), str)
        if not isinstance(outcome, Unsatisfiable):
            continue
        found = Causes(situation)
        for reasons in outcome.reasons[0].requests:
            cause = found.of_request(small_questions.NODE, reasons)
            if cause is None:
                continue
            told[cause.why] += 1
            if cause.why is Why.TOGETHER:
                assert reasons.left >= reasons.wanted
            else:
                assert reasons.left < reasons.wanted
                assert f"wants {reasons.wanted} " in cause.text
        assert not isinstance(outcome, Allocated)
    assert told[Why.UNAVAILABLE] > 20
    assert told[Why.TOGETHER] > 0
