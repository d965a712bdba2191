"""Random questions that mix all features of Dynamic Resource Allocation, small enough to be answered at once.

Objects are mostly valid; some are what the API server lets through or what only an allocator meets: incomplete pools,
devices of one name, counters that are not there, versions that are none, selectors that raise.
"""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

DRIVERS = ("gpu.io", "nic.io")
NODE = "node-1"
FEATURES = (
    "AdminAccess",
    "CompatibilityGroups",
    "ConsumableCapacity",
    "DerivedAttributes",
    "DeviceBindingAndStatus",
    "DeviceTaints",
    "FractionalCapacityRange",
    "ListTypeAttributes",
    "OptionalNodeOperations",
    "PartitionableDevices",
    "PrioritizedList",
)
ROOT = "resource.kubernetes.io/root"
GROUP = "group"
ATTRIBUTES = ("gpu.io/numa", "gpu.io/numa", ROOT, "gpu.io/model", "gpu.io/tags", "nic.io/numa", "gpu.io/version")
DERIVED = "gpu.io/derived"
PERCENT = st.integers(0, 99)


def chance(draw: st.DrawFn, percent: int) -> bool:
    """True so often; shrinks to false."""
    return draw(PERCENT) >= 100 - percent


@st.composite
def questions(draw: st.DrawFn) -> Json:
    """A whole question."""
    question: Json = {"id": "random"}
    switches = draw(features())
    if switches is not None:
        question["features"] = switches
    on = frozenset(FEATURES) if switches is None else frozenset(name for name, value in switches.items() if value)
    alpha = switches is not None
    question["node"] = draw(nodes())
    question["classes"] = draw(classes())
    question["slices"] = draw(slices(alpha=alpha))
    question["claims"] = [draw(claims(f"claim-{i}", alpha=alpha, on=on)) for i in range(draw(NUMBER_OF_CLAIMS))]
    question |= draw(usage(question["slices"], alpha=alpha))
    return question


NUMBER_OF_CLAIMS = st.sampled_from((1, 1, 1, 1, 1, 2, 2, 2, 3, 0))


@st.composite
def features(draw: st.DrawFn) -> Json | None:
    """The defaults of a cluster, everything, everything but a few, or a few."""
    kind = draw(PERCENT)
    if kind < 40:
        return None
    if kind < 75:
        return dict.fromkeys(FEATURES, True)
    if kind < 97:
        off = draw(st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3, unique=True))
        return {name: name not in off for name in FEATURES}
    return dict.fromkeys(draw(st.lists(st.sampled_from(FEATURES), max_size=5, unique=True)), True)


@st.composite
def nodes(draw: st.DrawFn) -> Json:
    node: Json = {"metadata": {"name": NODE, "labels": {"zone": draw(st.sampled_from("aab")), "rank": "3"}}}
    if chance(draw, 60):
        node["status"] = {"declaredFeatures": ["DRAOptionalNodeOperations"]}
    return node


@st.composite
def node_selectors(draw: st.DrawFn) -> Json:
    zone = {"key": "zone", "operator": "In", "values": [draw(st.sampled_from("aab"))]}
    rank = {"key": "rank", "operator": draw(st.sampled_from(("Gt", "Lt"))), "values": ["2"]}
    exists = {"key": "rank", "operator": draw(st.sampled_from(("Exists", "Exists", "DoesNotExist")))}
    expressions = draw(st.lists(st.sampled_from((zone, zone, rank, exists)), min_size=1, max_size=2))
    term: Json = {"matchExpressions": expressions}
    if chance(draw, 15):
        term["matchFields"] = [{"key": "metadata.name", "operator": "In", "values": [NODE]}]
    terms = [term]
    if chance(draw, 4):
        terms.append({"matchExpressions": [zone]})
    if chance(draw, 2):
        zone["operator"] = "Near"
    return {"nodeSelectorTerms": terms}


