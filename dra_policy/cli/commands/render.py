"""`dra-policy render`: policies as objects of Kubernetes and CDI, and who enforces each rule."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument, path_arguments

_KINDS = ("schemas", "classes", "templates", "slices", "admission", "quotas", "taints", "cdi")


class Report(Enum):
    """How the report is printed."""

    TABLE = "table"
    JSON = "json"


@click.command()
@path_arguments
@click.option(
    "--target",
    "version",
    default="1.37",
    show_default=True,
    metavar="VERSION",
    help="Version of Kubernetes, 1.34 to 1.37.",
)
@click.option(
    "--features",
    "switched",
    default="",
    metavar="Name=true,...",
    help="Feature gates that differ from the defaults of the version, by their names without DRA.",
)
@click.option("--gate", "gates", multiple=True, metavar="NAME=on|off", help="A driver's own switch; repeatable.")
@click.option("--controller", is_flag=True, help="The controller of dra-policy allocates there.")
@click.option("--kueue", is_flag=True, help="Kueue is installed: quotas become its queues.")
@click.option("--kind", "kinds", type=click.Choice(_KINDS), multiple=True, help="Only this; repeatable.")
@click.option(
    "--machine", "machines", multiple=True, metavar="NAME[=NODE]", help="Slices of this machine on a node; repeatable."
)
@click.option(
    "--allocation",
    "allocations",
    type=PathArgument(),
    multiple=True,
    metavar="PATH",
    help="Allocated ResourceClaims, with the ResourceSlices of their devices, to write CDI files for.",
)
@click.option("--folder", "-o", type=PathArgument(), metavar="FOLDER", help="Write files there instead of printing.")
@click.option(
    "--report",
    type=click.Choice(Report, case_sensitive=False),
    help="Print who enforces each rule, and no objects.",
)
def render(
    paths: tuple[str, ...],
    *,
    version: str,
    switched: str,
    gates: tuple[str, ...],
    controller: bool,
    kueue: bool,
    kinds: tuple[str, ...],
    machines: tuple[str, ...],
    allocations: tuple[str, ...],
    folder: str | None,
    report: Report | None,
) -> ExitCode:
    """Render policies (.dra) for a cluster: files, folders, `shipped:NAME`.

    Objects are printed as YAML, or written to a folder with the report. A rule that must hold and that nothing enforces
    on the target fails the rendering. Slices are those of the machines that the policies declare, each on a node of its
    own name, or of --machine. CDI files are for --allocation, or for an example.
    """
    from json import dumps

    from dra_policy.cli.inputs import gather, load_policies
    from dra_policy.cli.rendering import (
        CDI,
        cdi_files,
        placed_machines,
        print_lost,
        print_renamed,
        print_repeated,
        print_report,
        refused,
        report_data,
        write_folder,
        wrong_gates,
    )
    from dra_policy.diagnostics import InvalidInput
    from dra_policy.render.enforcement import enforcement, failures
    from dra_policy.render.objects import KINDS, Question, objects_of
    from dra_policy.render.targets import Target, UnknownTarget
    from dra_policy.resources import to_yaml

    try:
        target = Target.of(
            version,
            _switches(switched, "true", "false", "--features"),
            _switches(",".join(gates), "on", "off", "--gate"),
            controller=controller,
            kueue=kueue,
        )
    except UnknownTarget as unknown:
        raise click.UsageError(str(unknown)) from unknown
    policies = load_policies(gather(paths).policies)
    wrong = wrong_gates(policies, target.gates)
    if wrong:
        raise click.UsageError(f"--gate: {wrong}")
    question = Question(policies, target, placed_machines(policies, machines))
    found = enforcement(policies, target)
    problems = failures(found, target)
    if report is not None:
        if report is Report.TABLE:
            print_report(found)
        else:
            click.echo(dumps(report_data(question, found), indent=2, ensure_ascii=False))
        if problems:
            raise InvalidInput(problems)
        return ExitCode.ANSWERED
    if problems:
        raise InvalidInput(problems)
    objects = objects_of(question, kinds or KINDS)
    specifications = cdi_files(question, allocations) if not kinds or CDI in kinds else {}
    invalid = refused(objects)
    if invalid:
        raise InvalidInput(invalid)
    print_lost(found, version)
    if "templates" in objects:
        print_renamed(policies)
    if "slices" in objects:
        print_repeated(question)
    if folder is None:
        documents = [*(one for many in objects.values() for one in many), *specifications.values()]
        click.echo(to_yaml(documents), nl=False)
        return ExitCode.ANSWERED
    for path in write_folder(Path(folder), objects, specifications, report_data(question, found)):
        click.echo(path)
    print_report(found)
    return ExitCode.ANSWERED


def _switches(text: str, on: str, off: str, option: str) -> dict[str, bool]:
    """Switches of `Name=on,Name=off`."""
    found: dict[str, bool] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if value not in (on, off):
            raise click.UsageError(f"{option}: `{part}` switches nothing; write {name}={on} or {name}={off}")
        found[name] = value == on
    return found


__all__ = ["render"]
