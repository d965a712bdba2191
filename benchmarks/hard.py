"""Seeded random questions of the kinds that make a search explode: `python -m benchmarks.hard`.

Every family is a function of a random generator and a size from 1 to 8; about half of its questions have no answer, most
of them by one device, one value or one unit. The command asks ours and, where Go is there, upstream's allocator; it prints
how many questions of each family end at the step limit, steps and times, which questions took us far longer than
upstream, and for a family that stays hard its smallest slow question, found by leaving out parts.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import IO, Any, Final, TypeAlias

from benchmarks.peer import SOURCES, oracle_building
from benchmarks.report import Row as Cells
from benchmarks.report import Table, ranges, rounded, write
from benchmarks.workloads import PARTITIONS
from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome
from dra_policy.diagnostics import InvalidInput
from dra_policy.engine.questions import Answer, Question, Questions

Json: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[[random.Random, int], Json]

DRIVER: Final = "gpu.example.com"
NODE: Final = "node-0"
POOL: Final = "node-0"
STEP_LIMIT: Final = 1_000_000
MOST_DEVICES: Final = 32
NOT_ASKABLE: Final = (InvalidInput, KeyError, IndexError, TypeError, ValueError)
"""What a question raises that lacks a part which it needs."""
UPSTREAM_NANOS: Final = 1_000_000
SLOW_SECONDS: Final = 0.5
OUR_SECONDS: Final = 0.010

# Name, units of compute, slots, first slots, further counter: the partitions of one GPU; the whole of it has no counter.
PROFILES: Final = tuple(
    (name, compute, slots, starts, "" if name == "gpu" else extra) for name, compute, slots, starts, extra in PARTITIONS
)
COMPUTE: Final = {name: compute for name, compute, *_ in PROFILES}


# --- parts of questions


def question(
    devices: Sequence[Json], claims: Sequence[Json], *, used: Sequence[str] = (), counter_sets: Sequence[Json] = ()
) -> Json:
    """A question about one pool of the node, all features of a 1.37 cluster and list attributes on."""
    pool = {"name": POOL, "generation": 1, "resourceSliceCount": 2 if counter_sets else 1}
    spec: Json = {"driver": DRIVER, "pool": pool, "nodeName": NODE}
    slices = [{"metadata": {"name": "a-devices"}, "spec": {**spec, "devices": list(devices)}}]
    if counter_sets:
        slices.append({"metadata": {"name": "b-counters"}, "spec": {**spec, "sharedCounters": list(counter_sets)}})
    selector = {"cel": {"expression": f'device.driver == "{DRIVER}"'}}
    made: Json = {
        "id": "hard",
        "node": {"metadata": {"name": NODE}},
        "classes": [{"metadata": {"name": "gpu"}, "spec": {"selectors": [selector]}}],
        "slices": slices,
        "claims": list(claims),
    }
    if used:
        made["allocatedDevices"] = [{"driver": DRIVER, "pool": POOL, "device": name} for name in used]
    return made


def device(name: str, /, **attributes: int | str | list[int]) -> Json:
    def value(one: int | str | list[int]) -> Json:
        return {"ints": one} if isinstance(one, list) else {"int": one} if isinstance(one, int) else {"string": one}

    return {"name": name, "attributes": {key: value(one) for key, one in attributes.items()}}


def claim(number: int, requests: Sequence[Json], *constraints: Json) -> Json:
    spec: Json = {"requests": list(requests)}
    if constraints:
        spec["constraints"] = list(constraints)
    return {"metadata": {"name": f"claim-{number}", "namespace": "default"}, "spec": {"devices": spec}}


def ask(selector: str = "", count: int = 1, **capacity: int) -> Json:
    made: Json = {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": count}
    if selector:
        made["selectors"] = [{"cel": {"expression": selector}}]
    if capacity:
        made["capacity"] = {"requests": {name: str(amount) for name, amount in capacity.items()}}
    return made


def request(number: int, exactly: Json) -> Json:
    return {"name": f"r{number}", "exactly": exactly}


def attribute(name: str) -> str:
    return f'device.attributes["{DRIVER}"].{name}'


def match(name: str, requests: Sequence[str] = ()) -> Json:
    return {"matchAttribute": f"{DRIVER}/{name}"} | ({"requests": list(requests)} if requests else {})


def distinct(name: str, requests: Sequence[str] = ()) -> Json:
    return {"distinctAttribute": f"{DRIVER}/{name}"} | ({"requests": list(requests)} if requests else {})


def in_claims(rng: random.Random, asks: Sequence[Json], most: int, constraints: Sequence[Json] = ()) -> list[Json]:
    """Requests in up to `most` claims, none with more devices than a claim may have."""
    parts = rng.randint(1, most)
    while any(sum(one["count"] for one in asks[i::parts]) > MOST_DEVICES for i in range(parts)):
        parts += 1
    made = []
    for part in range(parts):
        requests = [request(i, one) for i, one in enumerate(asks[part::parts])]
        if requests:
            chosen = [one for one in constraints if rng.random() < 0.6]
            made.append(claim(part, requests, *chosen))
    return made


# --- families


def mig_devices(gpu: int) -> tuple[list[Json], Json, dict[str, frozenset[str]]]:
    """The 33 partitions of a GPU, its counters, and what each partition draws."""
    devices: list[Json] = []
    drawn: dict[str, frozenset[str]] = {}
    for profile, compute, slots, starts, extra in PROFILES:
        for start in starts:
            name = f"gpu-{gpu}-{profile.replace('.', '-')}-{start}"
            counters = {"compute": {"value": str(compute)}}
            takes = [f"slot-{slot}" for slot in range(start, start + slots)] + ([extra] if extra else [])
            counters |= {one: {"value": "1"} for one in takes}
            made = device(name, gpu=gpu, profile=profile, compute=compute)
            made["consumesCounters"] = [{"counterSet": f"gpu-{gpu}", "counters": counters}]
            devices.append(made)
            drawn[name] = frozenset(takes)
    supply = {"compute": {"value": "7"}, "media": {"value": "1"}, "gfx": {"value": "1"}}
    supply |= {f"slot-{slot}": {"value": "1"} for slot in range(8)}
    return devices, {"name": f"gpu-{gpu}", "counters": supply}, drawn


def mig(rng: random.Random, size: int) -> Json:
    """Mixed profiles in several claims on GPUs of which some partitions are taken: about as much as is left."""
    devices: list[Json] = []
    counter_sets: list[Json] = []
    used: list[str] = []
    left = 0
    for gpu in range(size):
        parts, counters, drawn = mig_devices(gpu)
        devices += parts
        counter_sets.append(counters)
        taken: frozenset[str] = frozenset()
        free = 7
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            one = rng.choice(parts)
            compute: int = one["attributes"]["compute"]["int"]
            if compute <= min(free, 4) and not taken & drawn[one["name"]]:
                taken |= drawn[one["name"]]
                free -= compute
                used.append(one["name"])
        left += free
    wanted = left + rng.choice((0, 0, 1, 1, 2)) - rng.choice((0, 0, 1, 2 * size, 3 * size))
    asks: list[Json] = []
    small = rng.random() < 0.5
    while wanted > 0:
        names = [n for n, c in COMPUTE.items() if c <= min(wanted, 2 if small else 4)]
        name = rng.choice(names)
        count = min(rng.choice((1, 1, 2, 3)), max(1, wanted // COMPUTE[name]))
        wanted -= COMPUTE[name] * count
        by_compute = rng.random() < 0.3
        text = f"compute == {COMPUTE[name]}" if by_compute else f'profile == "{name}"'
        asks.append(ask(attribute(text), count))
    constraints = [match("gpu")] if rng.random() < 0.4 else []
    claims = in_claims(rng, asks, min(6, size + 1), constraints)
    return question(devices, claims, used=used, counter_sets=counter_sets)


def counters(rng: random.Random, size: int) -> Json:
    """Devices that draw from several counters of several sets, and requests for about as much as there is."""
    sets = rng.randint(1, min(4, size + 1))
    names = ("a", "b", "c")[: rng.randint(1, 3)]
    counter_sets = [
        {"name": f"set-{i}", "counters": {n: {"value": str(rng.randint(2, 4 + 2 * size))} for n in names}}
        for i in range(sets)
    ]
    devices = []
    for i in range(rng.randint(4, 4 + 4 * size)):
        made = device(f"d{i:03}", kind=rng.randrange(3), group=rng.randrange(1 + size))
        draws = []
        for one in rng.sample(range(sets), rng.choice((1, 1, min(2, sets)))):
            drawn = {n: {"value": str(rng.randint(1, 4))} for n in names if rng.random() < 0.7}
            if drawn:
                draws.append({"counterSet": f"set-{one}", "counters": drawn})
        if draws:
            made["consumesCounters"] = draws
        devices.append(made)
    used = [one["name"] for one in devices if rng.random() < 0.05]
    wanted = max(1, round(len(devices) * rng.uniform(0.2, 0.7)))
    asks = []
    while wanted > 0:
        count = min(wanted, rng.choice((1, 1, 2, 3)))
        wanted -= count
        asks.append(ask(attribute(f"kind <= {rng.randrange(3)}") if rng.random() < 0.6 else "", count))
    constraints = [match("group")] if rng.random() < 0.2 else [distinct("kind")] if rng.random() < 0.1 else []
    return question(devices, in_claims(rng, asks, 3, constraints), used=used, counter_sets=counter_sets)


def pairs(rng: random.Random, size: int) -> Json:
    """GPUs and NICs in groups at random, a pair of one group for every constraint, often one NIC short."""
    number = rng.randint(2, 2 * size)
    groups = rng.randint(max(1, number // 2), number + 1)
    even = rng.random() < 0.5
    gpus = [
        device(f"gpu-{i:03}", kind="gpu", group=i % groups if even else rng.randrange(groups)) for i in range(number)
    ]
    nics = max(1, number + rng.choice((-1, -1, 0, 0, 1)))
    devices = gpus + [
        device(f"nic-{i:03}", kind="nic", group=i % groups if even else rng.randrange(groups)) for i in range(nics)
    ]
    if rng.random() < 0.3:
        rng.shuffle(devices)
    wanted = max(1, number + rng.choice((0, 0, 0, -1, -1, -2)))
    gpu, nic = ask(attribute('kind == "gpu"')), ask(attribute('kind == "nic"'))
    if rng.random() < 0.3:
        claims = [claim(i, [request(0, gpu), request(1, nic)], match("group")) for i in range(wanted)]
    else:
        made = [{"name": f"gpu{i}", "exactly": gpu} for i in range(wanted)]
        made += [{"name": f"nic{i}", "exactly": nic} for i in range(wanted)]
        claims = [claim(0, made, *(match("group", (f"gpu{i}", f"nic{i}")) for i in range(wanted)))]
    used = [one["name"] for one in devices if rng.random() < 0.05]
    return question(devices, claims, used=used)


def shares(rng: random.Random, size: int) -> Json:
    """Shared devices and claims of one to five units: all of it, or one unit more."""
    capacity = rng.randint(5, min(100, 5 + 12 * size))
    number = rng.randint(1, size)
    devices = []
    total = 0
    for i in range(number):
        own = capacity if rng.random() < 0.7 else rng.randint(5, capacity)
        total += own
        devices.append(
            {"name": f"nic-{i:03}", "allowMultipleAllocations": True, "capacity": {"bw": {"value": str(own)}}}
        )
    wanted = total + rng.choice((-2, -1, 0, 0, 1, 1))
    most = rng.randint(1, 5)
    claims: list[Json] = []
    while wanted > 0:
        units = min(wanted, rng.randint(1, most))
        wanted -= units
        claims.append(claim(len(claims), [request(0, ask(bw=units))]))
    return question(devices, claims)


def _grouped(rng: random.Random, number: int, groups: int, **more: int) -> list[Json]:
    even = rng.random() < 0.4
    return [
        device(
            f"d{i:03}",
            group=i % groups if even else rng.randrange(groups),
            **{name: i * values // number if even else rng.randrange(values) for name, values in more.items()},
        )
        for i in range(number)
    ]


def distinct_values(rng: random.Random, size: int) -> Json:
    """As many different values as there are, or one more."""
    groups = rng.randint(2, 3 + size)
    devices = _grouped(rng, rng.randint(groups, groups + 14 * size), groups)
    used = [one["name"] for one in devices if rng.random() < 0.1]
    free = {one["attributes"]["group"]["int"] for one in devices if one["name"] not in used}
    count = max(1, len(free) + rng.choice((-1, 0, 0, 1, 1)))
    cut = rng.randint(0, count - 1)
    asks = [ask("", one) for one in (cut, count - cut) if one]
    claims = [claim(0, [request(i, one) for i, one in enumerate(asks)], distinct("group"))]
    if rng.random() < 0.3:
        claims.append(claim(1, [request(0, ask("", rng.randint(1, 3)))]))
    return question(devices, claims, used=used)


def matched_and_distinct(rng: random.Random, size: int) -> Json:
    """All of one value of the first attribute, all of different values of the second."""
    groups = rng.randint(2, 3 + size)
    devices = _grouped(rng, rng.randint(groups, groups + 28 * size), groups, numa=rng.randint(1, 4))
    used = [one["name"] for one in devices if rng.random() < 0.1]
    free: dict[int, set[int]] = {}
    for one in devices:
        if one["name"] not in used:
            values = one["attributes"]
            free.setdefault(values["numa"]["int"], set()).add(values["group"]["int"])
    count = max(map(len, free.values()), default=1) + rng.choice((-1, 0, 0, 1, 1))
    asks = [ask("", max(1, count))] if rng.random() < 0.5 else [ask() for _ in range(max(1, count))]
    constraints = [match("numa"), distinct("group")]
    rng.shuffle(constraints)
    return question(devices, [claim(0, [request(i, one) for i, one in enumerate(asks)], *constraints)], used=used)


def grouped(rng: random.Random, size: int) -> Json:
    """Requests that share a group, as many as the largest group has free, or one more; groups in part in use."""
    groups = rng.randint(1, size + 1)
    largest = rng.randint(2, min(31, 2 + 3 * size))
    devices: list[Json] = []
    used: list[str] = []
    free: list[int] = []
    for group in range(groups):
        members = [device(f"d{group}-{i:02}", group=group) for i in range(rng.randint(1, largest))]
        taken = [one["name"] for one in members if rng.random() < 0.15]
        devices += members
        used += taken
        free.append(len(members) - len(taken))
    claims: list[Json] = []
    for number in range(rng.choice((1, 1, 2, 3))):
        wanted = max(free, default=0) + rng.choice((-1, 0, 0, 1))
        if number:
            wanted = rng.randint(1, 4)
        asks = []
        while wanted > 0:
            count = min(wanted, rng.choice((1, 1, 2, wanted)))
            wanted -= count
            asks.append(ask("", count))
        if asks:
            claims.append(claim(number, [request(i, one) for i, one in enumerate(asks)], match("group")))
    return question(devices, claims, used=used)


def many_claims(rng: random.Random, size: int) -> Json:
    """Claims of random sizes with overlapping selectors, for about as many devices as there are."""
    number = rng.randint(3, 3 + 5 * size)
    kinds = rng.randint(1, 4)
    devices = [device(f"d{i:03}", kind=rng.randrange(kinds)) for i in range(number)]
    used = [one["name"] for one in devices if rng.random() < 0.08]
    wanted = max(1, number - len(used) + rng.choice((-1, 0, 0, 1, 1)))
    claims: list[Json] = []
    most = rng.choice((1, 1, 3, 4))
    while wanted > 0:
        count = min(wanted, rng.randint(1, most))
        wanted -= count
        low = rng.randrange(kinds)
        high = rng.randrange(low, kinds)
        text = f"{attribute('kind')} >= {low} && {attribute('kind')} <= {high}" if rng.random() < 0.7 else ""
        claims.append(claim(len(claims), [request(0, ask(text, count))]))
    return question(devices, claims, used=used)


def alternatives(rng: random.Random, size: int) -> Json:
    """Requests of two or three alternatives each, on devices of few kinds that are in groups."""
    number = rng.randint(3, 3 + 3 * size)
    kinds = rng.randint(2, 4)
    devices = [device(f"d{i:03}", kind=rng.randrange(kinds), group=rng.randrange(1 + size)) for i in range(number)]
    used = [one["name"] for one in devices if rng.random() < 0.1]
    claims: list[Json] = []
    wanted = max(1, (number - len(used)) * 2 // 3 + rng.choice((-3, -2, -1, 0, 0, 1)))
    while wanted > 0:
        requests: list[Json] = []
        for r in range(rng.randint(1, 3)):
            asks = [
                ask(attribute(f"kind == {rng.randrange(kinds)}"), rng.choice((1, 1, 2)))
                for _ in range(rng.randint(2, 3))
            ]
            requests.append(
                {"name": f"r{r}", "firstAvailable": [{"name": f"s{i}", **one} for i, one in enumerate(asks)]}
            )
            wanted -= 1
        constraints = [match("group")] if rng.random() < 0.3 else []
        claims.append(claim(len(claims), requests, *constraints))
    return question(devices, claims, used=used)


def lists(rng: random.Random, size: int) -> Json:
    """Lists of values: all with one in common, or no two with one in common."""
    values = rng.randint(2, 3 + size)
    number = rng.randint(3, 3 + 5 * size)
    devices = [
        device(
            f"d{i:03}", tags=rng.sample(range(values), rng.randint(1, min(3, values))), group=rng.randrange(1 + size)
        )
        for i in range(number)
    ]
    used = [one["name"] for one in devices if rng.random() < 0.1]
    kind = rng.choice((match, distinct))
    if kind is match:
        best = max(sum(v in one["attributes"]["tags"]["ints"] for one in devices) for v in range(values))
        count = min(MOST_DEVICES, max(1, best + rng.choice((-1, 0, 0, 1, 1))))
    else:
        count = max(1, values // 2 + rng.choice((-1, 0, 1)))
    constraints = [kind("tags")] + ([match("group")] if rng.random() < 0.3 else [])
    asks = [ask("", count)] if rng.random() < 0.5 else [ask() for _ in range(count)]
    made = question(devices, [claim(0, [request(i, one) for i, one in enumerate(asks)], *constraints)], used=used)
    return made | {
        "features": dict.fromkeys(("ListTypeAttributes", "PartitionableDevices", "ConsumableCapacity"), True)
    }


FAMILIES: Final[dict[str, Make]] = {
    "mixed profiles": mig,
    "counters": counters,
    "pairs": pairs,
    "shares": shares,
    "distinct": distinct_values,
    "match and distinct": matched_and_distinct,
    "groups": grouped,
    "claims": many_claims,
    "alternatives": alternatives,
    "lists": lists,
}


def instance(family: str, seed: int, size: int = 0) -> Json:
    """One question of a family; without a size, of any."""
    rng = random.Random(f"{family} {seed} {size}")
    return FAMILIES[family](rng, size or rng.randint(1, 8)) | {"id": f"{family} {seed}"}


# --- leaving out parts


def shrunk(made: Json, keeps: Callable[[Json], bool], *, seconds: float = 60) -> Json:
    """A question without whatever can be left out one after the other so that it `keeps` what it is wanted for."""
    end = time.monotonic() + seconds
    best = made
    again = True
    while again and time.monotonic() < end:
        again = False
        for smaller in _smaller(best):
            if time.monotonic() > end:
                break
            if keeps(smaller):
                best, again = smaller, True
                break
    return best


def _smaller(made: Json) -> Iterator[Json]:
    """The question without parts of it: halves of long lists first, then single entries, then members."""
    for path in _lists(made):
        entries = _at(made, path)
        cut = len(entries) // 2
        while cut >= 1:
            for start in range(0, len(entries), cut):
                yield _with(made, path, entries[:start] + entries[start + cut :])
            cut //= 2
    for path, value in _members(made):
        match value:
            case _Drop():
                yield _without(made, path)
            case _:
                yield _with(made, path, value)


class _Drop:
    """A member that is left out."""


_REQUIRED = frozenset(("metadata", "spec", "node", "classes", "slices", "claims", "devices", "name", "driver", "pool"))
_KEPT_LISTS = frozenset(("classes",))


def _lists(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, list):
        if value and not (path and path[-1] in _KEPT_LISTS):
            yield path
        for i, one in enumerate(value):
            yield from _lists(one, (*path, i))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _lists(one, (*path, key))


def _members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, list):
        for i, one in enumerate(value):
            yield from _members(one, (*path, i))
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in _REQUIRED and not (path and path[-1] == "pool"):
                yield (*path, key), _Drop()
            if key == "count" and isinstance(one, int) and one > 1:
                yield (*path, key), 1
                yield (*path, key), one - 1
            elif key == "firstAvailable" and len(one) == 1:
                only = {k: v for k, v in one[0].items() if k != "name"}
                yield path, {k: v for k, v in value.items() if k != key} | {"exactly": only}
            elif key == "value" and isinstance(one, str) and one.isdigit() and int(one) > 1:
                yield (*path, key), "1"
                yield (*path, key), str(int(one) - 1)
            yield from _members(one, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _with(made: Json, path: tuple[Any, ...], value: Any) -> Json:
    copy: Json = deepcopy(made)
    _at(copy, path[:-1])[path[-1]] = value
    return copy


def _without(made: Json, path: tuple[Any, ...]) -> Json:
    copy: Json = deepcopy(made)
    del _at(copy, path[:-1])[path[-1]]
    return copy


# --- asking both sides


@dataclass
class Row:
    """What a family's questions came to. Seconds are of the processor, for one call on a prepared engine."""

    family: str
    outcomes: dict[str, int] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    gave_up: list[int] = field(default_factory=list)
    behind: list[tuple[int, float, int]] = field(default_factory=list)
    differing: list[int] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    slow: list[int] = field(default_factory=list)


