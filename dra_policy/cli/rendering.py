"""What `dra-policy render` prints and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dra_policy.diagnostics.invalid import InvalidInput
from dra_policy.diagnostics.model import Diagnostic
from dra_policy.diagnostics.nearest import did_you_mean

if TYPE_CHECKING:
    from dra_policy.language import CheckedPolicies
    from dra_policy.language.machinery import Machine
    from dra_policy.render.enforcement import Enforced
    from dra_policy.render.objects import Question

CDI = "cdi"
MOST_LOST = 10
"""Lines about what is lost on a target; the report has all."""
_SHADES = {
    "cluster": "green",
    "controller": "cyan",
    "node": "cyan",
    "advisory": "yellow",
    "nobody": "red",
    "lost": "red",
}


def placed_machines(policies: CheckedPolicies, named: Sequence[str]) -> list[tuple[Machine, str]] | None:
    """Machines of `NAME` or `NAME=NODE`, None for none.

    Raises `InvalidInput` (SRC001) for one that nobody declares or several policies do, and `UsageError` for a node that
    cannot be called so.
    """
    import click

    from dra_policy.language.checking import kubernetes_name
    from dra_policy.resources import subdomain_problem

    if not named:
        return None
    known: dict[str, list[Machine]] = {}
    for policy in policies:
        for name, one in policy.hardware.machines.items():
            known.setdefault(name, []).append(one)
    qualified = {f"{one.policy}.{name}": one for name, many in known.items() for one in many}
    found: list[tuple[Machine, str]] = []
    for text in named:
        name, _, node = text.partition("=")
        several = known.get(name, [])
        if len(several) > 1:
            hint = f"write {' or '.join(f'{one.policy}.{name}' for one in several)}"
            raise InvalidInput([Diagnostic("SRC001", f"several policies declare machine `{name}`", help=hint)])
        machine = several[0] if several else qualified.get(name)
        if machine is None:
            hint = did_you_mean(name, known, "no machine is declared" if not known else f"there are {', '.join(known)}")
            raise InvalidInput([Diagnostic("SRC001", f"no machine `{name}`", help=hint)])
        node = node or machine.name
        problem = subdomain_problem(node)
        if problem is not None and machine.reachable is None:
            raise click.UsageError(f"--machine: node `{node}` {problem}; {kubernetes_name(node)}")
        found.append((machine, "" if machine.reachable is not None else node))
    return found


def wrong_gates(policies: CheckedPolicies, switched: Mapping[str, bool]) -> str:
    """What is wrong with the switches of drivers as they were given; empty if nothing is."""
    gates = {gate.name: gate for policy in policies for gate in policy.hardware.gates.values()}
    on = {name: switched.get(name, gate.default) for name, gate in gates.items()}
    for name in switched:
        if name not in gates:
            known = f"there are {', '.join(gates)}" if gates else "the policies declare none"
            return f"no gate `{name}`; {did_you_mean(name, gates, known)}"
    for gate in gates.values():
        if not on[gate.name]:
            continue
        for other in gate.excludes:
            if on.get(other):
                return f"gates `{gate.name}` and `{other}` exclude each other and are both on"
        for other in gate.requires:
            if not on.get(other, True):
                return f"gate `{gate.name}` is on and requires `{other}`, which is off"
    return ""


def cdi_files(question: Question, allocations: Sequence[str]) -> dict[str, dict[str, Any]]:
    """CDI specifications by the name of their file: of the claims in manifests, or of an example.

    Raises `InvalidInput` (REN003, and what is wrong with the manifests).
    """
    from dra_policy.cli.inputs import gather
    from dra_policy.render.allocations import allocations_of, examples
    from dra_policy.render.cdi import setups_of, specification
    from dra_policy.render.objects import placed
    from dra_policy.resources import ResourceClaim, ResourceSlice, read_objects

    policies, target = question.policies, question.target
    if allocations:
        read = read_objects(*gather(allocations).manifests)
        asked = list(allocations_of(policies, read.of(ResourceClaim), read.of(ResourceSlice), placed(question)))
    else:
        asked = list(examples(policies, target))
    found: dict[str, dict[str, Any]] = {}
    problems: list[Diagnostic] = []
    for driver, allocation in asked:
        made, wrong = specification(setups_of(policies, driver), allocation, driver, target.features)
        problems += wrong
        if made is not None:
            found[f"k8s.{driver}-claim_{allocation.uid}.json"] = made
    if problems:
        raise InvalidInput(problems)
    return found


def refused(objects: Mapping[str, Iterable[dict[str, Any]]]) -> list[Diagnostic]:
    """What the API server would say of the objects (REN004)."""
    from dra_policy.diagnostics import Severity
    from dra_policy.resources import PlainObject, decode, validate

    found: list[Diagnostic] = []
    for kind in ("classes", "templates", "slices"):
        for one in objects.get(kind, ()):
            model, problems = decode(one)
            wrong = list(problems)
            if model is not None and not isinstance(model, PlainObject):
                wrong += validate(model)
            named = f"{one['kind']} `{one['metadata']['name']}`"
            found += [
                Diagnostic("REN004", f"{named}: {problem.message}", path=problem.path, help=problem.help)
                for problem in wrong
                if problem.severity is Severity.ERROR
            ]
    return found


def report_data(question: Question, report: Sequence[Enforced]) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "kubernetes": question.target.version,
        "rules": [
            {
                "owner": one.owner,
                "rule": one.words,
                "enforcedBy": one.by.value,
                "means": one.means,
                "strength": "must" if one.must else "should",
                **({"because": one.said.because} if one.said.because else {}),
                **({"cost": one.cost} if one.cost is not None else {}),
                "place": one.span.place,
            }
            for one in report
        ],
    }


def print_report(report: Sequence[Enforced], *, err: bool = False) -> None:
    """The report as a table, and how many rules each enforces."""
    import click

    from dra_policy.cli.tables import print_table

    rows = [[one.owner, one.words, one.by.value, one.means, one.span.place] for one in report]
    shades = [_SHADES[one.by.value] for one in report]
    if rows:
        print_table(["of", "rule", "enforced by", "means", "place"], rows, shades=shades)
    counts = {by: sum(one.by.value == by for one in report) for by in _SHADES}
    said = ", ".join(f"{count} {by}" for by, count in counts.items() if count)
    many = "1 rule" if len(rows) == 1 else f"{len(rows)} rules"
    click.secho(f"{many}: {said}" if rows else "no rules", bold=True, err=err)


def print_lost(report: Sequence[Enforced], version: str) -> None:
    """What nobody sees to on the target and need not hold, on stderr: a line of what is published less, or not at all."""
    import click

    lost = list(dict.fromkeys(f"{one.owner}, {one.words}: {one.means}" for one in report if one.by.value == "lost"))
    for line in lost[:MOST_LOST]:
        click.secho(f"lost on Kubernetes {version}: {line}", fg="yellow", err=True)
    if len(lost) > MOST_LOST:
        click.secho(f"... and {len(lost) - MOST_LOST} more, see `--report table`", fg="yellow", err=True)


def print_renamed(policies: CheckedPolicies) -> None:
    """The templates that are not called like their claims, on stderr: several policies have claims of one name."""
    import click

    from dra_policy.render.objects import rendered_claims

    given = {name: claim for policy in policies if policy.given for name, claim in policy.claims.items()}
    renamed = [claim.name for claim in rendered_claims(policies) if claim.name not in given]
    if renamed:
        those = ", ".join(f"`{name}`" for name in renamed)
        click.secho(
            f"several policies declare a claim of one name; templates are called {those}", fg="yellow", err=True
        )


def print_repeated(question: Question) -> None:
    """On stderr, what would be the same on two nodes and is unique in a cluster."""
    import click

    from dra_policy.render.objects import repeated

    found = repeated(question)
    if found:
        name, value, node = found[0]
        text = f'`{name}` is unique in a cluster: "{value}" of a second machine is "{value}-{node}" on node `{node}`'
        more = f", and so on for {len(found) - 1} more" if len(found) > 1 else ""
        click.secho(f"{text}{more}", fg="yellow", err=True)


def write_folder(
    folder: Path,
    objects: Mapping[str, Sequence[dict[str, Any]]],
    specifications: Mapping[str, dict[str, Any]],
    report: dict[str, Any],
) -> list[Path]:
    """One file a kind, numbered in the order in which they can be applied, and those of CDI beside them."""
    from dra_policy.resources import to_yaml

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, (kind, many) in enumerate(objects.items()):
        if many:
            written.append(folder / f"{number}-{kind}.yaml")
            written[-1].write_text(to_yaml(many), encoding="utf-8")
    for name, one in specifications.items():
        (folder / CDI).mkdir(exist_ok=True)
        written.append(folder / CDI / name)
        written[-1].write_text(dumps(one, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    written.append(folder / "report.json")
    written[-1].write_text(dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return written


__all__ = [
    "CDI",
    "cdi_files",
    "placed_machines",
    "print_lost",
    "print_renamed",
    "print_repeated",
    "print_report",
    "refused",
    "report_data",
    "write_folder",
    "wrong_gates",
]
