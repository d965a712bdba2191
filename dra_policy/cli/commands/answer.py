"""`dra-policy answer`: questions as JSON in, answers as JSON out, one a line."""

from __future__ import annotations

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.options import STEP_LIMIT


@click.command()
@click.option("--validate", is_flag=True, help="Refuse questions with objects that the API server would refuse.")
@STEP_LIMIT
def answer(*, validate: bool, step_limit: int | None) -> ExitCode:
    """Answer questions as JSON, one a line, from standard input, as upstream's allocator would.

    A question has an `id`, `features`, a `node`, `classes`, `slices`, the `claims` of one pod, and what is in use as
    `allocatedClaims`, or as `allocatedDevices`, `allocatedSharedDevices` and `aggregatedCapacity`. Its answer has
    `id`, `allocated`, `results`, `error`, `nodeOnly` and `gaveUp`; it is written before the next question is read. A
    line that is no question gets an error as its answer, and the next one is read; the exit code then is 2.
    """
    import json
    import sys
    import traceback

    from dra_policy.allocation import GaveUp
    from dra_policy.engine.engine import STEP_LIMIT as DEFAULT_LIMIT
    from dra_policy.engine.questions import Answer, Questions

    questions = Questions(step_limit=DEFAULT_LIMIT if step_limit is None else step_limit, checked=validate)
    questions.ready()
    worst = ExitCode.ANSWERED
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            given = questions.answer(line, number=number)
        except Exception as defect:  # noqa: BLE001 - our fault; the questions behind it still get their answers
            traceback.print_exc()
            given = Answer(None, None, f"line {number}: a defect of the program: {type(defect).__name__}")
            worst = ExitCode.DEFECT
        if isinstance(given.outcome, GaveUp) and worst is ExitCode.ANSWERED:
            worst = ExitCode.GAVE_UP
        elif given.outcome is None and worst is not ExitCode.DEFECT:
            worst = ExitCode.INVALID
        sys.stdout.write(json.dumps(given.data(), ensure_ascii=False, separators=(",", ":")) + "\n")
        sys.stdout.flush()
    return worst


__all__ = ["answer"]
