"""Everything that can be said against policies and manifests without asking a question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dra_policy.cli.expected import read_expected
from dra_policy.cli.inputs import STDIN, Inputs, policy_texts
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors, in_order

if TYPE_CHECKING:
    from dra_policy.expression import EvaluationError
    from dra_policy.resources import Features
    from dra_policy.resources.reading import ReadObject
    from dra_policy.rules import ClaimRules, ClassRules, Origin


def check_inputs(inputs: Inputs, features: Features, stdin_name: str = "") -> tuple[Diagnostic, ...]:
    """All diagnostics of all files, sorted by position; nothing is raised for what the files say."""
    problems: list[Diagnostic] = []
    ours = bool(inputs.policies)
    if inputs.policies:
        from dra_policy.language import load

        try:
            problems += load(*policy_texts(inputs.policies, stdin_name))[1]
        except InvalidInput as problem:
            problems += problem.diagnostics
    if inputs.manifests:
        from dra_policy.resources import TypedObject, read_objects, validate

        reading = read_objects(*inputs.manifests)
        problems += reading.diagnostics
        ours = ours or bool(reading.objects)
        for read in reading.objects:
            if isinstance(read.value, TypedObject):
                problems += validate(read.value, places=read.places, features=features)
                problems += _expressions(read, features)
    for path in inputs.answers:
        ours = True
        try:
            read_expected(path, "default")
        except InvalidInput as problem:
            problems += problem.diagnostics
    if not ours and not has_errors(problems):
        # A run over nothing that reports success would hide a wrong path.
        names = ", ".join(f"`{'<stdin>' if path == STDIN else path}`" for path in inputs.manifests)
        hint = "name policies (.dra) or objects such as ResourceSlice, DeviceClass, ResourceClaim, Node"
        place = next((d.span for d in problems if d.span is not None), None)
        problems.append(Diagnostic("SRC005", f"nothing in {names} plays a part in device allocation", place, hint))
    return in_order(problems)


def _expressions(read: ReadObject, features: Features) -> Iterator[Diagnostic]:
    from dra_policy.resources import DeviceClass, ResourceClaim, ResourceClaimTemplate
    from dra_policy.rules import claim_rules, class_rules

    match read.value:
        case DeviceClass() as device_class:
            rules: ClassRules | ClaimRules = class_rules(device_class, features, read.places)
        case ResourceClaim() | ResourceClaimTemplate() as claim:
            rules = claim_rules(claim, features, read.places)
        case _:
            return
    for origin, failure in _failures(rules):
        for diagnostic in failure.diagnostics:
            yield _in_manifest(diagnostic, origin)


def _failures(rules: ClassRules | ClaimRules) -> Iterator[tuple[Origin, EvaluationError]]:
    from dra_policy.rules import ClassRules

    if isinstance(rules, ClassRules):
        for selector in rules.selectors:
            if selector.failure is not None:
                yield selector.origin, selector.failure
        return
    for request in rules.requests:
        for ask in request.asks:
            for selector in ask.selectors:
                if selector.failure is not None:
                    yield selector.origin, selector.failure
            for derived in ask.derived:
                if derived.failure is not None:
                    yield derived.origin, derived.failure


def _in_manifest(diagnostic: Diagnostic, origin: Origin) -> Diagnostic:
    """The diagnostic of an expression at the place where the manifest has it.

    The exact place if the expression stands in one line without escapes, else the whole of it.
    """
    if origin.span is None:
        return diagnostic
    inside = diagnostic.span
    at = origin.span.text.find(origin.text) if origin.text else -1
    if inside is None or at < 0:
        return replace(diagnostic, span=origin.span)
    start = origin.span.start + at
    return replace(diagnostic, span=origin.span.source.span(start + inside.start, start + inside.end))
