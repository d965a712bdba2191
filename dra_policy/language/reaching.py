"""From which nodes devices can be used: tests of nodes' labels, some against values of the device."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.boards import Board, Reachable, Where
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema
from dra_policy.language.scope import Scope
from dra_policy.resources import key_problem, value_problem
from dra_policy.source import Span


def reachable_from(scope: Scope, board: Board, tests: Sequence[tree.LabelTest] | None, span: Span) -> Reachable | None:
    """The nodes that a part of a board, or a device of a machine, can be used from; None if it says nothing."""
    if tests is None:
        return None
    device = board.device if isinstance(board, ModelSchema) else board
    found = [where(scope, test, device) for test in tests]
    return Reachable(board, tuple(test for test in found if test is not None), span)


def where(scope: Scope, test: tree.LabelTest, device: DeviceSchema | None) -> Where | None:
    """One test of a node's label; a plain name is an attribute of the device."""
    problems = scope.problems
    label = test.label.value if isinstance(test.label, tree.Text) else test.label.text
    problem = key_problem(label)
    if problem is not None:
        problems.add("NAM009", f"label `{label}` {problem}", test.label.span, 'write it like "example.org/rack"')
        return None
    values: list[str] = []
    attribute: AttributeSchema | None = None
    for value in test.values:
        if isinstance(value, tree.Text):
            problem = value_problem(value.value)
            if problem is not None:
                problems.add("NAM009", f"value `{value.value}` of a label {problem}", value.span, 'write it like "r1"')
                return None
            values.append(value.value)
            continue
        if device is None or test.operator != "=":
            problems.add("FAB008", f"`{value.text}` is no text", value.span, f'write "{value.text}", in quotes')
            return None
        attribute = find_attribute(device, value, scope)
        if attribute is None:
            return None
    return Where(label, test.operator, tuple(values), attribute, test.span)


__all__ = ["reachable_from", "where"]