# --- classes and selectors

CERTAIN = (
    'device.driver == "gpu.io"',
    '"numa" in device.attributes["gpu.io"]',
    'device.attributes["gpu.io"].?model.orValue("a") == "a"',
    'device.attributes["gpu.io"][?"numa"].orValue(0) >= 1',
    'device.capacity["gpu.io"].memory.isGreaterThan(quantity("10Gi"))',
    'device.capacity["gpu.io"].memory.compareTo(quantity("40Gi")) < 0',
    "device.allowMultipleAllocations",
    'device.attributes["nic.io"].exists(name, name == "numa")',
    'has(device.attributes["gpu.io"].version) && device.attributes["gpu.io"].version.isGreaterThan(semver("1.0.0"))',
    'device.attributes["resource.kubernetes.io"].exists(k, device.attributes["resource.kubernetes.io"][k] == "r0")',
    'device.attributes["gpu.io"].?tags.orValue("x").includes("x")',
    "size(device.attributes) < 2",
    "true",
)
RISKY = (
    'device.attributes["gpu.io"].model == "a"',
    'device.attributes["gpu.io"].numa < 2',
    'device.attributes["gpu.io"].numa == "1"',
    'device.attributes["gpu.io"].tags.includes("x")',
    'device.attributes["resource.kubernetes.io"].root in ["r0", "r1"]',
    'device.attributes["gpu.io"].nope == 1',
    'device.attributes["gpu.io"].model == "a" || device.attributes["gpu.io"].nope',
    'device.attributes["gpu.io"].model == "a" && device.attributes["gpu.io"].nope == 1',
    "device.nope",
    'device.attributes["gpu.io"].model',
    "1 +",
)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    one: str = draw(st.sampled_from(RISKY)) if chance(draw, 15) else draw(st.sampled_from(CERTAIN))
    if chance(draw, 20):
        other = draw(st.sampled_from(CERTAIN))
        return draw(st.sampled_from((f"!({one})", f"({one}) && ({other})", f"({one}) || ({other})")))
    return one


def selector(expression: str) -> Json:
    return {"cel": {"expression": expression}}


@st.composite
def classes(draw: st.DrawFn) -> list[Json]:
    """`any` has everything, `gpu` the devices of the first driver, `some` whatever a random condition says."""
    some: Json = {"selectors": [selector(draw(expressions())) for _ in range(draw(st.integers(0, 2)))]}
    if chance(draw, 30):
        some["config"] = [{"opaque": {"driver": "gpu.io", "parameters": {"of": "some"}}}]
    gpu: Json = {"selectors": [selector('device.driver == "gpu.io"')]}
    if chance(draw, 10):
        gpu["config"] = [{"opaque": {"driver": "gpu.io", "parameters": {"of": "gpu"}}}]
    return [
        {"metadata": {"name": "any"}, "spec": {}},
        {"metadata": {"name": "gpu"}, "spec": gpu},
        {"metadata": {"name": "some"}, "spec": some},
    ]


# --- devices

VALUES = st.sampled_from(("1", "2", "3", "4"))
EFFECTS = st.sampled_from(("NoSchedule", "NoSchedule", "NoExecute", "None", "Other"))


@st.composite
def attributes(draw: st.DrawFn, *, alpha: bool) -> Json:
    made: Json = {}
    if chance(draw, 92):
        made["numa"] = {"int": draw(st.integers(0, 2))}
    elif chance(draw, 50):
        made["numa"] = {"string": "1"}
    if chance(draw, 85):
        made["model"] = {"string": draw(st.sampled_from("aab"))}
    if chance(draw, 70):
        made[ROOT] = {"string": draw(st.sampled_from(("r0", "r0", "r1")))}
    if chance(draw, 15):
        made["version"] = {"version": draw(st.sampled_from(("1.2.0", "1.2.0", "1.2.0+b", "0.9.0", "none")))}
    if chance(draw, 5):
        made["gpu.io/numa"] = {"int": draw(st.integers(0, 2))}
    if chance(draw, 30 if alpha else 3):
        tags = draw(st.lists(st.sampled_from("xyz"), min_size=1, max_size=3))
        made["tags"] = draw(st.sampled_from(({"strings": tags}, {"strings": tags}, {"string": tags[0]})))
    if chance(draw, 10 if alpha else 1):
        numbers = draw(st.lists(st.integers(0, 2), min_size=1, max_size=2))
        made["numa"] = draw(st.sampled_from(({"ints": numbers}, {"versions": ["1.2.0"]}, {"bools": [True]})))
    return made


