"""A capsule made small, and where the test that comes of it goes."""

from __future__ import annotations

from pathlib import Path

import click

from dra_policy.capsule import Shrunk, read_capsule, shrink
from dra_policy.capsule.shrinking import PROBES
from dra_policy.cli.exits import ExitCode
from dra_policy.diagnostics import Diagnostic, InvalidInput
from dra_policy.resources import Features
from dra_policy.rules import ClaimKey
from dra_policy.testing.shrunk import INVENTORY_FILE, POLICY_FILE, PrintedTest, as_test


def shrunk_file(file: str, claim: str | None, into: str | None, probes: int | None) -> ExitCode:
    """Shrink the capsule in a file, and print or write its test."""
    key = None
    if claim is not None:
        namespace, slash, name = claim.rpartition("/")
        key = ClaimKey(namespace if slash else "default", name)
    small = shrink(read_capsule(file), key, probes=PROBES if probes is None else probes)
    test = as_test(small)
    notes = _notes(small)
    if into is None:
        click.echo("".join(f"# {note}\n" for note in notes) + test.policy, nl=False)
        if test.inventory:
            click.echo(f"\n# {INVENTORY_FILE}, without the marks in front of its lines:")
            click.echo("".join(f"# {line}\n" for line in test.inventory.splitlines()), nl=False)
    else:
        _write(Path(into), test, notes)
        click.echo(f"wrote {Path(into, POLICY_FILE)}; {small.probes} smaller questions were tried", err=True)
    return ExitCode.ANSWERED


def _notes(small: Shrunk) -> list[str]:
    notes = []
    if not small.minimal:
        notes.append(f"Not the smallest: {small.probes} smaller questions were tried, then it ended.")
    if small.world.features != Features():
        notes.append("The question was asked under other features than the default; try the test with --features.")
    return notes


def _write(folder: Path, test: PrintedTest, notes: list[str]) -> None:
    files = {POLICY_FILE: "".join(f"# {note}\n" for note in notes) + test.policy}
    if test.inventory:
        files[INVENTORY_FILE] = test.inventory
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as problem:
        message = f"cannot write `{problem.filename or folder}`: {problem.strerror or problem}"
        raise InvalidInput([Diagnostic("SRC004", message, help="name a folder that you may write")]) from problem


__all__ = ["shrunk_file"]
