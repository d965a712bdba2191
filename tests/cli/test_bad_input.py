"""Input that cannot be used: a coded diagnostic with place and help, exit code 2, no traceback, nothing half done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[bytes]]

DEEP = 100_000

HEADER = "policy gpu.example.com version 1.0.0 language 1\n"
DEVICE = """
device Gpu {
  driver    gpu.example.com
  attribute model text
  attribute numa int optional
  capacity  memory bytes
  capacity  bandwidth bytes per second
}
"""
CLASS = "class big of Gpu {{\n  require {}\n}}\n"

POLICIES = {
    "misspelt keyword": (HEADER + DEVICE + "clas big of Gpu {\n  require memory >= 40Gi\n}\n", "SYN", "clas", "class"),
    "unknown attribute": (HEADER + DEVICE + CLASS.format("memroy >= 40Gi"), "NAM", "memroy", "memory"),
    "missing unit": (HEADER + DEVICE + CLASS.format("memory >= 40"), "TYP", "40", "40Gi"),
    "bytes compared with bytes per second": (HEADER + DEVICE + CLASS.format("memory >= bandwidth"), "TYP", "", ""),
    "text where an amount is wanted": (HEADER + DEVICE + CLASS.format('memory >= "40Gi"'), "TYP", '"40Gi"', "40Gi"),
    "optional attribute without proof": (HEADER + DEVICE + CLASS.format("numa == 0"), "TYP", "numa", "has numa"),
}

CLAIM = """
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: one}
spec:
  devices:
    requests:
    - name: gpu
      exactly:
        deviceClassName: gpu
        selectors: [{cel: {expression: "%s"}}]
"""

SLICE = """
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: crowded}
spec:
  driver: gpu.example.com
  nodeName: node-a
  pool: {name: node-a, generation: 1, resourceSliceCount: 1}
  devices:
