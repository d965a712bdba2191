"""`dra-policy answer`: one JSON line in, one out, in order, whatever the lines are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

Process = Callable[..., subprocess.CompletedProcess[bytes]]


def question(name: str, devices: int) -> dict[str, Any]:
    pool = {"name": "node-a", "generation": 1, "resourceSliceCount": 1}
    published = [{"name": f"gpu-{i}"} for i in range(devices)]
    spec = {"driver": "gpu.example.com", "nodeName": "node-a", "pool": pool, "devices": published}
    return {
        "id": name,
        "node": {"metadata": {"name": "node-a"}},
        "classes": [{"metadata": {"name": "gpu"}, "spec": {}}],
        "slices": [{"metadata": {"name": "node-a-gpus"}, "spec": spec}],
        "claims": [
            {
                "metadata": {"name": "one", "namespace": "default"},
                "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}},
            }
        ],
    }


def test_every_line_gets_an_answer_in_order(process: Process) -> None:
    lines = [json.dumps(question("fits", 1)), "{not json", "", json.dumps(question("does not", 0))]
    done = process("answer", stdin="\n".join(lines).encode())
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(a.get("id"), a["allocated"]) for a in answers] == [("fits", True), (None, False), ("does not", False)]
    assert answers[1]["error"]
    assert not answers[2].get("error")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_answered_lines_are_success(process: Process) -> None:
    done = process("answer", stdin=json.dumps(question("a", 1)).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert "gpu-0" in done.stdout.decode()
    assert process("answer", stdin=b"").returncode == 0
