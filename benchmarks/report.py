"""What a benchmark reports: tables, each row within its accepted ranges or not; printed, as JSON, and as pictures."""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from benchmarks.peer import Peer

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Value]

RESULTS = Path(__file__).resolve().parent / "results"


class Size(Enum):
    """How much is measured: what the issue of the day asks, or just enough to see that it runs."""

    FULL = "full"
    TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a table: one line for each value of `line` and each of the columns `heights`, over `across`."""

    across: str
    heights: tuple[str, ...]
    line: str
    unit: str
    logarithmic: bool = True


@dataclass(slots=True)
class Table:
    """Rows of one measurement; `notes` say what each side does and does not do."""

    name: str
    title: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    plot: Plot | None = None
    rows: list[Row] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def add(self, row: Row, limits: Mapping[str, Mapping[str, float]] | None = None) -> None:
        """A row, looked at with its accepted ranges: column -> `most`, `least` or `exactly`; no value, no judgement."""
        missed = [] if limits is None else list(_missed(row, limits))
        name = " ".join(str(row[column]) for column in self.columns[:2] if row.get(column) is not None)
        self.outside += [f"{name}: {one}" for one in missed]
        row["range"] = ("within" if not missed else "OUTSIDE: " + "; ".join(missed)) if limits else ""
        self.rows.append(row)

    def text(self) -> str:
        heads = (*self.columns, "range")
        cells = [[_cell(row.get(head)) for head in heads] for row in self.rows]
        widths = [max([len(head), *(len(line[i]) for line in cells)]) for i, head in enumerate(heads)]
        numbers = [any(isinstance(row.get(head), int | float) for row in self.rows) for head in heads]
        lines = [f"{self.title}", ""]
        for line in (heads, *cells):
            made = (cell.rjust(w) if n else cell.ljust(w) for cell, w, n in zip(line, widths, numbers, strict=True))
            lines.append("  ".join(made).rstrip())
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines) + "\n"

    def markdown(self) -> str:
        heads = (*self.columns, "range")
        lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        lines += [f"| {' | '.join(_cell(row.get(head)).replace('|', '/') for head in heads)} |" for row in self.rows]
        return "\n".join(lines) + "\n"

    def data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "notes": list(self.notes),
            "rows": self.rows,
            "accepted": not self.outside,
        }


class Benchmark(Protocol):
    """A module of this package that measures."""

    def run(self, size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]: ...


def ranges(module: str) -> dict[str, Any]:
    """The accepted ranges beside a benchmark."""
    return tomllib.loads(Path(module).with_suffix(".toml").read_text(encoding="utf-8"))


def write(tables: Iterable[Table], folder: Path, *, took: float, peer: bool) -> list[str]:
    """JSON, Markdown and a picture for each table; gives what could not be written, and why."""
    folder.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    for table in tables:
        about = {**machine(), "peer": peer, "seconds": round(took, 1)}
        text = json.dumps({**about, **table.data()}, indent=2, ensure_ascii=False)
        (folder / f"{table.name}.json").write_text(text + "\n", encoding="utf-8")
        (folder / f"{table.name}.md").write_text(table.markdown(), encoding="utf-8")
        if table.plot is not None:
            problem = draw(table, table.plot, folder / f"{table.name}.png")
            left_out += [] if problem is None else [problem]
    return left_out


def draw(table: Table, plot: Plot, file: Path) -> str | None:
    """A picture of the table; gives the reason if there is none."""
    try:
        import matplotlib as mpl  # an extra of the package: only pictures need it
    except ImportError as problem:
        return f"no picture of {table.name}: {problem}; install the extra `benchmarks`"
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    lines = list(dict.fromkeys(row.get(plot.line) for row in table.rows))
    figure, axes = plt.subplots(
        1, len(plot.heights), figsize=(6.5 * len(plot.heights), 5), squeeze=False, sharey=True, sharex=True
    )
    for axis, height in zip(axes[0], plot.heights, strict=True):
        for number, name in enumerate(lines):
            points = sorted(
                (float(x), float(y))
                for row in table.rows
                if row.get(plot.line) == name
                and isinstance(x := row.get(plot.across), int | float)
                and isinstance(y := row.get(height), int | float)
            )
            if points:
                colour = plt.get_cmap("tab20")(number % 20)
                axis.plot(*zip(*points, strict=True), marker="osv^Dx"[number % 6], color=colour, label=str(name))
        axis.set(title=height, xlabel=plot.across)
        if plot.logarithmic:
            axis.set_xscale("log")
            axis.set_yscale("log")
        axis.grid(visible=True, which="major", alpha=0.3)
    axes[0][0].set_ylabel(plot.unit)
    handles = {label: line for axis in axes[0] for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right center", fontsize="small")
    figure.suptitle(table.title)
    figure.set_layout_engine("constrained")
    figure.savefig(file, dpi=110)
    plt.close(figure)
    return None


def machine() -> dict[str, str | int | None]:
    """What the numbers depend on besides the code."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "python": sys.version.split()[0],
        "platform": platform.system(),
        "cores": cores,
        "load": str(round(load, 1)),
        "ns an addition": str(round(_addition(), 1)),
    }


def _addition() -> float:
    """How quick the machine is at this moment: nanoseconds of the processor for one turn of a loop that adds."""
    took = []
    for _ in range(5):
        began, total = time.process_time_ns(), 0
        for number in range(200_000):
            total += number
        took.append((time.process_time_ns() - began) / 200_000)
    return min(took)


def resident() -> int:
    """Bytes of resident memory of this process now; the peak where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def rounded(value: float, digits: int = 3) -> float:
    """A number with so many significant digits.

    >>> rounded(1234.567), rounded(0.0123456), rounded(0.0)
    (1235.0, 0.0123, 0.0)
    """
    if not value or math.isinf(value) or math.isnan(value):
        return value
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return round(value, places)


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of values over sizes on logarithmic scales: 2 for a value that grows with the square.

    >>> exponent([(1, 3), (2, 12), (4, 48)])
    2.0
    """
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    middle_x, middle_y = (sum(one) / len(logs) for one in zip(*logs, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in logs)
    slope: float = sum((x - middle_x) * (y - middle_y) for x, y in logs) / spread
    return round(slope, 2)


def _missed(row: Row, limits: Mapping[str, Mapping[str, float]]) -> Iterable[str]:
    for column, limit in limits.items():
        value = row.get(column)
        if value is None:
            continue
        for kind, bound in limit.items():
            kept = {
                "most": lambda v, b: v <= b,
                "least": lambda v, b: v >= b,
                "exactly": lambda v, b: v == b,
            }[kind](value, bound)
            if not kept:
                yield f"{column} is {_cell(value)}, {'' if kind == 'exactly' else f'at {kind} '}{_cell(bound)} is accepted"


def _cell(value: Value) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
    return value
