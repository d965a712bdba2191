"""From what lark reduces to the syntax tree: one function for each rule of the grammar.

The parser calls a function as soon as its rule is complete, with everything the rule is made of: tokens, and what
the functions of inner rules gave. Nothing here recurses over the text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lark import Token

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.leaves import Leaves, Parts, Percentage
from dra_policy.source import Source, Span

LANGUAGE = 1
"""The version of the language that this package reads."""

_Node = TypeVar("_Node")


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of a statement that may stand in any order, such as `optional` or `publish as ...`."""

    keyword: str
    value: Any
    span: Span


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands between two braces."""

    members: tuple[Any, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class _Sign:
    """A word or two that say something by standing there."""

    text: str
    span: Span


class Builder(Leaves):
    """The functions of the rules, and what they found wrong. One parse at a time: `begin` starts the next one."""

    def begin(self, source: Source) -> None:
        super().begin(source)
        self.unknown_language = False

    # --------------------------------------------------------------------------------------------------------- file

    def start(self, parts: Parts) -> tree.PolicyFile:
        header, *rest = parts
        first: tree.Statement | None = None
        for part in rest:
            if isinstance(part, tree.Import):
                if first is not None:
                    self._problem(
                        "SYN014",
                        f"the import of `{part.name.text}` stands behind a statement",
                        part.span,
                        "move it up, right behind the header",
                        Related(_head(first.span), "the first statement"),
                    )
            elif first is None and not isinstance(part, Token):
                first = part
        return tree.PolicyFile(
            header,
            tuple(part for part in rest if isinstance(part, tree.Import)),
            tuple(part for part in rest if not isinstance(part, tree.Import | Token)),
            (),
            self._span(parts),
        )

    def header(self, parts: Parts) -> tree.Header:
        _, name, _, version, _, language = parts
        if language.value != LANGUAGE:
            self.unknown_language = True
            written = language.span.text
            self._problem(
                "SYN009",
                f"this version of dra-policy reads language {LANGUAGE}, and the file is in language {written}",
                language.span,
                f"write `language {LANGUAGE}`, or use a version of dra-policy that knows this language",
            )
        return tree.Header(name, version, language, self._span(parts))

    def imported(self, parts: Parts) -> tree.Import:
        return tree.Import(parts[0], _one(parts, tree.Version), self._span(parts))

    # ------------------------------------------------------------------------------------------------------ devices

    def device(self, parts: Parts) -> tree.Device:
        return tree.Device(parts[1], _nodes(parts[3:]), self._span(parts))

    def driver(self, parts: Parts) -> tree.Driver:
        return tree.Driver(parts[1], self._span(parts))

    def attribute(self, parts: Parts) -> tree.Attribute:
        keyword, name, *rest = parts
        clauses = self._clauses(rest)
        declared = rest[0] if rest and not isinstance(rest[0], _Clause) else None
        return tree.Attribute(
            str(keyword),
            name,
            declared,
            "optional" in clauses,
            clauses.get("absent"),
            "unique" in clauses,
            clauses.get("publish"),
            self._span(parts),
        )

    flag = attribute
    capacity = attribute

    def _clauses(self, parts: Parts) -> dict[str, Any]:
        said: dict[str, _Clause] = {}
        for part in parts:
            if isinstance(part, _Clause):
                if part.keyword in said:
                    self._problem(
                        "SYN013",
                        f"`{part.keyword}` is said twice",
                        part.span,
                        "leave one of them out",
                        Related(said[part.keyword].span, "said here first"),
                    )
                said.setdefault(part.keyword, part)
        return {keyword: clause.value for keyword, clause in said.items()}

    def _clause(self, parts: Parts) -> _Clause:
        return _Clause(str(parts[0]), parts[-1], self._span(parts))

    optional = _clause
    absent = _clause
    unique = _clause
    default = _clause

    def trust(self, parts: Parts) -> _Clause:
        return _Clause("trust", str(parts[1]), self._span(parts))

    def publish(self, parts: Parts) -> _Clause:
        span = self._span(parts)
        form = _one(parts, _Clause)
        words, pattern = form.value if form is not None else ("", None)
        name = parts[2] if parts[2] is not form else None
        return _Clause("publish", tree.PublishAs(name, words, pattern, span), span)

    def form(self, parts: Parts) -> _Clause:
        words = " ".join(str(part) for part in parts if isinstance(part, Token))
        return _Clause("form", (words, _one(parts, tree.Text)), self._span(parts))

    def renamed(self, parts: Parts) -> tree.Renamed:
        names = [part for part in parts if isinstance(part, tree.Name)]
        new = names[1] if len(names) == 2 else None
        return tree.Renamed(names[0], new, _because(parts), self._span(parts))

    def because(self, parts: Parts) -> _Clause:
        return _Clause("because", parts[1], self._span(parts))

    # -------------------------------------------------------------------------------------------------------- types

    def plain_type(self, parts: Parts) -> tree.PlainType:
        return tree.PlainType(str(parts[0]), self._span(parts))

    def one_of(self, parts: Parts) -> tree.OneOf:
        return tree.OneOf(_nodes(parts), self._span(parts))

    def set_of(self, parts: Parts) -> tree.SetOf:
        return tree.SetOf(parts[2], self._span(parts))

    def dimension(self, parts: Parts) -> tree.Dimension:
        return tree.Dimension(str(parts[0]), len(parts) > 1, self._span(parts))

    def named_type(self, parts: Parts) -> tree.NamedType:
        return tree.NamedType(parts[0], self._span(parts))

    # ------------------------------------------------------------------------------------------- models, parameters

    def model(self, parts: Parts) -> tree.Model:
        _, name, relation, other, *rest = parts
        return tree.Model(
            name,
            other if relation == "of" else None,
            other if relation == "like" else None,
            _nodes(rest),
            self._span(parts),
        )

    def model_value(self, parts: Parts) -> tree.ModelValue:
        tolerance = _one(parts, Percentage)
        values = tuple(part for part in parts[1:] if not isinstance(part, Token | Percentage))
        return tree.ModelValue(parts[0], values, None if tolerance is None else tolerance.share, self._span(parts))

    def parameters(self, parts: Parts) -> tree.Parameters:
        _, name, _, of, _, *members = parts
        return tree.Parameters(name, of, _nodes(members), self._span(parts))

    def api(self, parts: Parts) -> tree.Api:
        _, path, kind = parts
        group, version = path.split("/")
        start = path.start_pos
        middle = start + len(group)
        return tree.Api(
            tree.Name(group, Span(self.source, start, middle)),
            tree.Name(version, Span(self.source, middle + 1, path.end_pos)),
            kind,
            self._span(parts),
        )

    def field(self, parts: Parts) -> tree.Field:
        _, name, declared, *rest = parts
        clauses = self._clauses(rest)
        return tree.Field(
            name,
            declared,
            "optional" in clauses,
            clauses.get("default"),
            clauses.get("trust", "user"),
            self._span(parts),
        )

    # ------------------------------------------------------------------------------------------------------ classes

    def device_class(self, parts: Parts) -> tree.Class:
        _, name, _, of, *members = parts
        return tree.Class(name, of, _nodes(members), self._span(parts))

    def require(self, parts: Parts) -> tree.Require:
        return tree.Require(parts[1], _because(parts), self._span(parts))

    def class_config(self, parts: Parts) -> tree.Config:
        names = next((part for part in parts if isinstance(part, tuple)), ())
        return tree.Config(parts[1], names, parts[-1].members, self._span(parts))

    claim_config = class_config

    def settings(self, parts: Parts) -> _Block:
        return _Block(_nodes(parts), self._span(parts))

    def setting(self, parts: Parts) -> tree.Setting:
        name, _, value = parts
        return tree.Setting(name, value, self._span(parts))

    def extended_resource(self, parts: Parts) -> tree.ExtendedResource:
        return tree.ExtendedResource(parts[2], self._span(parts))

    def define(self, parts: Parts) -> tree.Define:
        _, name, _, of, _, condition = parts
        return tree.Define(name, of, condition, self._span(parts))

    # ------------------------------------------------------------------------------------------------------- claims

    def claim(self, parts: Parts) -> tree.Claim:
        return tree.Claim(parts[1], _nodes(parts[3:]), self._span(parts))

    def request(self, parts: Parts) -> tree.Request:
        _, name, _, *share = parts
        return self._request(name, share, self._span(parts))

    def _request(self, name: tree.Name, share: Parts, span: Span) -> tree.Request:
        count, _, of, *rest = share
        block = _one(rest, _Block)
        return tree.Request(
            name,
            count if isinstance(count, tree.Integer) else None,
            of,
            _one(rest, _Sign) is not None,
            () if block is None else block.members,
            span,
        )

    def all(self, parts: Parts) -> _Sign:
        return _Sign("all", self._span(parts))

    def admin_access(self, parts: Parts) -> _Sign:
        return _Sign("admin access", self._span(parts))

    def asked(self, parts: Parts) -> _Block:
        return _Block(_nodes(parts), self._span(parts))

    def takes(self, parts: Parts) -> tree.Takes:
        _, capacity, amount = parts
        return tree.Takes(capacity, amount, self._span(parts))

    def tolerate(self, parts: Parts) -> tree.Tolerate:
        key = None if isinstance(parts[1], Token) else parts[1]
        value = parts[3] if len(parts) > 3 and isinstance(parts[2], Token) else None
        effect = _one(parts, _Sign)
        return tree.Tolerate(key, value, "" if effect is None else effect.text, self._span(parts))

    def effect(self, parts: Parts) -> _Sign:
        return _Sign(str(parts[0]), self._span(parts))

    def constraint(self, parts: Parts) -> tree.Constraint:
        keyword, attribute, *rest = parts
        names = next((part for part in rest if isinstance(part, tuple)), ())
        return tree.Constraint(str(keyword), attribute, names, _because(parts), self._span(parts))

    def names(self, parts: Parts) -> tuple[tree.Name, ...]:
        return _nodes(parts)

    # --------------------------------------------------------------------------------------------------- conditions

    def disjunction(self, parts: Parts) -> tree.Condition:
        return self._joined(parts, tree.Or)

    def conjunction(self, parts: Parts) -> tree.Condition:
        return self._joined(parts, tree.And)

    def _joined(self, parts: Parts, join: type[tree.And | tree.Or]) -> tree.Condition:
        if len(parts) == 1:
            alone: tree.Condition = parts[0]
            return alone
        operands: list[tree.Condition] = []
        for part in _nodes(parts):
            # `a and (b and c)` says no more than `a and b and c`.
            operands += part.operands if isinstance(part, join) else (part,)
        return join(tuple(operands), self._span(parts))

    def negated(self, parts: Parts) -> tree.Not:
        return tree.Not(parts[1], self._span(parts))

    def compare(self, parts: Parts) -> tree.Compare:
        left, operator, right, *rest = parts
        return tree.Compare(str(operator), left, right, bool(rest), self._span(parts))

    def text_test(self, parts: Parts) -> tree.TextTest:
        left, kind, right, *rest = parts
        return tree.TextTest(kind.text, left, right, bool(rest), self._span(parts))

    def text_kind(self, parts: Parts) -> _Sign:
        return _Sign(" ".join(map(str, parts)), self._span(parts))

    def ignoring_case(self, parts: Parts) -> _Sign:
        return _Sign("ignoring case", self._span(parts))

    def membership(self, parts: Parts) -> tree.Membership:
        item, sign, *options = parts
        return tree.Membership(item, _nodes(options), sign.text == "not in", self._span(parts))

    def among(self, parts: Parts) -> _Sign:
        return _Sign(" ".join(map(str, parts)), self._span(parts))

    def has(self, parts: Parts) -> tree.Has:
        return tree.Has(parts[1], self._span(parts))

    def group(self, parts: Parts) -> tree.Condition:
        inner: tree.Condition = parts[1]
        return replace(inner, span=self._span(parts))

    def reference(self, parts: Parts) -> tree.Reference:
        return tree.Reference(parts[0], self._span(parts))

    # -------------------------------------------------------------------------------------------------------- tests

    def test(self, parts: Parts) -> tree.Test:
        return tree.Test(parts[1], _nodes(parts[3:]), self._span(parts))

    def given_model(self, parts: Parts) -> tree.GivenModel:
        _, count, model, *rest = parts
        block = _one(rest, _Block)
        return tree.GivenModel(
            count, model, _one(rest, tree.Text), () if block is None else block.members, self._span(parts)
        )

    def given_inventory(self, parts: Parts) -> tree.GivenInventory:
        return tree.GivenInventory(parts[2], self._span(parts))

    def test_claim(self, parts: Parts) -> tree.TestClaim:
        _, names, *rest = parts
        if len(rest) == 1:
            return tree.TestClaim(names, rest[0], None, self._span(parts))
        return tree.TestClaim(names, None, self._request(names[0], rest, self._span(rest)), self._span(parts))

    def expect_placed(self, parts: Parts) -> tree.ExpectPlaced:
        at = next((index for index, part in enumerate(parts) if part == "node"), len(parts))
        devices = tuple(part for part in parts[:at] if isinstance(part, tree.Text))
        node = _one(parts[at:], tree.Text)
        return tree.ExpectPlaced(parts[1], devices, node, self._span(parts))

    def expect_refused(self, parts: Parts) -> tree.ExpectRefused:
        return tree.ExpectRefused(parts[1], _one(parts, tree.Text), self._span(parts))


def _nodes(parts: Parts) -> tuple[Any, ...]:
    return tuple(part for part in parts if not isinstance(part, Token))


def _one(parts: Parts, kind: type[_Node]) -> _Node | None:
    return next((part for part in parts if isinstance(part, kind)), None)


def _because(parts: Parts) -> tree.Text | None:
    text: tree.Text | None = next((p.value for p in parts if isinstance(p, _Clause) and p.keyword == "because"), None)
    return text


def _head(span: Span) -> Span:
    """The first word of a span."""
    return Span(span.source, span.start, span.start + len(span.text.split(None, 1)[0]))