"""

MANIFESTS = {
    "not an object of ours": ("apiVersion: v1\nkind: Deployement\nmetadata: {name: x}\n", "Deployement"),
    "not an object at all": ("- 1\n- two\n", ""),
    "not YAML": ("a: [1, 2\nb: }\n", ""),
    "unknown field": (CLAIM.replace("exactly:", "exactely:") % "true", "exactely"),
    "too many devices": (SLICE + "".join(f"  - {{name: gpu-{i}}}\n" for i in range(129)), "128"),
    "name too long": (SLICE + f"  - {{name: {'g' * 64}}}\n", "g" * 64),
    "CEL that does not parse": (CLAIM % "device.driver == ", ""),
    "CEL that does not type-check": (CLAIM % "device.driver + 1", ""),
    "CEL that is not a condition": (CLAIM % "device.driver", ""),
}

CODED = re.compile(r"^(?P<place>\S.*?:\d+:\d+: )?(?P<code>[A-Z]{3}\d{3}) \S", re.MULTILINE)


def assert_refused(done: Result, *, code: str = "") -> str:
    """Exit code 2, at least one coded message, no traceback; returns all that was printed."""
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed
    assert done.exit_code == 2, printed
    found = [match["code"] for match in CODED.finditer(printed)]
    assert found, printed
    if code:
        assert any(c.startswith(code) for c in found), printed
    return printed


@pytest.mark.parametrize("mistake", POLICIES)
@pytest.mark.parametrize("command", ["check", "allocate"])
def test_a_mistake_in_a_policy(tmp_path: Path, invoke: Invoke, mistake: str, command: str) -> None:
    text, code, underlined, hint = POLICIES[mistake]
    file = tmp_path / "mistake.dra"
    file.write_text(text, encoding="utf-8")
    printed = assert_refused(invoke(command, file), code=code)
    assert re.search(rf"^{re.escape(str(file))}:\d+:\d+: {code}\d\d\d ", printed, re.MULTILINE)
    assert "= help: " in printed
    assert hint in printed
    if underlined:
        quoted, carets = re.findall(r"^\d+ \| (.*)\n +\| (.*)$", printed, re.MULTILINE)[0]
        assert quoted[carets.index("^") : carets.rindex("^") + 1] == underlined


def test_an_import_cycle(tmp_path: Path, invoke: Invoke) -> None:
    for name, imported in (("a", "b"), ("b", "c"), ("c", "a")):
        text = f"policy {name}.example.com version 1.0.0 language 1\nimport {imported}.example.com\n"
        (tmp_path / f"{name}.dra").write_text(text, encoding="utf-8")
    printed = assert_refused(invoke("check", tmp_path), code="NAM")
    assert "a.example.com" in printed
    assert "b.example.com" in printed
    assert "c.example.com" in printed


@pytest.mark.parametrize("mistake", MANIFESTS)
def test_a_mistake_in_a_manifest(tmp_path: Path, invoke: Invoke, mistake: str) -> None:
    text, named = MANIFESTS[mistake]
    file = tmp_path / "mistake.yaml"
    file.write_text(text, encoding="utf-8")
    printed = assert_refused(invoke("check", file))
    assert re.search(rf"^{re.escape(str(file))}:\d+:\d+: [A-Z]{{3}}\d\d\d ", printed, re.MULTILINE)
    assert named in printed


def test_all_mistakes_are_told_in_one_run(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "a.dra").write_text(POLICIES["unknown attribute"][0], encoding="utf-8")
    (tmp_path / "b.yaml").write_text(MANIFESTS["too many devices"][0], encoding="utf-8")
    (tmp_path / "c.yaml").write_text(MANIFESTS["CEL that does not parse"][0], encoding="utf-8")
    done = invoke("check", tmp_path, "--output", "json")
    assert done.exit_code == 2
    report = json.loads(done.stdout)
    assert {Path(row["file"]).name for row in report["diagnostics"]} == {"a.dra", "b.yaml", "c.yaml"}
    assert report["errors"] == len(report["diagnostics"])


@pytest.mark.parametrize("suffix", [".dra", ".yaml", ".json"])
def test_a_file_that_is_not_utf8(tmp_path: Path, invoke: Invoke, suffix: str) -> None:
    file = tmp_path / f"latin{suffix}"
    file.write_bytes("# Gerät\n".encode("latin-1"))
    for command in ("check", "allocate"):
        printed = assert_refused(invoke(command, file), code="SRC002")
        assert f"{file}:1:6: SRC002" in printed
        assert "= help: " in printed


@pytest.mark.parametrize("suffix", [".dra", ".yaml", ".json"])
def test_a_file_of_50_megabytes(tmp_path: Path, invoke: Invoke, suffix: str) -> None:
    file = tmp_path / f"huge{suffix}"
    file.write_bytes(b"# all work and no play makes a long file\n" * (50_000_000 // 41))
    began = time.monotonic()
    assert_refused(invoke("check", file), code="SRC003")
    assert time.monotonic() - began < 2


def test_standard_input_without_end_is_not_read_to_its_end(process: Process) -> None:
    done = process("check", "-", stdin=b"# more\n" * 8_000_000)
    assert done.returncode == 2
    assert b"SRC003" in done.stdout + done.stderr


DEEP_TEXTS = {
    "policy.dra": HEADER + DEVICE + CLASS.format("(" * DEEP + "memory >= 40Gi" + ")" * DEEP),
    "not.dra": HEADER + DEVICE + CLASS.format("not " * DEEP + "memory >= 40Gi"),
    "braces.dra": HEADER + "device Gpu " + "{" * DEEP,
    "cel.yaml": CLAIM % ("(" * DEEP + "true" + ")" * DEEP),
    "not.yaml": CLAIM % ("!" * DEEP + "true"),
    "flow.yaml": "a: " + "[" * DEEP + "]" * DEEP,
    "objects.json": '{"a":' * DEEP + "1" + "}" * DEEP,
    "lists.json": "[" * DEEP + "]" * DEEP,
    "block.yaml": "\n".join(" " * i + "a:" for i in range(2_000)),
}


@pytest.mark.parametrize("name", DEEP_TEXTS)
def test_nesting_without_measure_meets_a_limit(tmp_path: Path, process: Process, name: str) -> None:
    file = tmp_path / name
    file.write_text(DEEP_TEXTS[name], encoding="utf-8")
    done = process("check", file)
    printed = (done.stdout + done.stderr).decode()
    assert "Traceback" not in printed
    assert done.returncode == 2, (done.returncode, printed[:500])
    assert CODED.search(printed)
    assert len(printed) < 20_000


@pytest.mark.parametrize("command", ["allocate", "check", "fmt", "test"])
def test_a_path_that_is_not_there(tmp_path: Path, invoke: Invoke, command: str) -> None:
    (tmp_path / "policies").mkdir()
    done = invoke(command, tmp_path / "polices")
    assert assert_refused(done).splitlines() == [
        f"SRC001 no such file or folder `{tmp_path / 'polices'}`",
        " = help: did you mean `policies`?",
    ]


@pytest.mark.parametrize("command", ["allocate", "check", "fmt", "test"])
def test_a_folder_without_anything_of_ours(tmp_path: Path, invoke: Invoke, command: str) -> None:
    (tmp_path / "notes.txt").touch()
    assert_refused(invoke(command, tmp_path), code="SRC005")


def test_every_missing_path_is_named(tmp_path: Path, invoke: Invoke) -> None:
    printed = assert_refused(invoke("check", tmp_path / "a.dra", tmp_path / "b.dra"))
    assert printed.count("SRC001") == 2


@pytest.mark.parametrize("command", ["allocate", "check", "fmt", "test"])
def test_a_file_that_the_system_refuses(tmp_path: Path, invoke: Invoke, command: str) -> None:
    """A link to itself is there and cannot be read, whoever asks."""
    file = tmp_path / "round.dra"
    file.symlink_to("round.dra")
    assert_refused(invoke(command, file), code="SRC004")


def test_a_name_that_is_not_unicode(tmp_path: Path, process: Process) -> None:
    """A path is bytes; one that is not UTF-8 is printed with its bytes escaped."""
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"dra_policy", b"check", os.fsencode(tmp_path) + b"/ger\xe4t.dra"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"SRC001" in done.stderr


@pytest.mark.parametrize("text", ["gpu=true", "DeviceTaint=true", "DeviceTaints", "DeviceTaints=yes", ""])
def test_features_that_are_none(invoke: Invoke, vendors: Path, text: str) -> None:
    done = invoke("allocate", vendors / "nodes.yaml", "--features", text)
    assert done.exit_code == 2
    assert "feature" in done.stderr
    assert done.stdout == ""


def test_a_reader_that_goes_away_ends_the_run_quietly(repository: Path) -> None:
    """`dra-policy ... | head -1` prints one line and nothing else; the status is that of a closed pipe."""
    with subprocess.Popen(
        [sys.executable, "-c", "import dra_policy.cli as c; c.main()", "check", "--output", "json", "tests/data"],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        complaint = running.stderr.read()
        status = running.wait(timeout=60)
    assert (status, complaint) == (141, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["explain-code"], ["explain-code", "-o", "json"]])
def test_a_closed_output_is_no_defect(arguments: list[str], repository: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "dra_policy", *arguments],
        cwd=repository,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_is_told(process: Process) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dra_policy", "explain-code", "-o", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == b"dra-policy: cannot write the output: No space left on device\n"


def test_closed_streams_are_no_defect(repository: Path) -> None:
    """`<&-` and `>&-`: nothing to read is an empty manifest, and nobody reads the answer."""
    for redirection, status in (("<&-", 2), (">&-", 0), ("2>&-", 0)):
        command = f"{sys.executable} -m dra_policy check {'-' if '<' in redirection else 'policies/fpga'} {redirection}"
        done = subprocess.run(["sh", "-c", command], cwd=repository, capture_output=True, timeout=60, check=False)
        assert done.returncode == status, done.stderr
        assert b"Traceback" not in done.stderr


def test_control_c_ends_without_a_traceback(repository: Path, tmp_path: Path) -> None:
    """The command waits for standard input when the signal comes."""
    with subprocess.Popen(
        [sys.executable, "-m", "dra_policy", "check", "-"],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell that starts the tests in the background lets them ignore the signal, and they what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    ) as running:
        wait_until_it_reads(running.pid)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == b""
    assert err.strip() == b""


def wait_until_it_reads(pid: int) -> None:
    """Wait until the process sleeps in a read of its standard input, as Linux tells it."""
    for _ in range(600):
        try:
            waiting = Path(f"/proc/{pid}/wchan").read_text(encoding="ascii")
        except OSError:
            waiting = ""
        if "pipe_read" in waiting or "anon_pipe_read" in waiting:
            return
        time.sleep(0.02)
    time.sleep(2)


def test_nothing_is_formatted_if_one_file_has_a_mistake(tmp_path: Path, invoke: Invoke) -> None:
    untidy = HEADER + "device   Gpu{driver gpu.example.com}\n"
    (tmp_path / "good.dra").write_text(untidy, encoding="utf-8")
    (tmp_path / "worse.dra").write_text(HEADER + "device Gpu {\n", encoding="utf-8")
    assert_refused(invoke("fmt", tmp_path), code="SYN")
    assert (tmp_path / "good.dra").read_text(encoding="utf-8") == untidy
    assert sorted(p.name for p in tmp_path.iterdir()) == ["good.dra", "worse.dra"]
