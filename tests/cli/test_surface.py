"""What the command offers before it does any work: help, version, completion, codes, shipped policies."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import dra_policy
from dra_policy.diagnostics import CODES

Invoke = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[bytes]]
COMMANDS = [
    "allocate",
    "answer",
    "cel",
    "check",
    "completion",
    "diff",
    "dump",
    "explain-code",
    "fmt",
    "lint",
    "policies",
    "render",
    "replay",
    "shrink",
    "test",
    "what-if",
    "why",
]


def test_help_lists_every_command_and_the_exit_codes(invoke: Invoke) -> None:
    done = invoke("--help")
    assert done.exit_code == 0
    listed = [line.split()[0] for line in done.stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
    assert listed == COMMANDS
    assert "Exit codes:" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_a_sentence_for_each_option(invoke: Invoke, command: str) -> None:
    from dra_policy.cli.application import application

    done = invoke(command, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: dra-policy {command}")
    for parameter in application.commands[command].params:
        if parameter.param_type_name == "option":
            assert getattr(parameter, "help", ""), f"{parameter.name} has no help"


def test_version(process: Process) -> None:
    done = process("--version")
    assert done.returncode == 0
    assert done.stdout.decode() == f"dra-policy {dra_policy.__version__}\n"


def test_an_unknown_command_is_invalid_input(invoke: Invoke) -> None:
    done = invoke("alocate")
    assert done.exit_code == 2
    assert "No such command 'alocate'" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_the_shells_own(invoke: Invoke, shell: str) -> None:
    done = invoke("completion", shell)
    assert done.exit_code == 0
    assert "_DRA_POLICY_COMPLETE" in done.stdout
    program = shutil.which(shell)
    if program is not None:
        checked = subprocess.run(
            [program, "-n"], input=done.stdout, capture_output=True, text=True, timeout=20, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def complete(process: Process, words: str, position: int) -> list[str]:
    done = process(_DRA_POLICY_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(position))
    return [line.split(",", 1)[1] for line in done.stdout.decode().splitlines()]


def test_completion_knows_commands_options_codes_and_shipped_policies(process: Process) -> None:
    assert complete(process, "dra-policy al", 1) == ["allocate"]
    assert "--per-node" in complete(process, "dra-policy allocate --p", 2)
    assert complete(process, "dra-policy explain-code src00", 2)[:2] == ["SRC001", "SRC002"]
    assert "shipped:ip-camera" in complete(process, "dra-policy check shipped:ip", 2)
    assert complete(process, "dra-policy check --output s", 3) == ["sarif"]


def test_every_code_has_a_page(invoke: Invoke) -> None:
    for code, entry in CODES.items():
        done = invoke("explain-code", code.lower())
        assert done.exit_code == 0
        assert done.stdout.startswith(f"{code}: {entry.title}\n")
        assert entry.rationale in done.stdout


def test_the_list_of_codes_as_table_json_and_yaml(invoke: Invoke) -> None:
    table, machine, yaml = (invoke("explain-code", "-o", form).stdout for form in ("table", "json", "yaml"))
    rows = json.loads(machine)
    assert [row["code"] for row in rows] == list(CODES)
    for row in rows:
        assert f" {row['code']} " in table
        assert row["code"] in yaml


def test_a_code_that_is_none_names_the_nearest(invoke: Invoke) -> None:
    done = invoke("explain-code", "SRC01")
    assert done.exit_code == 2
    assert "did you mean `SRC001`?" in done.stderr


def test_shipped_policies_have_folders(invoke: Invoke) -> None:
    rows: list[dict[str, Any]] = json.loads(invoke("policies", "--output", "json").stdout)
    assert {"ip-camera", "fpga"} <= {row["name"] for row in rows}
    for row in rows:
        assert (Path(row["folder"]) / "policy.dra").is_file()
        assert invoke("policies", "--path", row["name"]).stdout == f"{row['folder']}\n"


def test_a_shipped_policy_that_is_none_names_the_nearest(invoke: Invoke) -> None:
    done = invoke("policies", "--path", "ip-camra")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == ["SRC001 no policy `ip-camra` is shipped", " = help: did you mean `ip-camera`?"]


def test_no_colour_where_nobody_looks(process: Process) -> None:
    for arguments in (["explain-code"], ["explain-code", "SRC001"], ["check", "no-such-file.dra"]):
        done = process(*arguments)
        assert b"\x1b" not in done.stdout + done.stderr


def test_colour_and_no_breaks_of_codes_on_a_terminal(repository: Path) -> None:
    """A pseudo terminal sees colour, unless NO_COLOR asks for none."""
    assert b"\x1b[" in on_terminal(["explain-code", "SRC001"], repository)
    assert b"\x1b[" in on_terminal(["check", "no-such-file.dra"], repository)
    assert b"\x1b[" not in on_terminal(["check", "no-such-file.dra"], repository, NO_COLOR="1")


def test_a_bar_shows_progress_on_a_terminal_only(repository: Path, process: Process) -> None:
    arguments = ["allocate", "policies/ip-camera", "--per-node", "--each-alone"]
    seen = on_terminal(arguments, repository)
    assert b"allocating" in seen
    assert b"questions: " in seen
    piped = process(*arguments, cwd=repository)
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert b"allocating" not in piped.stdout


def test_python_dash_m_is_the_command(process: Process) -> None:
    done = process("--help")
    assert done.stdout.startswith(b"Usage: dra-policy ")


def on_terminal(arguments: list[str], cwd: Path, **environment: str) -> bytes:
    import os
    import pty
    import sys

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "dra_policy", *arguments],
            {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color", **environment},
        )
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a pseudo terminal as an input/output error.
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    os.waitpid(pid, 0)
    return b"".join(chunks)
