"""Units of amounts: what they measure and how much they are, exactly.

Three spellings meet in a policy file: Kubernetes' suffixes (`80Gi`), datasheets (`80 GiB`, `450 GB/s`, `400 Gbit/s`)
and plain words (`4 cores`). All are read; each has one canonical spelling, which the formatter prints.

>>> unit_of("GiB").canonical, unit_of("GiB").dimension, unit_of("GiB").factor
('Gi', 'bytes', Fraction(1073741824, 1))
>>> unit_of("Gbit/s").dimension, unit_of("Gbit/s").per_second
('bits', True)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from dra_policy.diagnostics import nearest


@dataclass(frozen=True, slots=True)
class Unit:
    """One spelling of a unit.

    An amount is `number * factor` of its dimension's base: bytes, bits, hertz, watts, cores or seconds, and that
    per second if `per_second`. `attached` units are printed directly behind the number.
    """

    spelling: str
    canonical: str
    dimension: str
    per_second: bool
    factor: Fraction
    attached: bool


_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("k", "M", "G", "T", "P", "E")


def _powers(prefixes: tuple[str, ...], base: int) -> Iterator[tuple[str, int]]:
    return ((prefix, base**power) for power, prefix in enumerate(prefixes, 1))


def _amounts() -> Iterator[tuple[str, str, str, int]]:
    """Spelling, canonical spelling, dimension, factor: everything that may also stand before `/s`."""
    yield "B", "B", "bytes", 1
    yield "bit", "bit", "bits", 1
    for prefix, factor in _powers(_BINARY, 1024):
        yield prefix, prefix, "bytes", factor
        yield f"{prefix}B", prefix, "bytes", factor
        yield f"{prefix}bit", f"{prefix}bit", "bits", factor
    for prefix, factor in _powers(_DECIMAL, 1000):
        # Kubernetes writes 80G for what a datasheet calls 80 GB, and 1304k for a count.
        yield prefix, prefix, "bytes", factor
        yield f"{prefix}B", f"{prefix}B", "bytes", factor
        yield f"{prefix}bit", f"{prefix}bit", "bits", factor


def _rates() -> Iterator[tuple[str, str, str, int]]:
    for spelling, canonical, dimension, factor in _amounts():
        if spelling in _DECIMAL:
            continue
        # A rate is a datasheet's word: `Gi/s` is read, `GiB/s` is printed.
        yield f"{spelling}/s", f"{canonical}B/s" if canonical in _BINARY else f"{canonical}/s", dimension, factor


_OTHERS: tuple[tuple[str, str, str, Fraction], ...] = (
    ("Hz", "Hz", "hertz", Fraction(1)),
    ("kHz", "kHz", "hertz", Fraction(10**3)),
    ("MHz", "MHz", "hertz", Fraction(10**6)),
    ("GHz", "GHz", "hertz", Fraction(10**9)),
    ("mW", "mW", "watts", Fraction(1, 1000)),
    ("W", "W", "watts", Fraction(1)),
    ("kW", "kW", "watts", Fraction(1000)),
    ("cores", "cores", "cores", Fraction(1)),
    ("core", "cores", "cores", Fraction(1)),
    ("mcores", "mcores", "cores", Fraction(1, 1000)),
    # Kubernetes' suffix for thousandths, which it uses for CPU.
    ("m", "mcores", "cores", Fraction(1, 1000)),
    ("ms", "ms", "seconds", Fraction(1, 1000)),
    ("s", "s", "seconds", Fraction(1)),
    ("min", "min", "seconds", Fraction(60)),
    ("h", "h", "seconds", Fraction(3600)),
    ("d", "d", "seconds", Fraction(86400)),
)

# Printed without a space: Kubernetes' own suffixes and, as everywhere else, durations.
_ATTACHED = frozenset((*_BINARY, *_DECIMAL, "ms", "s", "min", "h", "d"))


def _table() -> Iterator[Unit]:
    for spelling, canonical, dimension, factor in _amounts():
        yield Unit(spelling, canonical, dimension, False, Fraction(factor), canonical in _ATTACHED)
    for spelling, canonical, dimension, factor in _rates():
        yield Unit(spelling, canonical, dimension, True, Fraction(factor), False)
    for spelling, canonical, dimension, share in _OTHERS:
        yield Unit(spelling, canonical, dimension, False, share, canonical in _ATTACHED)


UNITS: MappingProxyType[str, Unit] = MappingProxyType({entry.spelling: entry for entry in _table()})
"""Every unit by each of its spellings."""

COUNT_SUFFIXES = frozenset(_DECIMAL)
"""What may stand behind a count too: `1304k` is 1304000."""

# Read only when they touch the number: `index 0 m 3` in a model is two values, not a thousandth and a 3.
ATTACHED_ONLY = frozenset((*_DECIMAL, "m"))


def unit_of(spelling: str) -> Unit:
    """The unit of this spelling; KeyError if there is none."""
    return UNITS[spelling]


def nearest_unit(wrong: str) -> str | None:
    """The unit that was probably meant: another case first, then the most alike.

    >>> nearest_unit("gib"), nearest_unit("Gigabytes"), nearest_unit("Gbps"), nearest_unit("qqq")
    ('GiB', 'GB', 'Gbit/s', None)
    """
    if len(wrong) > 20:
        return None
    folded = wrong.casefold()
    for entry in sorted(UNITS):
        if entry.casefold() == folded:
            return entry
    for word, abbreviation in _WORDS:
        if folded == word:
            return abbreviation
    return nearest(wrong, UNITS)


def _words() -> Iterator[tuple[str, str]]:
    names = ("kilo", "mega", "giga", "tera", "peta", "exa")
    binary = ("kibi", "mebi", "gibi", "tebi", "pebi", "exbi")
    for word, prefix in (*zip(names, _DECIMAL, strict=True), *zip(binary, _BINARY, strict=True)):
        short = prefix.casefold()
        for plural in ("", "s"):
            yield f"{word}byte{plural}", f"{prefix}B"
            yield f"{word}bit{plural}", f"{prefix}bit"
        yield f"{short}bps", f"{prefix}bit/s"
        yield f"{short}b/s", f"{prefix}B/s"
        yield f"{short}bit/sec", f"{prefix}bit/s"
        yield f"{short}bits", f"{prefix}bit"
        yield f"{word[:3]}s", f"{prefix}B"
    for plural in ("", "s"):
        yield f"byte{plural}", "B"
        yield f"bit{plural}", "bit"
        yield f"watt{plural}", "W"
        yield f"second{plural}", "s"
        yield f"sec{plural}", "s"
        yield f"minute{plural}", "min"
        yield f"hour{plural}", "h"
        yield f"day{plural}", "d"
    yield "hertz", "Hz"
    yield "bps", "bit/s"
    yield "cpu", "cores"
    yield "cpus", "cores"


_WORDS = tuple(_words())
