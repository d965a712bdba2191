"""What the linter finds, and edits that mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dra_policy.diagnostics import Diagnostic, Related, Severity
from dra_policy.source import Source, Span


@dataclass(frozen=True, slots=True)
class Change:
    """The text of a span becomes another one."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, and the changes that mend it where that is safe."""

    diagnostic: Diagnostic
    changes: tuple[Change, ...] = ()


def error(code: str, message: str, span: Span, help: str, *related: Related, changes: Iterable[Change] = ()) -> Finding:
    """What cannot be meant: the policy does nothing, or what it is for never happens."""
    return Finding(Diagnostic(code, message, span, help, related=related), tuple(changes))


def warning(
    code: str, message: str, span: Span, help: str, *related: Related, changes: Iterable[Change] = ()
) -> Finding:
    """What is hardly meant."""
    return Finding(Diagnostic(code, message, span, help, severity=Severity.WARNING, related=related), tuple(changes))


def fixed(source: Source, findings: Iterable[Finding]) -> str:
    """The text with the changes of all findings that do not overlap; comments and everything else stay."""
    taken: list[Change] = []
    for finding in findings:
        own = [change for change in finding.changes if change.span.source.name == source.name]
        if len(own) < len(finding.changes) or any(_overlap(one, other) for one in own for other in taken):
            continue
        taken += own
    text = source.text
    for change in sorted(taken, key=lambda one: one.span.start, reverse=True):
        text = text[: change.span.start] + change.text + text[change.span.end :]
    return text


def _overlap(one: Change, other: Change) -> bool:
    return one.span.start < other.span.end and other.span.start < one.span.end


__all__ = ["Change", "Finding", "error", "fixed", "warning"]
