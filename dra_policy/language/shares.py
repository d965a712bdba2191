"""The pass over shares: who may hold a device together, and how much each takes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import (
    Board,
    Mode,
    Share,
    Sharer,
    Taking,
)
from dra_policy.language.checking import Checking, words
from dra_policy.language.constants import constant
from dra_policy.language.modes import device_of, draws_of, find_board, find_mode, said_of
from dra_policy.language.scope import SHARE, Scope
from dra_policy.language.types import AmountType, Constant

SHARERS = ("claims", "pods", "namespaces")


def check_shares(checking: Checking) -> None:
    """Resolve the shares of every policy; behind the pass over modes."""
    for scope, entry in checking.declared(SHARE):
        if isinstance(entry.statement, tree.Share):
            share = _share(checking, scope, entry.statement)
            if share is not None:
                checking.shares[entry.key] = share


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
            case tree.AtMost():
                if member.what.text not in SHARERS:
                    help_ = problems.hint(member.what.text, SHARERS, "write `claims`, `pods` or `namespaces`")
                    problems.add("HWR010", f"nobody counts `{member.what.text}`", member.what.span, help_)
                elif member.count.value < 1:
                    message = f"a share for at most {member.count.value} {member.what.text} is for nobody"
                    problems.add("HWR010", message, member.count.span, "write 1 or more")
                else:
                    said = said_of(member.said)
                    sharers.append(
                        Sharer(member.count.value, member.what.text, "", said, words(member.span), member.span)
                    )
            case tree.OnlySame():
                said = said_of(member.said)
                if said.strength == "should":
                    message = "a rule that keeps askers apart cannot be a wish"
                    span = member.span if member.said.strength is None else member.said.strength.span
                    problems.add("HWR011", message, span, "leave `should` out: isolation holds or it does not")
                sharers.append(Sharer(None, "", member.agree.text, said, words(member.span), member.span))
            case tree.EachTakes():
                taking = _taking(scope, board, member)
                if taking is not None:
                    takings.append(taking)
            case tree.Drawn():
                drawn.append(member)
    draws = draws_of(checking, scope, board, drawn, takings)
    name = statement.name
    return Share(name.text, scope.policy, board, mode, tuple(sharers), tuple(takings), draws, name.span)


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
    options = tuple(one for one in map(amount, member.options) if one is not None)
    default = amount(member.default)
    if default is not None and not _allowed(default, low, high, step, options):
        message = f"the default of `{capacity.name}` is not among the amounts that may be taken"
        problems.add("HWR012", message, default.span, "choose a default within the range and on a step")
        return None
    return Taking(capacity, low, high, step, options, default, member.span)


def _value(of: Constant) -> Fraction:
    assert isinstance(of.value, Fraction)  # Invariant: amounts are fractions
    return of.value


def _allowed(
    default: Constant, low: Constant | None, high: Constant | None, step: Constant | None, options: Sequence[Constant]
) -> bool:
    value = _value(default)
    if options:
        return any(_value(one) == value for one in options)
    if low is None or high is None:
        return True
    on_step = step is None or ((value - _value(low)) / _value(step)).denominator == 1
    return _value(low) <= value <= _value(high) and on_step


__all__ = ["SHARERS", "check_shares"]
