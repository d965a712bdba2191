"""`dra-policy check`: what it looks at, and the three ways to print what it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import dra_policy

Invoke = Callable[..., Result]

WRONG = """policy gpu.example.com version 1.0.0 language 1

device Gpu {
  driver   gpu.example.com
  capacity memory bytes
}

class big of Gpu {
  require memroy >= 40Gi
}
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.dra"
    file.write_text(WRONG, encoding="utf-8")
    return file


def test_what_the_package_ships_is_right(repository: Path, invoke: Invoke) -> None:
    done = invoke("check", repository / "policies", repository / "dra_policy" / "std")
    assert done.exit_code == 0, done.stdout
    assert done.stdout.endswith("checked, nothing to complain about\n")


def test_the_vendors_manifests_are_right(vendors: Path, invoke: Invoke) -> None:
    parts = [vendors / part for part in ("nodes.yaml", "slices", "classes", "claims", "taints")]
    done = invoke("check", "--features", "all", *parts)
    assert (done.exit_code, done.stdout) == (0, "56 files checked, nothing to complain about\n")


def test_text_shows_place_line_caret_and_help(wrong: Path, invoke: Invoke) -> None:
    done = invoke("check", wrong)
    assert done.exit_code == 2
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{wrong}:9:11: NAM")
    assert lines[1] == "9 |   require memroy >= 40Gi"
    assert lines[2] == "  |           ^^^^^^"
    assert lines[-2] == "  = help: did you mean `memory`?"
    assert lines[-1] == "1 file checked: 1 error"


def test_json_has_everything_with_positions(wrong: Path, invoke: Invoke) -> None:
    report = json.loads(invoke("check", wrong, "-o", "json").stdout)
    (row,) = report.pop("diagnostics")
    assert report == {"files": 1, "errors": 1, "warnings": 0}
    assert (row["file"], row["line"], row["column"], row["endColumn"]) == (str(wrong), 9, 11, 17)
    assert (row["severity"], row["text"], row["help"]) == ("error", "memroy", "did you mean `memory`?")


def test_sarif_is_what_code_hosts_read(wrong: Path, invoke: Invoke) -> None:
    log = json.loads(invoke("check", wrong, "-o", "sarif").stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("dra-policy", dra_policy.__version__)
    (result,) = run["results"]
    assert result["ruleId"] in {rule["id"] for rule in driver["rules"]}
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 9, "startColumn": 11, "endLine": 9, "endColumn": 17}
    assert json.loads(invoke("check", "-o", "sarif", "-", stdin=NODE).stdout)["runs"][0]["results"] == []


NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"


def test_standard_input_is_a_manifest_unless_its_name_says_policy(invoke: Invoke) -> None:
    assert invoke("check", "-", stdin=NODE).stdout == "1 file checked, nothing to complain about\n"
    done = invoke("check", "-", "--stdin-name", "editor.dra", stdin=WRONG)
    assert done.exit_code == 2
    assert done.stdout.startswith("editor.dra:9:11: NAM")


def test_a_place_in_cel_is_a_place_in_the_manifest(tmp_path: Path, invoke: Invoke) -> None:
    file = tmp_path / "class.yaml"
    file.write_text(
        "apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu}\nspec:\n  selectors:\n"
        "  - cel:\n      expression: device.driver == 'a' && device.drivr == 'b'\n",
        encoding="utf-8",
    )
    done = invoke("check", file, "-o", "json")
    (row,) = json.loads(done.stdout)["diagnostics"]
    assert (row["line"], row["text"]) == (7, "drivr") or row["text"] == "device.drivr"


def test_an_object_that_plays_no_part_is_a_warning_beside_others(tmp_path: Path, invoke: Invoke) -> None:
    file = tmp_path / "mixed.yaml"
    file.write_text(f"{NODE}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\n", encoding="utf-8")
    done = invoke("check", file)
    assert done.exit_code == 0
    assert "warning: RES002" in done.stdout
    assert done.stdout.endswith("1 file checked: 1 warning\n")


def test_files_named_twice_are_checked_once(wrong: Path, invoke: Invoke) -> None:
    assert "1 file checked: 1 error" in invoke("check", wrong, wrong).stdout


@pytest.mark.parametrize("path", ["nope.dra", "empty"])
@pytest.mark.parametrize("output", ["json", "sarif"])
def test_programs_get_a_report_even_if_nothing_could_be_read(
    tmp_path: Path, invoke: Invoke, path: str, output: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = invoke("check", tmp_path / path, "--output", output)
    assert done.exit_code == 2
    report = json.loads(done.stdout)
    found = report["diagnostics"] if output == "json" else report["runs"][0]["results"]
    assert [d.get("code") or d["ruleId"] for d in found] in (["SRC001"], ["SRC005"])
