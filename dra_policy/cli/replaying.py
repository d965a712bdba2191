"""The answers of a capsule made again, by whichever command made them."""

from __future__ import annotations

import click

from dra_policy import __version__
from dra_policy.capsule import Capsule, differing
from dra_policy.capsule.deciding import decided, gave_up
from dra_policy.cli.asking import exit_code
from dra_policy.cli.capsules import ALLOCATE, ask_again, print_again, same_shares
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.output import Output, emit
from dra_policy.cli.replayed import Replayed


def replayed(capsule: Capsule, output: Output | None) -> Replayed:
    """Make the decision of a capsule again. Raises `InvalidInput` for a world that cannot be opened."""
    chosen = output_of(capsule) if output is None else output
    if capsule.command == ALLOCATE:
        return _allocated(capsule, chosen)
    from dra_policy.cli.whys import WHY, why_again

    if capsule.command == WHY:
        return why_again(capsule, output)
    from dra_policy.cli.changes import WHAT_IF, change_again

    if capsule.command == WHAT_IF:
        return change_again(capsule, chosen)
    return _decided(capsule, chosen)


def output_of(capsule: Capsule) -> Output:
    """How the answers of a capsule were printed."""
    return next((one for one in Output if one.value == capsule.options.get("output")), Output.TABLE)


def _allocated(capsule: Capsule, output: Output) -> Replayed:
    answers = ask_again(capsule)
    explain = capsule.options.get("explain") is True
    require_all = capsule.options.get("requireAll") is True
    return Replayed(
        lambda: print_again(answers, capsule, output=output, explain=explain),
        differing(capsule, [answer.data() for answer in answers], __version__),
        exit_code(answers, None, require_all=require_all),
    )


def _decided(capsule: Capsule, output: Output) -> Replayed:
    """A capsule that no command made: the claims of each pod together."""
    decisions = decided(capsule.world, capsule.asked)
    data = [one.data() for one in decisions]

    def show() -> None:
        if output is Output.TABLE:
            for one in decisions:
                click.echo(one.explanation.text(), nl=False)
        else:
            emit({"answers": same_shares(data, capsule)}, output)

    code = ExitCode.GAVE_UP if gave_up(decisions) else ExitCode.ANSWERED
    return Replayed(show, differing(capsule, data, __version__), code)


__all__ = ["output_of", "replayed"]