@st.composite
def policies(draw: st.DrawFn, value: int) -> Json:
    """How a capacity of `value` can be had; now and then with bounds that no API server would let through."""
    kind = draw(st.sampled_from(("default", "values", "range", "steps", "fractions", "odd")))
    default = str(draw(st.integers(1, 2)))
    match kind:
        case "default":
            return {"default": default}
        case "values":
            return {"default": "1", "validValues": draw(st.sampled_from((["1", "2"], ["1", "4"], ["1", "2500m"])))}
        case "range":
            return {"default": default, "validRange": {"min": "1", "max": str(value)}}
        case "steps":
            return {"default": "2", "validRange": {"min": "2", "step": "2", "max": str(value)}}
        case "fractions":
            step = draw(st.sampled_from(("0.1", "500m", "0.25", "1500m")))
            return {"default": "500m", "validRange": {"min": "500m", "step": step, "max": str(value)}}
    odd = draw(st.sampled_from(("1", "0.3", "2", "1u", "3n", "1Ki")))
    return {"default": "1", "validRange": {"min": "1", "step": odd}}


@st.composite
def capacities(draw: st.DrawFn, *, shareable: bool) -> Json:
    made: Json = {}
    if chance(draw, 80):
        made["memory"] = {"value": draw(st.sampled_from(("10Gi", "20Gi", "40Gi", "0.5Gi", "1e10")))}
    if chance(draw, 70 if shareable else 5):
        value = draw(st.integers(2, 6))
        made["slots"] = {"value": str(value)}
        if chance(draw, 70):
            made["slots"]["requestPolicy"] = draw(policies(value))
    return made


@st.composite
def devices(draw: st.DrawFn, name: str, counter_sets: list[str], *, alpha: bool, placed: bool) -> Json:
    """One device; `placed` if it has to say for which nodes it is."""
    device: Json = {"name": name, "attributes": draw(attributes(alpha=alpha))}
    shareable = chance(draw, 22)
    if shareable:
        device["allowMultipleAllocations"] = True
    capacity = draw(capacities(shareable=shareable))
    if capacity:
        device["capacity"] = capacity
    if counter_sets and chance(draw, 75):
        device["consumesCounters"] = draw(consumptions(counter_sets, alpha=alpha))
    if chance(draw, 14):
        device["taints"] = draw(st.lists(taints(), min_size=1, max_size=2))
    if chance(draw, 7):
        device["bindingConditions"] = ["attached"]
        device["bindingFailureConditions"] = ["broken"]
    if chance(draw, 7):
        device["bindsToNode"] = True
    if placed:
        device |= draw(places(per_device=False))
    return device


@st.composite
def consumptions(draw: st.DrawFn, counter_sets: list[str], *, alpha: bool) -> list[Json]:
    chosen = draw(st.lists(st.sampled_from(counter_sets), min_size=1, max_size=2, unique=True))
    made: list[Json] = []
    for name in chosen:
        missing = chance(draw, 2)
        counters = {"units": {"value": draw(VALUES)}}
        if chance(draw, 20):
            counters["lanes"] = {"value": draw(VALUES)}
        if missing:
            counters["nowhere"] = {"value": "1"}
        consumed: Json = {"counterSet": name, "counters": counters}
        if alpha and chance(draw, 45):
            consumed["compatibilityGroups"] = draw(st.sampled_from((["x"], ["x", "y"], ["y"], ["y", "z"], ["x", "z"])))
        made.append(consumed)
    return made


