"""Statements as rows of chunks: the pieces between which the formatter may break a line.

A chunk knows where it stood in the source, so that comments between pieces find their place again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from dra_policy.language import spelling, tree

NEVER, LISTED, CLAUSE = 0, 1, 2
"""When a line may be broken before a chunk: never, to fill a line with a list, or for each clause of a statement."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one line. `at` is the offset of what it prints, or None if that has no place of its own."""

    text: str
    at: int | None = None
    before: int = NEVER


def joined(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Chunks that never part become one."""
    row: list[Chunk] = []
    for chunk in chunks:
        if row and chunk.before == NEVER:
            at = chunk.at if row[-1].at is None else row[-1].at
            row[-1] = replace(row[-1], text=f"{row[-1].text} {chunk.text}", at=at)
        else:
            row.append(chunk)
    return row


def listed(nodes: Sequence[tuple[str, int]]) -> list[Chunk]:
    """Items with commas between them."""
    last = len(nodes) - 1
    return [
        Chunk(word if index == last else f"{word},", at, LISTED if index else NEVER)
        for index, (word, at) in enumerate(nodes)
    ]


def values(nodes: Sequence[tree.Literal | tree.Name]) -> list[Chunk]:
    return listed([(spelling.value(node), node.span.start) for node in nodes])


def because(node: tree.Text | None) -> list[Chunk]:
    return [] if node is None else [Chunk(f"because {spelling.text(node.value)}", node.span.start, CLAUSE)]


# ----------------------------------------------------------------------------------------------------------- types


def type_chunks(node: tree.TypeExpression) -> list[Chunk]:
    match node:
        case tree.PlainType():
            return [Chunk(node.name)]
        case tree.OneOf():
            return [Chunk("one of"), *values(node.values)]
        case tree.SetOf():
            return [Chunk("set of"), *type_chunks(node.element)]
        case tree.Dimension():
            return [Chunk(f"{node.name} per second" if node.per_second else node.name)]
        case tree.NamedType():
            return [Chunk(node.name.text)]
        case _:
            assert_never(node)


def attribute_chunks(node: tree.Attribute) -> list[Chunk]:
    row = [Chunk(f"{node.keyword} {node.name.text}", node.span.start)]
    if node.type is not None:
        row += type_chunks(node.type)
    if node.optional:
        row.append(Chunk("optional"))
    if node.absent is not None:
        row.append(Chunk(f"absent means {spelling.value(node.absent)}"))
    if node.private:
        row.append(Chunk("private"))
    if node.unique:
        row.append(Chunk("unique in cluster"))
    if node.publish is not None:
        row.append(Chunk(f"publish as {_published(node.publish)}"))
    row += [Chunk(f"also {spelling.value(alias.name)}", alias.span.start, CLAUSE) for alias in node.aliases]
    return row


def _published(node: tree.PublishAs) -> str:
    parts = [] if node.name is None else [spelling.value(node.name)]
    if node.form:
        parts.append(node.form)
    if node.pattern is not None:
        parts.append(spelling.text(node.pattern.value))
    return " ".join(parts)


def _per(node: tree.Per) -> str:
    return f"per {node.name.text}{' on node' if node.on_node else ''}"


def field_chunks(node: tree.Field) -> list[Chunk]:
    row = [Chunk(f"field {node.name.text}", node.span.start), *type_chunks(node.type)]
    if node.range is not None:
        row.append(Chunk(spelling.between(node.range)))
    if node.optional:
        row.append(Chunk("optional"))
    if node.default:
        row.append(Chunk(f"default {', '.join(map(spelling.value, node.default))}"))
    if node.trust != "user":
        row.append(Chunk(f"trust {node.trust}"))
    if node.agrees is not None:
        row.append(Chunk(f"agrees {_per(node.agrees)}"))
    if node.unique is not None:
        row.append(Chunk(f"unique {_per(node.unique)}"))
    return row


# ------------------------------------------------------------------------------------------------------ conditions

# How tightly a condition binds; a looser one inside a tighter one needs parentheses.
_OR, _AND, _NOT, _TEST = range(4)


def condition_chunks(node: tree.Condition, before: int = CLAUSE) -> list[Chunk]:
    """A condition; `before` is how its own `and` or `or` may break, all inside it break as lists do."""
    match node:
        case tree.Or():
            return _operands(node.operands, "or", _OR, before)
        case tree.And():
            return _operands(node.operands, "and", _AND, before)
        case tree.Not():
            return _prefixed("not", _within(node.operand, _NOT))
        case tree.Compare():
            case = " ignoring case" if node.ignoring_case else ""
            return [Chunk(f"{_operand(node.left)} {node.operator} {_operand(node.right)}{case}", node.span.start)]
        case tree.TextTest():
            case = " ignoring case" if node.ignoring_case else ""
            return [Chunk(f"{_operand(node.left)} {node.kind} {_operand(node.right)}{case}", node.span.start)]
        case tree.Membership():
            sign = "not in" if node.negated else "in"
            head = Chunk(f"{_operand(node.item)} {sign}", node.span.start)
            return [head, *listed([(_operand(option), option.span.start) for option in node.options])]
        case tree.Has():
            return [Chunk(f"has {node.name.text}", node.span.start)]
        case (
            tree.Reference()
            | tree.Sum()
            | tree.Text()
            | tree.Integer()
            | tree.Amount()
            | tree.Version()
            | tree.Boolean()
        ):
            return [Chunk(_operand(node), node.span.start)]
        case _:
            assert_never(node)


def _operand(node: tree.Condition) -> str:
    match node:
        case tree.Reference():
            return node.name.text
        case tree.Sum():
            return f"{_operand(node.left)} + {_operand(node.right)}"
        case tree.Text() | tree.Integer() | tree.Amount() | tree.Version() | tree.Boolean():
            return spelling.value(node)
        case _:
            # Invariant: the grammar has values and names only on both sides of a test.
            raise AssertionError(node)


def _operands(nodes: Sequence[tree.Condition], word: str, binding: int, before: int) -> list[Chunk]:
    row = _within(nodes[0], binding)
    for node in nodes[1:]:
        first, *rest = _prefixed(word, _within(node, binding))
        row += [replace(first, before=before), *rest]
    return row


def _prefixed(word: str, row: list[Chunk]) -> list[Chunk]:
    return [replace(row[0], text=f"{word} {row[0].text}"), *row[1:]]


def _within(node: tree.Condition, binding: int) -> list[Chunk]:
    row = condition_chunks(node, LISTED)
    own = _OR if isinstance(node, tree.Or) else _AND if isinstance(node, tree.And) else _TEST
    if own > binding:
        return row
    row[0] = replace(row[0], text=f"({row[0].text}")
    row[-1] = replace(row[-1], text=f"{row[-1].text})")
    return row
