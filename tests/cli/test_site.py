"""Rules of a site on the command line: who asks, who holds what, and what time it is; also in capsules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

POLICY = """policy example.org/site version 1.0.0 language 1
device Gpu { driver gpu.example.com  attribute model text }
subject {
  field team  text from namespace label "example.org/team"  trust admin
  field stage text from pod label "example.org/stage"  trust user
}
class gpu of Gpu
quota cs of Gpu { subject team == "cs"  at most 1 because "cs paid for one" }
window night { every day 22:00 to 23:00 tz UTC }
refuse gpu when now + 1h after night.start because "maintenance at night"
refuse gpu when subject.stage == "draft" because "drafts run on CPUs"
"""
INVENTORY = """apiVersion: v1
kind: Node
metadata: {name: node-1}
---
apiVersion: v1
kind: Namespace
metadata: {name: ml, labels: {example.org/team: cs}}
---
apiVersion: v1
kind: Pod
metadata: {name: train, namespace: ml, labels: {example.org/stage: final}}
spec: {resourceClaims: [{name: g, resourceClaimName: wanted}], containers: [{name: c, image: i}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: node-1-gpus}
spec:
  driver: gpu.example.com
  nodeName: node-1
  pool: {name: node-1, generation: 1, resourceSliceCount: 1}
  devices:
  - {name: gpu-0, attributes: {model: {string: a}}}
  - {name: gpu-1, attributes: {model: {string: b}}}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: running, namespace: ml}
spec: {devices: {requests: [{name: g, exactly: {deviceClassName: gpu}}]}}
status:
  allocation:
    devices: {results: [{request: g, driver: gpu.example.com, pool: node-1, device: gpu-0}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: wanted, namespace: ml}
spec: {devices: {requests: [{name: g, exactly: {deviceClassName: gpu}}]}}
"""
NOON = ("--at", "2026-11-25T12:00:00Z")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    policy, inventory = tmp_path / "site.dra", tmp_path / "inventory.yaml"
    policy.write_text(POLICY)
    inventory.write_text(INVENTORY)
    return policy, inventory


def test_namespaces_and_pods_of_the_inventory_say_who_asks(invoke: Invoke, files: tuple[Path, Path]) -> None:
    policy, inventory = files
    done = invoke("allocate", policy, inventory, *NOON, "--output", "json")
    (answer,) = json.loads(done.stdout)["answers"]
    assert answer["outcome"] == "unsatisfiable", answer
    assert "cs paid for one" in answer["reason"]
    inventory.write_text(INVENTORY.replace("example.org/team: cs", "example.org/team: physics"))
    done = invoke("allocate", policy, inventory, *NOON, "--output", "json")
    assert json.loads(done.stdout)["answers"][0]["devices"] == ["g=gpu-1"]
    inventory.write_text(INVENTORY.replace("stage: final", "stage: draft"))
    done = invoke("allocate", policy, inventory, *NOON, "--output", "json")
    assert "drafts run on CPUs" in json.loads(done.stdout)["answers"][0]["reason"]


def test_the_time_can_be_given(invoke: Invoke, files: tuple[Path, Path]) -> None:
    policy, inventory = files
    inventory.write_text(INVENTORY.replace("example.org/team: cs", "example.org/team: physics"))
    at_night = invoke("allocate", policy, inventory, "--at", "2026-11-25T23:30+01:00", "--output", "json")
    assert "maintenance at night" in json.loads(at_night.stdout)["answers"][0]["reason"]
    assert invoke("allocate", policy, inventory, "--at", "2026-11-25T22:30").exit_code == 2
    assert "no time" in invoke("allocate", policy, inventory, "--at", "tomorrow").output


def test_why_this_one_stands_above_the_table(invoke: Invoke, files: tuple[Path, Path]) -> None:
    policy, inventory = files
    unruled = POLICY.partition("quota cs")[0]
    policy.write_text(unruled + 'claim better { request gpu = 1 of gpu { prefer model == "b" } }\n')
    done = invoke("allocate", policy, inventory, *NOON, "--explain")
    assert 'prefer model == "b": 100 of 100' in done.stdout


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_capsule_has_all_that_rules_of_a_site_look_at(
    invoke: Invoke, files: tuple[Path, Path], tmp_path: Path, output: str
) -> None:
    policy, inventory = files
    for number, text in enumerate((INVENTORY, INVENTORY.replace("stage: final", "stage: draft"))):
        inventory.write_text(text)
        for at in ("2026-11-25T12:00:00Z", "2026-11-25T22:30:00Z"):
            capsule = tmp_path / f"{number}-{at[11:13]}.capsule"
            done = invoke(
                "allocate", policy, inventory, "--at", at, "--capsule", capsule, "--output", output, "--explain"
            )
            assert done.exit_code == 0, done.output
            again = invoke("replay", capsule)
            assert again.exit_code == 0, again.output
            assert again.stdout == done.stdout


def test_what_if_knows_who_asks_and_when(invoke: Invoke, files: tuple[Path, Path], tmp_path: Path) -> None:
    policy, inventory = files
    changed, capsule = tmp_path / "changed.yaml", tmp_path / "kept.capsule"
    changed.write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: ml, labels: {example.org/team: physics}}\n")
    arguments = ("what-if", policy, inventory, "--with", changed, *NOON, "--output", "json", "--capsule", capsule)
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["changes"]
    assert row["before"]["outcome"] == "unsatisfiable"
    assert row["after"]["devices"] == ["g=gpu-1"]
    again = invoke("replay", capsule)
    assert again.stdout == done.stdout


def test_what_rests_on_rules_of_a_site_is_not_made_smaller(
    invoke: Invoke, files: tuple[Path, Path], tmp_path: Path
) -> None:
    capsule = tmp_path / "kept.capsule"
    assert invoke("allocate", *files, *NOON, "--capsule", capsule).exit_code == 0
    done = invoke("shrink", capsule)
    assert done.exit_code == 2
    assert "CAP008" in done.output
