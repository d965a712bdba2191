"""The pass over fabrics: how boards are linked."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from dra_policy.language import tree
from dra_policy.language.attributes import can_be_read, find_attribute
from dra_policy.language.boards import Board
from dra_policy.language.checking import Checking
from dra_policy.language.constants import constant
from dra_policy.language.machinery import Axis, Fabric, Lattice, PairLinks
from dra_policy.language.modes import device_of, find_board
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.scope import FABRIC, Scope
from dra_policy.language.types import AmountType, IntType

BANDWIDTH = AmountType("bytes", per_second=True)
MOST_PLACES = 1024
"""An axis has at most so many places."""


def check_fabrics(checking: Checking) -> None:
    """Resolve every fabric; machines add links of their own."""
    for scope, entry in checking.declared(FABRIC):
        if isinstance(entry.statement, tree.Fabric):
            fabric = _fabric(checking, scope, entry.statement)
            if fabric is not None:
                checking.fabrics[entry.key] = fabric


def _fabric(checking: Checking, scope: Scope, statement: tree.Fabric) -> Fabric | None:
    joins = [find_board(checking, scope, name) for name in statement.joins]
    boards = tuple(board for board in joins if board is not None)
    if len(boards) < len(joins):
        return None
    pairs: list[PairLinks] = []
    lattices: list[Lattice] = []
    for member in statement.members:
        bandwidth = bandwidth_of(member.bandwidth, scope)
        if bandwidth is None:
            continue
        match member:
            case tree.EveryPair():
                same = None if member.same is None else _shared(scope, boards, member.same)
                if member.same is None or same is not None:
                    pairs.append(PairLinks(same, member.across, bandwidth, member.span))
            case tree.Torus():
                lattice = _lattice(scope, boards, member, bandwidth)
                if lattice is not None:
                    lattices.append(lattice)
    name = statement.name
    return Fabric(name.text, scope.policy, boards, tuple(pairs), tuple(lattices), name.span)


def bandwidth_of(written: tree.Literal, scope: Scope) -> Fraction | None:
    """A bandwidth in bytes per second; None if it is none, which is reported."""
    found = constant(written, BANDWIDTH, "a bandwidth", scope.problems, None)
    if found is None or not isinstance(found.value, Fraction):
        return None
    if found.value <= 0:
        scope.problems.add("FAB001", "a link without bandwidth", written.span, "write such as `450 GB/s`")
        return None
    return found.value


def _shared(scope: Scope, boards: Sequence[Board], name: tree.Name) -> AttributeSchema | None:
    """An attribute that all boards of a fabric have under one published name."""
    found = [find_attribute(device_of(board), name, scope) for board in boards]
    known = [attribute for attribute in found if attribute is not None]
    if len(known) < len(found) or not can_be_read(known[0], name.span, scope):
        return None
    if len({attribute.published.qualified for attribute in known}) > 1:
        message = f"`{name.text}` is published under different names by what the fabric joins"
        scope.problems.add("FAB002", message, name.span, "name an attribute that all of them publish alike")
        return None
    return known[0]


def _lattice(scope: Scope, boards: Sequence[Board], member: tree.Torus, bandwidth: Fraction) -> Lattice | None:
    problems = scope.problems
    axes: list[Axis] = []
    for axis in member.axes:
        if any(one.name == axis.name.text for one in axes):
            problems.add("NAM003", f"axis `{axis.name.text}` is declared already", axis.name.span, "rename one")
            return None
        if not 1 <= axis.size.value <= MOST_PLACES:
            message = f"an axis has 1 to {MOST_PLACES} places, not {axis.size.value}"
            problems.add("FAB003", message, axis.size.span, "write its length")
            return None
        at = None
        if axis.at is not None:
            at = _shared(scope, boards, axis.at)
            if at is None:
                return None
            if not isinstance(at.type, IntType):
                message = f"a place is a whole number, and `{at.name}` is {at.type}"
                problems.add("FAB003", message, axis.at.span, "name an attribute that is an int")
                return None
        axes.append(Axis(axis.name.text, axis.size.value, axis.wrap or member.ring, at))
    if len({axis.at is None for axis in axes}) > 1:
        problems.add(
            "FAB003", "some axes say where a device is, and some do not", member.span, "write `at` for all axes or none"
        )
        return None
    across = None if member.across is None else _shared(scope, boards, member.across)
    if member.across is not None and across is None:
        return None
    return Lattice(tuple(axes), across, bandwidth, member.span)


def shape_fits(lattice: Lattice, sides: Sequence[int]) -> bool:
    """Whether a block of these sides fits a lattice in some direction."""
    lengths = sorted((axis.size for axis in lattice.axes), reverse=True)
    wanted = sorted((side for side in sides if side > 1), reverse=True)
    return len(wanted) <= len(lengths) and all(side <= length for side, length in zip(wanted, lengths, strict=False))


def places(lattice: Lattice) -> int:
    """How many devices a lattice has places for."""
    return prod(axis.size for axis in lattice.axes)


__all__ = ["BANDWIDTH", "bandwidth_of", "check_fabrics", "places", "shape_fits"]
