"""The situation of claims at one moment, for explanations to ask again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeAlias

from dra_policy.allocation.site import SiteQuestion
from dra_policy.cluster import PodQuestions
from dra_policy.engine.answer import Asking
from dra_policy.engine.state import Allocations, Held
from dra_policy.explanation.situation import Holdings, Situation
from dra_policy.inventory import PoolState
from dra_policy.rules import ClaimKey

Apart: TypeAlias = Callable[[str], Hashable | None]
"""What rules of a site tell nodes apart by, from the name of one; None for one that only speaks for itself."""


def situation_of(
    asking: Asking,
    questions: PodQuestions,
    step_limit: int,
    node: str | None,
    *,
    site: SiteQuestion | None = None,
    apart: Apart | None = None,
) -> Situation:
    """What an explanation of these claims can ask about: one node, or all of them if none is named.

    `site` is the question to the site, if it has rules, and `apart` how these tell nodes apart.
    """
    scene, state = asking.scene, asking.state
    single: list[bool] = []

    def likeness(name: str, used: bool) -> Hashable | None:
        if not single:
            single.append(asking.judge(questions).single)
        if single[0]:
            return None
        view = scene.snapshot.view(asking.node(name))
        if view.failure is not None or any(p.state is not PoolState.COMPLETE or not p.local for p in view.pools):
            return None
        node_class = scene.index.standings[name].node_class
        own = node_class if used else node_class.layout
        if apart is None:
            return own
        of_site = apart(name)
        return None if of_site is None else (own, of_site)

    return Situation(
        snapshot=scene.snapshot,
        graph=scene.graph,
        usage=state.usage,
        held=_LATEST.of(state.held),
        claims=asking.fresh,
        nodes=scene.index.names if node is None else (node,),
        step_limit=step_limit,
        anchored=asking.held(),
        likeness=likeness,
        site=site,
    )


class _Latest:
    """The holdings of the state that was asked about last: who explains many nodes asks about one state."""

    def __init__(self) -> None:
        self._known: tuple[Mapping[ClaimKey, Held], Holdings] | None = None

    def of(self, held: Mapping[ClaimKey, Held]) -> Holdings:
        known = self._known
        if known is None or known[0] is not held:
            # Another thread may put its own here; both are right.
            known = self._known = held, Holdings(Allocations(held))
        return known[1]


_LATEST = _Latest()

__all__ = ["situation_of"]
