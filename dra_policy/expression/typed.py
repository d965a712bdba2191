"""A checked tree: every node with its type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dra_policy.expression.signatures import Overload
from dra_policy.expression.tree import Expression
from dra_policy.expression.types import DYN, Type

SORTABLE = frozenset(
    {"int", "uint", "double", "bool", "string", "bytes", "google.protobuf.Duration", "google.protobuf.Timestamp"}
)
"""Types whose lists can be sorted."""


@dataclass(slots=True)
class Typed:
    """A node with its type, the overloads that a call can mean, and its typed parts in the order of `children`.

    `name` is what an identifier or a call was resolved to: a variable of a macro, `.device` or another global name or
    type with a dot in front, a qualified function. `certain` is false for a type that may only be inferred from how a value
    of unknown type is used: while running the value may turn out to be of another one.
    """

    node: Expression
    type: Type
    parts: tuple[Typed, ...] = ()
    overloads: tuple[Overload, ...] = ()
    name: str = ""
    certain: bool = True

    @property
    def promised(self) -> Type:
        """The type that the value will have, `dyn` if that is not certain."""
        return self.type if self.certain else DYN

    def walk(self) -> Iterator[Typed]:
        """This and every part of it, outermost first."""
        stack = [self]
        while stack:
            one = stack.pop()
            yield one
            stack.extend(reversed(one.parts))
