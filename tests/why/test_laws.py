"""Laws over random clusters: what is said to help does help, no less would do, and never means never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dra_policy_kubernetes.answers import Holder, Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey
from dra_policy_kubernetes.pod_questions import why_pod

Json = dict[str, Any]
Builder = Callable[..., Json]
MakeCluster = Callable[..., ClusterObjects]
WANTED = PodKey("default", "wanted")

NODES = st.lists(
    st.fixed_dictionaries(
        {
            "gpus": st.integers(0, 3),
            "held": st.lists(st.booleans(), min_size=3, max_size=3),
            "loads": st.lists(st.sampled_from(["1", "3", "4"]), max_size=3),
            "tainted": st.sampled_from([False, False, False, True]),
        }
    ),
    min_size=1,
    max_size=3,
)
RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def objects_of(nodes: list[Json], wants: int, cpu: str, make: dict[str, Builder]) -> list[Json]:
    """Nodes of eight cores with GPUs, some held by claims of pods that need no cpu, and pods that need only cpu."""
    made = [make["gpu_class"]()]
    for number, of_node in enumerate(nodes):
        name = f"n{number}"
        taints = [{"key": "sick", "effect": "NoSchedule"}] if of_node["tainted"] else []
        made.append(make["node"](name, spec={"taints": taints}))
        if of_node["gpus"]:
            made.append(make["gpus"](name, of_node["gpus"]))
        for gpu, held in enumerate(of_node["held"][: of_node["gpus"]]):
            if held:
                user = f"user-{name}-{gpu}"
                made.append(make["gpu_claim"](f"held-{name}-{gpu}", name, f"gpu-{gpu}", (user,)))
                entry = {"name": "gpu", "resourceClaimName": f"held-{name}-{gpu}"}
                made.append(make["pod"](user, [entry], name, requests={}))
        made += [
            make["pod"](f"load-{name}-{i}", [], name, requests={"cpu": load}) for i, load in enumerate(of_node["loads"])
        ]
    claim = make["gpu_claim"]("wanted")
    claim["spec"]["devices"]["requests"][0]["exactly"]["count"] = wants
    entry = {"name": "gpu", "resourceClaimName": "wanted"}
    return [*made, claim, make["pod"]("wanted", [entry], requests={"cpu": cpu})]


def without(objects: list[Json], holders: tuple[Holder, ...]) -> list[Json]:
    """The cluster when these are gone: their pods, and the claims that nobody uses any more."""
    pods = {pod.name for holder in holders for pod in holder.pods}
    claims = {holder.claim.name for holder in holders if holder.claim is not None}
    gone = {("Pod", name) for name in pods} | {("ResourceClaim", name) for name in claims}
    return [one for one in objects if (one["kind"], one["metadata"]["name"]) not in gone]


@RELAXED
@given(nodes=NODES, wants=st.integers(1, 3), cpu=st.sampled_from(["1", "4", "8", "9"]))
def test_verdicts_hold(
    cluster_of: MakeCluster,
    node: Builder,
    pod: Builder,
    gpus: Builder,
    gpu_class: Builder,
    gpu_claim: Builder,
    nodes: list[Json],
    wants: int,
    cpu: str,
) -> None:
    make = {"node": node, "pod": pod, "gpus": gpus, "gpu_class": gpu_class, "gpu_claim": gpu_claim}
    objects = objects_of(nodes, wants, cpu, make)

    def ask(given: list[Json]) -> Why:
        return why_pod(cluster_of(*given), WANTED)

    why = ask(objects)
    empty = [one for one in objects if one["metadata"]["name"].partition("-")[0] not in ("user", "held", "load")]
    free = [n["gpus"] - sum(n["held"][: n["gpus"]]) for n in nodes]
    room = [8 - sum(map(int, n["loads"])) for n in nodes]
    fits = [
        not n["tainted"] and gpus_free >= wants and cores >= int(cpu)
        for n, gpus_free, cores in zip(nodes, free, room, strict=True)
    ]
    could = any(not n["tainted"] and n["gpus"] >= wants and int(cpu) <= 8 for n in nodes)
    match why.verdict:
        case Verdict.PLACED:
            assert [answer.fits for answer in why.nodes] == fits
            assert any(fits)
        case Verdict.NOT_NOW:
            assert not any(fits)
            assert could
            assert why.holders
            assert ask(empty).verdict is Verdict.PLACED
            # What is said to help was tried, and every part of it is needed.
            assert ask(without(objects, why.holders)).verdict is Verdict.PLACED
            for number in range(len(why.holders)):
                fewer = why.holders[:number] + why.holders[number + 1 :]
                assert ask(without(objects, fewer)).verdict is Verdict.NOT_NOW
        case Verdict.NEVER:
            assert not could
            assert ask(empty).verdict is Verdict.NEVER
        case _:
            raise AssertionError(why)
