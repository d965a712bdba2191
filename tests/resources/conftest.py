"""Shared by the tests of resources: vendors' manifests, and checks that show code, path and underlined text."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from dra_policy.diagnostics import CODES, Diagnostic
from dra_policy.resources import PlainObject, Reading, read_objects, validate
from dra_policy.source import Source

ORACLE = Path(__file__).parent.parent / "oracle" / "validation"
VENDORS = Path(__file__).parent.parent / "data" / "vendors"
Row = tuple[str, str, str]


def rows(diagnostics: list[Diagnostic] | tuple[Diagnostic, ...]) -> list[Row]:
    """Code, path and underlined text; every diagnostic keeps the house rules."""
    for d in diagnostics:
        assert d.code in CODES, d.code
        assert d.help, d
        assert not d.message.endswith("."), d.message
        assert "\n" not in d.message + d.help, d
        assert not d.message[0].isupper() or not d.message.split()[0].islower(), d.message
    return [(d.code, d.path, d.span.text if d.span else "") for d in diagnostics]


@pytest.fixture(scope="session")
def vendors() -> Path:
    return VENDORS


@pytest.fixture(scope="session")
def manifests() -> list[Path]:
    """Every manifest of the vendors; the file of expected answers is none."""
    return sorted(p for p in VENDORS.rglob("*.yaml") if not p.name.startswith("expected"))


@pytest.fixture(scope="session")
def vendor_objects(manifests: list[Path]) -> Reading:
    return read_objects(*manifests)


@pytest.fixture
def read() -> Callable[[str], tuple[Reading, list[Row]]]:
    """Reads a text as YAML (or as what the name says)."""

    def read_text(text: str, name: str = "a.yaml") -> tuple[Reading, list[Row]]:
        reading = read_objects(Source(name, text))
        return reading, rows(reading.diagnostics)

    return read_text


@pytest.fixture
def check() -> Callable[[str], list[Row]]:
    """Reads one object, which must decode, and validates it."""

    def check_text(text: str) -> list[Row]:
        reading = read_objects(Source("a.yaml", dedent(text)))
        assert not reading.diagnostics, reading.diagnostics
        (read,) = reading.objects
        assert not isinstance(read.value, PlainObject)
        # An entry in flow style is underlined with its braces; without them the tables are easier to read.
        whole = rows(validate(read.value, places=read.places))
        found = [(c, p, t[1:-1] if t.startswith("{") and t != "{}" else t) for c, p, t in whole]
        # Without positions the same is found.
        assert sorted((c, p) for c, p, _ in found) == sorted((d.code, d.path) for d in validate(read.value))
        return found

    return check_text


@pytest.fixture
def rendered() -> Callable[[tuple[Diagnostic, ...]], list[Row]]:
    return rows


@pytest.fixture(scope="session")
def upstream() -> Iterator[Callable[[str], ModuleType]]:
    """Gives the modules beside the validation oracle by name: the questions, the mutations, the oracle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ORACLE))
        yield importlib.import_module
