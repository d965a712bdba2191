"""URLs as Go's net/url reads them: with a scheme, or a path from the root."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.values import register_strict, register_type

_UNRESERVED: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")
# Characters that stay as they are in a path, and those that a host or a zone may hold.
_IN_PATH: Final = _UNRESERVED | frozenset(b"$&+,/:;=@")
_IN_HOST: Final = _UNRESERVED | frozenset(b"!$&'()*+,;=:[]<>\"")
_IN_RAW_PATH: Final = _IN_PATH | frozenset(b"!'()*[]%")
_IN_USER: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:~!$&'()*+,;=%@")
_IN_SCHEME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")
_HEX: Final = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class URL:
    """`url("https://example.com:80/path?key=value")`; `text` is the whole as Go prints it."""

    scheme: str
    host: str
    path: str
    query: str
    text: str


register_type(URL, "kubernetes.URL")
register_strict(URL)


class _Wrong(Exception):
    """What is wrong with a URL, in Go's words."""


def to_url(text: str) -> URL:
    """Raises `EvaluationError` for a text that is no URL."""
    try:
        _parsed(text, of_request=True)
        # A request has no fragment: reading it as one would leave the fragment in the path or query.
        before, _, fragment = text.partition("#")
        found = _parsed(before, of_request=False)
        if not fragment:
            return found
        _checked_escapes(fragment)
        return replace(found, text=f"{found.text}#{fragment}")
    except _Wrong as problem:
        raise EvaluationError(f'URL parse error during conversion from string: parse "{text}": {problem}') from problem


def check_request_url(text: str) -> None:
    """Raises `EvaluationError` unless a text is a URL as a request may have it."""
    try:
        _parsed(text, of_request=True)
    except _Wrong as problem:
        raise EvaluationError(f'parse "{text}": {problem}') from problem


def _is_url(text: str) -> bool:
    try:
        _parsed(text, of_request=True)
    except _Wrong:
        return False
    return True


def _parsed(text: str, *, of_request: bool) -> URL:
    if any(c < " " or c == "\x7f" for c in text):
        raise _Wrong("net/url: invalid control character in URL")
    if not text and of_request:
        raise _Wrong("empty url")
    if text == "*":
        return URL("", "", "*", "", "*")
    scheme, rest = _scheme(text)
    asked = "?" in rest
    rest, _, query = rest.partition("?")
    after = f"?{query}" if asked else ""
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme, "", "", query, f"{scheme}:{rest}{after}")
        if of_request:
            raise _Wrong("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise _Wrong("first path segment in URL cannot contain colon")
    host = before = ""
    if rest.startswith("//") and (scheme or (not of_request and not rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        host, user = _authority(scheme, authority)
        before = f"//{user}{host}" if host or rest or user else ""
    path = _escaped_path(rest)
    start = f"{scheme}:" if scheme else ""
    return URL(scheme, host, path, query, f"{start}{before}{path}{after}")


def _scheme(text: str) -> tuple[str, str]:
    for at, c in enumerate(text):
        if c == ":":
            if at == 0:
                raise _Wrong("missing protocol scheme")
            return text[:at].lower(), text[at + 1 :]
        if c not in _IN_SCHEME or (at == 0 and not c.isalpha()):
            break
    return "", text


def _authority(scheme: str, authority: str) -> tuple[str, str]:
    """The host with its port, and the user as written with the `@`."""
    user, sign, host = authority.rpartition("@")
    found = _host(scheme, host)
    if not sign:
        return found, ""
    if not set(user) <= _IN_USER:
        raise _Wrong("net/url: invalid userinfo")
    _checked_escapes(user)
    return found, f"{user}@"


def _host(scheme: str, host: str) -> str:
    opened = host.rfind("[")
    if opened > 0:
        raise _Wrong("invalid IP-literal")
    if opened == 0:
        return _literal(host)
    first, last = host.find(":"), host.rfind(":")
    if first >= 0:
        port = host[first if scheme in ("http", "https") else last :]
        if not _is_port(port):
            raise _Wrong(f'invalid port "{port}" after host')
    return _unescaped_host(host)


def _literal(host: str) -> str:
    closed = host.rfind("]")
    if closed < 0:
        raise _Wrong("missing ']' in host")
    port = host[closed + 1 :]
    if not _is_port(port):
        raise _Wrong(f'invalid port "{port}" after host')
    name, percent, zone = host[1:closed].partition("%25")
    found = _unescaped_host(name)
    if percent:
        _checked_escapes(zone)
        found += f"%{_text(zone)}"
    try:
        ipaddress.IPv6Address(found)
    except ValueError as problem:
        raise _Wrong(f"invalid host: {problem}") from problem
    return f"[{found}]{port}"


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and (len(text) == 1 or (text[1:].isascii() and text[1:].isdigit())))


def _unescaped_host(host: str) -> str:
    _checked_escapes(host)
    for at, c in enumerate(host):
        if c == "%" and host[at : at + 3] != "%25" and int(host[at + 1], 16) < 8:
            raise _Wrong(f'invalid URL escape "{host[at : at + 3]}"')
        if c != "%" and c.isascii() and ord(c) not in _IN_HOST:
            raise _Wrong(f'invalid character "{c}" in host name')
    return _text(host)


def _checked_escapes(text: str) -> None:
    at = text.find("%")
    while at >= 0:
        digits = text[at + 1 : at + 3]
        if len(digits) < 2 or not set(digits) <= _HEX:
            raise _Wrong(f'invalid URL escape "{text[at : at + 3]}"')
        at = text.find("%", at + 3)


def _text(escaped: str) -> str:
    return unquote_to_bytes(escaped).decode("utf-8", "replace")


def _escaped_path(written: str) -> str:
    """The path as written if it may stand so, else with all that must be escaped, escaped."""
    _checked_escapes(written)
    raw = written.encode("utf-8", "surrogatepass")
    if all(c in _IN_RAW_PATH for c in raw):
        return written
    return "".join(chr(c) if c in _IN_PATH else f"%{c:02X}" for c in unquote_to_bytes(raw))


def _query(url: URL) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for pair in url.query.split("&"):
        if not pair or ";" in pair:
            continue
        key, _, value = pair.replace("+", " ").partition("=")
        try:
            _checked_escapes(key)
            _checked_escapes(value)
        except _Wrong:
            continue
        found.setdefault(_text(key), []).append(_text(value))
    return {key: tuple(values) for key, values in found.items()}


def _split_host(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if not colon or not _is_port(f":{port}"):
        name, port = host, ""
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name, port


URLS: dict[str, Callable[..., Any]] = {
    "string_to_url": to_url,
    "is_url_string": _is_url,
    "url_get_scheme": lambda url: url.scheme,
    "url_get_host": lambda url: url.host,
    "url_get_hostname": lambda url: _split_host(url.host)[0],
    "url_get_port": lambda url: _split_host(url.host)[1],
    "url_get_escaped_path": lambda url: url.path,
    "url_get_query": _query,
}