def steps_of(outcome: Outcome | None) -> int:
    return 0 if outcome is None else outcome.steps


def solve(questions: Questions, data: Json, step_limit: int = STEP_LIMIT) -> tuple[Outcome, float]:
    """The outcome and the processor's seconds of the quickest of two calls or five; of the first if it took long."""
    asked = questions.question(data)
    outcome, best = _timed(asked, step_limit)
    calls = 1
    while best <= SLOW_SECONDS and calls < (5 if best > OUR_SECONDS / 2 else 2):
        outcome, again = _timed(asked, step_limit)
        best = min(best, again)
        calls += 1
    return outcome, best


def _timed(asked: Question, step_limit: int) -> tuple[Outcome, float]:
    began = time.process_time()
    outcome = asked.ask(step_limit=step_limit)
    return outcome, time.process_time() - began


@contextmanager
def upstream(timeout: str) -> Iterator[Callable[[Json], Json] | None]:
    """A function that asks upstream's allocator; None, and a line that says why, if it cannot be built."""
    building = oracle_building()
    try:
        program = building.build(SOURCES)
    except building.NoOracle as problem:
        print(f"without upstream: {problem}")
        yield None
        return
    with subprocess.Popen(
        [str(program), "-timeout", timeout], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions: IO[bytes] = process.stdin
        answers: IO[bytes] = process.stdout

        def asked(data: Json) -> Json:
            questions.write(json.dumps(data).encode() + b"\n")
            questions.flush()
            answer: Json = json.loads(answers.readline())
            return answer

        yield asked
        questions.close()


def quickest(asked: Callable[[Json], Json], data: Json) -> Json:
    """Upstream's answer, by the quicker of two calls: the first compiles the expressions."""
    first = asked(data)
    if first["gaveUp"] or first["nanos"] > 50 * UPSTREAM_NANOS:
        return first
    second = asked(data)
    return min(first, second, key=lambda answer: int(answer["nanos"]))


def devices_of(answer: Json) -> list[list[tuple[str, str]]] | None:
    if answer["results"] is None:
        return None
    return [[(d["request"], d["device"]) for d in r["devices"].get("results") or ()] for r in answer["results"]]


def measure(
    family: str,
    number: int,
    asked: Callable[[Json], Json] | None,
    *,
    size: int = 0,
    first: int = 0,
    step_limit: int = STEP_LIMIT,
    slow_steps: int = STEP_LIMIT,
) -> Row:
    """Ask `number` questions of a family; those that take `slow_steps` or more are noted as slow."""
    row = Row(family)
    ours = Questions()
    for seed in range(first, first + number):
        data = instance(family, seed, size)
        outcome, seconds = solve(ours, data, step_limit)
        kind = type(outcome).__name__
        row.outcomes[kind] = row.outcomes.get(kind, 0) + 1
        row.steps.append(steps_of(outcome))
        row.seconds.append(seconds)
        row.slowest = max(row.slowest, (seconds, seed))
        if isinstance(outcome, GaveUp):
            row.gave_up.append(seed)
        if isinstance(outcome, GaveUp) or steps_of(outcome) >= slow_steps:
            row.slow.append(seed)
        if asked is None:
            continue
        theirs = quickest(asked, data)
        if theirs["gaveUp"]:
            continue
        answer = Answer(data["id"], outcome).data()
        same = (theirs["error"] is None) == (answer["error"] is None) and devices_of(theirs) == devices_of(answer)
        if not isinstance(outcome, GaveUp) and not same:
            row.differing.append(seed)
        if theirs["nanos"] <= UPSTREAM_NANOS and seconds > OUR_SECONDS:
            row.behind.append((seed, seconds, theirs["nanos"]))
    return row


COLUMNS: Final = (
    "family", "asked", "have", "gave up", "steps p50", "steps p99", "most steps", "ms p50", "ms p99", "most ms", "slowest",
    "smallest slow", "far behind", "differing",
)  # fmt: skip
NOTES: Final = (
    "each seeded question asked two to five times on prepared objects, the quickest counts; ms of the processor",
    "steps: candidates and states that a search looked at; gave up: part of the questions that end at the limit of steps",
    "slowest: the seed of the question that took longest",
    (
        "smallest slow: what is left of the first question with {slow:,} steps or more after two minutes of leaving out parts that it stays"
        " slow without; beside the table as JSON"
    ),
    "far behind: questions that upstream solves within 1 ms and that take ours more than 10 ms; differing: other answers",
)


def cells(row: Row, smallest: str | None, *, compared: bool) -> Cells:
    """The row of the table that is kept."""
    steps, seconds = (quantiles(values, n=100, method="inclusive") for values in (row.steps, row.seconds))
    total = len(row.steps)
    return {
        "family": row.family,
        "asked": total,
        "have": rounded(row.outcomes.get(Allocated.__name__, 0) / total, 2),
        "gave up": rounded(len(row.gave_up) / total),
        "steps p50": round(steps[49]),
        "steps p99": round(steps[98]),
        "most steps": max(row.steps),
        "ms p50": rounded(seconds[49] * 1e3),
        "ms p99": rounded(seconds[98] * 1e3),
        "most ms": rounded(max(row.seconds) * 1e3),
        "slowest": f"seed {row.slowest[1]}",
        "smallest slow": smallest,
        "far behind": len(row.behind) if compared else None,
        "differing": len(row.differing) if compared else None,
    }


def smallest(row: Row, options: argparse.Namespace) -> str | None:
    """The smallest slow question of a family, written beside the table; None if the family has none."""
    if not row.slow or not options.shrink:
        return None
    made = smallest_slow(row.family, row.slow[0], options.shrink_limit, options.size)
    print(json.dumps(made))
    if options.results is not None:
        options.results.mkdir(parents=True, exist_ok=True)
        file = options.results / f"hard-{row.family.replace(' ', '-')}.json"
        file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    devices = sum(len(one["spec"].get("devices", ())) for one in made["slices"])
    requests = sum(len(one["spec"]["devices"]["requests"]) for one in made["claims"])
    return f"of seed {row.slow[0]}: {devices} devices, {len(made['claims'])} claims, {requests} requests"


def line(row: Row) -> str:
    """The row as text."""
    total = len(row.steps)
    cuts = [quantiles(values, n=100, method="inclusive") for values in (row.steps, row.seconds)]
    steps = f"{cuts[0][49]:9.0f} {cuts[0][89]:9.0f} {cuts[0][98]:9.0f} {max(row.steps):9}"
    times = f"{cuts[1][49] * 1e3:8.2f} {cuts[1][89] * 1e3:8.2f} {cuts[1][98] * 1e3:8.1f} {max(row.seconds) * 1e3:9.1f}"
    feasible = row.outcomes.get(Allocated.__name__, 0)
    failed = row.outcomes.get(Failed.__name__, 0)
    return (
        f"{row.family:19} {total:5} {feasible / total:6.0%} {failed:5} {len(row.gave_up):5}  {steps}  {times} "
        f"{len(row.behind):5} {len(row.differing):5}"
    )


HEAD: Final = (
    f"{'family':19} {'asked':>5} {'have':>6} {'error':>5} {'gave':>5}  {'steps p50':>9} {'p90':>9} {'p99':>9} {'most':>9}  "
    f"{'ms p50':>8} {'p90':>8} {'p99':>8} {'most':>9} {'behind':>5} {'differ':>5}"
)


def smallest_slow(family: str, seed: int, step_limit: int, size: int) -> Json:
    """The smallest question that can be made of one and still ends at the step limit."""
    ours = Questions(step_limit=step_limit)

    def slow(data: Json) -> bool:
        return isinstance(ours.answer(json.dumps(data)).outcome, GaveUp)

    return shrunk(instance(family, seed, size), slow, seconds=120)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if more than one question in a hundred of a family is given up, or answers differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hard", description=__doc__)
    parser.add_argument("--number", type=int, default=500, help="questions of each family (500)")
    parser.add_argument("--family", action="append", choices=sorted(FAMILIES), help="this family; may be repeated")
    parser.add_argument("--first", type=int, default=0, help="the number of the first question (0)")
    parser.add_argument("--step-limit", type=int, default=STEP_LIMIT, help="steps after which ours gives up (1000000)")
    parser.add_argument("--size", type=int, default=0, help="1 to 8 (any)")
    parser.add_argument("--without-upstream", action="store_true", help="ask ours only")
    parser.add_argument("--shrink", action="store_true", help="print the smallest slow question of a hard family")
    parser.add_argument("--shrink-limit", type=int, default=20_000, help="steps that count as slow (20000)")
    parser.add_argument("--results", type=Path, help="the folder for JSON and the table")
    options = parser.parse_args(arguments)
    bad = 0
    began = time.monotonic()
    table = Table(
        "hard",
        "Seeded random questions of hard families",
        COLUMNS,
        tuple(note.format(slow=options.shrink_limit) for note in NOTES),
    )
    limits = ranges(__file__)
    print(HEAD)
    with upstream("100ms") if not options.without_upstream else _nobody() as asked:
        rows = []
        for family in options.family or FAMILIES:
            row = measure(
                family,
                options.number,
                asked,
                size=options.size,
                first=options.first,
                step_limit=options.step_limit,
                slow_steps=options.shrink_limit,
            )
            rows.append(row)
            print(line(row), flush=True)
    for row in rows:
        bad += len(row.gave_up) * 100 > len(row.steps) or bool(row.differing)
        for seed, seconds, nanos in sorted(row.behind, key=lambda one: -one[1])[:5]:
            print(f"{row.family} {seed}: ours {seconds * 1e3:.1f} ms, upstream {nanos / 1e6:.2f} ms")
        if row.differing:
            print(f"{row.family}: answers differ: {row.differing[:10]}")
        if row.gave_up:
            print(f"{row.family}: given up: {row.gave_up[:20]}")
        table.add(cells(row, smallest(row, options), compared=asked is not None), limits["row"])
    if options.results is not None:
        write([table], options.results, took=time.monotonic() - began, peer=asked is not None)
    return 1 if bad else 0


@contextmanager
def _nobody() -> Iterator[None]:
    yield None


if __name__ == "__main__":
    sys.exit(main())
