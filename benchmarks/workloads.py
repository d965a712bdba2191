"""The workloads by name, at any size: `question(name)` is a question as `dra-policy answer` reads it.

Nothing is random: a name says all. Devices of kind gpu(i, n) are `gpu-%03d` with the attributes model, index, numa
(two halves), group, driverVersion and pcieRoot (fours), and 80Gi of memory.

| name | devices | claims |
|---|---|---|
| single-nN-cC-none, -numa, -root | N GPUs | one of C devices with a selector of three conditions; -numa, -root: they share it |
| toomany-nN | N GPUs | one of N + 1 devices: infeasible |
| manyclaims-nN, claimsof3-nN | N GPUs | N + 1 claims of one device, N/3 + 1 claims of three: infeasible |
| grouprequests-gG-kK | G groups of K GPUs, the first of each in use | one of K requests that share a group: infeasible |
| lastgroup-gG-kK-true, -false | the same; the last group is wholly free if -true | one of K devices of one group |
| distinct-nN | N GPUs, group i mod 7 | one of 8 devices of distinct groups: infeasible |
| distinct-nN-gG-cC | N GPUs, group i mod G | one of C devices of distinct groups |
| two-nN-cC | N GPUs, group i mod 8 | one of C devices of one numa half and of distinct groups; C = 9 is infeasible |
| pairs-pP | P GPUs, P - 1 NICs | one of P pairs, each of one group: infeasible |
| migG-3g+4g, -3g+4g+1g, -2g+2g+2g+1g | G GPUs of 33 partitions | one, partitions of one GPU |
| migG-Cx1g, migG-CxcomputeK | the same; with -one-taken a small partition of every GPU is in use | one of C partitions of profile 1g.10gb or of K compute, of one GPU; with -infeasible of any GPU |
| migclaims-C, migclaims1g-C | one such GPU; with -taken-K, K small partitions are in use | C claims of one partition of one compute, of profile 1g.10gb |
| migclaims-gG-C | G such GPUs | C claims of one partition of one compute; C = 7G + 1 is infeasible |
| shares-dD-capP-claimsM | D NICs of capacity P, shareable | M claims of one unit; M = D P + 1 is infeasible |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

DRIVER: Final = "gpu.example.com"
NODE: Final = "node-0"
ROOT: Final = "resource.kubernetes.io/pcieRoot"
SELECTOR3: Final = (
    f'device.attributes["{DRIVER}"].model == "H100"'
    f' && device.attributes["{DRIVER}"].driverVersion.compareTo(semver("535.0.0")) >= 0'
    f' && device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0'
)
FEATURES: Final = (
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
PARTITIONS: Final[tuple[tuple[str, int, int, tuple[int, ...], str], ...]] = (
    ("1g.10gb", 1, 1, (0, 1, 2, 3, 4, 5, 6), ""),
    ("1g.10gb.me", 1, 1, (0, 1, 2, 3, 4, 5, 6), "media"),
    ("1g.10gb.gfx", 1, 1, (0, 1, 2, 3, 4, 5, 6), "gfx"),
    ("1g.20gb", 1, 2, (0, 2, 4, 6), ""),
    ("2g.20gb", 2, 2, (0, 2, 4), ""),
    ("3g.40gb", 3, 4, (0, 4), ""),
    ("4g.40gb", 4, 4, (0,), ""),
    ("7g.80gb", 7, 8, (0,), ""),
    ("gpu", 7, 8, (0,), "whole"),
)
"""Profile, compute, slots, first slots, what else it takes one of."""
SLICE_DEVICES: Final = 128
SLICE_PARTITIONS: Final = 64
SLICE_COUNTER_SETS: Final = 8
GROUPS: Final = f"{DRIVER}/group"
HALVES: Final = f"{DRIVER}/numa"


def question(name: str) -> Json:
    """The question of this name. Raises `KeyError` for a name that no family has.

    >>> asked = question("toomany-n4")
    >>> len(asked["slices"][0]["spec"]["devices"]), asked["claims"][0]["spec"]["devices"]["requests"][0]["exactly"]["count"]
    (4, 5)
    """
    for pattern, make in _FAMILIES:
        found = re.fullmatch(pattern, name)
        if found is not None:
            return {"id": name, **make(*(int(g) if g is not None and g.isdigit() else g for g in found.groups()))}
    raise KeyError(name)


# --- families


def _single(number: int, count: int, constraint: str) -> Json:
    shared = {"none": (), "numa": (match(HALVES),), "root": (match(ROOT),)}[constraint]
    wanted = claim([request("r0", count, SELECTOR3)], shared)
    return asked(slices(gpu(i, number) for i in range(number)), [wanted])


def _too_many(number: int) -> Json:
    return asked(slices(gpu(i, number) for i in range(number)), [claim([request("r0", number + 1)])])


def _many_claims(number: int) -> Json:
    claims = [claim([request("r0")], number=i) for i in range(number + 1)]
    return asked(slices(gpu(i, number) for i in range(number)), claims)


def _claims_of_three(number: int) -> Json:
    claims = [claim([request("r0", 3)], number=i) for i in range(number // 3 + 1)]
    return asked(slices(gpu(i, number) for i in range(number)), claims)


def _group_requests(groups: int, size: int) -> Json:
    wanted = claim([request(f"r{i}") for i in range(size)], [match(GROUPS)])
    return asked(_grouped(groups, size), [wanted], _firsts(groups, size))


def _last_group(groups: int, size: int, free: str) -> Json:
    wanted = claim([request("r0", size)], [match(GROUPS)])
    return asked(_grouped(groups, size), [wanted], _firsts(groups - (free == "true"), size))


def _distinct(number: int, groups: int | None = None, count: int | None = None) -> Json:
    groups = 7 if groups is None else groups
    wanted = claim([request("r0", 8 if count is None else count)], [{"distinctAttribute": GROUPS}])
    return asked(slices(gpu(i, number, i % groups) for i in range(number)), [wanted])


def _two(number: int, count: int) -> Json:
    wanted = claim([request("r0", count)], [match(HALVES), {"distinctAttribute": GROUPS}])
    return asked(slices(gpu(i, number, i % 8) for i in range(number)), [wanted])


def _pairs(number: int) -> Json:
    devices = [gpu(i, number, i) for i in range(number)]
    devices += [gpu(i, number, i, name="nic", model="NIC") for i in range(number - 1)]
    model = f'device.attributes["{DRIVER}"].model == '
    requests = [request(f"gpu{i}", 1, f'{model}"H100"') for i in range(number)]
    requests += [request(f"nic{i}", 1, f'{model}"NIC"') for i in range(number)]
    constraints = [{"requests": [f"gpu{i}", f"nic{i}"], **match(GROUPS)} for i in range(number)]
    return asked(slices(devices), [claim(requests, constraints)])


def _mixed_partitions(gpus: int, kind: str) -> Json:
    small = ("c", "1g.10gb", 1)
    wanted = {
        "3g+4g": (("a", "3g.40gb", 1), ("b", "4g.40gb", 1)),
        "3g+4g+1g": (("a", "3g.40gb", 1), ("b", "4g.40gb", 1), small),
        "2g+2g+2g+1g": (("a", "2g.20gb", 3), small),
    }[kind]
    requests = [request(name, count, profile(of)) for name, of, count in wanted]
    return _on_partitions(gpus, [claim(requests, [match(f"{DRIVER}/gpu")])])


def _partitions(gpus: int, count: int, kind: str, variant: str | None) -> Json:
    selector = profile("1g.10gb") if kind == "1g" else compute(int(kind.removeprefix("compute")))
    constraints = [] if variant == "-infeasible" else [match(f"{DRIVER}/gpu")]
    taken = [f"gpu-{g}-1g-10gb-3" for g in range(gpus)] if variant == "-one-taken" else []
    return _on_partitions(gpus, [claim([request("r0", count, selector)], constraints)], taken)


def _partition_claims(kind: str, gpus: int | None, count: int, taken: int | None) -> Json:
    selector = profile("1g.10gb") if kind == "1g" else compute(1)
    claims = [claim([request("r0", 1, selector)], number=i) for i in range(count)]
    used = [f"gpu-0-1g-10gb-{slot}" for slot in range(6, 6 - (taken or 0), -1)]
    return _on_partitions(gpus or 1, claims, used)


def _shares(number: int, capacity: int, claims: int) -> Json:
    devices = [
        {
            "name": f"nic-{i:03d}",
            "capacity": {"bandwidth": {"value": str(capacity)}},
            "allowMultipleAllocations": True,
        }
        for i in range(number)
    ]
    unit = {"capacity": {"requests": {"bandwidth": "1"}}}
    wanted = [claim([request("r0", more=unit)], number=i) for i in range(claims)]
    return asked(slices(devices), wanted, features=["ConsumableCapacity"])


_FAMILIES: Final[tuple[tuple[str, Callable[..., Json]], ...]] = (
    (r"single-n(\d+)-c(\d+)-(none|numa|root)", _single),
    (r"toomany-n(\d+)", _too_many),
    (r"manyclaims-n(\d+)", _many_claims),
    (r"claimsof3-n(\d+)", _claims_of_three),
    (r"grouprequests-g(\d+)-k(\d+)", _group_requests),
    (r"lastgroup-g(\d+)-k(\d+)-(true|false)", _last_group),
    (r"distinct-n(\d+)(?:-g(\d+)-c(\d+))?", _distinct),
    (r"two-n(\d+)-c(\d+)", _two),
    (r"pairs-p(\d+)", _pairs),
    (r"mig(\d+)-(3g\+4g|3g\+4g\+1g|2g\+2g\+2g\+1g)", _mixed_partitions),
    (r"mig(\d+)-(\d+)x(1g|compute\d)(-one-taken|-infeasible)?", _partitions),
    (r"migclaims(1g|)-(?:g(\d+)-)?(\d+)(?:-taken-(\d+))?", _partition_claims),
    (r"shares-d(\d+)-cap(\d+)-claims(\d+)", _shares),
)


# --- parts


def gpu(index: int, number: int, group: int = 0, *, name: str = "gpu", model: str = "H100") -> Json:
    """The device of an index among `number` on its node."""
    return {
        "name": f"{name}-{index:03d}",
        "attributes": {
            "driverVersion": {"version": "550.54.15"},
            "group": {"int": group},
            "index": {"int": index},
            "model": {"string": model},
            "numa": {"int": index * 2 // number},
            ROOT: {"string": f"pci0000:{index // 4:02x}"},
        },
        "capacity": {"memory": {"value": "80Gi"}},
    }


def partition(gpu_index: int, of: str, taken: int, slots: int, first: int, also: str) -> Json:
    """A partition of a GPU: its compute, its slots from the first one on, and what else it takes one of."""
    counters = {"compute": {"value": str(taken)}}
    counters |= {f"slot-{slot}": {"value": "1"} for slot in range(first, first + slots)}
    if also:
        counters[also] = {"value": "1"}
    return {
        "name": f"gpu-{gpu_index}-{of.replace('.', '-')}-{first}",
        "attributes": {"compute": {"int": taken}, "gpu": {"int": gpu_index}, "profile": {"string": of}},
        "consumesCounters": [{"counterSet": f"gpu-{gpu_index}", "counters": counters}],
    }


def counter_set(gpu_index: int) -> Json:
    """What the partitions of a GPU share."""
    ones = ("gfx", "media", *(f"slot-{slot}" for slot in range(8)), "whole")
    counters = {"compute": {"value": "7"}} | {one: {"value": "1"} for one in ones}
    return {"name": f"gpu-{gpu_index}", "counters": counters}


def request(name: str, count: int = 1, selector: str | None = None, more: Json | None = None) -> Json:
    """A request for a number of devices of the only class."""
    exactly: Json = {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": count}
    if selector is not None:
        exactly["selectors"] = [{"cel": {"expression": selector}}]
    return {"name": name, "exactly": exactly | (more or {})}


def claim(requests: Sequence[Json], constraints: Sequence[Json] = (), *, number: int = 0) -> Json:
    """One claim of the pod."""
    devices: Json = {"requests": list(requests)}
    if constraints:
        devices["constraints"] = list(constraints)
    return {"metadata": {"name": f"c{number}", "namespace": "default"}, "spec": {"devices": devices}, "status": {}}


def match(attribute: str) -> Json:
    return {"matchAttribute": attribute}


def profile(of: str) -> str:
    return f'device.attributes["{DRIVER}"].profile == "{of}"'


def compute(amount: int) -> str:
    return f'device.attributes["{DRIVER}"].compute == {amount}'


def device_class() -> Json:
    """The class `gpu`: all devices of the driver."""
    expression = f'device.driver == "{DRIVER}"'
    return {"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": expression}}]}}


def slices(devices: Iterable[Json], counter_sets: Sequence[Json] = (), *, node: str = NODE) -> list[Json]:
    """A pool of a node: its counter sets, then its devices, as many to a slice as the API allows."""
    most = SLICE_PARTITIONS if counter_sets else SLICE_DEVICES
    given = list(devices)
    specs = [
        (99 - number, {"sharedCounters": counter_sets[i : i + SLICE_COUNTER_SETS]})
        for number, i in enumerate(range(0, len(counter_sets), SLICE_COUNTER_SETS))
    ]
    specs += [(number, {"devices": given[i : i + most]}) for number, i in enumerate(range(0, len(given), most))]
    pool = {"name": node, "generation": 1, "resourceSliceCount": len(specs)}
    return [
        {
            "metadata": {"name": f"{node}-{DRIVER}-{number}"},
            "spec": {"driver": DRIVER, "pool": pool, "nodeName": node, **spec},
        }
        for number, spec in specs
    ]


def asked(
    published: list[Json], claims: list[Json], taken: Iterable[str] = (), *, features: Sequence[str] = ()
) -> Json:
    """The question; `taken` are devices of its node that are in use."""
    used = [{"driver": DRIVER, "pool": NODE, "device": device} for device in taken]
    return {
        "features": {name: name in features for name in FEATURES},
        "node": _node(),
        "classes": [device_class()],
        "slices": published,
        "claims": claims,
        "allocatedDevices": used or None,
    }


def _node() -> Json:
    """The node as a program of Kubernetes writes it: members that have no value are there, empty."""
    info = (
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    )
    status = {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": dict.fromkeys(info, "")}
    return {"metadata": {"name": NODE}, "spec": {}, "status": status}


def _grouped(groups: int, size: int) -> list[Json]:
    number = groups * size
    return slices(gpu(i, number, i // size) for i in range(number))


def _firsts(groups: int, size: int) -> list[str]:
    return [f"gpu-{group * size:03d}" for group in range(groups)]


def _on_partitions(gpus: int, claims: list[Json], taken: Iterable[str] = ()) -> Json:
    devices = [
        partition(g, of, amount, slots, first, also)
        for g in range(gpus)
        for of, amount, slots, firsts, also in PARTITIONS
        for first in firsts
    ]
    published = slices(devices, [counter_set(g) for g in range(gpus)])
    return asked(published, claims, taken, features=["PartitionableDevices"])
