"""CDI specifications: what the claim has of each device, names of their own, and what tells devices of a claim apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.allocations import allocations_of, examples
from dra_policy.render.cdi import setups_of, specification
from dra_policy.render.objects import Question, machine_slices, placed
from dra_policy.render.targets import Target
from dra_policy.resources import ResourceClaim, read_objects
from dra_policy.source import Source

HEAD = """policy ssd.example.org version 1.0.0 language 1
device Ssd { driver ssd.example.org  attribute number int  attribute state one of good, bad  flag worn absent means false
  capacity size bytes }
model Big of Ssd { size 1 TB }
share part of Big { each takes size 1 GB to 1 TB step 1 GB default 10 GB }
machine m { devices ssd[0..2] of Big named "ssd{index}" { state = good }  place ssd[0..2] number 0 1 2, ssd[1] worn true }
"""
TARGET = Target.of("1.37")
DRIVER = "ssd.example.org"


def policy(text: str) -> CheckedPolicies:
    checked, problems = load(Source("ssd.dra", HEAD + text))
    assert checked is not None, problems
    return checked


def cdi(
    tmp_path: Path, text: str, *results: str, config: str = "[]", target: Target = TARGET
) -> dict[str, dict[str, Any]]:
    """The edits of a claim that was given these devices, by name of the CDI device."""
    policies = policy(text)
    claim = tmp_path / "claim.yaml"
    lines = "\n".join(f"      - {{driver: {DRIVER}, pool: m, {one}}}" for one in results)
    claim.write_text(
        f"""apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {{name: one, namespace: ns, uid: u}}
spec: {{devices: {{requests: [{{name: a, exactly: {{deviceClassName: part}}}}]}}}}
status:
  allocation:
    devices:
      results:
{lines}
      config: {config}
