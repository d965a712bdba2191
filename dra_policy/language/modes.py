"""The pass over what boards can become: grids, pools, modes with their profiles, and shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from types import MappingProxyType

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute, look_up
from dra_policy.language.boards import Board, Draw, Grid, Mode, Modes, Pool, Positions, Profile, Taking
from dra_policy.language.checking import Checking
from dra_policy.language.constants import constant
from dra_policy.language.finding import (
    declared_modes,
    device_of,
    find_board,
    models_of,
    modes_of,
    only_board,
    said_of,
)
from dra_policy.language.given_values import given_values
from dra_policy.language.grids import MOST_STARTS, check_division, grids_of, read_grids, read_pool
from dra_policy.language.reaching import reachable_from
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.scope import POOL, Scope
from dra_policy.language.sharers import read_sharer
from dra_policy.language.templates import OF_WHOLE, PLACES
from dra_policy.language.types import AmountType

BUILT_IN = ("namespace", "pod")
"""What can be compared of holders without a `subject`."""


def check_modes(checking: Checking) -> None:
    """Resolve grids, pools, modes and shares of every policy."""
    for name, file in checking.files.items():
        scope = checking.scopes[name]
        read_grids(checking, scope, file)
    for scope, entry in checking.declared(POOL):
        if isinstance(entry.statement, tree.Pool):
            pool = read_pool(checking, scope, entry.statement)
            if pool is not None:
                checking.pools[entry.key] = pool
    for name, file in checking.files.items():
        for statement in file.statements:
            if isinstance(statement, tree.Modes):
                _modes(checking, checking.scopes[name], statement)


# ----------------------------------------------------------------------------------------------------------- modes


def _modes(checking: Checking, scope: Scope, statement: tree.Modes) -> None:
    problems = scope.problems
    board = find_board(checking, scope, statement.of)
    if board is None:
        return
    earlier = next((modes for _, modes in checking.modes if modes.board is board), None)
    if earlier is not None:
        note = Related(earlier.span, "first declared here")
        message = f"the modes of `{board.name}` are declared already"
        problems.add("NAM003", message, statement.of.span, "put all modes into one block", note)
        return
    names = {mode.name.text for mode in statement.modes}
    found: dict[str, Mode] = {}
    for written in statement.modes:
        name = written.name.text
        if name in found:
            note = Related(found[name].span, "first declared here")
            problems.add("NAM003", f"mode `{name}` is declared already", written.name.span, "rename one", note)
            continue
        for other in written.beside:
            if other.text not in names:
                help_ = problems.hint(other.text, names, "name another mode of this block")
                problems.add("HWR006", f"`{board.name}` has no mode `{other.text}`", other.span, help_)
        mode = _mode(checking, scope, board, written)
        if mode is not None:
            found[name] = mode
    check_division(checking, scope, board, found.values())
    counters = "" if statement.counters is None else statement.counters.value
    read = [read_sharer(scope, one) for one in statement.sharers]
    sharers = tuple(one for one in read if one is not None)
    modes = Modes(board, MappingProxyType(found), statement.of.span, counters, sharers)
    checking.modes.append((scope.policy, modes))
    _tells_boards(scope, modes)


def _tells_boards(scope: Scope, modes: Modes) -> None:
    """Where a rule is over a whole board, the names of its devices tell which board they are of."""
    for mode in modes.modes.values() if modes.sharers else ():
        for named in {mode.named, *(profile.named for profile in mode.profiles.values())} - {""}:
            if "{parent}" not in named:
                note = Related(modes.sharers[0].span, "this is a rule over all of a board")
                message = f'the name "{named}" does not tell of which board a device is'
                help_ = f'write such as "{{parent}}-{named}"'
                scope.problems.add("HWR017", message, mode.span, help_, note)
                return


def _mode(checking: Checking, scope: Scope, board: Board, written: tree.Mode) -> Mode | None:
    problems = scope.problems
    name = written.name.text
    if written.profiles and not written.partition:
        message = f"mode `{name}` has profiles, and is no partition"
        problems.add("HWR002", message, written.name.span, f"write `mode {name} partition ...`")
    if written.partition and not written.profiles:
        problems.add("HWR002", f"mode `{name}` has no profiles", written.name.span, 'write `profile "..."` in braces')
    if written.alone and written.beside:
        message = f"mode `{name}` is alone, and with `{written.beside[0].text}`"
        problems.add("HWR007", message, written.beside[0].span, "leave one of the two out")
    gives = given_values(checking, scope, board, written.gives, PLACES if written.partition else OF_WHOLE)
    without = [find_attribute(device_of(board), one, scope) for one in written.without]
    draws = draws_of(checking, scope, board, written.draws, None)
    if written.counted and not written.partition:
        message = f"mode `{name}` is counted, and is no partition"
        problems.add("HWR002", message, written.name.span, "leave `counted` out, or write what it `draws`")
    profiles: dict[str, Profile] = {}
    for profile in written.profiles:
        text = profile.name.value
        if text in profiles:
            note = Related(profiles[text].span, "first declared here")
            problems.add("NAM003", f'profile "{text}" is declared already', profile.name.span, "rename one", note)
            continue
        made = _profile(checking, scope, board, profile)
        if made is not None:
            profiles[text] = made
    named = "" if written.named is None else written.named.value
    beside = frozenset(other.text for other in written.beside)
    return Mode(
        name,
        board,
        scope.policy,
        written.partition,
        named,
        written.alone,
        beside,
        gives,
        draws,
        MappingProxyType(profiles),
        written.name.span,
        written.counted,
        frozenset(one for one in without if one is not None),
    )


def _profile(checking: Checking, scope: Scope, board: Board, written: tree.Profile) -> Profile | None:
    problems = scope.problems
    positions = [_positions(checking, scope, board, takes) for takes in written.takes]
    times = 1 if written.times is None else written.times.value
    if not 1 <= times <= MOST_STARTS:
        span = written.name.span if written.times is None else written.times.span
        problems.add(
            "HWR002", f"a profile is there 1 to {MOST_STARTS} times, not {times}", span, "write another number"
        )
        return None
    if any(one is None for one in positions):
        return None
    return Profile(
        written.name.value,
        None if written.id is None else written.id.value,
        times,
        tuple(one for one in positions if one is not None),
        given_values(checking, scope, board, written.gives),
        draws_of(checking, scope, board, written.draws, None),
        "" if written.named is None else written.named.value,
        written.name.span,
        reachable_from(scope, board, written.reachable, written.span),
    )


def _positions(checking: Checking, scope: Scope, board: Board, takes: tree.TakesPositions) -> Positions | None:
    problems = scope.problems
    device = device_of(board)
    grids = grids_of(checking, board)
    grid = grids.get(takes.grid.text)
    if grid is None:
        known = ", ".join(f"`{name}`" for name in grids)
        otherwise = f"its grids are {known}" if known else f"write `grid {takes.grid.text} 8 of memory` in the device"
        help_ = problems.hint(takes.grid.text, grids, otherwise)
        problems.add("HWR004", f"device `{device.name}` has no grid `{takes.grid.text}`", takes.grid.span, help_)
        return None
    note = Related(grid.span, f"the grid has {grid.size} positions, from 0 to {grid.size - 1}")
    if takes.size is None:
        return _places(scope, grid, takes, note)
    size = takes.size.value
    if not 1 <= size <= grid.size:
        problems.add("HWR005", f"a partition cannot take {size} of {grid.size} positions", takes.size.span, "", note)
        return None
    starts: set[int] = set()
    good = True
    for written in takes.starts:
        first, last = written.first.value, (written.last or written.first).value
        if last < first:
            message = f"the starts {first}..{last} run backwards"
            problems.add("HWR005", message, written.span, f"write {last}..{first}", note)
            good = False
        elif not 0 <= first <= last < grid.size:
            message = f"a start at {first if not 0 <= first < grid.size else last} is outside the grid"
            problems.add("HWR005", message, written.span, f"write starts from 0 to {grid.size - size}", note)
            good = False
        elif last + size > grid.size:
            message = f"{size} positions from {last} on reach over the end of the grid"
            problems.add("HWR005", message, written.span, f"the last start is {grid.size - size}", note)
            good = False
        else:
            starts.update(range(first, last + 1))
    return Positions(grid, size, tuple(sorted(starts))) if good else None


def _places(scope: Scope, grid: Grid, takes: tree.TakesPositions, note: Related) -> Positions | None:
    """`takes places 1, 3 of gpu`."""
    seen: list[int] = []
    for place in takes.places:
        if not 0 <= place.value < grid.size:
            scope.problems.add(
                "HWR005", f"there is no place {place.value}", place.span, "name places of the grid", note
            )
            return None
        if place.value in seen:
            message = f"place {place.value} is taken already"
            scope.problems.add("HWR005", message, place.span, "name each place once", note)
            return None
        seen.append(place.value)
    places = tuple(sorted(seen))
    return Positions(grid, len(places), places[:1], places)


def draws_of(
    checking: Checking,
    scope: Scope,
    board: Board,
    written: Iterable[tree.Drawn],
    takings: Sequence[Taking] | None,
) -> tuple[Draw, ...]:
    """What is drawn; `takings` are those of a share, None where nothing can be taken."""
    problems = scope.problems
    found: list[Draw] = []
    for drawn in written:
        source = _source(checking, scope, board, drawn.name)
        if source is None:
            continue
        type_ = source.type
        assert isinstance(type_, AmountType)  # Invariant: `_source` gives pools and capacities only
        if drawn.equal is not None:
            taken = next((one for one in takings or () if one.capacity.name == drawn.equal.text), None)
            if taken is None:
                message = f"no claim takes an amount of `{drawn.equal.text}` here"
                help_ = f"write `each takes {drawn.equal.text} ...` in the share"
                problems.add("HWR009", message, drawn.equal.span, help_)
                continue
            if not isinstance(taken.capacity.type, AmountType) or not taken.capacity.type.fits(type_):
                message = f"`{taken.capacity.name}` is {taken.capacity.type}, `{source.name}` is {type_}"
                problems.add("HWR009", message, drawn.equal.span, "draw on something of the same kind")
                continue
            found.append(Draw(source, None, taken.capacity, drawn.span))
            continue
        assert drawn.amount is not None  # Invariant: the grammar has an amount or `equal to`
        amount = constant(drawn.amount, type_, f"`{source.name}`", problems, source.span)
        if amount is not None and isinstance(amount.value, Fraction):
            found.append(Draw(source, amount.value, None, drawn.span))
    return tuple(found)


def _source(checking: Checking, scope: Scope, board: Board, name: tree.Name) -> Pool | AttributeSchema | None:
    """What is drawn on: a pool of the board, or a capacity of it."""
    device = device_of(board)
    pools = [p for p in checking.pools.values() if device_of(p.board) is device and (p.board in (board, device))]
    pool = next((one for one in pools if one.name == name.text), None)
    if pool is not None:
        return pool
    found = look_up(device, name.text, scope)
    if found is None:
        other = next((p for p in checking.pools.values() if device_of(p.board) is device and p.name == name.text), None)
        if other is not None:
            message = f"pool `{other.name}` is of `{other.board.name}`, and this is of `{board.name}`"
            help_ = f"write `of {other.board.name}` here, or `pool {other.name} of {device.name} ...`"
            scope.problems.add("HWR009", message, name.span, help_, Related(other.span, "declared here"))
            return None
        find_attribute(device, name, scope, *(one.name for one in pools))
        return None
    if not isinstance(found.type, AmountType):
        message = f"`{found.name}` is {found.type}: nothing can be drawn on it"
        scope.problems.add(
            "HWR009", message, name.span, "draw on a capacity or a pool", Related(found.span, "declared here")
        )
        return None
    return found


def find_mode(checking: Checking, scope: Scope, board: Board, name: tree.Name) -> Mode | None:
    """A mode of a board; None if it has none of the name, which is reported."""
    modes = modes_of(checking, board)
    mode = modes.get(name.text)
    if mode is None:
        known = ", ".join(f"`{one}`" for one in modes)
        own = [one.name for one in models_of(checking, board) if name.text in modes_of(checking, one)]
        otherwise = f"write `modes of {board.name} {{ ... }}`"
        if known:
            otherwise = f"its modes are {known}"
        elif own:
            otherwise = f"it is a mode of {', '.join(f'`{one}`' for one in own)}: write that model's name"
        help_ = scope.problems.hint(name.text, modes, otherwise)
        scope.problems.add("HWR006", f"`{board.name}` has no mode `{name.text}`", name.span, help_)
    return mode


__all__ = [
    "BUILT_IN",
    "check_modes",
    "declared_modes",
    "device_of",
    "draws_of",
    "find_board",
    "find_mode",
    "models_of",
    "modes_of",
    "only_board",
    "said_of",
]
