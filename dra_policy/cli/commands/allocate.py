"""`dra-policy allocate`: claims, nodes, devices, reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument, path_arguments
from dra_policy.cli.options import AT, CAPSULE, EACH_ALONE, FEATURES, NAMESPACE, NODE, POLICIES, STEP_LIMIT
from dra_policy.cli.output import OUTPUT, Output, emit

if TYPE_CHECKING:
    from datetime import datetime

    from dra_policy.resources import Features


@click.command()
@path_arguments
@FEATURES
@EACH_ALONE
@click.option("--per-node", is_flag=True, help="Ask for each claim on every node.")
@click.option(
    "--explain",
    is_flag=True,
    help="Say all there is to say of every claim: why not and what helps, or why this device.",
)
@NODE
@POLICIES
@click.option(
    "--expect",
    type=PathArgument(),
    metavar="FILE",
    help="Compare with a file of expected answers; exit with 1 if one differs. Needs --per-node.",
)
@click.option("--require-all", is_flag=True, help="Exit with 1 if a claim got no devices.")
@STEP_LIMIT
@NAMESPACE
@AT
@CAPSULE
@OUTPUT
def allocate(
    paths: tuple[str, ...],
    *,
    features: Features,
    each_alone: bool,
    per_node: bool,
    explain: bool,
    node: str | None,
    policies: tuple[str, ...],
    expect: str | None,
    require_all: bool,
    step_limit: int | None,
    namespace: str,
    at: datetime | None,
    capsule: str | None,
    output: Output,
) -> ExitCode:
    """Allocate devices to claims, from policies and manifests: files, folders, `-`, `shipped:NAME`.

    Every claim gets devices in turn, on the first node in order of names that fits; what it got stays in use for the
    next one. A ResourceClaimTemplate, and a claim that a policy declares, counts as one claim. Claims that carry
    `status.allocation` are in use from the start. Claims of policies come first, then those of manifests as given.
    """
    from dra_policy.cli.answers import print_answers, print_answers_by_node, print_comparison
    from dra_policy.cli.asking import ask, exit_code, open_questions
    from dra_policy.cli.expected import compare, read_expected
    from dra_policy.cli.inputs import gather
    from dra_policy.cli.terminal import complain

    if expect and not per_node:
        raise click.UsageError("--expect compares the answers of every node; add --per-node")
    if per_node and node:
        raise click.UsageError("--per-node asks on every node, --node on one; leave one of them out")
    if expect and capsule:
        raise click.UsageError("--capsule keeps answers, --expect compares them; leave one of them out")
    expected = read_expected(expect, namespace) if expect else None
    inputs = gather([*policies, *paths])
    questions = open_questions(inputs, features, step_limit, namespace, at)
    complain(questions.warnings)
    if capsule is None:
        answers = ask(questions, node=node, per_node=per_node, keep=not each_alone, explain=explain)
    else:
        from dra_policy.cli.capsules import asked_of, keep_answers, world_of

        world = world_of(questions, inputs)
        answers = ask(questions, node=node, per_node=per_node, keep=not each_alone, explain=explain)
        asked = asked_of(questions, node=node, per_node=per_node, keep=not each_alone)
        keep_answers(capsule, world, asked, answers, _options(output, explain=explain, require_all=require_all))
    comparison = None
    if expected is not None:
        comparison = compare(expected, {(answer.claim, answer.asked): answer.got() for answer in answers})
    if output is Output.TABLE:
        print_table = print_answers_by_node if per_node else print_answers
        print_table(answers, explain=explain)
        if comparison is not None:
            click.echo()
            print_comparison(comparison)
    else:
        data = {"answers": [answer.data(verbose=explain) for answer in answers]}
        emit(data if comparison is None else data | {"comparison": comparison.data()}, output)
    return exit_code(answers, comparison, require_all=require_all)


def _options(output: Output, *, explain: bool, require_all: bool) -> dict[str, str | bool]:
    return {"output": output.value, "explain": explain, "requireAll": require_all}
