"""Positions that partitions occupy, and amounts that several devices draw on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import Board, Grid, Mode, Pool
from dra_policy.language.checking import Checking
from dra_policy.language.constants import constant
from dra_policy.language.finding import device_of, find_board, models_of
from dra_policy.language.schema import ModelSchema
from dra_policy.language.scope import DEVICE, Scope
from dra_policy.language.types import COUNT, AmountType
from dra_policy.source import Span

MOST_STARTS = 4096
"""A grid has at most so many positions, and so has a mode of partitions."""


def read_grids(checking: Checking, scope: Scope, file: tree.PolicyFile) -> None:
    problems = scope.problems
    for statement in file.statements:
        if not isinstance(statement, tree.Device):
            continue
        device = checking.devices.get((scope.policy, DEVICE, statement.name.text))
        if device is None or device.span != statement.name.span:
            continue
        found: dict[str, Grid] = {}
        for member in statement.members:
            if not isinstance(member, tree.Grid):
                continue
            name = member.name.text
            if name in found:
                note = Related(found[name].span, "first declared here")
                problems.add("NAM003", f"grid `{name}` is declared already", member.name.span, "rename one", note)
                continue
            if not 1 <= member.size.value <= MOST_STARTS:
                message = f"a grid has 1 to {MOST_STARTS} positions, not {member.size.value}"
                problems.add("HWR002", message, member.size.span, "write how many equal parts there are")
                continue
            capacity = None
            if member.of is not None:
                capacity = find_attribute(device, member.of, scope)
                if capacity is None:
                    continue
                if not capacity.is_capacity:
                    message = f"a grid is cut from a capacity, and `{capacity.name}` is {capacity.type}"
                    note = Related(capacity.span, "declared here")
                    problems.add("HWR002", message, member.of.span, "name a capacity, or leave `of` out", note)
                    continue
            found[name] = Grid(name, member.size.value, capacity, member.name.span)
        checking.grids[scope.policy, DEVICE, statement.name.text] = MappingProxyType(found)
        for model in models_of(checking, device):
            _own_grids(checking, scope, model, found)


def _own_grids(checking: Checking, scope: Scope, model: ModelSchema, grids: Mapping[str, Grid]) -> None:
    """The grids of a model that have another number of positions than those of its device."""
    own: dict[str, Grid] = {}
    for name, (size, span) in model.grids.items():
        grid = grids.get(name)
        if grid is None:
            known = ", ".join(f"`{one}`" for one in grids)
            otherwise = f"its grids are {known}" if known else f"write `grid {name} {size} of ...` in the device"
            help_ = scope.problems.hint(name, grids, otherwise)
            scope.problems.add("HWR004", f"device `{model.device.name}` has no grid `{name}`", span, help_)
        elif not 1 <= size <= MOST_STARTS:
            message = f"a grid has 1 to {MOST_STARTS} positions, not {size}"
            scope.problems.add("HWR002", message, span, "write how many equal parts there are")
        else:
            own[name] = replace(grid, size=size, span=span)
    if own:
        checking.model_grids[id(model)] = MappingProxyType(own)


def grids_of(checking: Checking, board: Board) -> Mapping[str, Grid]:
    """The grids of a board: those of its device, but for those that a model has in another size."""
    device = device_of(board)
    grids = checking.grids.get((device.policy, DEVICE, device.name), {})
    own = checking.model_grids.get(id(board)) if isinstance(board, ModelSchema) else None
    return grids if own is None else {**grids, **own}


def check_division(checking: Checking, scope: Scope, board: Board, modes: Iterable[Mode]) -> None:
    """The amount that positions are cut from can be cut in so many equal parts of whole units."""
    profiles = (profile for mode in modes for profile in mode.profiles.values())
    used = dict.fromkeys(one.grid for profile in profiles for one in profile.positions)
    for model in models_of(checking, board):
        for grid in used:
            value = None if grid.capacity is None else model.values.get(grid.capacity.name)
            amount = None if value is None else value.constants[0].value
            if value is None or not isinstance(amount, Fraction) or (amount / grid.size).denominator == 1:
                continue
            message = f"`{value.attribute.name}` of model `{model.name}` cannot be cut into {grid.size} equal parts"
            note = Related(value.span, "given here")
            help_ = f"change the number of parts, or the amount; a model has its own with `grid {grid.name} ...`"
            scope.problems.add("HWR003", message, grid.span, help_, note)


def read_pool(checking: Checking, scope: Scope, statement: tree.Pool) -> Pool | None:
    problems = scope.problems
    board = find_board(checking, scope, statement.of)
    if board is None:
        return None
    type_: AmountType = COUNT
    declared: Span | None = None
    if statement.measure.text != "count":
        attribute = find_attribute(device_of(board), statement.measure, scope, "count")
        if attribute is None:
            return None
        if not isinstance(attribute.type, AmountType):
            message = f"a pool is an amount, and `{attribute.name}` is {attribute.type}"
            problems.add("HWR002", message, statement.measure.span, "name a capacity, or write `count`")
            return None
        type_, declared = attribute.type, attribute.span
    amount = constant(statement.amount, type_, f"pool `{statement.name.text}`", problems, declared)
    if amount is None:
        return None
    return Pool(statement.name.text, board, type_, amount, statement.name.span)


__all__ = ["MOST_STARTS", "check_division", "grids_of", "read_grids", "read_pool"]
