"""Diagnostics as text: short, printable, and never longer than a person reads."""

from __future__ import annotations

from dra_policy.diagnostics import Diagnostic, Related, as_text
from dra_policy.source import Source, Span

LINE = Source("a.dra", "class one of Two")


def test_a_message_that_quotes_a_megabyte_is_cut_in_its_middle() -> None:
    text = as_text([Diagnostic("NAM001", f"no attribute `{'a' * 1_000_000}`", help=f"write `{'b' * 1_000_000}`")])
    assert len(text) < 3_000
    assert text.startswith("NAM001 no attribute `aaa")
    assert "aaa`\n = help: write `bbb" in text
    assert " ... " in text


def test_no_control_or_direction_mark_reaches_the_terminal() -> None:
    bad = "\u202e\x1b[2J\u2066\x07"
    span = Span(LINE, 6, 9)
    found = Diagnostic("NAM001", f"no `{bad}`", span, f"write `{bad}`", path=bad, related=(Related(span, bad),))
    text = as_text([found])
    assert all(c.isprintable() for c in text.replace("\n", ""))
    # The message stays one line.
    assert text.count("\n") == 5


def test_further_places_are_counted_past_the_first_ten() -> None:
    related = tuple(Related(Span(LINE, 6, 9), f"place {i}") for i in range(1000))
    text = as_text([Diagnostic("NAM013", "ambiguous", Span(LINE, 6, 9), related=related)])
    assert text.count("place ") == 10
    assert "... and 990 more places" in text