""",
        encoding="utf-8",
    )
    question = Question(policies, target)
    slices = machine_slices(question)
    reading = read_objects(claim)
    assert not reading.diagnostics
    read = reading.of(ResourceClaim)
    ((driver, allocation),) = allocations_of(policies, read, slices, placed(question))
    made, problems = specification(setups_of(policies, driver), allocation, driver, target.features)
    assert made is not None
    assert not problems
    return {device["name"]: device["containerEdits"] for device in made["devices"]}


def test_an_amount_is_what_the_claim_takes(tmp_path: Path) -> None:
    found = cdi(
        tmp_path,
        'setup Ssd { for claim { env SIZES = join(size, ";") }  for each device { node "/dev/ssd-{number}-{size}" } }',
        "request: a, device: ssd0, shareID: 22222222-0000-4000-8000-000000000001, consumedCapacity: {size: 50G}",
        "request: a, device: ssd2, shareID: 22222222-0000-4000-8000-000000000002, consumedCapacity: {size: 7G}",
    )
    assert found["u"]["env"] == ["SIZES=50G;7G"]
    assert found["u-ssd2"]["deviceNodes"] == [{"path": "/dev/ssd-2-7G"}]


def test_a_device_that_is_held_as_a_whole_has_all(tmp_path: Path) -> None:
    found = cdi(tmp_path, 'setup Ssd { for claim { env SIZES = join(size, ";") } }', "request: a, device: ssd0")
    assert found == {"u": {"env": ["SIZES=1T"]}}


def test_two_shares_of_one_device_have_names_of_their_own(tmp_path: Path) -> None:
    found = cdi(
        tmp_path,
        'setup Ssd { for each device { mount "/part/{size}" } }',
        "request: a, device: ssd0, shareID: 22222222-0000-4000-8000-000000000001, consumedCapacity: {size: 50G}",
        "request: b, device: ssd0, shareID: 22222222-0000-4000-8000-000000000002, consumedCapacity: {size: 7G}",
    )
    assert [one["mounts"][0]["hostPath"] for one in found.values()] == ["/part/50G", "/part/7G"]
    assert list(found) == ["u-ssd0", "u-ssd0.2"]


def test_what_is_for_each_request_joins_its_devices(tmp_path: Path) -> None:
    found = cdi(
        tmp_path,
        'setup Ssd { for each request { env SSD = join(number, ",") } }',
        "request: a, device: ssd0",
        "request: b, device: ssd1",
        "request: b, device: ssd2",
    )
    assert {name: edits["env"] for name, edits in found.items()} == {
        "u-ssd0": ["SSD=0"],
        "u-ssd1": ["SSD=1,2"],
        "u-ssd2": ["SSD=1,2"],
    }


def test_each_request_has_what_is_set_for_it(tmp_path: Path) -> None:
    text = """parameters P of Ssd { api p.example.org/v1 P  field mode text default "plain"  field depth int default 1 }
    setup Ssd { for each device { env "MODE_{place}" = "{mode}"  env "DEPTH_{place}" = "{depth}" } }"""
    kind = f"driver: {DRIVER}, parameters: {{apiVersion: p.example.org/v1, kind: P"
    config = (
        f"[{{source: FromClass, requests: [a, b], opaque: {{{kind}, mode: slow, depth: 2}}}}}}, "
        f"{{source: FromClaim, requests: [b], opaque: {{{kind}, mode: fast}}}}}}]"
    )
    three = [f"request: {request}, device: ssd{number}" for number, request in enumerate("abc")]
    found = cdi(tmp_path, text, *three, config=config)
    assert [edits["env"] for edits in found.values()] == [
        ["MODE_0=slow", "DEPTH_0=2"],
        ["MODE_1=fast", "DEPTH_1=2"],
        ["MODE_2=plain", "DEPTH_2=1"],
    ]


def test_a_set_of_parameters_is_joined(tmp_path: Path) -> None:
    text = """parameters P of Ssd { api p.example.org/v1 P  field ladder set of text optional  field sizes set of int optional }
    setup Ssd { for claim { env LADDER = join(ladder, ":")  env SIZES = join(sizes, ";")  env PLAIN = "{ladder}" } }"""
    kind = f"driver: {DRIVER}, parameters: {{apiVersion: p.example.org/v1, kind: P"
    config = (
        f'[{{source: FromClass, requests: [a], opaque: {{{kind}, ladder: ["a,b", c]}}}}}}, '
        f"{{source: FromClaim, requests: [b], opaque: {{{kind}, ladder: [c, d], sizes: [4, 8]}}}}}}]"
    )
    two = [f"request: {request}, device: ssd{number}" for number, request in enumerate("ab")]
    assert cdi(tmp_path, text, *two, config=config)["u"]["env"] == ["LADDER=a,b:c:d", "SIZES=4;8", "PLAIN=a,b,c"]


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        ('field one text } setup Ssd { for claim { env X = join(one, ",") } }', "SET006"),
        ('field number set of int } setup Ssd { for claim { env X = join(number, ",") } }', "SET011"),
        ('field one set of text } setup Ssd { for claim { env X = join(two, ",") } }', "NAM001"),
    ],
)
def test_what_cannot_be_joined(statements: str, code: str) -> None:
    text = f"parameters P of Ssd {{ api p.example.org/v1 P {statements}"
    _, (problem,) = load(Source("a.dra", HEAD + text))
    assert problem.code == code
    assert problem.help


def test_a_parameter_that_is_an_amount_has_a_unit(tmp_path: Path) -> None:
    text = """parameters P of Ssd { api p.example.org/v1 P  field rate hertz optional  field cache bytes default 1.5Gi }
    setup Ssd { for claim { env RATE = "{rate in MHz}"  env CACHE = "{cache in MiB}" } }"""
    kind = f"driver: {DRIVER}, parameters: {{apiVersion: p.example.org/v1, kind: P"
    config = f"[{{source: FromClaim, opaque: {{{kind}, rate: 1500M}}}}}}]"
    found = cdi(tmp_path, text, "request: a, device: ssd0", config=config)
    assert found["u"]["env"] == ["RATE=1500", "CACHE=1536"]
    wrong = text.replace("rate in MHz", "rate in MiB").replace("field rate hertz", "field rate duration")
    for one in (wrong, wrong.replace("rate in MiB", "rate in min"), text.replace("in MHz", "in MB")):
        checked, problems = load(Source("ssd.dra", HEAD + one))
        assert checked is None
        assert [problem.code for problem in problems] == ["SET006"]


def test_what_is_for_the_claim_is_there_if_any_device_wants_it(tmp_path: Path) -> None:
    text = 'setup Ssd { for claim { env WORN = "yes" when worn  env NODE = "{node}" } }'
    found = cdi(tmp_path, text, "request: a, device: ssd0", "request: a, device: ssd1")
    assert found["u"]["env"] == ["WORN=yes", "NODE=m"]
    assert cdi(tmp_path, text, "request: a, device: ssd0")["u"]["env"] == ["NODE=m"]


@pytest.mark.parametrize("condition", ["", "advertise when state == good"])
def test_an_example_is_there_whatever_is_advertised(condition: str) -> None:
    policies = policy(f'{condition} setup Ssd {{ for claim {{ env SIZES = join(size, ",") }} }}')
    ((driver, allocation),) = examples(policies, TARGET)
    made, _ = specification(setups_of(policies, driver), allocation, driver, TARGET.features)
    assert made is not None
    # Who asks for no amount gets the default.
    assert made["devices"][0]["containerEdits"] == {"env": ["SIZES=10G,10G"]}


TWO_KINDS = """policy tape.example.org version 1.0.0 language 1
device Drive { driver tape.example.org  attribute kind one of drive, robot
  attribute serial text unique in cluster  attribute lto int KEY }
