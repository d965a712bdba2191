"""The pass over what has to come out even: counters of a board, and the places of a lattice."""

from __future__ import annotations

from collections.abc import Iterator

from dra_policy.diagnostics import Related
from dra_policy.language.boards import Board, Mode, Modes, Pool, counter_name
from dra_policy.language.checking import Checking
from dra_policy.language.fabrics import places
from dra_policy.language.machinery import Fabric, Lattice, Machine
from dra_policy.language.modes import device_of
from dra_policy.language.scope import Problems

SET_COUNTERS = 32
"""A6: counters of a set."""
DEVICE_SETS = 2
"""A6: sets that one device may draw on."""
MOST_COUNTERS = SET_COUNTERS * DEVICE_SETS
"""A whole board draws on every counter that its partitions draw on."""


def check_counts(checking: Checking) -> None:
    """Report boards with too many counters, and machines whose devices do not fill a lattice."""
    for policy, modes in checking.modes:
        problems = checking.scopes[policy].problems
        counters = _counters(checking, modes)
        if len(counters) > MOST_COUNTERS:
            message = f"`{modes.board.name}` is cut by {len(counters)} counters, and a device draws on {MOST_COUNTERS}"
            help_ = f"cut the grid into fewer parts: Kubernetes has {DEVICE_SETS} sets of {SET_COUNTERS} for a device"
            problems.add("HWR013", message, modes.span, help_)
    for key, machine in checking.machines.items():
        scope = checking.scopes[key[0]]
        for fabric in checking.fabrics.values():
            if fabric.policy not in (scope.policy, *scope.imports):
                continue
            for lattice in fabric.lattices:
                _fill(scope.problems, machine, fabric, lattice)


def _counters(checking: Checking, modes: Modes) -> frozenset[str]:
    return frozenset(name for mode in modes.modes.values() for name in _of_mode(checking, modes.board, mode))


def _of_mode(checking: Checking, board: Board, mode: Mode) -> Iterator[str]:
    draws = list(mode.draws)
    for profile in mode.profiles.values():
        draws += profile.draws
        for positions in profile.positions:
            yield from (f"{counter_name(positions.grid.name)}-{at}" for at in range(positions.grid.size))
        if mode.counted:
            given = {**mode.gives, **profile.gives}.values()
            yield from (counter_name(one.attribute.published.identifier) for one in given if one.attribute.is_capacity)
    for share in checking.shares.values():
        if share.mode is mode and device_of(share.board) is device_of(board):
            draws += share.draws
    for draw in draws:
        of = draw.of
        yield counter_name(of.name if isinstance(of, Pool) else of.published.identifier)


def _fill(problems: Problems, machine: Machine, fabric: Fabric, lattice: Lattice) -> None:
    """A lattice that each node has for itself, and that goes by the order of devices, has a device in each place."""
    if lattice.across is not None or any(axis.at is not None for axis in lattice.axes):
        return
    joined = sum(any(board in (slot.model, slot.model.device) for board in fabric.joins) for slot in machine.slots)
    if joined in (0, places(lattice)):
        return
    sides = " x ".join(str(axis.size) for axis in lattice.axes)
    devices = "1 device" if joined == 1 else f"{joined} devices"
    message = (
        f"`{fabric.name}` has {places(lattice)} places, {sides}, and machine `{machine.name}` has {devices} for them"
    )
    note = Related(machine.span, "the machine is declared here")
    help_ = "write sides that multiply to the number of devices, or `at` with the attributes that tell their places"
    problems.add("FAB012", message, lattice.span, help_, note)


__all__ = ["MOST_COUNTERS", "check_counts"]
