"""`why class/NAME`: which devices of the cluster a class takes, how many of them are free, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from dra_policy import ClaimKey, DeviceFacts, DeviceID, EvaluationError, Features, Source, compile_cel
from dra_policy.resources import Device, DeviceClass, DeviceTaint, ResourceSlice
from dra_policy_kubernetes.answers import Holder, Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, claim_key
from dra_policy_kubernetes.pod_claims import users_of
from dra_policy_kubernetes.pod_questions import Settings
from dra_policy_kubernetes.rendering import named_nodes

HOLDERS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Seen:
    """One device: where it is, and what the class says of it; `failing` is the selector that is false or an error."""

    id: DeviceID
    where: str
    device: Device
    failing: str = ""
    error: str = ""


def why_class(cluster: ClusterObjects, name: str, settings: Settings | None = None) -> Why:
    """What a class matches. Raises `KeyError` for a class that the cluster does not have."""
    wanted = cluster.classes[name]
    features = (settings.features if settings is not None else None) or cluster.server.features
    subject = f"class {name}"
    seen = list(_judged(wanted, cluster, features))
    errors = [one for one in seen if one.error]
    matching = [one for one in seen if not one.failing and not one.error]
    notes = tuple(cluster.server.notes())
    if errors:
        first = errors[0]
        cause = f"`{first.failing}` fails on {len(errors)} of {len(seen)} devices, {first.id} first: {first.error}"
        prospect = "never as it stands: kube-scheduler gives a pod up when it meets such a device"
        return Why(subject, Verdict.ERROR, cause, prospect, notes=notes)
    if not matching:
        return Why(subject, Verdict.NEVER, *_no_match(wanted, seen), notes=notes)
    held = _held(cluster)
    free = [one for one in matching if one.id not in held and not _blocking(one, cluster, features)]
    tainted = [one for one in matching if one.id not in held and _blocking(one, cluster, features)]
    places = named_nodes(sorted({one.where for one in matching}))
    used = len(matching) - len(free) - len(tainted)
    parts = [f"{len(free)} free", f"{used} in use"] + ([f"{len(tainted)} tainted"] if tainted else [])
    cause = f"takes {_devices(len(matching))} of {len(seen)} on {places}: {', '.join(parts)}"
    holders = [
        Holder(one.where, tuple(users_of(cluster.claims[key], cluster)), key, (f"{one.id.pool}/{one.id.device}",))
        for one in matching
        if (key := held.get(one.id)) is not None
    ]
    counted = Counter(_taint(taint) for one in tainted for taint in _blocking(one, cluster, features))
    details = tuple(f"{_devices(number)} tainted {taint}" for taint, number in sorted(counted.items()))
    verdict = Verdict.PLACED if free else Verdict.NOT_NOW if used else Verdict.NEVER
    prospect = "" if free else "not now: all are in use or tainted" if used else "never as it stands: all are tainted"
    return Why(subject, verdict, cause, prospect, tuple(holders[:HOLDERS_SHOWN]), details=details, notes=notes)


def _no_match(wanted: DeviceClass, seen: list[_Seen]) -> tuple[str, str]:
    if not seen:
        return "takes no device, as the cluster publishes none", "never here: no driver has published a ResourceSlice"
    counted = Counter(one.failing for one in seen)
    # The selector that is met last is the one that comes nearest to a match.
    order = [s.cel.expression for s in wanted.spec.selectors if s.cel is not None]
    nearest = max(counted, key=order.index)
    cause = f"takes none of {_devices(len(seen))}: {counted[nearest]} fail `{' '.join(nearest.split())}`"
    drivers = ", ".join(sorted({one.id.driver for one in seen}))
    return cause, f"never here: no published device matches; there are drivers {drivers}"


def _judged(wanted: DeviceClass, cluster: ClusterObjects, features: Features) -> Iterator[_Seen]:
    programs = [
        (
            selector.cel.expression,
            compile_cel(Source(f"class {wanted.metadata.name}", selector.cel.expression), features=features),
        )
        for selector in wanted.spec.selectors
        if selector.cel is not None
    ]
    for one in _newest(cluster):
        where = one.spec.node_name or f"pool {one.spec.pool.name}"
        for device in one.spec.devices:
            identity = DeviceID(one.spec.driver, one.spec.pool.name, device.name)
            facts = DeviceFacts.of(one.spec.driver, device)
            failing = error = ""
            for text, program in programs:
                if isinstance(program, EvaluationError):
                    failing, error = text, program.message
                    break
                try:
                    if program.evaluate(facts):
                        continue
                    failing = text
                except EvaluationError as problem:
                    failing, error = text, problem.message
                break
            yield _Seen(identity, where, device, failing, error)


def _newest(cluster: ClusterObjects) -> Iterator[ResourceSlice]:
    """The slices of the newest generation of each pool (B4)."""
    newest: dict[tuple[str, str], int] = {}
    for one in cluster.slices.values():
        pool = (one.spec.driver, one.spec.pool.name)
        newest[pool] = max(newest.get(pool, 0), one.spec.pool.generation)
    for _, one in sorted(cluster.slices.items()):
        if one.spec.pool.generation == newest[one.spec.driver, one.spec.pool.name]:
            yield one


def _held(cluster: ClusterObjects) -> dict[DeviceID, ClaimKey]:
    return {
        DeviceID(r.driver, r.pool, r.device): claim_key(claim)
        for claim in cluster.claims.values()
        if claim.status.allocation is not None
        for r in claim.status.allocation.devices.results
        if not r.admin_access
    }


def _blocking(one: _Seen, cluster: ClusterObjects, features: Features) -> list[DeviceTaint]:
    """The taints that keep claims without a toleration away (I1, I4)."""
    if not features.device_taints:
        return []
    taints = list(one.device.taints)
    if cluster.server.enabled("DRADeviceTaintRules"):
        for rule in cluster.taint_rules.values():
            selector = rule.spec.device_selector
            if selector is None:
                continue
            given = ((selector.driver, one.id.driver), (selector.pool, one.id.pool), (selector.device, one.id.device))
            if all(wanted in (None, "", has) for wanted, has in given):
                taints.append(rule.spec.taint)
    return [taint for taint in taints if taint.effect in ("NoSchedule", "NoExecute")]


def _taint(taint: DeviceTaint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


def _devices(number: int) -> str:
    return "1 device" if number == 1 else f"{number} devices"


__all__ = ["why_class"]
