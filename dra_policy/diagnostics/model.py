"""A diagnostic is a value: code, message, position, help; gathered, sorted, and rendered at the very end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from dra_policy.source import Span


class Severity(Enum):
    """Whether a diagnostic refuses its input."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a message speaks of: "first declared here"."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake in what a person wrote.

    `code` stands in `dra_policy.diagnostics.CODES`. `message` starts in lower case, has no final full stop and no
    line break, puts the user's text in backticks and speaks of the language, not of our classes. `help` says what
    to write instead. `path` is the field of an object, such as `spec.devices.requests[0].exactly.count`.
    """

    code: str
    message: str
    span: Span | None = None
    help: str = ""
    path: str = ""
    severity: Severity = Severity.ERROR
    related: tuple[Related, ...] = field(default=())

    def sort_key(self) -> tuple[str, int, int, str, str, str]:
        where = ("", -1, -1) if self.span is None else self.span.sort_key()
        return (*where, self.path, self.code, self.message)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file and position, each once."""
    return tuple(sorted(set(diagnostics), key=Diagnostic.sort_key))


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(d.severity is Severity.ERROR for d in diagnostics)
