"""What the API server would refuse in an object: its fields, and the CEL text in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.resources import (
    DeviceClaim,
    DeviceClass,
    DeviceSelector,
    Places,
    ResourceClaim,
    ResourceClaimTemplate,
    TypedObject,
    validate,
)
from dra_policy.resources.features import Features
from dra_policy.source import Source, Span

LONGEST = 10 * 1024
"""A7: bytes of one CEL text. A longer one is refused for its length (`validate`) and not read."""

_Kind: TypeAlias = Literal["selector", "derived"]
_Text: TypeAlias = tuple[str, str, _Kind]


def refusals(object: TypedObject, *, places: Places | None = None, features: Features) -> list[Diagnostic]:
    """All that is wrong with a new object, as the API server judges it.

    The rules A1 to A15 and H10 (`dra_policy.resources.validate`, RES codes), then every CEL expression in the
    environment of new expressions, its estimated cost included (D5 to D7, CEL codes). Messages have the path of the
    field, and with `places` its position.
    """
    found = validate(object, places=places, features=features)
    for path, text, kind in _expressions(object):
        if not 0 < len(text.encode()) <= LONGEST:
            continue
        compiled = compile_cel(Source("expression", text), features=features, kind=kind, new=True)
        if isinstance(compiled, EvaluationError):
            span = None if places is None else places.span(path)
            written = path if places is None else places.path(path)
            found += [replace(d, path=written, span=_inside(d, span, text)) for d in compiled.diagnostics]
    return found


def _expressions(object: TypedObject) -> Iterator[_Text]:
    match object:
        case DeviceClass():
            yield from _selectors(object.spec.selectors, "spec.selectors")
        case ResourceClaim():
            yield from _asked(object.spec.devices, "spec.devices.requests")
        case ResourceClaimTemplate():
            yield from _asked(object.spec.spec.devices, "spec.spec.devices.requests")
        case _:
            return


def _asked(claim: DeviceClaim, path: str) -> Iterator[_Text]:
    for number, request in enumerate(claim.requests):
        asks = [(ask, f"firstAvailable[{i}]") for i, ask in enumerate(request.first_available)]
        exactly = [] if request.exactly is None else [(request.exactly, "exactly")]
        for ask, name in [*exactly, *asks]:
            at = f"{path}[{number}].{name}"
            yield from _selectors(ask.selectors, f"{at}.selectors")
            for i, derived in enumerate(ask.derived_attributes):
                yield f"{at}.derivedAttributes[{i}].expression", derived.expression, "derived"


def _selectors(selectors: Sequence[DeviceSelector], path: str) -> Iterator[_Text]:
    for i, selector in enumerate(selectors):
        if selector.cel is not None:
            yield f"{path}[{i}].cel.expression", selector.cel.expression, "selector"


def _inside(diagnostic: Diagnostic, field: Span | None, text: str) -> Span | None:
    """Where the manifest has what an expression is blamed for.

    The exact place if the expression stands there in one line without escapes, else the whole of it; without a
    manifest the place in the expression itself.
    """
    blamed = diagnostic.span
    if field is None or blamed is None:
        return blamed if field is None else field
    at = field.text.find(text)
    if at < 0:
        return field
    start = field.start + at
    return field.source.span(start + blamed.start, start + blamed.end)


__all__ = ["refusals"]
