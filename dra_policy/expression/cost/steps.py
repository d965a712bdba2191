"""The steps of a metered evaluation: what is charged for reading variables, fields and indices.

A frame is that of the plain closures: `frame[1]` holds the cost so far. Steps give an `EvaluationError` as a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeGuard

from dra_policy.expression.errors import EvaluationCancelled, EvaluationError
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.operators import ABSENT, found_entry
from dra_policy.expression.values import NO_OVERLOAD, NONE, Maybe

BUDGET: Final = 1_000_000
"""What one evaluation may cost (`CELSelectorExpressionMaxCost`)."""

Link: TypeAlias = Callable[[Frame, Any, bool], Any]
"""One field or index: from the frame, the value and whether it may be absent to a value, `ABSENT` or an error."""

_NOT_CONSTANT: Final = object()


def charge(frame: Frame, units: int) -> None:
    """Count a step; raises `EvaluationCancelled` once the budget is exceeded."""
    cost = frame[1] = frame[1] + units
    if cost > BUDGET:
        raise EvaluationCancelled


def units(frame: Frame, count: int) -> None:
    """Count steps of one unit each."""
    cost = frame[1] = frame[1] + count
    if cost > BUDGET:
        frame[1] = BUDGET + 1
        raise EvaluationCancelled


def is_error(value: Any) -> TypeGuard[EvaluationError]:
    return type(value) is EvaluationError


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable or value with fields and indices behind it, or a choice between two of them."""

    root: Closure
    links: tuple[tuple[Link, bool], ...] = ()
    choice: tuple[Closure, Reference, Reference] | None = None

    def linked(self, link: Link, *, optional: bool) -> Reference:
        if self.choice is not None:
            condition, then, otherwise = self.choice
            chosen = (condition, then.linked(link, optional=optional), otherwise.linked(link, optional=optional))
            return replace(self, choice=chosen)
        return replace(self, links=(*self.links, (link, optional)))

    def resolver(self) -> Closure:
        """The value, without the charge for reading it."""
        if self.choice is not None:
            return _chosen(self.choice[0], self.choice[1].resolver(), self.choice[2].resolver())
        root, links = self.root, self.links
        if not links:
            return root

        def run(frame: Frame) -> Any:
            value = root(frame)
            if is_error(value):
                return value
            may_be_absent = type(value) is Maybe
            if may_be_absent:
                if not value.present:
                    return NONE
                value = value.value
            for link, optional in links:
                may_be_absent = may_be_absent or optional
                value = link(frame, value, may_be_absent)
                if value is ABSENT:
                    return NONE
                if is_error(value):
                    return value
            return Maybe(True, value) if may_be_absent else value

        return run


def _chosen(condition: Closure, then: Closure, otherwise: Closure) -> Closure:
    def run(frame: Frame) -> Any:
        chosen = condition(frame)
        if chosen is True:
            return then(frame)
        if chosen is False:
            return otherwise(frame)
        return chosen if is_error(chosen) else EvaluationError(NO_OVERLOAD)

    return run


@dataclass(frozen=True, slots=True)
class Step:
    """A planned part: how it runs, and whether it is a constant or a reference that more links can extend."""

    run: Closure
    constant: Any = _NOT_CONSTANT
    reference: Reference | None = None

    @property
    def is_constant(self) -> bool:
        return self.constant is not _NOT_CONSTANT


def constant(value: Any) -> Step:
    return Step(lambda _: value, value)


def read(reference: Reference) -> Step:
    """A reference, charged for reading its variable; a choice between references is free."""
    resolve = reference.resolver()
    if reference.choice is not None:
        return Step(resolve, reference=reference)

    def run(frame: Frame) -> Any:
        value = resolve(frame)
        charge(frame, 1)
        return value

    return Step(run, reference=reference)


def referred(step: Step) -> Reference:
    return step.reference or Reference(step.run)


def attempt(function: Callable[..., Any], *values: Any) -> Any:
    try:
        return function(*values)
    except EvaluationError as error:
        if type(error) is not EvaluationError:
            raise
        return error


def link_to(key_of: Closure, function: Callable[[Any, Any], Any]) -> Link:
    def link(frame: Frame, value: Any, may_be_absent: bool) -> Any:
        key = key_of(frame)
        if is_error(key):
            found = key
        elif may_be_absent:
            found = attempt(found_entry, value, key)
        else:
            found = attempt(function, value, key)
        # What may be absent is paid for only if it is there.
        if not may_be_absent or (found is not ABSENT and not is_error(found)):
            charge(frame, 1)
        return found

    return link


def test_link(name: str) -> Link:
    def link(frame: Frame, value: Any, may_be_absent: bool) -> Any:
        found = attempt(found_entry, value, name)
        present = found is not ABSENT and not is_error(found)
        if present or not may_be_absent:
            charge(frame, 1)
        if may_be_absent or is_error(found):
            return found
        return present

    return link
