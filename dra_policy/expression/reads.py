"""What of a device an expression can depend on, found in its typed tree."""

from __future__ import annotations

from dra_policy.expression.facts import Read, ReadKind
from dra_policy.expression.tree import IN, Call, Has, Index, Literal, Select
from dra_policy.expression.typed import Typed
from dra_policy.expression.types import Kind

_SIDES = {"attributes": ReadKind.ATTRIBUTE, "capacity": ReadKind.CAPACITY}


def reads_of(typed: Typed) -> frozenset[Read]:
    """Every read; a name or domain that is computed, or the device as a whole, makes it `EVERYTHING`."""
    found: set[Read] = set()
    stack = [typed]
    while stack:
        one = stack.pop()
        node = one.node
        if one.type.kind is Kind.OBJECT:
            # `device` itself, not one of its fields: a field access stops above.
            found.add(Read(ReadKind.EVERYTHING))
            stack.extend(one.parts)
            continue
        entry = _entry(one)
        if entry is not None:
            found.add(entry)
            continue
        if isinstance(node, Call) and node.function == IN and node.target is None and len(one.parts) == 2:
            name, inside = one.parts[0].node, _domain(one.parts[1])
            if inside is not None and isinstance(name, Literal) and isinstance(name.value, str):
                found.add(Read(*inside, name.value))
                continue
        domain = _domain(one)
        if domain is not None:
            found.add(Read(*domain))
            continue
        if isinstance(node, Select | Has) and one.parts and one.parts[0].type.kind is Kind.OBJECT:
            found.add(_field(node.name))
            stack.extend(one.parts[0].parts)
            continue
        stack.extend(one.parts)
    return frozenset(found)


def _field(name: str) -> Read:
    match name:
        case "driver":
            return Read(ReadKind.DRIVER)
        case "allowMultipleAllocations":
            return Read(ReadKind.SHAREABLE)
        case _:
            return Read(ReadKind.EVERYTHING)


def _entry(typed: Typed) -> Read | None:
    """One attribute or capacity: `domain.name`, `domain["name"]`, `has(domain.name)`, and the optional forms."""
    node = typed.node
    match node:
        case Select() | Has() if typed.parts:
            inside, name = _domain(typed.parts[0]), node.name
        case Index(key=Literal(value=str(key))):
            inside, name = _domain(typed.parts[0]), key
        case _:
            return None
    return None if inside is None else Read(*inside, name)


def _domain(typed: Typed) -> tuple[ReadKind, str] | None:
    """`device.attributes["domain"]` and its other forms."""
    node = typed.node
    match node:
        case Select() if typed.parts:
            side, domain = _side(typed.parts[0]), node.name
        case Index(key=Literal(value=str(key))):
            side, domain = _side(typed.parts[0]), key
        case _:
            return None
    return None if side is None else (side, domain)


def _side(typed: Typed) -> ReadKind | None:
    node = typed.node
    if isinstance(node, Select) and not node.optional and typed.parts and typed.parts[0].type.kind is Kind.OBJECT:
        return _SIDES.get(node.name)
    return None
