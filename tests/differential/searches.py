"""Random questions small enough for a search that prunes nothing, made to mislead one that does.

They are small questions of the hard families (`benchmarks/hard.py`) and of the general strategies, changed at random: other
constructs join in, and *hazards*, requests that can end the whole call with an error (a selector that raises on some
devices, an amount that cannot be counted, All under a constraint, a derived attribute that faults), before, behind and
inside runs of requests that cannot be served, and beside claims over 32 devices (J9).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from benchmarks import hard

Json = dict[str, Any]

FLAG: Final = hard.attribute("flag")
DERIVED: Final = f"{hard.DRIVER}/derived"
MARK: Final = "hazard"
SIZES: Final = {
    "alternatives": (2, 3, 4, 5),
    "claims": (1, 2, 2),
    "counters": (2, 4, 6, 8),
    "distinct": (1, 2),
    "groups": (2, 3, 4, 5),
    "lists": (1, 2, 3),
    "match and distinct": (1, 1, 2),
    "mixed profiles": (1,),
    "pairs": (3, 4, 5),
    "shares": (1, 2),
}
"""Sizes of which many questions, but not too many, take the plain search a hundred steps."""


def question(strategies: ModuleType, seed: int) -> Json:
    """The question of a number; its `id` says how it was made."""
    rng = random.Random(f"searches {seed}")
    if rng.random() < 0.12:
        made: Json = strategies.random_question(rng)
        return made | {"id": f"{seed} mixed"}
    if rng.random() < 0.06:
        return hidden_beside_limit(rng) | {"id": f"{seed} hidden_beside_limit {MARK}"}
    family = rng.choice(sorted(hard.FAMILIES))
    made = hard.FAMILIES[family](rng, rng.choice(SIZES[family]))
    words = [str(seed), family]
    for change in rng.sample(CHANGES, rng.choice((0, 0, 1, 1, 2, 3))):
        change(made, rng)
        words.append(change.__name__)
    if rng.random() < 0.12:
        one_too_much(made, rng)
        words.append("one_too_much")
    if rng.random() < 0.4:
        for hazard in rng.sample(HAZARDS, rng.choice((1, 1, 1, 2))):
            hazard(made, rng)
            words += [MARK, hazard.__name__]
    if rng.random() < 0.1:
        too_many(made, rng)
        words.append("too_many")
    return made | {"id": " ".join(words)}


# --- places


def claims_of(made: Json) -> list[Json]:
    if not made["claims"]:
        made["claims"].append(hard.claim(0, [hard.request(0, hard.ask())]))
    claims: list[Json] = made["claims"]
    return claims


def devices_of(made: Json) -> list[Json]:
    return [one for published in made["slices"] for one in published["spec"].get("devices", ())]


def asks_of(made: Json) -> list[Json]:
    return [
        ask
        for claim in claims_of(made)
        for request in claim["spec"]["devices"]["requests"]
        for ask in (*request.get("firstAvailable", ()), *((request["exactly"],) if "exactly" in request else ()))
    ]


def on(made: Json, *features: str) -> None:
    """Switch features on; a question without any has those of a 1.37 cluster."""
    known = made.get("features")
    if known is None:
        known = dict.fromkeys(DEFAULT, True)
    made["features"] = known | dict.fromkeys(features, True)


DEFAULT: Final = (
    "AdminAccess",
    "ConsumableCapacity",
    "DeviceBindingAndStatus",
    "DeviceTaints",
    "FractionalCapacityRange",
    "PartitionableDevices",
    "PrioritizedList",
)


def insert(made: Json, rng: random.Random, ask: Json) -> None:
    """A further request at any place: in a claim, or in a claim of its own."""
    claims = claims_of(made)
    request = {"name": f"x{rng.randrange(10**6)}", "exactly": ask}
    if rng.random() < 0.3:
        claims.insert(rng.randint(0, len(claims)), hard.claim(rng.randrange(1000, 10**6), [request]))
    else:
        requests = rng.choice(claims)["spec"]["devices"]["requests"]
        requests.insert(rng.choice((0, len(requests), rng.randint(0, len(requests)))), request)


# --- further constructs


def doubled_constraint(made: Json, rng: random.Random) -> None:
    claim = rng.choice(claims_of(made))["spec"]["devices"]
    constraints = claim.setdefault("constraints", [])
    constraints.append(dict(rng.choice(constraints)) if constraints else hard.match("group"))


def narrow_constraint(made: Json, rng: random.Random) -> None:
    claim = rng.choice(claims_of(made))["spec"]["devices"]
    names = [one["name"] for one in claim["requests"]]
    names += [f"{one['name']}/{sub['name']}" for one in claim["requests"] for sub in one.get("firstAvailable", ())]
    kind = rng.choice((hard.match, hard.match, hard.distinct))
    some = rng.sample(names, rng.randint(1, min(3, len(names))))
    claim.setdefault("constraints", []).append(kind(rng.choice(("group", "kind", "numa")), some))


def shareable(made: Json, rng: random.Random) -> None:
    """Some devices can be shared; some of those have a capacity."""
    for one in devices_of(made):
        if rng.random() < 0.3:
            one["allowMultipleAllocations"] = True
            if rng.random() < 0.5:
                one.setdefault("capacity", {})["units"] = {"value": str(rng.randint(2, 4))}
    for ask in asks_of(made):
        if rng.random() < 0.3:
            ask["capacity"] = {"requests": {"units": str(rng.randint(1, 2))}}


def exclusive_capacity(made: Json, rng: random.Random) -> None:
    for one in devices_of(made):
        if rng.random() < 0.6:
            one.setdefault("capacity", {})["memory"] = {"value": rng.choice(("10", "20"))}
    for ask in asks_of(made):
        if rng.random() < 0.5:
            ask["capacity"] = {"requests": {"memory": rng.choice(("10", "15"))}}


def policies(made: Json, rng: random.Random) -> None:
    """Shared devices whose capacity is had in steps, some with a default."""
    for one in devices_of(made):
        if rng.random() < 0.4:
            policy = rng.choice(
                (
                    {"default": "2", "validRange": {"min": "2", "step": "2"}},
                    {"default": "1", "validValues": ["1", "3"]},
                    {"default": "500m", "validRange": {"min": "500m", "step": "250m"}},
                )
            )
            one["allowMultipleAllocations"] = True
            one["capacity"] = {"units": {"value": str(rng.randint(2, 5)), "requestPolicy": policy}}
    for ask in asks_of(made):
        if rng.random() < 0.4:
            ask["capacity"] = {"requests": {"units": rng.choice(("1", "2", "3", "600m"))}}


def admin(made: Json, rng: random.Random) -> None:
    insert(made, rng, {**hard.ask("", rng.randint(1, 2)), "adminAccess": True})


def taints(made: Json, rng: random.Random) -> None:
    for one in devices_of(made):
        if rng.random() < 0.2:
            one["taints"] = [{"key": "sick", "effect": "NoSchedule"}]
    for ask in asks_of(made):
        if rng.random() < 0.4:
            ask["tolerations"] = [{"operator": "Exists"}]


def counted(made: Json, rng: random.Random) -> None:
    """All devices of the first slice draw from one more counter, those that are shared too."""
    amount = {"name": "board", "counters": {"units": {"value": str(rng.randint(2, 8))}}}
    spec = made["slices"][0]["spec"]
    holder = next((s["spec"] for s in made["slices"] if "sharedCounters" in s["spec"]), None)
    if holder is None:
        made["slices"].append(
            {
                "metadata": {"name": "b-counters"},
                "spec": {
                    "driver": spec["driver"],
                    "pool": spec["pool"],
                    "nodeName": hard.NODE,
                    "sharedCounters": [amount],
                },
            }
        )
        spec["pool"]["resourceSliceCount"] = 2
    else:
        holder["sharedCounters"].append(amount)
    for one in spec["devices"]:
        if rng.random() < 0.7:
            drawn = {"counterSet": "board", "counters": {"units": {"value": str(rng.randint(1, 3))}}}
            one.setdefault("consumesCounters", []).append(drawn)


def compatible(made: Json, rng: random.Random) -> None:
    on(made, "CompatibilityGroups")
    for one in devices_of(made):
        for drawn in one.get("consumesCounters", ()):
            if rng.random() < 0.5:
                drawn["compatibilityGroups"] = rng.choice((["x"], ["x", "y"], ["y"]))


def other_pool(made: Json, rng: random.Random) -> None:
    """Part of the devices in another pool, whose name comes before or behind; maybe with binding conditions (B10)."""
    spec = made["slices"][0]["spec"]
    cut = rng.randint(0, len(spec["devices"]))
    moved, spec["devices"] = spec["devices"][cut:], spec["devices"][:cut]
    pool = {"name": rng.choice(("a", "z")), "generation": 1, "resourceSliceCount": 1}
    for one in moved:
        one.pop("consumesCounters", None)
        if rng.random() < 0.2:
            one |= {"bindingConditions": ["attached"], "bindingFailureConditions": ["broken"]}
    other = {"driver": spec["driver"], "pool": pool, "nodeName": hard.NODE, "devices": moved}
    made["slices"].append({"metadata": {"name": "c-moved"}, "spec": other})


def alternative(made: Json, rng: random.Random) -> None:
    """A request becomes the choice between itself and another one of any size."""
    requests = rng.choice(claims_of(made))["spec"]["devices"]["requests"]
    request = rng.choice(requests)
    if "exactly" in request:
        own = request.pop("exactly")
        own.pop("adminAccess", None)
        other = {**own, "count": rng.randint(1, 4)}
        if rng.random() < 0.3:
            other.pop("selectors", None)
        both = [own, other] if rng.random() < 0.5 else [other, own]
        request["firstAvailable"] = [{"name": f"s{i}", **one} for i, one in enumerate(both)]


def twin_claim(made: Json, rng: random.Random) -> None:
    claims = claims_of(made)
    twin = {**rng.choice(claims), "metadata": {"name": f"twin-{rng.randrange(10**6)}", "namespace": "default"}}
    claims.insert(rng.randint(0, len(claims)), hard.deepcopy(twin))


def one_too_much(made: Json, rng: random.Random) -> None:
    """One more claim behind all others, for something that there is little of."""
    known: list[Json] = made["claims"]
    asked = rng.choice(asks_of(made)) if known and rng.random() < 0.5 else hard.ask()
    further = {key: value for key, value in asked.items() if key != "name"} | {"count": rng.randint(1, 3)}
    known.append(hard.claim(len(known) + 5000, [hard.request(0, further)]))


def in_use(made: Json, rng: random.Random) -> None:
    known = made.setdefault("allocatedDevices", [])
    for published in made["slices"]:
        spec = published["spec"]
        for one in spec.get("devices", ()):
            used = {"driver": spec["driver"], "pool": spec["pool"]["name"], "device": one["name"]}
            if rng.random() < 0.15 and used not in known:
                known.append(used)


def some_shared(made: Json, rng: random.Random) -> None:
    """Some devices are shared already."""
    shareable(made, rng)
    shares, consumed = [], []
    for published in made["slices"]:
        spec = published["spec"]
        for number, one in enumerate(spec.get("devices", ())):
            if one.get("allowMultipleAllocations") and rng.random() < 0.4:
                used = {"driver": spec["driver"], "pool": spec["pool"]["name"], "device": one["name"]}
                shares.append({**used, "shareID": f"00000000-0000-4000-8000-{number:012}"})
                consumed.append({**used, "consumedCapacity": dict.fromkeys(one.get("capacity", {}), "1")})
    made["allocatedSharedDevices"] = shares
    made["aggregatedCapacity"] = consumed


def lost_attribute(made: Json, rng: random.Random) -> None:
    """Some devices lack an attribute that constraints or selectors may want (F3)."""
    for one in devices_of(made):
        values = one.get("attributes")
        if values and rng.random() < 0.1:
            values.pop(rng.choice(sorted(values)))


CHANGES: Final[tuple[Callable[[Json, random.Random], None], ...]] = (
    doubled_constraint,
    narrow_constraint,
    shareable,
    exclusive_capacity,
    policies,
    admin,
    taints,
    counted,
    compatible,
    other_pool,
    alternative,
    twin_claim,
    in_use,
    some_shared,
)


# --- hazards


def _flags(made: Json, rng: random.Random) -> None:
    """Some devices lack the attribute `flag`: one, the last one, or about a third."""
    devices = devices_of(made)
    missing = rng.choice(
        (
            [rng.choice(devices)] if devices else [],
            devices[-1:],
            [one for one in devices if rng.random() < 0.3],
        )
    )
    for one in devices:
        if not any(one is lacking for lacking in missing):
            one.setdefault("attributes", {}).setdefault("flag", {"int": rng.choice((0, 1, 1, 1))})


def _hazardous(made: Json, rng: random.Random, change: Callable[[Json], None]) -> None:
    """An old request or a new one, anywhere, is changed."""
    if rng.random() < 0.5:
        change(rng.choice(asks_of(made)))
    else:
        ask = hard.ask("", rng.choice((1, 1, 2)))
        change(ask)
        insert(made, rng, ask)


def raising(made: Json, rng: random.Random) -> None:
    """A selector that raises on devices without the attribute (D8, D10)."""
    _flags(made, rng)
    text = rng.choice((f"{FLAG} == 1", f"{FLAG} < 2", f"{FLAG} > 5"))
    _hazardous(made, rng, lambda ask: ask.setdefault("selectors", []).append({"cel": {"expression": text}}))


def raising_class(made: Json, rng: random.Random) -> None:
    """The same in a class."""
    _flags(made, rng)
    selector = {"cel": {"expression": rng.choice((f"{FLAG} == 1", f"{FLAG} < 2"))}}
    made["classes"].append({"metadata": {"name": "risky"}, "spec": {"selectors": [selector]}})
    _hazardous(made, rng, lambda ask: ask.update(deviceClassName="risky"))


def uncountable(made: Json, rng: random.Random) -> None:
    """An amount that steps cannot express, or a negative one (H7)."""
    for one in devices_of(made):
        if rng.random() < 0.5:
            one["allowMultipleAllocations"] = True
            amount: Json = {"value": str(rng.randint(3, 6))}
            if rng.random() < 0.6:
                amount["requestPolicy"] = {"default": "1", "validRange": {"min": "1", "step": "1"}}
            one.setdefault("capacity", {})["slots"] = amount
    wanted = rng.choice(("1.0000001", "-1", "1.0000001", "1"))
    _hazardous(made, rng, lambda ask: ask.update(capacity={"requests": {"slots": wanted}}))


def all_of_them(made: Json, rng: random.Random) -> None:
    """All under a constraint: a device that does not fit is an error (E5)."""

    def change(ask: Json) -> None:
        ask.pop("count", None)
        ask["allocationMode"] = "All"

    text = hard.attribute(rng.choice(("group == 0", "kind == 1", 'profile == "4g.40gb"', "numa == 0", "group <= 1")))
    if rng.random() < 0.5:
        change(rng.choice(asks_of(made)))
    else:
        ask = hard.ask(text if rng.random() < 0.8 else "")
        change(ask)
        insert(made, rng, ask)
    claim = rng.choice(claims_of(made))["spec"]["devices"]
    if rng.random() < 0.5:
        kind = rng.choice((hard.match, hard.distinct))
        claim.setdefault("constraints", []).append(kind(rng.choice(("group", "kind", "gpu", "numa"))))


def underivable(made: Json, rng: random.Random) -> None:
    """A derived attribute that faults on some devices (N2), mostly under a constraint."""
    on(made, "DerivedAttributes")
    _flags(made, rng)
    derived = [{"name": DERIVED, "expression": rng.choice((FLAG, f"{FLAG} + 1", f"string({FLAG})"))}]
    _hazardous(made, rng, lambda ask: ask.update(derivedAttributes=derived))
    claim = rng.choice(claims_of(made))["spec"]["devices"]
    if rng.random() < 0.7:
        kind = rng.choice(("matchAttribute", "distinctAttribute"))
        names = [r["name"] for r in claim["requests"] if "derivedAttributes" in r.get("exactly", {})]
        made_constraint: Json = {kind: DERIVED}
        if names:
            made_constraint["requests"] = names
        claim.setdefault("constraints", []).append(made_constraint)


def hidden(made: Json, rng: random.Random) -> None:
    """An error on the devices that the search takes first: it is met when they are given back (D10)."""
    used = {one["device"] for one in made.get("allocatedDevices", ())}
    free = [one for one in devices_of(made) if one["name"] not in used]
    lacking = {one["name"] for one in free[: rng.choice((1, 1, 2, 3))]}
    for one in devices_of(made):
        if one["name"] not in lacking:
            one.setdefault("attributes", {})["flag"] = {"int": rng.choice((0, 0, 0, 1))}
    asked = hard.ask(rng.choice((f"{FLAG} > 5", f"{FLAG} == 1", f"{FLAG} == 1")), rng.choice((1, 1, 2)))
    claims_of(made).append(hard.claim(7000, [hard.request(0, asked)]))


HAZARDS: Final[tuple[Callable[[Json, random.Random], None], ...]] = (
    raising,
    raising,
    raising_class,
    uncountable,
    all_of_them,
    underivable,
    hidden,
    hidden,
)


def too_many(made: Json, rng: random.Random) -> None:
    """Alternatives that with the rest of their claim exceed 32 devices, mostly with enough devices for them (J9)."""
    requests = rng.choice(claims_of(made))["spec"]["devices"]["requests"]
    counts = rng.choice(((31, 1), (32, 1), (30, 2, 1), (31, 30), (1, 31), (33, 2), (33,)))
    subs = [{"name": f"s{i}", **hard.ask("", count)} for i, count in enumerate(counts)]
    place = rng.randint(0, len(requests))
    requests.insert(place, {"name": f"x{rng.randrange(10**6)}", "firstAvailable": subs})
    if rng.random() < 0.6:
        names = {one["name"] for one in devices_of(made)}
        further = [hard.device(f"z{i:02}", group=i % 3, kind=i % 2) for i in range(rng.randint(28, 36))]
        made["slices"][0]["spec"]["devices"] += [one for one in further if one["name"] not in names]


def hidden_beside_limit(rng: random.Random) -> Json:
    """A claim that with its first alternatives exceeds 32 devices, behind an error that hides behind its first choices.

    Kubernetes leaves the candidates out that would have come to the error: the limit ends their loops (J9). A search
    that finds out before that too few devices are left, and goes back as usual, would meet it. A claim before makes the
    search turn round some times, so that pruning has begun.
    """
    asked_first = rng.choice((2, 2, 3))
    first = [hard.device(f"e{i}", kind=0) for i in range(asked_first + rng.choice((0, 1, 1, 2)))]
    second = [hard.device(f"f{i}", kind=1) for i in range(rng.randint(1, 3))]
    risky = [hard.device(f"g{i}", kind=2) for i in range(rng.randint(1, 3))]
    before, behind = rng.choice((0, 1, 1, 2)), rng.choice((0, 1, 1, 2))
    rest = hard.MOST_DEVICES - 1 - before - 1 - behind
    spare = rng.choice((0, 0, 0, 1))
    many = [hard.device(f"h{i:02}", kind=0) for i in range(behind + rest + 1 - len(first) + spare)]
    lacking = {one["name"] for one in first[: rng.choice((1, 1, 2))]}
    for one in (*first, *second, *risky, *many):
        if one["name"] not in lacking:
            one["attributes"]["flag"] = {"int": int(one["name"][0] == "g")}
    early = f'{hard.attribute("kind")} == 0 && device.attributes["{hard.DRIVER}"].early'
    for one in (*first, *second, *risky, *many):
        one["attributes"]["early"] = {"bool": one["name"][0] == "e"}
    requests = [
        {
            "name": "e",
            "firstAvailable": [{"name": f"s{i}", **hard.ask(early, n)} for i, n in enumerate((asked_first, 1))],
        },
        *({"name": f"f{i}", "exactly": hard.ask(f"{hard.attribute('kind')} == 1")} for i in range(before)),
        {"name": "g", "exactly": hard.ask(f"{FLAG} == 1")},
        *({"name": f"h{i}", "exactly": hard.ask(f"{hard.attribute('kind')} == 0")} for i in range(behind)),
        {"name": "i", "exactly": hard.ask(f"{hard.attribute('kind')} == 0", rest)},
    ]
    turning = [hard.device(f"y{i}", kind=7, group=i, flag=0) for i in range(rng.choice((3, 4, 5)))]
    turning.append(hard.device("z", kind=8, group=len(turning) - 1, flag=0))
    for one in turning:
        one["attributes"]["early"] = {"bool": False}
    pair = [hard.request(i, hard.ask(f"{hard.attribute('kind')} == {7 + i}")) for i in range(2)]
    claims = [hard.claim(1, pair, hard.match("group")), hard.claim(0, requests)]
    return hard.question([*first, *second, *risky, *many, *turning], claims)