device Robot { driver tape.example.org  attribute kind one of drive, robot  attribute arm int KEY }
model D of Drive { kind drive }
model R of Robot { kind robot }
setup Drive { for each device { node "/dev/nst{lto}" }  for claim { env DRIVES = join(kind, ",") } }
setup Robot { for each device { node "/dev/sg{arm}" } }
machine library { devices d[0] of D { serial = "s0"  lto = 9 }  devices r[0] of R { arm = 3 } }
"""


@pytest.mark.parametrize("key", ["", 'publish as "tape.example.org/number"'])
@pytest.mark.parametrize("with_machines", [True, False])
def test_a_set_up_is_for_devices_of_its_own_kind(tmp_path: Path, key: str, with_machines: bool) -> None:
    policies, problems = load(Source("tape.dra", TWO_KINDS.replace("KEY", key)))
    assert policies is not None, problems
    wanted = {"u-d-0": ["/dev/nst9"], "u-r-0": ["/dev/sg3"], "u": []}
    claim = tmp_path / "claim.yaml"
    results = "\n".join(
        f"      - {{driver: tape.example.org, pool: library, request: a, device: {name}}}" for name in ("d-0", "r-0")
    )
    claim.write_text(
        f"""apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {{name: one, namespace: ns, uid: u}}
