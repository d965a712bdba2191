"""What a pod asks of its node in amounts: cpu, memory, storage, extended resources; as kube-scheduler adds them up.

Amounts are whole numbers rounded up: thousandths of a core for `cpu`, units of the resource (bytes, pieces) for all
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from dra_policy.resources import Container, Format, Pod, Quantity

Amounts: TypeAlias = dict[str, int]

CPU: Final = "cpu"
PODS: Final = "pods"
_FIRST: Final = (CPU, "memory", "ephemeral-storage")
_OF_THE_POD: Final = (CPU, "memory")


def asked(pod: Pod) -> Amounts:
    """The most that the pod needs at any time of its life.

    Containers run together; init containers run one by one before them, sidecars among them go on running. Requests of
    the pod as a whole stand in the place of the sum (KEP 2837); overhead of the sandbox comes on top (KEP 688).
    """
    total = _sum(container.resources.requests for container in pod.spec.containers)
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in pod.spec.init_containers:
        amounts = amounts_of(container.resources.requests)
        if is_sidecar(container):
            total, sidecars = _added(total, amounts), _added(sidecars, amounts)
            peak = _at_least(peak, sidecars)
        else:
            peak = _at_least(peak, _added(amounts, sidecars))
    total = _at_least(total, peak)
    whole = amounts_of(pod.spec.resources.requests)
    total |= {name: amount for name, amount in whole.items() if name in _OF_THE_POD or name.startswith("hugepages-")}
    return _added(total, amounts_of(pod.spec.overhead))


def is_sidecar(container: Container) -> bool:
    """Whether an init container goes on running beside the others (KEP 753)."""
    return container.restart_policy == "Always"


def in_use(pods: Iterable[Pod]) -> Amounts:
    """The sum over the pods of a node."""
    total: Amounts = {}
    for pod in pods:
        total = _added(total, asked(pod))
    return total


def amounts_of(quantities: Mapping[str, Quantity]) -> Amounts:
    """Whole numbers of the amounts that a node is asked for.

    >>> amounts_of({"cpu": Quantity.parse("1500m"), "memory": Quantity.parse("1Ki")})
    {'cpu': 1500, 'memory': 1024}
    """
    return {name: _rounded_up(quantity, 1000 if name == CPU else 1) for name, quantity in quantities.items()}


def is_extended(name: str) -> bool:
    """Whether a name is that of an extended resource: with a domain that is not Kubernetes' own."""
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def counts(name: str) -> bool:
    """Whether the scheduler compares this resource at all."""
    return name in _FIRST or "/" in name or name.startswith(("hugepages-", "attachable-volumes-"))


def in_words(name: str, amount: int) -> str:
    """An amount as people write it.

    >>> in_words("cpu", 1500), in_words("memory", 2 << 30), in_words("example.com/gpu", 3)
    ('1500m', '2Gi', '3')
    """
    if name == CPU:
        return f"{amount}m" if amount % 1000 else str(amount // 1000)
    binary = name in _FIRST or name.startswith("hugepages-")
    return str(Quantity(amount, Format.BINARY_SI if binary else Format.DECIMAL_SI))


def in_order(names: Iterable[str]) -> list[str]:
    """The order in which the scheduler compares: cpu, memory, storage, then the others by name."""
    return sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))


def _rounded_up(quantity: Quantity, parts: int) -> int:
    """The amount in parts of its unit."""
    billionths: int = quantity.nano
    return -(-billionths * parts // 10**9)


def _sum(requests: Iterable[Mapping[str, Quantity]]) -> Amounts:
    total: Amounts = {}
    for quantities in requests:
        total = _added(total, amounts_of(quantities))
    return total


def _added(one: Amounts, other: Amounts) -> Amounts:
    return {name: one.get(name, 0) + other.get(name, 0) for name in one | other}


def _at_least(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one | other}


__all__ = [
    "CPU",
    "PODS",
    "Amounts",
    "amounts_of",
    "asked",
    "counts",
    "in_order",
    "in_use",
    "in_words",
    "is_extended",
    "is_sidecar",
]
