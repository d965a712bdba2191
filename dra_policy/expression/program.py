"""A checked expression as nested Python closures.

Each closure takes the frame of one evaluation: `frame[0]` is the device, `frame[1]` counts the rounds of all macros,
the rest are variables, each with a place of its own. Errors are `EvaluationError`; `&&` and `||` absorb them as CEL
wants: a false condition decides `&&` even if another one raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from dra_policy.expression.checker import Typed
from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.facts import DeviceFacts, Read
from dra_policy.expression.library import IMPLEMENTATIONS
from dra_policy.expression.library.lists import sorted_by
from dra_policy.expression.operators import (
    ARITHMETIC,
    has,
    index,
    invert,
    is_in,
    negate,
    optional_index,
    optional_select,
    select,
)
from dra_policy.expression.signatures import Overload
from dra_policy.expression.tree import (
    AND,
    CONDITIONAL,
    IN,
    NEGATE,
    NOT,
    OR,
    Bind,
    Call,
    Comprehension,
    Expression,
    Has,
    Identifier,
    Index,
    ListOf,
    Literal,
    LiteralKind,
    MacroKind,
    MapOf,
    Message,
    OptionalMap,
    Select,
    in_source,
)
from dra_policy.expression.types import Kind, Type
from dra_policy.expression.values import (
    NO_OVERLOAD,
    NONE,
    BoolKey,
    Maybe,
    TypeValue,
    Uint,
    equal,
    key_value,
    map_key,
    no_overload,
    order,
    type_name,
)
from dra_policy.source import Source, Span

Frame: TypeAlias = list[Any]
Closure: TypeAlias = Callable[[Frame], Any]

MOST_ROUNDS = 1_000_000
"""How often the bodies of macros may run in one evaluation; every round costs at least one of upstream's units (D7)."""


@dataclass(frozen=True)
class Program:
    """An expression that was checked and compiled. Immutable; threads may share it.

    `text` is CEL, `type` the static type of the value, `reads` what of a device it can depend on.
    """

    text: str
    source: Source
    type: Type
    reads: frozenset[Read]
    _tree: Expression
    _run: Closure
    _variables: int

    @cached_property
    def tree(self) -> Expression:
        """The tree, its positions in `source`."""
        span = self._tree.span
        return self._tree if span is None or span.source is self.source else in_source(self._tree, self.source)

    def evaluate(self, facts: DeviceFacts) -> bool:
        """Whether a device satisfies the expression; raises `EvaluationError` (fatal, rule D8)."""
        if facts.problem is not None:
            raise facts.problem
        try:
            value = self._run([facts, 0] if self._variables == 0 else [facts, 0, *([None] * self._variables)])
        except EvaluationError as error:
            raise self._placed(error) from None
        if value is True or value is False:
            return value  # type: ignore[no-any-return]
        # D6
        message = f"CEL result of type {type_name(value)} could not be converted to bool"
        raise EvaluationError(message, self.tree.span)

    def value(self, facts: DeviceFacts) -> object:
        """The value of a derived attribute: bool, int, str, Semver, or a tuple of one of them (N2).

        Raises `EvaluationError`, also for a value of another kind.
        """
        if facts.problem is not None:
            raise facts.problem
        try:
            value = self._run([facts, 0, *([None] * self._variables)])
            return attribute_of(value)
        except EvaluationError as error:
            raise self._placed(error) from None

    def named(self, source: Source) -> Program:
        """The same program for the same text somewhere else: its positions name that source."""
        if source is self.source or source == self.source:
            return self
        return Program(self.text, source, self.type, self.reads, self._tree, self._run, self._variables)

    def _placed(self, error: EvaluationError) -> EvaluationError:
        span = error.span
        if span is None or span.source is self.source:
            return error
        return error.in_source(self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and (self.text, self.type, self.reads) == (other.text, other.type, other.reads)

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Program({self.text!r})"
