"""Nearest misses: what a device has and what a rule needs; and that the devices told fail this one rule only."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.allocation.call import Call
from dra_policy.allocation.funnel import asked_of
from dra_policy.explanation.nearest import RetiredName, gaps_of, near_misses
from dra_policy.expression import DeviceFacts, EvaluationError, compile_cel
from dra_policy.resources import Device, Features
from dra_policy.rules import Origin, Selector
from dra_policy.source import Source

A, C = 'device.attributes["gpu.io"]', 'device.capacity["gpu.io"]'
DEVICE = {
    "name": "gpu-0",
    "attributes": {
        "model": {"string": "h-100"},
        "cores": {"int": 8},
        "ecc": {"bool": False},
        "driver": {"version": "1.2.3"},
        "links": {"strings": ["nv1", "nv2"]},
        "nic.io/root": {"string": "pci0"},
    },
    "capacity": {"memory": {"value": "79Gi"}},
}


def selector(text: str) -> Selector:
    program = compile_cel(Source("selector", text), features=Features())
    assert not isinstance(program, EvaluationError), program
    return Selector(Origin("request `gpu`", text), program)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{C}.memory.compareTo(quantity('80Gi')) >= 0", ["memory 79Gi, needs 80Gi"]),
        (f"quantity('80Gi').compareTo({C}.memory) <= 0", ["quantity"]),
        (f"{C}.memory.isLessThan(quantity('40Gi'))", ["memory 79Gi, needs less than 40Gi"]),
        (f"!{C}.memory.isGreaterThan(quantity('40Gi'))", ["memory 79Gi, needs at most 40Gi"]),
        (f"{A}.cores > 8", ["cores 8, needs more than 8"]),
        (f"16 <= {A}.cores", ["cores 8, needs 16"]),
        (f"{A}.cores != 8", ["cores 8, needs other than 8"]),
        (f"!({A}.cores >= 4)", ["cores 8, needs less than 4"]),
        (f"{A}.driver.compareTo(semver('2.0.0')) >= 0", ["driver 1.2.3, needs 2.0.0"]),
        (f"{A}.driver.isGreaterThan(semver('2.0.0'))", ["driver 1.2.3, needs more than 2.0.0"]),
        (f"{A}.model == 'H100'", ["model `h-100`, needs `H100` (it is spelt otherwise)"]),
        (f"{A}.model == 'h-200'", ["model `h-100`, needs `h-200` (misspelt?)"]),
        (f"{A}.model == 'flex'", ["model `h-100`, needs `flex`"]),
        (f"{A}.model in ['a', 'b']", ["model `h-100`, needs one of `a`, `b`"]),
        (f"!({A}.model in ['h-100', 'b'])", ["model `h-100`, needs none of `h-100`, `b`"]),
        (f"{A}.model.startsWith('a')", ["model `h-100`, needs a text that starts with `a`"]),
        (f"{A}.model.lowerAscii().contains('x')", ["model `h-100`, needs a text with `x`"]),
        (f"{A}.ecc", ["ecc false, needs true"]),
        (f"!({A}.ecc || {A}.cores == 8)", ["!"]),
        (f"{A}.ecc || {A}.cores == 9", ["ecc false, needs true", "cores 8, needs 9"]),
        (f"{A}.ecc == true && {A}.cores == 8", ["ecc false, needs true"]),
        (f"has({A}.memroy)", ["no `memroy`"]),
        (f"'modle' in {A}", ["no `modle` (it has `model`)"]),
        (f"!has({A}.model)", ["has `model`"]),
        (f"{C}.memroy.compareTo(quantity('1')) >= 0", ["no `memroy` (it has `memory`)"]),
        (f"{A}.old == 1", ["no `old` (renamed to `cores`: cores are counted now)"]),
        ("device.attributes['nic.io'].root == 'pci1'", ["nic.io/root `pci0`, needs `pci1` (misspelt?)"]),
        (f"{A}.cores % 3 == 0", ["cores 8, needs `"]),
        ("device.driver == 'x'", []),
    ],
)
def test_a_gap_says_what_there_is_and_what_is_needed(text: str, said: list[str]) -> None:
    def retired(driver: str, name: str) -> RetiredName | None:
        return (
            RetiredName(driver, name, "cores", "cores are counted now") if (driver, name) == ("gpu.io", "old") else None
        )

    facts = DeviceFacts.of("gpu.io", Device.model_validate(DEVICE))
    gaps = gaps_of(selector(text), facts, retired)
    assert len(gaps) == len(said), [gap.text() for gap in gaps]
    for gap, words in zip(gaps, said, strict=True):
        if words in ("quantity", "!"):  # said as the condition itself, with the values that it read
            assert gap.needs.startswith(("`", "not `", "80Gi"))
            continue
        assert gap.text().startswith(words)


def test_a_smaller_gap_is_nearer() -> None:
    def distance(text: str) -> Any:
        facts = DeviceFacts.of("gpu.io", Device.model_validate(DEVICE))
        return gaps_of(selector(text), facts)[0].distance

    ordered = [f"{C}.memory.compareTo(quantity('{n}Gi')) >= 0" for n in (80, 100, 200)]
    assert [distance(text) for text in ordered] == sorted(distance(text) for text in ordered)
    assert distance(f"{A}.model == 'H100'") < distance(f"{A}.model == 'flex'")


def test_the_devices_told_fail_the_one_clause(make_situation: Any, small_questions: Any) -> None:
    told = 0
    for seed in range(200):
        made = small_questions.question(f"near {seed}", many=False)
        situation = small_questions.situation(make_situation, made, Features())
        call = Call(
            situation.view(small_questions.NODE),
            situation.graph,
            claims=situation.claims,
            classes=situation.classes,
            usage=situation.usage,
            features=Features(),
        )
        ours = [pool for pool in made["pools"] if pool["driver"] == small_questions.DRIVER]
        devices = {device["name"]: device for pool in ours for device in pool["devices"]}
        for asked in asked_of(situation.claims):
            written = made["claims"][asked.claim]["requests"][asked.request]["asks"][asked.alternative]
            clauses = [*made["classes"][written["class"]], *written["clauses"]]
            for miss in near_misses(call, asked):
                for name in miss.devices:
                    if name not in devices:  # the table is about attributes of this driver
                        continue
                    failed = [c for c in clauses if c in small_questions.CLAUSES]
                    failed = [c for c in failed if not small_questions.CLAUSES[c](devices[name])]
                    if miss.cause.name in ("CLASS", "REQUEST"):
                        assert [c.strip("()") for c in failed] == [miss.origin.text.strip("()")], (seed, miss)
                        told += 1
                    else:
                        assert failed == [], (seed, miss)
    assert told > 20
