"""What of classes and claims a target can have: those of shares it does not know are left out, and the report says so.

A class that is left out is known to no API server, so a claim asks for its other alternatives, and one that has no other
is left out too. Nobody can ask for what is left out: what is said of it holds.
"""

from __future__ import annotations

from dataclasses import replace

from dra_policy.language.checked import CheckedAsk, CheckedClaim, CheckedClass
from dra_policy.render.targets import Target


def lost_class(class_: CheckedClass, target: Target) -> str:
    """The feature without which nothing can be said of the devices of a class; empty where the target has it."""
    shared = class_.part is not None and class_.part.share is not None
    return "ConsumableCapacity" if shared and not target.features.consumable_capacity else ""


def lost_asks(claim: CheckedClaim, target: Target) -> list[tuple[str, CheckedAsk]]:
    """The alternatives that a claim cannot ask for, with their requests."""
    return [(request.name, ask) for request in claim.requests for ask in request.asks if lost_class(ask.of, target)]


def kept_claim(claim: CheckedClaim, target: Target) -> CheckedClaim | None:
    """A claim with the alternatives that can be asked for; None if one of its requests has none."""
    lost = {ask for _, ask in lost_asks(claim, target)}
    if not lost:
        return claim
    requests = tuple(
        replace(request, asks=tuple(ask for ask in request.asks if ask not in lost)) for request in claim.requests
    )
    return replace(claim, requests=requests) if all(request.asks for request in requests) else None


def fitting_class(class_: CheckedClass, target: Target) -> CheckedClass:
    """A class without what the target does not know: where nothing is shared, nothing has to be told from what is."""
    if target.features.consumable_capacity or class_.part is None or not class_.part.unshared:
        return class_
    return replace(class_, part=replace(class_.part, unshared=False))


__all__ = ["fitting_class", "kept_claim", "lost_asks", "lost_class"]