@st.composite
def taints(draw: st.DrawFn) -> Json:
    taint: Json = {"key": draw(st.sampled_from(("sick", "hot"))), "effect": draw(EFFECTS)}
    if chance(draw, 40):
        taint["value"] = draw(st.sampled_from(("1", "2")))
    return taint


@st.composite
def places(draw: st.DrawFn, *, per_device: bool) -> Json:
    """For which nodes a slice or a device is."""
    kind = draw(PERCENT)
    if kind < 50:
        return {"nodeName": NODE}
    if kind < 64:
        return {"allNodes": True}
    if kind < 78:
        return {"nodeSelector": draw(node_selectors())}
    if per_device and kind < 92:
        return {"perDeviceNodeSelection": True}
    if kind < 98:
        return {"nodeName": "node-2"}
    return {}


@st.composite
def slices(draw: st.DrawFn, *, alpha: bool) -> list[Json]:
    """The slices of some pools, in any order."""
    identities = [("gpu.io", "p"), ("gpu.io", "q"), ("nic.io", "p")]
    chosen = identities[: draw(st.sampled_from((1, 1, 2, 2, 3)))]
    made = [one for driver, pool in chosen for one in draw(pools(driver, pool, alpha=alpha))]
    return draw(st.permutations(made)) if len(made) < 5 else made


SIZES = st.sampled_from((2, 1, 3, 4, 4, 5, 0))


@st.composite
def pools(draw: st.DrawFn, driver: str, name: str, *, alpha: bool) -> list[Json]:
    """The slices of one pool: devices in one or two of them, maybe counters, maybe an older generation."""
    generation = draw(st.integers(1, 2))
    counter_sets = draw(st.sampled_from(([], [], ["s0"], ["s0", "s1"])))
    made: list[Json] = []
    count = 0
    for number in range(draw(st.sampled_from((1, 1, 2)))):
        place = draw(places(per_device=True))
        spec: Json = {**place}
        spec["devices"] = [
            draw(devices(f"d{count + i}", counter_sets, alpha=alpha, placed="perDeviceNodeSelection" in place))
            for i in range(draw(SIZES))
        ]
        # Now and then the second slice has a device of the first one's name.
        count += len(spec["devices"]) - (1 if spec["devices"] and chance(draw, 3) else 0)
        if alpha and chance(draw, 25):
            spec["skipNodeOperations"] = draw(st.sampled_from((["NodeUnprepareResources"], ["*"])))
        made.append(published(f"{driver}-{name}-{number}", spec))
    if counter_sets:
        spec = draw(places(per_device=False))
        spec["sharedCounters"] = [draw(counters(one)) for one in counter_sets]
        if chance(draw, 3):
            spec["sharedCounters"].append(draw(counters(counter_sets[0])))
        made.append(published(f"{driver}-{name}-counters", spec))
    total = len(made) + (draw(st.sampled_from((-1, 1))) if chance(draw, 4) else 0)
    for one in made:
        one["spec"] |= {"driver": driver, "pool": {"name": name, "generation": generation, "resourceSliceCount": total}}
    if chance(draw, 8):
        # Another generation: older and left behind, or newer and only just coming.
        other = published(f"{driver}-{name}-other", draw(places(per_device=False)))
        other["spec"]["devices"] = [draw(devices("d0", [], alpha=alpha, placed=False))]
        pool = {"name": name, "generation": generation + draw(st.sampled_from((-1, 1))), "resourceSliceCount": 1}
        other["spec"] |= {"driver": driver, "pool": pool}
        made.append(other)
    return made


