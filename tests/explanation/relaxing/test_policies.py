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


def engine_with(*devices, policy=POLICY):
    engine = Engine()
    engine.load(Source("gpu.dra", policy))
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


def ways_out(policy, *devices, claim="new"):
    explanation = engine_with(*devices, policy=policy).explain(claim)
    return [
        (way.cost, " and ".join(change.text for change in way.changes)) for way in relaxations(explanation.situation)
    ]


def test_what_is_negotiable_gives_way_first_and_alone():
    memory, firmware = "has memory and memory >= 75Gi", "has fw and fw >= 2.0.0"
    plain = ways_out(POLICY, ("60Gi", "2.1.0"))
    assert plain == [
        (56, f"60Gi instead of 75Gi in `{memory}` of class `training`"),
        (85, f"without `{memory}` of class `training`"),
    ]
    marked = POLICY.replace("memory >= 75Gi", "memory >= 75Gi negotiable")
    assert ways_out(marked, ("60Gi", "2.1.0")) == [
        (3, f"60Gi instead of 75Gi in `{memory}` of class `training`, which is negotiable"),
        (9, f"without `{memory}` of class `training`, which is negotiable"),
    ]
    # What is not marked is firm, and so are both together.
    assert ways_out(marked, ("80Gi", "1.9.0")) == []
    assert ways_out(marked, ("60Gi", "1.9.0")) == []
    both = marked.replace("fw >= 2.0.0", "fw >= 2.0.0 negotiable")
    ending = "of class `training`, which is negotiable"
    assert ways_out(both, ("60Gi", "1.9.0"))[0] == (
        11,
        f"60Gi instead of 75Gi in `{memory}` {ending} and 1.9.0 instead of 2.0.0 in `{firmware}` {ending}",
    )


CLAIM = """
claim one {
  request gpu = 2 of training { require memory >= 90Gi %s }
  distinct kind %s
}
"""


def test_a_claim_and_its_class_are_negotiable_by_themselves():
    policy = POLICY.replace("has memory and memory", "memory").replace("memory bytes optional", "memory bytes")
    wanted = [("80Gi", "2.1.0"), ("80Gi", "2.1.0")]

    def texts(claim):
        return [text for _, text in ways_out(policy + claim, *wanted, claim="one")]

    alone = "80Gi instead of 90Gi in `memory >= 90Gi`"
    both = f"{alone}, which is negotiable and without distinct kind, which is negotiable"
    assert f"{alone} and without distinct kind" in texts(CLAIM % ("", ""))
    assert both in texts(CLAIM % ("negotiable", "negotiable"))
    # One mark makes the other rule firm; how many devices there are is no rule.
    assert texts(CLAIM % ("negotiable", "")) == [
        f"{alone}, which is negotiable and 1 instead of 2 devices for request `gpu`",
        "without `memory >= 90Gi`, which is negotiable and 1 instead of 2 devices for request `gpu`",
    ]


def test_what_is_negotiable_is_said_where_rules_conflict():
    marked = POLICY.replace("memory >= 75Gi", "memory >= 75Gi negotiable")
    explanation = engine_with(("60Gi", "2.1.0"), policy=marked).explain("new")
    line = "`has memory and memory >= 75Gi` (gpu.dra:13), which is negotiable: training needs it on one board"
    assert f"    class `training`: {line}\n" in explanation.text(verbose=True)
    elements = explanation.data(verbose=True)["conflicts"]["groups"][0]["elements"]
    assert [element["rule"].get("negotiable", False) for element in elements] == [False, True]
