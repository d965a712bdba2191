"""How each item of a policy file is laid out, by its kind."""

from dra_policy.language.chunks import Chunk
from dra_policy.language.shapes import claims, hardware, operation, site, trials, vendor
from dra_policy.language.shapes.shape import Item, Shape, Shapes, line
from dra_policy.language.tree import Header, Import


def _header(item: Header) -> Shape:
    return line(f"policy {item.name.text} version {item.version.text} language {item.language.value}", item)


def _import(item: Import) -> Shape:
    version = "" if item.version is None else f" version {item.version.text}"
    return line(f"import {item.name.text}{version}", item)


SHAPES: Shapes = {
    Header: _header,
    Import: _import,
    **vendor.SHAPES,
    **hardware.SHAPES,
    **operation.SHAPES,
    **claims.SHAPES,
    **site.SHAPES,
    **trials.SHAPES,
}
"""The layout of every kind of item."""


def shape_of(item: Item) -> Shape:
    """How an item is laid out."""
    return SHAPES[type(item)](item)


__all__ = ["SHAPES", "Chunk", "Item", "Shape", "shape_of"]
