"""The limits that show only in what policies become: sizes of CEL texts and of configurations (A3, A7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression import to_cel
from dra_policy.language.checked import CheckedConfig, CheckedPolicies
from dra_policy.language.claims import CONFIGS_LIMIT
from dra_policy.language.configuration import claim_configuration, class_configuration, merged
from dra_policy.language.lowering import Condition, ask_conditions, class_conditions
from dra_policy.language.objects import SELECTORS_LIMIT, selectors
from dra_policy.source import Span

# A7: bytes of one CEL text, and of opaque parameters.
CEL_LIMIT = PARAMETERS_LIMIT = 10 * 1024


def check_lowered(policies: CheckedPolicies) -> list[Diagnostic]:
    """What Kubernetes would refuse of the objects that these policies become, on targets with list attributes or not."""
    found: list[Diagnostic] = []
    for policy in policies:
        for class_ in policy.classes.values():
            for lists in (False, True):
                found += _conditions(class_conditions(class_, lists=lists), f"class `{class_.name}`", class_.span)
            found += [problem for config in class_.configs for problem in _config(config, in_class=True)]
        for claim in policy.claims.values():
            for request in claim.requests:
                owner = f"request `{request.name}`"
                for ask, lists in product(request.asks, (False, True)):
                    found += _conditions(ask_conditions(ask, owner, lists=lists), owner, request.span)
            configs = list(merged(claim.requests, claim.configs))
            found += [problem for config in configs for problem in _config(config, in_class=False)]
            if len(configs) > CONFIGS_LIMIT >= len(claim.configs):
                message = f"the classes of claim `{claim.name}` differ so that it has {len(configs)} configurations"
                help_ = f"a claim has at most {CONFIGS_LIMIT}: set the fields in the claim, or split it"
                found.append(Diagnostic("RUL002", message, claim.span, help_))
    return list(dict.fromkeys(found))


def _conditions(conditions: Sequence[Condition], owner: str, span: Span) -> Iterator[Diagnostic]:
    too_long = [condition for condition in conditions if _bytes(to_cel(condition.tree)) > CEL_LIMIT]
    for condition in too_long:
        message = "this condition is longer than 10 KiB as CEL, which Kubernetes refuses"
        yield Diagnostic("RUL010", message, condition.origin.span, "split it into several `require`s, or say less")
    if too_long or len(conditions) <= SELECTORS_LIMIT:
        return
    if any(_bytes(s.cel.expression) > CEL_LIMIT for s in selectors(conditions) if s.cel is not None):
        message = f"{owner} has {len(conditions)} conditions, too many and too long for {SELECTORS_LIMIT} selectors"
        yield Diagnostic("RUL010", message, span, "say less: a selector holds 10 KiB of CEL")


def _config(config: CheckedConfig, *, in_class: bool) -> Iterator[Diagnostic]:
    opaque = (class_configuration if in_class else claim_configuration)(config).opaque
    size = 0 if opaque is None else _bytes(json.dumps(opaque.parameters, ensure_ascii=False, separators=(",", ":")))
    if size > PARAMETERS_LIMIT:
        message = f"this configuration has {size} bytes as JSON; Kubernetes takes at most {PARAMETERS_LIMIT}"
        yield Diagnostic("RUL010", message, config.span, "leave some out")


def _bytes(text: str) -> int:
    return len(text.encode())


__all__ = ["CEL_LIMIT", "PARAMETERS_LIMIT", "check_lowered"]
