"""`--capsule`, `replay`, `shrink`, `what-if` and `diff` as commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

INVENTORY = """apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {kubernetes.io/hostname: node-1}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: node-1-gpus}
spec:
  driver: gpu.example.com
  nodeName: node-1
  pool: {name: node-1, generation: 1, resourceSliceCount: 1}
  devices:
  - {name: gpu-0, attributes: {model: {string: a}}, capacity: {memory: {value: 40Gi}}}
  - {name: gpu-1, attributes: {model: {string: b}}, capacity: {memory: {value: 80Gi}}}
"""
CLAIMS = """apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
spec: {selectors: [{cel: {expression: device.driver == "gpu.example.com"}}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: running}
spec: {devices: {requests: [{name: g, exactly: {deviceClassName: gpu}}]}}
status:
  allocation:
    devices: {results: [{request: g, driver: gpu.example.com, pool: node-1, device: gpu-0}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: small}
spec: {devices: {requests: [{name: g, exactly: {deviceClassName: gpu}}]}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: large}
spec:
  spec:
    devices:
      requests:
      - name: g
        exactly:
          deviceClassName: gpu
          selectors:
          - cel: {expression: 'device.capacity["gpu.example.com"].memory.compareTo(quantity("60Gi")) >= 0'}
"""
POLICY = """policy lab.example version 1.0 language 1
device Gpu { driver gpu.example.com  attribute model text  capacity memory bytes }
class large of Gpu { require memory >= %s because "training needs the room" }
class small of Gpu
claim train { request gpu = 1 of %s }
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    Path("claims.yaml").write_text(CLAIMS, encoding="utf-8")
    Path("old.dra").write_text(POLICY % ("60Gi", "large"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "options", [[], ["-o", "json"], ["--explain"], ["--per-node"], ["--each-alone"], ["--node", "node-1"]]
)
def test_replay_prints_the_same_bytes_without_the_files(invoke: Invoke, lab: Path, options: list[str]) -> None:
    first = invoke("allocate", "inventory.yaml", "claims.yaml", "old.dra", *options, "--capsule", "a.capsule")
    assert first.exit_code == 0, first.stderr
    Path("inventory.yaml").unlink()
    Path("claims.yaml").unlink()
    Path("old.dra").unlink()
    again = invoke("replay", "a.capsule")
    assert (again.exit_code, again.stderr) == (0, "")
    assert again.stdout_bytes == first.stdout_bytes
    if "--explain" in options:
        assert b"claims.yaml:30" in first.stdout_bytes


def test_the_vendors_answers_replay(invoke: Invoke, vendors: Path, tmp_path: Path) -> None:
    paths = [vendors / name for name in ("nodes.yaml", "classes", "slices", "taints", "claims")]
    capsule = tmp_path / "a.capsule"
    first = invoke("allocate", *paths, "--features", "all", "-o", "json", "--capsule", capsule)
    again = invoke("replay", capsule)
    assert (again.exit_code, again.stderr) == (0, "")
    assert again.stdout_bytes == first.stdout_bytes
    assert b"shareID" in first.stdout_bytes
    assert capsule.stat().st_size < 64 * 1024
    again_capsule = tmp_path / "b.capsule"
    invoke("allocate", *paths[::-1], "--features", "all", "--capsule", again_capsule)
    assert invoke("replay", again_capsule).exit_code == 0


def test_standard_input_is_in_the_capsule_too(invoke: Invoke, lab: Path) -> None:
    first = invoke("allocate", "-", "--capsule", "a.capsule", stdin=f"{INVENTORY}---\n{CLAIMS}")
    assert first.exit_code == 0
    assert invoke("replay", "a.capsule").stdout_bytes == first.stdout_bytes


def test_a_decision_that_is_another_one_is_different(invoke: Invoke, lab: Path) -> None:
    import dra_policy
    from dra_policy.capsule import Capsule, read_capsule, write_capsule

    invoke("allocate", "inventory.yaml", "claims.yaml", "--capsule", "a.capsule")
    kept = read_capsule("a.capsule")
    changed = ({**kept.decision[0], "outcome": "unsatisfiable"}, *kept.decision[1:])
    write_capsule(
        "b.capsule", Capsule(kept.world, kept.asked, changed, "0.0.9", kept.command, kept.options, kept.server)
    )
    done = invoke("replay", "b.capsule")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == (
        f"1 of the answers differ; dra-policy 0.0.9 made the decision, and {dra_policy.__version__} makes it again"
    )


@pytest.mark.parametrize("command", ["replay", "shrink"])
def test_what_is_no_capsule_is_invalid_input(invoke: Invoke, lab: Path, command: str) -> None:
    assert invoke(command, "claims.yaml").exit_code == 2
    done = invoke(command, "nowhere.capsule")
    assert done.exit_code == 2
    assert done.stderr.startswith("SRC001 no such file `nowhere.capsule`")
    assert invoke(command, ".").exit_code == 2


def test_a_capsule_that_cannot_be_written_is_told(invoke: Invoke, lab: Path) -> None:
    done = invoke("allocate", "inventory.yaml", "claims.yaml", "--capsule", "no/such/folder/a.capsule")
    assert done.exit_code == 2
    assert done.stderr.startswith("SRC004 cannot write `no/such/folder/a.capsule`")


def test_shrink_prints_a_policy_whose_test_passes(invoke: Invoke, lab: Path) -> None:
    first = invoke("allocate", "inventory.yaml", "claims.yaml", "--node", "node-1", "--capsule", "a.capsule")
    assert first.exit_code == 0
    done = invoke("shrink", "a.capsule", "--claim", "large")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == SHRUNK
    Path("shrunk.dra").write_text(done.stdout, encoding="utf-8")
    assert invoke("test", "shrunk.dra").exit_code == 0


SHRUNK = """policy shrunk version 1.0 language 1

device Device {
  driver gpu.example.com
}

model Model of Device

class gpu of Device

claim small {
  request g = 1 of gpu
}

claim large {
  request g = 1 of gpu
}

test "large is refused" {
  given 1 Model
  claim small small
  claim large large
  expect large refused "in use"
}
"""


def test_shrink_writes_an_inventory_where_models_do_not_say_it(invoke: Invoke, lab: Path) -> None:
    Path("inventory.yaml").write_text(INVENTORY.partition("  - {name: gpu-1")[0], encoding="utf-8")
    invoke("allocate", "inventory.yaml", "claims.yaml", "--capsule", "a.capsule")
    printed = invoke("shrink", "a.capsule")
    assert "# inventory/shrunk.yaml, without the marks" in printed.stdout
    done = invoke("shrink", "a.capsule", "--into", "small")
    assert done.exit_code == 0
    assert 'given inventory "inventory"' in Path("small/shrunk.dra").read_text(encoding="utf-8")
    assert "allocation:" in Path("small/inventory/shrunk.yaml").read_text(encoding="utf-8")
    tried = invoke("test", "small")
    assert (tried.exit_code, tried.stdout.splitlines()[-1]) == (0, "1 test, all passed")


def test_shrink_of_nobody_is_invalid(invoke: Invoke, lab: Path) -> None:
    invoke("allocate", "inventory.yaml", "claims.yaml", "--capsule", "a.capsule")
    done = invoke("shrink", "a.capsule", "--claim", "lrage")
    assert done.exit_code == 2
    assert "CAP006" in done.stderr
    assert "did you mean `default/large`?" in done.stderr


def changes(done: Result) -> dict[str, str]:
    assert done.exit_code == 0, done.stderr
    return {row["claims"][0]: row["change"] for row in json.loads(done.stdout)["changes"]}


def test_what_if_nodes_are_added(invoke: Invoke, lab: Path) -> None:
    arguments = ["what-if", "inventory.yaml", "claims.yaml", "--add-nodes", "1", "--like", "node-1"]
    assert changes(invoke(*arguments, "-o", "json")) == {"default/small": "same", "default/large": "placed"}
    done = invoke(*arguments, "--capsule", "w.capsule")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["claim", "change", "before", "after"]
    assert lines[-1] == "2 claims: 1 placed, 1 same"
    assert "node-1-1: gpu-1 (gpu)" in done.stdout
    again = invoke("replay", "w.capsule")
    assert (again.exit_code, again.stdout_bytes) == (0, done.stdout_bytes)


def test_what_if_a_claim_gives_back(invoke: Invoke, lab: Path) -> None:
    done = invoke("what-if", "inventory.yaml", "claims.yaml", "--free", "running", "-o", "json")
    assert changes(done) == {"default/small": "moved", "default/large": "placed"}
    assert invoke("what-if", "inventory.yaml", "claims.yaml", "--free", "small").exit_code == 2


def test_what_if_files_are_changed(invoke: Invoke, lab: Path) -> None:
    Path("new.yaml").write_text(INVENTORY.replace("gpu-1", "gpu-2"), encoding="utf-8")
    done = invoke("what-if", "inventory.yaml", "claims.yaml", "--with", "new.yaml", "-o", "json")
    assert changes(done) == {"default/small": "moved", "default/large": "same"}
    Path("new.dra").write_text(POLICY % ("90Gi", "large"), encoding="utf-8")
    done = invoke("what-if", "inventory.yaml", "claims.yaml", "old.dra", "--with", "new.dra", "-o", "json")
    assert changes(done)["default/train"] == "unplaceable"
    assert "training needs the room" in done.stdout


def test_what_if_on_a_capsule(invoke: Invoke, lab: Path) -> None:
    invoke("allocate", "inventory.yaml", "claims.yaml", "--capsule", "a.capsule")
    done = invoke("what-if", "a.capsule", "--free", "running", "-o", "json")
    assert changes(done) == {"default/small": "moved", "default/large": "placed"}
    required = invoke("what-if", "a.capsule", "--features", "kubernetes-1.34", "--require-all")
    assert required.exit_code == 1


@pytest.mark.parametrize(
    "arguments", [[], ["--add-nodes", "1"], ["--like", "node-1", "--free", "running"], ["--add-nodes", "0"]]
)
def test_what_if_without_a_difference_is_no_question(invoke: Invoke, lab: Path, arguments: list[str]) -> None:
    assert invoke("what-if", "inventory.yaml", "claims.yaml", *arguments).exit_code == 2


def test_diff_of_two_policies(invoke: Invoke, lab: Path) -> None:
    Path("new.dra").write_text(POLICY % ("60Gi", "small"), encoding="utf-8")
    Path("strict.dra").write_text(POLICY % ("90Gi", "large"), encoding="utf-8")
    Path("claims.yaml").write_text(CLAIMS.partition("---")[0], encoding="utf-8")
    both = ["--claims", "inventory.yaml", "--claims", "claims.yaml"]
    assert changes(invoke("diff", "old.dra", "new.dra", *both, "-o", "json")) == {"default/train": "anotherClass"}
    done = invoke("diff", "old.dra", "strict.dra", *both)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "1 claim: 1 unplaceable"
    assert invoke("diff", "old.dra", "strict.dra", *both, "--require-all").exit_code == 1
    same = invoke("diff", "old.dra", "old.dra", *both)
    assert same.stdout == "\n1 claim: 1 same\n"
    assert invoke("diff", "old.dra", "nowhere.dra", *both).exit_code == 2


def test_why_replays(invoke: Invoke, lab: Path, repository: Path) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "train", "namespace": "default"},
        "spec": {
            "containers": [{"name": "main", "resources": {"claims": [{"name": "gpu"}]}}],
            "resourceClaims": [{"name": "gpu", "resourceClaimName": "small"}],
        },
    }
    Path("pod.json").write_text(json.dumps(pod), encoding="utf-8")
    sources = [part for name in ("inventory.yaml", "claims.yaml", "pod.json") for part in ("--from", name)]
    for options in ([], ["--verbose"], ["-o", "json"], ["-o", "markdown"]):
        first = invoke("why", "pod/train", *sources, *options, "--capsule", "y.capsule")
        assert first.exit_code == 0, first.stderr
        again = invoke("replay", "y.capsule")
        assert (again.exit_code, again.stderr, again.stdout_bytes) == (0, "", first.stdout_bytes)
    shutil.copy("y.capsule", "z.capsule")
    assert invoke("replay", "z.capsule", "-o", "json").exit_code == 0


def test_diff_as_a_table(invoke: Invoke, lab: Path) -> None:
    Path("new.dra").write_text(POLICY % ("60Gi", "small"), encoding="utf-8")
    done = invoke("diff", "old.dra", "new.dra", "--claims", "inventory.yaml")
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows if "─" not in row[0]] == [
        ["claim", "change", "before", "after"],
        ["default/train", "another class", "node-1: gpu-1 (large)", "node-1: gpu-0 (small)"],
        [],
        ["1 claim: 1 another class"],
    ]


def test_what_if_as_data(invoke: Invoke, lab: Path) -> None:
    done = invoke("what-if", "inventory.yaml", "old.dra", "--add-nodes", "1", "--like", "node-1", "-o", "json")
    side = {"classes": {"gpu": "large"}, "outcome": "allocated", "node": "node-1", "devices": ["gpu=gpu-1"]}
    assert json.loads(done.stdout) == {
        "changes": [{"claims": ["default/train"], "change": "same", "before": side, "after": side}],
        "counts": {"same": 1},
    }
