"""Random small questions in plain JSON, and what is left of them when parts are left out: a translation of its own.

A question has one node and a handful of devices. `reduced` keeps some parts of it and no others, for the exhaustive
reference to answer; nothing here knows the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Json = dict[str, Any]
Part = tuple[Any, ...]

DRIVER, NIC, NODE = "gpu.io", "nic.io", "node-1"
PLENTY = str(10**30)


def _attribute(name: str) -> Callable[[Json], Any]:
    def read(device: Json) -> Any:
        value = device.get("attributes", {}).get(name)
        return None if value is None else next(iter(value.values()))

    return read


_model, _slot, _root = _attribute("model"), _attribute("slot"), _attribute("root")
A = 'device.attributes["gpu.io"]'
CLAUSES: dict[str, Callable[[Json], bool]] = {
    f'{A}.model == "a"': lambda d: _model(d) == "a",
    f'{A}.model in ["b", "c"]': lambda d: _model(d) in ("b", "c"),
    f"{A}.slot >= 1": lambda d: _slot(d) is not None and _slot(d) >= 1,
    f"{A}.slot < 2": lambda d: _slot(d) is not None and _slot(d) < 2,
    f"{A}.slot > 2": lambda d: _slot(d) is not None and _slot(d) > 2,
    f'{A}.root == "x" || {A}.model == "c"': lambda d: _root(d) == "x" or _model(d) == "c",
    "!device.allowMultipleAllocations": lambda d: not d.get("allowMultipleAllocations"),
}
"""CEL text and what it says of a device; an error is a no."""
NEVER = f"{A}.slot > 2"
"""True of no device."""
OF_DRIVER = {f'device.driver == "{DRIVER}"': DRIVER}


def question(seed: object, *, many: bool = True) -> Json:
    """A question of a number; without `many`, one request for all devices at most."""
    rng = random.Random(f"explanations {seed}")
    pools = ["p", "q"] if rng.random() < 0.6 else ["p"]
    made: Json = {
        "pools": [_pool(rng, name, DRIVER if name == "p" or rng.random() < 0.7 else NIC) for name in pools],
        "classes": {
            "any": [],
            "gpu": [next(iter(OF_DRIVER))],
            "some": [next(iter(OF_DRIVER)), *_clauses(rng, rng.randint(1, 2))],
        },
        "claims": [_claim(rng, n, many=many) for n in range(rng.choice((1, 1, 1, 1, 2)))],
    }
    made["holders"] = _holders(rng, made)
    return made


def _pool(rng: random.Random, name: str, driver: str) -> Json:
    kind = rng.choice(("plain", "plain", "counters", "groups", "nodes", "shared", "incomplete", "mixed"))
    devices = [_device(rng, f"{name}-{n}", kind) for n in range(rng.choice((2, 3, 3, 4, 4)))]
    return {"name": name, "driver": driver, "kind": kind, "devices": devices, "units": str(rng.randint(1, 4))}


def _device(rng: random.Random, name: str, kind: str) -> Json:
    made: Json = {"name": name, "attributes": {"slot": {"int": rng.randint(0, 2)}, "numa": {"int": rng.randint(0, 1)}}}
    if rng.random() < 0.96:
        made["attributes"]["model"] = {"string": rng.choice("aab")}
    if rng.random() < 0.95:
        made["attributes"]["root"] = {"string": rng.choice("xyz")}
    if rng.random() < 0.25:
        made["taints"] = [
            {"key": rng.choice(("sick", "hot")), "effect": rng.choice(("NoSchedule", "NoExecute", "None"))}
        ]
        if rng.random() < 0.4:
            made["taints"][0]["value"] = "79"
    if kind in ("counters", "groups") or (kind == "mixed" and rng.random() < 0.5):
        drawn = {"counterSet": "board", "counters": {"units": {"value": str(rng.randint(1, 2))}}}
        if kind == "groups" and rng.random() < 0.8:
            drawn["compatibilityGroups"] = rng.choice((["a"], ["a", "b"], ["b"]))
        made["consumesCounters"] = [drawn]
    if kind == "nodes":
        # The first is for this node: of a pool without any, the node knows nothing.
        made["nodeName"] = NODE if name.endswith("-0") else rng.choice((NODE, NODE, "node-2"))
    if kind == "shared" or (kind == "mixed" and rng.random() < 0.3):
        made["allowMultipleAllocations"] = True
        if rng.random() < 0.8:
            made["capacity"] = {"memory": {"value": str(rng.randint(2, 6))}}
    elif rng.random() < 0.5:
        made["capacity"] = {"memory": {"value": str(rng.randint(2, 6))}}
    return made


def _clauses(rng: random.Random, number: int) -> list[str]:
    return rng.sample([text for text in sorted(CLAUSES) if text != NEVER or rng.random() < 0.2], number)


def _ask(rng: random.Random, *, every: bool) -> Json:
    made: Json = {"class": rng.choice(("any", "gpu", "gpu", "some", "some")), "count": rng.choice((1, 1, 1, 2, 2, 3))}
    made["clauses"] = _clauses(rng, rng.choice((0, 0, 1, 1, 2)))
    if rng.random() < 0.3:
        made["capacity"] = {"memory": str(rng.randint(1, 7))}
    if rng.random() < 0.15:
        made["tolerations"] = [{"key": "sick", "operator": "Exists"}]
    if every and rng.random() < 0.12:
        made["mode"] = "All"
    return made


def _claim(rng: random.Random, number: int, *, many: bool) -> Json:
    tied = rng.random() < 0.45
    requests: list[Json] = []
    for name in "rst"[: rng.choice((1, 1, 1, 2, 2, 3))]:
        every = not tied and (many or not requests)
        asks = [_ask(rng, every=every) for _ in range(2 if rng.random() < 0.2 else 1)]
        requests.append({"name": name, "asks": asks})
        if rng.random() < 0.06 and len(asks) == 1:
            asks[0]["adminAccess"] = True
    constraints = [
        {
            rng.choice(("matchAttribute", "matchAttribute", "distinctAttribute")): f"{DRIVER}/{attribute}",
            "requests": rng.choice(([], [], ["r"])),
        }
        for attribute in rng.sample(("root", "slot", "numa", "model"), rng.choice((1, 1, 2)) if tied else 0)
    ]
    return {"name": f"claim-{number}", "requests": requests, "constraints": constraints}


def _holders(rng: random.Random, made: Json) -> dict[str, list[Json]]:
    """What other claims hold, by name; what is under an empty name is in use and held by nobody known."""
    held: dict[str, list[Json]] = {}
    for pool in made["pools"]:
        if pool["kind"] in ("incomplete", "nodes"):
            continue
        for device in pool["devices"]:
            if rng.random() < 0.35:
                one: Json = {"driver": pool["driver"], "pool": pool["name"], "device": device["name"]}
                if device.get("allowMultipleAllocations"):
                    one["share"] = f"00000000-0000-4000-8000-{len(held):04}{rng.randrange(10**8):08}"
                    one["consumed"] = dict.fromkeys(device.get("capacity", {}), "1")
                held.setdefault(rng.choice(("x", "y", "z", "")), []).append(one)
    return held


def publish(made: Json, name: str) -> Json:
    """In place: all of a pool that was being updated is there."""
    for pool in made["pools"]:
        if pool["name"] == name and pool["kind"] == "incomplete":
            pool["kind"] = "plain"
    return made


# --- as API objects


def slices(made: Json) -> list[Json]:
    found: list[Json] = []
    for pool in made["pools"]:
        place = {"perDeviceNodeSelection": True} if pool["kind"] == "nodes" else {"nodeName": NODE}
        counting = any(device.get("consumesCounters") for device in pool["devices"])
        whole = {"name": pool["name"], "generation": 1, "resourceSliceCount": 2 if counting else 1}
        if pool["kind"] == "incomplete":
            whole["resourceSliceCount"] += 1
        spec = {"driver": pool["driver"], "pool": whole, **place, "devices": deepcopy(pool["devices"])}
        found.append({"metadata": {"name": f"{pool['name']}-devices"}, "spec": spec})
        if counting:
            sets = [{"name": "board", "counters": {"units": {"value": pool["units"]}}}]
            spec = {"driver": pool["driver"], "pool": whole, "nodeName": NODE, "sharedCounters": sets}
            found.append({"metadata": {"name": f"{pool['name']}-counters"}, "spec": spec})
    return found


def classes(made: Json) -> list[Json]:
    return [{"metadata": {"name": name}, "spec": {"selectors": _cel(texts)}} for name, texts in made["classes"].items()]


def _cel(clauses: list[str]) -> list[Json]:
    """All clauses in one selector, joined."""
    joined = " && ".join(f"({text})" if "||" in text else text for text in clauses)
    return [{"cel": {"expression": joined}}] if clauses else []


def claims(made: Json) -> list[Json]:
    return [_api_claim(claim) for claim in made["claims"]]


def _api_claim(claim: Json) -> Json:
    requests: list[Json] = []
    for request in claim["requests"]:
        asks = [_api_ask(ask) for ask in request["asks"]]
        if len(asks) == 1:
            requests.append({"name": request["name"], "exactly": asks[0]})
        else:
            named = [{"name": f"s{n}", **ask} for n, ask in enumerate(asks)]
            requests.append({"name": request["name"], "firstAvailable": named})
    devices = {"requests": requests, "constraints": deepcopy(claim["constraints"])}
    return {"metadata": {"name": claim["name"], "namespace": "default"}, "spec": {"devices": devices}}


def _api_ask(ask: Json) -> Json:
    made: Json = {"deviceClassName": ask["class"], "selectors": _cel(ask["clauses"])}
    if ask.get("mode") == "All":
        made["allocationMode"] = "All"
    else:
        made |= {"allocationMode": "ExactCount", "count": ask["count"]}
    if "capacity" in ask:
        made["capacity"] = {"requests": dict(ask["capacity"])}
    for key in ("tolerations", "adminAccess"):
        if key in ask:
            made[key] = deepcopy(ask[key])
    return made


def situation(make_situation: Any, made: Json, features: Any) -> Any:
    """The question as a situation."""
    return make_situation(
        slices=slices(made),
        classes=classes(made),
        claims=claims(made),
        allocations=allocations(made),
        features=features,
    )


def allocations(made: Json) -> dict[str, Json]:
    """What each holder has, as `status.allocation`."""
    return {name: _allocation(devices) for name, devices in made["holders"].items()}


def _allocation(devices: list[Json]) -> Json:
    results = []
    for one in devices:
        result = {"request": "r", "driver": one["driver"], "pool": one["pool"], "device": one["device"]}
        if "share" in one:
            result |= {"shareID": one["share"], "consumedCapacity": one["consumed"]}
        results.append(result)
    return {"devices": {"results": results}}


# --- for the reference, with some parts kept and all others left out


def reduced(reference: Any, made: Json, kept: set[Part]) -> tuple[Any, list[Json]]:
    """The world and the claims with these parts and no others."""
    asked = [
        (c, r, a, ask)
        for c, claim in enumerate(made["claims"])
        for r, request in enumerate(claim["requests"])
        for a, ask in enumerate(request["asks"])
    ]
    freely = {
        name for c, r, a, ask in asked for name in ask.get("capacity", {}) if ("amount", c, r, a, name) not in kept
    }
    worlds_slices: list[Json] = []
    for pool in made["pools"]:
        if pool["kind"] == "incomplete" and ("pool", pool["name"]) in kept:
            continue
        devices = [
            _reduced_device(device, pool, kept, freely)
            for device in pool["devices"]
            if device.get("nodeName", NODE) == NODE or ("node", pool["name"]) not in kept
        ]
        units = pool["units"] if ("counters", pool["name"]) in kept else PLENTY
        sets = [{"name": "board", "counters": {"units": {"value": units}}}]
        spec = {"driver": pool["driver"], "pool": {"name": pool["name"]}, "nodeName": NODE, "devices": devices}
        worlds_slices.append({"metadata": {"name": pool["name"]}, "spec": {**spec, "sharedCounters": sets}})
    texts = {
        name: [text for n, text in enumerate(clauses) if ("class", name, n) in kept]
        for name, clauses in made["classes"].items()
    }
    exclusive: set[Any] = set()
    consumed: dict[Any, dict[str, int]] = {}
    for holder, devices in made["holders"].items():
        if ("held", holder) in kept:
            for one in devices:
                identity = (one["driver"], one["pool"], one["device"])
                if "share" in one:
                    sums = consumed.setdefault(identity, {})
                    for name, amount in one["consumed"].items():
                        sums[name] = sums.get(name, 0) + int(amount)
                else:
                    exclusive.add(identity)
    selectors: dict[str, Any] = {**CLAUSES}
    drivers = {pool["name"]: pool["driver"] for pool in made["pools"]}
    for text, driver in OF_DRIVER.items():
        selectors[text] = lambda d, driver=driver: drivers[d["name"].partition("-")[0]] == driver
    for text, says in CLAUSES.items():
        # Attributes go by the driver's domain (D2): those of another driver are under another name.
        if A in text:
            selectors[text] = lambda d, says=says: drivers[d["name"].partition("-")[0]] == DRIVER and says(d)
    world = reference.World(NODE, worlds_slices, texts, selectors, exclusive, consumed)
    return world, [_reduced_claim(c, claim, kept) for c, claim in enumerate(made["claims"])]


def _reduced_device(device: Json, pool: Json, kept: set[Part], freely: set[str]) -> Json:
    made = {key: deepcopy(value) for key, value in device.items() if key != "nodeName"}
    made["taints"] = [
        taint
        for taint in made.get("taints", [])
        if ("taint", taint["key"], taint.get("value", ""), taint["effect"]) in kept
    ]
    if ("groups", pool["name"]) not in kept:
        for part in made.get("consumesCounters", []):
            part.pop("compatibilityGroups", None)
    if ("capacity", pool["name"]) not in kept:
        for capacity in made.get("capacity", {}).values():
            capacity |= {"value": PLENTY, "requestPolicy": {"default": "0"}}
    for name in sorted(freely):
        made.setdefault("capacity", {}).setdefault(name, {"value": "0"})
    return made


def _reduced_claim(c: int, claim: Json, kept: set[Part]) -> Json:
    made = deepcopy(claim)
    for r, request in enumerate(made["requests"]):
        for a, ask in enumerate(request["asks"]):
            ask["clauses"] = [text for n, text in enumerate(ask["clauses"]) if ("clause", c, r, a, n) in kept]
            for name in ask.get("capacity", {}):
                if ("amount", c, r, a, name) not in kept:
                    ask["capacity"][name] = "0"
    made["requests"] = [one for r, one in enumerate(made["requests"]) if ("count", c, r) in kept]
    made["constraints"] = [one for n, one in enumerate(made["constraints"]) if ("constraint", c, n) in kept]
    shaped = _api_claim(made)
    # The reference takes clauses one by one.
    asks = [
        ask
        for request in shaped["spec"]["devices"]["requests"]
        for ask in request.get("firstAvailable") or [request["exactly"]]
    ]
    plain = [ask for request in made["requests"] for ask in request["asks"]]
    for ask, written in zip(asks, plain, strict=True):
        ask["selectors"] = [{"cel": {"expression": text}} for text in written["clauses"]]
    return shaped
