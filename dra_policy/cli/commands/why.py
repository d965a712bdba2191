"""`dra-policy why`: why a pod is where it is, or nowhere; from a cluster, or from a dump of one."""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any, assert_never

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument
from dra_policy.cli.options import CAPSULE, STEP_LIMIT, FeaturesOption

if TYPE_CHECKING:
    from dra_policy.resources import Features

ADAPTER = "dra_policy_kubernetes"
"""The core knows no adapter; a command that needs one finds it by name."""


class Report(Enum):
    """How the answer is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


CONTEXT = click.option("--context", metavar="NAME", help="Context of the kubeconfig; without it the current one.")


@click.command()
@click.argument("subject", metavar="pod/NAME|claim/NAME|class/NAME")
@click.option(
    "--from",
    "dumps",
    type=PathArgument(),
    multiple=True,
    metavar="DUMP",
    help="Read the cluster from a file, or `-`, instead of asking it; repeatable.",
)
@CONTEXT
@click.option("--namespace", "-n", metavar="NAME", help="Namespace of the pod or claim; without it the context's own.")
@click.option(
    "--features",
    type=FeaturesOption(),
    metavar="PROFILE,Name=true,...",
    help="Features of Dynamic Resource Allocation, instead of those of the server's version and gates.",
)
@STEP_LIMIT
@CAPSULE
@click.option("--verbose", "-v", is_flag=True, help="Say it for every node, with what each rule took away.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(Report, case_sensitive=False),
    default=Report.TEXT,
    show_default=True,
    help="How to print the answer.",
)
def why(
    subject: str,
    *,
    dumps: tuple[str, ...],
    context: str | None,
    namespace: str | None,
    features: Features | None,
    step_limit: int | None,
    capsule: str | None,
    verbose: bool,
    output: Report,
) -> ExitCode:
    """Say why a pod has no node, and whether that is for ever or for now.

    Looks at nodes, devices, claims and pods as kube-scheduler does, changes nothing, and needs the rights to get, list
    and watch only. The first line is the true cause; then never, or not now and who holds it; then what helps, tried
    before it is shown; then the sentence that kube-scheduler would write.

    --from reads what `dra-policy dump` wrote, or `kubectl get nodes,resourceslices,deviceclasses,resourceclaims,
    resourceclaimtemplates,devicetaintrules,pods -A -o yaml`.
    """
    from dra_policy.cli.output import Output, emit
    from dra_policy.cli.terminal import complain

    questions: Any = import_module(f"{ADAPTER}.questions")
    try:
        questions.split_subject(subject)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    if dumps and context:
        raise click.UsageError("--from reads a dump, --context a cluster; leave one of them out")
    if dumps:
        cluster = questions.read_dump(*dumps)
    else:
        live: Any = import_module(f"{ADAPTER}.live")
        connection = live.connect(context)
        cluster = live.read_cluster(connection)
        namespace = namespace or connection.namespace
    complain(cluster.warnings)
    namespace = namespace or "default"
    # The time of day is no part of a capsule.
    live_now = not dumps and capsule is None
    answer = questions.why(cluster, subject, namespace, features=features, step_limit=step_limit, live=live_now)
    if capsule is not None:
        from dra_policy.cli.whys import keep_why

        printed = {"output": output.value, "verbose": verbose}
        about = (subject, namespace)
        keep_why(capsule, cluster, about, answer, features=features, step_limit=step_limit, printed=printed)
    match output:
        case Report.TEXT:
            click.echo(questions.as_text(answer, verbose=verbose), nl=False)
        case Report.MARKDOWN:
            click.echo(questions.as_markdown(answer, verbose=verbose), nl=False)
        case Report.JSON:
            emit(answer.data(verbose=verbose), Output.JSON)
        case _:
            assert_never(output)
    return ExitCode.GAVE_UP if answer.verdict.value == "gaveUp" else ExitCode.ANSWERED


__all__ = ["why"]
