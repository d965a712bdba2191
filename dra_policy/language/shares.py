"""The pass over shares: who may hold a device together, and how much each takes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import (
    Board,
    Draw,
    Mode,
    Pool,
    Share,
    Sharer,
    Taking,
)
from dra_policy.language.checking import Checking
from dra_policy.language.constants import constant
from dra_policy.language.modes import device_of, draws_of, find_board, find_mode, models_of, modes_of
from dra_policy.language.schema import AttributeSchema, ModelSchema, ModelValue
from dra_policy.language.scope import SHARE, Problems, Scope
from dra_policy.language.sharers import SHARERS, read_sharer
from dra_policy.language.types import AmountType, Constant, quantity_text
from dra_policy.source import Span

MOST_OPTIONS = 10
"""H10: amounts of a capacity that are listed one by one."""


def check_shares(checking: Checking) -> None:
    """Resolve the shares of every policy; behind the pass over modes."""
    for scope, entry in checking.declared(SHARE):
        if isinstance(entry.statement, tree.Share):
            share = _share(checking, scope, entry.statement)
            if share is not None:
                checking.shares[entry.key] = share
    _told_apart(checking)


def _told_apart(checking: Checking) -> None:
    """Shares of the same devices are told apart by how many claims may hold one: nothing else of them is published."""
    groups: dict[Hashable, list[Share]] = {}
    alike: dict[Hashable, Share] = {}
    place = {id(share): number for number, share in enumerate(checking.shares.values())}
    for share in checking.shares.values():
        for group in _groups(share):
            groups.setdefault(group, []).append(share)
            alike.setdefault((group, share.slots), share)
    for key, share in list(checking.shares.items()):
        rivals = [group for group in _rivals(share) if any(one is not share for one in groups.get(group, ())[:2])]
        first = (alike.get((group, share.slots), share) for group in rivals)
        other = next((one for one in first if place[id(one)] < place[id(share)]), None)
        if other is not None:
            message = f"nothing published tells share `{share.name}` from `{other.name}`, which is of the same devices"
            help_ = "let another number of claims hold each, with `at most ... claims`"
            scope = checking.scopes[share.policy]
            scope.problems.add("HWR016", message, share.span, help_, Related(other.span, "the other one"))
        elif rivals:
            checking.shares[key] = replace(share, by_slots=True)


def _groups(share: Share) -> Iterator[Hashable]:
    """What a share is found by: its board, or any of the device's, and its mode, or any."""
    device = device_of(share.board)
    for board in ("all", id(device)), ("of", id(share.board)):
        yield board, "any"
        yield board, None if share.mode is None else id(share.mode)


def _rivals(share: Share) -> Iterator[Hashable]:
    """The groups whose shares have some device in common with a share."""
    device = device_of(share.board)
    boards: list[Hashable] = [("all", id(device))]
    if share.board is not device:
        boards = [("of", id(device)), ("of", id(share.board))]
    modes: list[Hashable] = ["any"] if share.mode is None else [None, id(share.mode)]
    yield from product(boards, modes)


def _share(checking: Checking, scope: Scope, statement: tree.Share) -> Share | None:
    problems = scope.problems
    board = find_board(checking, scope, statement.of)
    if board is None:
        return None
    mode: Mode | None = None
    if statement.mode is not None:
        mode = find_mode(checking, scope, board, statement.mode)
        if mode is None:
            return None
        if mode.alone:
            note = Related(mode.span, "declared here with `alone`")
            message = f"mode `{mode.name}` is for one claim alone and cannot be shared"
            problems.add("HWR007", message, statement.mode.span, "share another mode, or remove `alone`", note)
            return None
    sharers: list[Sharer] = []
    takings: list[Taking] = []
    drawn: list[tree.Drawn] = []
    for member in statement.members:
        match member:
            case tree.AtMost() | tree.OnlySame():
                sharer = read_sharer(scope, member)
                sharers += [] if sharer is None else [sharer]
            case tree.EachTakes():
                taking = _taking(scope, board, member)
                if taking is not None:
                    takings.append(taking)
            case tree.Drawn():
                drawn.append(member)
    draws = draws_of(checking, scope, board, drawn, takings)
    _can_be_kept(checking, scope, board, mode, draws)
    name = statement.name
    share = Share(name.text, scope.policy, board, mode, tuple(sharers), tuple(takings), draws, name.span)
    for taking in takings:
        _can_be_taken(checking, scope, share, taking)
    return share


def _can_be_kept(checking: Checking, scope: Scope, board: Board, mode: Mode | None, draws: Sequence[Draw]) -> None:
    """What claims take is a matter of one device, and counters are charged the same whatever is taken of it; so where
    other devices of the board are in use at the same time nothing adds up what is drawn. Reported if so."""
    modes = modes_of(checking, board).values()
    shared = [one for one in modes if one is mode or (mode is None and not one.partition)]
    met = [one for one in shared if one.partition or one.beside or any(one.name in other.beside for other in modes)]
    for draw in draws:
        if draw.equal is None or not met:
            continue
        of, name = draw.of.name, draw.equal.name
        message = f"nothing adds up what claims draw on `{of}`: other devices of the board are in use beside these"
        help_ = f"give each its part: `gives {name} ...` in mode `{met[0].name}`, and `draws {of} ...` an amount here"
        scope.problems.add("HWR019", message, draw.span, help_, Related(met[0].span, "declared here"))


