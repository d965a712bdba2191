"""Collecting what is wrong with one object: paths as Kubernetes prints them, spans where the text is known."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from dra_policy.diagnostics.model import Diagnostic, Related, Severity
from dra_policy.diagnostics.nearest import did_you_mean
from dra_policy.resources.places import Places
from dra_policy.resources.quoting import shortened

MAX_PATH: Final = 1000


class Findings:
    """The diagnostics of one object so far."""

    def __init__(self, places: Places | None) -> None:
        self.places = places
        self.diagnostics: list[Diagnostic] = []

    def add(
        self,
        code: str,
        path: str,
        message: str,
        help: str,
        at: str | None = None,
        key: bool = False,
        severity: Severity = Severity.ERROR,
        related: tuple[Related, ...] = (),
    ) -> None:
        """One mistake at a field; `at` is the field to underline if that is another one."""
        span = None if self.places is None else self.places.span(path if at is None else at, key=key)
        shown = shortened(path if self.places is None else self.places.path(path), MAX_PATH)
        self.diagnostics.append(Diagnostic(code, message, span, help, shown, severity, related))

    def required(self, path: str, what: str, help: str) -> None:
        """A value is missing: RES010."""
        self.add("RES010", path, f"{what} is missing", help)

    def name(
        self,
        path: str,
        value: str | None,
        what: str,
        problem: Callable[[str], str | None],
        code: str = "RES011",
        at: str | None = None,
        key: bool = False,
    ) -> None:
        """A name that must be there and must be well formed: RES010, or `code`."""
        if not value:
            self.required(path, what, f"write the name of {_article(what)}")
            return
        wrong = problem(value)
        if wrong is not None:
            self.add(code, path, f"{what} `{shortened(value)}` {wrong}", _repair(value, problem), at, key)

    def at_most(self, path: str, count: int, most: int, what: str, why: str = "") -> bool:
        """Whether a list keeps its limit: RES013. Beyond it the entries are not looked at, as in the API server."""
        if count <= most:
            return True
        self.add("RES013", path, f"{count} {what}, at most {most} are allowed{why}", f"remove {count - most} of them")
        return False

    def length(self, path: str, text: str, most: int, what: str) -> bool:
        """Whether a text keeps its limit of bytes: RES014."""
        size = len(text.encode("utf-8", "surrogatepass"))
        if size <= most:
            return True
        self.add("RES014", path, f"{what} has {size} bytes, at most {most} are allowed", "shorten it")
        return False

    def allowed(self, path: str, value: str, known: Sequence[str], what: str) -> bool:
        """Whether a value is one of an enumeration: RES017."""
        if value in known:
            return True
        names = ", ".join(f"`{k}`" for k in known)
        hint = did_you_mean(value, known, f"write one of {names}")
        self.add("RES017", path, f"`{shortened(value)}` is not {_article(what)}", hint)
        return False

    def unique(
        self,
        keys: Iterable[tuple[str, Hashable]],
        what: str,
        under: str = "",
        shown: Callable[[Hashable], str] = str,
    ) -> None:
        """Every key once: RES016. Pairs of path and key; `under` is the field of the entry to underline."""
        first: dict[Hashable, str] = {}
        for path, key in keys:
            if key not in first:
                first[key] = path
                continue
            inner = f".{under}" if under else ""
            span = None if self.places is None else self.places.span(first[key] + inner)
            related = () if span is None else (Related(span, "first used here"),)
            name = shown(key)
            message = f"{what} `{shortened(name)}` is there twice" if name else f"no {under or 'name'} more than once"
            self.add("RES016", path, message, "remove one of them or rename it", at=path + inner, related=related)


def _article(what: str) -> str:
    return what if what.startswith(("a ", "an ", "the ")) else f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def _repair(value: str, problem: Callable[[str], str | None]) -> str:
    lower = value.lower().replace("_", "-").strip("-.")
    return f"did you mean `{lower}`?" if lower != value and lower and problem(lower) is None else "choose another name"


__all__ = ["Findings"]
