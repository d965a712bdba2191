"""The variable `device` and its entries, read without a step for every link."""

from __future__ import annotations

from typing import Any

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.tree import Index, Literal, Select
from dra_policy.expression.typed import Typed
from dra_policy.source import Span


def device(frame: Frame) -> Any:
    return frame[0]


DEVICE_FIELDS: dict[str, Closure] = {
    "driver": lambda frame: frame[0].driver,
    "attributes": lambda frame: frame[0].attributes,
    "capacity": lambda frame: frame[0].capacity,
    "allowMultipleAllocations": lambda frame: frame[0].allow_multiple_allocations,
}


def side_of_device(typed: Typed) -> str | None:
    node = typed.node
    if isinstance(node, Select) and not node.optional and typed.parts and typed.parts[0].name == ".device":
        return node.name if node.name in ("attributes", "capacity") else None
    return None


def entry_of_device(typed: Typed) -> tuple[str, str] | None:
    """Side and domain of `device.attributes["domain"]`."""
    node = typed.node
    if isinstance(node, Index) and not node.optional and isinstance(node.key, Literal):
        side = side_of_device(typed.parts[0])
        if side is not None and isinstance(node.key.value, str):
            return side, node.key.value
    if isinstance(node, Select) and not node.optional and typed.parts:
        side = side_of_device(typed.parts[0])
        if side is not None:
            return side, node.name
    return None


def device_entry(side: str, domain: str, name: str, span: Span | None) -> Closure:
    message = f"no such key: {name}"

    def attribute(frame: Frame) -> Any:
        try:
            return frame[0].attributes[domain][name]
        except KeyError:
            raise EvaluationError(message, span) from None

    def capacity(frame: Frame) -> Any:
        try:
            return frame[0].capacity[domain][name]
        except KeyError:
            raise EvaluationError(message, span) from None

    return attribute if side == "attributes" else capacity
