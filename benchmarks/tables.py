"""Put the tables of the last run into README.md: `python -m benchmarks.tables [FOLDER]`.

A table stands between `<!-- table NAME -->` and `<!-- end -->`, with the columns that a reader needs; all columns are in
the JSON of the run.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.report import RESULTS, Table

README: Final = Path(__file__).resolve().parent / "README.md"
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "allocation": ("case", "outcome", "ours us", "peer us", "ratio", "engine us", "release us", "agrees"),
    "families": ("case", "size", "of", "outcome", "steps", "ms", "first ms", "peer outcome", "peer steps", "peer ms"),
    "families-growth": ("family", "sizes", "steps exponent", "ms exponent"),
    "hard": (
        "family",
        "asked",
        "have",
        "gave up",
        "steps p50",
        "steps p99",
        "most steps",
        "ms p50",
        "ms p99",
        "most ms",
        "slowest",
        "smallest slow",
        "far behind",
        "differing",
    ),
    "workloads": ("workload", "s", "start s", "processor s", "peak MiB", "slowest ms", "agree of all"),
    "cluster": ("case", "nodes", "fits", "us", "p50 us", "p99 us", "release us", "peer us", "ratio", "agrees"),
    "cluster-growth": ("case", "times"),
    "scale": (
        "nodes",
        "parse us/device",
        "build us/device",
        "model bytes/device",
        "engine bytes/device",
        "update us",
        "then answer us",
        "suitable us",
        "new shape ms",
        "512 shapes p50 us",
        "512 shapes p99 us",
    ),
    "churn": ("point", "operations", "updates", "resident MiB", "growth", "live blocks", "us", "p99 us"),
    "churn-end": ("of", "equal"),
    "threads": ("of", "changes", "checks", "missed", "half applied"),
}


def filled(text: str, folder: Path) -> str:
    """The text with every table that the folder has; others stay as they are."""

    def table(found: re.Match[str]) -> str:
        name = found[1]
        file = folder / f"{name}.json"
        if not file.exists():
            return found[0]
        run = json.loads(file.read_text(encoding="utf-8"))
        return f"<!-- table {name} -->\n{_head(run)}\n\n{_markdown(name, run)}<!-- end -->"

    return re.sub(r"<!-- table ([\w-]+) -->.*?<!-- end -->", table, text, flags=re.DOTALL)


def _head(run: dict[str, Any]) -> str:
    outside = "" if run["accepted"] else "; rows outside their range are marked"
    return (
        f"{run['title']}. {run['cores']} cores, load {run['load']}, {run['ns an addition']} ns an addition,"
        f" Python {run['python']}{outside}."
    )


def _markdown(name: str, run: dict[str, Any]) -> str:
    rows = [row for row in run["rows"] if name != "workloads" or row.get("s") is not None]
    columns = tuple(column for column in COLUMNS[name] if any(row.get(column) is not None for row in rows))
    made = Table(name, run["title"], columns)
    for row in rows:
        made.add({**row})
        made.rows[-1]["range"] = "OUTSIDE" if "OUTSIDE" in (row.get("range") or "") else row.get("range") or ""
    return made.markdown()


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    README.write_text(filled(README.read_text(encoding="utf-8"), folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
