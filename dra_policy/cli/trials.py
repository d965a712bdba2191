"""An expression tried on the devices of manifests, and what is printed about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors
from dra_policy.expression import DeviceFacts, Program
from dra_policy.expression.cost.sizes import MOST
from dra_policy.expression.deciding import Trial, try_on
from dra_policy.expression.printer import to_cel
from dra_policy.expression.rows import as_attribute
from dra_policy.resources import ResourceSlice, read_objects

SHOWN = 5
"""How many devices of one kind are named, unless all are asked for."""


@dataclass(frozen=True, slots=True)
class DeviceTrial:
    """A trial with the device's name: driver, pool and device."""

    device: str
    trial: Trial

    def data(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        error = self.trial.error
        return {
            "device": self.device,
            "value": _plain(self.trial.value),
            "cost": self.trial.cost,
            "error": None if error is None else error.message,
            "decidedBy": [to_cel(atom) for atom in self.trial.decided_by],
        }


def try_on_manifests(
    program: Program, paths: Sequence[str], *, selector: bool
) -> tuple[list[DeviceTrial], tuple[Diagnostic, ...]]:
    """A trial for each device of the ResourceSlices in the files, in order, and warnings about the files.

    Raises `InvalidInput` for files with errors, and with SRC005 if there is no device.
    """
    reading = read_objects(*paths)
    if has_errors(reading.diagnostics):
        raise InvalidInput(reading.diagnostics)
    trials = [
        DeviceTrial(
            f"{one.spec.driver}/{one.spec.pool.name}/{device.name}",
            try_on(program, DeviceFacts.of(one.spec.driver, device), selector=selector),
        )
        for one in reading.of(ResourceSlice)
        for device in one.spec.devices
    ]
    if not trials:
        raise InvalidInput(
            [*reading.diagnostics, Diagnostic("SRC005", "there is no device", help="name files with a ResourceSlice")]
        )
    return trials, reading.diagnostics


def data(program: Program, trials: Iterable[DeviceTrial]) -> dict[str, Any]:
    """The whole answer as plain JSON values."""
    return {
        "expression": program.text,
        "type": str(program.type),
        "maxCost": program.cost,
        "reads": sorted(map(str, program.reads)),
        "devices": [trial.data() for trial in trials],
    }


def print_program(program: Program) -> None:
    """Type, estimated cost and what is read, a line each."""
    cost = "without bound" if program.cost == MOST else f"{program.cost:,} at most"
    click.echo(f"type   {program.type}")
    click.echo(f"cost   {cost}")
    click.echo(f"reads  {', '.join(sorted(map(str, program.reads))) or 'nothing of the device'}")


def print_trials(trials: Sequence[DeviceTrial], *, everything: bool) -> None:
    """Devices with the same answer for the same reason together, in the order in which they were met."""
    groups: dict[tuple[str, tuple[str, ...]], list[DeviceTrial]] = {}
    for one in trials:
        groups.setdefault((_answer(one.trial), tuple(map(to_cel, one.trial.decided_by))), []).append(one)
    for (answer, atoms), members in groups.items():
        costs = sorted({member.trial.cost for member in members})
        cost = f"cost {costs[0]}" if len(costs) == 1 else f"cost {costs[0]} to {costs[-1]}"
        count = "1 device" if len(members) == 1 else f"{len(members)} devices"
        click.echo()
        click.secho(f"{answer} on {count}, {cost}", fg=_shade(members[0].trial), bold=True)
        for atom in atoms:
            click.echo(f"  decided by {atom}")
        shown = members if everything else members[:SHOWN]
        for member in shown:
            click.echo(f"  {member.device}")
        if len(shown) < len(members):
            click.echo(f"  and {len(members) - len(shown)} more (--all names them)")


def _answer(trial: Trial) -> str:
    if trial.error is not None:
        return f"error `{trial.error.message}`"
    value = trial.value
    if isinstance(value, bool):
        return "true" if value else "false"
    (shown,) = as_attribute(value).values()
    return f"value {shown!r}" if isinstance(shown, str) else f"value {shown}"


def _shade(trial: Trial) -> str:
    return "red" if trial.error is not None else "yellow" if trial.value is False else "green"


def _plain(value: object) -> Any:
    return value if value is None or isinstance(value, bool) else as_attribute(value)
