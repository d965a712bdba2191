"""String and bytes literals of CEL: from the written form to the value, and back."""

from __future__ import annotations

import re

_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    '"': '"', "'": "'", "\\": "\\", "?": "?", "`": "`",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\"'\\?`])|[xX](?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<wrong>.))",
    re.DOTALL,
)
_TO_ESCAPE = re.compile('[\x00-\x1f\x7f"\\\\\ud800-\udfff]')
_NAMED = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", '"': '"', "\\": "\\"}


class WrongEscape(Exception):
    """An escape sequence that CEL does not know; `start` and `end` are offsets in the literal."""

    def __init__(self, start: int, end: int, message: str) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


def _body(written: str) -> tuple[str, int, bool]:
    raw = written[0] in "rR"
    at = 1 if raw else 0
    quotes = 3 if len(written) - at >= 6 and written[at] * 3 == written[at : at + 3] else 1
    return written[at + quotes : len(written) - quotes], at + quotes, raw


def string_value(written: str) -> str:
    """The value of a string literal, quotes and prefix included.

    >>> string_value(r'"a\\x41"'), string_value(r"r'\\d'")
    ('aA', '\\\\d')
    """
    body, start, raw = _body(written)
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    if raw or "\\" not in body:
        return body

    def one(found: re.Match[str]) -> str:
        kind = found.lastgroup
        text = found.group(kind or 0)
        if kind == "simple":
            return _SIMPLE[text]
        if kind == "wrong":
            raise WrongEscape(start + found.start(), start + found.end(), f"unknown escape sequence `\\{text}`")
        code = int(text, 8 if kind == "octal" else 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise WrongEscape(start + found.start(), start + found.end(), f"`{found.group()}` is no Unicode character")
        return chr(code)

    return _ESCAPE.sub(one, body)


def bytes_value(written: str) -> bytes:
    """The value of a bytes literal: characters as UTF-8, `\\x` and octal escapes as single bytes.

    >>> bytes_value(r'b"\\xff\\0331"')
    b'\\xff\\x1b1'
    """
    body, start, raw = _body(written[1:])
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    if raw or "\\" not in body:
        return body.encode()
    out = bytearray()
    at = 0
    for found in _ESCAPE.finditer(body):
        out += body[at : found.start()].encode()
        at = found.end()
        kind = found.lastgroup
        text = found.group(kind or 0)
        place = (1 + start + found.start(), 1 + start + found.end())
        match kind:
            case "simple":
                out += _SIMPLE[text].encode()
            case "x":
                out.append(int(text, 16))
            case "octal":
                out.append(int(text, 8))
            case "u" | "U":
                raise WrongEscape(*place, f"bytes take `\\x` and octal escapes, not `\\{kind}`")
            case _:
                raise WrongEscape(*place, f"unknown escape sequence `\\{text}`")
    out += body[at:].encode()
    return bytes(out)


def quoted(value: str) -> str:
    """A string literal in double quotes.

    >>> print(quoted('a"b\\n'))
    "a\\"b\\n"
    """

    def one(found: re.Match[str]) -> str:
        text = found.group()
        return f"\\{_NAMED[text]}" if text in _NAMED else f"\\u{ord(text):04x}"

    return f'"{_TO_ESCAPE.sub(one, value)}"'


def quoted_bytes(value: bytes) -> str:
    """A bytes literal; everything but printable ASCII is escaped.

    >>> print(quoted_bytes(b"a\\xff"))
    b"a\\xff"
    """
    return 'b"' + "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in value) + '"'
