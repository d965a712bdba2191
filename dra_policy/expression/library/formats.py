"""Named formats: `format.dns1123Label().validate("a.b")` gives what is wrong with a text, or none.

The checks and their words are those of Kubernetes' validation and of its OpenAPI formats.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.library.urls import check_request_url
from dra_policy.expression.values import NONE, Maybe, register_strict, register_type

Check = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class NamedFormat:
    """A format by name; `pattern_length` is what its expression counts when the cost of a check is measured."""

    name: str
    pattern_length: int


register_type(NamedFormat, "kubernetes.NamedFormat")
register_strict(NamedFormat)

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_IS_LABEL, _IS_SUBDOMAIN, _IS_1035 = (re.compile(rf"{p}\Z") for p in (_LABEL, _SUBDOMAIN, _LABEL_1035))
_IS_NAME, _IS_LABEL_VALUE = re.compile(rf"{_NAME}\Z"), re.compile(rf"({_NAME})?\Z")
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})\Z")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})\Z")

_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character"
)
_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_NAME_WORDS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_LABEL_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character"
)


def _words(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def _too_long(text: str, most: int, unit: str) -> list[str]:
    return [f"must be no more than {most} {unit}"] if len(text.encode("utf-8", "surrogatepass")) > most else []


def _label(text: str) -> list[str]:
    found = _too_long(text, 63, "characters")
    if not _IS_LABEL.match(text):
        if _IS_SUBDOMAIN.match(text):
            found.append("must not contain dots")
        else:
            found.append(_words(_LABEL_WORDS, _LABEL, "my-name", "123-abc"))
    return found


def _subdomain(text: str) -> list[str]:
    found = _too_long(text, 253, "characters")
    return found if _IS_SUBDOMAIN.match(text) else [*found, _words(_SUBDOMAIN_WORDS, _SUBDOMAIN, "example.com")]


def _label_1035(text: str) -> list[str]:
    found = _too_long(text, 63, "characters")
    return found if _IS_1035.match(text) else [*found, _words(_1035_WORDS, _LABEL_1035, "my-name", "abc-123")]


def _as_prefix(check: Check) -> Check:
    """The check of a prefix, which may end in a dash."""
    return lambda text: check(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)


def _qualified_name(text: str) -> list[str]:
    examples = ("MyName", "my.name", "123-abc")
    found: list[str] = []
    match text.split("/"):
        case [name]:
            pass
        case [prefix, name]:
            wrong = ["must be non-empty"] if not prefix else _subdomain(prefix)
            found += [f"prefix part {word}" for word in wrong]
        case _:
            words = _words(_NAME_WORDS, _NAME, *examples)
            return [
                f"a valid label key {words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
    if not name:
        found.append("name part must be non-empty")
    else:
        found += [f"name part {word}" for word in _too_long(name, 63, "bytes")]
    if not _IS_NAME.match(name):
        found.append(f"name part {_words(_NAME_WORDS, _NAME, *examples)}")
    return found


def _label_value(text: str) -> list[str]:
    found = _too_long(text, 63, "bytes")
    if _IS_LABEL_VALUE.match(text):
        return found
    return [*found, _words(_LABEL_VALUE_WORDS, f"({_NAME})?", "MyValue", "my_value", "12345")]


def _uri(text: str) -> list[str]:
    try:
        check_request_url(text)
    except EvaluationError as problem:
        return [problem.message]
    return []


def _unless(holds: Callable[[str], object], message: str) -> Check:
    return lambda text: [] if holds(text) else [message]


def _is_date(text: str) -> bool:
    found = _DATE.match(text)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    # Go counts the year 0; it is a leap year.
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year or 4, month)[1]


def _is_date_time(text: str) -> bool:
    parts = text.lower().split("t")
    if len(text) < 4 or len(parts) < 2 or not _is_date(parts[0]):
        return False
    found = _TIME.match(parts[1])
    return found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


_CHECKS: dict[str, tuple[NamedFormat, Check]] = {
    "dns1123Label": (NamedFormat("DNS1123Label", 30), _label),
    "dns1123Subdomain": (NamedFormat("DNS1123Subdomain", 60), _subdomain),
    "dns1035Label": (NamedFormat("DNS1035Label", 30), _label_1035),
    "qualifiedName": (NamedFormat("QualifiedName", 60), _qualified_name),
    "dns1123LabelPrefix": (NamedFormat("DNS1123LabelPrefix", 30), _as_prefix(_label)),
    "dns1123SubdomainPrefix": (NamedFormat("DNS1123SubdomainPrefix", 60), _as_prefix(_subdomain)),
    "dns1035LabelPrefix": (NamedFormat("DNS1035LabelPrefix", 30), _as_prefix(_label_1035)),
    "labelValue": (NamedFormat("LabelValue", 40), _label_value),
    "uri": (NamedFormat("URI", 1103), _uri),
    "uuid": (NamedFormat("uuid", 70), _unless(_UUID.match, "does not match the UUID format")),
    "byte": (NamedFormat("byte", 84), _unless(_BASE64.match, "invalid base64")),
    "date": (NamedFormat("date", 71), _unless(_is_date, "invalid date")),
    "datetime": (NamedFormat("datetime", 71), _unless(_is_date_time, "invalid datetime")),
}
_BY_FORMAT = {named.name: check for named, check in _CHECKS.values()}


def _validate(of: NamedFormat, text: str) -> Maybe:
    found = _BY_FORMAT[of.name](text)
    return Maybe(True, tuple(found)) if found else NONE


def _named(name: str) -> Maybe:
    found = _CHECKS.get(name)
    return NONE if found is None else Maybe(True, found[0])


def _constant(of: NamedFormat) -> Callable[[], NamedFormat]:
    return lambda: of


FORMATS: dict[str, Callable[..., Any]] = {
    "format-named": _named,
    "format-validate": _validate,
    **{f"format.{name}": _constant(named) for name, (named, _) in _CHECKS.items()},
}