@st.composite
def counters(draw: st.DrawFn, name: str) -> Json:
    amounts = {"units": {"value": draw(st.sampled_from(("4", "6", "3", "9")))}, "lanes": {"value": "6"}}
    return {"name": name, "counters": amounts}


def published(name: str, spec: Json) -> Json:
    return {"metadata": {"name": name}, "spec": spec}


# --- claims


@st.composite
def claims(draw: st.DrawFn, name: str, *, alpha: bool, on: frozenset[str]) -> Json:
    requests = [
        draw(requests_of(f"r{i}", alpha=alpha, on=on)) for i in range(draw(st.sampled_from((1, 1, 1, 2, 2, 2, 3, 0))))
    ]
    spec: Json = {"requests": requests}
    names = [request["name"] for request in requests]
    names += [f"{r['name']}/{sub['name']}" for r in requests for sub in r.get("firstAvailable", ())]
    if names and chance(draw, 60):
        number = draw(st.sampled_from((1, 1, 2)))
        spec["constraints"] = [draw(constraints(names, derived=_derives(requests))) for _ in range(number)]
    if names and chance(draw, 14):
        spec["config"] = draw(st.lists(configs(names), min_size=1, max_size=2))
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"devices": spec}}


def _derives(requests: list[Json]) -> bool:
    return any(
        ask.get("derivedAttributes")
        for request in requests
        for ask in (*request.get("firstAvailable", ()), request.get("exactly", {}))
    )


@st.composite
def constraints(draw: st.DrawFn, names: list[str], *, derived: bool) -> Json:
    attribute = DERIVED if derived and chance(draw, 70) else draw(st.sampled_from(ATTRIBUTES))
    kind = draw(st.sampled_from(("matchAttribute", "matchAttribute", "distinctAttribute")))
    made: Json = {kind: attribute}
    if chance(draw, 35):
        made["requests"] = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    if chance(draw, 2):
        made |= {"matchAttribute": ROOT, "distinctAttribute": ROOT}
    elif chance(draw, 1):
        made.pop(kind)
    return made


@st.composite
def configs(draw: st.DrawFn, names: list[str]) -> Json:
    made: Json = {"opaque": {"driver": "gpu.io", "parameters": {"of": draw(st.sampled_from(("claim", "request")))}}}
    if chance(draw, 60):
        made["requests"] = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    return made


@st.composite
def requests_of(draw: st.DrawFn, name: str, *, alpha: bool, on: frozenset[str]) -> Json:
    if chance(draw, 22 if "PrioritizedList" in on else 3):
        subrequests = [draw(asks(alpha=alpha, on=on)) for _ in range(draw(st.sampled_from((2, 2, 1, 3))))]
        return {"name": name, "firstAvailable": [{"name": f"s{i}", **ask} for i, ask in enumerate(subrequests)]}
    exactly = draw(asks(alpha=alpha, on=on))
    if chance(draw, 7 if "AdminAccess" in on else 1):
        exactly["adminAccess"] = draw(st.sampled_from((True, True, True, False)))
    return {"name": name, "exactly": exactly}


DERIVATIONS = (
    'device.attributes["gpu.io"].?numa.orValue(0)',
    'string(device.attributes["gpu.io"].?numa.orValue(7))',
    'device.attributes["gpu.io"].?model.orValue("a")',
    "device.driver",
    '[1, 2].filter(x, x > device.attributes["gpu.io"].?numa.orValue(0))',
    'device.attributes["gpu.io"].numa + 1',
    'has(device.attributes["gpu.io"].model)',
    'semver("1.2.0")',
)


