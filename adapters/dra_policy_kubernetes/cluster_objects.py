"""What a cluster holds, as far as device allocation and the plain filters of the scheduler read it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from dra_policy import ClaimKey, Diagnostic, InvalidInput, Severity
from dra_policy.resources import (
    DeviceClass,
    DeviceTaintRule,
    Node,
    Pod,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    TypedObject,
    decode,
)
from dra_policy_kubernetes.server import Server, server_of

DEFAULT_NAMESPACE: Final = "default"
# Fields that this release does not know are taken out one by one; an object with more of them is not understood.
UNKNOWN_FIELDS: Final = 64
UNKNOWN_FIELD: Final = "RES004"
OTHER_KIND: Final = "RES002"


class PodKey(NamedTuple):
    """Namespace and name of a pod."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class ClusterObjects:
    """The objects of one moment, by name, and the server that they came from."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    slices: Mapping[str, ResourceSlice] = field(default_factory=dict)
    classes: Mapping[str, DeviceClass] = field(default_factory=dict)
    taint_rules: Mapping[str, DeviceTaintRule] = field(default_factory=dict)
    claims: Mapping[ClaimKey, ResourceClaim] = field(default_factory=dict)
    templates: Mapping[ClaimKey, ResourceClaimTemplate] = field(default_factory=dict)
    pods: Mapping[PodKey, Pod] = field(default_factory=dict)
    server: Server = field(default_factory=Server)
    warnings: tuple[Diagnostic, ...] = ()

    def pods_on(self, node: str) -> list[Pod]:
        """The pods that take something of a node: bound to it, and not at their end."""
        return self._bound.get(node, [])

    @property
    def _bound(self) -> Mapping[str, list[Pod]]:
        known: dict[str, list[Pod]] | None = self.__dict__.get("_bound_pods")
        if known is None:
            known = {}
            for pod in self.pods.values():
                if pod.spec.node_name and not has_ended(pod):
                    known.setdefault(pod.spec.node_name, []).append(pod)
            self.__dict__["_bound_pods"] = known
        return known

    def with_server(self, server: Server) -> ClusterObjects:
        return replace(self, server=server)


def has_ended(pod: Pod) -> bool:
    """Whether a pod runs no more and gives back what it had of its node."""
    return pod.status.phase in ("Succeeded", "Failed")


def pod_key(pod: Pod) -> PodKey:
    return PodKey(pod.metadata.namespace or DEFAULT_NAMESPACE, pod.metadata.name)


def claim_key(claim: ResourceClaim | ResourceClaimTemplate) -> ClaimKey:
    return ClaimKey(claim.metadata.namespace or DEFAULT_NAMESPACE, claim.metadata.name)


def collect(values: Iterable[object], server: Server | None = None) -> ClusterObjects:
    """The objects of JSON values, as an API server gives them: stored objects are decoded, not judged again.

    Kinds that nobody here reads are passed over, and so are fields that came with a newer Kubernetes, with a warning.
    Without a server its version is taken from the kubelets. Raises `InvalidInput` for what cannot be read.
    """
    problems: list[Diagnostic] = []
    found: dict[type[TypedObject], dict[Any, Any]] = {}
    for value in values:
        decoded = _decoded(value, problems)
        if decoded is not None:
            found.setdefault(type(decoded), {})[_key(decoded)] = decoded
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise InvalidInput(errors)
    nodes: dict[str, Node] = found.get(Node, {})
    return ClusterObjects(
        nodes=dict(sorted(nodes.items())),
        slices=found.get(ResourceSlice, {}),
        classes=found.get(DeviceClass, {}),
        taint_rules=found.get(DeviceTaintRule, {}),
        claims=found.get(ResourceClaim, {}),
        templates=found.get(ResourceClaimTemplate, {}),
        pods=found.get(Pod, {}),
        server=server_of(nodes.values()) if server is None else server,
        warnings=tuple(dict.fromkeys(problems)),
    )


def _key(one: TypedObject) -> Any:
    match one:
        case Pod():
            return pod_key(one)
        case ResourceClaim() | ResourceClaimTemplate():
            return claim_key(one)
        case _:
            return one.metadata.name


def _decoded(value: object, problems: list[Diagnostic]) -> TypedObject | None:
    """A model of the value, without the fields that this release does not know."""
    pruned = False
    for _ in range(UNKNOWN_FIELDS):
        decoded, found = decode(value)
        unknown = [problem for problem in found if problem.code == UNKNOWN_FIELD]
        if not unknown:
            break
        if not pruned:
            value, pruned = copy.deepcopy(value), True
        taken_out = [_without(value, problem.path) for problem in unknown]
        if not all(taken_out):
            break
        kind = value.get("kind", "object") if isinstance(value, dict) else "object"
        problems += [
            Diagnostic(
                problem.code,
                f"{problem.message} of a {kind} is passed over",
                help="it may come from a newer Kubernetes; if it matters for allocation the answer is wrong",
                path=problem.path,
                severity=Severity.WARNING,
            )
            for problem in unknown
        ]
    else:
        decoded, found = decode(value)
    problems += [_named(problem, value) for problem in found if problem.code != OTHER_KIND]
    return decoded if isinstance(decoded, TypedObject) else None


def _named(problem: Diagnostic, value: object) -> Diagnostic:
    """The same with the name of the object, as there may be thousands of its kind."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(metadata, dict) or not metadata.get("name"):
        return problem
    return replace(problem, message=f"{value.get('kind')} `{metadata['name']}`: {problem.message}")


def _without(value: Any, path: str) -> bool:
    """Take the field at a path such as `spec.devices[0].x` out; false if there is none."""
    steps = [step for step in path.replace("[", ".[").split(".") if step]
    holder = value
    for step in steps[:-1]:
        index = int(step[1:-1]) if step.startswith("[") and step[1:-1].isdecimal() else None
        if index is not None and isinstance(holder, list) and index < len(holder):
            holder = holder[index]
        elif index is None and isinstance(holder, dict) and step in holder:
            holder = holder[step]
        else:
            return False
    if not steps or not isinstance(holder, dict) or steps[-1] not in holder:
        return False
    del holder[steps[-1]]
    return True


__all__ = [
    "DEFAULT_NAMESPACE",
    "ClusterObjects",
    "PodKey",
    "claim_key",
    "collect",
    "has_ended",
    "pod_key",
]
