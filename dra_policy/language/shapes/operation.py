"""How waiting, costs, health and set-up are laid out."""

from __future__ import annotations

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import CLAUSE, Chunk, condition_chunks
from dra_policy.language.shapes.shape import Shape, Shapes, end_of, line, names, taint, texts


def _of(name: tree.Name | None) -> str:
    return "" if name is None else f" of {name.text}"


def _binds(item: tree.Binds) -> Shape:
    mode = "" if item.mode is None else f" {item.mode.text}"
    row = [Chunk(f"binds{_of(item.of)}{mode} when", item.span.start), *names(item.conditions)]
    if item.within is not None:
        row.append(Chunk(f"within {spelling.amount(item.within)}"))
    if item.failures:
        row += [Chunk("fails on", before=CLAUSE), *names(item.failures)]
    return Shape(row)


def _costs(item: tree.Costs) -> Shape:
    amount = spelling.value(item.amount)
    unit = "" if item.unit is None else f"{spelling.value(item.unit)} of "
    return line(f"costs{_of(item.of)} node {item.resource.text} {amount} per {unit}{item.per.text}", item)


def _advertise(item: tree.Advertise) -> Shape:
    return line(f"advertise{_of(item.of)} when", item, *condition_chunks(item.condition))


def _health(item: tree.Health) -> Shape:
    end = end_of(item, item.of)
    return Shape([Chunk(f"health{_of(item.of)}", item.span.start)], item.members, end=end)


def _event(item: tree.Event) -> Shape:
    words = f"event {spelling.text(item.name.value)} taints {taint(item.taint)}"
    if item.clears is None:
        return line(words, item)
    return line(words, item, Chunk(f"clears on {spelling.text(item.clears.value)}", item.clears.span.start, CLAUSE))


def _ignored(item: tree.Ignored) -> Shape:
    return line("ignore", item, *texts(item.names))


def _setup(item: tree.Setup) -> Shape:
    return Shape([Chunk(f"setup {item.of.text}", item.span.start)], item.members, end=item.of.span.end)


def _scope(item: tree.Scope) -> Shape:
    each = "" if item.each.text == "claim" else "each "
    head = Chunk(f"for {each}{item.each.text}", item.span.start)
    return Shape([head], item.members, end=item.each.span.end)


def _when(condition: tree.Condition | None) -> list[Chunk]:
    if condition is None:
        return []
    first, *rest = condition_chunks(condition)
    return [Chunk(f"when {first.text}", first.at, CLAUSE), *rest]


def _device_node(item: tree.DeviceNode) -> Shape:
    words = f"node {spelling.text(item.path.value)}"
    if item.host is not None:
        words += f" from {spelling.text(item.host.value)}"
    if item.permissions is not None:
        words += f" permissions {spelling.text(item.permissions.value)}"
    row = []
    if item.numbered is not None:
        one = item.numbered
        row.append(Chunk(f"for {one.name.text} {one.first.value} to {one.last.value}", one.span.start, CLAUSE))
    return line(words, item, *row, *_when(item.when))


def _environment(item: tree.Environment) -> Shape:
    template = item.value
    value = spelling.text(template.text.value)
    if template.joined is not None:
        value = f"join({template.joined.text}, {value})"
    name = item.name.text if isinstance(item.name, tree.Name) else spelling.text(item.name.value)
    return line(f"env {name} = {value}", item, *_when(item.when))


def _mount(item: tree.Mount) -> Shape:
    words = f"mount {spelling.text(item.host.value)}"
    if item.container is not None:
        words += f" at {spelling.text(item.container.value)}"
    row = [Chunk("options"), *texts(item.options)] if item.options else []
    return line(words, item, *row, *_when(item.when))


def _hook(item: tree.Hook) -> Shape:
    row = [Chunk("arguments"), *texts(item.arguments)] if item.arguments else []
    return line(f"hook {item.stage.text} {spelling.text(item.path.value)}", item, *row, *_when(item.when))


def _capability(item: tree.Capability) -> Shape:
    return line(f"capability {item.name.text}", item, *_when(item.when))


def _step(item: tree.Step) -> Shape:
    row = [Chunk(f"step {item.name.text} run {spelling.text(item.run.value)}", item.span.start)]
    if item.undo is not None:
        row.append(Chunk(f"undo {spelling.text(item.undo.value)}", item.undo.span.start, CLAUSE))
    if item.idempotent:
        row.append(Chunk("idempotent"))
    if item.deadline is not None:
        row.append(Chunk(f"deadline {spelling.amount(item.deadline)}"))
    return Shape([*row, *_when(item.when)])


SHAPES: Shapes = {
    tree.Binds: _binds,
    tree.Costs: _costs,
    tree.Advertise: _advertise,
    tree.Health: _health,
    tree.Event: _event,
    tree.Ignored: _ignored,
    tree.Setup: _setup,
    tree.Scope: _scope,
    tree.DeviceNode: _device_node,
    tree.Environment: _environment,
    tree.Mount: _mount,
    tree.Hook: _hook,
    tree.Capability: _capability,
    tree.Step: _step,
}

__all__ = ["SHAPES"]
