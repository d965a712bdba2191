"""The question to the rules of a site: who asks, when, and who holds what already."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from dra_policy.allocation.site.ledger import Ledger
from dra_policy.inventory import Snapshot
from dra_policy.rules.sets import ClaimSetRule
from dra_policy.rules.site import Quota, SiteRules
from dra_policy.rules.subjects import Subject


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for one claim: what rules may read of it, and the pods that are to use it.

    A claim that no pod is known for counts as one of a pod of its own.
    """

    subject: Subject
    pods: frozenset[str] = frozenset()


NOBODY = Asker(Subject(()))
"""Of whom nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteQuestion:
    """What a call of `allocate` needs to know beyond Kubernetes.

    `askers` and `sets` pair with the claims of the call; fewer mean nobody known, and no set rules. `now` is an aware
    time. `ledger` is what claims outside of the call hold, and `snapshot` where devices are, of the whole cluster: the
    one that the view of the node belongs to. Of each quota of `spared` the call takes less than the amount.
    """

    rules: SiteRules
    now: datetime
    ledger: Ledger
    snapshot: Snapshot
    askers: tuple[Asker, ...] = ()
    sets: tuple[tuple[ClaimSetRule, ...], ...] = ()
    spared: tuple[tuple[Quota, Fraction], ...] = ()
    kept: dict[Hashable, object] = field(default_factory=dict, repr=False)
    """What was worked out from all this, for the next node."""

    def asker(self, claim: int) -> Asker:
        """Who asks for the claim at a position of the call."""
        return self.askers[claim] if claim < len(self.askers) else NOBODY

    def sets_of(self, claim: int) -> tuple[ClaimSetRule, ...]:
        """The set rules of the claim at a position of the call."""
        return self.sets[claim] if claim < len(self.sets) else ()


__all__ = ["NOBODY", "Asker", "SiteQuestion"]
