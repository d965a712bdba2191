"""`dra-policy allocate`, end to end over manifests and policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

NODES = "".join(
    f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}}}}}\n"
    for name in ("node-b", "node-a")
)

SLICES = "".join(
    f"""---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {{name: {node}-gpus}}
spec:
  driver: gpu.example.com
  nodeName: {node}
  pool: {{name: {node}, generation: 1, resourceSliceCount: 1}}
  devices:
  - {{name: gpu-0, attributes: {{model: {{string: {model}}}}}, capacity: {{memory: {{value: 80Gi}}}}}}
"""
    for node, model in (("node-a", "H100"), ("node-b", "A100"))
)

CLASS = """---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
spec: {selectors: [{cel: {expression: "device.driver == 'gpu.example.com'"}}]}
"""


def claim(name: str, selector: str = "true", kind: str = "ResourceClaim", status: str = "") -> str:
    devices = f"""devices: {{requests: [{{name: gpu, exactly: {{deviceClassName: gpu,
      selectors: [{{cel: {{expression: "{selector}"}}}}]}}}}]}}"""
    spec = devices if kind == "ResourceClaim" else f"spec: {{{devices}}}"
    return f"---\napiVersion: resource.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n{status}"


H100 = "device.attributes['gpu.example.com'].model == 'H100'"
IN_USE = """status:
  allocation:
    devices: {results: [{request: gpu, driver: gpu.example.com, pool: node-a, device: gpu-0}]}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Two nodes with a GPU each."""
    file = tmp_path / "fleet.yaml"
    file.write_text(NODES + SLICES + CLASS, encoding="utf-8")
    return file


@pytest.fixture
def ask(fleet: Path, tmp_path: Path, invoke: Invoke) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Ask for claims on the fleet; gives the exit code and the answers."""

    def run(claims: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
        (tmp_path / "claims.yaml").write_text(claims, encoding="utf-8")
        done = invoke("allocate", fleet, tmp_path / "claims.yaml", "--output", "json", *options)
        assert done.exit_code in (0, 1, 3), done.stderr
        return done.exit_code, json.loads(done.stdout)["answers"]

    return run


Ask = Callable[..., tuple[int, list[dict[str, Any]]]]


def short(answers: list[dict[str, Any]]) -> list[tuple[str, str, str | None, list[str]]]:
    return [(a["claim"], a["outcome"], a["node"], a["devices"]) for a in answers]


def test_claims_get_devices_in_turn_on_the_first_node_by_name(ask: Ask) -> None:
    status, answers = ask(claim("one") + claim("two", kind="ResourceClaimTemplate") + claim("three"))
    assert short(answers) == [
        ("default/one", "allocated", "node-a", ["gpu=gpu-0"]),
        ("default/two", "allocated", "node-b", ["gpu=gpu-0"]),
        ("default/three", "unsatisfiable", None, []),
    ]
    assert status == 0
    assert "1 is held by claim default/one (gpu-0)" in answers[2]["reason"]


def test_the_order_is_that_of_the_files_not_of_the_names(ask: Ask) -> None:
    _, answers = ask(claim("zebra", H100) + claim("ant", H100))
    assert [(a["claim"], a["outcome"]) for a in answers] == [
        ("default/zebra", "allocated"),
        ("default/ant", "unsatisfiable"),
    ]


def test_require_all_makes_a_refusal_a_failure(ask: Ask) -> None:
    assert ask(claim("one", H100), "--require-all")[0] == 0
    assert ask(claim("one", H100) + claim("two", H100), "--require-all")[0] == 1


def test_each_alone_forgets_between_the_claims(ask: Ask) -> None:
    status, answers = ask(claim("one", H100) + claim("two", H100), "--each-alone", "--require-all")
    assert status == 0
    assert [a["node"] for a in answers] == ["node-a", "node-a"]


def test_claims_with_devices_are_in_use_and_not_asked(ask: Ask) -> None:
    _, answers = ask(claim("holder", status=IN_USE) + claim("one") + claim("two", H100), "--each-alone")
    assert short(answers) == [
        ("default/one", "allocated", "node-b", ["gpu=gpu-0"]),
        ("default/two", "unsatisfiable", None, []),
    ]


def test_on_one_node(ask: Ask, fleet: Path, invoke: Invoke) -> None:
    _, answers = ask(claim("one") + claim("two", H100), "--node", "node-b")
    assert short(answers) == [
        ("default/one", "allocated", "node-b", ["gpu=gpu-0"]),
        ("default/two", "unsatisfiable", "node-b", []),
    ]
    done = invoke("allocate", fleet, fleet.parent / "claims.yaml", "--node", "node-c")
    assert done.exit_code == 2
    assert "ENG001 there is no node `node-c`" in done.stderr


def test_on_every_node_alone_and_in_turn(ask: Ask) -> None:
    _, alone = ask(claim("one") + claim("two"), "--per-node", "--each-alone")
    assert [(a["claim"], a["node"], a["outcome"]) for a in alone] == [
        ("default/one", "node-a", "allocated"),
        ("default/one", "node-b", "allocated"),
        ("default/two", "node-a", "allocated"),
        ("default/two", "node-b", "allocated"),
    ]
    _, in_turn = ask(claim("one") + claim("two"), "--per-node")
    assert [a["outcome"] for a in in_turn] == ["allocated", "allocated", "unsatisfiable", "allocated"]


def test_an_error_of_a_selector_is_an_answer(ask: Ask) -> None:
    status, answers = ask(claim("one", "device.attributes['gpu.example.com'].index == 0"), "--require-all")
    assert status == 1
    assert answers[0]["outcome"] == "failed"
    assert answers[0]["reason"].startswith("no device of gpu.example.com has attribute `index`; claim `one`")
    assert "no such key: index" in answers[0]["message"]


def test_a_step_limit_ends_in_gave_up(ask: Ask, fleet: Path, invoke: Invoke) -> None:
    status, answers = ask(claim("one"), "--step-limit", "1", "--require-all")
    assert (status, answers[0]["outcome"], answers[0]["devices"]) == (0, "allocated", ["gpu=gpu-0"])
    two = claim("two").replace("deviceClassName: gpu,", "deviceClassName: gpu, count: 2,")
    crowded = fleet.read_text(encoding="utf-8").replace("  - {name: gpu-0,", "  - {name: gpu-9}\n  - {name: gpu-0,")
    fleet.write_text(crowded, encoding="utf-8")
    status, answers = ask(two, "--step-limit", "1")
    assert (status, answers[0]["outcome"]) == (3, "gaveUp")
    done = invoke("allocate", fleet, fleet.parent / "claims.yaml", "--step-limit", "1")
    assert done.exit_code == 3
    assert "this is not a no" in done.stdout
    assert invoke("allocate", fleet, fleet.parent / "claims.yaml", "--step-limit", "0").exit_code == 2


def test_the_namespace_of_claims_that_name_none(ask: Ask) -> None:
    named = claim("two").replace("{name: two}", "{name: two, namespace: team-b}")
    _, answers = ask(claim("one") + named, "--namespace", "team-a")
    assert [a["claim"] for a in answers] == ["team-a/one", "team-b/two"]


def test_the_table_has_a_row_a_request_or_a_reason(fleet: Path, invoke: Invoke) -> None:
    done = invoke("allocate", fleet, "-", stdin=claim("one", H100) + claim("two", H100))
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["claim", "request", "node", "devices,", "or", "the", "reason", "why", "not"]
    assert lines[2].split() == ["default/one", "gpu", "node-a", "gpu-0"]
    assert lines[3].split()[:2] == ["default/two", "refused:"]
    assert "1 is held by claim default/one (gpu-0)" in " ".join(done.stdout.split())
    assert lines[-1] == "2 questions: 1 allocated, 1 refused"
    assert "\x1b" not in done.stdout


def test_all_that_can_be_said_of_every_claim(fleet: Path, invoke: Invoke) -> None:
    claims = claim("one", H100) + claim("two", H100, kind="ResourceClaimTemplate") + claim("three")
    explained = invoke("allocate", fleet, "-", "--explain", stdin=claims).stdout
    one, two, three, table = explained.split("\n\n", 3)
    assert one.splitlines()[:4] == [
        "default/one: placed on node-a",
        "  gpu=gpu-0",
        "  why:",
        "    gpu=gpu-0",
    ]
    held = "1 is held by claim default/one (gpu-0)"
    assert two.splitlines()[:3] == [
        f"default/two: refused: nearest is node-a: request `gpu` wants 1 device and 1 match, but {held}",
        "  not now: it fits on node-a once claim default/one gives back gpu-0",
        f'  smallest change: "A100" too in `{H100}` (then it fits on node-b)',
    ]
    for node, reason in (("node-a", "-1 in use"), ("node-b", "-1 fail the claim's rule")):
        assert f"  {node}\n" in two
        assert reason in two
    assert "1 node before node-b in the order cannot have the claims" in three
    assert table.splitlines()[-1] == "3 questions: 2 allocated, 1 refused"
    data = json.loads(invoke("allocate", fleet, "-", "--explain", "-o", "json", stdin=claims).stdout)["answers"]
    assert [answer["kind"] for answer in data] == ["placed", "notNow", "placed"]
    assert data[2]["chosen"]["earlier"] == 1


def test_yaml_says_the_same_as_json(fleet: Path, invoke: Invoke) -> None:
    from dra_policy.resources.reading import read_values
    from dra_policy.source import Source

    both = [
        invoke("allocate", fleet, "-", "-o", form, stdin=claim("one", H100) + claim("two", H100)).stdout
        for form in ("json", "yaml")
    ]
    (value,), problems = read_values(Source("answers.yaml", both[1]))
    assert problems == []
    assert value.value == json.loads(both[0])


def test_claims_from_a_folder_of_policy_inventory_and_claims(repository: Path, invoke: Invoke) -> None:
    given, shipped = (
        invoke("allocate", path, "-o", "json") for path in (repository / "policies" / "ip-camera", "shipped:ip-camera")
    )
    assert given.exit_code == 0, given.stderr
    answers = json.loads(given.stdout)["answers"]
    assert any(a["outcome"] == "allocated" and a["devices"] for a in answers)
    assert [short([a]) for a in json.loads(shipped.stdout)["answers"]] == [short([a]) for a in answers]


def test_warnings_stand_on_standard_error_and_change_nothing(fleet: Path, invoke: Invoke) -> None:
    other = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
    done = invoke("allocate", fleet, "-", "-o", "json", stdin=claim("one") + other)
    assert done.exit_code == 0
    assert [a["node"] for a in json.loads(done.stdout)["answers"]] == ["node-a"]
    assert "warning: RES002" in done.stderr


def test_nothing_to_ask_is_invalid_input(fleet: Path, invoke: Invoke) -> None:
    done = invoke("allocate", fleet)
    assert done.exit_code == 2
    assert "SRC005 there is no claim to allocate" in done.stderr
    assert done.stdout == ""


def test_options_that_contradict_each_other(fleet: Path, invoke: Invoke) -> None:
    assert invoke("allocate", fleet, "--per-node", "--node", "node-a").exit_code == 2
    assert invoke("allocate", fleet, "--expect", "x.yaml").exit_code == 2


# --------------------------------------------------------------------------------- against upstream's answers


VENDOR_PARTS = ("nodes.yaml", "slices", "classes", "claims")


def test_upstreams_answers_to_the_vendors_claims(vendors: Path, invoke: Invoke) -> None:
    """28 claims on 28 nodes, device for device and error for error as kube-scheduler 1.37.2 gives them."""
    parts = [vendors / part for part in VENDOR_PARTS]
    expected = vendors / "expected-upstream-1.37.2.yaml"
    options = ("--features", "all", "--each-alone", "--per-node", "--expect", expected)
    done = invoke("allocate", *options, *parts)
    assert done.exit_code == 0, done.stdout[-3000:] + done.stderr
    assert done.stdout.splitlines()[-1] == "784 of 784 pairs agree"


def test_a_difference_from_expected_answers_is_shown(ask: Ask, fleet: Path, tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "claims.yaml").write_text(claim("one", H100), encoding="utf-8")
    expected = tmp_path / "expected.yaml"
    text = "apiVersion: dra-policy.dev/v1\nkind: ExpectedAnswers\nanswers:\n- {claim: one, nodes: {%s: gpu=gpu-0}, none: 1}\n"
    expected.write_text(text % "node-a", encoding="utf-8")
    options = ("--per-node", "--each-alone", "--expect", expected)
    agreed = invoke("allocate", fleet, tmp_path / "claims.yaml", *options)
    assert (agreed.exit_code, agreed.stdout.splitlines()[-1]) == (0, "2 of 2 pairs agree")
    expected.write_text(text % "node-b", encoding="utf-8")
    differs = invoke("allocate", fleet, tmp_path / "claims.yaml", *options)
    assert differs.exit_code == 1
    assert differs.stdout.splitlines()[-1] == "0 of 2 pairs agree"
    report = json.loads(invoke("allocate", fleet, tmp_path / "claims.yaml", *options, "-o", "json").stdout)
    assert report["comparison"]["differing"] == [
        {"claim": "default/one", "node": "node-a", "expected": "none", "got": "gpu=gpu-0"},
        {"claim": "default/one", "node": "node-b", "expected": "gpu=gpu-0", "got": "none"},
    ]
