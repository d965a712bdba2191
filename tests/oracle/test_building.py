"""Programs are built once for each set of sources and versions, where only their user can write."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest


@pytest.fixture
def building(load_module):
    return load_module(Path(__file__).resolve().parent / "building.py")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dra-policy-tests"


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "asking"
    folder.mkdir()
    (folder / "go.mod").write_text("module asking\n")
    (folder / "main.go").write_text("package main\n")
    return folder


class Maker:
    """Makes a program without Go, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> None:
        self.times += 1
        (folder / "program").write_text(str(self.times))


def test_it_is_built_once_and_again_when_a_version_changes(building, cache, sources) -> None:
    make = Maker()
    assert not building.is_built(sources, ["program"])
    first = building.built(sources, ["program"], make)
    assert first.parent == cache
    assert first.name.startswith("asking-")
    assert building.is_built(sources, ["program"])
    assert building.built(sources, ["program"], make) == first
    (sources / "notes.txt").write_text("not a source")
    assert building.built(sources, ["program"], make) == first
    assert make.times == 1
    (sources / "go.mod").write_text("module asking\n\ngo 1.26.0\n")
    assert not building.is_built(sources, ["program"])
    assert building.built(sources, ["program"], make) != first
    assert (make.times, (first / "program").read_text()) == (2, "1")


def test_a_build_that_fails_leaves_nothing_that_looks_built(building, cache, sources) -> None:
    def fail(folder: Path) -> None:
        (folder / "program").write_text("half of it")
        raise building.NoOracle("no network")

    with pytest.raises(building.NoOracle, match="no network"):
        building.built(sources, ["program"], fail)
    assert not building.is_built(sources, ["program"])
    assert [path.name for path in next(cache.iterdir()).iterdir()] == ["lock"]


@pytest.mark.usefixtures("cache")
def test_what_nobody_asked_for_in_a_month_goes_when_another_version_is_built(building, sources) -> None:
    make = Maker()
    old = building.built(sources, ["program"], make)
    (sources / "main.go").write_text("package main // 2\n")
    recent = building.built(sources, ["program"], make)
    long_ago = time.time() - building.UNUSED_SECONDS - 60
    os.utime(old / "lock", (long_ago, long_ago))
    (sources / "main.go").write_text("package main // 3\n")
    other = building.built(sources, ["program"], make)
    assert [folder.exists() for folder in (old, recent, other)] == [False, True, True]


def test_a_folder_that_others_can_write_to_is_refused(building, cache, sources) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    with pytest.raises(building.NoOracle, match="only this user can write to"):
        building.built(sources, ["program"], Maker())


def test_without_a_home_it_is_among_the_temporary_files(building, monkeypatch, sources, tmp_path) -> None:
    def nobody() -> Path:
        raise RuntimeError("no home directory")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(building.Path, "home", staticmethod(nobody))
    monkeypatch.setattr(building.tempfile, "tempdir", str(tmp_path))
    folder = building.built(sources, ["program"], Maker())
    assert folder.parent == tmp_path / f"dra-policy-tests-{os.getuid()}"
