"""Pools of which the driver has not published all yet: not now, and what is waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dra_policy.source import Source
from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.dumps import read_dump, write_dump
from dra_policy_kubernetes.questions import as_text, why
from dra_policy_kubernetes.server import Server

Json = dict[str, Any]
Builder = Callable[..., Json]
GOLDEN = Path(__file__).with_name("publishing.txt")
ENTRY = {"name": "gpu", "resourceClaimName": "one"}


def updating(published: Json) -> Json:
    """A slice of a pool of which another slice is to come."""
    published["spec"]["pool"]["resourceSliceCount"] = 2
    return published


def asked(*objects: Json) -> Why:
    return why(
        read_dump(Source("dump.yaml", write_dump(objects, Server("v1.37.2", {}, gates_read=True)))), "pod/wanted"
    )


@pytest.fixture
def base(node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder) -> list[Json]:
    """A pod that wants a GPU, of which node a has two in an incomplete pool and node b none."""
    return [
        node("a"),
        node("b"),
        updating(gpus("a", 2)),
        gpu_class(),
        gpu_claim("one"),
        pod("wanted", [ENTRY]),
    ]


def test_a_dump_with_an_incomplete_pool_says_what_to_wait_for(base: list[Json]) -> None:
    found = asked(*base)
    assert found.verdict is Verdict.NOT_NOW
    text = as_text(found, verbose=True)
    if os.environ.get("DRA_POLICY_REWRITE_GOLDENS") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_it_becomes_placed_when_all_is_published(base: list[Json]) -> None:
    base[2]["spec"]["pool"]["resourceSliceCount"] = 1
    assert asked(*base).verdict is Verdict.PLACED


def test_an_incomplete_pool_that_would_not_do_is_never(base: list[Json]) -> None:
    base[4]["spec"]["devices"]["requests"][0]["exactly"]["count"] = 3
    found = asked(*base)
    assert (found.verdict, found.prospect) == (
        Verdict.NEVER,
        "never here: no node could, even if nothing were in use",
    )


def test_devices_that_are_held_besides_are_told(base: list[Json], pod: Builder, gpu_claim: Builder) -> None:
    base[4]["spec"]["devices"]["requests"][0]["exactly"]["count"] = 2
    user = {"name": "gpu", "resourceClaimName": "held"}
    found = asked(*base, gpu_claim("held", "a", pods=("user",)), pod("user", [user], on="a"))
    assert found.verdict is Verdict.NOT_NOW
    assert found.prospect == (
        "not now: it would fit on a once driver gpu.acme.com has published all of pool `a`"
        " and others gave back what they hold"
    )
    assert [str(holder.claim) for holder in found.holders] == ["default/held"]


def test_a_crowded_node_with_an_incomplete_pool_is_not_now(base: list[Json], pod: Builder) -> None:
    found = asked(*base, pod("busy", on="a", requests={"cpu": "8"}))
    assert found.verdict is Verdict.NOT_NOW
    assert found.cause.endswith("; besides, the pod asks for 1 cpu, 0 of 8 are free")
    assert found.prospect.endswith("of pool `a` and others gave back what they hold")


def test_a_tainted_node_with_an_incomplete_pool_stays_never(base: list[Json]) -> None:
    base[0]["spec"]["taints"] = [{"key": "sick", "effect": "NoSchedule"}]
    assert asked(*base).verdict is Verdict.NEVER


def test_all_devices_of_an_incomplete_pool_are_an_error_that_passes(base: list[Json]) -> None:
    """E6: kube-scheduler ends the attempt on all nodes, but only until the pool is complete."""
    base[4]["spec"]["devices"]["requests"][0]["exactly"] = {"deviceClassName": "gpu", "allocationMode": "All"}
    found = asked(*base)
    assert found.verdict is Verdict.ERROR
    assert found.prospect == (
        "not now: until driver gpu.acme.com has published all of pool `a`, an error on one node ends the attempt on "
        "all of them"
    )
