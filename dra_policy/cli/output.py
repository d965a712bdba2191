"""`--output`: tables for people, JSON and YAML for programs."""

from __future__ import annotations

from enum import Enum
from typing import Any, assert_never

import click


class Output(Enum):
    """How answers are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


OUTPUT = click.option(
    "--output",
    "-o",
    type=click.Choice(Output, case_sensitive=False),
    default=Output.TABLE,
    show_default=True,
    help="How to print the answers.",
)


def emit(value: Any, output: Output) -> None:
    """Print a plain JSON value on standard output in a machine's form."""
    match output:
        case Output.JSON:
            from json import dumps

            click.echo(dumps(value, indent=2, ensure_ascii=False))
        case Output.YAML:
            from dra_policy.resources import to_yaml

            click.echo(to_yaml([value]), nl=False)
        case Output.TABLE:
            raise ValueError("a table has its own columns")
        case _:
            assert_never(output)
