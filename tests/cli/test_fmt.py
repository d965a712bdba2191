"""`dra-policy fmt`: in place, on standard input, as a check and as a difference."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

UNTIDY = """policy gpu.example.com   version 1.0.0 language 1
device Gpu{ driver gpu.example.com
attribute model   text   # as the vendor calls it
}
"""


@pytest.fixture
def tidy(invoke: Invoke) -> str:
    done = invoke("fmt", "-", stdin=UNTIDY)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_standard_input_goes_to_standard_output(tidy: str, invoke: Invoke) -> None:
    assert tidy != UNTIDY
    assert "  attribute model text" in tidy
    assert "# as the vendor calls it" in tidy
    assert invoke("fmt", "-", stdin=tidy).stdout == tidy


def test_files_are_formatted_in_place_and_keep_their_mode(tmp_path: Path, invoke: Invoke, tidy: str) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.dra", "sub/b.dra", "tidy.dra"):
        (tmp_path / name).write_text(tidy if name == "tidy.dra" else UNTIDY, encoding="utf-8")
        (tmp_path / name).chmod(0o640)
    (tmp_path / "notes.yaml").write_text("a:   1\n", encoding="utf-8")
    done = invoke("fmt", tmp_path)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"formatted {tmp_path / 'a.dra'}", f"formatted {tmp_path / 'sub' / 'b.dra'}"]
    for name in ("a.dra", "sub/b.dra", "tidy.dra"):
        assert (tmp_path / name).read_text(encoding="utf-8") == tidy
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640
    assert (tmp_path / "notes.yaml").read_text(encoding="utf-8") == "a:   1\n"
    assert invoke("fmt", tmp_path).stderr == ""


def test_windows_line_ends_become_ours(tmp_path: Path, invoke: Invoke, tidy: str) -> None:
    file = tmp_path / "windows.dra"
    file.write_bytes(tidy.replace("\n", "\r\n").encode())
    assert invoke("fmt", "--check", file).exit_code == 1
    assert invoke("fmt", file).exit_code == 0
    assert file.read_bytes() == tidy.encode()


def test_check_and_diff_write_nothing(tmp_path: Path, invoke: Invoke, tidy: str) -> None:
    file = tmp_path / "a.dra"
    file.write_text(UNTIDY, encoding="utf-8")
    checked = invoke("fmt", "--check", file)
    assert (checked.exit_code, checked.stdout) == (1, f"would format {file}\n")
    shown = invoke("fmt", "--diff", file)
    assert shown.exit_code == 1
    assert shown.stdout.startswith(f"--- {file}\n+++ {file} (formatted)\n@@ ")
    assert "-device Gpu{ driver gpu.example.com\n" in shown.stdout
    assert file.read_text(encoding="utf-8") == UNTIDY
    file.write_text(tidy, encoding="utf-8")
    assert invoke("fmt", "--check", "--diff", file).exit_code == 0


def test_a_link_stays_a_link(tmp_path: Path, invoke: Invoke, tidy: str) -> None:
    (tmp_path / "real.dra").write_text(UNTIDY, encoding="utf-8")
    (tmp_path / "link.dra").symlink_to("real.dra")
    assert invoke("fmt", tmp_path / "link.dra").exit_code == 0
    assert (tmp_path / "link.dra").is_symlink()
    assert (tmp_path / "real.dra").read_text(encoding="utf-8") == tidy


def test_the_shipped_policies_are_formatted(repository: Path, invoke: Invoke) -> None:
    for folder in ("policies", "dra_policy/std"):
        done = invoke("fmt", "--diff", repository / folder)
        assert done.exit_code == 0, done.stdout


def test_a_mistake_on_standard_input_has_the_given_name(invoke: Invoke) -> None:
    done = invoke(
        "fmt", "-", "--stdin-name", "gpu.dra", stdin="policy gpu.example.com version 1.0.0 language 1\nclas x\n"
    )
    assert done.exit_code == 2
    assert done.stderr.startswith("gpu.dra:2:1: SYN")
    assert done.stdout == ""
