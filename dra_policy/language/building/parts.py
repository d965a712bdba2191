"""What the functions of the grammar's rules share: clauses, blocks, and how to find them among the parts of a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from lark import Token

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.leaves import Leaves, Parts
from dra_policy.source import Span

_Node = TypeVar("_Node")


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a statement that may stand in any order, such as `optional` or `publish as ...`."""

    keyword: str
    value: Any
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two braces."""

    members: tuple[Any, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Sign:
    """A word or two that say something by standing there."""

    text: str
    span: Span


class Building(Leaves):
    """Clauses and their like, for the functions of every part of the grammar."""

    def _clauses(self, parts: Iterable[Any], *repeated: str) -> dict[str, Any]:
        """The values of the clauses by keyword; one said twice is a mistake. `repeated` ones come as lists."""
        said: dict[str, Clause] = {}
        several: dict[str, Any] = {keyword: [] for keyword in repeated}
        for part in parts:
            if not isinstance(part, Clause):
                continue
            if part.keyword in several:
                several[part.keyword].append(part.value)
                continue
            if part.keyword in said:
                self._problem(
                    "SYN013",
                    f"`{part.keyword}` is said twice",
                    part.span,
                    "leave one of them out",
                    Related(said[part.keyword].span, "said here first"),
                )
            said.setdefault(part.keyword, part)
        return {keyword: clause.value for keyword, clause in said.items()} | several

    def _says(self, parts: Parts) -> tree.Said:
        """What a rule says of itself."""
        said = self._clauses(
            part
            for part in parts
            if isinstance(part, Clause) and part.keyword in ("because", "strength", "enforced", "negotiable")
        )
        return tree.Said(said.get("because"), said.get("strength"), said.get("enforced"), "negotiable" in said)

    def _clause(self, parts: Parts) -> Clause:
        """A clause with its last part as the value."""
        return Clause(str(parts[0]), parts[-1], self._span(parts))

    def _word(self, token: Token) -> tree.Name:
        """A keyword as a name, where its place matters."""
        return tree.Name(str(token), self._span([token]))

    def _block(self, parts: Parts) -> Block:
        """What stands between two braces."""
        return Block(nodes(parts), self._span(parts))

    def _settings_of(self, parts: Parts) -> tuple[tree.Setting, ...]:
        block = one(parts, Block)
        return () if block is None else block.members


def nodes(parts: Iterable[Any]) -> tuple[Any, ...]:
    """What is no token, and no clause, in order."""
    return tuple(part for part in parts if not isinstance(part, Token | Clause | Sign))


def one(parts: Iterable[Any], kind: type[_Node]) -> _Node | None:
    """The first part of a kind."""
    return next((part for part in parts if isinstance(part, kind)), None)


def several(parts: Iterable[Any], kind: type[_Node]) -> tuple[_Node, ...]:
    """All parts of a kind."""
    return tuple(part for part in parts if isinstance(part, kind))


def names_of(parts: Iterable[Any]) -> tuple[tree.Name, ...]:
    """The list of names among the parts."""
    return next((part for part in parts if isinstance(part, tuple)), ())


__all__ = ["Block", "Building", "Clause", "Sign", "names_of", "nodes", "one", "several"]
