"""What people read about the claims of real drivers that fail: the first line names the true cause (goldens).

`DRA_POLICY_WRITE_GOLDENS=1` writes what is said now into `golden/`, to be read before it is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dra_policy.explanation import Explanation

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[3]
PLACE = re.compile("".join(rf"\\?{re.escape(character)}" for character in f"{ROOT}/"))
"""The folder of the checkout, whose name Markdown may have to escape."""
CASES = (
    ("05", None),
    ("06", "a100-mig-01"),
    ("06", "fabric-host-01"),
    ("10", None),
    ("10", "dgx-h100-01"),
    ("18", None),
    ("18", "flex-01"),
    ("20", "a4-highgpu-01"),
    ("20", "dgx-h100-01"),
    ("20", "flex-01"),
)
FORMS: dict[str, Callable[[Explanation], str]] = {
    "txt": lambda explanation: explanation.text(),
    "md": lambda explanation: explanation.markdown(),
}


def golden(name: str, said: str) -> None:
    file = GOLDEN / name
    # A span names files as they were given.
    said = PLACE.sub("", said)
    if os.environ.get("DRA_POLICY_WRITE_GOLDENS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("number", "node"), CASES)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_said_of_a_claim(
    explained: Callable[[str, str | None], Explanation], number: str, node: str | None, form: str
) -> None:
    golden(f"{number}-{node or 'anywhere'}.{form}", FORMS[form](explained(number, node)))


@pytest.mark.parametrize(
    ("number", "node", "cause"),
    [
        ("05", None, "no device of gpu.nvidia.com has attribute `index` any more"),
        ("06", "fabric-host-01", "has no capacity `memory`, like 5 of 87 devices of gpu.nvidia.com"),
        ("10", None, "each has at most 1 left for request `gpu`, which wants 2, and at most 1 left for request `nic`"),
        ("18", None, "wants 2 devices and 2 match, but 1 is tainted HealthIssues-memorytemperature:NoExecute"),
        ("20", "dgx-h100-01", "has no attribute `gce.dra.net/networkName`, like 8 of 17 devices of dra.net"),
    ],
)
def test_the_first_line_names_the_true_cause(
    explained: Callable[[str, str | None], Explanation], number: str, node: str | None, cause: str
) -> None:
    explanation = explained(number, node)
    first = explanation.text().splitlines()[0]
    assert cause in first
    assert explanation.sentence() in first
    assert explanation.cause is not None
    assert explanation.cause.text in first
