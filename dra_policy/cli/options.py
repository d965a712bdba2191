"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dra_policy.resources import Features

    _FeaturesType = click.ParamType[Features]
else:  # Older releases of click have no type parameter.
    _FeaturesType = click.ParamType


class FeaturesOption(_FeaturesType):
    """`all`, `none`, `default`, or changes to the defaults: `ListTypeAttributes=true,DeviceTaints=false`."""

    name = "features"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Features:
        from dra_policy.diagnostics.nearest import did_you_mean
        from dra_policy.resources.features import FEATURE_NAMES, Features

        text = str(value)
        match text:
            case "all":
                return Features.all()
            case "none":
                return Features.named({})
            case "default":
                return Features()
        fields = {name: field for field, name in FEATURE_NAMES.items()}
        changes: dict[str, bool] = {}
        for part in text.split(","):
            name, equals, switch = part.strip().partition("=")
            if name not in fields:
                known = ", ".join(fields)
                self.fail(f"no feature `{name}`; {did_you_mean(name, fields, f'there are {known}')}", param, ctx)
            if not equals or switch not in ("true", "false"):
                self.fail(f"`{part}` does not switch a feature; write {name}=true or {name}=false", param, ctx)
            changes[name] = switch == "true"
        return Features().switched(changes)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        from dra_policy.resources.features import FEATURE_NAMES

        before, comma, last = incomplete.rpartition(",")
        words = [f"{name}=true" for name in FEATURE_NAMES.values()] + ([] if comma else ["all", "default", "none"])
        return [CompletionItem(f"{before}{comma}{word}") for word in words if word.startswith(last)]


FEATURES = click.option(
    "--features",
    type=FeaturesOption(),
    default="default",
    show_default=True,
    metavar="all|default|none|Name=true,...",
    help="Features of Dynamic Resource Allocation; default: as in a Kubernetes 1.37 cluster.",
)
STEP_LIMIT = click.option(
    "--step-limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Give up on a node after looking at N candidates; exit with 3.",
)
