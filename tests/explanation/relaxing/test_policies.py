"""Rules of policies are loosened in their authors' words."""

from __future__ import annotations

from dra_policy.engine import Engine
from dra_policy.explanation.conflict import conflicts
from dra_policy.explanation.relaxing import relaxations
from dra_policy.source import Source

POLICY = """\
policy gpu.acme.com version 1.0.0 language 1

device Gpu {
  driver gpu.acme.com

  attribute kind one of gpu, mig publish as type
  attribute fw version optional
  capacity memory bytes optional
}

class training of Gpu {
  require kind == gpu
  require has memory and memory >= 75Gi because "training needs it on one board"
  require has fw and fw >= 2.0.0
}
"""


def engine_with(*devices):
    engine = Engine()
    engine.load(Source("gpu.dra", POLICY))
    engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    published = [
        {
            "name": f"gpu-{number}",
            "attributes": {"type": {"string": "gpu"}, "fw": {"version": firmware}},
            "capacity": {"memory": {"value": memory}},
        }
        for number, (memory, firmware) in enumerate(devices)
    ]
    spec = {
        "driver": "gpu.acme.com",
        "nodeName": "node-1",
        "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
        "devices": published,
    }
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice"}
    engine.apply({**kind, "metadata": {"name": "slice"}, "spec": spec})
    request = {"name": "gpu", "exactly": {"deviceClassName": "training"}}
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim"}
    metadata = {"name": "new", "namespace": "default"}
    engine.apply({**kind, "metadata": metadata, "spec": {"devices": {"requests": [request]}}})
    return engine


def test_the_rule_in_the_way_and_how_far_it_would_have_to_give():
    situation = engine_with(("40Gi", "2.1.0"), ("60Gi", "1.9.0")).explain("new").situation
    (group,) = conflicts(situation).groups
    rule = group.elements[-1]
    assert (rule.code, rule.origin.text, str(rule.origin.span.place)) == (
        "classClause",
        "has memory and memory >= 75Gi",
        "gpu.dra:13",
    )
    assert rule.origin.because == "training needs it on one board"
    # 60Gi would do if the firmware were newer: one change is better than two.
    assert [way.changes[0].text for way in relaxations(situation)] == [
        "40Gi instead of 75Gi in `has memory and memory >= 75Gi` of class `training`",
        "without `has memory and memory >= 75Gi` of class `training`",
    ]


def test_two_rules_that_have_to_give():
    situation = engine_with(("60Gi", "1.9.0")).explain("new").situation
    best = relaxations(situation)[0]
    assert [change.text for change in best.changes] == [
        "60Gi instead of 75Gi in `has memory and memory >= 75Gi` of class `training`",
        "1.9.0 instead of 2.0.0 in `has fw and fw >= 2.0.0` of class `training`",
    ]
