"""Names of the API: DNS labels and subdomains, driver and pool names, qualified names (A9, A10).

Each `..._problem` function says what is wrong with a name, in words that end a sentence, or returns None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LABEL_MAX: Final = 63
SUBDOMAIN_MAX: Final = 253
DRIVER_MAX: Final = 63
POOL_MAX: Final = 253
IDENTIFIER_MAX: Final = 32
DOMAIN_MAX: Final = 63

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_ANY_CASE: Final = re.compile(_SUBDOMAIN.pattern, re.IGNORECASE | re.ASCII)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_PART: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_LABEL_WORDS: Final = "lower case letters, digits and `-`, starting and ending with a letter or digit"
_SUBDOMAIN_WORDS: Final = "lower case letters, digits, `-` and `.`, starting and ending with a letter or digit"


def label_problem(name: str) -> str | None:
    """A DNS label (RFC 1123): devices, requests, counter sets, counters, compatibility groups.

    >>> label_problem("gpu-0") is None, label_problem("GPU")
    (True, 'must be lower case letters, digits and `-`, starting and ending with a letter or digit')
    """
    if len(name) > LABEL_MAX:
        return f"must have at most {LABEL_MAX} characters, has {len(name)}"
    return None if _LABEL.fullmatch(name) else f"must be {_LABEL_WORDS}"


def subdomain_problem(name: str) -> str | None:
    """A DNS subdomain (RFC 1123): classes, slices, nodes."""
    if len(name) > SUBDOMAIN_MAX:
        return f"must have at most {SUBDOMAIN_MAX} characters, has {len(name)}"
    return None if _SUBDOMAIN.fullmatch(name) else f"must be {_SUBDOMAIN_WORDS}"


def driver_problem(name: str) -> str | None:
    """A driver: a DNS subdomain of at most 63 characters in either case (A9)."""
    if len(name) > DRIVER_MAX:
        return f"must have at most {DRIVER_MAX} characters, has {len(name)}"
    words = "letters, digits, `-` and `.`, starting and ending with a letter or digit"
    return None if _SUBDOMAIN_ANY_CASE.fullmatch(name) else f"must be {words}"


def pool_problem(name: str) -> str | None:
    """A pool: one or more DNS subdomains joined by `/` (A9)."""
    if len(name) > POOL_MAX:
        return f"must have at most {POOL_MAX} characters, has {len(name)}"
    if all(_SUBDOMAIN.fullmatch(part) for part in name.split("/")):
        return None
    return f"must be names joined by `/`, each of {_SUBDOMAIN_WORDS}"


def identifier_problem(name: str) -> str | None:
    """A C identifier of at most 32 characters (A10)."""
    if len(name) > IDENTIFIER_MAX:
        return f"must have at most {IDENTIFIER_MAX} characters, has {len(name)}"
    return None if _IDENTIFIER.fullmatch(name) else "must be letters, digits and `_`, not starting with a digit"


def key_problem(name: str) -> str | None:
    """A label key: `name` or `domain/name`; the keys of taints, tolerations and node labels."""
    *prefix, last = name.split("/")
    if len(prefix) > 1:
        return "must have at most one `/`"
    if prefix and (not prefix[0] or subdomain_problem(prefix[0])):
        return "must have a DNS subdomain before the `/`"
    if len(last) > LABEL_MAX:
        return f"must have at most {LABEL_MAX} characters after the `/`, has {len(last)}"
    if _NAME_PART.fullmatch(last):
        return None
    return "must be letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit"


def value_problem(value: str) -> str | None:
    """A label value, possibly empty: the values of taints, tolerations and node labels."""
    if len(value) > LABEL_MAX:
        return f"must have at most {LABEL_MAX} characters, has {len(value)}"
    if not value or _NAME_PART.fullmatch(value):
        return None
    return "must be letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit"


@dataclass(frozen=True, slots=True)
class QualifiedName:
    """The name of an attribute or capacity: an identifier, with or without a domain (A10).

    >>> QualifiedName.split("dra.net/rdma")
    QualifiedName(domain='dra.net', identifier='rdma')
    >>> str(QualifiedName.split("model").within("gpu.nvidia.com"))
    'gpu.nvidia.com/model'
    """

    domain: str
    identifier: str

    @classmethod
    def split(cls, name: str) -> QualifiedName:
        """At the first `/`, as Kubernetes does; without one the domain is empty. Checks nothing."""
        domain, slash, identifier = name.partition("/")
        return cls(domain, identifier) if slash else cls("", domain)

    def within(self, driver: str) -> QualifiedName:
        """With the driver's domain where none was written (D2)."""
        return self if self.domain else QualifiedName(driver, self.identifier)

    def __str__(self) -> str:
        return f"{self.domain}/{self.identifier}" if self.domain else self.identifier


def qualified_name_problem(name: str, *, need_domain: bool = False) -> str | None:
    """A qualified name; `need_domain` for those of constraints and derived attributes (A10).

    A name with several slashes passes: a gap of the API server that we keep (A10). Where a domain is needed it is of
    lower case, though devices may publish attributes with a domain in upper case.
    """
    parts = name.split("/")
    if len(parts) == 1:
        return "must have a domain: `domain/identifier`" if need_domain else identifier_problem(name)
    if len(parts) > 2:
        return None
    domain, identifier = parts
    if not domain:
        return "must have a domain before the `/`"
    if len(domain) > DOMAIN_MAX:
        return f"must have a domain of at most {DOMAIN_MAX} characters, has {len(domain)}"
    if driver_problem(domain):
        return "must have a domain of letters, digits, `-` and `.` before the `/`"
    if need_domain and subdomain_problem(domain):
        return "must have a domain of lower case before the `/`"
    if not identifier:
        return "must have an identifier after the `/`"
    problem = identifier_problem(identifier)
    return None if problem is None else f"{problem} (after the `/`)"


__all__ = [
    "QualifiedName",
    "driver_problem",
    "identifier_problem",
    "key_problem",
    "label_problem",
    "pool_problem",
    "qualified_name_problem",
    "subdomain_problem",
    "value_problem",
]