spec: {{devices: {{requests: [{{name: a, exactly: {{deviceClassName: part}}}}]}}}}
status:
  allocation:
    devices:
      results:
{results}
""",
        encoding="utf-8",
    )
    question = Question(policies, TARGET)
    machines = placed(question) if with_machines else ()
    ((driver, allocation),) = allocations_of(
        policies, read_objects(claim).of(ResourceClaim), machine_slices(question), machines
    )
    made, wrong = specification(setups_of(policies, driver), allocation, driver, TARGET.features)
    assert not wrong
    assert made is not None
    edits = {device["name"]: device["containerEdits"] for device in made["devices"]}
    assert {name: [one["path"] for one in of.get("deviceNodes", ())] for name, of in edits.items()} == wanted
    assert edits["u"]["env"] == ["DRIVES=drive"]


def test_an_example_has_devices_of_each_kind() -> None:
    policies, problems = load(Source("tape.dra", TWO_KINDS.replace("KEY", "")))
    assert policies is not None, problems
    ((driver, allocation),) = examples(policies, TARGET)
    made, wrong = specification(setups_of(policies, driver), allocation, driver, TARGET.features)
    assert not wrong
    assert made is not None
    paths = [one["path"] for device in made["devices"] for one in device["containerEdits"].get("deviceNodes", ())]
    assert len(paths) == len(made["devices"]) - 1
    assert {path[:6] for path in paths} == {"/dev/n", "/dev/s"}


def test_a_node_for_each_number_of_a_range(tmp_path: Path) -> None:
    text = """setup Ssd { for each device {
      node "/dev/channels/channel{n}" permissions "rw" for n 0 to 2047 when not worn
      node "/dev/part{number}-{p}" from "/dev/raw{p}" for p 3 to 4 } }"""
    found = cdi(tmp_path, text, "request: a, device: ssd0", "request: a, device: ssd1")
    many = found["u-ssd0"]["deviceNodes"]
    assert len(many) == 2050
    assert many[0] == {"path": "/dev/channels/channel0", "permissions": "rw"}
    assert many[2047]["path"] == "/dev/channels/channel2047"
    assert many[2048:] == [{"path": f"/dev/part0-{p}", "hostPath": f"/dev/raw{p}"} for p in (3, 4)]
    assert [one["path"] for one in found["u-ssd1"]["deviceNodes"]] == ["/dev/part1-3", "/dev/part1-4"]


@pytest.mark.parametrize(
    ("node", "code", "said"),
    [
        ('"/dev/c{n}" for n 3 to 2', "SET005", "backwards"),
        ('"/dev/c{n}" for n 0 to 4096', "SET005", "4097 nodes are more than 4096"),
        ('"/dev/c" for n 0 to 3', "SET006", "all 4 nodes would have one path"),
        ('"/dev/c{m}" for n 0 to 3', "SET006", "one path"),
        ('"/dev/c{number}" for number 0 to 3', "SET011", "declared already"),
        ('"/dev/c{place}" for place 0 to 3', "SET011", "place"),
        ('"/dev/c{n}" from "/dev/raw{number}-{n}" for n 0 to 3', "SET007", "several devices"),
    ],
)
def test_ranges_that_are_wrong(node: str, code: str, said: str) -> None:
    _, problems = load(Source("ssd.dra", f"{HEAD}setup Ssd {{ for each device {{ node {node} }} }}"))
    assert code in [problem.code for problem in problems]
    assert any(said in problem.message for problem in problems)


CONFIGURED = """parameters P of Ssd { api p.example.org/v1 P
  field channels one of single, every default single
  field depth int optional  field loud bool default false  field rate hertz optional  field wait duration default 90s
  field firmware version optional  field ladder set of int optional  field inner.kind text default "plain" }
