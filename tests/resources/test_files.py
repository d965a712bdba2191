"""Files and standard input: what is read, and what stands in the way."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from dra_policy.diagnostics import Diagnostic
from dra_policy.resources import MANIFEST_LIMIT, decode_text, read_objects, read_text
from dra_policy.source import Source

NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: NAME}\n"


def diagnostic(path: Path | str, limit: int = MANIFEST_LIMIT) -> Diagnostic:
    found = read_text(path, limit)
    assert isinstance(found, Diagnostic), found
    return found


def source(path: Path | str) -> Source:
    found = read_text(path)
    assert isinstance(found, Source), found
    return found


def test_text_comes_without_mark_and_with_plain_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: \xc3\xa9\rc: 3\n")
    assert source(file).text == "a: 1\nb: é\nc: 3\n"
    assert source(file).name == str(file)


def test_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").touch()
    found = diagnostic(tmp_path / "claim.yaml")
    assert (found.code, found.help) == ("SRC001", "did you mean `claims.yaml`?")
    assert diagnostic(tmp_path / "no" / "claim.yaml").code == "SRC001"


def test_latin_1_is_refused_with_offset_and_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a: 1\r\nb: caf\xe9\n")
    found = diagnostic(file)
    assert found.code == "SRC002"
    assert "byte 0xe9 at offset 12, line 2" in found.message
    assert found.span is not None
    assert (found.span.line, found.span.column, found.span.text) == (2, 7, "é")


def test_utf_16_is_recognized(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n", encoding="utf-16")
    assert "UTF-16" in diagnostic(file).help


def test_size_is_limited(tmp_path: Path) -> None:
    file = tmp_path / "a.dra"
    file.write_bytes(b"x" * 1001)
    found = diagnostic(file, 1000)
    assert (found.code, found.help) == ("SRC003", "split it into several files")
    file.write_bytes(b"x" * 1000)
    assert isinstance(read_text(file, 1000), Source)


def test_50_megabytes_are_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    with file.open("wb") as stream:
        stream.truncate(50_000_000)
    assert "larger than 32 MiB" in diagnostic(file).message


def test_folder_and_unreadable_file(tmp_path: Path) -> None:
    assert diagnostic(tmp_path).code == "SRC004"
    assert diagnostic("a\x00b").code == "SRC004"
    if os.geteuid() != 0:
        file = tmp_path / "a.yaml"
        file.touch(mode=0o000)
        assert diagnostic(file).code == "SRC004"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NODE.encode())))
    reading = read_objects("-")
    assert [o.places.source.name for o in reading.objects] == ["<stdin>"]


def test_bytes_from_elsewhere() -> None:
    assert decode_text("upload", b"a: 1") == Source("upload", "a: 1")
    assert isinstance(decode_text("upload", b"\xff"), Diagnostic)


def test_folders_are_walked_in_order_without_hidden_entries(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/c.json", "sub/.d.yaml", ".git/e.yaml", "notes.txt", "x.dra"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        text = NODE.replace("NAME", file.stem)
        file.write_text(
            '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "c"}}' if name.endswith("json") else text
        )
    reading = read_objects(tmp_path)
    assert reading.diagnostics == ()
    assert [o.value.metadata.name for o in reading.objects] == ["a", "b", "c"]  # type: ignore[union-attr]
    # A file that is named twice is read once.
    assert len(read_objects(tmp_path, tmp_path / "b.yaml").objects) == 3


def test_empty_folder_is_said(tmp_path: Path) -> None:
    assert [d.code for d in read_objects(tmp_path).diagnostics] == ["SRC005"]


def test_all_inputs_are_read_in_spite_of_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(NODE)
    reading = read_objects(tmp_path / "nope.yaml", tmp_path / "a.yaml")
    assert [d.code for d in reading.diagnostics] == ["SRC001"]
    assert len(reading.objects) == 1


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert diagnostic("-").code == "SRC004"
    closed = io.TextIOWrapper(io.BytesIO())
    buffer = closed.buffer
    monkeypatch.setattr("sys.stdin", closed)
    buffer.close()
    assert diagnostic("-").code == "SRC004"
