"""The situation of claims at one moment, for explanations to ask again."""

from __future__ import annotations

from collections.abc import Hashable

from dra_policy.cluster import PodQuestions
from dra_policy.engine.answer import Asking
from dra_policy.explanation.situation import Situation
from dra_policy.inventory import PoolState


def situation_of(asking: Asking, questions: PodQuestions, step_limit: int, node: str | None) -> Situation:
    """What an explanation of these claims can ask about: one node, or all of them if none is named."""
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
        return node_class if used else node_class.layout

    return Situation(
        snapshot=scene.snapshot,
        graph=scene.graph,
        usage=state.usage,
        held={key: held.allocation for key, held in state.held.items()},
        claims=asking.fresh,
        nodes=scene.index.names if node is None else (node,),
        step_limit=step_limit,
        anchored=asking.held(),
        likeness=likeness,
    )


__all__ = ["situation_of"]
