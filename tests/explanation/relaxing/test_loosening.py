"""Comparisons loosened to the next value that occurs."""

from __future__ import annotations

import pytest

from dra_policy.explanation.loosening import ladders
from dra_policy.expression import Program, compile_cel, to_cel
from dra_policy.inventory import Snapshot
from dra_policy.resources import Features, ResourceSlice
from dra_policy.source import Source

A = 'device.attributes["gpu.io"]'
C = 'device.capacity["gpu.io"]'


@pytest.fixture(scope="module")
def records():
    devices = [
        {
            "name": f"gpu-{n}",
            "attributes": {
                "slot": {"int": n},
                "model": {"string": "ab"[n % 2]},
                "driverVersion": {"version": f"1.{n}.0"},
                "gpu.io/healthy": {"bool": True},
            },
            "capacity": {"memory": {"value": f"{10 * (n + 1)}Gi"}},
        }
        for n in range(4)
    ]
    spec = {
        "driver": "gpu.io",
        "nodeName": "node-1",
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "devices": devices,
    }
    published = ResourceSlice.model_validate({"metadata": {"name": "s"}, "spec": spec})
    snapshot = Snapshot.empty().with_slice(published)
    return [record for _, record in snapshot.records.items()]


@pytest.mark.parametrize(
    ("text", "looser"),
    [
        (f"{A}.slot >= 2", [[f"{A}.slot >= 1", f"{A}.slot >= 0"]]),
        (f"{A}.slot > 2", [[f"{A}.slot >= 2", f"{A}.slot >= 1", f"{A}.slot >= 0"]]),
        (f"2 < {A}.slot", [[f"{A}.slot >= 2", f"{A}.slot >= 1", f"{A}.slot >= 0"]]),
        (f"{A}.slot <= 1", [[f"{A}.slot <= 2", f"{A}.slot <= 3"]]),
        (f"{A}.slot < 9", []),
        (f'{A}.model == "a"', [[f'{A}.model in ["a", "b"]']]),
        (f'{A}.model in ["x"]', [[f'{A}.model in ["x", "a"]'], [f'{A}.model in ["x", "b"]']]),
        (f'{A}[?"slot"].orValue(0) >= 3', [[f'{A}[?"slot"].orValue(0) >= {n}' for n in (2, 1, 0)]]),
        (
            f'{C}.memory.compareTo(quantity("35Gi")) >= 0',
            [[f'{C}.memory.compareTo(quantity("{n}Gi")) >= 0' for n in (30, 20, 10)]],
        ),
        (
            f'{C}.memory.isLessThan(quantity("20Gi"))',
            [[f'{C}.memory.compareTo(quantity("{n}Gi")) <= 0' for n in (20, 30, 40)]],
        ),
        (
            f'{A}.driverVersion.isGreaterThan(semver("1.2.0"))',
            [[f'{A}.driverVersion.compareTo(semver("1.{n}.0")) >= 0' for n in (2, 1, 0)]],
        ),
        (
            f'{A}.driverVersion == semver("1.3.0")',
            [[f'{A}.driverVersion == semver("1.3.0") || {A}.driverVersion == semver("1.{n}.0")'] for n in (0, 1, 2)],
        ),
        (
            f'{A}.slot >= 3 || {A}.model == "a"',
            [
                [f'{A}.slot >= {n} || {A}.model == "a"' for n in (2, 1, 0)],
                [f'{A}.slot >= 3 || {A}.model in ["a", "b"]'],
            ],
        ),
        (
            f'has({A}.slot) && ({A}.slot >= 3 || {A}.model == "x")',
            [
                [f'has({A}.slot) && ({A}.slot >= {n} || {A}.model == "x")' for n in (2, 1, 0)],
                [f'has({A}.slot) && ({A}.slot >= 3 || {A}.model in ["x", "a"])'],
                [f'has({A}.slot) && ({A}.slot >= 3 || {A}.model in ["x", "b"])'],
            ],
        ),
        (f"{A}.healthy == false", []),
        (f"!{A}.healthy", []),
        (f'{A}.model != "a"', []),
        (f'{A}.model.startsWith("a")', []),
        (f"{A}.nowhere >= 3", []),
    ],
)
def test_ladders(records, text, looser):
    program = compile_cel(Source("test", text), features=Features())
    assert isinstance(program, Program)
    found = [[to_cel(step.tree) for step in ladder] for ladder in ladders(program.tree, records, Features())]
    assert found == looser


def test_each_step_takes_what_the_steps_before_it_take(records):
    for text in (f"{A}.slot > 2", f'{C}.memory.compareTo(quantity("35Gi")) > 0', f"{A}.slot < 1"):
        program = compile_cel(Source("test", text), features=Features())
        assert isinstance(program, Program)
        (ladder,) = ladders(program.tree, records, Features())
        taken = {n for n, record in enumerate(records) if program.evaluate(record.facts)}
        for step in ladder:
            looser = compile_cel(Source("step", to_cel(step.tree)), features=Features())
            assert isinstance(looser, Program)
            now = {n for n, record in enumerate(records) if looser.evaluate(record.facts)}
            assert taken < now
            taken = now
        assert taken == set(range(4))


def test_words(records):
    def words(text):
        program = compile_cel(Source("test", text), features=Features())
        assert isinstance(program, Program)
        return [[step.words for step in ladder] for ladder in ladders(program.tree, records, Features())]

    assert words(f'{C}.memory.compareTo(quantity("35Gi")) >= 0') == [[f"{n}Gi instead of 35Gi" for n in (30, 20, 10)]]
    assert words(f"{A}.slot > 2")[0][:2] == ["2 too", "1 instead of 2"]
    assert words(f'{A}.model == "a"') == [['"b" too']]
