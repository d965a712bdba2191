"""Eight threads read while one writes: nobody may see a change half applied.

`python -m benchmarks threads`. The writer allocates, releases, and publishes slices in pairs, both slices of a pair in
one `Engine.apply`. A reader asks for usage, allocations, usage: if both usages are the same object, the allocations
between them are of the same moment and have to come to it. The nodes that suit a claim have to follow from it too, and
a pair of slices is seen changed or unchanged, never half.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from benchmarks.clusters import DEVICES, Json, claim, node_name, node_slice
from benchmarks.inventory import apply_claims, cluster, engine
from benchmarks.peer import Peer
from benchmarks.report import Row, Size, Table, ranges, rounded
from benchmarks.workloads import DRIVER, request
from dra_policy.allocation import Allocated
from dra_policy.engine import Engine
from dra_policy.inventory import Usage
from dra_policy.resources import ResourceClaim, ResourceSlice

READERS = 8
VERSIONS = ("550.54.15", "560.28.3")
NOTES = (
    (
        "checks: moments in which a reader compared usage with allocations, suitable nodes with free devices, and the two"
        " slices of a pair with each other; missed: the state changed while the reader looked, so that nothing was compared"
    ),
    "the threads share one interpreter, which changes threads every 50 us here",
)


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:  # noqa: ARG001 - as every benchmark
    """The table of one run."""
    seconds = 10.0 if size is Size.FULL else 0.5
    watched = _Watched(nodes=24 if size is Size.FULL else 6)
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    try:
        watched.go_on(seconds)
    finally:
        sys.setswitchinterval(before)
    table = Table(
        "threads",
        f"{READERS} threads read while one writes",
        ("of", "seconds", "changes", "checks", "missed", "half applied", "changes/s", "checks/s"),
        NOTES,
    )
    limits = ranges(__file__)
    for of in ("usage", "suitable nodes", "pairs of slices"):
        row: Row = {
            "of": of,
            "seconds": seconds,
            "changes": watched.changes,
            "checks": watched.checks[of],
            "missed": watched.missed[of],
            "half applied": len(watched.wrong[of]),
            "changes/s": rounded(watched.changes / seconds),
            "checks/s": rounded(watched.checks[of] / seconds),
        }
        table.add(row, limits["row"])
        say(f"{of}: {row['checks']} checks beside {row['changes']} changes, {row['half applied']} wrong")
        for one in watched.wrong[of][:3]:
            say(f"  {one}")
    return [table]


class _Watched:
    """An engine, one writer and the readers."""

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        self._made, _ = engine(cluster(nodes))
        self._pods, _ = apply_claims(self._made, _PODS, nodes * 4, "pod")
        self._pair, self._first, self._second = (_applied(self._made, name, spec) for name, spec in _QUESTIONS.items())
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.changes = 0
        self.checks: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.wrong: dict[str, list[str]] = {"usage": [], "suitable nodes": [], "pairs of slices": []}

    def go_on(self, seconds: float) -> None:
        """Write and read for so long. A failure in any thread is raised here."""
        failures: list[BaseException] = []

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as problem:  # noqa: BLE001 - told to the main thread
                failures.append(problem)
                self._over.set()

        works = [self._write, *(self._reader(number) for number in range(READERS))]
        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._over.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _write(self) -> None:
        chosen = random.Random(8)
        held: list[str] = []
        idle = list(self._pods)
        versions = [0] * (self._nodes // 2)
        generation = 2
        while not self._over.is_set():
            kind = chosen.random()
            if kind < 0.1:
                pair = chosen.randrange(len(versions))
                versions[pair] ^= 1
                generation += 1
                version = VERSIONS[versions[pair]]
                raw = [node_slice(2 * pair + i, generation=generation, driver_version=version) for i in (0, 1)]
                self._made.apply(*(ResourceSlice.model_validate(one) for one in raw), stored=True)
            elif kind < 0.6 and idle:
                pod = idle.pop(chosen.randrange(len(idle)))
                (held if isinstance(self._made.allocate(pod), Allocated) else idle).append(pod)
            elif held:
                pod = held.pop(chosen.randrange(len(held)))
                self._made.release(pod)
                idle.append(pod)
            self.changes += 1

    def _reader(self, number: int) -> Callable[[], None]:
        looks = (self._usage, self._suitable, self._pairs)

        def read() -> None:
            step = number
            while not self._over.is_set():
                looks[step % len(looks)]()
                step += 1
                # The writer is to get on with it: nine threads want the interpreter.
                time.sleep(0.0005)

        return read

    def _usage(self) -> None:
        usage = self._made.usage
        allocations = self._made.allocations
        if self._made.usage is not usage:
            self._count("usage", None)
            return
        made = Usage()
        for allocation in allocations.values():
            made = made.with_allocation(allocation)
        self._count("usage", made == usage, f"{len(allocations)} allocations")

    def _suitable(self) -> None:
        usage = self._made.usage
        suitable = self._made.suitable_nodes(self._pair)
        allocations = self._made.allocations
        if self._made.usage is not usage:
            self._count("suitable nodes", None)
            return
        results = [one for allocation in allocations.values() for one in allocation.devices.results]
        used = Counter(result.pool for result in results)
        expected = [node_name(i) for i in range(self._nodes) if used[node_name(i)] <= DEVICES - 2]
        self._count("suitable nodes", list(suitable) == expected, f"{list(suitable)}, not {expected}")

    def _pairs(self) -> None:
        # Each is of one moment; two moments may differ, but a pair never within one.
        for question in (self._first, self._second):
            names = set(self._made.suitable_nodes(question))
            halves = [i for i in range(0, self._nodes, 2) if (node_name(i) in names) != (node_name(i + 1) in names)]
            self._count("pairs of slices", not halves, f"nodes {halves}")

    def _count(self, of: str, right: bool | None, told: str = "") -> None:
        with self._lock:
            if right is None:
                self.missed[of] += 1
                return
            self.checks[of] += 1
            if not right:
                self.wrong[of].append(told)


def _applied(made: Engine, name: str, spec: Json) -> str:
    made.apply(ResourceClaim.model_validate(claim(name, spec)), stored=True)
    return f"default/{name}"


def _version(version: str) -> Json:
    """All devices of a node, whoever has them, if their driver has this version: use does not matter to the answer."""
    selector = f'device.attributes["{DRIVER}"].driverVersion.compareTo(semver("{version}")) == 0'
    exactly = {
        "deviceClassName": "gpu",
        "allocationMode": "All",
        "adminAccess": True,
        "selectors": [{"cel": {"expression": selector}}],
    }
    return {"devices": {"requests": [{"name": "all", "exactly": exactly}]}}


_PODS = ({"devices": {"requests": [request("gpus", 2)]}}, {"devices": {"requests": [request("gpus", 3)]}})
_QUESTIONS: dict[str, Json] = {
    "pair": {"devices": {"requests": [request("gpus", 2)]}},
    "first-version": _version(VERSIONS[0]),
    "second-version": _version(VERSIONS[1]),
}
