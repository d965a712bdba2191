"""Answers as a table: devices, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import click

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.cli.asking import Answer
from dra_policy.cli.expected import Comparison
from dra_policy.cli.tables import print_table

COLUMNS = ("claim", "request", "node", "devices, or the reason why not")


def print_answers(answers: Sequence[Answer], *, explain: bool) -> None:
    """One row a request, with its devices, or one a claim with the reason why it has none; then a line that counts.

    The reason is the true cause on the node which came nearest; with `explain` all that can be said of every claim
    stands above the table.
    """
    if explain:
        for answer in answers:
            click.echo(f"{answer.explanation.text(verbose=True)}")
    rows: list[Sequence[str]] = []
    shades: list[str] = []
    for answer in answers:
        of_claim = _rows(answer) if isinstance(answer.outcome, Allocated) else [_without(answer)]
        rows += of_claim
        shades += ["" if isinstance(answer.outcome, Allocated) else "yellow"] * len(of_claim)
    print_table(COLUMNS, rows, shades=shades, sentences=COLUMNS[-1])
    click.echo(f"\n{_counts(answers)}")


def print_answers_by_node(answers: Sequence[Answer], *, explain: bool) -> None:
    """One row a claim and node that has devices or an error, the nodes without counted; if `explain`, each explained."""
    rows: list[Sequence[str]] = []
    shades: list[str] = []
    by_claim: dict[str, list[Answer]] = {}
    for answer in answers:
        by_claim.setdefault(answer.claim, []).append(answer)
    for claim, of_claim in by_claim.items():
        refused = [a for a in of_claim if isinstance(a.outcome, Unsatisfiable)]
        for answer in of_claim:
            if not isinstance(answer.outcome, Unsatisfiable):
                rows += _rows(answer)
                shades += [""] * (len(rows) - len(shades)) if isinstance(answer.outcome, Allocated) else ["yellow"]
        if refused:
            rows.append((claim, "", "1 node" if len(refused) == 1 else f"{len(refused)} nodes", "none"))
            shades.append("dim")
    print_table(COLUMNS, rows, shades=shades)
    if explain:
        for answer in answers:
            click.echo(f"\n{answer.explanation.text(verbose=True)}", nl=False)
    click.echo(f"\n{_counts(answers)}")


def print_comparison(comparison: Comparison) -> None:
    """The pairs that differ, and the summary."""
    if comparison.differing:
        rows = [
            (d.pair[0], d.pair[1], d.expected, f"{d.got} (waits for {d.feature})" if d.feature else d.got)
            for d in comparison.differing
        ]
        print_table(("claim", "node", "expected", "got"), rows, shades=["red"] * len(rows))
    for line in comparison.miscounted:
        click.secho(line, fg="red")
    click.secho(comparison.summary(), fg="green" if comparison.same else "red", bold=True)


def _without(answer: Answer) -> Sequence[str]:
    refused = "refused: " if isinstance(answer.outcome, Unsatisfiable) else ""
    return (answer.claim, "", answer.asked, f"{refused}{answer.explanation.sentence()}")


def _rows(answer: Answer) -> list[Sequence[str]]:
    outcome = answer.outcome
    match outcome:
        case Allocated():
            by_request = answer.devices()
            if not by_request:
                return [(answer.claim, "", outcome.node, "no device asked for")]
            return [
                (answer.claim, request, outcome.node, " ".join(device.partition("=")[2] for device in devices))
                for request, devices in by_request.items()
            ]
        case Unsatisfiable():
            return [(answer.claim, "", answer.asked, "none")]
        case Failed():
            return [(answer.claim, outcome.request, answer.asked or outcome.node, answer.explanation.sentence())]
        case GaveUp():
            return [(answer.claim, "", answer.asked or outcome.node, answer.explanation.sentence())]
    assert_never(outcome)


def _counts(answers: Sequence[Answer]) -> str:
    kinds = {"allocated": Allocated, "refused": Unsatisfiable, "in error": Failed, "gave up": GaveUp}
    counted = {name: sum(isinstance(a.outcome, kind) for a in answers) for name, kind in kinds.items()}
    parts = [f"{number} {name}" for name, number in counted.items() if number or name == "allocated"]
    questions = f"{len(answers)} question" if len(answers) == 1 else f"{len(answers)} questions"
    return f"{questions}: {', '.join(parts)}"
