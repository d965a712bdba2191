"""The ways out of single refusals: which, in which order, on how many nodes."""

from __future__ import annotations

import pytest

from dra_policy.explanation.relaxing import relaxations

DRIVER = "gpu.io"
A = f'device.attributes["{DRIVER}"]'
C = f'device.capacity["{DRIVER}"]'


def slice_of(*devices, node="node-1"):
    return {
        "metadata": {"name": f"{node}-slice"},
        "spec": {
            "driver": DRIVER,
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": list(devices),
        },
    }


def device(number=0, **more):
    values = {"model": {"string": "a"}, "numa": {"int": number // 2}, "root": {"string": f"r{number}"}}
    return {"name": f"gpu-{number}", "attributes": values, **more}


def claim_of(*requests, **more):
    return {"metadata": {"name": "new"}, "spec": {"devices": {"requests": list(requests), **more}}}


def request_of(name="gpu", text=None, **ask):
    selectors = {} if text is None else {"selectors": [{"cel": {"expression": text}}]}
    return {"name": name, "exactly": {"deviceClassName": "gpu", **selectors, **ask}}


def class_of(name="gpu", text=f'device.driver == "{DRIVER}"'):
    return {"metadata": {"name": name}, "spec": {"selectors": [{"cel": {"expression": text}}]}}


def held(*devices, pool="node-1"):
    results = [{"request": "r", "driver": DRIVER, "pool": pool, "device": name} for name in devices]
    return {"devices": {"results": results}}


@pytest.fixture
def ways_out(make_situation):
    def found(slices, *claims, classes=None, **more):
        classes = [class_of()] if classes is None else classes
        situation = make_situation(slices=slices, classes=classes, claims=list(claims), **more)
        ways = relaxations(situation)
        assert not any(way.more for way in ways)
        return [(way.cost, " and ".join(change.text for change in way.changes), len(way.nodes)) for way in ways]

    return found


def test_the_next_value_that_occurs_comes_first(ways_out):
    slices = [
        slice_of(device(0, capacity={"memory": {"value": "79Gi"}}), device(1, capacity={"memory": {"value": "40Gi"}}))
    ]
    text = f'{C}.memory.compareTo(quantity("80Gi")) >= 0'
    assert ways_out(slices, claim_of(request_of(text=text))) == [
        (11, f"79Gi instead of 80Gi in `{text}`", 1),
        (45, f"without `{text}`", 1),
    ]


def test_two_devices_need_the_second_next_value(ways_out):
    slices = [
        slice_of(device(0, capacity={"memory": {"value": "79Gi"}}), device(1, capacity={"memory": {"value": "40Gi"}}))
    ]
    text = f'{C}.memory.compareTo(quantity("80Gi")) >= 0'
    first = ways_out(slices, claim_of(request_of(text=text, count=2)))[0]
    assert first[1] == f"40Gi instead of 80Gi in `{text}`"


def test_a_taint_a_count_and_waiting(ways_out):
    sick = device(2, taints=[{"key": "sick", "effect": "NoSchedule"}])
    slices = [slice_of(device(0), device(1), sick)]
    assert ways_out(slices, claim_of(request_of(count=2)), allocations={"x": held("gpu-0")}) == [
        (10, "tolerate sick:NoSchedule", 1),
        (29, "1 instead of 2 devices for request `gpu`", 1),
        (35, "wait for claim `default/x`", 1),
    ]


def test_what_ends_pods_is_tolerated_last(ways_out):
    sick = device(2, taints=[{"key": "sick", "effect": "NoExecute"}], capacity={"memory": {"value": "80Gi"}})
    slices = [slice_of(device(0, capacity={"memory": {"value": "20Gi"}}), sick)]
    text = f'{C}.memory.compareTo(quantity("40Gi")) >= 0'
    assert ways_out(slices, claim_of(request_of(text=text))) == [
        (25, f"20Gi instead of 40Gi in `{text}`", 1),
        (45, f"without `{text}`", 1),
        (55, "tolerate sick:NoExecute", 1),
    ]


def test_more_is_given_up_the_further_it_goes(ways_out):
    devices = [device(n, capacity={"memory": {"value": f"{gi}Gi"}}) for n, gi in enumerate((79, 60, 20))]
    text = f'{C}.memory.compareTo(quantity("80Gi")) >= 0'
    costs = [ways_out([slice_of(*devices)], claim_of(request_of(text=text, count=n)))[0][0] for n in (1, 2, 3)]
    assert costs == [11, 18, 33]


def test_wait_for_two_claims(ways_out):
    slices = [slice_of(device(0), device(1))]
    found = ways_out(
        slices,
        claim_of(request_of("a"), request_of("b")),
        allocations={"x": held("gpu-0"), "y": held("gpu-1")},
    )
    assert found == [(70, "wait for claim `default/x` and wait for claim `default/y`", 1)]


def test_a_coarser_attribute(ways_out):
    slices = [slice_of(*(device(n) for n in range(4)))]
    claim = claim_of(request_of(count=2), constraints=[{"matchAttribute": f"{DRIVER}/root"}])
    found = ways_out(slices, claim)
    assert found[0] == (15, f"match {DRIVER}/numa instead of {DRIVER}/root", 1)
    assert found[1] == (16, f"match {DRIVER}/model instead of {DRIVER}/root", 1)
    assert (45, f"without matchAttribute {DRIVER}/root", 1) in found


def test_another_class(ways_out):
    classes = [class_of(text=f'{A}.model == "b"'), class_of("any", "true")]
    found = ways_out([slice_of(device())], claim_of(request_of()), classes=classes)
    assert found[0] == (30, "class `any` instead of `gpu` for request `gpu`", 1)
    assert [cost for cost, _, _ in found] == [30, 65, 85]


def test_the_driver_of_a_class_is_never_given_up(ways_out):
    """Nobody can make another driver's device fit; a class of another driver is the last thing to offer."""
    classes = [class_of(text='device.driver == "nic.io"'), class_of("other", f"device.driver == '{DRIVER}'")]
    found = ways_out([slice_of(device())], claim_of(request_of()), classes=classes)
    assert found == [(95, "class `other` instead of `gpu` for request `gpu`", 1)]
    text = f'device.driver == "nic.io" && {A}.model == "a"'
    assert ways_out([slice_of(device())], claim_of(request_of()), classes=[class_of(text=text)]) == []


def test_another_class_and_another_change(ways_out):
    """Neither does alone; the class comes first, or the change of what is left with it."""
    driver = f'device.driver == "{DRIVER}"'
    classes = [
        class_of(text=f'{driver} && {A}.model == "b" && {A}.numa == 7'),
        class_of("all", driver),
        class_of("nic", 'device.driver == "nic.io"'),
    ]
    sick = device(taints=[{"key": "sick", "effect": "NoSchedule"}])
    found = ways_out([slice_of(sick)], claim_of(request_of()), classes=classes)
    assert found[0] == (40, "class `all` instead of `gpu` for request `gpu` and tolerate sick:NoSchedule", 1)
    # With two requests of the class, each needs another one.
    pair = claim_of(request_of("a"), request_of("b"))
    found = ways_out([slice_of(device(0), device(1))], pair, classes=classes)
    assert found[0] == (
        60,
        "class `all` instead of `gpu` for request `a` and class `all` instead of `gpu` for request `b`",
        1,
    )


def test_a_cheaper_change_on_another_node_is_not_missed(ways_out):
    """Many nodes of one cause fill what is shown; the last one needs least."""
    driver = f'device.driver == "{DRIVER}"'
    text = f'{C}.memory.compareTo(quantity("80Gi")) >= 0'
    sizes = [*range(10, 50), 79]
    nodes = [{"metadata": {"name": f"node-{n:02}"}} for n in range(len(sizes))]
    slices = [
        slice_of(device(capacity={"memory": {"value": f"{gi}Gi"}}), node=f"node-{n:02}") for n, gi in enumerate(sizes)
    ]
    classes = [class_of(text=driver), *(class_of(f"class-{n}", driver) for n in range(12))]
    found = ways_out(slices, claim_of(request_of(text=text)), classes=classes, nodes=nodes)
    assert found[0] == (11, f"79Gi instead of 80Gi in `{text}`", 1)


def test_a_cheaper_change_on_a_node_that_has_its_own_cause_is_not_missed(ways_out):
    """So many kinds of nodes lack memory that no conflict is worked out for the last one, which is only tainted."""
    text = f'{C}.memory.compareTo(quantity("80Gi")) >= 0'
    nodes = [{"metadata": {"name": f"node-{n:02}"}} for n in range(31)]
    slices = [slice_of(device(capacity={"memory": {"value": f"{10 + n}Gi"}}), node=f"node-{n:02}") for n in range(30)]
    sick = device(capacity={"memory": {"value": "80Gi"}}, taints=[{"key": "sick", "effect": "NoSchedule"}])
    found = ways_out([*slices, slice_of(sick, node="node-30")], claim_of(request_of(text=text)), nodes=nodes)
    assert found[0] == (10, "tolerate sick:NoSchedule", 1)


def test_waiting_for_a_driver(ways_out):
    spec = {"resourceSliceCount": 2, "name": "node-1", "generation": 1}
    coming = slice_of(device())
    coming["spec"]["pool"] = spec
    assert ways_out([coming], claim_of(request_of())) == [
        (35, "wait until driver gpu.io has published all of pool `node-1`", 1)
    ]


def test_a_smaller_amount(ways_out):
    shared = device(0, allowMultipleAllocations=True, capacity={"memory": {"value": "10"}})
    request = request_of(capacity={"requests": {"memory": "12"}})
    assert ways_out([slice_of(shared)], claim_of(request))[0] == (15, "memory: 10 instead of 12 for request `gpu`", 1)
    both = claim_of(
        request_of("a", capacity={"requests": {"memory": "6"}}), request_of("b", capacity={"requests": {"memory": "6"}})
    )
    assert ways_out([slice_of(shared)], both)[0] == (20, "memory: 4 instead of 6 for request `a`", 1)


def test_nodes_are_counted(ways_out):
    nodes = [{"metadata": {"name": f"node-{n}"}} for n in range(1, 6)]
    slices = [
        slice_of(device(taints=[{"key": "sick", "effect": "NoSchedule"}] if n < 4 else []), node=f"node-{n}")
        for n in range(1, 6)
    ]
    allocations = {"x": held("gpu-0", pool="node-4"), "y": held("gpu-0", pool="node-5")}
    assert ways_out(slices, claim_of(request_of()), nodes=nodes, allocations=allocations) == [
        (10, "tolerate sick:NoSchedule", 3),
        (35, "wait for claim `default/x`", 1),
        (35, "wait for claim `default/y`", 1),
    ]


def test_what_would_be_an_error_is_not_shown(ways_out):
    """Without its first clause the class is an error on the card that comes first (D8)."""
    card = slice_of({"name": "nic"})
    card["metadata"]["name"] = "nics"
    card["spec"] |= {"driver": "aaa.io", "pool": {"name": "nics", "generation": 1, "resourceSliceCount": 1}}
    classes = [class_of(text=f'device.driver == "none.io" && {A}.model == "a"')]
    found = ways_out([slice_of(device()), card], claim_of(request_of()), classes=classes)
    assert found == []


def test_nothing_to_change(ways_out):
    """More devices than there are: no change of these kinds makes any."""
    assert ways_out([slice_of(device())], claim_of(request_of(count=4))) == []
