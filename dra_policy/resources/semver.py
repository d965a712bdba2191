"""Semantic versions 2.0.0 (semver.org), strictly: three numbers, no `v`, no leading zeros."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, total_ordering
from typing import Final

_UINT64: Final = 2**64
_SHAPE: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)


class NotASemver(ValueError):
    """The text is not a semantic version; the message says what is wrong, in words for people."""


@total_ordering
@dataclass(frozen=True, eq=False)
class Semver:
    """A semantic version. Order and equality ignore build metadata (semver.org rule 10); `str` keeps it.

    >>> Semver.parse("1.2.3-rc.1") < Semver.parse("1.2.3"), str(Semver.parse("1.2.3+b7"))
    (True, '1.2.3+b7')
    """

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = field(default=())
    build: tuple[str, ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> Semver:
        """Strict; raises `NotASemver`. Numbers go up to 2^64-1, as in the library that Kubernetes uses."""
        if len(text) > 1024:
            msg = "a version has at most 1024 characters"
            raise NotASemver(msg)
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise NotASemver(_what_is_wrong(text))
        major, minor, patch, prerelease, build = match.groups()
        before = tuple(prerelease.split(".")) if prerelease else ()
        if any(len(n) > 19 and int(n) >= _UINT64 for n in (major, minor, patch, *(p for p in before if p.isdigit()))):
            msg = "a number of a version is at most 18446744073709551615"
            raise NotASemver(msg)
        return cls(int(major), int(minor), int(patch), before, tuple(build.split(".")) if build else ())

    @cached_property
    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        parts = tuple((False, int(p), "") if p.isdigit() else (True, 0, p) for p in self.prerelease)
        return self.major, self.minor, self.patch, not self.prerelease, parts

    def compare_to(self, other: Semver) -> int:
        """-1, 0 or 1 by precedence."""
        return (self._key > other._key) - (self._key < other._key)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Semver) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key < other._key if isinstance(other, Semver) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += "-" + ".".join(self.prerelease)
        return text + ("+" + ".".join(self.build) if self.build else "")


def semver_problem(text: str) -> str | None:
    """What is wrong with the form of a version, or None; its numbers may be of any size, as the API server has it."""
    return None if _SHAPE.fullmatch(text) else _what_is_wrong(text)


def _what_is_wrong(text: str) -> str:
    if text[:1] in ("v", "V") and _SHAPE.fullmatch(text[1:]):
        return "a version has no `v` in front"
    core = re.split(r"[-+]", text, maxsplit=1)[0]
    numbers = core.split(".")
    if all(n.isascii() and n.isdigit() for n in numbers):
        if len(numbers) != 3:
            return f"a version has three numbers, not {len(numbers)}"
        if any(n != "0" and n.startswith("0") for n in numbers):
            return "the numbers of a version have no leading zeros"
    return "a version is three numbers such as `1.2.3`, with an optional `-prerelease` and `+build`"


__all__ = ["NotASemver", "Semver", "semver_problem"]
