"""Every benchmark runs, at its smallest size, and reports what it should; nothing here judges a time."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks import report, tables
from benchmarks.__main__ import MODULES, WITH_PEER, main
from benchmarks.clusters import DEVICES, EMPTY, FULL, HALF, MIX, Fill, node_slice
from benchmarks.peer import NoPeer, Peer
from benchmarks.report import Plot, Size, Table
from benchmarks.workloads import question

WITHOUT = "DRA_POLICY_WITHOUT_ORACLE"


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    if os.environ.get(WITHOUT):
        pytest.skip(f"{WITHOUT} is set: nothing is compared with upstream")
    with Peer() as running:
        yield running


@pytest.mark.parametrize("name", sorted(WITH_PEER))
def test_a_benchmark_beside_the_peer_agrees_with_it(name: str, peer: Peer) -> None:
    said: list[str] = []
    tables = importlib.import_module(f"benchmarks.{MODULES[name]}").run(Size.TINY, peer, said.append)
    assert said
    agreements = [row["agrees"] for row in tables[0].rows if row.get("agrees") is not None]
    assert agreements
    assert all(agreements), tables[0].text()
    assert any(row.get("peer us") or row.get("peer ms") for row in tables[0].rows)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_benchmark_runs_without_the_peer(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Times on a machine that does other work may leave their ranges; whatever else may not is looked at here.
    assert main([name, "--size", "tiny", "--without-peer", "--results", str(tmp_path)]) in (0, 1)
    written = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(tmp_path.glob("*.json"))]
    assert written
    printed = capsys.readouterr().out
    for table in written:
        assert table["rows"], table["name"]
        assert table["title"] in printed
        for row in table["rows"]:
            assert row.get("agrees", True) is not False
            assert row.get("equal", True) is True
            assert row.get("outcome") not in ("error", "gave up")


def test_a_name_that_is_no_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["alocation"])
    assert stopped.value.code == 2
    assert "no benchmark `alocation`" in capsys.readouterr().err


def test_the_peer_gives_up_when_its_time_is_up(peer: Peer) -> None:
    peer.prepare(question("manyclaims-n16"))
    spent = peer.repeat(1, timeout=0.05)
    assert spent.gave_up
    assert not spent.allocated
    peer.prepare(question("single-n8-c4-numa"))
    assert peer.repeat(3).devices == (("gpu-000", "gpu-001", "gpu-002", "gpu-003"),)


def test_the_peer_refuses_what_it_cannot_place(peer: Peer) -> None:
    peer.cluster([])
    assert "nothing to place" in str(peer.pods(1, rotate=False).error)
    with pytest.raises(NoPeer, match="refuses"):
        peer.prepare({**question("single-n8-c1-none"), "features": {}, "claims": None, "id": "x"}, "no such engine")


@pytest.mark.parametrize("how", [EMPTY, HALF, FULL, Fill("half", Fraction(1, 2), packed=True)])
@pytest.mark.parametrize("nodes", [1, 7, 20])
def test_a_fill_uses_its_part_of_the_devices(how: Fill, nodes: int) -> None:
    used = dict(how.used(nodes))
    assert sum(used.values()) == int(how.part * nodes * DEVICES) == nodes * DEVICES - how.free(nodes)
    assert all(0 < here <= DEVICES for here in used.values())
    partly = [here for here in used.values() if here < DEVICES]
    assert len(partly) <= 1 if how.packed else not used or max(used.values()) - min(used.values()) <= 1 or nodes == 1


def test_uuids_and_roots_are_unique() -> None:
    devices = [device for index in range(50) for device in node_slice(index)["spec"]["devices"]]
    uuids = {device["attributes"]["uuid"]["string"] for device in devices}
    roots = {device["attributes"]["resource.kubernetes.io/pcieRoot"]["string"] for device in devices}
    assert len(uuids) == len(devices)
    assert len(roots) == len(devices) // 2
    assert len(MIX) == 8


def test_a_row_outside_its_range_is_told() -> None:
    table = Table("t", "T", ("name", "us", "equal"))
    limits = {"us": {"most": 5.0}, "equal": {"exactly": True}}
    table.add({"name": "a", "us": 5.0, "equal": True}, limits)
    table.add({"name": "b", "us": 5.1, "equal": False}, limits)
    table.add({"name": "c"}, limits)
    assert [row["range"] for row in table.rows[::2]] == ["within", "within"]
    assert table.outside == [
        "b 5.1: us is 5.1, at most 5 is accepted",
        "b 5.1: equal is no, yes is accepted",
    ]
    assert not table.data()["accepted"]


def test_a_picture_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("t", "T", ("name", "us"), plot=Plot("n", ("us",), "name", "us"))
    table.add({"name": "a", "us": 5.0, "n": 1})
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert "install the extra `benchmarks`" in str(
        report.draw(table, Plot("n", ("us",), "name", "us"), tmp_path / "t.png")
    )
    assert report.write([table], tmp_path, took=1.0, peer=False)
    assert {file.name for file in tmp_path.iterdir()} == {"t.json", "t.md"}


def test_a_picture_is_drawn_or_the_reason_told(tmp_path: Path) -> None:
    table = Table("t", "T", ("name", "us"), plot=Plot("n", ("us",), "name", "us"))
    table.add({"name": "a", "us": 5.0, "n": 1})
    table.add({"name": "a", "us": None, "n": 2})
    left_out = report.write([table], tmp_path, took=1.0, peer=False)
    drawn = (tmp_path / "t.png").exists()
    assert drawn is (not left_out)
    assert drawn or "install the extra `benchmarks`" in left_out[0]


def test_the_readme_has_a_place_for_every_table(tmp_path: Path) -> None:
    text = tables.README.read_text(encoding="utf-8")
    assert all(f"<!-- table {name} -->" in text for name in tables.COLUMNS)
    table = Table("churn-end", "The end", ("of", "equal"))
    table.add({"of": "usage", "equal": False}, {"equal": {"exactly": True}})
    report.write([table], tmp_path, took=1.0, peer=False)
    made = tables.filled(
        "a\n<!-- table churn-end -->\nold\n<!-- end -->\n<!-- table churn -->\nkept\n<!-- end -->", tmp_path
    )
    assert "| usage | no | OUTSIDE |" in made
    assert "old" not in made
    assert "kept" in made
