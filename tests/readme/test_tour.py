"""The README's tour runs: its files are written, its commands and Python examples executed, their output compared.

A block whose first line is `# file: NAME` is that file. In `console` blocks a line starting with `$ ` is a command and
what follows is its output; `...` stands for anything. The commands of a block run one after the other. `python` blocks are doctest examples and share their names.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(m[1], m[2]) for m in re.finditer(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tour's files and, as in a clone, the shipped policies."""
    folder = tmp_path_factory.mktemp("tour")
    for name in ("policies", "tests"):
        (folder / name).symlink_to(ROOT / name)
    for _, text in BLOCKS:
        name = re.match(r"# file: (\S+)\n", text)
        if name:
            (folder / name[1]).write_text(text, encoding="utf-8")
    return folder


def examples() -> list[list[tuple[str, str]]]:
    """The commands of each block with what they print."""
    found = []
    for language, text in BLOCKS:
        if language == "console":
            parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
            found.append([(part.partition("\n")[0], part.partition("\n")[2]) for part in parts])
    return found


def test_the_first_two_blocks_are_the_two_commands() -> None:
    first, second = BLOCKS[:2]
    assert first[0] == second[0] == "sh"
    assert [len(text.strip().splitlines()) for _, text in (first, second)] == [1, 1]


@pytest.mark.parametrize("commands", examples(), ids=[block[0][0] for block in examples()])
def test_the_commands_of_the_tour_print_what_the_readme_shows(folder: Path, commands: list[tuple[str, str]]) -> None:
    for command, output in commands:
        assert_prints(folder, command, output)


def assert_prints(folder: Path, command: str, output: str) -> None:
    words = shlex.split(command)
    assert words[0] == "dra-policy"
    ran = subprocess.run(
        [sys.executable, "-m", "dra_policy", *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "118", "NO_COLOR": "1"},
    )
    got = "\n".join(line.rstrip() for line in (ran.stdout + ran.stderr).splitlines())
    want = "\n".join(line.rstrip() for line in output.splitlines())
    pattern = re.escape(want.strip()).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, got.strip(), re.DOTALL), got


def test_the_python_examples_of_the_tour_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    text = "\n".join(block for language, block in BLOCKS if language == "python")
    parsed = doctest.DocTestParser().get_doctest(text, {}, "README", "README.md", 0)
    assert parsed.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(parsed, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
