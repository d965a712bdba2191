"""Every published selector can be written as a `require`, and what is rendered matches the devices that it matches.

Where the original raises because a key is missing, which stops the whole pod, the rendered one does not match.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from dra_policy.expression.rows import answer_row
from dra_policy.language import load
from dra_policy.language.objects import to_claim_template, to_device_class
from dra_policy.resources import Features
from dra_policy.source import Source

HERE: Final = Path(__file__).parent
ROWS: Final = [
    row
    for line in (HERE.parent / "data" / "conformance" / "cel.jsonl").read_text().splitlines()
    if (row := json.loads(line))["source"].startswith("real:") and row["outcome"] != "compile_error"
]
WRITTEN: Final[dict[str, dict[str, str]]] = {
    entry["cel"]: entry for entry in tomllib.loads((HERE / "data" / "published_selectors.toml").read_text())["selector"]
}


def test_nothing_is_left_out() -> None:
    assert {row["expression"] for row in ROWS} == set(WRITTEN)
    assert len(WRITTEN) > 100


def policy_of(entry: dict[str, str]) -> str:
    """A policy that says what a published selector says."""
    require = f"require {entry['require']}" if "require" in entry else ""
    declares = entry.get("declares", "")
    device = f"device Device {{ driver {entry['driver']}\n{declares if entry['in'] != 'share' else ''} }}"
    lines = ["policy example.org/published version 1.0.0 language 1", device]
    match entry["in"]:
        case "class":
            lines.append(f"class asked of Device {{ {require} }}")
        case "share":
            lines += [declares, "class asked of shared"]
        case _:
            lines.append(f"claim asked {{ request one = 1 of Device {{ {require} }} }}")
    return "\n".join(lines) + "\n"


def rendered(entry: dict[str, str], features: Features) -> list[str]:
    """The selectors that Kubernetes gets."""
    policies, problems = load(Source("published.dra", policy_of(entry)))
    assert policies is not None, [problem.message for problem in problems]
    if entry["in"] == "request":
        exactly = to_claim_template(policies, "asked", features).spec.spec.devices.requests[0].exactly
        assert exactly is not None
        selectors = exactly.selectors
    else:
        selectors = to_device_class(policies, "asked", features).spec.selectors
    found = [one.cel.expression for one in selectors if one.cel is not None]
    assert found
    return found


def outcome(expressions: list[str], row: dict[str, Any]) -> tuple[str, str]:
    """What comes of several selectors, each tried only where those before it match; and the error."""
    for expression in expressions:
        answer = answer_row(json.dumps({**row, "expression": expression}).encode(), number=1)
        assert answer.outcome != "compile_error", (expression, answer.error)
        if answer.outcome != "match":
            return str(answer.outcome), answer.error or ""
    return "match", ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_what_is_rendered_matches_as_the_original_does(row: dict[str, Any]) -> None:
    entry = WRITTEN[row["expression"]]
    features = Features.named(
        {
            "ConsumableCapacity": row["featureConsumableCapacity"],
            "ListTypeAttributes": row["featureListTypeAttributes"],
        }
    )
    expressions = rendered(entry, features)
    found, error = outcome(expressions, row)
    if row["outcome"] in ("match", "nomatch"):
        assert found == row["outcome"], (expressions, error)
    elif "no such key" in row["error"]:
        assert found == "nomatch", (expressions, error)


def test_the_data_has_every_case() -> None:
    missing = [row for row in ROWS if row["outcome"] == "runtime_error" and "no such key" in row["error"]]
    assert len(missing) > 50
    assert sum(row["outcome"] == "match" for row in ROWS) > 30
