"""Questions about devices: as the cluster is, and as it would be if no claim had any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TypeAlias

from dra_policy import ClaimKey, Engine, Explanation
from dra_policy.resources import ResourceClaim
from dra_policy_kubernetes.cluster_objects import ClusterObjects

MakeEngine: TypeAlias = Callable[[], Engine]


class DeviceQuestions:
    """Engines that know a cluster and the claims that are asked about; each is made when it is first needed."""

    def __init__(self, cluster: ClusterObjects, claims: Iterable[ResourceClaim], make: MakeEngine) -> None:
        self._cluster = cluster
        self._asked = tuple(claims)
        self._make = make
        self._known: dict[tuple[bool, tuple[ClaimKey, ...], str], Explanation] = {}

    def now(self, keys: Sequence[ClaimKey], node: str) -> Explanation:
        """What the claims would get on a node at this moment."""
        return self._explained(True, keys, node)

    def empty(self, keys: Sequence[ClaimKey], node: str) -> Explanation:
        """What they would get if no claim of the cluster had devices."""
        return self._explained(False, keys, node)

    @cached_property
    def engine(self) -> Engine:
        """The cluster as it is. Whoever tries changes on it undoes them."""
        return self._filled(keep=True)

    @cached_property
    def _emptied(self) -> Engine:
        return self._filled(keep=False)

    def _explained(self, now: bool, keys: Sequence[ClaimKey], node: str) -> Explanation:
        question = now, tuple(keys), node
        known = self._known.get(question)
        if known is None:
            engine = self.engine if now else self._emptied
            known = self._known[question] = engine.explain(list(keys), node)
        return known

    def _filled(self, *, keep: bool) -> Engine:
        cluster = self._cluster
        engine = self._make()
        objects = [*cluster.nodes.values(), *cluster.slices.values(), *cluster.classes.values()]
        if cluster.server.enabled("DRADeviceTaintRules"):
            objects += cluster.taint_rules.values()
        if keep:
            objects += [claim for claim in cluster.claims.values() if claim.status.allocation is not None]
        # Last, so that a claim that is asked about stands as it was given.
        engine.apply(*objects, *self._asked, stored=True)
        return engine


__all__ = ["DeviceQuestions", "MakeEngine"]
