"""A checked and compiled expression: what it reads of a device, whether a device satisfies it, what its value is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dra_policy.expression.cost import BUDGET, Costs
from dra_policy.expression.errors import EvaluationCancelled, EvaluationError
from dra_policy.expression.facts import DeviceFacts, Read
from dra_policy.expression.frames import Closure
from dra_policy.expression.tree import Expression, in_source
from dra_policy.expression.types import Type
from dra_policy.expression.values import type_name
from dra_policy.resources import Semver
from dra_policy.source import Source


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
    _costs: Costs
    _run: Closure
    _variables: int
    # The source that the tree and the errors name, if it was another text of the same words.
    _made_from: Source | None = None

    @cached_property
    def tree(self) -> Expression:
        """The tree, its positions in `source`."""
        return self._tree if self._made_from is None else in_source(self._tree, self.source)

    @property
    def cost(self) -> int:
        """The greatest cost on any device that the API server admits, in its units (D7); 2^64-1 stands for no bound."""
        return self._costs.estimate

    def actual_cost(self, facts: DeviceFacts) -> int:
        """What an evaluation costs on a device, in the API server's units; more than a million if it is cancelled.

        Zero for a device with a value that does not convert: then nothing is evaluated (D9).
        """
        return 0 if facts.problem is not None else self._costs.actual(facts)

    def _within_budget(self, facts: DeviceFacts) -> None:
        # D7: past the budget an evaluation is cancelled, which no condition absorbs.
        if self._costs.actual(facts) > BUDGET:
            raise EvaluationCancelled(self.tree.span)

    def evaluate(self, facts: DeviceFacts) -> bool:
        """Whether a device satisfies the expression; raises `EvaluationError` (fatal, rule D8)."""
        if facts.problem is not None:
            raise EvaluationError(facts.problem.message)
        if self._costs.near_budget or facts.oversized:
            self._within_budget(facts)
        try:
            value = self._run([facts, 0] if self._variables == 0 else [facts, 0, *([None] * self._variables)])
        except EvaluationError as error:
            raise self._placed(error) from None
        if value is True or value is False:
            return value
        # D6
        message = f"CEL result of type {type_name(value)} could not be converted to bool"
        raise EvaluationError(message, self.tree.span)

    def value(self, facts: DeviceFacts) -> object:
        """The value of a derived attribute: bool, int, str, Semver, or a tuple of one of them (N2).

        Raises `EvaluationError`, also for a value of another kind.
        """
        if facts.problem is not None:
            raise EvaluationError(facts.problem.message)
        if self._costs.near_budget or facts.oversized:
            self._within_budget(facts)
        try:
            value = self._run([facts, 0, *([None] * self._variables)])
            return attribute_of(value)
        except EvaluationError as error:
            raise self._placed(error) from None

    def named(self, source: Source) -> Program:
        """The same program for the same text somewhere else: its positions name that source."""
        if source == self.source:
            return self
        first = self._made_from or self.source
        return replace(self, source=source, _made_from=first)

    def _placed(self, error: EvaluationError) -> EvaluationError:
        return error if self._made_from is None else error.in_source(self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and (self.text, self.type, self.reads) == (
            other.text,
            other.type,
            other.reads,
        )

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Program({self.text!r})"


def attribute_of(value: Any) -> object:
    """A value as a derived attribute; raises `EvaluationError` if it can be none (N2)."""
    if type(value) is not tuple:
        if type(value) in _SCALARS:
            return value
        raise EvaluationError(f"a derived attribute cannot have a value of type {type_name(value)}")
    for position, element in enumerate(value):
        of = type(element)
        if of not in _SCALARS:
            raise EvaluationError(f"a derived attribute cannot have an element of type {type_name(element)}")
        if of is not type(value[0]):
            wanted, got = _SCALARS[type(value[0])], _SCALARS[of]
            raise EvaluationError(f"expected list element at index {position} to be {wanted}, got {got}")
    return value


_SCALARS: dict[type, str] = {bool: "bool", int: "int64", str: "string", Semver: "semver"}
