"""What people read of a refusal by each kind of rule that goes beyond Kubernetes (goldens): its author's sentence first.

`DRA_POLICY_WRITE_GOLDENS=1` writes what is said now into `golden/`, to be read before it is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated
from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.language import PolicyRules
from dra_policy.resources import Features, read_objects
from dra_policy.rules import Origin
from dra_policy.rules.conditions import ALWAYS, Condition, DeviceTest
from dra_policy.rules.site import (
    Agree,
    Agreement,
    BoardKey,
    Mode,
    ModeExclusion,
    SharingLimit,
    SiteRules,
)
from dra_policy.source import Source, Span

GOLDEN = Path(__file__).parent / "golden"
TEAM = {"example.org/team": "cs"}
FIELD = """subject { field team text from namespace label "example.org/team" trust admin }
class any of AcmeGpu
"""
FABRICS = """policy gpu.acme.com version 1.0.0 language 1
import std.numa
device AcmeGpu {
  driver gpu.acme.com
  attribute model one of A, B
  attribute clique text optional
  attribute numa std.numa.node optional
}
fabric links joins AcmeGpu { every pair same clique 100 GB/s }
fabric mesh joins AcmeGpu { torus x 4, y 4 100 GB/s }
"""


@dataclass(frozen=True)
class Case:
    """Rules of a site in the language, the devices of a node, what is held, and what is asked for."""

    name: str
    because: str
    rules: str
    devices: Sequence[dict[str, Any]]
    asked: str
    counts: tuple[tuple[str, int], ...] = (("x", 1),)
    held: tuple[str, ...] = ()
    hardware: str | None = None


def gpu(number: int, clique: str = "", **attributes: int) -> dict[str, Any]:
    made: dict[str, Any] = {"model": {"string": "A"}} | ({"clique": {"string": clique}} if clique else {})
    if "numa" in attributes:
        made["resource.kubernetes.io/numaNode"] = {"int": attributes["numa"]}
    return {"name": f"gpu-{number}", "attributes": made}


CASES = (
    Case(
        "refusal",
        "cs has machines of its own",
        'refuse any when subject.team == "cs"  because "cs has machines of its own"',
        [gpu(0), gpu(1)],
        "x",
    ),
    Case(
        "negotiable-refusal",
        "cs has machines of its own",
        'refuse any when subject.team == "cs"  negotiable because "cs has machines of its own"',
        [gpu(0), gpu(1)],
        "x",
    ),
    Case(
        "quota",
        "cs paid for one",
        'quota cs of AcmeGpu { subject team == "cs"  at most 1 because "cs paid for one" }',
        [gpu(0), gpu(1)],
        "y",
        (("x", 1), ("y", 1)),
        ("x",),
    ),
    Case(
        "quota-of-several",
        "cs paid for two",
        'quota cs of AcmeGpu { subject team == "cs"  at most 2 because "cs paid for two" }',
        [gpu(n) for n in range(4)],
        "y",
        (("x", 1), ("y", 2)),
        ("x",),
    ),
    Case(
        "cohort",
        "cs borrows what physics leaves",
        'quota cs of AcmeGpu { subject team == "cs"  at most 1 because "cs borrows what physics leaves" '
        "borrow to 3 from cohort uni }\n"
        'quota physics of AcmeGpu { subject team == "physics"  at most 1 borrow to 3 from cohort uni }',
        [gpu(n) for n in range(4)],
        "y",
        (("x", 2), ("y", 1)),
        ("x",),
    ),
    Case(
        "keep",
        "production starts at once",
        'level rack from node label "rack"\nclass production of AcmeGpu\n'
        'keep 1 of AcmeGpu per rack free for production because "production starts at once"',
        [gpu(0), gpu(1)],
        "x",
        (("x", 2),),
    ),
    Case(
        "links",
        "all-reduce is link bound",
        'claim x { request gpu = 3 of any { every pair linked by links because "all-reduce is link bound" } }',
        [gpu(0, "a"), gpu(1, "a"), gpu(2, "b"), gpu(3, "b")],
        "x",
        (),
        (),
        FABRICS,
    ),
    Case(
        "connected",
        "halos go to neighbours",
        'claim x { request gpu = 3 of any { connected by mesh because "halos go to neighbours" } }',
        [gpu(0), gpu(1), gpu(10), gpu(11)],
        "x",
        (),
        (),
        FABRICS,
    ),
    Case(
        "shape",
        "4 devices must be one block of 2x2, but of any such block at most 3 are left",
        "claim x { request gpu = 4 of any shaped block 2 x 2 }",
        [gpu(n) for n in (0, 1, 4, 5, 10)],
        "x",
        (("h", 1),),
        ("h",),
        FABRICS,
    ),
    Case(
        "no-shape",
        "4 devices must be one block of 2x2, but there is none",
        "claim x { request gpu = 4 of any shaped block 2 x 2 }",
        [gpu(n) for n in (0, 1, 2, 4, 10)],
        "x",
        (),
        (),
        FABRICS,
    ),
    Case(
        "same",
        "copies cross the bus",
        'claim x { request gpu = 2 of any { same numa because "copies cross the bus" } }',
        [gpu(0, numa=0), gpu(1, numa=1)],
        "x",
        (),
        (),
        FABRICS,
    ),
)


def golden(name: str, said: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("DRA_POLICY_WRITE_GOLDENS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said_of_a_refusal(site: Any, case: Case) -> None:
    engine: Engine = site.engine(
        FIELD + case.rules + "\n",
        site.node("node-1", rack="r1"),
        site.namespace("default", **TEAM),
        site.slice("node-1", case.devices),
        *(site.claim(name, count) for name, count in case.counts),
        **({} if case.hardware is None else {"devices": case.hardware}),
    )
    for held in case.held:
        engine.allocate(held)
    said = engine.explain(case.asked).text(verbose=True)
    first = said.splitlines()[0]
    assert case.because in first
    # What its author says comes before what the rule is and where it stands.
    assert case.name == "same" or first.index(case.because) < first.index("site.dra:")
    golden(case.name, said)


# --- rules of hardware, which stand in policies of drivers


def condition_of(text: str) -> Condition:
    program = compile_cel(Source("test", text), features=Features())
    assert not isinstance(program, EvaluationError), program
    return DeviceTest(program)


SOURCE = Source("gpu.dra", "only same namespace\ninterval agrees per device\nmodes of A\n")


def origin(text: str, because: str) -> Origin:
    start = SOURCE.text.index(text)
    return Origin("device AcmeGpu", text, Span(SOURCE, start, start + len(text)), because)


BOARD = BoardKey(("gpu.acme.com/board",))


def device(number: int, kind: str = "whole", *, shared: bool = False) -> dict[str, Any]:
    attributes = {"board": {"int": 0}, "kind": {"string": kind}}
    return {"name": f"gpu-{number}", "attributes": attributes} | ({"allowMultipleAllocations": True} if shared else {})


def config(interval: str) -> dict[str, Any]:
    return {"config": [{"opaque": {"driver": "gpu.acme.com", "parameters": {"interval": interval}}}]}


OF_HARDWARE: dict[str, tuple[str, Callable[[], SiteRules], list[dict[str, Any]], Any, Any]] = {
    "sharing": (
        "slices do not isolate memory",
        lambda: SiteRules(
            sharing=(SharingLimit(ALWAYS, origin("only same namespace", "slices do not isolate memory"), namespaces=1),)
        ),
        [device(0, shared=True)],
        {"ns": "ml"},
        {"ns": "default"},
    ),
    "agreement": (
        "one board has one interval",
        lambda: SiteRules(
            agreements=(
                Agreement(
                    "gpu.acme.com",
                    ("interval",),
                    Agree.EQUAL,
                    origin("interval agrees per device", "one board has one interval"),
                ),
            )
        ),
        [device(0, shared=True)],
        config("short"),
        config("long"),
    ),
    "mode": (
        "switching needs the board idle",
        lambda: SiteRules(
            modes=(
                ModeExclusion(
                    BOARD,
                    (
                        Mode("whole", condition_of('device.attributes["gpu.acme.com"].kind == "whole"')),
                        Mode("vfio", condition_of('device.attributes["gpu.acme.com"].kind == "vfio"')),
                    ),
                    origin("modes of A", "switching needs the board idle"),
                ),
            )
        ),
        [device(0), device(1, "vfio")],
        {},
        {},
    ),
}


@pytest.mark.parametrize("name", OF_HARDWARE)
def test_what_is_said_of_a_refusal_by_hardware(site: Any, name: str) -> None:
    because, rules, devices, of_holder, of_asker = OF_HARDWARE[name]
    engine = Engine(clock=lambda: site.now)
    engine.load_rules(PolicyRules({}, {}, {}, rules()))
    any_class = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "any"}, "spec": {}}
    engine.apply(any_class, site.node("node-1"), site.slice("node-1", devices))
    engine.apply(site.claim("x", **of_holder), site.claim("y", **of_asker))
    engine.allocate("ml/x" if of_holder.get("ns") else "x")
    said = engine.explain("y").text(verbose=True)
    first = said.splitlines()[0]
    assert first.index(because) < first.index("gpu.dra:")
    golden(name, said)


# --- what is preferred, and what gives way


def test_why_this_one_says_what_decided(site: Any) -> None:
    engine: Engine = site.engine(
        FIELD
        + 'claim two { request gpu = 2 of any { same numa else same node } prefer model == B because "B idles" }\n'
        + 'refuse any when subject.team == "cs" should because "cs has machines of its own"\n',
        site.node("node-1"),
        site.namespace("default", **TEAM),
        site.slice("node-1", [site.gpu(0, numa=0), site.gpu(1, "B", numa=1), site.gpu(2, "A", numa=1)]),
    )
    explanation = engine.explain("two")
    golden("preferred", explanation.text(verbose=True))
    assert "gave way: `refuse any" in explanation.text()
    assert isinstance(explanation.outcome, Allocated)
    assert explanation.outcome.preferred is not None
    for line in explanation.outcome.preferred.lines():
        assert line in explanation.text(verbose=True)
        assert line in explanation.markdown()
    data = explanation.data(verbose=True)
    assert data["preferred"]["levels"][0]["level"] == "numa"
    assert data["preferred"]["scores"][0]["score"] == "50"
    assert data["preferred"]["gaveWay"][0]["because"] == "cs has machines of its own"


def test_rules_that_should_hold_are_no_reason_where_there_is_none_without_them(site: Any) -> None:
    engine: Engine = site.engine(
        FIELD + 'refuse any when subject.team == "cs" should because "cs has machines of its own"\n',
        site.node("node-1"),
        site.namespace("default", **TEAM),
        site.slice("node-1", [gpu(0)]),
        site.claim("x", 2),
    )
    assert "machines of its own" not in engine.explain("x").text(verbose=True)


# --- aligned devices on a real machine

VENDORS = Path(__file__).parents[2] / "data" / "vendors"
RAILS = Source(
    "rails.dra",
    """policy example.org/rails version 1.0.0 language 1
