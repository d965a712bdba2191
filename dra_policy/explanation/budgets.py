"""Counters that stand for budgets of machines: a refusal names the statement that a budget comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from dra_policy.allocation import Cause, NodeReasons, RequestReasons
from dra_policy.rules import Origin

Budgets: TypeAlias = Mapping[tuple[str, str], Origin]
"""Where budgets are declared, by counter set and counter."""

_USED_UP = re.compile(r"counters ([^/ ]+)/([^/ ,]+) are used up \([^,]+, (.+)\)")
_SCARCE = re.compile(r"shared counters ([^/ ]+)/([^/ ,]+): [^,]+, (.+)")
_FURTHER = re.compile(r"-[0-9]+$")


def budget_of(origin: Origin, budgets: Budgets) -> Origin:
    """The budget that is used up, if it is one alone; else what it was."""
    found = _SCARCE.fullmatch(origin.text) or _USED_UP.fullmatch(origin.text)
    if found is None:
        return origin
    # A second machine of the name on a node has a number behind it.
    names = (found[1], _FURTHER.sub("", found[1]))
    budget = next((one for name in names if (one := budgets.get((name, found[2]))) is not None), None)
    return origin if budget is None else replace(budget, text=f"{budget.text}, {found[3]}")


def with_budgets(groups: Sequence[Sequence[NodeReasons]], budgets: Budgets) -> Sequence[Sequence[NodeReasons]]:
    """The reasons of nodes with the budgets in place of their counters."""
    if not budgets:
        return groups
    return [
        [replace(node, requests=tuple(_named(reasons, budgets) for reasons in node.requests)) for node in group]
        for group in groups
    ]


def _named(reasons: RequestReasons, budgets: Budgets) -> RequestReasons:
    losses = tuple(
        replace(loss, origin=budget_of(loss.origin, budgets)) if loss.cause is Cause.COUNTER else loss
        for loss in reasons.losses
    )
    combination = tuple(budget_of(origin, budgets) for origin in reasons.combination)
    return replace(reasons, losses=losses, combination=combination)


__all__ = ["Budgets", "budget_of", "with_budgets"]
