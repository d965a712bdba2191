"""`dra-policy cel`: an expression on the devices of manifests, and rows of expressions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

SLICE = """
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: node-1-gpus}
spec:
  driver: gpu.acme.com
  nodeName: node-1
  pool: {name: node-1, generation: 1, resourceSliceCount: 1}
  devices:
  - name: gpu-0
    attributes: {model: {string: H100}, index: {int: 0}}
    capacity: {memory: {value: 80Gi}}
  - name: gpu-1
    attributes: {model: {string: A100}, index: {int: 1}}
    capacity: {memory: {value: 40Gi}}
  - name: gpu-2
    attributes: {index: {int: 2}}
    capacity: {memory: {value: 40Gi}}
"""
OWN = 'device.attributes["gpu.acme.com"]'


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "slice.yaml"
    file.write_text(SLICE)
    return file


def test_what_decided_on_which_devices(invoke: Invoke, manifest: Path) -> None:
    done = invoke("cel", f'{OWN}.index < 5 && ({OWN}.model == "H100" || {OWN}.model == "H200")', manifest)
    assert done.exit_code == 0
    assert done.stdout == (
        "type   bool\n"
        "cost   15 at most\n"
        "reads  attribute gpu.acme.com/index, attribute gpu.acme.com/model\n"
        "\n"
        "true on 1 device, cost 10\n"
        "  gpu.acme.com/node-1/gpu-0\n"
        "\n"
        "false on 1 device, cost 15\n"
        '  decided by device.attributes["gpu.acme.com"].model == "H100"\n'
        '  decided by device.attributes["gpu.acme.com"].model == "H200"\n'
        "  gpu.acme.com/node-1/gpu-1\n"
        "\n"
        "error `no such key: model` on 1 device, cost 15\n"
        '  decided by device.attributes["gpu.acme.com"].model == "H100"\n'
        "  gpu.acme.com/node-1/gpu-2\n"
    )


def test_as_json(invoke: Invoke, manifest: Path) -> None:
    done = invoke("cel", "--output", "json", f"{OWN}.index > 0", manifest)
    answer = json.loads(done.stdout)
    assert (answer["type"], answer["maxCost"], answer["reads"]) == ("bool", 5, ["attribute gpu.acme.com/index"])
    assert [(d["device"][-5:], d["value"], d["cost"], d["error"]) for d in answer["devices"]] == [
        ("gpu-0", False, 5, None),
        ("gpu-1", True, 5, None),
        ("gpu-2", True, 5, None),
    ]
    assert answer["devices"][0]["decidedBy"] == ['device.attributes["gpu.acme.com"].index > 0']


def test_a_derived_attribute(invoke: Invoke, manifest: Path) -> None:
    done = invoke("cel", "--derived", f"[{OWN}.index, {OWN}.index]", manifest, "--all")
    assert "value [0, 0] on 1 device, cost 18" in done.stdout
    assert invoke("cel", "--derived", "1.5", manifest).exit_code == 2


def test_without_devices_it_is_only_checked(invoke: Invoke) -> None:
    done = invoke("cel", "device.driver.size() > 3")
    assert done.stdout == "type   bool\ncost   4 at most\nreads  driver\n"
    assert "without bound" in invoke("cel", "lists.range(int(device.driver)).size() > 0").stdout


def test_a_mistake_is_shown_where_it_is(invoke: Invoke, manifest: Path) -> None:
    done = invoke("cel", 'device.drivr == "a"', manifest)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "expression:1:8: CEL011 `device` has no field `drivr`"


def test_at_admission_the_estimate_counts(invoke: Invoke) -> None:
    text = "lists.range(2000).all(a, lists.range(2000).all(b, a != b))"
    assert invoke("cel", text).exit_code == 0
    done = invoke("cel", "--new", text)
    assert done.exit_code == 2
    assert "CEL018" in done.stderr


def test_manifests_without_a_device(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "node.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n")
    done = invoke("cel", "true", tmp_path)
    assert done.exit_code == 2
    assert "SRC005 there is no device" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"), [(["cel"], "Missing argument"), (["cel", "--jsonl", "true"], "--jsonl")]
)
def test_wrong_usage(invoke: Invoke, arguments: list[str], words: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr


# --jsonl


def test_rows_in_order_and_a_broken_line(invoke: Invoke) -> None:
    rows = [
        '{"id": "a", "expression": "device.driver == \\"d\\"", "device": {"driver": "d"}}',
        "",
        "{nonsense",
        '{"id": 7, "expression": "device.driver", "kind": "derived", "device": {"driver": "d"}}',
        '{"id": 8, "expression": "device.nope", "device": {}}',
        '{"id": 9, "expression": "device.attributes[\\"d\\"].x", "device": {"driver": "d"}}',
        '{"id": 10, "expression": true}',
    ]
    done = invoke("cel", "--jsonl", stdin="\n".join(rows) + "\n")
    assert done.exit_code == 2
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(a["id"], a["outcome"], a["value"], a["maxCost"], a["actualCost"]) for a in answers] == [
        ("a", "match", None, 3, 3),
        (None, None, None, None, None),
        (7, "value", {"string": "d"}, 2, 2),
        (8, "compile_error", None, None, None),
        (9, "runtime_error", None, 4, 4),
        (10, None, None, None, None),
    ]
    assert answers[1]["error"].startswith("line 3: not JSON: ")
    assert answers[3]["error"].startswith("compilation failed: ")
    assert answers[4]["error"] == "no such key: x"
    assert answers[5]["error"] == "line 7: `expression` must be a text"


def test_rows_are_answered_as_they_come() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dra_policy", "cel", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for number in range(3):
            running.stdin.write(b'{"id": %d, "expression": "true"}\n' % number)
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["id"] == number
        running.stdin.close()
        assert running.wait(timeout=20) == 0
