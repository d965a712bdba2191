"""YAML into plain values: what sigs.k8s.io/yaml makes of it, without recursion, within stated limits.

Values are composed from the parser's events, so that depth and the growth through aliases are counted before they
cost anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from dra_policy.diagnostics.model import Diagnostic, Related
from dra_policy.resources.places import Mark
from dra_policy.resources.quoting import shortened
from dra_policy.source import Source, Span

MAX_DEPTH: Final = 100
MAX_ALIASED: Final = 100_000
"""How many values aliases may add to one file."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_NEXT_DOCUMENT: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_TAG: Final = "tag:yaml.org,2002:"
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INT: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_NUMBER_START: Final = frozenset("+-.0123456789")
_WORDS: Final[dict[str, Any]] = (
    dict.fromkeys(["", "~", "null", "Null", "NULL"])
    | dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True)
    | dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False)
    | dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan)
    | dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf)
    | dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf)
)

Report: TypeAlias = Callable[[Diagnostic], None]


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document of a stream: its value, its range in characters, its marks if they were asked for."""

    value: Any
    start: int
    end: int
    mark: Mark | None


class _Stop(Exception):
    """The stream cannot be read on; the diagnostic is already reported."""


@dataclass(slots=True)
class _Frame:
    value: dict[str, Any] | list[Any]
    keys: dict[str, int]
    anchor: str | None
    mark: Mark | None
    size_before: int
    key: str | None = None
    key_start: int = 0
    key_end: int = 0
    merged: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    mark: Mark | None
    size: int


_UNFINISHED: Final = _Anchored(None, None, -1)
_NO_VALUE: Final = object()


def yaml_documents(
    source: Source, report: Report, *, start: int = 0, end: int | None = None, marks: bool = False
) -> Iterator[YamlDocument]:
    """The documents of a text, or of a range of it; empty ones are left out.

    Reports YML001 to YML007. After a syntax error reading goes on with the next document.
    """
    end = len(source.text) if end is None else end
    bad = _UNPRINTABLE.search(source.text, start, end)
    if bad is not None:
        report(
            Diagnostic(
                "YML001",
                f"the character U+{ord(bad[0]):04X} is not allowed in YAML",
                source.span(bad.start(), bad.end()),
                help='remove it, or write it as an escape such as `"\\x00"` in double quotes',
            )
        )
        return
    aliased = [0]
    while start < end:
        composer = _Composer(source, start, end, report, marks, aliased)
        try:
            yield from composer.documents()
        except _Stop:
            following = _NEXT_DOCUMENT.search(source.text, max(composer.at, start + 1), end)
            if following is None or aliased[0] > MAX_ALIASED:
                return
            start = following.start()
        else:
            return


class _Composer:
    def __init__(self, source: Source, start: int, end: int, report: Report, marks: bool, aliased: list[int]) -> None:
        self.source = source
        self.base = start
        self.text = source.text if start == 0 and end == len(source.text) else source.text[start:end]
        self.report = report
        self.marks = marks
        self.at = start
        self.aliased = aliased
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.size = 0

    def documents(self) -> Iterator[YamlDocument]:
        loader = _LOADER(self.text)
        start = 0
        value: Any = _NO_VALUE
        root: Mark | None = None
        while True:
            try:
                event: Any = loader.get_event()
            except yaml.YAMLError as problem:
                self._syntax_error(problem)
            kind = type(event)
            if kind is ScalarEvent:
                done, mark = self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._open(event, kind is MappingStartEvent)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done, mark = self._close(event)
            elif kind is AliasEvent:
                done, mark = self._alias(event)
            elif kind is DocumentStartEvent:
                start, value, self.anchors = event.start_mark.index, _NO_VALUE, {}
                continue
            elif kind is DocumentEndEvent:
                if value is not None and value is not _NO_VALUE:
                    yield YamlDocument(value, self.base + start, self.base + event.end_mark.index, root)
                self.at = self.base + event.end_mark.index
                continue
            elif kind is StreamEndEvent:
                return
            else:
                continue
            if not self._place(done, mark, event):
                value, root = done, mark

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, self.base + start, self.base + end)

    # Events are of type Any below: their marks are optional by type, but the parser always sets them.
    def _open(self, event: Any, mapping: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self._stop("YML003", f"more than {MAX_DEPTH} levels of nesting", event, "flatten the structure")
        if mapping and self.stack and self.stack[-1].key is None and isinstance(self.stack[-1].value, dict):
            self._stop("YML005", "a mapping cannot be a key", event, "keys are text")
        if not mapping and self.stack and self.stack[-1].key is None and isinstance(self.stack[-1].value, dict):
            self._stop(
                "YML005", "a list cannot be a key", event, "keys are text; put texts that start with `[` in quotes"
            )
        wanted = "map" if mapping else "seq"
        if event.tag not in (None, "!", _TAG + wanted):
            self._bad_tag(event)
        value: dict[str, Any] | list[Any] = {} if mapping else []
        mark = None
        if self.marks:
            mark = Mark(self.base + event.start_mark.index, 0, children={} if mapping else [])
        if event.anchor:
            self.anchors[event.anchor] = _UNFINISHED
        self.size += 1
        self.stack.append(_Frame(value, {}, event.anchor, mark, self.size - 1))

    def _close(self, event: Any) -> tuple[Any, Mark | None]:
        frame = self.stack.pop()
        if frame.mark is not None:
            frame.mark.end = self.base + event.end_mark.index
        if frame.merged:
            self._merge(frame)
        if frame.anchor:
            self.anchors[frame.anchor] = _Anchored(frame.value, frame.mark, self.size - frame.size_before)
        return frame.value, frame.mark

    def _scalar(self, event: Any) -> tuple[Any, Mark | None]:
        tag = event.tag
        value: Any = event.value
        if (tag is None and event.implicit[0]) or (tag is not None and tag[len(_TAG) :] in _RESOLVED):
            value = resolve(value)
            if isinstance(value, float) and not math.isfinite(value):
                self._complain(
                    "YML007",
                    f"`{shortened(event.value)}` is not a number that JSON has",
                    event,
                    "write a finite number",
                )
                value = None
        elif tag not in (None, "!", _TAG + "str"):
            self._bad_tag(event)
        self.size += 1
        mark = None
        if self.marks:
            mark = Mark(self.base + event.start_mark.index, self.base + event.end_mark.index)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, mark, 1)
        return value, mark

    def _alias(self, event: Any) -> tuple[Any, Mark | None]:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            self._stop(
                "YML004", f"no anchor `&{shortened(event.anchor)}` before this alias", event, "define the anchor first"
            )
        if anchored is _UNFINISHED:
            self._stop("YML004", f"`*{shortened(event.anchor)}` refers to itself", event, "write the value out")
        self.aliased[0] += anchored.size
        self.size += anchored.size
        if self.aliased[0] > MAX_ALIASED:
            help_ = "write the values out, or use fewer aliases"
            self._stop("YML004", f"aliases add more than {MAX_ALIASED} values", event, help_)
        mark = None
        if self.marks:
            children = None if anchored.mark is None else anchored.mark.children
            mark = Mark(self.base + event.start_mark.index, self.base + event.end_mark.index, children=children)
        return anchored.value, mark

    def _place(self, value: Any, mark: Mark | None, event: Any) -> bool:
        """Puts a finished value into its container; False if it is the document itself."""
        if not self.stack:
            return False
        frame = self.stack[-1]
        container = frame.value
        if isinstance(container, list):
            container.append(value)
            if mark is not None:
                frame.mark.children.append(mark)  # type: ignore[union-attr]  # marks and values have one shape
            return True
        if frame.key is None:
            self._key(frame, value, event)
            return True
        if frame.key == "<<" and frame.merged is not None and frame.keys.get("<<") == frame.key_start:
            frame.merged.append((value, mark, event.start_mark.index, event.end_mark.index))
        elif frame.key in container:
            pass
        else:
            container[frame.key] = value
            if mark is not None:
                mark.key_start, mark.key_end = self.base + frame.key_start, self.base + frame.key_end
                frame.mark.children[frame.key] = mark  # type: ignore[index,union-attr,call-overload]  # marks and values have one shape
        frame.key = None
        return True

    def _key(self, frame: _Frame, value: Any, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if not isinstance(value, str):
            shown = shortened(self.text[start:end])
            self._complain("YML005", f"the key `{shown}` is not text", event, f'put it in quotes: `"{shown}"`')
            value = shown
        if value in frame.keys and value != "<<":
            first = frame.keys[value]
            where = self._span(first, min(first + max(1, end - start), len(self.text)))
            self.report(
                Diagnostic(
                    "YML002",
                    f"the key `{shortened(value)}` is written twice",
                    self._span(start, end),
                    help="remove one of them",
                    related=(Related(where, "first written here"),),
                )
            )
        else:
            frame.keys[value] = start
        if value == "<<" and isinstance(event, ScalarEvent) and event.implicit[0] and frame.merged is None:
            frame.merged = []
        frame.key, frame.key_start, frame.key_end = value, start, end

    def _merge(self, frame: _Frame) -> None:
        assert isinstance(frame.value, dict)
        for value, mark, start, end in frame.merged or ():
            parts = value if isinstance(value, list) else [value]
            marks = mark.children if mark is not None and isinstance(mark.children, list) else [mark] * len(parts)
            for part, part_mark in zip(parts, marks, strict=True):
                if not isinstance(part, dict):
                    help_ = "write `<<: *name` where `&name` is a mapping"
                    self.report(Diagnostic("YML004", "`<<` merges mappings only", self._span(start, end), help=help_))
                    continue
                for key, item in part.items():
                    if key not in frame.value:
                        frame.value[key] = item
                        if frame.mark is not None and part_mark is not None:
                            frame.mark.children[key] = part_mark.children[key]  # type: ignore[index]  # marks and values have one shape

    def _bad_tag(self, event: Any) -> None:
        shown = shortened(event.tag.replace(_TAG, "!!"))
        self._complain(
            "YML006", f"the tag `{shown}` is not supported", event, "remove the tag; quotes make text of a value"
        )

    def _complain(self, code: str, message: str, event: Any, help_: str) -> None:
        end = event.end_mark.index
        if type(event) in (MappingStartEvent, SequenceStartEvent):
            end = min(event.start_mark.index + 1, len(self.text))
        self.report(Diagnostic(code, message, self._span(event.start_mark.index, end), help=help_))

    def _stop(self, code: str, message: str, event: Any, help_: str) -> NoReturn:
        self._complain(code, message, event, help_)
        self.at = self.base + event.start_mark.index
        raise _Stop

    def _syntax_error(self, problem: yaml.YAMLError) -> NoReturn:
        mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
        at = min(mark.index, len(self.text)) if mark is not None else 0
        what = str(getattr(problem, "problem", None) or "this is not YAML")
        message, help_ = explain(what, self.text, at)
        at = min(len(self.text.rstrip()), at)
        end = at + 1 if at < len(self.text) and self.text[at] != "\n" else at
        context = getattr(problem, "context_mark", None)
        related: tuple[Related, ...] = ()
        if context is not None and context.line != getattr(mark, "line", None):
            begin = min(context.index, len(self.text))
            related = (Related(self._span(begin, min(begin + 1, len(self.text))), "it starts here"),)
        self.report(Diagnostic("YML001", message, self._span(at, end), help=help_, related=related))
        self.at = self.base + at
        raise _Stop from problem


_RESOLVED: Final = frozenset({"int", "float", "bool", "null"})


def resolve(plain: str) -> Any:
    """The value of an unquoted scalar, by the rules of YAML 1.1 as Kubernetes' tools apply them.

    >>> [resolve(s) for s in ("on", "0x10", "1e3", "7.5.0", "~", "1_000")]
    [True, 16, 1000, '7.5.0', None, 1000]
    """
    if plain in _WORDS:
        return _WORDS[plain]
    if plain[0] not in _NUMBER_START or len(plain) > 64:
        return plain
    digits = plain.replace("_", "")
    if _INT.fullmatch(digits):
        number = _integer(digits)
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if math.isinf(value):
            return plain
        # On its way to JSON a whole float loses its point.
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    return plain


def _integer(digits: str) -> int:
    sign, body = (-1, digits[1:]) if digits[0] == "-" else (1, digits.removeprefix("+"))
    if len(body) > 1 and body[0] == "0" and body[1].isdigit():
        return sign * int(body, 8)
    return sign * int(body, 0)


_SYNTAX: Final = (
    ("cannot start any token", "a tab cannot indent in YAML", "indent with spaces", "\t"),
    (
        "cannot start any token",
        "this character cannot start a value",
        "put texts that start with a special character in quotes",
        "",
    ),
    (
        "mapping values are not allowed",
        "a `:` where no mapping can stand",
        "check the indentation, or put the text in quotes",
        "",
    ),
    ("could not find expected ':'", "a key without `:`", "write `key: value`", ""),
    ("expected ',' or ']'", "a list is not closed", "separate the entries by `,` and end the list with `]`", ""),
    ("expected ',' or '}'", "a mapping is not closed", "separate the fields by `,` and end the mapping with `}`", ""),
    ("expected key", "this line does not fit the indentation around it", "indent it like its neighbours", ""),
    (
        "expected '-' indicator",
        "this line does not fit the list around it",
        "start it with `-`, or indent it like its neighbours",
        "",
    ),
    ("unexpected end of stream", "a quoted text is not closed", "add the closing quote", ""),
    ("unexpected document indicator", "a quoted text is not closed", "add the closing quote", ""),
    (
        "block sequence entries are not allowed",
        "a list entry cannot start here",
        "put the list on the next line, indented",
        "",
    ),
    ("expected <document start>", "text after the end of a document", "separate documents by a line `---`", ""),
    ("undefined tag handle", "the tag is not known", "remove the tag; quotes make text of a value", ""),
    ("duplicate anchor", "an anchor is written twice", "remove one of them", ""),
)


def explain(problem: str, text: str, at: int) -> tuple[str, str]:
    """A syntax error of the YAML parser in our words, with help."""
    for sign, message, help_, needs in _SYNTAX:
        if sign in problem and (not needs or needs in text[at : at + 1]):
            return message, help_
    if "\t" in text[text.rfind("\n", 0, at) + 1 : at + 1]:
        return "a tab cannot indent in YAML", "indent with spaces"
    return (
        f"not YAML: {shortened(problem)}",
        "check the indentation, the quotes and the brackets before this place",
    )


__all__ = ["MAX_ALIASED", "MAX_DEPTH", "YamlDocument", "resolve", "yaml_documents"]