@st.composite
def asks(draw: st.DrawFn, *, alpha: bool, on: frozenset[str]) -> Json:
    """An exact request or a subrequest, without a name."""
    ask: Json = {"deviceClassName": draw(st.sampled_from(("any", "any", "gpu", "gpu", "some")))}
    if chance(draw, 1):
        ask["deviceClassName"] = draw(st.sampled_from(("nowhere", "")))
    mode = draw(PERCENT)
    if mode < 12:
        ask["allocationMode"] = "All"
    elif mode < 13:
        ask["allocationMode"] = "Most"
    elif mode < 20:
        ask["allocationMode"] = "ExactCount"
    if mode >= 13:
        count = draw(st.sampled_from((1, 1, 1, 2, 2, 3, 4)))
        if chance(draw, 1):
            count = draw(st.sampled_from((33, 31, 17)))
        if count > 1:
            ask["count"] = count
    if chance(draw, 30):
        ask["selectors"] = [selector(one) for one in draw(st.lists(expressions(), min_size=1, max_size=2))]
    if chance(draw, 15):
        ask["tolerations"] = draw(st.lists(tolerations(), min_size=1, max_size=2))
    if chance(draw, 16 if "ConsumableCapacity" in on else 2):
        ask["capacity"] = draw(amounts())
    if alpha and chance(draw, 20 if "DerivedAttributes" in on else 2):
        ask["derivedAttributes"] = [{"name": DERIVED, "expression": draw(st.sampled_from(DERIVATIONS))}]
    return ask


@st.composite
def tolerations(draw: st.DrawFn) -> Json:
    made: Json = {}
    if chance(draw, 80):
        made["key"] = draw(st.sampled_from(("sick", "hot")))
    if chance(draw, 70):
        made["operator"] = draw(st.sampled_from(("Exists", "Exists", "Equal", "Unlike")))
    if chance(draw, 25):
        made["value"] = draw(st.sampled_from(("1", "2")))
    if chance(draw, 30):
        made["effect"] = draw(EFFECTS)
    return made


@st.composite
def amounts(draw: st.DrawFn) -> Json:
    requests: Json = {}
    if chance(draw, 75):
        requests["slots"] = draw(st.sampled_from(("1", "2", "3", "500m", "0.1", "1.2", "5", "1u", "0", "7", "-1")))
    if chance(draw, 30):
        requests["memory"] = draw(st.sampled_from(("1Gi", "10Gi", "20Gi", "15e9", "0.5Gi")))
    if chance(draw, 3):
        requests["nowhere"] = "1"
    return {"requests": requests}


# --- what is in use


@st.composite
def usage(draw: st.DrawFn, published_slices: list[Json], *, alpha: bool) -> Json:
    known = [
        {"driver": one["spec"]["driver"], "pool": one["spec"]["pool"]["name"], "device": device["name"], "of": device}
        for one in published_slices
        for device in one["spec"].get("devices", ())
    ]
    if not known or chance(draw, 45):
        return {}
    exclusive: list[Json] = []
    shares: list[Json] = []
    consumed: list[Json] = []
    held: list[Json] = []
    for number, entry in enumerate(known):
        if not chance(draw, 28):
            continue
        device = {key: value for key, value in entry.items() if key != "of"}
        if not entry["of"].get("allowMultipleAllocations") and not chance(draw, 5):
            (held if chance(draw, 25) else exclusive).append(device)
            continue
        taken = {name: draw(st.sampled_from(("1", "2", "500m"))) for name in entry["of"].get("capacity", {})}
        share = {**device, "shareID": str(uuid.UUID(int=number + 1))}
        if chance(draw, 35):
            held.append({**share, "consumedCapacity": taken})
        else:
            shares.append(share)
            if taken:
                consumed.append({**device, "consumedCapacity": taken})
    made = {"allocatedDevices": exclusive, "allocatedSharedDevices": shares, "aggregatedCapacity": consumed}
    if held:
        results = [{"request": "r", **one, **({"adminAccess": True} if chance(draw, 10) else {})} for one in held]
        status = {"allocation": {"devices": {"results": results}}}
        made["allocatedClaims"] = [{"metadata": {"name": "holder", "namespace": "default"}, "status": status}]
    return {key: value for key, value in made.items() if value}
