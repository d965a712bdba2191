"""What is said of each node is worked out once for nodes that only differ in names, and is the same as if not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy_kubernetes.answers import Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey
from dra_policy_kubernetes.node_words import node_groups, refusals
from dra_policy_kubernetes.pod_questions import why_pod
from dra_policy_kubernetes.rendering import as_markdown, as_text

Json = dict[str, Any]
Builder = Callable[..., Json]
ENTRY = {"name": "gpu", "resourceClaimName": "one"}
NODES = 40
"""So many that attributes with a value of its own for each node are labels to the engine."""


@pytest.fixture
def ask(
    cluster_of: Callable[..., ClusterObjects],
    node: Builder,
    pod: Builder,
    gpus: Builder,
    gpu_class: Builder,
    gpu_claim: Builder,
) -> Callable[..., Why]:
    """Asks for GPUs of nodes with four each on two PCIe roots; some of them are held, on every node by another claim."""

    def make(request: Json, held: int = 0, constraints: tuple[Json, ...] = (), nodes: int = NODES) -> Why:
        claim = gpu_claim("one")
        requests = [{"name": name, "exactly": {"deviceClassName": "gpu"} | request} for name in ("x", "y")]
        claim["spec"]["devices"] = {"requests": requests[: 2 if constraints else 1], "constraints": list(constraints)}
        objects = [gpu_class(), claim, pod("wanted", [ENTRY])]
        for number in range(nodes):
            name = f"node-{number:02}"
            published = gpus(name, 4)
            for position, device in enumerate(published["spec"]["devices"]):
                root = f"pci{number:02}{position // 2}"
                size = "80Gi" if number % 2 else "40Gi"
                device["attributes"] = {"resource.kubernetes.io/pcieRoot": {"string": root}}
                device["capacity"] = {"memory": {"value": size}}
            objects += [node(name), published]
            # On every fourth node two claims hold what one holds elsewhere.
            for position in range(held):
                owner = f"held-{number}" if number % 4 else f"held-{number}-{position}"
                objects.append(gpu_claim(f"{owner}-{position}", name, f"gpu-{position}"))
        return why_pod(cluster_of(*objects), PodKey("default", "wanted"))

    return make


def told(why: Why) -> dict[str, str]:
    return {node: group.words for group in node_groups(why.nodes, refusals(why.nodes)) for node in group.nodes}


MEMORY = "device.capacity['gpu.acme.com'].memory.compareTo(quantity('90Gi')) >= 0"


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ({"count": 5}, 0),
        ({"count": 5}, 2),
        ({"count": 3}, 2),
        ({"selectors": [{"cel": {"expression": MEMORY}}]}, 0),
        ({"selectors": [{"cel": {"expression": MEMORY}}]}, 2),
    ],
)
def test_shared_words_are_each_nodes_own(ask: Callable[..., Why], wanted: Json, held: int) -> None:
    why = ask(wanted, held)
    assert told(why) == {answer.node: answer.words() for answer in why.nodes}


def test_other_amounts_are_told_apart(ask: Callable[..., Why]) -> None:
    groups = node_groups((why := ask({"selectors": [{"cel": {"expression": MEMORY}}]})).nodes, refusals(why.nodes))
    assert [len(group.nodes) for group in groups] == [NODES // 2, NODES // 2]
    assert ["40Gi" in groups[0].words, "80Gi" in groups[1].words] == [True, True]
    assert not any(group.example for group in groups)


def test_each_node_says_who_holds_its_devices(ask: Callable[..., Why]) -> None:
    why = ask({"count": 3}, 2)
    assert len(set(told(why).values())) == NODES
    for node, words in told(why).items():
        assert f"held by claim default/held-{int(node.removeprefix('node-'))}-" in words


def test_a_value_that_a_constraint_compares_is_an_example(ask: Callable[..., Why]) -> None:
    """Each root has two devices, and four are wanted of one: the root that is named is that of the first node."""
    constraint = {"matchAttribute": "resource.kubernetes.io/pcieRoot"}
    why = ask({"count": 2}, 0, (constraint,))
    groups = node_groups(why.nodes, refusals(why.nodes))
    assert [(len(group.nodes), group.example) for group in groups] == [(NODES // 2, True), (NODES // 2, True)]
    assert ["`pci000`" in groups[0].words, "`pci010`" in groups[1].words] == [True, True]
    assert groups[0].words == why.nodes[0].words()
    text = as_text(why, verbose=True)
    assert f"{NODES // 2} nodes (node-00, node-02, node-04, ...), as on node-00: {groups[0].words}\n" in text


def test_an_error_is_worked_out_once(ask: Callable[..., Why]) -> None:
    why = ask({"selectors": [{"cel": {"expression": "device.attributes['gpu.acme.com'].memry == 'x'"}}]})
    (group,) = node_groups(why.nodes, refusals(why.nodes))
    assert (len(group.nodes), group.example) == (NODES, True)
    assert group.words == why.nodes[0].words()
    assert "no device of gpu.acme.com has attribute `memry`" in group.words
    assert f"| {NODES} nodes (node-00, node-01, node-02, ...), as on node-00 |" in as_markdown(why, verbose=True)
