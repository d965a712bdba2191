"""What classes wish for is wished for by every claim that asks for them, however the claim was written.

Claims that a policy declares say so themselves; those that come as objects are read as if they did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from dra_policy.rules import ClaimRules, ClassName
from dra_policy.rules.sets import ClaimSetRule, Preference
from dra_policy.rules.shapes import ClaimSpec

ClassWishes: TypeAlias = Mapping[ClassName, tuple[Preference, ...]]
"""The preferences of each class that has some, for no request in particular."""

_KEPT = "class wishes"


def asks_for_wishes(claims: Iterable[ClaimRules], wishes: ClassWishes) -> bool:
    """Whether some claim asks for a class that wishes for something."""
    return any(ask.class_name in wishes for claim in claims for request in claim.requests for ask in request.asks)


def wishing(claim: ClaimRules, wishes: ClassWishes) -> ClaimRules:
    """A claim with the wishes of its classes; the claim itself if it has them, or if there are none."""
    if not wishes:
        return claim
    spec = claim.spec
    known = spec.kept.get(_KEPT)
    if known is None or known[0] is not wishes:
        known = spec.kept[_KEPT] = wishes, _wishing(spec, wishes)
    made: ClaimSpec = known[1]
    return claim if made is spec else ClaimRules.of_spec(claim.key, made, claim.origin)


def _wishing(spec: ClaimSpec, wishes: ClassWishes) -> ClaimSpec:
    own = [one for one in _of_classes(spec, wishes) if not _is_said(one, spec.sets)]
    if not own:
        return spec
    return ClaimSpec(spec.owner, spec.requests, spec.constraints, spec.configs, (*spec.sets, *own))


def _of_classes(spec: ClaimSpec, wishes: ClassWishes) -> Iterator[Preference]:
    for request in spec.requests:
        for ask in request.asks:
            name = f"{request.name}/{ask.name}" if ask.name else str(request.name)
            for wish in wishes.get(ask.class_name, ()):
                origin = replace(wish.origin, owner=f"{ask.origin.owner}, {wish.origin.owner}")
                yield replace(wish, requests=(name,), origin=origin)


def _is_said(wish: Preference, sets: Sequence[ClaimSetRule]) -> bool:
    """Whether a claim has a wish of the same place in the same policy: then all wishes of that class are its own."""
    span = wish.origin.span
    return any(isinstance(one, Preference) and one.origin.span == span for one in sets) if span is not None else False


__all__ = ["ClassWishes", "asks_for_wishes", "wishing"]
