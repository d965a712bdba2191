"""What may follow, by the tables that lark made of the grammar; nothing is built to find out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from lark.parsers.lalr_analysis import Shift

States: TypeAlias = list[Any]
"""The states on the stack, the start state first: all that decides what may come next."""

Tables: TypeAlias = Mapping[Any, Mapping[str, tuple[Any, Any]]]
"""For each state and terminal what to do: go to a state, or take up a rule."""

END = "$END"
"""The terminal behind the last token."""


def follow(tables: Tables, final: Any, states: States, *terminals: str) -> States | None:
    """The states after these terminals, or None if they cannot follow.

    The table of the last state alone would allow too much: LALR merges states, and so what may follow them.
    """
    stack = states.copy()
    for terminal in terminals:
        while True:
            entry = tables[stack[-1]].get(terminal)
            if entry is None:
                return None
            action, argument = entry
            if action is Shift:
                stack.append(argument)
                break
            size = len(argument.expansion)
            if size:
                del stack[-size:]
            stack.append(tables[stack[-1]][argument.origin.name][1])
            if terminal == END and stack[-1] == final:
                break
    return stack
