"""The one exception that carries diagnostics through the public interface."""

from __future__ import annotations

from collections.abc import Iterable

from dra_policy.diagnostics.model import Diagnostic, in_order
from dra_policy.diagnostics.text import as_text


class InvalidInput(Exception):
    """What was given cannot be used; nothing of it was applied. `diagnostics` says all that is wrong.

    >>> try:
    ...     raise InvalidInput([Diagnostic("SRC001", "no such file `a.dra`")])
    ... except InvalidInput as problem:
    ...     print(problem)
    SRC001 no such file `a.dra`
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = in_order(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return as_text(self.diagnostics).rstrip("\n")
