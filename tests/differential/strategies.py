"""Random questions that mix all features of Dynamic Resource Allocation, small enough to be answered at once.

Objects are mostly valid; some are what the API server lets through or what only an allocator meets: incomplete pools,
devices of one name, counters that are not there, versions that are none, selectors that raise. Every part of a question
is read from a text of bytes of its own, of which zeros mean the plainest choice: that is quick to draw, and shrinks well.

One thing is never asked, because upstream's answer to it is left to chance: a device with one attribute under both of
its names, `numa` and `gpu.io/numa` (D2: the order of a Go map decides which one selectors see).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from benchmarks.workloads import FEATURES

Json = dict[str, Any]
T = TypeVar("T")

NODE = "node-1"
DERIVED = "gpu.io/derived"
ROOT = "resource.kubernetes.io/root"
EXPERIMENTAL = ("CompatibilityGroups", "DerivedAttributes", "ListTypeAttributes", "OptionalNodeOperations")
PART = 64
PARTS = 80
# One draw, not one a part: Hypothesis likes to repeat parts, and five hundred questions would be like a hundred.
TEXTS = st.binary(min_size=PART * PARTS, max_size=PART * PARTS)


class Choices:
    """Choices read from bytes, 64 at a time; behind their end, the plainest ones."""

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._source = source
        self._bytes = source()
        self._at = 0

    def part(self) -> Choices:
        """Choices for a part, which shrink by themselves."""
        return Choices(self._source)

    def byte(self) -> int:
        # Hypothesis likes bytes of the ends, behind which the oddest choices stand: zero stays zero, all others are mixed.
        at, self._at = self._at, self._at + 1
        return self._bytes[at] * 77 % 256 if at < len(self._bytes) else 0

    def chance(self, percent: int) -> bool:
        """True so often; false is plainer."""
        return self.byte() * 100 >= (100 - percent) * 256

    def number(self, least: int, most: int) -> int:
        return least + self.byte() * (most - least + 1) // 256

    def one(self, of: Sequence[T]) -> T:
        """One of them; the first is the plainest."""
        return of[self.byte() * len(of) // 256]

    def some(self, of: Sequence[T], least: int, most: int) -> list[T]:
        """Several, in any order, maybe one of them twice."""
        return [self.one(of) for _ in range(self.number(least, most))]

    def different(self, of: Sequence[T], least: int, most: int) -> list[T]:
        """Several, in any order, each once."""
        return list(dict.fromkeys(self.some(of, least, most)))


@st.composite
def questions(draw: st.DrawFn) -> Json:
    """A whole question, as `question_of` makes it."""
    text = draw(TEXTS)
    parts = (text[at : at + PART] for at in range(0, len(text), PART))
    return question_of(Choices(lambda: next(parts, b"")))


def random_question(rng: random.Random) -> Json:
    """The same without Hypothesis."""
    return question_of(Choices(lambda: rng.randbytes(PART)))


def question_of(choices: Choices) -> Json:
    """A question. Five out of six are searches: enough devices that fit, and constraints that make it long."""
    kind = Kind(choices)
    question: Json = {"id": "random"}
    if kind.switches is not None:
        question["features"] = kind.switches
    question["node"] = node(choices.part())
    question["classes"] = classes(choices.part(), kind)
    question["slices"] = slices(choices.part(), kind)
    question["claims"] = [claim(choices.part(), f"claim-{i}", kind) for i in range(kind.claims)]
    return question | usage(choices.part(), question["slices"], kind)


class Kind:
    """What a question is like."""

    def __init__(self, choices: Choices) -> None:
        self.search = choices.chance(83)
        self.claims = 0 if choices.chance(1) else choices.one((1, 1, 1, 1, 1, 2, 1, 2, 1, 3))
        self.switches = features(choices)
        default = {name: name not in EXPERIMENTAL for name in FEATURES}
        self.on = frozenset(name for name, on in (self.switches or default).items() if on)
        self.alpha = not self.on.isdisjoint(EXPERIMENTAL)

    def rarely(self, percent: int) -> int:
        """A percentage for what ends a search before it has begun."""
        return percent // 4 if self.search else percent


def features(choices: Choices) -> Json | None:
    """The defaults of a cluster, everything, everything but a few, or a few."""
    kind = choices.number(0, 99)
    if kind < 40:
        return None
    if kind < 75:
        return dict.fromkeys(FEATURES, True)
    if kind < 97:
        off = choices.different(FEATURES, 1, 3)
        return {name: name not in off for name in FEATURES}
    return dict.fromkeys(choices.different(FEATURES, 0, 5), True)


def node(choices: Choices) -> Json:
    made: Json = {"metadata": {"name": NODE, "labels": {"zone": choices.one("aaab"), "rank": "3"}}}
    if choices.chance(72):
        made["status"] = {"declaredFeatures": ["DRAOptionalNodeOperations"]}
    return made


def node_selector(choices: Choices) -> Json:
    requirements: tuple[Json, ...] = (
        {"key": "zone", "operator": "In", "values": [choices.one("aaab")]},
        {"key": "rank", "operator": choices.one(("Gt", "Gt", "Lt")), "values": ["2"]},
        {"key": "rank", "operator": choices.one(("Exists", "Exists", "DoesNotExist"))},
        {"key": "zone", "operator": "NotIn", "values": ["c", "b"]},
    )
    term: Json = {"matchExpressions": choices.different(range(4), 1, 2)}
    term["matchExpressions"] = [dict(requirements[i]) for i in term["matchExpressions"]]
    if choices.chance(1):
        term["matchExpressions"][0]["operator"] = "Near"
    if choices.chance(15):
        term["matchFields"] = [{"key": "metadata.name", "operator": "In", "values": [NODE]}]
    terms = [term]
    if choices.chance(4):
        terms.append({"matchExpressions": [requirements[0]]})
    return {"nodeSelectorTerms": terms}


# --- classes and selectors

CERTAIN = (
    "true",
    'device.driver == "gpu.io"',
    '"numa" in device.attributes["gpu.io"]',
    'device.attributes["gpu.io"].?model.orValue("a") == "a"',
    'device.attributes["gpu.io"][?"numa"].orValue(0) != 1',
    'device.capacity["gpu.io"].?memory.orValue(quantity("40Gi")).isGreaterThan(quantity("10Gi"))',
    "!device.allowMultipleAllocations",
    'device.attributes["nic.io"].exists(name, name == "numa") || device.driver == "gpu.io"',
    'has(device.attributes["gpu.io"].version) && device.attributes["gpu.io"].version.isGreaterThan(semver("1.0.0"))',
    'device.attributes["resource.kubernetes.io"].exists(k, device.attributes["resource.kubernetes.io"][k] == "r0")',
    'device.attributes["gpu.io"].?tags.orValue("x") != "y"',
    "size(device.attributes) < 3",
    'device.attributes["gpu.io"].all(name, name != "tags")',
)
RISKY = (
    'device.attributes["gpu.io"].model == "a"',
    'device.attributes["gpu.io"].numa < 2',
    'device.attributes["gpu.io"].numa == "1"',
    'device.attributes["gpu.io"].?tags.orValue("x").includes("x")',
    'device.attributes["resource.kubernetes.io"].root in ["r0", "r1"]',
    'device.capacity["gpu.io"].memory.compareTo(quantity("40Gi")) < 0',
    'device.attributes["gpu.io"].nope == 1',
    'device.attributes["gpu.io"].?model.orValue("a") == "a" || device.attributes["gpu.io"].nope',
    'device.attributes["gpu.io"].?model.orValue("a") == "a" && device.attributes["gpu.io"].nope == 1',
    "device.nope",
    'device.attributes["gpu.io"].model',
    "1 +",
)


def expression(choices: Choices, risk: int) -> str:
    one = choices.one(RISKY if choices.chance(risk) else CERTAIN)
    if choices.chance(20):
        other = choices.one(CERTAIN)
        return choices.one((f"!({one})", f"({one}) && ({other})", f"({one}) || ({other})"))
    return one


def selectors(choices: Choices, least: int, risk: int = 15) -> list[Json]:
    return [{"cel": {"expression": expression(choices, risk)}} for _ in range(choices.number(least, 2))]


def classes(choices: Choices, kind: Kind) -> list[Json]:
    """`any` has everything, `gpu` the devices of the first driver, `some` whatever a random condition says."""
    some: Json = {"selectors": selectors(choices, 0, 14 if kind.search else 17)}
    if choices.chance(40):
        some["config"] = [{"opaque": {"driver": "gpu.io", "parameters": {"of": "some"}}}]
    gpu: Json = {"selectors": [{"cel": {"expression": 'device.driver == "gpu.io"'}}]}
    if choices.chance(15):
        gpu["config"] = [{"opaque": {"driver": "gpu.io", "parameters": {"of": "gpu", "or": ["not", 1]}}}]
    return [
        {"metadata": {"name": "any"}, "spec": {}},
        {"metadata": {"name": "gpu"}, "spec": gpu},
        {"metadata": {"name": "some"}, "spec": some},
    ]


# --- devices

EFFECTS = ("NoSchedule", "NoSchedule", "NoExecute", "None", "Other")


def attributes(choices: Choices, driver: str, kind: Kind) -> Json:
    made: Json = {}
    if driver != "gpu.io" and choices.chance(40):
        made["gpu.io/numa"] = {"int": choices.number(0, 2)}
    if not choices.chance(8):
        made["numa"] = {"int": choices.number(0, 2)}
    elif choices.chance(50):
        made["numa"] = {"string": "1"}
    if not choices.chance(12):
        made["model"] = {"string": choices.one("aaab")}
    if not choices.chance(15):
        made[ROOT] = {"string": choices.one(("r0", "r0", "r0", "r1"))}
    if choices.chance(15):
        made["version"] = {"version": choices.one(("1.2.0", "1.2.0", "1.2.0+b", "0.9.0"))}
    if choices.chance(kind.rarely(1)):
        made["version"] = {"version": "v1"}
    if choices.chance(70 if kind.alpha else 3):
        tags = choices.some("xyz", 1, 3)
        made["tags"] = {"string": tags[0]} if choices.chance(30) else {"strings": tags}
    if choices.chance(10 if kind.alpha else 1):
        made["numa"] = choices.one(
            ({"ints": choices.some((0, 1, 2), 1, 2)}, {"versions": ["1.2.0"]}, {"bools": [True]})
        )
    return made


def policy(choices: Choices, value: int) -> Json:
    """How a capacity of `value` can be had; now and then with bounds that no API server would let through."""
    default = str(choices.number(1, 2))
    match choices.one(("default", "values", "range", "steps", "fractions", "odd")):
        case "default":
            return {"default": default}
        case "values":
            return {"default": "1", "validValues": choices.one((["1", "2"], ["1", "4"], ["1", "2500m"]))}
        case "range":
            return {"default": default, "validRange": {"min": "1", "max": str(value)}}
        case "steps":
            return {"default": "2", "validRange": {"min": "2", "step": "2", "max": str(value)}}
        case "fractions":
            step = choices.one(("0.1", "500m", "0.25", "1500m"))
            return {"default": "500m", "validRange": {"min": "500m", "step": step, "max": str(value)}}
    odd = choices.one(("1", "0.3", "2", "1u", "3n", "1Ki"))
    return {"default": "1", "validRange": {"min": "1", "step": odd}}


def capacities(choices: Choices, *, shareable: bool) -> Json:
    made: Json = {}
    if not choices.chance(20):
        made["memory"] = {"value": choices.one(("40Gi", "20Gi", "10Gi", "0.5Gi", "1e10"))}
    if choices.chance(85 if shareable else 5):
        value = choices.number(2, 6)
        made["slots"] = {"value": str(value)}
        if choices.chance(72):
            made["slots"]["requestPolicy"] = policy(choices, value)
    return made


def device(choices: Choices, driver: str, name: str, counter_sets: Sequence[str], kind: Kind, *, placed: bool) -> Json:
    """One device; `placed` if it has to say for which nodes it is."""
    made: Json = {"name": name, "attributes": attributes(choices, driver, kind)}
    shareable = choices.chance(25)
    if shareable:
        made["allowMultipleAllocations"] = True
    if capacity := capacities(choices, shareable=shareable):
        made["capacity"] = capacity
    if choices.chance(kind.rarely(12)):
        made["taints"] = [taint(choices) for _ in range(choices.number(1, 2))]
    if choices.chance(8):
        made["bindingConditions"] = ["attached"]
        made["bindingFailureConditions"] = ["broken"]
    if choices.chance(8):
        made["bindsToNode"] = True
    if placed:
        made |= place(choices, kind, per_device=False)
    if counter_sets and choices.chance(60):
        made["consumesCounters"] = consumptions(choices, counter_sets, kind)
    return made


def consumptions(choices: Choices, counter_sets: Sequence[str], kind: Kind) -> list[Json]:
    made: list[Json] = []
    for name in choices.different(counter_sets, 1, 2):
        counters = {"units": {"value": choices.one("1234")}}
        if choices.chance(20):
            counters["lanes"] = {"value": choices.one("1234")}
        if choices.chance(0 if kind.search and choices.chance(50) else kind.rarely(9)):
            counters["nowhere"] = {"value": "1"}
        consumed: Json = {"counterSet": name, "counters": counters}
        if choices.chance(35 if kind.alpha else 1):
            groups = (["x"], ["x", "y"], ["y"], ["y", "z"], ["x", "z"])
            consumed["compatibilityGroups"] = choices.one(groups)
        made.append(consumed)
    return made


def taint(choices: Choices) -> Json:
    made: Json = {"key": choices.one(("sick", "hot")), "effect": choices.one(EFFECTS)}
    if choices.chance(40):
        made["value"] = choices.one("12")
    return made


def place(choices: Choices, kind: Kind, *, per_device: bool) -> Json:
    """For which nodes a slice or a device is."""
    choice = choices.number(0, 99)
    if choice < 50:
        return {"nodeName": NODE}
    if choice < 74:
        return {"allNodes": True}
    if choice < 81:
        return {"nodeSelector": node_selector(choices)}
    if per_device and choice < 92:
        return {"perDeviceNodeSelection": True}
    if choice < 98 and not kind.search:
        return {"nodeName": "node-2"}
    return {"nodeName": NODE} if choice < 99 else {}


def slices(choices: Choices, kind: Kind) -> list[Json]:
    """The slices of some pools, in any order."""
    identities = (("gpu.io", "p"), ("gpu.io", "q"), ("nic.io", "p"))
    number = choices.one((1, 2) if kind.search else (1, 1, 2, 2, 3))
    made = [one for identity in identities[:number] for one in pool(choices.part(), *identity, kind)]
    for at in range(len(made)):
        other = choices.number(at, len(made) - 1)
        made[at], made[other] = made[other], made[at]
    return made


def pool(choices: Choices, driver: str, name: str, kind: Kind) -> list[Json]:
    """The slices of one pool: devices in one or two of them, maybe counters, maybe an older generation."""
    generation = choices.number(1, 2)
    counter_sets: Sequence[str] = choices.one(((), (), (), ("s0",), ("s0", "s1")))
    made: list[Json] = []
    first = 0
    for number in range(choices.one((1, 2, 2) if kind.search else (1, 2))):
        spec = place(choices, kind, per_device=True)
        size = choices.one((7, 8, 6, 9) if kind.search else (2, 1, 3, 4, 4, 5, 0))
        placed = "perDeviceNodeSelection" in spec
        spec["devices"] = [
            device(choices.part(), driver, f"d{first + i}", counter_sets, kind, placed=placed) for i in range(size)
        ]
        # Now and then the second slice has a device of the first one's name.
        first += size - (1 if size and choices.chance(kind.rarely(7)) else 0)
        if choices.chance(30 if kind.alpha else 1):
            spec["skipNodeOperations"] = choices.one((["NodeUnprepareResources"], ["*"]))
        made.append(published(f"{driver}-{name}-{number}", spec))
    if counter_sets:
        spec = place(choices, kind, per_device=False)
        spec["sharedCounters"] = [counter_set(choices, one) for one in counter_sets]
        if choices.chance(kind.rarely(3)):
            spec["sharedCounters"].append(counter_set(choices, counter_sets[0]))
        made.append(published(f"{driver}-{name}-counters", spec))
    count = len(made) + (choices.one((-1, 1)) if choices.chance(kind.rarely(14)) else 0)
    if choices.chance(2) and not counter_sets:
        # In a bare list of slices even names need not be unique; upstream tells slices with counters apart by name.
        made[-1]["metadata"] = dict(made[0]["metadata"])
    for one in made:
        one["spec"] |= {"driver": driver, "pool": {"name": name, "generation": generation, "resourceSliceCount": count}}
    if choices.chance(8):
        # Another generation: older and left behind, or newer and only just coming.
        spec = place(choices, kind, per_device=False)
        spec["devices"] = [device(choices.part(), driver, "d0", (), kind, placed=False)]
        spec["pool"] = {"name": name, "generation": generation + choices.one((-1, 1)), "resourceSliceCount": 1}
        made.append(published(f"{driver}-{name}-other", spec | {"driver": driver}))
    return made


def counter_set(choices: Choices, name: str) -> Json:
    return {"name": name, "counters": {"units": {"value": choices.one("6439")}, "lanes": {"value": "6"}}}


def published(name: str, spec: Json) -> Json:
    return {"metadata": {"name": name}, "spec": spec}


# --- claims

ATTRIBUTES = ("gpu.io/numa", "gpu.io/numa", "gpu.io/model", "gpu.io/model", ROOT, ROOT, "gpu.io/numa", "gpu.io/tags")
RARE_ATTRIBUTES = ("nic.io/numa", "gpu.io/version", "gpu.io/nope")


def claim(choices: Choices, name: str, kind: Kind) -> Json:
    searched = (2, 3, 2, 1, 2, 3, 1) if kind.claims < 3 else (1, 1, 2)
    number = choices.one(searched if kind.search else (1, 1, 1, 1, 2, 2, 3, 0))
    requests = [request(choices.part(), f"r{i}", kind, later=i > 0) for i in range(number)]
    spec: Json = {"requests": requests}
    names = [r["name"] for r in requests]
    names += [f"{r['name']}/{sub['name']}" for r in requests for sub in r.get("firstAvailable", ())]
    if names and choices.chance(72 if kind.search else 30):
        derived = [r["name"] for r in requests if "derivedAttributes" in str(r)]
        spec["constraints"] = [constraint(choices, names, derived) for _ in range(choices.one((1, 2, 1)))]
    if names and choices.chance(14):
        spec["config"] = [config(choices, names) for _ in range(choices.number(1, 2))]
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"devices": spec}}


def constraint(choices: Choices, names: Sequence[str], derived: Sequence[str]) -> Json:
    """A constraint on some requests or all; `derived` are those with derived attributes."""
    kind = choices.one(("matchAttribute", "matchAttribute", "distinctAttribute"))
    if derived and choices.chance(60):
        made: Json = {kind: DERIVED}
        some, share = derived, 75
    else:
        made = {kind: choices.one(RARE_ATTRIBUTES if choices.chance(5) else ATTRIBUTES)}
        some, share = names, 40
    if choices.chance(share):
        made["requests"] = choices.different(some, 1, 2)
    if choices.chance(1):
        made |= {"matchAttribute": ROOT, "distinctAttribute": ROOT}
    elif choices.chance(1) and choices.chance(50):
        made.pop(kind)
    return made


def config(choices: Choices, names: Sequence[str]) -> Json:
    made: Json = {"opaque": {"driver": "gpu.io", "parameters": {"of": choices.one(("claim", "request"))}}}
    if choices.chance(60):
        made["requests"] = choices.different(names, 1, 2)
    return made


def request(choices: Choices, name: str, kind: Kind, *, later: bool) -> Json:
    if choices.chance(22 if "PrioritizedList" in kind.on else 3):
        alternatives = [ask(choices.part(), kind, later=later) for _ in range(choices.one((2, 2, 1, 3)))]
        return {"name": name, "firstAvailable": [{"name": f"s{i}", **one} for i, one in enumerate(alternatives)]}
    exactly = ask(choices, kind, later=later)
    if choices.chance(10 if "AdminAccess" in kind.on else 1):
        exactly["adminAccess"] = choices.one((True, True, True, False))
    return {"name": name, "exactly": exactly}


DERIVATIONS = (
    'device.attributes["gpu.io"].?model.orValue("a")',
    "device.driver",
    'has(device.attributes["gpu.io"].model)',
    'semver("1.2.0")',
    'string(device.attributes["gpu.io"].?model.orValue("b")) + "c"',
    'device.attributes["gpu.io"].?numa.orValue(0)',
    '[1, 2].filter(x, x > device.attributes["gpu.io"].?numa.orValue(0))',
    'device.attributes["gpu.io"].numa + 1',
)


def ask(choices: Choices, kind: Kind, *, later: bool) -> Json:
    """An exact request or a subrequest, without a name.

    In a search the first request of a claim asks for little else than devices, so that it is a later one that fails.
    """
    plain = kind.search and not later
    made: Json = {
        "deviceClassName": choices.one(("any", "any", "gpu", "any", "gpu", "any", "gpu", "any" if plain else "some"))
    }
    if choices.chance(1) and (not kind.search or choices.chance(30)):
        made["deviceClassName"] = choices.one(("nowhere", ""))
    mode = choices.number(0, 99)
    if mode >= (97 if kind.search else 88):
        made["allocationMode"] = "All"
    else:
        if mode >= 80:
            made["allocationMode"] = "Most" if mode == 87 and not kind.search else "ExactCount"
        counts = ((3, 2, 3) if kind.claims == 1 else (1, 2, 1, 2, 3)) if kind.search else (1, 1, 1, 1, 2, 2, 3)
        count = choices.one(counts)
        if choices.chance(1):
            count = choices.one((17, 31, 33))
        if count > 1:
            made["count"] = count
    if choices.chance((6 if plain else 15) if kind.search else 30):
        made["selectors"] = selectors(choices, 1, kind.rarely(10))
    if choices.chance(18):
        made["tolerations"] = [toleration(choices) for _ in range(choices.number(1, 2))]
    if choices.chance((6 if plain else 16) if "ConsumableCapacity" in kind.on else 1):
        made["capacity"] = {"requests": amounts(choices, kind)}
    if kind.alpha and choices.chance((10 if plain else 25) if "DerivedAttributes" in kind.on else 2):
        name = choices.one((DERIVED, DERIVED, "gpu.io/numa"))
        made["derivedAttributes"] = [{"name": name, "expression": choices.one(DERIVATIONS)}]
    return made


def toleration(choices: Choices) -> Json:
    made: Json = {}
    if not choices.chance(20):
        made["key"] = choices.one(("sick", "hot"))
    if not choices.chance(30):
        made["operator"] = choices.one(("Exists", "Exists", "Equal", "Unlike"))
    if choices.chance(25):
        made["value"] = choices.one("12")
    if choices.chance(30):
        made["effect"] = choices.one(EFFECTS)
    return made


def amounts(choices: Choices, kind: Kind) -> Json:
    made: Json = {}
    if not choices.chance(25):
        odd = choices.chance(kind.rarely(24))
        usual = ("1", "1", "2", "3", "500m", "0.1", "1.2")
        made["slots"] = choices.one(("5", "0", "7", "1u", "-1") if odd else usual)
    if choices.chance(30):
        made["memory"] = choices.one(("1Gi", "10Gi", "20Gi", "15e9", "0.5Gi"))
    if choices.chance(3):
        made["nowhere"] = "1"
    return made


# --- what is in use


def usage(choices: Choices, published_slices: Sequence[Json], kind: Kind) -> Json:
    """Some devices in use: listed, or held by a claim, exclusively or in shares."""
    if choices.chance(40):
        return {}
    exclusive: list[Json] = []
    shares: list[Json] = []
    consumed: list[Json] = []
    held: list[Json] = []
    for one in published_slices:
        for known in one["spec"].get("devices", ()):
            if not choices.chance(4 if kind.search else 28):
                continue
            used = {"driver": one["spec"]["driver"], "pool": one["spec"]["pool"]["name"], "device": known["name"]}
            if not known.get("allowMultipleAllocations") and not choices.chance(5):
                (held if choices.chance(25) else exclusive).append(used)
                continue
            taken = {name: choices.one(("1", "2", "500m")) for name in known.get("capacity", ())}
            share = {**used, "shareID": str(uuid.UUID(int=len(shares) + len(held) + 1))}
            if choices.chance(35):
                held.append({**share, "consumedCapacity": taken})
                continue
            shares.append(share)
            if taken:
                consumed.append({**used, "consumedCapacity": taken})
    made = {"allocatedDevices": exclusive, "allocatedSharedDevices": shares, "aggregatedCapacity": consumed}
    if held:
        results = [{"request": "r", **one, **({"adminAccess": True} if choices.chance(15) else {})} for one in held]
        status = {"allocation": {"devices": {"results": results}}}
        made["allocatedClaims"] = [{"metadata": {"name": "holder", "namespace": "default"}, "status": status}]
    return {key: value for key, value in made.items() if value}
