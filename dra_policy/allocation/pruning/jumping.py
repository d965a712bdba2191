"""Going back over choices that have no part in a failure.

Only branches without a solution are removed: a failure names the requests that cannot be served together as things
stand. Whether they can be depends on the parts of the rules' states that some choice for one of them touches
(`Rule.touches`), so a choice that touches none of these parts can be changed at will: the same requests fail in the
same way. Its request's other candidates, or alternatives, need no look. The choices of the involved requests themselves
are never jumped over.
"""

from __future__ import annotations

from dra_policy.allocation.pruning.problem import Option, Problem, Request

EVERYTHING = -1
"""A failure in which any choice may have had a part."""


class Jumping:
    """Which choices have a part in which failures."""

    __slots__ = ("_problem",)

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def unrelated(self, request: Request, option: Option, device: int, involved: int) -> bool:
        """Whether the choice of a device has no part in a failure of the involved requests."""
        if involved == EVERYTHING or involved >> request.number & 1:
            return False
        touched = option.profile.touches.get(device, -1)
        for tie in option.covered:
            touched |= self._problem.tie_part(request.base + tie)
        return not touched & self._problem.touched(involved)


__all__ = ["EVERYTHING", "Jumping"]
