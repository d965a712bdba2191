"""Tolerations that a site gives to the requests of some classes: they are added to what claims ask for.

This is the one kind of site rule that allows more, so it is no rule of the search: claims are read as if they said so
themselves, and their results say it too (I3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dra_policy.resources import Toleration
from dra_policy.rules import Ask, ClaimRules
from dra_policy.rules.shapes import ClaimSpec
from dra_policy.rules.site import SiteToleration

_KEPT = "tolerating"


def tolerating(claim: ClaimRules, tolerations: Sequence[SiteToleration]) -> ClaimRules:
    """A claim with the tolerations of its classes; the claim itself if there are none for it."""
    if not tolerations:
        return claim
    spec = claim.spec
    known = spec.kept.get(_KEPT)
    if known is None or known[0] is not tolerations:
        known = spec.kept[_KEPT] = tolerations, _tolerating(spec, tolerations)
    made: ClaimSpec = known[1]
    return claim if made is spec else ClaimRules.of_spec(claim.key, made, claim.origin)


def _tolerating(spec: ClaimSpec, tolerations: Sequence[SiteToleration]) -> ClaimSpec:
    requests = tuple(
        replace(request, asks=tuple(_with_tolerations(ask, tolerations) for ask in request.asks))
        for request in spec.requests
    )
    if requests == spec.requests:
        return spec
    return ClaimSpec(spec.owner, requests, spec.constraints, spec.configs, spec.sets)


def _with_tolerations(ask: Ask, tolerations: Sequence[SiteToleration]) -> Ask:
    added = tuple(
        Toleration(
            key=one.key,
            operator="Exists" if one.value is None else "Equal",
            value=one.value,
            effect=one.effect,
            toleration_seconds=one.seconds,
        )
        for one in tolerations
        if one.classes is None or ask.class_name in one.classes
    )
    new = tuple(one for one in added if one not in ask.tolerations)
    return replace(ask, tolerations=(*ask.tolerations, *new)) if new else ask


__all__ = ["tolerating"]
