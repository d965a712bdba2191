"""`dra-policy cel`: a CEL expression tried on devices, and rows of expressions with devices answered one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument
from dra_policy.cli.options import FEATURES
from dra_policy.cli.output import OUTPUT, Output, emit

if TYPE_CHECKING:
    from dra_policy.cli.trials import DeviceTrial
    from dra_policy.resources import Features


@click.command()
@click.argument("expression", required=False, metavar="[EXPRESSION]")
@click.argument("paths", nargs=-1, type=PathArgument(), metavar="[PATHS]...")
@FEATURES
@click.option("--new", is_flag=True, help="As at admission: in the environment and with the cost limit of new objects.")
@click.option("--derived", is_flag=True, help="The expression computes an attribute instead of deciding.")
@click.option("--all", "everything", is_flag=True, help="Name every device, not only the first few of each kind.")
@click.option("--jsonl", is_flag=True, help="Answer rows from standard input as JSON, one a line.")
@OUTPUT
def cel(
    expression: str | None,
    paths: tuple[str, ...],
    *,
    features: Features,
    new: bool,
    derived: bool,
    everything: bool,
    jsonl: bool,
    output: Output,
) -> ExitCode:
    """Try a CEL expression on the devices of manifests: value, cost, and what decided.

    PATHS are files and folders with ResourceSlices, `-`, `shipped:NAME`; without them the expression is only checked.
    A false or failing condition is taken apart at `&&`, `||` and `?:` to the part that decided on each device.

    With --jsonl rows come from standard input: `expression`, `device` (`driver`, `attributes`, `capacity`,
    `allowMultipleAllocations`), and if wanted `id`, `kind` (selector, derived), `envType` (StoredExpressions,
    NewExpressions), `featureListTypeAttributes`, `featureConsumableCapacity`. Each gets a line with `id`, `outcome`
    (match, nomatch, value, compile_error, runtime_error), `value`, `error`, `maxCost`, `actualCost` before the next
    is read. A line that is no row has no outcome, and the exit code is 2.
    """
    if jsonl:
        if expression is not None:
            raise click.UsageError("--jsonl reads expressions from standard input; leave EXPRESSION out")
        return _answer_rows()
    if expression is None:
        raise click.UsageError("Missing argument 'EXPRESSION'.")
    from dra_policy.cli.inputs import gather
    from dra_policy.cli.terminal import complain
    from dra_policy.cli.trials import data, print_program, print_trials, try_on_manifests
    from dra_policy.diagnostics import InvalidInput
    from dra_policy.expression import EvaluationError, compile_cel
    from dra_policy.source import Source

    source = Source("expression", expression)
    program = compile_cel(source, features=features, kind="derived" if derived else "selector", new=new)
    if isinstance(program, EvaluationError):
        raise InvalidInput(program.diagnostics)
    trials: list[DeviceTrial] = []
    if paths:
        trials, warnings = try_on_manifests(program, gather(paths).manifests, selector=not derived)
        complain(warnings)
    if output is Output.TABLE:
        print_program(program)
        print_trials(trials, everything=everything)
    else:
        emit(data(program, trials), output)
    return ExitCode.ANSWERED


def _answer_rows() -> ExitCode:
    import json
    import sys
    import traceback

    from dra_policy.expression.rows import RowAnswer, answer_row

    worst = ExitCode.ANSWERED
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            given = answer_row(line, number=number)
        except Exception as defect:  # noqa: BLE001 - our fault; the rows behind it still get their answers
            traceback.print_exc()
            given = RowAnswer(None, None, error=f"line {number}: a defect of the program: {type(defect).__name__}")
            worst = ExitCode.DEFECT
        if given.outcome is None and worst is ExitCode.ANSWERED:
            worst = ExitCode.INVALID
        sys.stdout.write(json.dumps(given.data(), ensure_ascii=False, separators=(",", ":")) + "\n")
        sys.stdout.flush()
    return worst


__all__ = ["cel"]
