"""`dra-policy why` and `dra-policy dump` as commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    from dra_policy.cli.application import application

    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(application, [str(a) for a in arguments], input=stdin)

    return run


@pytest.fixture(scope="module")
def dump(vendors: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("why") / "dump.yaml"
    path.write_text(vendors.dump(), encoding="utf-8")
    return path


def test_text(invoke: Invoke, dump: Path) -> None:
    done = invoke("why", "pod/vm-gpu", "--from", dump)
    assert done.exit_code == 0
    assert done.stdout == (
        "pod default/vm-gpu: fits on l40s-vm-01: gpu=gpu-vfio-0\n"
        "now: kube-scheduler would place it\n"
        "note: semantics of kubernetes-1.37, the server's version is v1.37.2\n"
    )


def test_standard_input(invoke: Invoke, dump: Path) -> None:
    done = invoke("why", "pod/vm-gpu", "--from", "-", stdin=dump.read_text(encoding="utf-8"))
    assert done.stdout.startswith("pod default/vm-gpu: fits on l40s-vm-01")


def test_verbose_says_it_for_every_node(invoke: Invoke, dump: Path) -> None:
    done = invoke("why", "pod/two-big-gpus", "--from", dump, "--verbose")
    assert "\nflex-01: " in done.stdout
    assert "fail the claim's rule" in done.stdout


def test_json(invoke: Invoke, dump: Path) -> None:
    done = invoke("why", "pod/mig-devices", "--from", dump, "-o", "json")
    data = json.loads(done.stdout)
    assert data["verdict"] == "notNow"
    assert data["holders"][0]["pods"] == ["default/h100-or-two-a100"]
    assert {node["devices"] for node in data["nodes"]} == {"unsatisfiable"}
    verbose = json.loads(invoke("why", "pod/mig-devices", "--from", dump, "-o", "json", "--verbose").stdout)
    assert {node["devices"]["outcome"] for node in verbose["nodes"]} == {"unsatisfiable"}


def test_markdown(invoke: Invoke, dump: Path) -> None:
    done = invoke("why", "pod/two-gpu-two-nic", "--from", dump, "-o", "markdown", "-v")
    lines = done.stdout.splitlines()
    assert lines[0] == "### pod default/two-gpu-two-nic"
    assert "| nodes | why |" in lines
    assert any(line.startswith("> kube-scheduler says: 0/28 nodes are available: 28 cannot") for line in lines)


def test_other_features(invoke: Invoke, dump: Path) -> None:
    """Without its gate the claim cannot be allocated: that is an error for the whole pod."""
    done = invoke("why", "pod/two-shares-again", "--from", dump, "--features", "kubernetes-1.34")
    assert "unsatisfiable" not in done.stdout
    assert done.stdout.splitlines()[0].startswith("pod default/two-shares-again: error on")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["why", "train", "--from", "DUMP"], "`train` names nothing to ask about"),
        (["why", "pod/train", "--from", "DUMP"], "CLU005 the cluster has no pod `default/train`"),
        (["why", "pod/vm-gpu", "--from", "DUMP", "-n", "research"], "did you mean `default/vm-gpu`?"),
        (["why", "pod/vm-gpu", "--from", "DUMP", "--context", "x"], "leave one of them out"),
        (["why", "pod/vm-gpu", "--from", "no-such-dump.yaml"], "SRC001"),
    ],
)
def test_what_cannot_be_asked(invoke: Invoke, dump: Path, arguments: list[str], words: str) -> None:
    done = invoke(*[str(dump) if a == "DUMP" else a for a in arguments])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_a_step_limit_that_is_too_low(invoke: Invoke, dump: Path) -> None:
    done = invoke("why", "pod/two-gpu-two-nic", "--from", dump, "--step-limit", "1")
    assert done.exit_code == 3
    assert "this is not a no" in done.stdout
