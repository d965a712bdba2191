"""The pass over `always`: properties that are tried on generated fleets and claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import Pool, Said
from dra_policy.language.checked import CheckedClass, CheckedCondition
from dra_policy.language.checking import Checking, words
from dra_policy.language.conditions import check_condition
from dra_policy.language.constants import constant
from dra_policy.language.identities import presence_of
from dra_policy.language.modes import device_of, only_board, said_of
from dra_policy.language.parts import Meant, meaning
from dra_policy.language.schema import AttributeSchema, DeviceSchema
from dra_policy.language.scope import CLASS, Scope
from dra_policy.language.shares import SHARERS
from dra_policy.language.types import AmountType, Constant
from dra_policy.source import Span


@dataclass(frozen=True, eq=False, slots=True)
class SumProperty:
    """`sum mig.memory <= memory`: over the devices of `of` that are in use on one board.

    `limit` is a capacity of the board, a pool of it, or an amount in the base unit of `measure`.
    """

    of: Meant
    measure: AttributeSchema
    operator: str
    limit: AttributeSchema | Pool | Constant


@dataclass(frozen=True, eq=False, slots=True)
class EveryProperty:
    """`every training where ecc`: each device that is given for `of` meets the condition."""

    of: CheckedClass | Meant
    condition: CheckedCondition


@dataclass(frozen=True, eq=False, slots=True)
class AtMostProperty:
    """`at most 4 claims on H100`: `what` is `claims`, `pods` or `namespaces`, on each device of `of`."""

    count: int
    what: str
    of: Meant


Property: TypeAlias = SumProperty | EveryProperty | AtMostProperty


@dataclass(frozen=True, eq=False, slots=True)
class CheckedProperty:
    """One `always`; `words` are its own, on one line."""

    holds: Property
    policy: str
    said: Said
    words: str
    span: Span

    @property
    def device(self) -> DeviceSchema:
        """The kind of devices that it is about."""
        return self.holds.of.device


def check_properties(checking: Checking) -> None:
    """Resolve every `always`."""
    for policy, file in checking.files.items():
        scope = checking.scopes[policy]
        found: list[CheckedProperty] = []
        for statement in file.statements:
            if not isinstance(statement, tree.Always):
                continue
            holds = _property(checking, scope, statement)
            if holds is not None:
                span = statement.holds.span
                found.append(CheckedProperty(holds, policy, said_of(statement.said), f"always {words(span)}", span))
        checking.properties[policy] = tuple(found)


def _property(checking: Checking, scope: Scope, statement: tree.Always) -> Property | None:
    match statement.holds:
        case tree.SumWithin() as written:
            return _sum(checking, scope, written)
        case tree.EveryDevice(of, condition):
            found = _class_or_part(checking, scope, of)
            if found is None:
                return None
            judged = check_condition(checking, scope, found.device, condition, there=presence_of(checking, found))
            return None if judged is None else EveryProperty(found, judged.condition)
        case tree.AtMostClaims(count, what, of):
            return _at_most(checking, scope, count, what, of)


def _class_or_part(checking: Checking, scope: Scope, of: tree.Name) -> CheckedClass | Meant | None:
    declared = scope.peek(of.text, CLASS)
    if declared is not None:
        return checking.classes.get(declared.key)
    return meaning(checking, scope, tree.Target(of, None, of.span))


def _sum(checking: Checking, scope: Scope, written: tree.SumWithin) -> SumProperty | None:
    head, dot, last = written.measure.text.rpartition(".")
    span = written.measure.span
    of: Meant | None
    if dot:
        part = tree.Name(head, Span(span.source, span.start, span.start + len(head)))
        of = meaning(checking, scope, tree.Target(part, None, part.span))
    else:
        board = only_board(checking, scope, None, span)
        of = None if board is None else Meant(device_of(board), None, None)
    if of is None:
        return None
    name = tree.Name(last, Span(span.source, span.end - len(last), span.end))
    measure = find_attribute(of.device, name, scope)
    if measure is None or not _is_amount(scope, measure, name):
        return None
    assert isinstance(measure.type, AmountType)  # Invariant: see above
    if not isinstance(written.limit, tree.Name):
        limit = constant(written.limit, measure.type, f"`{measure.name}`", scope.problems, measure.span)
        return None if limit is None else SumProperty(of, measure, written.operator, limit)
    pools = [pool for pool in checking.pools.values() if device_of(pool.board) is of.device]
    within: AttributeSchema | Pool | None = next((one for one in pools if one.name == written.limit.text), None)
    if within is None:
        within = find_attribute(of.device, written.limit, scope, *(one.name for one in pools))
        if within is None or not _is_amount(scope, within, written.limit):
            return None
    assert isinstance(within.type, AmountType)  # Invariant: see above
    if not measure.type.fits(within.type):
        message = f"`{measure.name}` is {measure.type}, and `{within.name}` is {within.type}"
        scope.problems.add("PRP001", message, written.limit.span, "compare amounts of one kind")
        return None
    return SumProperty(of, measure, written.operator, within)


def _is_amount(scope: Scope, attribute: AttributeSchema, name: tree.Name) -> bool:
    if isinstance(attribute.type, AmountType):
        return True
    message = f"`{attribute.name}` is {attribute.type}: there is no sum of it"
    note = Related(attribute.span, "declared here")
    scope.problems.add("PRP001", message, name.span, "name a capacity", note)
    return False


def _at_most(
    checking: Checking, scope: Scope, count: tree.Integer, what: tree.Name, of: tree.Name
) -> AtMostProperty | None:
    kind = what.text if what.text in SHARERS else f"{what.text}s"
    if kind not in SHARERS:
        help_ = scope.problems.hint(what.text, SHARERS, "write `claims`, `pods` or `namespaces`")
        scope.problems.add("HWR010", f"nobody counts `{what.text}`", what.span, help_)
        return None
    if count.value < 1:
        message = f"at most {count.value} {kind} is nobody"
        scope.problems.add("HWR010", message, count.span, "write 1 or more")
        return None
    meant = meaning(checking, scope, tree.Target(of, None, of.span))
    return None if meant is None else AtMostProperty(count.value, kind, meant)


__all__ = [
    "AtMostProperty",
    "CheckedProperty",
    "EveryProperty",
    "Property",
    "SumProperty",
    "check_properties",
]
