"""`dra-policy render` from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
import yaml
from click.testing import CliRunner, Result

from dra_policy.cli.application import application

DATA: Final = Path(__file__).parent / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(application, ["render", *arguments])


def policy(folder: Path, text: str) -> str:
    path = folder / "a.dra"
    path.write_text(f"policy a.example.org version 1.0.0 language 1\n{text}", encoding="utf-8")
    return str(path)


def test_objects_are_printed_in_the_order_in_which_they_can_be_applied() -> None:
    done = run(str(DATA))
    assert done.exit_code == 0, done.output
    kinds = [one.get("kind") for one in yaml.safe_load_all(done.stdout)]
    assert list(dict.fromkeys(kinds)) == [
        "CustomResourceDefinition",
        "DeviceClass",
        "ResourceClaimTemplate",
        "ResourceSlice",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ResourceQuota",
        "DeviceTaintRule",
        "k8s.gpu.example.com/claim",
    ]


def test_a_folder_gets_one_file_a_kind_and_the_report(tmp_path: Path) -> None:
    done = run(str(DATA), "-o", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0-schemas.yaml",
        "1-classes.yaml",
        "2-templates.yaml",
        "3-slices.yaml",
        "4-admission.yaml",
        "5-quotas.yaml",
        "6-taints.yaml",
        "cdi",
        "report.json",
    ]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["kubernetes"] == "1.37"
    assert {rule["enforcedBy"] for rule in report["rules"]} == {"cluster", "controller", "node", "advisory"}


def test_one_kind_and_one_machine() -> None:
    done = run(str(DATA), "--kind", "slices", "--machine", "box=node-7")
    assert done.exit_code == 0, done.output
    slices = list(yaml.safe_load_all(done.stdout))
    assert {one["spec"]["nodeName"] for one in slices} == {"node-7"}


def test_the_report_as_a_table_and_as_data() -> None:
    table = run(str(DATA), "--report", "table")
    assert table.exit_code == 0
    assert "matchAttribute" in table.stdout
    assert "rules: " in table.stdout.splitlines()[-1]
    data = json.loads(run(str(DATA), "--report", "json").stdout)
    row = next(one for one in data["rules"] if one["rule"] == "same numa")
    assert row["because"] == "copies must not cross sockets"
    assert row["place"].endswith("site.dra:28")


def test_a_rendering_that_fails_prints_no_objects(tmp_path: Path) -> None:
    path = policy(tmp_path, "device Gpu { driver gpu.example.org }\nshare s of Gpu { only same namespace }\n")
    done = run(path)
    assert done.exit_code == 2
    assert not done.stdout
    assert "REN001" in done.stderr
    assert run(path, "--controller").exit_code == 0
    report = run(path, "--report", "json")
    assert report.exit_code == 2
    assert json.loads(report.stdout)["rules"][0]["enforcedBy"] == "nobody"
    told = run(path, "--controller", "--report", "json")
    assert json.loads(told.stdout)["rules"][0]["enforcedBy"] == "controller"


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        (["One=on"], ""),
        (["One=on", "Two=on"], "gates `One` and `Two` exclude each other"),
        (["Three=on"], "gate `Three` is on and requires `One`, which is off"),
        (["Three=on", "One=on"], ""),
        (["Oen=on"], "did you mean `One`?"),
    ],
)
def test_gates_that_do_not_go_together(tmp_path: Path, gates: list[str], said: str) -> None:
    path = policy(
        tmp_path,
        "device Gpu { driver gpu.example.org }\ngate One default off excludes Two\ngate Two default off\n"
        "gate Three default off requires One\n",
    )
    done = run(path, *(part for gate in gates for part in ("--gate", gate)))
    assert done.exit_code == (2 if said else 0)
    assert said in done.output


def test_what_is_lost_on_the_target_is_said(tmp_path: Path) -> None:
    path = policy(
        tmp_path,
        "device Gpu { driver gpu.example.org }\nmodel Big of Gpu { }\nbinds of Gpu when gpu.example.org/Ready fails on Lost\n"
        "machine m { devices gpu[0] of Big }\n",
    )
    done = run(path, "--target", "1.35")
    assert done.exit_code == 0
    assert not done.stdout.strip()
    assert "lost on Kubernetes 1.35: device `Gpu`, binds when gpu.example.org/Ready: its devices are" in done.stderr
    assert not run(path).stderr


def test_a_placeholder_without_a_value_is_said(tmp_path: Path) -> None:
    path = policy(
        tmp_path,
        "device Gpu { driver gpu.example.org  attribute minor int optional }\nmodel Big of Gpu { }\n"
        'setup Gpu { for each device { node "/dev/gpu{minor}" } }\n',
    )
    claim = tmp_path / "claim.yaml"
    claim.write_text(
        """
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: one, namespace: ns, uid: u-1}
spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu}}]}}
status:
  allocation:
    devices: {results: [{request: r, driver: gpu.example.org, pool: node-1, device: gpu-0}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: node-1-gpus}
spec:
  driver: gpu.example.org
  nodeName: node-1
  pool: {name: node-1, generation: 1, resourceSliceCount: 1}
  devices: [{name: gpu-0}, {name: gpu-1, attributes: {minor: {int: 1}}}]
""",
        encoding="utf-8",
    )
    done = run(path, "--kind", "cdi", "--allocation", str(claim))
    assert done.exit_code == 2
    assert "REN003" in done.stderr
    assert "`{minor}`" in done.stderr
    claim.write_text(claim.read_text().replace("device: gpu-0}", "device: gpu-1}"), encoding="utf-8")
    done = run(path, "--kind", "cdi", "--allocation", str(claim))
    assert done.exit_code == 0, done.output
    (made,) = yaml.safe_load_all(done.stdout)
    assert made["devices"] == [
        {"name": "u-1-gpu-1", "containerEdits": {"deviceNodes": [{"path": "/dev/gpu1"}]}},
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--target", "1.30"], 2, "no target"),
        (["--target", "1.35", "--features", "ListTypeAttributes=true"], 2, "comes with 1.36"),
        (["--features", "DeviceTaints"], 2, "write DeviceTaints=true"),
        (["--features", "DeviceTaint=true"], 2, "did you mean"),
        (["--gate", "MPSSupport=yes"], 2, "write MPSSupport=on"),
        (["--machine", "bx"], 2, "did you mean `box`"),
        (["--machine", "box=N_1"], 2, "--machine: node `N_1` must be lower case letters"),
        (["--machine", "box=N_1"], 2, "write `n-1`"),
    ],
)
def test_wrong_arguments(arguments: list[str], code: int, said: str) -> None:
    done = run(str(DATA), *arguments)
    assert done.exit_code == code
    assert said in done.stderr


UNIQUE = """device A { driver a.example.org  attribute uuid text unique in cluster  attribute of text }
model M of A
modes of M { mode whole gives of "{uuid}" }
machine m { devices a[0..1] of M  place a[0..1] uuid "D0" "D1" }
"""


def test_what_is_unique_in_a_cluster_is_another_one_on_another_node(tmp_path: Path) -> None:
    path = policy(tmp_path, UNIQUE)
    done = run(path, "--kind", "slices", "--machine", "m=n1", "--machine", "m=n2")
    assert done.exit_code == 0, done.output
    slices = list(yaml.safe_load_all(done.stdout))
    values = [
        [one["attributes"][name]["string"] for one in s["spec"]["devices"] for name in ("uuid", "of")] for s in slices
    ]
    assert values == [["D0", "D0", "D1", "D1"], ["D0-n2", "D0-n2", "D1-n2", "D1-n2"]]
    assert (
        '`uuid` is unique in a cluster: "D0" of a second machine is "D0-n2" on node `n2`, and so on for 1 more'
        in done.stderr
    )
    assert run(path, "--kind", "slices", "--machine", "m=n1").stderr == ""


def test_a_value_that_is_too_long_to_have_a_node_behind_it(tmp_path: Path) -> None:
    path = policy(tmp_path, UNIQUE.replace("D0", "D" * 60))
    done = run(path, "--kind", "slices", "--machine", "m=node-1", "--machine", "m=node-2")
    assert done.exit_code == 0, done.output
    values = [
        one["attributes"]["uuid"]["string"] for s in yaml.safe_load_all(done.stdout) for one in s["spec"]["devices"]
    ]
    assert values == ["D" * 60, "D1", "uuid-1", "D1-node-2"]
