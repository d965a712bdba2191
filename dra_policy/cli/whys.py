"""The capsules of `why`: the objects of a cluster, a subject, and what was said about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from dra_policy import __version__
from dra_policy.capsule import Asked, Capsule, World, differing
from dra_policy.capsule.content import key_of
from dra_policy.capsule.deciding import plain
from dra_policy.capsule.packing import STEPS_LIMIT, Reader, features_data, write_capsule
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.output import Output, emit
from dra_policy.cli.replayed import Replayed
from dra_policy.engine import STEP_LIMIT
from dra_policy.resources import Features, read_values, to_object
from dra_policy.source import Source

WHY = "why"
ADAPTER = "dra_policy_kubernetes"
KINDS = ("nodes", "slices", "classes", "taint_rules", "claims", "templates", "pods")


def keep_why(
    path: str,
    cluster: Any,
    subject: tuple[str, str],
    answer: Any,
    *,
    features: Features | None,
    step_limit: int | None,
    printed: Mapping[str, Any],
) -> None:
    """Write the capsule of a `why` about a subject and its namespace. Raises `InvalidInput`: SRC004."""
    dumps: Any = import_module(f"{ADAPTER}.dumps")
    values = [to_object(one) for kind in KINDS for one in getattr(cluster, kind).values()]
    notes = read_values(Source("server", dumps.write_dump((), cluster.server)))[0][0].value["metadata"]
    options = {
        **printed,
        "subject": subject[0],
        "namespace": subject[1],
        "features": None if features is None else features_data(features),
        "stepLimit": step_limit,
    }
    world = World(
        objects={key_of(value): value for value in values},
        features=Features() if features is None else features,
        step_limit=STEP_LIMIT if step_limit is None else step_limit,
    )
    server = notes.get("annotations") or {}
    decision = (plain(answer.data(verbose=True)),)
    write_capsule(path, Capsule(world, Asked(()), decision, __version__, WHY, options, server))


def why_again(capsule: Capsule, output: Output | None) -> Replayed:
    """The answer of a `why` made again. Raises `InvalidInput`: CAP002, and as `why` does."""
    questions: Any = import_module(f"{ADAPTER}.questions")
    reader = Reader("why")
    options = capsule.options
    subject, namespace = reader.part(options, "subject", str), reader.part(options, "namespace", str)
    try:
        questions.split_subject(subject)
    except ValueError:
        reader.refuse("its subject is none")
    given, limit = options.get("features"), options.get("stepLimit")
    answer = questions.why(
        questions.read_dump(_dump(capsule)),
        subject,
        namespace,
        features=None if given is None else reader.features(reader.part(options, "features", dict)),
        step_limit=None if limit is None else reader.number(options, "stepLimit", STEPS_LIMIT),
    )
    verbose = options.get("verbose") is True
    form = options.get("output") if output is None else "text" if output is Output.TABLE else output.value

    def show() -> None:
        match form:
            case "json":
                emit(answer.data(verbose=verbose), Output.JSON)
            case "yaml":
                emit(answer.data(verbose=verbose), Output.YAML)
            case "markdown":
                click.echo(questions.as_markdown(answer, verbose=verbose), nl=False)
            case _:
                click.echo(questions.as_text(answer, verbose=verbose), nl=False)

    code = ExitCode.GAVE_UP if answer.verdict.value == "gaveUp" else ExitCode.ANSWERED
    return Replayed(show, differing(capsule, [plain(answer.data(verbose=True))], __version__), code)


def _dump(capsule: Capsule) -> Source:
    items = [value for _, value in capsule.world.in_order()]
    whole = {"apiVersion": "v1", "kind": "List", "metadata": {"annotations": dict(capsule.server)}, "items": items}
    return Source("capsule.json", json.dumps(whole))


__all__ = ["WHY", "keep_why", "why_again"]
