"""Devices that are what a request asks for, of no one node, and that cannot be reached from the node asked about."""

from __future__ import annotations

from itertools import islice

from dra_policy.allocation.rule import Asked
from dra_policy.explanation.situation import Situation
from dra_policy.explanation.words import count, printable
from dra_policy.expression import EvaluationError, Program
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import NodeSelector

MOST = 10_000
"""So many devices are looked at; further ones are not told."""


def unreached(situation: Situation, node: str, asked: Asked) -> str:
    """As in "4 that match cannot be reached from here, but from nodes where san = z1"; nothing if there are none."""
    class_ = situation.classes.get(asked.ask.class_name)
    if class_ is None or situation.snapshot.node(node) is None:
        return ""
    here = {record.index for record in situation.view(node).devices}
    found: dict[str, int] = {}
    for record in islice(situation.snapshot.devices_in_order(), MOST):
        selector = _selector(record)
        if selector is None or record.index in here:
            continue
        if all(_meets(record, one.program) for one in (*class_.selectors, *asked.ask.selectors)):
            words = _words(selector)
            found[words] = found.get(words, 0) + 1
    if not found:
        return ""
    number = sum(found.values())
    some = list(found)[:2]
    more = f" and {count(len(found) - len(some), 'other place')}" if len(found) > len(some) else ""
    verb = "matches" if number == 1 else "match"
    where = " or ".join(some)
    return f"{count(number, 'device')} that {verb} cannot be reached from here, but from nodes where {where}{more}"


def _selector(record: DeviceRecord) -> NodeSelector | None:
    spec = record.slice.spec
    return record.device.node_selector if spec.per_device_node_selection else spec.node_selector


def _meets(record: DeviceRecord, program: Program | None) -> bool:
    try:
        return program is not None and program.evaluate(record.facts)
    except EvaluationError:
        return False


def _words(selector: NodeSelector) -> str:
    """The tests of a node's labels, as people write them."""
    terms = []
    for term in selector.node_selector_terms:
        tests = []
        for one in (*term.match_fields, *term.match_expressions):
            values = ", ".join(one.values)
            match one.operator:
                case "In":
                    tests.append(f"{one.key} = {values}" if len(one.values) == 1 else f"{one.key} in {values}")
                case "Exists":
                    tests.append(f"{one.key} exists")
                case _:
                    tests.append(f"{one.key} {one.operator} {values}".strip())
        terms.append(" and ".join(tests))
    return printable(" or ".join(terms))


__all__ = ["unreached"]
