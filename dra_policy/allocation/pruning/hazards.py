"""Errors that Kubernetes would meet: where pruning has to stand back.

An error ends Kubernetes' search at the moment when it is met (D8, D10, E5, H7, N2). A branch without a solution in which
it would be met must therefore not be left out. A request is a *hazard* if it may be one: if the steady rules give an
error on some candidate that is not in use before the call (D10: one in use is passed over before anything is evaluated),
if it takes all devices under a rule for which a refusal is an error (E5), or if a label of a candidate is an error (N2).

The rule: at a place of the search, prunings look at the requests from there up to, not including, the next hazard, and
at nothing inside a hazard. If these requests cannot be served together as things stand, Kubernetes' search below this
place never completes them, so it never comes to the hazard: it finds no solution and no error there either. A failure
that involves none of a request's choices is a failure for all its candidates in the same way, as long as the requests
that fail lie before the next hazard; no such jump goes over a hazard. Devices that nothing tells apart and states that
are equal but for such devices lead to the same end only if no hazard follows, because which device an error is met on
might tell them apart.

The limit of 32 devices (J9) makes Kubernetes' search leave the candidates of earlier requests out. That loses no
solution, but it loses errors, and where it does depends on where the search goes; so in a call with hazards in which
some claim could exceed the limit nothing is pruned at all.
"""

from __future__ import annotations

from dra_policy.allocation.pruning.problem import Problem


class Hazards:
    """The hazards of a problem."""

    __slots__ = ("_next", "forbid")

    def __init__(self, problem: Problem) -> None:
        self.forbid = problem.risky and problem.large
        count = len(problem.requests)
        self._next = [count] * (count + 1)
        for request in reversed(problem.requests):
            hazard = request.template.hazards[request.position]
            self._next[request.number] = request.number if hazard else self._next[request.number + 1]

    def end(self, number: int) -> int:
        """The number of the next hazard from a request on, itself included; the number of requests if there is none."""
        return self._next[number]

    def at(self, number: int) -> bool:
        """Whether a request is a hazard."""
        return self._next[number] == number

    def behind(self, number: int) -> bool:
        """Whether there is a hazard from a request on, itself included."""
        return self._next[number] < len(self._next) - 1


__all__ = ["Hazards"]
