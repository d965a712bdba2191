"""How classes and claims are laid out."""

from __future__ import annotations

from dataclasses import replace

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import Chunk, condition_chunks, listed
from dra_policy.language.shapes.shape import Shape, Shapes, line, names, said, taint, target


def _class(item: tree.Class) -> Shape:
    head = Chunk(f"class {item.name.text} of {target(item.of)}", item.span.start)
    return Shape([head], item.members, bare=True, end=item.of.span.end)


def _require(item: tree.Require) -> Shape:
    return line("require", item, *condition_chunks(item.condition), *said(item.said))


def _prefer(item: tree.Prefer) -> Shape:
    row = [Chunk("prefer", item.span.start)]
    if item.tier is not None:
        row.append(Chunk(f"tier {item.tier.value}"))
    match item.wish:
        case tree.Extreme():
            row.append(Chunk(f"{'most' if item.wish.most else 'least'} {item.wish.measure.text}"))
        case tree.LinkedBy():
            row.append(Chunk(f"linked by {item.wish.fabric.text}"))
        case _:
            row += _wish(condition_chunks(item.wish))
    if item.weight is not None:
        row.append(Chunk(f"weight {item.weight.value}"))
    return Shape([*row, *said(item.said)])


# Behind `prefer` these begin something else than a condition.
_HIDDEN_BEHIND_PREFER = frozenset(("tier", "most", "least", "linked"))


def _wish(row: list[Chunk]) -> list[Chunk]:
    """A condition behind `prefer`: in parentheses where its first name would be read as a keyword."""
    if row[0].text.split(None, 1)[0] not in _HIDDEN_BEHIND_PREFER:
        return row
    row[0] = replace(row[0], text=f"({row[0].text}")
    row[-1] = replace(row[-1], text=f"{row[-1].text})")
    return row


def _config(item: tree.Config) -> Shape:
    row = [Chunk(f"config {item.parameters.text}", item.span.start)]
    if item.requests:
        row += [Chunk("for"), *names(item.requests)]
    end = (item.requests[-1] if item.requests else item.parameters).span.end
    return Shape(row, item.settings, flat=True, end=end)


def _setting(item: tree.Setting) -> Shape:
    return line(f"{item.name.text} = {spelling.value(item.value)}", item)


def _extended_resource(item: tree.ExtendedResource) -> Shape:
    return line(f"extended resource {spelling.text(item.name.value)}", item)


def _define(item: tree.Define) -> Shape:
    return line(f"define {item.name.text} of {item.of.text} =", item, *condition_chunks(item.condition))


def _claim(item: tree.Claim) -> Shape:
    return Shape([Chunk(f"claim {item.name.text}", item.span.start)], item.members, end=item.name.span.end)


def _request(item: tree.Request) -> Shape:
    return wanted([Chunk(f"request {item.name.text} =", item.span.start)], item)


def wanted(row: list[Chunk], item: tree.Request) -> Shape:
    """What is asked for, behind its name; the block of the last alternative may go on lines of its own."""
    if not item.first:
        asked = item.alternatives[0]
        return _asked([*row, Chunk(_asked_words(asked))], asked)
    *others, last = item.alternatives
    words = [(_flat(asked), asked.span.start) for asked in others]
    chunks = listed([*words, (_alternative_words(last), last.span.start)])
    return _asked([*row, Chunk("first of"), *chunks], last)


def _asked(row: list[Chunk], asked: tree.Asked) -> Shape:
    end = asked.shape[-1].span.end if asked.shape else asked.of.span.end
    return Shape(row, asked.members, flat=len(asked.members) == 1, bare=True, end=end)


def _asked_words(asked: tree.Asked) -> str:
    count = "all" if asked.count is None else str(asked.count.value)
    if asked.most is not None:
        count += f" to {asked.most.value}"
    if asked.others:
        count = f"one of {', '.join([count, *(str(other.value) for other in asked.others)])}"
    return f"{count} of {_target_words(asked)}"


def _target_words(asked: tree.Asked) -> str:
    words = target(asked.of)
    if asked.shape:
        words += f" shaped block {' x '.join(str(side.value) for side in asked.shape)}"
        words += " around" if asked.around else ""
    return f"{words} admin access" if asked.admin else words


def _alternative_words(asked: tree.Asked) -> str:
    counted = asked.count is None or asked.count.span.end > asked.count.span.start
    return _asked_words(asked) if counted else _target_words(asked)


def _flat(asked: tree.Asked) -> str:
    """An alternative on one line, with its block."""
    words = _alternative_words(asked)
    if not asked.members:
        return words
    rows = [SHAPES[type(member)](member).head for member in asked.members]
    return f"{words} {{ {'  '.join(' '.join(chunk.text for chunk in row) for row in rows)} }}"


def _takes(item: tree.Takes) -> Shape:
    return line(f"takes {item.capacity.text} {spelling.value(item.amount)}", item, *said(item.said))


def _tolerate(item: tree.Tolerate) -> Shape:
    return line(f"tolerate {taint(item.taint)}", item)


def _linked(item: tree.Linked) -> Shape:
    words = f"{'every pair linked' if item.every_pair else 'connected'} by {item.fabric.text}"
    if item.least is not None:
        words += f" at least {spelling.value(item.least)}"
    return line(words, item, *said(item.said))


def _constraint(item: tree.Constraint) -> Shape:
    words = f"{item.keyword} {item.attribute.text}"
    words += "".join(f" else same {name.text}" for name in item.otherwise)
    row = [Chunk("of"), *names(item.requests)] if item.requests else []
    return line(words, item, *row, *said(item.said))


def _pairs(item: tree.Pairs) -> Shape:
    members = ", ".join(f"{member.name.text}: {target(member.of)}" for member in item.members)
    head = Chunk(f"pairs {item.count.value} of ({members})", item.span.start)
    return Shape([head], item.constraints, flat=len(item.constraints) == 1, end=item.members[-1].span.end)


def _counts(item: tree.Counts) -> Shape:
    row = listed([(str(number.value), number.span.start) for number in item.numbers])
    return line("counts", item, *row, *said(item.said))


SHAPES: Shapes = {
    tree.Counts: _counts,
    tree.Class: _class,
    tree.Require: _require,
    tree.Prefer: _prefer,
    tree.Config: _config,
    tree.Setting: _setting,
    tree.ExtendedResource: _extended_resource,
    tree.Define: _define,
    tree.Claim: _claim,
    tree.Request: _request,
    tree.Takes: _takes,
    tree.Tolerate: _tolerate,
    tree.Linked: _linked,
    tree.Constraint: _constraint,
    tree.Pairs: _pairs,
}

__all__ = ["SHAPES", "wanted"]
