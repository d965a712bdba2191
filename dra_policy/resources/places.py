"""Where in a text each field of an object stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from dra_policy.source import Source, Span


@dataclass(slots=True)
class Mark:
    """A value in a text: its range and, in a mapping, that of its key; character offsets."""

    start: int
    end: int
    key_start: int = -1
    key_end: int = -1
    children: dict[str, Mark] | list[Mark] | None = None


_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


def steps(path: str) -> Iterator[str]:
    """The parts of a field path.

    >>> list(steps("spec.devices[0].attributes[dra.net/rdma].bool"))
    ['spec', 'devices', '0', 'attributes', 'dra.net/rdma', 'bool']
    """
    for match in _STEP.finditer(path):
        yield match[1] if match[1] is not None else match[2]


@dataclass(frozen=True)
class Places:
    """From field paths of one object to spans of the text that it was read from.

    The text is read again for that, once, when the first span is asked for: most objects never need one. `prefix` is
    the object's own path in the document (`items[3]` in a list); `written` turns a path of `resource.k8s.io/v1` into
    the one that the user wrote, where an older API version has another shape.
    """

    source: Source
    marks: Callable[[], Mark | None] = field(repr=False, compare=False)
    prefix: str = ""
    written: Callable[[str], str] = field(default=lambda path: path, repr=False, compare=False)

    @cached_property
    def _root(self) -> Mark | None:
        return self.marks()

    def within(self, prefix: str) -> Places:
        """The places of an object that stands inside this document."""
        return Places(self.source, self._shared, f"{self.prefix}.{prefix}".strip("."))

    def reshaped(self, written: Callable[[str], str]) -> Places:
        """The same object, asked for by the paths of another API version."""
        return Places(self.source, self._shared, self.prefix, written)

    def _shared(self) -> Mark | None:
        return self._root

    def path(self, path: str) -> str:
        """A field path as the user wrote it, from the top of the document."""
        return f"{self.prefix}.{self.written(path)}".strip(".")

    def span(self, path: str = "", *, key: bool = False) -> Span | None:
        """The span of a field's value, or of its name if `key`; the nearest enclosing field's name if it is absent."""
        mark, found = self._find(self.path(path))
        if mark is None:
            return None
        if mark.key_start >= 0 and (key or not found or mark.children):
            return Span(self.source, mark.key_start, mark.key_end)
        return self._first_line(mark)

    def value_span(self, path: str) -> Span | None:
        """The span of the whole value, or None if the field is absent."""
        mark, found = self._find(self.path(path))
        return Span(self.source, mark.start, mark.end) if mark is not None and found else None

    def _find(self, path: str) -> tuple[Mark | None, bool]:
        mark = self._root
        if mark is None:
            return None, False
        for step in steps(path):
            child: Mark | None = None
            if isinstance(mark.children, dict):
                child = mark.children.get(step)
            elif isinstance(mark.children, list) and step.isdecimal() and int(step) < len(mark.children):
                child = mark.children[int(step)]
            if child is None:
                return mark, False
            mark = child
        return mark, True

    def _first_line(self, mark: Mark) -> Span:
        text = self.source.text
        end = max(mark.start, min(mark.end, len(text)))
        stop = text.find("\n", mark.start, end)
        if stop >= 0:
            end = stop
        return Span(self.source, mark.start, max(mark.start, mark.start + len(text[mark.start : end].rstrip())))


__all__ = ["Mark", "Places", "steps"]
