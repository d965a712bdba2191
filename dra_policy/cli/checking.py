"""Everything that can be said against policies and manifests without asking a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dra_policy.cli.expected import read_expected
from dra_policy.cli.inputs import STDIN, Inputs, policy_texts
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors, in_order

if TYPE_CHECKING:
    from dra_policy.resources import Features


def check_inputs(inputs: Inputs, features: Features, stdin_name: str = "") -> tuple[Diagnostic, ...]:
    """All diagnostics of all files, sorted by position; nothing is raised for what the files say."""
    problems: list[Diagnostic] = []
    ours = bool(inputs.policies)
    if inputs.policies:
        from dra_policy.language import load

        try:
            policies, found = load(*policy_texts(inputs.policies, stdin_name))
            problems += found
            if policies is not None:
                from dra_policy.lint import lint_errors

                problems += [finding.diagnostic for finding in lint_errors(policies)]
        except InvalidInput as problem:
            problems += problem.diagnostics
    if inputs.manifests:
        from dra_policy.resources import TypedObject, read_objects
        from dra_policy.rules import refusals

        reading = read_objects(*inputs.manifests)
        problems += reading.diagnostics
        ours = ours or bool(reading.objects)
        for read in reading.objects:
            if isinstance(read.value, TypedObject):
                problems += refusals(read.value, places=read.places, features=features)
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
