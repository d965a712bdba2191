"""`dra-policy answer`: one JSON line in, one out, in order, whatever the lines are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

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


def test_an_answer_comes_before_the_next_question_is_asked() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dra_policy", "answer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for name in ("first", "second"):
            running.stdin.write(json.dumps(question(name, 1)).encode() + b"\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["id"] == name
        running.stdin.close()
        assert running.wait(timeout=30) == 0


def test_a_search_that_stops_at_the_limit_is_no_refusal(process: Process) -> None:
    asked = question("long", 2)
    asked["claims"][0]["spec"]["devices"]["requests"][0]["exactly"]["count"] = 2
    done = process("answer", "--step-limit", "1", stdin=json.dumps(asked).encode())
    given = json.loads(done.stdout)
    assert (given["gaveUp"], given["allocated"], given["error"]) == (True, False, None)
    assert done.returncode == 3


def test_validation_is_asked_for(process: Process) -> None:
    asked = question("unchecked", 1)
    asked["claims"][0]["spec"]["devices"]["requests"][0]["name"] = "Not a name"
    line = json.dumps(asked).encode()
    assert json.loads(process("answer", stdin=line).stdout)["allocated"]
    done = process("answer", "--validate", stdin=line)
    given = json.loads(done.stdout)
    assert "claims[0].spec.devices.requests[0].name" in given["error"]
    assert (given["id"], done.returncode) == ("unchecked", 2)


def test_a_defect_costs_one_answer_and_is_told(invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from dra_policy.engine.questions import Questions

    whole = Questions.answer

    def answer(self: Questions, line: bytes, *, number: int) -> Any:
        if number == 1:
            raise KeyError("lost")
        return whole(self, line, number=number)

    monkeypatch.setattr(Questions, "answer", answer)
    lines = [json.dumps(question("a", 1)), json.dumps(question("b", 1))]
    done = invoke("answer", stdin="\n".join(lines))
    broken, fine = map(json.loads, done.stdout.splitlines())
    assert broken["error"] == "line 1: a defect of the program: KeyError"
    assert fine["id"] == "b"
    assert "Traceback" in done.stderr
    assert done.exit_code == 70
