"""The checker: syntax trees in, checked policies or diagnostics out.

Each pass is a function in its own file; it reads what the passes before it resolved, and goes on past mistakes, so
that one run finds them all. What a mistake makes unknown stays silent afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from dra_policy.diagnostics import Diagnostic, Related, in_order
from dra_policy.language.checked import CheckedPolicies, CheckedPolicy
from dra_policy.language.checking import Checking
from dra_policy.language.claims import check_claims
from dra_policy.language.classes import check_classes
from dra_policy.language.constants import padded
from dra_policy.language.definitions import check_defines
from dra_policy.language.devices import check_devices
from dra_policy.language.expectations import check_tests
from dra_policy.language.models import check_models
from dra_policy.language.parameters import check_parameters
from dra_policy.language.scope import CLAIM, CLASS, Declared, Key, Problems, Scope, own_names
from dra_policy.language.tree import PolicyFile

PASSES: tuple[Callable[[Checking], None], ...] = (
    check_devices,
    check_models,
    check_parameters,
    check_defines,
    check_classes,
    check_claims,
    check_tests,
)
"""The passes in order; names are resolved before, limits of the lowered rules are held after them."""


def check(
    files: Sequence[PolicyFile], given: Collection[str] | None = None
) -> tuple[CheckedPolicies | None, list[Diagnostic]]:
    """Check policies together; each must come after those it imports, and imports of unknown ones see nothing.

    `given` are the names of the policies that were asked for, all by default. Without errors the policies are there;
    the diagnostics are sorted by position.
    """
    problems = Problems()
    by_name = {file.header.name.text: file for file in files}
    spaces = {name: own_names(file, problems) for name, file in by_name.items()}
    scopes = {
        name: Scope(name, tuple(dict.fromkeys(i.name.text for i in file.imports)), spaces, problems)
        for name, file in by_name.items()
    }
    checking = Checking(by_name, scopes, problems)
    for check_pass in PASSES:
        check_pass(checking)
    _one_of_a_name(spaces, problems)
    if problems.found:
        return None, list(in_order(problems.found))
    policies = [_policy(checking, name, given is None or name in given) for name in by_name]
    return CheckedPolicies(tuple(policies)), []


# What becomes an object of a cluster, and why it has one of a name; claims all go to one namespace.
_ONE_OF_A_NAME = {
    CLASS: "rename one of them: a cluster has one DeviceClass of a name",
    CLAIM: "rename one of them: a namespace has one claim of a name",
}


def _one_of_a_name(spaces: Mapping[str, Mapping[tuple[str, str], Declared]], problems: Problems) -> None:
    """Classes and claims become objects with names; one that was called ambiguous is reported already."""
    first: dict[tuple[str, str], Declared] = {}
    for space in spaces.values():
        for entry in space.values():
            if entry.kind not in _ONE_OF_A_NAME:
                continue
            other = first.setdefault((entry.kind, entry.name.text), entry)
            if other is entry or _reported(other, problems):
                continue
            note = Related(other.name.span, f"declared here by policy `{other.policy}`")
            message = f"{entry.kind} `{entry.name.text}` is declared by another policy too"
            problems.add("NAM015", message, entry.name.span, _ONE_OF_A_NAME[entry.kind], note)


def _reported(entry: Declared, problems: Problems) -> bool:
    return any(d.code == "NAM013" and any(r.span == entry.name.span for r in d.related) for d in problems.found)


Value = TypeVar("Value")


def _policy(checking: Checking, name: str, given: bool) -> CheckedPolicy:
    file = checking.files[name]

    def of(table: Mapping[Key, Value]) -> Mapping[str, Value]:
        return MappingProxyType({key[2]: value for key, value in table.items() if key[0] == name})

    return CheckedPolicy(
        name=name,
        version=padded(file.header.version.text),
        given=given,
        imports=checking.scopes[name].imports,
        attributes=of(checking.attributes),
        devices=of(checking.devices),
        models=of(checking.models),
        parameters=of(checking.parameters),
        defines=of(checking.defines),
        classes=of(checking.classes),
        claims=of(checking.claims),
        tests=checking.tests[name],
        span=file.header.name.span,
    )


__all__ = ["PASSES", "check"]
