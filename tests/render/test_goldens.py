"""Each kind of object, as it comes out for the example, word for word."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from dra_policy.cli.rendering import cdi_files, report_data
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.enforcement import enforcement
from dra_policy.render.objects import KINDS, Question, objects_of
from dra_policy.render.targets import Target
from dra_policy.resources import to_yaml

GOLDEN: Final = Path(__file__).parent / "golden"
REWRITE: Final = "DRA_POLICY_REWRITE_GOLDENS"


def same(name: str, text: str) -> None:
    """A text is that of a file; with `DRA_POLICY_REWRITE_GOLDENS=1` it becomes it."""
    path = GOLDEN / name
    if os.environ.get(REWRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{REWRITE}=1 writes it anew"


# Slices are compared with those of vendors.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "slices"])
def test_objects(kind: str, example: CheckedPolicies) -> None:
    same(f"{kind}.yaml", to_yaml(objects_of(Question(example, Target.of("1.37")), [kind])[kind]))


def test_kueue(example: CheckedPolicies) -> None:
    question = Question(example, Target.of("1.37", kueue=True))
    same("kueue.yaml", to_yaml(objects_of(question, ["quotas"])["quotas"]))


def test_cdi(example: CheckedPolicies) -> None:
    files = cdi_files(Question(example, Target.of("1.37")), [])
    same("cdi.json", json.dumps(files, indent=2) + "\n")


@pytest.mark.parametrize("version", ["1.35", "1.37"])
def test_report(version: str, example: CheckedPolicies) -> None:
    target = Target.of(version)
    data: dict[str, Any] = report_data(Question(example, target), enforcement(example, target))
    for rule in data["rules"]:
        rule["place"] = rule["place"].rpartition("/")[2]
    same(f"report-{version}.json", json.dumps(data, indent=2, ensure_ascii=False) + "\n")
