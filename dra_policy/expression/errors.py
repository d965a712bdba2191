"""What goes wrong while an expression is compiled or evaluated."""

from __future__ import annotations

from dra_policy.diagnostics import Diagnostic
from dra_policy.source import Source, Span


class EvaluationError(Exception):
    """An expression has no value: it does not compile, or it met an error on this device (rule D8: fatal).

    `message` is worded as upstream words it (`no such key: index`), `span` is the part that raised it, and
    `diagnostics` is filled for an expression that does not compile.
    """

    def __init__(self, message: str, span: Span | None = None, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.diagnostics = diagnostics

    def in_source(self, source: Source) -> EvaluationError:
        """The same error, its positions moved to another source that holds the same text."""
        diagnostics = tuple(
            Diagnostic(d.code, d.message, _moved(d.span, source), d.help, d.path, d.severity, d.related)
            for d in self.diagnostics
        )
        return EvaluationError(self.message, _moved(self.span, source), diagnostics)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EvaluationError):
            return NotImplemented
        return (self.message, self.diagnostics) == (other.message, other.diagnostics)

    def __hash__(self) -> int:
        return hash((self.message, self.diagnostics))


class EvaluationAborted(EvaluationError):
    """The evaluation ends at once: no condition absorbs this, as it does other errors."""


class EvaluationCancelled(EvaluationAborted):
    """The evaluation exceeds its budget (rule D7)."""

    def __init__(self, span: Span | None = None) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded", span)


def _moved(span: Span | None, source: Source) -> Span | None:
    return None if span is None else Span(source, span.start, span.end)
