"""How things stand at a place of the search, as the bounds see it: devices taken, what is left, labels that still go."""

from __future__ import annotations

from dra_policy.allocation.pruning.problem import Option, Problem, Profile, Request, bits_of
from dra_policy.allocation.rule import Tie

ANY = -1
"""All labels: nothing has been chosen under a tie that asks for one in common."""


class Standing:
    """What the choices made so far leave for the rest of a problem.

    `taken` are devices that no ordinary request can have any more, `chosen` all that were chosen, `left` the amounts of
    resources, `changed` those that are not what they were at the start, `short` the devices for which too little is left,
    `disturbed` those that draw on a resource that has changed, `ties` for every tie the labels that all its
    choices have in common, or all their labels where no two may have one in common.
    """

    __slots__ = ("_trail", "changed", "chosen", "disturbed", "left", "problem", "short", "taken", "ties")

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.taken = 0
        self.chosen = 0
        self.changed = 0
        self.short = 0
        self.disturbed = 0
        self.left = list(problem.supply)
        self.ties = [
            ANY if request_kind is Tie.COMMON else 0
            for claim, position in problem.ties
            for request_kind in (problem.claims[claim].constraints[position].tie,)
        ]
        self._trail: list[
            tuple[tuple[int, int, int, int, int], tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
        ] = []

    def take(self, request: Request, option: Option, device: int) -> None:
        """Enter the choice of a device."""
        ties = self.ties
        before = tuple(
            [(request.base + tie, ties[request.base + tie]) for tie, _ in option.common]
            + [(request.base + tie, ties[request.base + tie]) for tie, _ in option.distinct]
        )
        draws = option.profile.draws.get(device, ())
        masks = self.taken, self.chosen, self.changed, self.short, self.disturbed
        self._trail.append((masks, draws, before))
        bit = 1 << device
        self.chosen |= bit
        self.taken |= bit & self.problem.single
        left, alike = self.left, self.problem.levels
        for resource, amount in draws:
            enough = left[resource] = left[resource] - amount
            self.changed |= 1 << resource
            for needed, drawing in alike.get(resource, ()):
                if needed > enough:
                    self.short |= drawing
                self.disturbed |= drawing
        for tie, labels in option.common:
            ties[request.base + tie] &= labels.of.get(device, 0)
        for tie, labels in option.distinct:
            ties[request.base + tie] |= labels.of.get(device, 0)

    def undo(self) -> None:
        """Go back to what was before the latest choice."""
        masks, draws, before = self._trail.pop()
        self.taken, self.chosen, self.changed, self.short, self.disturbed = masks
        for resource, amount in draws:
            self.left[resource] += amount
        for tie, labels in before:
            self.ties[tie] = labels

    def devices(self, request: Request, option: Option) -> int:
        """The devices that an alternative could still take, one by one."""
        found = option.mask & self.fitting(option.profile)
        for tie, labels in option.common:
            allowed = self.ties[request.base + tie]
            if allowed != ANY:
                found &= labels.union(allowed)
        for tie, labels in option.distinct:
            used = self.ties[request.base + tie]
            if used:
                found &= ~labels.union(used)
        return found

    def fitting(self, profile: Profile) -> int:
        """The devices that are free and have enough of everything left for an alternative."""
        found = profile.mask & ~self.short
        if not profile.admin:
            found &= ~self.taken
        changed = self.changed & profile.own
        if changed:
            left = self.left
            for resource in bits_of(changed):
                enough = left[resource]
                for amount, drawing in profile.levels[resource]:
                    if amount <= enough:
                        break
                    found &= ~drawing
        return found


__all__ = ["ANY", "Standing"]
