"""One attribute under several names: constraints across drivers that spell it differently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dra_policy.allocation import Allocated, Unsatisfiable, allocate
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import DeviceClass, Features, Node, ResourceClaim, ResourceSlice
from dra_policy.rules import AttributeAlias, ConstraintKind, ConstraintRule, Conversion, Origin, claim_rules

NUMA = (
    AttributeAlias("gpu.acme.com/numa"),
    AttributeAlias("nic.example.net/numaNode", Conversion.INT),
    AttributeAlias("cpu.example.org/node"),
)


def slice_of(driver: str, *devices: dict[str, Any]) -> ResourceSlice:
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": driver, "pool": pool, "nodeName": "n", "devices": list(devices)}
    return ResourceSlice.model_validate({"metadata": {"name": driver}, "spec": spec})


def ask(kind: ConstraintKind, features: Features = Features(), aliases: Any = NUMA) -> Any:  # noqa: B008  # immutable
    gpus = [{"name": f"gpu-{n}", "attributes": {"numa": {"int": n}}} for n in (0, 1)]
    nics = [{"name": "nic-x", "attributes": {"numaNode": {"string": "x"}}}]
    nics += [{"name": f"nic-{n}", "attributes": {"numaNode": {"string": str(n)}}} for n in (1, 0)]
    # The feature decides whether lists may be published; with aliases they count as sets anyway.
    cores = [
        {"name": "core-0", "attributes": {"node": {"ints": [0, 2]}}},
        {"name": "core-1", "attributes": {"node": {"ints": [1]}}},
    ]
    snapshot = Snapshot.empty(features).with_slices(
        [slice_of("gpu.acme.com", *gpus), slice_of("nic.example.net", *nics), slice_of("cpu.example.org", *cores)]
    )
    snapshot = snapshot.with_node(Node.model_validate({"metadata": {"name": "n"}}))
    requests = []
    for driver in ("gpu.acme.com", "nic.example.net", "cpu.example.org"):
        name = driver.partition(".")[0]
        made = {
            "metadata": {"name": name},
            "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{driver}'"}}]},
        }
        snapshot = snapshot.with_class(DeviceClass.model_validate(made))
        requests.append({"name": name, "exactly": {"deviceClassName": name}})
    claim = claim_rules(
        ResourceClaim.model_validate({"metadata": {"name": "c"}, "spec": {"devices": {"requests": requests}}}), features
    )
    rule = ConstraintRule(kind, "std.numa/node", (), Origin("", "same numa"), aliases)
    node = snapshot.node("n")
    assert node is not None
    return allocate(
        snapshot.view(node),
        MatcherGraph(snapshot),
        [replace(claim, constraints=(rule,))],
        snapshot.classes,
        Usage(),
        features,
        step_limit=10_000,
    )


def devices(outcome: Any) -> list[str]:
    assert isinstance(outcome, Allocated), outcome
    return [result.device for result in outcome.results[0].devices.results]


def test_drivers_that_spell_it_differently_agree() -> None:
    assert devices(ask(ConstraintKind.MATCH)) == ["gpu-0", "nic-0", "core-0"]
    assert devices(ask(ConstraintKind.MATCH, replace(Features(), list_type_attributes=False))) == [
        "gpu-0",
        "nic-0",
        "core-0",
    ]


def test_they_differ_too() -> None:
    outcome = ask(ConstraintKind.DISTINCT)
    assert isinstance(outcome, Unsatisfiable)  # three devices, two values and a third that no other shares
    two = (*NUMA[:2],)
    assert isinstance(ask(ConstraintKind.DISTINCT, aliases=two), Unsatisfiable)  # the core has no value at all


def test_without_the_conversion_they_have_nothing_in_common() -> None:
    plain = tuple(AttributeAlias(one.name) for one in NUMA)
    assert isinstance(ask(ConstraintKind.MATCH, aliases=plain), Unsatisfiable)
    as_text = tuple(AttributeAlias(one.name, Conversion.TEXT) for one in NUMA)
    assert devices(ask(ConstraintKind.MATCH, aliases=as_text)) == ["gpu-0", "nic-0", "core-0"]
