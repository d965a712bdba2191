"""Inverts one rule at a time in a copy of the package and demands that a test citing the rule fails.

`python tests/rules_coverage/run_mutants.py [--only B7]` runs all mutants of `mutants.toml`, or those of one rule. The
package itself is never touched: a copy in a temporary folder stands before it on the import path.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = "dra_policy"
BESIDE = ("grammar", "policies")
"""Folders that the package finds beside itself in a checkout."""
SECONDS = 120
_KEPT = "DRA_POLICY_WITHOUT_ORACLE"

_STRANGER = 99
_PROGRAM = f"""
import pathlib, sys, pytest, {PACKAGE}
if not pathlib.Path({PACKAGE}.__file__).is_relative_to(sys.argv[1]):
    sys.exit({_STRANGER})
# The mutated package is imported before pytest would rewrite its plugin.
sys.exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *sys.argv[2:]]))
"""
"""Pytest, unless the package is not the copy in the folder that comes first."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one file that inverts one rule, and the tests that must notice."""

    rule: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]

    def problem(self, root: Path = ROOT) -> str:
        """Why the mutant cannot be made; empty if it can."""
        count = (root / self.file).read_text(encoding="utf-8").count(self.before)
        return "" if count == 1 else f"{self.rule}: the text to change stands {count} times in {self.file}"


@dataclass(frozen=True, slots=True)
class Run:
    """What became of some tests: by test function, whether any case of it failed; and what pytest printed."""

    failed: dict[str, bool]
    code: int
    printed: str


def mutants() -> list[Mutant]:
    """All mutants, in the order of the list."""
    read = tomllib.loads((HERE / "mutants.toml").read_text(encoding="utf-8"))
    return [Mutant(m["rule"], m["file"], m["before"], m["after"], tuple(m["tests"])) for m in read["mutant"]]


@contextmanager
def copied() -> Iterator[Path]:
    """A folder with a copy of the package, and with what it finds beside itself."""
    with tempfile.TemporaryDirectory(prefix="dra-policy-mutant-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        for beside in BESIDE:
            (folder / beside).symlink_to(ROOT / beside)
        yield folder


def run_tests(folder: Path, tests: Sequence[str]) -> Run:
    """Some tests of the checkout, against the package in a folder. Raises `RuntimeError` if that is not what runs."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    # A mutant is asked as briefly as can be, however long the tests around this one run.
    lengths = [name for name in os.environ if name == "CI" or (name.startswith("DRA_POLICY_") and name != _KEPT)]
    environment = {name: value for name, value in os.environ.items() if name not in lengths}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    # -P: the working folder, with the true package, must not stand before the copy.
    command = [sys.executable, "-P", "-c", _PROGRAM, str(folder), "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--junit-xml={report}", *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode == _STRANGER:
        raise RuntimeError(f"the copy in {folder} is not what Python imports")
    failed = dict.fromkeys(tests, False)
    if report.exists():
        for case in ET.parse(report).iter("testcase"):  # pytest has just written it
            path = case.get("classname", "").replace(".", "/")
            name = f"{path}.py::{case.get('name', '').partition('[')[0]}"
            if name in failed and case.find("failure") is not None:
                failed[name] = True
    return Run(failed, done.returncode, done.stdout + done.stderr)


def judge(mutant: Mutant) -> str:
    """Makes a mutant and runs its tests; why it counts as survived, or nothing."""
    problem = mutant.problem()
    if problem:
        return problem
    with copied() as folder:
        path = folder / mutant.file
        path.write_text(path.read_text(encoding="utf-8").replace(mutant.before, mutant.after), encoding="utf-8")
        try:
            run = run_tests(folder, mutant.tests)
        except subprocess.TimeoutExpired:
            return f"{mutant.rule}: the tests did not end"
    missed = [test for test, failed in run.failed.items() if not failed]
    # 1: tests ran and some failed. Any other code means that the mutant broke more than its rule.
    if run.code != 1 or missed:
        return f"{mutant.rule}: survives {', '.join(missed) or 'nothing'} (pytest ended with {run.code})\n{run.printed[-2000:]}"
    return ""


def baseline(chosen: Iterable[Mutant]) -> str:
    """Runs the tests of mutants against an unchanged copy; what failed, or nothing."""
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    with copied() as folder:
        run = run_tests(folder, tests)
    return "" if run.code == 0 else f"the tests fail without any mutant\n{run.printed[-4000:]}"


def survivors(chosen: Sequence[Mutant], workers: int = 1) -> list[str]:
    """Judges mutants; the messages of those that survive."""
    with ThreadPoolExecutor(workers) as pool:
        return [message for message in pool.map(judge, chosen) if message]


def main() -> int:
    """Runs what the command line asks for and prints the rules whose mutants survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="RULE", action="append", help="only the mutants of this rule")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    chosen = [mutant for mutant in mutants() if not asked.only or mutant.rule in asked.only]
    if not chosen:
        parser.error("no such mutant")
    problems = [message for message in (baseline(chosen),) if message] or survivors(chosen, asked.workers)
    for message in problems:
        sys.stdout.write(f"{message}\n")
    sys.stdout.write(f"{len(chosen)} mutants of {len({m.rule for m in chosen})} rules, {len(problems)} survive\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
