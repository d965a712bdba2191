"""28 nodes of real vendors with pods for their 28 claims, half of which run: every first line, and what it says.

Set DRA_POLICY_REWRITE_GOLDENS=1 to write the lines anew, and review the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dra_policy.source import Source
from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects
from dra_policy_kubernetes.dumps import read_dump
from dra_policy_kubernetes.pod_questions import why_pod
from dra_policy_kubernetes.rendering import as_text

GOLDEN = Path(__file__).with_name("vendors-first-lines.txt")


@pytest.fixture(scope="module")
def cluster(vendors: Any) -> ClusterObjects:
    return vendors.cluster()


@pytest.fixture(scope="module")
def answers(cluster: ClusterObjects) -> dict[str, Why]:
    return {key.name: why_pod(cluster, key) for key in cluster.pods}


def test_half_of_the_claims_are_held_where_upstream_puts_them(vendors: Any, cluster: ClusterObjects) -> None:
    assert len(cluster.nodes) == 28
    first = [key for key in cluster.pods if not key.name.endswith("-again")]
    assert len(first) == 28
    assert len(vendors.running) == 14
    assert sum(claim.status.allocation is not None for claim in cluster.claims.values()) == 14


def test_every_first_line(answers: dict[str, Why]) -> None:
    lines = "".join(as_text(why).splitlines()[0] + "\n" for why in answers.values())
    if os.environ.get("DRA_POLICY_REWRITE_GOLDENS") == "1":
        GOLDEN.write_text(lines, encoding="utf-8")
    assert lines == GOLDEN.read_text(encoding="utf-8")


def test_what_runs_is_told_with_its_devices(vendors: Any, answers: dict[str, Why]) -> None:
    for name in vendors.running:
        assert answers[name].verdict is Verdict.BOUND


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("h100-even-index", Verdict.ERROR, "no device of gpu.nvidia.com has attribute `index` any more"),
        ("two-gpu-two-nic", Verdict.NEVER, "must share one `resource.kubernetes.io/pcieRoot`, but each has at most 1"),
        ("two-big-gpus", Verdict.NEVER, "tainted HealthIssues-memorytemperature:NoExecute"),
        ("at-least-9g", Verdict.ERROR, "has no capacity `memory`"),
        ("fast-nics-again", Verdict.ERROR, "has no attribute `gce.dra.net/networkName`"),
        ("mig-devices", Verdict.NOT_NOW, "held by claim default/h100-or-two-a100-x7k2p"),
    ],
)
def test_the_first_line_names_the_true_cause(answers: dict[str, Why], name: str, verdict: Verdict, words: str) -> None:
    assert answers[name].verdict is verdict
    assert words in answers[name].cause


def test_who_waits_for_a_held_device_is_told_who_holds_it(answers: dict[str, Why]) -> None:
    why = answers["derived-locality-again"]
    assert why.verdict is Verdict.NOT_NOW
    assert [(str(h.claim), list(map(str, h.pods))) for h in why.holders] == [
        ("default/derived-locality-x7k2p", ["default/derived-locality"])
    ]
    assert "when pod default/derived-locality is gone it fits on l40s-vm-01" in why.changes[0]


def test_what_is_placed_has_a_place_of_upstreams(vendors: Any, answers: dict[str, Why]) -> None:
    """Beside the devices that are held now, a pod that we call placed has only nodes that upstream gives it."""
    for name, why in answers.items():
        fits = {answer.node for answer in why.nodes if answer.fits}
        assert (why.verdict is Verdict.PLACED) <= bool(fits)
        # Upstream's answers are those of an empty cluster without taint rules: others only take nodes away.
        assert fits <= set(vendors.places[name.removesuffix("-again")])


def test_the_dump_gives_the_same_words(vendors: Any, answers: dict[str, Why]) -> None:
    read = read_dump(Source("dump.yaml", vendors.dump()))
    for number, key in enumerate(read.pods):
        # All words of all nodes take a while; some pods of each kind are enough.
        verbose = number % 8 == 2
        assert as_text(why_pod(read, key), verbose=verbose) == as_text(answers[key.name], verbose=verbose)