define first of Ssd = number == 0
setup Ssd { for each device {
    node "/dev/channel{number}" when channels == single
    node "/dev/channel{n}" for n 0 to 3 when channels == every
    mount "/each/{place}" when CONDITION }
  for each request { mount "/request/{request}" when CONDITION }
  for claim { mount "/claim" when CONDITION }
  step one run "true" undo "true" when CONDITION }"""


@pytest.mark.parametrize("release", ["1.36", "1.37"])
@pytest.mark.parametrize(
    ("condition", "set_", "met"),
    [
        ("channels == every", "channels: every", True),
        ("channels == every", "", False),
        ("first and channels != every", "", True),
        ("number == 1 or channels in every", "", False),
        ("has depth and depth > number", "depth: 1", True),
        ("has depth and depth > number", "depth: 0", False),
        ("has depth and depth > number", "", False),
        ("has depth and depth >= 0", "depth: deep", False),
        ("loud", "loud: true", True),
        ("not loud", "", True),
        ("has rate and rate >= 1.5 GHz", "rate: 1500M", True),
        ("has rate and rate >= 1.5 GHz", 'rate: "fast"', False),
        ("wait == 90s", "", True),
        ("wait > 1 min", "wait: 1m0.5s", True),
        ("wait > 1 min", "wait: soon", False),
        ("has firmware and firmware >= 2.10", "firmware: 2.11.0", True),
        ("has firmware and firmware >= 2.10", "firmware: 2.9.0", False),
        ("has firmware and firmware >= 2.10", "firmware: new", False),
        ("has ladder and 4 in ladder", "ladder: [2, 4]", True),
        ("has ladder and 4 in ladder", "ladder: [2, 14]", False),
        ('inner.kind starts with "pl"', "", True),
        ('inner.kind starts with "pl"', "inner: {kind: odd}", False),
    ],
)
def test_a_condition_on_parameters(tmp_path: Path, condition: str, set_: str, met: bool, release: str) -> None:
    text = CONFIGURED.replace("CONDITION", condition)
    kind = f"driver: {DRIVER}, parameters: {{apiVersion: p.example.org/v1, kind: P"
    config = f"[{{source: FromClaim, requests: [a], opaque: {{{kind}, {set_}}}}}}}]" if set_ else "[]"
    found = cdi(tmp_path, text, "request: a, device: ssd0", config=config, target=Target.of(release))
    mounts = [one["hostPath"] for of in found.values() for one in of.get("mounts", ())]
    assert mounts == (["/each/0", "/request/a", "/claim"] if met else [])
    nodes = [one["path"] for one in found["u-ssd0"]["deviceNodes"]]
    assert nodes == [f"/dev/channel{n}" for n in (range(4) if set_ == "channels: every" else (0,))]


def test_each_request_meets_conditions_by_what_is_set_for_it(tmp_path: Path) -> None:
    text = CONFIGURED.replace("CONDITION", "channels == every")
    kind = f"driver: {DRIVER}, parameters: {{apiVersion: p.example.org/v1, kind: P"
    config = f"[{{source: FromClass, requests: [b], opaque: {{{kind}, channels: every}}}}}}]"
    found = cdi(tmp_path, text, "request: a, device: ssd0", "request: b, device: ssd1", config=config)
    mounts = {name: [one["hostPath"] for one in of.get("mounts", ())] for name, of in found.items()}
    assert mounts == {"u-ssd0": [], "u-ssd1": ["/each/1", "/request/b"], "u": ["/claim"]}


def test_an_example_has_the_defaults_of_parameters() -> None:
    policies = policy(CONFIGURED.replace("CONDITION", "loud"))
    ((driver, allocation),) = examples(policies, TARGET)
    made, wrong = specification(setups_of(policies, driver), allocation, driver, TARGET.features)
    assert made is not None
    assert not wrong
    assert all(len(one["containerEdits"]["deviceNodes"]) == 1 for one in made["devices"])


@pytest.mark.parametrize(
    ("condition", "code", "said"),
    [
        ("depth > 1", "TYP006", "a claim may leave it out"),
        ("has depth and depth > 1 GiB", "TYP001", ""),
        ("channels == each", "TYP005", ""),
        ("channel == single", "NAM001", ""),
        ("channels", "TYP008", "is no condition"),
        ("state == good", "SET011", "a field of its parameters"),
        ("both == 1", "SET011", "a field of several parameters"),
        ("has ladder and number in ladder", "TYP012", "only a fixed value"),
    ],
)
def test_conditions_on_parameters_that_are_wrong(condition: str, code: str, said: str) -> None:
    text = CONFIGURED.replace("CONDITION", condition).replace(
        "default single", "default single  field both text optional", 1
    )
    text += 'parameters Q of Ssd { api p.example.org/v1 Q  field both int default 1  field state text default "x" }'
    _, problems = load(Source("ssd.dra", HEAD + text))
    assert problems
    assert {problem.code for problem in problems} == {code}
    assert all(problem.help and said in problem.message + problem.help for problem in problems)


def test_rules_of_classes_read_no_parameters() -> None:
    text = CONFIGURED.replace("CONDITION", "loud") + " class c of Ssd { require loud }"
    _, (problem,) = load(Source("ssd.dra", HEAD + text))
    assert problem.code == "NAM001"
