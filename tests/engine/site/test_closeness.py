"""Closeness over the whole cluster: the first choice anywhere stands before a second choice on an earlier node."""

from dra_policy import Engine
from dra_policy.source import Source

POLICY = Source(
    "closeness.dra",
    """policy a.example version 1.0.0 language 1
    import std.numa
    device Gpu { driver gpu.a  attribute numa std.numa.node }
    class any-gpu of Gpu
    claim two { request gpu = 2 of any-gpu { same numa else same node } }
    """,
)


def _engine():
    engine = Engine()
    engine.load(POLICY)
    for node, numas in (("node-1", (0, 1)), ("node-2", (1, 1)), ("node-3", (0, 0))):
        engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        devices = [
            {"name": f"gpu-{number}", "attributes": {"resource.kubernetes.io/numaNode": {"int": numa}}}
            for number, numa in enumerate(numas)
        ]
        pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
        spec = {"driver": "gpu.a", "nodeName": node, "pool": pool, "devices": devices}
        slice_ = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": node}, "spec": spec}
        engine.apply(slice_)
    return engine


def test_the_closest_answer_of_all_nodes_is_taken():
    engine = _engine()
    outcomes = [engine.allocate("two") for _ in range(3)]
    assert [outcome.node for outcome in outcomes] == ["node-2", "node-3", "node-1"]
    assert [outcome.preferred.levels[0].level for outcome in outcomes] == ["numa", "numa", "node"]


def test_on_a_named_node_its_own_closest_answer_is_taken():
    outcome = _engine().allocate("two", node="node-1")
    assert outcome.preferred.levels[0].level == "node"
