"""How long a CEL selector of three conditions takes: to compile, and to decide about a prepared device.

`python -m benchmarks.expression [--output table|json]` measures in one process, pausing the garbage collector, and
exits with 1 if a median is above its accepted range in expression.toml.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from dra_policy.expression import DeviceFacts, Program, compile_cel
from dra_policy.resources import Device, Features
from dra_policy.source import Source

RANGES = Path(__file__).with_suffix(".toml")
DRIVER = "gpu.example.com"
SELECTOR = (
    f'device.driver == "{DRIVER}" && device.attributes["{DRIVER}"].model == "H100" '
    f'&& device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0'
)
DEVICE = Device.model_validate(
    {"name": "gpu-0", "attributes": {"model": {"string": "H100"}}, "capacity": {"memory": {"value": "80Gi"}}}
)


def compiled(number: int) -> Program:
    """The selector; a number behind it makes its text a new one, so that nothing is remembered."""
    program = compile_cel(Source("benchmark", f"{SELECTOR} && {number} == {number}"), features=Features())
    assert isinstance(program, Program)
    return program


def median(measured: Callable[[], None], rounds: int, each: int) -> float:
    """Microseconds of one of `each` repetitions that a call makes, the median over all calls."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        measured()
        times.append((time.perf_counter() - began) / each)
    return round(statistics.median(times) * 1e6, 3)


def measure() -> dict[str, float]:
    """Medians in microseconds."""
    program = compile_cel(Source("benchmark", SELECTOR), features=Features())
    assert isinstance(program, Program)
    facts = DeviceFacts.of(DRIVER, DEVICE)
    numbers = iter(range(1, 10_000))

    def evaluate() -> None:
        for _ in range(1000):
            program.evaluate(facts)

    def compile_anew() -> None:
        compiled(next(numbers))

    def look_up() -> None:
        for _ in range(100):
            compile_cel(Source("benchmark", SELECTOR), features=Features())

    gc.disable()
    try:
        compile_anew()
        return {
            "evaluate": median(evaluate, 50, 1000),
            "compile": median(compile_anew, 100, 1),
            "look-up": median(look_up, 50, 100),
        }
    finally:
        gc.enable()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.expression", description=__doc__)
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    most = tomllib.loads(RANGES.read_text(encoding="utf-8"))["most"]
    rows = [
        {"workload": name, "median": took, "most": most[name], "accepted": took <= most[name]}
        for name, took in measure().items()
    ]
    if options.output == "json":
        print(json.dumps({"benchmark": "expression", "unit": "microseconds", "workloads": rows}, indent=2))
    else:
        print(f"{'workload':<24}{'median':>14}{'most':>14}  accepted")
        for row in rows:
            print(
                f"{row['workload']:<24}{row['median']:>11} us{row['most']:>11} us  {'yes' if row['accepted'] else 'NO'}"
            )
    return 0 if all(row["accepted"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
