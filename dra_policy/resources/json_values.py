"""JSON into plain values with positions, without recursion, within a stated depth."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from dra_policy.diagnostics.model import Diagnostic, Related
from dra_policy.resources.places import Mark
from dra_policy.resources.quoting import shortened
from dra_policy.resources.yaml_values import MAX_DEPTH
from dra_policy.source import Source, Span

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"([^"\\\x00-\x1f]*)"')
_ESCAPED: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """One JSON text of a file: its value, its range in characters, its marks if they were asked for."""

    value: Any
    start: int
    end: int
    mark: Mark | None


class _Stop(Exception):
    """The text cannot be read on; the diagnostic is already reported."""


@dataclass(slots=True)
class _Frame:
    value: dict[str, Any] | list[Any]
    mark: Mark | None
    start: int
    keys: dict[str, int]
    key: str = ""
    key_start: int = 0
    key_end: int = 0


def json_documents(
    source: Source,
    report: Callable[[Diagnostic], None],
    *,
    start: int = 0,
    end: int | None = None,
    marks: bool = False,
) -> Iterator[JsonDocument]:
    """The JSON texts of a file, one after the other; null is left out. Reports YML001, YML002, YML003, YML007."""
    scanner = _Scanner(source, report, start, len(source.text) if end is None else end, marks)
    try:
        while scanner.more():
            begin = scanner.at
            value, mark = scanner.document()
            if value is not None:
                yield JsonDocument(value, begin, scanner.at, mark)
    except _Stop:
        return


class _Scanner:
    def __init__(self, source: Source, report: Callable[[Diagnostic], None], start: int, end: int, marks: bool) -> None:
        self.source = source
        self.text = source.text
        self.report = report
        self.at = start
        self.end = end
        self.marks = marks

    def more(self) -> bool:
        self._skip()
        return self.at < self.end

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at, self.end)
        assert match is not None
        self.at = match.end()

    def document(self) -> tuple[Any, Mark | None]:
        stack: list[_Frame] = []
        while True:
            value, mark = self._value(stack)
            # A container that was just opened and is not empty is filled first.
            if value is _OPENED:
                continue
            while True:
                if not stack:
                    return value, mark
                frame = stack[-1]
                self._put(frame, value, mark)
                if self._next(frame):
                    break
                stack.pop()
                value, mark = frame.value, frame.mark
                if mark is not None:
                    mark.end = self.at

    def _value(self, stack: list[_Frame]) -> tuple[Any, Mark | None]:
        self._skip()
        start = self.at
        first = self.text[start] if start < self.end else ""
        if first in ("{", "["):
            return self._open(stack, first)
        if first == '"':
            value: Any = self._string("a text is not closed")
        elif first and first in "-0123456789":
            value = self._number()
        else:
            value = self._word(start)
        return value, Mark(start, self.at) if self.marks else None

    def _open(self, stack: list[_Frame], first: str) -> tuple[Any, Mark | None]:
        start = self.at
        if len(stack) >= MAX_DEPTH:
            self._fail("YML003", f"more than {MAX_DEPTH} levels of nesting", start, "flatten the structure")
        self.at += 1
        value: dict[str, Any] | list[Any] = {} if first == "{" else []
        mark = Mark(start, start, children={} if first == "{" else []) if self.marks else None
        self._skip()
        if self.at < self.end and self.text[self.at] == ("}" if first == "{" else "]"):
            self.at += 1
            if mark is not None:
                mark.end = self.at
            return value, mark
        frame = _Frame(value, mark, start, {})
        stack.append(frame)
        if isinstance(value, dict):
            self._key(frame)
        return _OPENED, None

    def _put(self, frame: _Frame, value: Any, mark: Mark | None) -> None:
        if isinstance(frame.value, list):
            frame.value.append(value)
            if mark is not None:
                frame.mark.children.append(mark)  # type: ignore[union-attr]  # marks and values have one shape
        elif frame.key not in frame.value:
            frame.value[frame.key] = value
            if mark is not None:
                mark.key_start, mark.key_end = frame.key_start, frame.key_end
                frame.mark.children[frame.key] = mark  # type: ignore[union-attr,index,call-overload]  # marks and values have one shape

    def _next(self, frame: _Frame) -> bool:
        """Whether another entry follows; else the container is closed."""
        self._skip()
        character = self.text[self.at] if self.at < self.end else ""
        mapping = isinstance(frame.value, dict)
        close = "}" if mapping else "]"
        if character == ",":
            self.at += 1
            self._skip()
            if self.at < self.end and self.text[self.at] == close:
                self._fail("YML001", f"a `,` before `{close}`", self.at - 1, "remove the comma")
            if mapping:
                self._key(frame)
            return True
        if character != close:
            self._not_closed(frame, character, close)
        self.at += 1
        return False

    def _not_closed(self, frame: _Frame, character: str, close: str) -> NoReturn:
        what = "object" if isinstance(frame.value, dict) else "list"
        if not character:
            self._fail("YML001", f"the {what} that starts here is not closed", frame.start, f"add `{close}` at the end")
        self._fail("YML001", f"expected `,` or `{close}`", self.at, f"separate the entries of the {what} by `,`")

    def _key(self, frame: _Frame) -> None:
        self._skip()
        start = self.at
        if start >= self.end or self.text[start] != '"':
            self._fail("YML001", "expected a key in double quotes", start, 'write `"key": value`')
        frame.key = self._string("a key is not closed")
        frame.key_start, frame.key_end = start, self.at
        if frame.key in frame.keys:
            first = frame.keys[frame.key]
            where = Span(self.source, first, first + self.at - start)
            self.report(
                Diagnostic(
                    "YML002",
                    f"the key `{shortened(frame.key)}` is written twice",
                    Span(self.source, start, self.at),
                    help="remove one of them",
                    related=(Related(where, "first written here"),),
                )
            )
        else:
            frame.keys[frame.key] = start
        self._skip()
        if self.at >= self.end or self.text[self.at] != ":":
            self._fail("YML001", "expected `:` after the key", self.at, 'write `"key": value`')
        self.at += 1

    def _string(self, unclosed: str) -> str:
        plain = _STRING.match(self.text, self.at, self.end)
        if plain is not None:
            self.at = plain.end()
            return plain[1]
        match = _ESCAPED.match(self.text, self.at, self.end)
        if match is None:
            self._bad_string(unclosed)
        self.at = match.end()
        # As Kubernetes' decoder has it, half a surrogate pair becomes U+FFFD.
        return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", str(json.loads(match[0])))

    def _bad_string(self, unclosed: str) -> NoReturn:
        at = self.at + 1
        while at < self.end and self.text[at] not in '"\n':
            if self.text[at] == "\\":
                if re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})').match(self.text, at, self.end) is None:
                    self._fail(
                        "YML001",
                        f"`{shortened(self.text[at : at + 2])}` is not an escape of JSON",
                        at,
                        r"write `\\` for `\`",
                    )
                at += 1
            elif self.text[at] < " ":
                shown = f"U+{ord(self.text[at]):04X}"
                self._fail(
                    "YML001",
                    f"the character {shown} is not allowed in a text",
                    at,
                    f"write `\\u{ord(self.text[at]):04x}`",
                )
            at += 1
        self._fail("YML001", unclosed, self.at, "add the closing quote")

    def _number(self) -> int | float:
        match = _NUMBER.match(self.text, self.at, self.end)
        if match is None:
            self._fail("YML001", "this is not a number", self.at, "write digits after the sign")
        start, self.at = self.at, match.end()
        if match[1] is None and match[2] is None and len(match[0]) <= 64:
            return int(match[0])
        value = float(match[0])
        if not math.isfinite(value):
            self._report("YML007", "this number is too large", start, self.at, "put it in quotes if it is an amount")
            return 0
        return value

    def _word(self, start: int) -> Any:
        if start >= self.end:
            self._fail(
                "YML001", "a value is missing at the end", len(self.text[: self.end].rstrip()), "complete the JSON"
            )
        match = _WORD.match(self.text, start, self.end)
        if match is None:
            self._fail(
                "YML001", "expected a value", start, "write an object, a list, a text, a number, true, false or null"
            )
        if match[0] not in _CONSTANTS:
            self._report(
                "YML001", f"`{shortened(match[0])}` is not JSON", start, match.end(), "put texts in double quotes"
            )
            raise _Stop
        self.at = match.end()
        return _CONSTANTS[match[0]]

    def _report(self, code: str, message: str, start: int, end: int, help_: str) -> None:
        self.report(Diagnostic(code, message, Span(self.source, start, end), help=help_))

    def _fail(self, code: str, message: str, at: int, help_: str) -> NoReturn:
        self._report(code, message, at, at + 1 if at < self.end and self.text[at] != "\n" else at, help_)
        raise _Stop


_OPENED: Final = object()

__all__ = ["JsonDocument", "json_documents"]
