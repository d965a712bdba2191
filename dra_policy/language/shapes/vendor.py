"""How devices, models, parameters and gates are laid out."""

from __future__ import annotations

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import Chunk, attribute_chunks, because, field_chunks, values
from dra_policy.language.shapes.shape import Shape, Shapes, line


def _attribute(item: tree.Attribute) -> Shape:
    return Shape(attribute_chunks(item))


def _device(item: tree.Device) -> Shape:
    return Shape([Chunk(f"device {item.name.text}", item.span.start)], item.members, end=item.name.span.end)


def _driver(item: tree.Driver) -> Shape:
    return line(f"driver {item.name.text}", item)


def _grid(item: tree.Grid) -> Shape:
    of = "" if item.of is None else f" of {item.of.text}"
    return line(f"grid {item.name.text} {item.size.value}{of}", item)


def _renamed(item: tree.Renamed) -> Shape:
    to = "away" if item.new is None else f"to {item.new.text}"
    return line(f"renamed {item.old.text} {to}", item, *because(item.because))


def _model(item: tree.Model) -> Shape:
    other = item.of or item.like
    assert other is not None  # Invariant: the grammar has one of the two
    head = Chunk(f"model {item.name.text} {'of' if item.of else 'like'} {other.text}", item.span.start)
    members: list[tree.ModelValue | tree.Grid] = [*item.values, *item.grids]
    members.sort(key=lambda member: member.span.start)
    return Shape([head], members, flat=True, bare=True, end=other.span.end)


def _model_value(item: tree.ModelValue) -> Shape:
    row = [Chunk(item.name.text, item.span.start), *values(item.values)]
    if item.tolerance is not None:
        row.append(Chunk(f"tolerance {spelling.percentage(item.tolerance)}"))
    return Shape(row)


def _parameters(item: tree.Parameters) -> Shape:
    head = Chunk(f"parameters {item.name.text} of {item.of.text}", item.span.start)
    return Shape([head], item.members, end=item.of.span.end)


def _api(item: tree.Api) -> Shape:
    return line(f"api {item.group.text}/{item.version.text} {item.kind.text}", item)


def _field(item: tree.Field) -> Shape:
    return Shape(field_chunks(item))


def _needs_gate(item: tree.NeedsGate) -> Shape:
    when = ""
    if item.parameter is not None and item.value is not None:
        when = f" when {item.parameter.text} == {spelling.value(item.value)}"
    return line(f"needs gate {item.gate.text}{when}", item)


def _gate(item: tree.Gate) -> Shape:
    words = f"gate {item.name.text} default {'on' if item.default else 'off'}"
    if item.excludes:
        words += f" excludes {', '.join(name.text for name in item.excludes)}"
    if item.requires:
        words += f" requires {', '.join(name.text for name in item.requires)}"
    return line(words, item)


SHAPES: Shapes = {
    tree.Attribute: _attribute,
    tree.Device: _device,
    tree.Driver: _driver,
    tree.Grid: _grid,
    tree.Renamed: _renamed,
    tree.Model: _model,
    tree.ModelValue: _model_value,
    tree.Parameters: _parameters,
    tree.Api: _api,
    tree.Field: _field,
    tree.NeedsGate: _needs_gate,
    tree.Gate: _gate,
}

__all__ = ["SHAPES"]