import gpu.nvidia.com
import dra.net
import std.pcie
claim two {
  request gpu = 2 of whole-gpu
  request nic = 2 of rdma
  same std.pcie.root  because "GPU and NIC talk below one root"
}
claim eight { pairs 8 of (gpu: whole-gpu, nic: rdma) { same std.pcie.root } }
claim one-nic { request nic = 1 of rdma }
class mig-1g of NvidiaGpu { require has profile and profile == "1g.5gb" }
class mig-4g of NvidiaGpu { require has profile and profile == "4g.20gb" }
claim three { request small = 1 of mig-1g  request one = 1 of mig-4g  request other = 1 of mig-4g }
""",
)


@pytest.fixture(scope="module")
def dgx() -> Engine:
    engine = Engine()
    engine.load(RAILS)
    for file in (VENDORS / "nodes.yaml", *sorted((VENDORS / "slices").glob("*.yaml"))):
        engine.apply(*read_objects(str(file)).objects)
    return engine


def test_a_root_has_one_gpu_and_one_nic(dgx: Engine) -> None:
    first = dgx.explain("two").text().splitlines()[0]
    assert "must share one `resource.kubernetes.io/pcieRoot`" in first
    assert (
        "at most 1 left for request `gpu`, which wants 2, and at most 1 left for request `nic`, which wants 2" in first
    )
    assert "GPU and NIC talk below one root" in first


def test_eight_pairs_are_placed_and_refused_for_the_one_nic_that_is_busy(dgx: Engine) -> None:
    assert isinstance(dgx.explain("eight", "dgx-h100-01").outcome, Allocated)
    busy = dgx.allocate("one-nic", "dgx-h100-01")
    assert isinstance(busy, Allocated)
    try:
        explanation = dgx.explain("eight", "dgx-h100-01")
        first = explanation.sentence()
        assert "want 8 devices together, of which 7 are left: 1 is held by claim default/one-nic-1" in first
        assert explanation.holders == busy.claims
    finally:
        dgx.release(busy.claims[0])


@pytest.mark.parametrize(("node", "questions", "steps"), [("dgx-h100-01", 30, 2_000), (None, 400, 6_000)])
def test_all_of_an_explanation_asks_little_where_requests_are_alike(
    dgx: Engine, node: str | None, questions: int, steps: int
) -> None:
    """Eight pairs are one pair eight times; without that the whole of it took seven times as many questions."""
    busy = dgx.allocate("one-nic", "dgx-h100-01")
    assert isinstance(busy, Allocated)
    try:
        explanation = dgx.explain("eight", node)
        text = explanation.text(verbose=True)
        assert "smallest change: wait for claim `default/one-nic-" in text
        assert "cannot hold together on dgx-h100-01:" in text
        assert explanation.conflict is not None
        assert explanation.conflict.certain
        assert explanation.situation is not None
        spent = explanation.situation.spent
        assert spent.asked <= questions
        assert spent.steps <= steps
    finally:
        dgx.release(busy.claims[0])


def test_one_small_and_two_large_mig_devices_lie_on_two_boards(dgx: Engine) -> None:
    """The small one must not begin where a large one has to: no choice made one by one gets there."""
    outcome = dgx.explain("three", "a100-mig-01").outcome
    assert isinstance(outcome, Allocated)
    (small, one, other) = (result.device for result in outcome.results[0].devices.results)
    boards = {name.partition("-mig-")[0] for name in (one, other)}
    assert boards == {"gpu-0", "gpu-1"}
    assert "mig-4g20gb" in one
    assert "mig-4g20gb" in other
    assert small.partition("-mig-")[0] in boards
