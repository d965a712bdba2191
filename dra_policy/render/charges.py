"""What quotas count for the devices of a class, and of which namespaces: what those who count requests have to know.

They count each device as one, so a bound on a class is the quota divided by the least that one of its devices is charged:
what the policy allows is never refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from dra_policy.language.askers import AllOf, Atom, SiteCondition
from dra_policy.language.boards import Mode, Part, Pool, Profile, Share
from dra_policy.language.checked import CheckedClass
from dra_policy.language.decisions import CheckedCharge, CheckedQuota
from dra_policy.language.holdings import covers
from dra_policy.language.parts import Meant
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.rules.conditions import Compare, Comparison, Field, Literal
from dra_policy.rules.subjects import Source, SubjectField

_NAME = "kubernetes.io/metadata.name"


def most_requests(quota: CheckedQuota, ceiling: Fraction, class_: CheckedClass) -> int | None:
    """How many devices of a class a quota can allow at most; None where that cannot be told, or is no bound."""
    least = least_charge(quota, class_)
    return None if least is None or least <= 0 else int(ceiling / least)


def least_charge(quota: CheckedQuota, class_: CheckedClass) -> Fraction | None:
    """The least that a quota counts for a device of a class; None where it counts some of them not at all."""
    meant = Meant(class_.device, class_.model, class_.part)
    if not covers(quota.of, meant):
        return None
    found: list[Fraction] = []
    for charge in quota.charges:
        if not _may_be(charge.of, meant):
            continue
        least = _least(charge, meant.part)
        if least is None:
            return None
        found.append(least)
        if covers(charge.of, meant):
            return min(found)
    return min([*found, Fraction(1)])


def _may_be(charged: Meant, meant: Meant) -> bool:
    """Whether a device of what is meant may be of what is charged."""
    if charged.device is not meant.device:
        return False
    if charged.model is not None and meant.model is not None and charged.model is not meant.model:
        return False
    one, other = charged.part, meant.part
    if one is None:
        return True
    if other is None:
        # A partition has no capacity of its board, so it is no device of a model that says one.
        cut = one.share is None and bool(one.modes) and all(mode.partition for mode in one.modes)
        whole = meant.model is not None and any(one.attribute.is_capacity for one in meant.model.values.values())
        return not (cut and whole)
    if one.share is not None and (other.unshared or (other.share is not None and one.share is not other.share)):
        return False
    if not (one.profile in ("", other.profile) or not other.profile):
        return False
    return not one.modes or not other.modes or any(mode in other.modes for mode in one.modes)


def _least(charge: CheckedCharge, asked: Part | None) -> Fraction | None:
    """The least that one device is charged; None where the policy does not tell."""
    measure, part = charge.measure, charge.of.part
    if measure is None:
        return charge.rate
    if part is not None and part.share is not None:
        amount = _taken(part.share, measure)
        return None if amount is None else amount * charge.rate
    amounts: list[Fraction] = []
    for board, mode, profile in _ways(charge.of, asked):
        amount = _amount(measure, board, mode, profile)
        if amount is None:
            return None
        amounts.append(amount * charge.rate)
    return min(amounts, default=None)


def _taken(share: Share, measure: Pool | AttributeSchema) -> Fraction | None:
    """The least that a claim takes of a share."""
    for draw in share.draws:
        if draw.of is measure and draw.amount is not None:
            return draw.amount
    equal = (draw.equal for draw in share.draws if draw.of is measure)
    capacity = next((one for one in equal if one is not None), measure)
    for taking in share.takings:
        if taking.capacity is capacity:
            amounts = [one.value for one in (taking.low, *taking.options) if one is not None]
            return min((one for one in amounts if isinstance(one, Fraction)), default=None)
    return None


def _ways(charged: Meant, asked: Part | None) -> Iterator[tuple[ModelSchema | None, Mode | None, Profile | None]]:
    """The boards, modes and profiles of what is charged, as far as it is asked for."""
    part = charged.part
    if part is None or not part.modes:
        yield charged.model, None, None
        return
    for board, mode in zip(part.boards, part.modes, strict=True):
        model = board if isinstance(board, ModelSchema) else None
        if not mode.partition:
            yield model, mode, None
        for name, profile in mode.profiles.items():
            wanted = part.profile or ("" if asked is None else asked.profile)
            if wanted in ("", name):
                yield model, mode, profile


def _amount(
    measure: Pool | AttributeSchema, model: ModelSchema | None, mode: Mode | None, profile: Profile | None
) -> Fraction | None:
    """How much one device draws, or has, of what is counted."""
    draws = [*(() if mode is None else mode.draws), *(() if profile is None else profile.draws)]
    drawn = [draw.amount for draw in draws if draw.of is measure and draw.amount is not None]
    if drawn:
        return sum(drawn, Fraction(0))
    if isinstance(measure, Pool):
        return None
    given = {**({} if mode is None else mode.gives), **({} if profile is None else profile.gives)}
    if measure.name not in given and profile is None and model is not None:
        given = {**model.values, **given}
    value = given.get(measure.name)
    amount = None if value is None else value.constants[0].value
    return amount if isinstance(amount, Fraction) else None


# ---------------------------------------------------------------------------------------------------------- namespaces


def namespace_labels(quota: CheckedQuota, fields: Mapping[str, SubjectField]) -> dict[str, str] | None:
    """The labels of the namespaces that a quota is for; None where labels do not say which they are."""
    if quota.subject is None:
        return {}
    found: dict[str, str] = {}
    for condition in _conjuncts(quota.subject):
        match condition:
            case Atom(Compare(Field(name), Comparison.EQUAL, Literal(str(value)))):
                field = fields.get(name)
            case _:
                return None
        if field is None or field.default == value:
            return None
        if field.source is Source.NAMESPACE_LABEL:
            found[field.key] = value
        elif field.source in (Source.NAMESPACE_NAME, Source.CLAIM_NAMESPACE):
            found[_NAME] = value
        else:
            return None
    return found


def _conjuncts(condition: SiteCondition) -> Iterator[SiteCondition]:
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from _conjuncts(part)
    else:
        yield condition


__all__ = ["least_charge", "most_requests", "namespace_labels"]
