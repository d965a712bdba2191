"""What claims ask of their devices together, as rules of the core: closeness, links, shapes, wishes; and fabrics."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import assert_never

from dra_policy.expression import Program, compile_tree
from dra_policy.expression.tree import all_of, any_of
from dra_policy.language.boards import Board
from dra_policy.language.checked import CheckedLinked, CheckedNearness, CheckedSet, CheckedShape, CheckedWish
from dra_policy.language.machinery import Axis, Fabric, Lattice, PairLinks
from dra_policy.language.predicates import lower_condition, lower_driver, lower_model_value
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.resources import Features
from dra_policy.rules import Origin, fabrics, sets
from dra_policy.rules.site import Strength

_WAYS: Mapping[str, sets.Score] = {"stranded": sets.LeastStranded(), "pack": sets.Pack(), "spread": sets.Spread()}


def lower_set(one: CheckedSet, owner: str, features: Features) -> sets.ClaimSetRule:
    """One rule over the devices of a claim."""
    match one:
        case CheckedNearness():
            levels = tuple(sets.SAME_NODE if not names else sets.Nearness(name, names) for name, names in one.levels)
            return sets.Closeness(levels, _origin(one, owner), one.requests, strength(one.said.strength))
        case CheckedLinked():
            kind = sets.EveryPairLinked if one.every_pair else sets.Connected
            fabric = lower_fabric(one.fabric, features)
            return kind(fabric, _origin(one, owner), one.least, one.requests, strength(one.said.strength))
        case CheckedShape():
            origin = Origin(owner, one.words, one.span)
            fabric = lower_fabric(one.fabric, features)
            return sets.Shaped(fabric, one.sides, origin, requests=one.requests, around=one.around)
        case CheckedWish():
            origin = Origin(owner, one.words, one.span, one.because)
            return sets.Preference(_score(one, features), origin, one.tier, one.weight, one.requests)
        case _:
            assert_never(one)


def _origin(one: CheckedNearness | CheckedLinked, owner: str) -> Origin:
    return Origin(owner, one.words, one.span, one.said.because, negotiable=one.said.negotiable)


def strength(written: str) -> Strength:
    """The strength of a rule."""
    return Strength.SHOULD if written == "should" else Strength.MUST


def _score(wish: CheckedWish, features: Features) -> sets.Score:
    if wish.condition is not None:
        return sets.Meets(compile_tree(lower_condition(wish.condition, lists=features.list_type_attributes), features))
    if wish.measure is not None:
        return sets.Amount((wish.measure.published.qualified,), wish.most)
    if wish.fabric is not None:
        return sets.LinkedBy(lower_fabric(wish.fabric, features))
    return _WAYS[wish.way]


# --------------------------------------------------------------------------------------------------------- fabrics


def lower_fabric(fabric: Fabric, features: Features) -> fabrics.Fabric:
    """A fabric with the links that machines declare."""
    wirings: list[fabrics.Wiring] = [_pairs(one) for one in fabric.pairs if not fabric.links]
    wirings += [_lattice(one) for one in fabric.lattices]
    if fabric.links:
        wires = tuple(fabrics.Wire(one, other, bandwidth) for one, other, bandwidth in fabric.links)
        wirings.append(fabrics.Wires(wires, () if fabric.ends is None else _names(fabric.ends)))
    origin = Origin(f"fabric `{fabric.name}`", f"fabric {fabric.name}", fabric.span)
    return fabrics.Fabric(fabric.name, tuple(wirings), _members(fabric.joins, features), origin)


def _members(joins: tuple[Board, ...], features: Features) -> tuple[Program, ...]:
    """The condition that holds for every device that a fabric joins and for no other."""
    lists = features.list_type_attributes
    ways = []
    for board in joins:
        model = board if isinstance(board, ModelSchema) else None
        driver = lower_driver(board.device if isinstance(board, ModelSchema) else board)
        values = (
            []
            if model is None
            else [
                lower_model_value(one, lists=lists)
                for one in model.values.values()
                if not one.attribute.unpublished(lists=lists)
            ]
        )
        ways.append(all_of(driver, *values))
    return (compile_tree(any_of(*ways), features),)


def _pairs(one: PairLinks) -> fabrics.EveryPair:
    if one.same is not None:
        return fabrics.EveryPair(one.bandwidth, fabrics.SameAttribute(_names(one.same)))
    return fabrics.EveryPair(one.bandwidth, fabrics.Everywhere() if one.across else fabrics.SameNode())


def _lattice(one: Lattice) -> fabrics.Lattice:
    within = fabrics.SameNode() if one.across is None else fabrics.SameAttribute(_names(one.across))
    return fabrics.Lattice(tuple(_axis(axis, one.bandwidth) for axis in one.axes), within)


def _axis(axis: Axis, bandwidth: Fraction) -> fabrics.Axis:
    return fabrics.Axis(axis.name, axis.size, bandwidth, axis.wrap, () if axis.at is None else _names(axis.at))


def _names(attribute: AttributeSchema) -> fabrics.AttributeNames:
    return (attribute.published.qualified,)


__all__ = ["lower_fabric", "lower_set", "strength"]
