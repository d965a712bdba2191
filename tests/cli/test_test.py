"""`dra-policy test`: the tests of policies, and folders with expected answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

POLICY = """policy gpu.example.com version 1.0.0 language 1

device Gpu {
  driver   gpu.example.com
  capacity memory bytes
}

model Big of Gpu { memory 80Gi }

class gpu of Gpu {
  require memory >= 40Gi
}

test "one is enough for one" {
  given 1 Big
  claim a 1 of gpu
  expect a placed
}

test "one is enough for two" {
  given 1 Big
  claim a, b 1 of gpu
  expect a placed
  expect b placed
}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.dra"
    file.write_text(POLICY, encoding="utf-8")
    return file


def test_the_shipped_policies_keep_what_they_promise(repository: Path, invoke: Invoke) -> None:
    done = invoke("test", repository / "policies")
    assert done.exit_code == 0, done.stdout
    assert done.stdout.endswith(" tests, all passed\n")


def test_a_failed_test_shows_expected_actual_and_reason(policy: Path, invoke: Invoke) -> None:
    done = invoke("test", policy)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f'ok "one is enough for one" ({policy}:14)'
    assert lines[1] == f'FAILED "one is enough for two" ({policy}:20)'
    assert lines[2] == f"  {policy}:24:3: claim `b`"
    assert lines[3].split() == ["expected:", "placed"]
    assert lines[4].split() == ["actual:", "refused"]
    assert "in use" in lines[5]
    assert lines[-1] == "2 tests, 1 failed"
    assert invoke("test", policy, "--failed-only").stdout == "\n".join([*lines[1:], ""])


def test_json_has_every_difference(policy: Path, invoke: Invoke) -> None:
    report = json.loads(invoke("test", policy, "-o", "json").stdout)
    assert (report["tests"], report["failed"]) == (2, 1)
    assert [(r["title"], r["passed"]) for r in report["results"]] == [
        ("one is enough for one", True),
        ("one is enough for two", False),
    ]
    (difference,) = report["results"][1]["differences"]
    assert (difference["claim"], difference["expected"], difference["actual"]) == ("b", "placed", "refused")


def test_a_policy_with_a_mistake_is_not_tried(policy: Path, invoke: Invoke) -> None:
    policy.write_text(POLICY.replace("memory >=", "memroy >="), encoding="utf-8")
    done = invoke("test", policy)
    assert done.exit_code == 2
    assert "did you mean `memory`?" in done.stderr
    assert done.stdout == ""


def test_nothing_to_test_is_no_success(policy: Path, invoke: Invoke) -> None:
    policy.write_text(POLICY.partition("test ")[0], encoding="utf-8")
    done = invoke("test", policy)
    assert done.exit_code == 2
    assert "SRC005 there is nothing to test" in done.stderr


@pytest.fixture
def folder(tmp_path: Path, repository: Path) -> Path:
    """The cameras' policy without its tests, and what its claims get on every node."""
    folder = tmp_path / "cameras"
    shutil.copytree(repository / "policies" / "ip-camera", folder)
    (folder / "machines.dra").unlink()
    text = (folder / "policy.dra").read_text(encoding="utf-8").partition("\ntest ")[0]
    (folder / "policy.dra").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_compared_with_its_expected_answers(folder: Path, invoke: Invoke) -> None:
    asked = json.loads(invoke("allocate", folder, "--per-node", "--each-alone", "-o", "json").stdout)["answers"]
    by_claim: dict[str, dict[str, str]] = {}
    nodes = {a["node"] for a in asked}
    for answer in asked:
        got = by_claim.setdefault(answer["claim"], {})
        if answer["outcome"] == "allocated":
            got[answer["node"]] = " ".join(answer["devices"])
    assert any(by_claim.values())
    entries = [{"claim": c, "nodes": n, "none": len(nodes) - len(n)} for c, n in by_claim.items()]
    expected = {"apiVersion": "dra-policy.dev/v1", "kind": "ExpectedAnswers", "answers": entries}
    file = folder / "expected.yaml"
    file.write_text(json.dumps(expected), encoding="utf-8")

    agreed = invoke("test", folder)
    assert agreed.exit_code == 0, agreed.stdout + agreed.stderr
    pairs = len(nodes) * len(entries)
    first, last = agreed.stdout.splitlines()
    assert first == f'ok "answers of {folder}" ({file}): {pairs} of {pairs} pairs agree'
    assert last == "1 test, all passed"
    assert invoke("check", folder).exit_code == 0

    claim, got = next((c, n) for c, n in by_claim.items() if n)
    node, devices = next(iter(got.items()))
    got[node] = "cam=cam-nowhere"
    file.write_text(json.dumps(expected), encoding="utf-8")
    differs = invoke("test", folder)
    assert differs.exit_code == 1
    assert differs.stdout.splitlines()[1:4] == [
        f"  claim `{claim}` on node {node}",
        "    expected: cam=cam-nowhere",
        f"    actual:   {devices}",
    ]


def test_a_mistake_in_expected_answers_is_shown_by_check_and_test(folder: Path, invoke: Invoke) -> None:
    (folder / "expected.yaml").write_text("- {claim: a, nods: {}}\n", encoding="utf-8")
    for command in ("check", "test"):
        done = invoke(command, folder)
        assert done.exit_code == 2
        assert f"{folder / 'expected.yaml'}:1:14: RES004 [0].nods: unknown field `nods`" in done.stdout + done.stderr
        assert "did you mean `nodes`?" in done.stdout + done.stderr


def test_an_inventory_whose_name_no_file_can_have(policy: Path, invoke: Invoke) -> None:
    for name in ("a" * 300, "a\\u{0}b", "nope.yaml"):
        policy.write_text(POLICY.replace("given 1 Big", f'given inventory "{name}"'), encoding="utf-8")
        done = invoke("test", policy)
        assert done.exit_code == 1, done.output
        assert "policy.dra:15:3: SRC00" in done.stdout
