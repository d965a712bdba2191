"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.inputs import PathArgument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from click.shell_completion import CompletionItem

    from dra_policy.resources import Features

    _FeaturesType = click.ParamType[Features]
    _TimeType = click.ParamType[datetime]
else:  # Older releases of click have no type parameter.
    _FeaturesType = _TimeType = click.ParamType


class FeaturesOption(_FeaturesType):
    """A profile (`default`, `all`, `none`, `kubernetes-1.35`, `strict`), changes to it, or both with commas between."""

    name = "features"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Features:
        from dra_policy.diagnostics.nearest import did_you_mean
        from dra_policy.resources.features import FEATURE_NAMES

        profiles = _profiles()
        fields = {name: field for field, name in FEATURE_NAMES.items()}
        first, *others = [part.strip() for part in str(value).split(",")]
        base = profiles.get(first)
        changes: dict[str, bool] = {}
        for part in others if base is not None else [first, *others]:
            name, equals, switch = part.partition("=")
            if name not in fields:
                known = [*profiles, *fields]
                hint = did_you_mean(name, known, f"there are {', '.join(known)}")
                self.fail(f"no profile or feature `{name}`; {hint}", param, ctx)
            if not equals or switch not in ("true", "false"):
                self.fail(f"`{part}` does not switch a feature; write {name}=true or {name}=false", param, ctx)
            changes[name] = switch == "true"
        return (profiles["default"] if base is None else base).switched(changes)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        from click.shell_completion import CompletionItem

        from dra_policy.resources.features import FEATURE_NAMES

        before, comma, last = incomplete.rpartition(",")
        words = [f"{name}=true" for name in FEATURE_NAMES.values()] + ([] if comma else list(_profiles()))
        return [CompletionItem(f"{before}{comma}{word}") for word in words if word.startswith(last)]


def _profiles() -> Mapping[str, Features]:
    from dra_policy.resources import PROFILES
    from dra_policy.resources.features import Features

    return {"default": Features(), "all": Features.all(), "none": Features.named({}), **PROFILES}


class TimeOption(_TimeType):
    """A time with its zone, as in `2026-11-25T18:30:00Z` or `2026-11-25T18:30+01:00`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        from datetime import datetime

        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"`{value}` is no time; write one as in 2026-11-25T18:30:00Z", param, ctx)
        if found.tzinfo is None:
            self.fail(f"`{value}` does not say its zone; write {value}Z for UTC, or {value}+01:00", param, ctx)
        return found


FEATURES = click.option(
    "--features",
    type=FeaturesOption(),
    default="default",
    show_default=True,
    metavar="PROFILE,Name=true,...",
    help=(
        "Features of Dynamic Resource Allocation: default (as in a Kubernetes 1.37 cluster), all, none, "
        "kubernetes-1.34 to kubernetes-1.37, or strict (right where upstream is known to be wrong)."
    ),
)
STEP_LIMIT = click.option(
    "--step-limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Give up on a node after looking at N candidates; exit with 3.",
)
POLICIES = click.option(
    "--policy", "policies", type=PathArgument(), multiple=True, metavar="PATH", help="A policy; repeatable."
)
NODE = click.option("--node", metavar="NAME", help="Ask on this node only.")
EACH_ALONE = click.option("--each-alone", is_flag=True, help="Ask for each claim as if the others had got nothing.")
NAMESPACE = click.option(
    "--namespace",
    "-n",
    default="default",
    show_default=True,
    metavar="NAME",
    help="Namespace of the claims in manifests that name none.",
)
AT = click.option(
    "--at",
    type=TimeOption(),
    metavar="TIME",
    help="The time that rules of a site go by, such as 2026-11-25T18:30:00Z; without it the time of this machine.",
)
CAPSULE = click.option(
    "--capsule",
    type=PathArgument(),
    metavar="FILE",
    help="Write the question, all that it was answered from, and the answer to a file for `dra-policy replay`.",
)