def _taking(scope: Scope, board: Board, member: tree.EachTakes) -> Taking | None:
    problems = scope.problems
    capacity = find_attribute(device_of(board), member.capacity, scope)
    if capacity is None:
        return None
    if not isinstance(capacity.type, AmountType):
        message = f"`{capacity.name}` is {capacity.type}; only of a capacity can some be taken"
        problems.add(
            "RUL011", message, member.capacity.span, "name a capacity", Related(capacity.span, "declared here")
        )
        return None

    def amount(written: tree.Literal | tree.Name | None) -> Constant | None:
        if written is None:
            return None
        return constant(written, capacity.type, f"`{capacity.name}`", problems, capacity.span)  # type: ignore[arg-type]  # an amount, see above

    low = high = step = None
    if member.range is not None:
        low, high, step = amount(member.range.low), amount(member.range.high), amount(member.range.step)
        if low is not None and high is not None and _value(high) < _value(low):
            problems.add("HWR012", "the range runs backwards", member.range.span, "write the smaller amount first")
            return None
        if step is not None and _value(step) <= 0:
            problems.add("HWR012", "a step is more than nothing", step.span, "write a positive amount")
            return None
        if low is not None and high is not None and step is not None and not _ends_on_step(low, high, step, problems):
            return None
    options = tuple(one for one in map(amount, member.options) if one is not None)
    default = amount(member.default)
    if default is not None and not _allowed(default, low, high, step, options):
        message = f"the default of `{capacity.name}` is not among the amounts that may be taken"
        problems.add("HWR012", message, default.span, "choose a default within the range and on a step")
        return None
    return Taking(capacity, low, high, step, options, default, member.span)


def _ends_on_step(low: Constant, high: Constant, step: Constant, problems: Problems) -> bool:
    """Whether the most is the least and a number of steps (A6); reported if not."""
    steps = (_value(high) - _value(low)) // _value(step)
    last = _value(low) + steps * _value(step)
    if last != _value(high):
        help_ = f"the last step is at `{quantity_text(last, binary=step.binary)}`: write that, or another step"
        problems.add("HWR012", "the range does not end on a step", high.span, help_)
    return last == _value(high)


def _can_be_taken(checking: Checking, scope: Scope, share: Share, taking: Taking) -> None:
    """No claim is promised more than a device has; reported once, for the device that has least (H10)."""
    if len(taking.options) > MOST_OPTIONS:
        message = f"{len(taking.options)} amounts are listed, and Kubernetes takes {MOST_OPTIONS}"
        help_ = "write a range with a step"
        scope.problems.add("HWR012", message, taking.options[MOST_OPTIONS].span, help_)
    there = [one for model in models_of(checking, share.board) for one in _amounts(share, taking.capacity, model)]
    if not there:
        return
    most, of, span = min(there, key=lambda one: _value(one[0]))
    taken = [one for one in (taking.low, taking.high, *taking.options, taking.default) if one is not None]
    more = next((one for one in taken if _value(one) > _value(most)), None)
    name = taking.capacity.name
    note = Related(span, "this much there is")
    if more is not None:
        message = f"a claim could take more of `{name}` than {of} has"
        help_ = f"write amounts up to {most.span.text.strip()}, or share models of one size"
        scope.problems.add("HWR015", message, more.span, help_, note)
    elif taking.low is not None and taking.step is not None and _value(taking.low) + _value(taking.step) > _value(most):
        message = f"one step above the least is more of `{name}` than {of} has"
        scope.problems.add("HWR015", message, taking.step.span, "make the step smaller, or leave it out", note)


def _amounts(share: Share, capacity: AttributeSchema, model: ModelSchema) -> Iterator[tuple[Constant, str, Span]]:
    """How much of a capacity the shared devices of a model have, and what says so; nothing where nothing does."""
    pools = (draw.of for draw in share.draws if draw.equal is capacity and isinstance(draw.of, Pool))
    mode = share.mode
    given: list[tuple[Mapping[str, ModelValue], str]] = [(model.values, f"`{model.name}`")]
    if mode is not None:
        own = {} if mode.partition else model.values
        parts = mode.profiles.values() if mode.partition else (None,)
        given = [
            ({**own, **mode.gives, **({} if part is None else part.gives)}, f"`{model.name}` in mode `{mode.name}`")
            for part in parts
        ]
    # Without an amount of its own a device has what it draws on.
    pool = next(pools, None)
    for values, of in given:
        value = values.get(capacity.name)
        if value is not None:
            yield value.constants[0], of, value.span
        elif pool is not None:
            yield pool.amount, f"pool `{pool.name}`", pool.span


def _value(of: Constant) -> Fraction:
    assert isinstance(of.value, Fraction)  # Invariant: amounts are fractions
    return of.value


def _allowed(
    default: Constant, low: Constant | None, high: Constant | None, step: Constant | None, options: Sequence[Constant]
) -> bool:
    value = _value(default)
    if options:
        return any(_value(one) == value for one in options)
    if low is None:
        return True
    on_step = step is None or ((value - _value(low)) / _value(step)).denominator == 1
    return _value(low) <= value and (high is None or value <= _value(high)) and on_step


__all__ = ["SHARERS", "check_shares"]
