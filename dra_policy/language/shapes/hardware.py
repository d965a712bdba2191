"""How modes, shares, fabrics and machines are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import CLAUSE, LISTED, Chunk
from dra_policy.language.shapes.shape import Shape, Shapes, end_of, labels, line, said, taint


def _modes(item: tree.Modes) -> Shape:
    counters = "" if item.counters is None else f" counters {spelling.text(item.counters.value)}"
    head = Chunk(f"modes of {item.of.text}{counters}", item.span.start)
    members: list[tree.Mode | tree.AtMost | tree.OnlySame] = [*item.sharers, *item.modes]
    members.sort(key=lambda member: member.span.start)
    return Shape([head], members, end=end_of(item, item.of, item.counters))


def _mode(item: tree.Mode) -> Shape:
    words = f"mode {item.name.text}"
    if item.partition:
        words += " partition"
    if item.named is not None:
        words += f" named {spelling.text(item.named.value)}"
    if item.alone:
        words += " alone"
    if item.beside:
        words += f" with {', '.join(name.text for name in item.beside)}"
    if item.counted:
        words += " counted"
    without = _listed("without", [one.text for one in item.without], [one.span.start for one in item.without])
    row = [Chunk(words, item.span.start), *_gives(item.gives), *without, *_draws(item.draws)]
    end = end_of(item, item.name, item.named, item.beside, item.gives, item.without, item.draws)
    return Shape(row, item.profiles, bare=True, end=end)


def _gives(given: Sequence[tree.Given]) -> list[Chunk]:
    row = [f"{one.name.text} {' and '.join(map(spelling.value, one.values))}" for one in given]
    return _listed("gives", row, [one.span.start for one in given])


def _draws(drawn: Sequence[tree.Drawn]) -> list[Chunk]:
    return _listed("draws", [_drawn_words(one) for one in drawn], [one.span.start for one in drawn])


def _drawn_words(drawn: tree.Drawn) -> str:
    if drawn.equal is not None:
        return f"{drawn.name.text} equal to {drawn.equal.text}"
    assert drawn.amount is not None  # Invariant: the grammar has one of the two
    return f"{drawn.name.text} {spelling.value(drawn.amount)}"


def _listed(keyword: str, words: Sequence[str], at: Sequence[int]) -> list[Chunk]:
    last = len(words) - 1
    return [
        Chunk(
            f"{'' if index else f'{keyword} '}{word}{'' if index == last else ','}",
            at[index],
            LISTED if index else CLAUSE,
        )
        for index, word in enumerate(words)
    ]


def _profile(item: tree.Profile) -> Shape:
    words = f"profile {spelling.text(item.name.value)}"
    if item.id is not None:
        words += f" id {item.id.value}"
    if item.times is not None:
        words += f" times {item.times.value}"
    if item.named is not None:
        words += f" named {spelling.text(item.named.value)}"
    for takes in item.takes:
        starts = ", ".join(
            str(start.first.value) + ("" if start.last is None else f"..{start.last.value}") for start in takes.starts
        )
        if takes.size is None:
            words += f" takes places {', '.join(str(place.value) for place in takes.places)} of {takes.grid.text}"
        else:
            words += f" takes {takes.size.value} {takes.grid.text} at {starts}"
    row = [*_gives(item.gives), *_draws(item.draws)]
    if item.reachable is not None:
        first, *rest = labels(item.reachable, "reachable from ")
        row += [replace(first, before=CLAUSE), *rest]
    return line(words, item, *row)


def _share(item: tree.Share) -> Shape:
    mode = "" if item.mode is None else f" {item.mode.text}"
    head = Chunk(f"share {item.name.text} of {item.of.text}{mode}", item.span.start)
    return Shape([head], item.members, end=(item.mode or item.of).span.end)


def _at_most(item: tree.AtMost) -> Shape:
    return line(f"at most {item.count.value} {item.what.text}", item, *said(item.said))


def _only_same(item: tree.OnlySame) -> Shape:
    return line(f"only same {item.agree.text}", item, *said(item.said))


def _each_takes(item: tree.EachTakes) -> Shape:
    words = f"each takes {item.capacity.text}"
    if item.range is not None:
        words += f" {spelling.between(item.range)}"
    if item.options:
        words += f" one of {', '.join(map(spelling.value, item.options))}"
    if item.default is not None:
        words += f" default {spelling.value(item.default)}"
    return line(words, item)


def _drawn(item: tree.Drawn) -> Shape:
    return line(f"draws {_drawn_words(item)}", item)


def _pool(item: tree.Pool) -> Shape:
    words = f"pool {item.name.text} of {item.of.text} {item.measure.text} {spelling.value(item.amount)}"
    return line(words, item)


def _fabric(item: tree.Fabric) -> Shape:
    joins = ", ".join(name.text for name in item.joins)
    head = Chunk(f"fabric {item.name.text} joins {joins}", item.span.start)
    return Shape([head], item.members, flat=len(item.members) == 1, end=item.joins[-1].span.end)


def _every_pair(item: tree.EveryPair) -> Shape:
    same = "" if item.same is None else f" same {item.same.text}"
    across = " across nodes" if item.across else ""
    return line(f"every pair{same}{across} {spelling.value(item.bandwidth)}", item)


def _torus(item: tree.Torus) -> Shape:
    axes = ", ".join(
        f"{axis.name.text} {axis.size.value}{' wrap' if axis.wrap else ''}"
        + ("" if axis.at is None else f" at {axis.at.text}")
        for axis in item.axes
    )
    across = "" if item.across is None else f" across {item.across.text}"
    return line(f"{'ring' if item.ring else 'torus'} {axes}{across} {spelling.value(item.bandwidth)}", item)


def _machine(item: tree.Machine) -> Shape:
    like = "" if item.like is None else f" like {item.like.text}"
    head = Chunk(f"machine {item.name.text}{like}", item.span.start)
    return Shape([head], item.members, end=end_of(item, item.name, item.like))


def _places(places: tree.Places) -> str:
    if places.first is None or places.last is None:
        return places.name.text
    last = "" if places.first is places.last else f"..{places.last.value}"
    return f"{places.name.text}[{places.first.value}{last}]"


def _machine_devices(item: tree.MachineDevices) -> Shape:
    mode = "" if item.mode is None else f" {item.mode.text}"
    mode += "" if item.profile is None else f" {spelling.text(item.profile.value)}"
    mode += "" if item.start is None else f" at {item.start.value}"
    named = "" if item.named is None else f" named {spelling.text(item.named.value)}"
    head = Chunk(f"devices {_places(item.places)} of {item.of.text}{mode}{named}", item.span.start)
    end = end_of(item, item.of, item.mode, item.profile, item.start, item.named)
    return Shape([head], item.settings, flat=True, bare=True, end=end)


def _place(item: tree.Place) -> Shape:
    words = [
        f"{_places(one.places)} {one.name.text} {' '.join(map(spelling.value, one.values))}" for one in item.placed
    ]
    row = _listed("place", words, [one.span.start for one in item.placed])
    return Shape([Chunk(row[0].text, item.span.start), *row[1:]])


def _machine_link(item: tree.MachineLink) -> Shape:
    what = (
        f"every pair of {_places(item.places)}" if item.to is None else f"{_places(item.places)} to {_places(item.to)}"
    )
    amount = "" if item.bandwidth is None else f" {spelling.value(item.bandwidth)}"
    return line(f"link {item.fabric.text} {what}{amount}", item)


def _machine_taint(item: tree.MachineTaint) -> Shape:
    return line(f"taint {_places(item.places)} {taint(item.taint)}", item)


def _machine_label(item: tree.MachineLabel) -> Shape:
    return line(f"label {spelling.text(item.label.value)} = {spelling.text(item.value.value)}", item)


def _machine_pool(item: tree.MachinePool) -> Shape:
    return line(f"pool {spelling.text(item.name.value)}", item)


def _drawing(item: tree.Budgeted) -> str:
    if item.equal is not None:
        return f"equal to {item.equal.text}"
    assert item.amount is not None  # Invariant: the grammar has an amount or `equal to`
    return spelling.value(item.amount)


def _budget(item: tree.Budget) -> Shape:
    words = [f"{_places(one.places)} {_drawing(one)}" for one in item.among]
    row = _listed("among", words, [one.span.start for one in item.among])
    return Shape([Chunk(f"budget {item.name.text} {spelling.value(item.amount)}", item.span.start), *row])


def _network(item: tree.NetworkReachable) -> Shape:
    of = "" if item.of is None else f"of {item.of.text} "
    return line(f"network {of}reachable from", item, *labels(item.tests))


def _machine_network(item: tree.MachineNetwork) -> Shape:
    return line(f"network {_places(item.places)} reachable from", item, *labels(item.tests))


SHAPES: Shapes = {
    tree.Modes: _modes,
    tree.Mode: _mode,
    tree.Profile: _profile,
    tree.Share: _share,
    tree.AtMost: _at_most,
    tree.OnlySame: _only_same,
    tree.EachTakes: _each_takes,
    tree.Drawn: _drawn,
    tree.Pool: _pool,
    tree.Fabric: _fabric,
    tree.EveryPair: _every_pair,
    tree.Torus: _torus,
    tree.Machine: _machine,
    tree.MachineDevices: _machine_devices,
    tree.Place: _place,
    tree.MachineLink: _machine_link,
    tree.MachineTaint: _machine_taint,
    tree.MachineLabel: _machine_label,
    tree.MachinePool: _machine_pool,
    tree.Budget: _budget,
    tree.NetworkReachable: _network,
    tree.MachineNetwork: _machine_network,
}

__all__ = ["SHAPES"]
