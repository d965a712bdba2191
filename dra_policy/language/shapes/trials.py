"""How tests and properties are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import Chunk, condition_chunks, values
from dra_policy.language.shapes.claims import SHAPES as CLAIMS
from dra_policy.language.shapes.claims import wanted
from dra_policy.language.shapes.shape import Shape, Shapes, end_of, line, names, said
from dra_policy.language.shapes.site import clock


def _test(item: tree.Test) -> Shape:
    head = Chunk(f"test {spelling.text(item.title.value)}", item.span.start)
    return Shape([head], item.steps, end=item.title.span.end)


def _on(node: tree.Text | None) -> str:
    return "" if node is None else f" on {spelling.text(node.value)}"


def _given_model(item: tree.GivenModel) -> Shape:
    head = Chunk(f"given {item.count.value} {item.model.text}{_on(item.node)}", item.span.start)
    return Shape([head], item.settings, flat=True, bare=True, end=(item.node or item.model).span.end)


def _given_machine(item: tree.GivenMachine) -> Shape:
    head = Chunk(f"given {item.count.value} machine {item.machine.text}{_on(item.node)}", item.span.start)
    return Shape([head], item.settings, flat=True, bare=True, end=end_of(item, item.machine, item.node))


def _given_inventory(item: tree.GivenInventory) -> Shape:
    return line(f"given inventory {spelling.text(item.path.value)}", item)


def _given_label(item: tree.GivenLabel) -> Shape:
    words = f"given label {spelling.text(item.label.value)} = {spelling.text(item.value.value)}"
    return line(f"{words} on {spelling.text(item.node.value)}", item)


def _given_gate(item: tree.GivenGate) -> Shape:
    return line(f"given gate {item.gate.text} {'on' if item.on else 'off'}", item)


def _given_time(item: tree.GivenTime) -> Shape:
    zone = "" if item.zone is None else f" tz {item.zone.text}"
    return line(f"given time {item.date.text} {clock(item.time)}{zone}", item)


def _test_claim(item: tree.TestClaim) -> Shape:
    row = [Chunk("claim", item.span.start), *names(item.names)]
    asker = _asker(item)
    if item.request is None:
        assert item.template is not None  # Invariant: the builder sets one of the two
        return Shape([*row, Chunk(f"{item.template.text}{asker}")])
    shape = wanted(row, item.request)
    if not asker:
        return shape
    # Who asks stands behind the block, so the block goes on the same line.
    block: list[Chunk] = []
    for member in shape.members or ():
        first, *rest = CLAIMS[type(member)](member).head
        # Two spaces stand between the members of a block on one line.
        block += [replace(first, text=f" {first.text}") if block else first, *rest]
    return Shape([*shape.head, *([Chunk("{"), *block, Chunk("}")] if block else []), Chunk(asker.strip())])


def _test_gang(item: tree.TestGang) -> Shape:
    words = f"gang {item.gang.text}{_by(item.subject)}"
    return Shape([Chunk("claim", item.span.start), *names(item.names), Chunk(words)])


def _asker(item: tree.TestClaim) -> str:
    words = "" if item.namespace is None else f" in {spelling.text(item.namespace.value)}"
    return words + _by(item.subject)


def _by(subject: Sequence[tree.Setting]) -> str:
    if not subject:
        return ""
    settings = "  ".join(f"{one.name.text} = {spelling.value(one.value)}" for one in subject)
    return f" by {{ {settings} }}"


def _release(item: tree.Release) -> Shape:
    return line("release", item, *names(item.names))


def _expect_placed(item: tree.ExpectPlaced) -> Shape:
    row = [Chunk("expect", item.span.start), *names(item.names), Chunk("placed")]
    if item.devices:
        row += [Chunk("on"), *values(item.devices)]
    if item.node is not None:
        row.append(Chunk(f"on node {spelling.text(item.node.value)}"))
    if item.reached is not None:
        row.append(Chunk(f"reached {item.reached.text}"))
    return Shape(row)


def _expect_refused(item: tree.ExpectRefused) -> Shape:
    row = [Chunk("expect", item.span.start), *names(item.names), Chunk("refused")]
    if item.reason is not None:
        row.append(Chunk(spelling.text(item.reason.value)))
    if item.kind:
        row.append(Chunk(item.kind))
    return Shape(row)


def _expect_configured(item: tree.ExpectConfigured) -> Shape:
    row = [Chunk("expect", item.span.start), *names(item.names), Chunk(f"configured {item.parameters.text}")]
    if item.requests:
        row += [Chunk("for"), *names(item.requests)]
    end = (item.requests[-1] if item.requests else item.parameters).span.end
    return Shape(row, item.settings, flat=True, end=end)


def _always(item: tree.Always) -> Shape:
    row: list[Chunk]
    match item.holds:
        case tree.SumWithin(measure, operator, limit):
            row = [Chunk(f"sum {measure.text} {operator} {spelling.value(limit)}")]
        case tree.EveryDevice(of, condition):
            row = [Chunk(f"every {of.text} where"), *condition_chunks(condition)]
        case tree.AtMostClaims(count, what, of):
            row = [Chunk(f"at most {count.value} {what.text} on {of.text}")]
    return line("always", item, *row, *said(item.said))


SHAPES: Shapes = {
    tree.Test: _test,
    tree.GivenModel: _given_model,
    tree.GivenMachine: _given_machine,
    tree.GivenInventory: _given_inventory,
    tree.GivenLabel: _given_label,
    tree.GivenGate: _given_gate,
    tree.GivenTime: _given_time,
    tree.TestClaim: _test_claim,
    tree.TestGang: _test_gang,
    tree.Release: _release,
    tree.ExpectPlaced: _expect_placed,
    tree.ExpectRefused: _expect_refused,
    tree.ExpectConfigured: _expect_configured,
    tree.Always: _always,
}

__all__ = ["SHAPES"]
