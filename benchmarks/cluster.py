"""A pod's claim in a cluster: the first node, the fullest, the best of all; beside upstream's allocator.

`python -m benchmarks cluster`. Sizes, fills and shapes: clusters.py. A round has so many pods, one claim each, shapes in
turn; both sides give the devices back at its end.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.clusters import EMPTY, FULL, HALF, MIX, ONE, Fill, Json
from benchmarks.inventory import apply_claims, cluster, drain, engine, fill, hold, tell
from benchmarks.outcomes import devices
from benchmarks.peer import Peer, Spent
from benchmarks.report import Plot, Row, Size, Table, ranges, resident, rounded
from benchmarks.timing import percentile
from dra_policy.allocation import Allocated, Outcome
from dra_policy.engine import Engine, Placing

NODES = (100, 1000, 5000, 20000)
SHAPES: dict[str, tuple[Json, ...]] = {"one": ONE, "mix of 8": MIX}
NOTES = (
    (
        "ours: `Engine.allocate` of an applied claim, with full results, the claim kept as allocated; decoding and applying"
        " the claim beforehand (apply us) and `Engine.release` (release us) are told apart; claims come in as objects, no JSON"
    ),
    (
        "the peer: for each pod, on one thread, clone the state of use, NewAllocator over all slices, Allocate node by node,"
        " mark the devices; decoded objects, a full cache of compiled selectors, API objects as results"
    ),
    (
        "most of the peer's time in `first` is rebuilding its state for every pod: an engine in Go that kept an index would"
        " not have it, so the ratio compares what is deployed, not the languages"
    ),
    (
        "first: ours the first node in order of names, the peer's search begins where the last one ended, devices in use"
        " spread; pack: ours the node with the fewest free devices, the peer always from the first node on, nodes in use"
        " packed; best: ours the best of all nodes, the peer looks for as many nodes as the scheduler would (at least 100,"
        " or 50 % - nodes / 125 %, at least 5 %) and has not scored them yet"
    ),
    (
        "us: of the processor for one pod, the median of rounds; p50, p99: of the processor, too, and wall by the clock,"
        " where a neighbour's work shows, over all pods of all rounds but the first, which makes the shapes known; ratio:"
        " the median of turns, each a round of the peer's over the median of the rounds of ours around it, 4,000 pods"
    ),
    (
        "us few: the same of rounds of as many pods as the smallest cluster takes, by which growth is judged: a round of a"
        " thousand pods touches a thousand nodes, which no processor's cache holds, and so costs more at any size"
    ),
    (
        "the collector of garbage stays on: a claim leaves one or two objects behind that it looks at, so its work falls on"
        " one claim in several hundred and not on the 99th percentile; a caller that keeps all results has nine more for"
        " each device, and a collection of the youngest some 70 us in one claim of seventy"
    ),
    "MiB: resident memory, ours at the moment with all models that were parsed, the peer's peak with all that it decoded",
    (
        "agrees: in `pack`, the first-node rule of ours on the same cluster is the peer's from-the-first-node rule: device"
        " for device"
    ),
)


@dataclass(frozen=True, slots=True)
class Mode:
    """A rule for finding a node, ours and what the peer does for it."""

    name: str
    placing: Placing
    packed: bool
    rotate: bool
    sampled: bool


MODES = (
    Mode("first", Placing.FIRST, packed=False, rotate=True, sampled=False),
    Mode("pack", Placing.PACK, packed=True, rotate=False, sampled=False),
    Mode("best", Placing.BEST, packed=False, rotate=True, sampled=True),
)


def sample(nodes: int) -> int:
    """How many feasible nodes kube-scheduler looks for."""
    return max(100, int(nodes * max(50 - nodes / 125, 5) / 100))


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:
    """The table of clusters, and one of how the cost grows."""
    limits = ranges(__file__)
    table = Table(
        "cluster",
        "Clusters of nodes x 8 devices: one pod's claim",
        (
            "case",
            "mode",
            "nodes",
            "fill",
            "shapes",
            "fits",
            "us",
            "us few",
            "p50 us",
            "p99 us",
            "wall p50 us",
            "wall p99 us",
            "apply us",
            "release us",
            "peer us",
            "peer p50 us",
            "peer nodes asked",
            "peer fits",
            "ratio",
            "MiB",
            "peer MiB",
            "agrees",
        ),
        NOTES,
        Plot("nodes", ("us", "peer us"), "case", "microseconds of the processor"),
    )
    sizes = NODES if size is Size.FULL else (12,)
    fills = (EMPTY, HALF, FULL) if size is Size.FULL else (HALF,)
    for number in sizes:
        known = cluster(number)
        if peer is not None:
            tell(peer, number)
        made, _ = engine(known)
        del known
        for packed in (False, True):
            for filled in fills:
                how = Fill(filled.name, filled.part, packed=packed)
                for row in _filled(made, number, how, peer, size):
                    table.add(row, _limits(limits, row))
                    say(" ".join(f"{key} {value}" for key, value in row.items() if key != "case"))
        del made
    title = f"Cost of a claim at {sizes[-1]} nodes over that at {sizes[0]}"
    growth = Table("cluster-growth", title, ("case", "times", "times in full rounds"))
    for case in dict.fromkeys(row["case"] for row in table.rows):
        own = [row for row in table.rows if row["case"] == case]
        times, full = (
            rounded(float(own[-1][column] or 0) / max(float(own[0][column] or 0), 1e-9)) for column in ("us few", "us")
        )
        compared = {"case": case, "times": times, "times in full rounds": full}
        growth.add(compared, limits["growth"] if len(own) > 1 else None)
    return [table, growth]


def _limits(limits: dict[str, dict[str, dict[str, float]]], row: Row) -> dict[str, dict[str, float]]:
    """The ranges of a row: those of every row, and the ratio of its mode and size."""
    least = limits["ratio"].get(str(row["mode"]), {}).get(str(row["nodes"]))
    return limits["row"] | ({} if least is None else {"ratio": {"least": least}})


def _filled(made: Engine, number: int, how: Fill, peer: Peer | None, size: Size) -> list[Row]:
    fill(made, number, how)
    if peer is not None:
        hold(peer, number, how)
    # What was built stays: a collection of garbage need not look at it again. An embedding program would say so too.
    gc.collect()
    gc.freeze()
    rows: list[Row] = []
    for mode in MODES:
        if mode.packed != how.packed:
            continue
        for shapes, specs in SHAPES.items():
            rows.append(_row(made, number, how, mode, shapes, specs, peer, size))
    gc.unfreeze()
    drain(made, number, how)
    return rows


def _row(
    made: Engine, number: int, how: Fill, mode: Mode, shapes: str, specs: Sequence[Json], peer: Peer | None, size: Size
) -> Row:
    full = size is Size.FULL
    pods = max(len(specs), min(1000 if full else 16, how.free(number) // 4))
    claims, applying = apply_claims(made, specs, pods, f"{mode.name}-{shapes.split(maxsplit=1)[0]}")
    row: Row = {
        "case": f"{mode.name}, {how.name}, {shapes}",
        "mode": mode.name,
        "nodes": number,
        "fill": how.name,
        "shapes": shapes,
        "apply us": rounded(applying),
    }
    feasible = sample(number) if mode.sampled else 1
    spent: list[Spent] = []
    turns = 4 if full else 1
    if peer is not None:
        peer.shapes(specs)
        if mode.packed:
            row["agrees"] = _agrees(made, claims[: 2 * len(specs)], peer)
            peer.shapes(specs)
        # What takes the peer seconds is asked twice and not four times.
        turns = turns if peer.pods(len(specs), rotate=mode.rotate, feasible=feasible).wall < 1.5e9 else 2
    round_of(made, claims, mode.placing)
    few = min(pods, max(len(specs), how.free(NODES[0]) // 4))
    ours: list[Round] = []
    alike: list[Round] = []
    ratios: list[float] = []
    beside = max(1, 2000 // pods) if full else 1
    for _ in range(turns):
        # As much of ours on either side of theirs: a machine whose speed changes changes all three.
        around = [round_of(made, claims, mode.placing) for _ in range(beside)]
        if peer is not None:
            spent.append(_peer_round(peer, specs, mode, feasible, pods if full else 0))
        around += [round_of(made, claims, mode.placing) for _ in range(beside)]
        ours += around
        alike += [round_of(made, claims[:few], mode.placing) for _ in range(max(1, 250 // few) if full else 1)]
        if spent:
            took = statistics.median(one.processor for one in around)
            ratios.append(spent[-1].processor / len(spent[-1].pods) / 1000 / took)
    walls = [wall for one in ours for wall in one.walls]
    processors = [processor for one in ours for processor in one.processors]
    row |= {
        "fits": rounded(statistics.mean(one.fits for one in ours)),
        "us": rounded(statistics.median(one.processor for one in ours)),
        "us few": rounded(statistics.median(one.processor for one in alike)),
        "p50 us": rounded(percentile(processors, 0.5)),
        "p99 us": rounded(percentile(processors, 0.99)),
        "wall p50 us": rounded(percentile(walls, 0.5)),
        "wall p99 us": rounded(percentile(walls, 0.99)),
        "release us": rounded(statistics.median(one.release for one in ours)),
        "MiB": round(resident() / 2**20),
    }
    if spent:
        theirs = statistics.median(one.processor / len(one.pods) / 1000 for one in spent)
        everyone = [pod for one in spent for pod in one.pods]
        row |= {
            "peer us": rounded(theirs),
            "peer p50 us": rounded(percentile([pod.wall / 1000 for pod in everyone], 0.5)),
            "peer nodes asked": rounded(statistics.mean(pod.searches for pod in everyone)),
            "peer fits": rounded(statistics.mean(bool(pod.node) for pod in everyone)),
            "peer MiB": round(max(one.peak for one in spent) / 2**20),
            "ratio": rounded(statistics.median(ratios)),
        }
    for claim in claims:
        made.remove(_gone(claim))
    return row


@dataclass(frozen=True, slots=True)
class Round:
    """One round of ours: microseconds of the processor for a pod and for a release; of each pod by the processor and by
    the clock; the part that fits."""

    processor: float
    release: float
    processors: tuple[float, ...]
    walls: tuple[float, ...]
    fits: float


def round_of(made: Engine, claims: Sequence[str], placing: Placing) -> Round:
    """Allocate all claims, then release those that have devices."""
    walls: list[float] = []
    processors: list[float] = []
    held: list[str] = []
    clock, processor_clock = time.perf_counter_ns, time.thread_time_ns
    for claim in claims:
        asked, working = clock(), processor_clock()
        outcome = made.allocate(claim, placing=placing)
        processors.append((processor_clock() - working) / 1000)
        walls.append((clock() - asked) / 1000)
        if isinstance(outcome, Allocated):
            held.append(claim)
    # Without the clocks themselves, which take two microseconds to be read so often.
    processor = sum(processors) / len(claims)
    began = time.process_time_ns()
    for claim in held:
        made.release(claim)
    release = (time.process_time_ns() - began) / 1000 / max(1, len(held))
    return Round(processor, release, tuple(processors), tuple(walls), len(held) / len(claims))


def _peer_round(peer: Peer, specs: Sequence[Json], mode: Mode, feasible: int, most: int) -> Spent:
    """Half a second or so of the peer's pods, at most as many as ours: always whole turns of the shapes."""
    first = peer.pods(len(specs), rotate=mode.rotate, feasible=feasible)
    turns = max(1, min(most, 400) // len(specs)) if most else 1
    turns = min(turns, max(1, round(0.4e9 / max(1, first.wall))))
    return first if turns == 1 else peer.pods(turns * len(specs), rotate=mode.rotate, feasible=feasible)


def _agrees(made: Engine, claims: Sequence[str], peer: Peer) -> bool:
    """Ours by the first-node rule, the peer always from the first node on: node by node and device by device."""
    outcomes: list[Outcome] = [made.allocate(claim) for claim in claims]
    ours = [(one.node, devices(one)[0]) if isinstance(one, Allocated) else ("", ()) for one in outcomes]
    for claim in claims:
        made.release(claim)
    return ours == [(pod.node, pod.devices) for pod in peer.pods(len(claims), rotate=False).pods]


def _gone(claim: str) -> Json:
    namespace, _, name = claim.partition("/")
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
    }
