"""The group of all commands, and how a run ends."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from dra_policy.cli.commands.allocate import allocate
from dra_policy.cli.commands.answer import answer
from dra_policy.cli.commands.cel import cel
from dra_policy.cli.commands.check import check
from dra_policy.cli.commands.codes import explain_code
from dra_policy.cli.commands.completion import completion
from dra_policy.cli.commands.diff import diff
from dra_policy.cli.commands.dump import dump
from dra_policy.cli.commands.format import fmt
from dra_policy.cli.commands.lint import lint
from dra_policy.cli.commands.policies import policies
from dra_policy.cli.commands.render import render
from dra_policy.cli.commands.replay import replay
from dra_policy.cli.commands.shrink import shrink
from dra_policy.cli.commands.test import test
from dra_policy.cli.commands.what_if import what_if
from dra_policy.cli.commands.why import why
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.terminal import complain

PROGRAM = "dra-policy"


class Application(click.Group):
    """A group whose every end is an exit code of ours: no traceback for what a person can mend."""

    def main(  # type: ignore[override]  # click's has one signature a mode, this one always exits
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,
    ) -> None:
        try:
            status = super().main(args, prog_name or PROGRAM, **(extra | {"standalone_mode": False}))
        except click.ClickException as problem:
            problem.show()
            status = problem.exit_code
        except click.Abort:
            status = ExitCode.INTERRUPTED
        except Exception:  # noqa: BLE001 - whatever is left is our own fault, and says so
            traceback.print_exc()
            click.echo(f"{PROGRAM}: this is a defect of the program, not of your input; please report it", err=True)
            status = ExitCode.DEFECT
        sys.exit(int(status or ExitCode.ANSWERED))

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        if "NO_COLOR" in os.environ:
            extra["color"] = False
        with _when_output_fails():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        from dra_policy.diagnostics import InvalidInput

        with _when_output_fails():
            try:
                result = super().invoke(ctx)
            except InvalidInput as problem:
                complain(problem.diagnostics)
                result = ExitCode.INVALID
            sys.stdout.flush()
            return result


@contextmanager
def _when_output_fails() -> Iterator[None]:
    """What is read has diagnostics of its own, so an error of the system that comes here is one of the output."""
    try:
        yield
    except BrokenPipeError:
        _close_output()
        sys.exit(ExitCode.PIPE_CLOSED)
    except OSError as error:
        _close_output()
        click.echo(f"{PROGRAM}: cannot write the output: {error.strerror or error}", err=True)
        sys.exit(ExitCode.NOT_WRITTEN)


def _close_output() -> None:
    # The interpreter flushes once more at its end; that must find an open file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from dra_policy import __version__

        click.echo(f"{PROGRAM} {__version__}")
        ctx.exit()


@click.group(
    PROGRAM,
    cls=Application,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 every question is answered (a refusal is an answer); 1 not what was asked for (a failed test, "
        "--require-all, --check); 2 invalid input; 3 gave up at the step limit."
    ),
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def application() -> None:
    """Decide which device a claim gets in Kubernetes Dynamic Resource Allocation, and say why."""


COMMANDS: tuple[click.Command, ...] = (
    allocate,
    answer,
    cel,
    check,
    why,
    what_if,
    diff,
    render,
    replay,
    shrink,
    dump,
    fmt,
    lint,
    test,
    explain_code,
    policies,
    completion,
)
for _command in COMMANDS:
    application.add_command(_command)

__all__: list[str] = ["PROGRAM", "application"]
