"""How subjects, quotas, windows and the other rules of a site are laid out."""

from __future__ import annotations

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import LISTED, Chunk, condition_chunks, listed, type_chunks
from dra_policy.language.shapes.shape import Shape, Shapes, labels, line, names, said, taint, target


def _subject(item: tree.Subject) -> Shape:
    return Shape([Chunk("subject", item.span.start)], item.fields, end=item.span.start + len("subject"))


def _subject_field(item: tree.SubjectField) -> Shape:
    source = f"from {item.source.object.text} {item.source.part.text}"
    if item.source.key is not None:
        source += f" {spelling.text(item.source.key.value)}"
    row = [Chunk(f"field {item.name.text}", item.span.start), *type_chunks(item.type), Chunk(source)]
    if item.trust != "user":
        row.append(Chunk(f"trust {item.trust}"))
    if item.absent is not None:
        row.append(Chunk(f"absent means {spelling.value(item.absent)}"))
    return Shape(row)


def _level(item: tree.Level) -> Shape:
    return line(f"level {item.name.text} from node label {spelling.text(item.label.value)}", item)


def _gang(item: tree.Gang) -> Shape:
    head = Chunk(f"gang {item.name.text} of {item.count.value} {item.claim.text}", item.span.start)
    return Shape([head], item.constraints, end=item.claim.span.end)


def _quota(item: tree.Quota) -> Shape:
    head = Chunk(f"quota {item.name.text} of {target(item.of)}", item.span.start)
    return Shape([head], item.members, end=item.of.span.end)


def _for_subject(item: tree.ForSubject) -> Shape:
    if item.condition is None:
        return line(f"subject each {'' if item.each is None else item.each.text}", item)
    return line("subject", item, *condition_chunks(item.condition))


def _holding(item: tree.Holding) -> Shape:
    return line(f"{item.keyword} {spelling.value(item.amount)}", item, *said(item.said))


def _borrow(item: tree.Borrow) -> Shape:
    to = "" if item.to is None else f"to {spelling.value(item.to)} "
    return line(f"borrow {to}from cohort {item.cohort.text}", item)


def _lend(item: tree.Lend) -> Shape:
    return line(f"lend at most {spelling.value(item.amount)}", item)


def _charge(item: tree.Charge) -> Shape:
    last = len(item.charged) - 1
    row = [
        Chunk(_charged(one) + ("" if index == last else ","), one.span.start, LISTED if index else 0)
        for index, one in enumerate(item.charged)
    ]
    return line("charge", item, *row)


def _charged(item: tree.Charged) -> str:
    words = item.of.text if item.profile is None else f"{item.of.text} {spelling.text(item.profile.value)}"
    if item.measure is not None and item.parts is not None:
        return f"{words} {item.measure.text} / {spelling.value(item.parts)}"
    share = item.share
    assert share is not None  # Invariant: the grammar has one of the two
    return f"{words} {share.numerator}" + ("" if share.denominator == 1 else f" / {share.denominator}")


def _window(item: tree.Window) -> Shape:
    return Shape([Chunk(f"window {item.name.text}", item.span.start)], item.members, end=item.name.span.end)


def clock(time: tree.ClockTime) -> str:
    """`18:00`."""
    return f"{time.minutes // 60}:{time.minutes % 60:02d}"


def _opening(item: tree.Opening) -> Shape:
    if item.date is not None:
        words = f"on {item.date.text}"
    else:
        days = ", ".join(one.text for one in item.days)
        words = "every " + ("" if item.nth is None else f"{ordinal(item.nth.value)} ") + days
    zone = "" if item.zone is None else f" tz {item.zone.text}"
    return line(f"{words} {clock(item.first)} to {clock(item.last)}{zone}", item)


def ordinal(number: int) -> str:
    """`2nd`."""
    last = number % 100
    ending = "th" if 10 < last < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _window_nodes(item: tree.WindowNodes) -> Shape:
    return Shape(labels(item.tests))


def _refuse(item: tree.Refuse) -> Shape:
    row = [Chunk(f"refuse {target(item.of)} when", item.span.start), *condition_chunks(item.condition)]
    return Shape([*row, *said(item.said)])


def _keep(item: tree.Keep) -> Shape:
    per = "" if item.per is None else f" per {item.per.text}"
    row = [Chunk("for"), *names(item.classes)] if item.classes else []
    return line(f"keep {item.count.value} of {target(item.of)}{per} free", item, *row, *said(item.said))


def _exclusive(item: tree.Exclusive) -> Shape:
    row = listed([(target(kind), kind.span.start) for kind in item.kinds])
    return line(f"exclusive per {item.per.text}", item, *row, *said(item.said))


def _ceiling(item: tree.Ceiling) -> Shape:
    most = f"label {spelling.text(item.label.value)}" if item.label is not None else ""
    if item.count is not None:
        most = str(item.count.value)
    return line(f"at most {most} of {target(item.of)} per {item.per.text}", item, *said(item.said))


def _site_tolerate(item: tree.SiteTolerate) -> Shape:
    row = [Chunk(f"tolerate {taint(item.taint)} for", item.span.start), *names(item.classes)]
    if item.duration is not None:
        row.append(Chunk(spelling.amount(item.duration)))
    return Shape([*row, *said(item.said)])


SHAPES: Shapes = {
    tree.Subject: _subject,
    tree.SubjectField: _subject_field,
    tree.Level: _level,
    tree.Gang: _gang,
    tree.Quota: _quota,
    tree.ForSubject: _for_subject,
    tree.Holding: _holding,
    tree.Borrow: _borrow,
    tree.Lend: _lend,
    tree.Charge: _charge,
    tree.Window: _window,
    tree.Opening: _opening,
    tree.WindowNodes: _window_nodes,
    tree.Refuse: _refuse,
    tree.Keep: _keep,
    tree.Exclusive: _exclusive,
    tree.Ceiling: _ceiling,
    tree.SiteTolerate: _site_tolerate,
}

__all__ = ["SHAPES", "clock"]
