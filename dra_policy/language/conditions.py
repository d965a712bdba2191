"""The pass over conditions: names, types, and the proof that each optional name is there when it is read.

Proofs are known along the way: behind `has numa and` and `not has numa or` the name is present, and a `define` hands
on what it proves. A name in the wrong place is reported once, with the way to write it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

import re2

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import find_attribute, look_up
from dra_policy.language.checked import (
    Always,
    Among,
    AttributeTerm,
    CheckedCondition,
    CheckedDefine,
    Comparison,
    Conjunction,
    Defined,
    Disjunction,
    Holds,
    InSet,
    Negation,
    Present,
    Proof,
    Term,
    TextMatch,
)
from dra_policy.language.checking import Checking
from dra_policy.language.configured import Configured
from dra_policy.language.constants import constant, said
from dra_policy.language.devices import check_flag
from dra_policy.language.schema import AttributeSchema, DeviceSchema, Form, element_of, value_names
from dra_policy.language.scope import DEFINE, Problems, Scope
from dra_policy.language.terms import NONE, UNKNOWN, Attributes, Presence, Proofs, TermReader, intersection, union
from dra_policy.language.tree import (
    Amount,
    And,
    Boolean,
    Compare,
    Condition,
    Has,
    Integer,
    Membership,
    Name,
    Not,
    Or,
    Reference,
    Sum,
    Text,
    TextTest,
    Version,
)
from dra_policy.language.types import (
    TEXT,
    BoolType,
    Constant,
    OneOfType,
    SetType,
    is_ordered,
    is_text,
)
from dra_policy.source import Span

_LITERALS = (Text, Integer, Amount, Version, Boolean)


@dataclass(frozen=True, slots=True)
class Judged:
    """A checked condition and what it proves; `needs` are the optional names it reads without proving them itself."""

    condition: CheckedCondition
    proof: Proof
    needs: Attributes = field(default=NONE)


def check_condition(
    checking: Checking, scope: Scope, device: DeviceSchema, condition: Condition, *, there: Presence = UNKNOWN
) -> Judged | None:
    """A condition on devices of one kind, or None if a mistake in it was reported."""
    return _Judge(checking, TermReader(scope, device, there=there), device).judge(condition, Proofs())


def check_clauses(
    checking: Checking,
    scope: Scope,
    device: DeviceSchema,
    condition: Condition,
    *,
    private: bool = False,
    there: Presence = UNKNOWN,
    configured: Configured | None = None,
) -> list[tuple[Judged, Condition]] | None:
    """The conjuncts of a condition, each checked with what those before it prove; None if there is a mistake.

    With `private` it may read what the driver knows and does not publish, with `configured` fields of parameters too.
    """
    reader = TermReader(scope, device, private, there)
    if configured is not None:
        reader = TermReader(scope, configured.device, private, there, configured.twice)
    judge = _Judge(checking, reader, device)
    parts = condition.operands if isinstance(condition, And) else (condition,)
    known = missed = NONE
    found: list[tuple[Judged, Condition]] = []
    mistaken = False
    for part in parts:
        judged = judge.judge(part, Proofs(known, missed, mistaken))
        if judged is None:
            mistaken = mistaken or _may_prove(part)
            continue
        found.append((judged, part))
        known |= judged.proof.if_true
        missed |= judged.proof.if_false
    return found if len(found) == len(parts) else None


def joined_condition(
    checking: Checking,
    scope: Scope,
    device: DeviceSchema,
    condition: Condition,
    *,
    private: bool = False,
    there: Presence = UNKNOWN,
    configured: Configured | None = None,
) -> CheckedCondition | None:
    """A condition as one, each conjunct checked with what those before it prove; None if there is a mistake."""
    found = check_clauses(checking, scope, device, condition, private=private, there=there, configured=configured)
    if not found:
        return None
    conditions = tuple(judged.condition for judged, _ in found)
    return conditions[0] if len(conditions) == 1 else Conjunction(conditions, condition.span)


def _may_prove(condition: Condition) -> bool:
    """Whether a condition says or hides, in a define, that something is present."""
    stack = [condition]
    while stack:
        match stack.pop():
            case Has() | Reference():
                return True
            case Not(operand):
                stack.append(operand)
            case And(operands) | Or(operands):
                stack.extend(operands)
            case _:  # tests of attributes and values prove nothing
                continue
    return False


@dataclass
class _Judge:
    checking: Checking
    read: TermReader
    plain: DeviceSchema
    """Without parameters: what a `define` is of."""

    @property
    def scope(self) -> Scope:
        return self.read.scope

    @property
    def device(self) -> DeviceSchema:
        return self.read.device

    @property
    def problems(self) -> Problems:
        return self.scope.problems

    def judge(self, condition: Condition, proofs: Proofs) -> Judged | None:
        match condition:
            case Reference(name):
                return self._reference(name, proofs)
            case Has(name, span):
                return self._has(name, span)
            case Not(operand, span):
                inner = self.judge(operand, proofs)
                if inner is None:
                    return None
                swapped = Proof(inner.proof.if_false, inner.proof.if_true)
                return Judged(Negation(inner.condition, span), swapped, inner.needs)
            case And(operands, span):
                return self._joined(operands, span, proofs, conjunction=True)
            case Or(operands, span):
                return self._joined(operands, span, proofs, conjunction=False)
            case Compare():
                return self._compare(condition, proofs)
            case TextTest():
                return self._text_test(condition, proofs)
            case Membership():
                return self._membership(condition, proofs)
            case Boolean(value, span):
                return Judged(Always(value, span), Proof())
            case Sum(span=span):
                self.problems.add(
                    "TYP008", "a sum is no condition", span, "compare it, such as `now + 2h before night.start`"
                )
                return None
            case Text() | Integer() | Amount() | Version():
                help_ = "compare it with a name, such as `memory >= 40Gi`"
                self.problems.add("TYP008", f"{said(condition)} is no condition", condition.span, help_)
                return None
            case _:
                assert_never(condition)

    # ------------------------------------------------------------------------------------------ and, or, has, names

    def _joined(self, operands: Sequence[Condition], span: Span, proofs: Proofs, *, conjunction: bool) -> Judged | None:
        judged: list[Judged] = []
        failed = False
        lost = proofs.lost
        needs = NONE
        passed = NONE  # proved by the operands before, on the way that reads the next one
        missed = proofs.elsewhere
        for operand in operands:
            one = self.judge(operand, Proofs(proofs.known | passed, missed, lost))
            if one is None:
                failed = True
                lost = lost or _may_prove(operand)
                continue
            judged.append(one)
            needs |= one.needs - passed
            proof = one.proof
            passed |= proof.if_true if conjunction else proof.if_false
            missed |= proof.if_false if conjunction else proof.if_true
        if failed:
            return None
        trues = [one.proof.if_true for one in judged]
        falses = [one.proof.if_false for one in judged]
        conditions = tuple(one.condition for one in judged)
        if conjunction:
            return Judged(Conjunction(conditions, span), Proof(union(trues), intersection(falses)), needs)
        return Judged(Disjunction(conditions, span), Proof(intersection(trues), union(falses)), needs)

    def _has(self, name: Name, span: Span) -> Judged | None:
        attribute = find_attribute(self.device, name, self.scope)
        if attribute is None or not self.read.readable(attribute, name.span):
            return None
        if attribute.form in (Form.FLAGS, Form.LIST_OR_FLAGS):
            message = f"`has {name.text}` cannot be told: `{name.text}` may be published as flags"
            help_ = "without flags the set is empty; ask for a value of it with `in`"
            self.problems.add("TYP012", message, span, help_, Related(attribute.span, "declared here"))
            return None
        return Judged(Present(attribute, span), Proof(if_true=frozenset((attribute,))))

    def _reference(self, name: Name, proofs: Proofs) -> Judged | None:
        attribute = look_up(self.device, name.text, self.scope)
        if attribute is None:
            define = self._define(name)
            if define is not None or self.read.is_define(name):
                return define
            defines = [entry.name.text for entry in self.scope.visible(DEFINE)] if self.problems.hinting else []
            find_attribute(self.device, name, self.scope, *defines)
            return None
        if not isinstance(attribute.type, BoolType):
            help_ = _as_condition(attribute)
            note = Related(attribute.span, f"`{name.text}` is {attribute.type}, declared here")
            self.problems.add(
                "TYP008", f"`{name.text}` alone is no condition: it is {attribute.type}", name.span, help_, note
            )
            return None
        if not self.read.proved(attribute, name.span, proofs):
            return None
        return Judged(Holds(attribute, name.span), Proof(), self.read.needs(attribute))

    def _define(self, name: Name) -> Judged | None:
        entry = self.scope.peek(name.text, DEFINE)
        define: CheckedDefine | None = None if entry is None else self.checking.defines.get(entry.key)
        if define is None:
            return None
        if define.device is not self.plain:
            note = Related(define.span, "declared here")
            message = f"`{name.text}` is a condition on device `{define.device.name}`, not on `{self.plain.name}`"
            self.problems.add("TYP008", message, name.span, f"define one of `{self.plain.name}`", note)
            return None
        return Judged(Defined(define, name.span), define.proof)

    # --------------------------------------------------------------------------------------------------- two sides

    def _compare(self, compare: Compare, proofs: Proofs) -> Judged | None:
        sides = self.read.sides(compare.left, compare.right, proofs)
        if sides is None:
            return None
        left, right, type_ = sides
        operator = compare.operator
        if isinstance(type_, SetType):
            message = f"a set cannot be compared with `{operator}`"
            self.problems.add("TYP007", message, compare.span, 'ask for a value of it: `"fp8" in features`')
            return None
        if operator not in ("==", "!=") and not is_ordered(type_):
            message = f"`{operator}` has no meaning here: {_subject(left, right)} is {type_}"
            help_ = "only numbers, amounts and versions have an order; write `==`, `!=` or `in`"
            self.problems.add("TYP007", message, compare.span, help_)
            return None
        if compare.ignoring_case and not is_text(type_):
            message = f"`ignoring case` has no meaning here: {_subject(left, right)} is {type_}"
            self.problems.add("TYP007", message, compare.span, "leave it out")
            return None
        if self.read.convertible(left, right, compare.span):
            checked = Comparison(operator, left, right, compare.ignoring_case, compare.span)
            return Judged(checked, Proof(), self.read.needed(left, right))
        return None

    # --------------------------------------------------------------------------------------------- text and sets

    def _text_test(self, test: TextTest, proofs: Proofs) -> Judged | None:
        attribute = self.read.peek(test.left)
        if test.kind == "contains" and attribute is not None and isinstance(attribute.type, SetType):
            message = f"`contains` tests a text, and `{attribute.name}` is {attribute.type}"
            help_ = f"write `{test.right.span.text} in {attribute.name}`"
            self.problems.add("TYP007", message, test.span, help_, Related(attribute.span, "declared here"))
            return None
        left = self.read.term(test.left, test.right, proofs)
        right = self._text_side(test, proofs)
        if left is None or right is None:
            return None
        if not isinstance(left, AttributeTerm):
            self.problems.add(
                "TYP014", f"the left side of `{test.kind}` is a fixed value", test.left.span, "write a name"
            )
            return None
        if not is_text(left.attribute.type):
            message = f"`{test.kind}` tests a text, and `{left.attribute.name}` is {left.attribute.type}"
            note = Related(left.attribute.span, "declared here")
            self.problems.add("TYP007", message, test.span, _instead_of_text_test(left.attribute), note)
            return None
        if test.kind == "matches" and not self._compiles(right):
            return None
        checked = TextMatch(test.kind, left, right, test.ignoring_case, test.span)
        return Judged(checked, Proof(), self.read.needed(left, right))

    def _text_side(self, test: TextTest, proofs: Proofs) -> Term | None:
        if isinstance(test.right, Text):
            return constant(test.right, TEXT, "the right side", self.problems, None)
        if isinstance(test.right, Reference) and test.kind != "matches":
            attribute = self.read.peek(test.right)
            if attribute is not None and is_text(attribute.type):
                proved = self.read.proved(attribute, test.right.span, proofs)
                return AttributeTerm(attribute, test.right.span) if proved else None
        help_ = f'write "{test.right.span.text}", in quotes' if isinstance(test.right, (*_LITERALS, Reference)) else ""
        self.problems.add("TYP001", f"`{test.kind}` takes a text in quotes", test.right.span, help_)
        return None

    def _compiles(self, pattern: Term) -> bool:
        if not isinstance(pattern, Constant):
            return False
        problem = regex_problem(str(pattern.value))
        if problem is not None:
            help_ = "write an RE2 expression: no look-ahead, no back-references"
            self.problems.add("TYP009", f"the pattern is no regular expression: {problem}", pattern.span, help_)
        return problem is None

    def _membership(self, test: Membership, proofs: Proofs) -> Judged | None:
        if len(test.options) == 1:
            attribute = self.read.peek(test.options[0])
            if attribute is not None and isinstance(attribute.type, SetType):
                return self._in_set(test, attribute, proofs)
        item = self.read.term(test.item, test.options[0], proofs)
        if item is None:
            return None
        if not isinstance(item, AttributeTerm):
            self._nothing_to_be_in(test)
            return None
        if isinstance(item.attribute.type, SetType):
            message = f"`{item.attribute.name}` is {item.attribute.type}, and `in` asks for one value"
            help_ = f"write `{test.options[0].span.text} in {item.attribute.name}`"
            self.problems.add("TYP007", message, test.span, help_, Related(item.attribute.span, "declared here"))
            return None
        options = [self._option(option, item.attribute) for option in test.options]
        if any(option is None for option in options):
            return None
        checked = Among(item, tuple(option for option in options if option is not None), test.negated, test.span)
        return Judged(checked, Proof(), self.read.needs(item.attribute))

    def _nothing_to_be_in(self, test: Membership) -> None:
        option = test.options[0]
        attribute = self.read.peek(option)
        if isinstance(option, Reference) and attribute is None:
            sets = [a.name for a in self.device.attributes.values() if isinstance(a.type, SetType)]
            find_attribute(self.device, option.name, self.scope, *sets)
            return
        help_ = 'write a name before `in`, or a set behind it: `"fp8" in features`'
        if attribute is not None:
            message = f"`{attribute.name}` is {attribute.type}, not a set"
            self.problems.add("TYP007", message, option.span, help_, Related(attribute.span, "declared here"))
        else:
            self.problems.add("TYP014", "both sides of `in` are fixed values", test.span, help_)

    def _option(self, option: Condition, attribute: AttributeSchema) -> Constant | None:
        match option:
            case Reference(name):
                if self.read.peek(option) is not None and name.text not in value_names(attribute.type):
                    help_ = f"write `{attribute.name} == {name.text}`"
                    self.problems.add("TYP014", f"`{name.text}` is no fixed value", option.span, help_)
                    return None
                return self.read.constant(name, attribute)
            case Text() | Integer() | Amount() | Version() | Boolean():
                return self.read.constant(option, attribute)
            case _:
                self.problems.add("TYP008", "a condition is no value", option.span, "list values behind `in`")
                return None

    def _in_set(self, test: Membership, attribute: AttributeSchema, proofs: Proofs) -> Judged | None:
        if not self.read.proved(attribute, test.options[0].span, proofs):
            return None
        written = self.read.term(test.item, test.options[0], proofs)
        if written is None:
            return None
        item: Term | None
        if isinstance(written, AttributeTerm):
            item = self._item_of(written, attribute, test)
        else:
            item = constant(
                written, element_of(attribute.type), f"a value of `{attribute.name}`", self.problems, attribute.span
            )
            if item is not None and attribute.form in (Form.FLAGS, Form.LIST_OR_FLAGS):
                item = item if check_flag(attribute, str(item.value), item.span, self.problems) else None
        if item is None:
            return None
        checked = InSet(attribute, item, test.negated, test.span)
        return Judged(checked, Proof(), self.read.needs(attribute) | self.read.needed(item))

    def _item_of(self, item: AttributeTerm, attribute: AttributeSchema, test: Membership) -> Term | None:
        type_, element = item.attribute.type, element_of(attribute.type)
        if type_ != element and not (is_text(type_) and is_text(element)):
            message = f"`{item.attribute.name}` is {type_}, and `{attribute.name}` is {attribute.type}"
            help_ = "ask for a name or value of the type that the set holds"
            self.problems.add("TYP001", message, test.span, help_, Related(attribute.span, "declared here"))
            return None
        if attribute.form is Form.JOINED and not is_text(type_):
            message = f"`{attribute.name}` is written as one text, so only a fixed value can be looked for in it"
            self.problems.add("TYP012", message, item.span, "write a value, such as `4`")
            return None
        if attribute.form in (Form.FLAGS, Form.LIST_OR_FLAGS):
            message = f"`{attribute.name}` may be published as flags, so only a fixed value can be looked for in it"
            self.problems.add("TYP012", message, item.span, 'write a text, such as `"fp8"`')
            return None
        return item


def regex_problem(pattern: str) -> str | None:
    """What RE2 has against a pattern, or None."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options=options)
    except re2.error as problem:
        said_by_re2 = problem.args[0] if problem.args else problem
        return said_by_re2.decode(errors="replace") if isinstance(said_by_re2, bytes) else str(said_by_re2)
    return None


def _subject(left: Term, right: Term) -> str:
    term = left if isinstance(left, AttributeTerm) else right
    return f"`{term.attribute.name}`" if isinstance(term, AttributeTerm) else "the value"


def _as_condition(attribute: AttributeSchema) -> str:
    match attribute.type:
        case SetType():
            return f"ask for a value of it, such as `... in {attribute.name}`"
        case OneOfType(values):
            return f"compare it, such as `{attribute.name} == {values[0]}`"
        case _:
            return f"compare it, such as `{attribute.name} == ...`, or write `has {attribute.name}`"


def _instead_of_text_test(attribute: AttributeSchema) -> str:
    if isinstance(attribute.type, SetType):
        return f"ask for its values with `in {attribute.name}`"
    return "compare it with `==`, `<` and their like"


__all__ = ["Judged", "check_clauses", "check_condition", "regex_problem"]
