"""The checker: syntax trees in, checked policies or diagnostics out.

Each pass is a function in its own file; it reads what the passes before it resolved, and goes on past mistakes, so
that one run finds them all. What a mistake makes unknown stays silent afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from dra_policy.diagnostics import Diagnostic, Related, in_order
from dra_policy.language.boards import Reachable
from dra_policy.language.checked import CheckedClass, CheckedPolicies, CheckedPolicy
from dra_policy.language.checking import Checking
from dra_policy.language.claims import check_claims
from dra_policy.language.classes import check_classes
from dra_policy.language.constants import padded
from dra_policy.language.counting import check_counts
from dra_policy.language.definitions import check_defines
from dra_policy.language.devices import check_devices
from dra_policy.language.expectations import check_tests
from dra_policy.language.fabrics import check_fabrics
from dra_policy.language.hardware import Advertised, Binding, Cost, GateNeed, Hardware, Health, Setup
from dra_policy.language.machines import check_machines
from dra_policy.language.models import check_models
from dra_policy.language.modes import check_modes
from dra_policy.language.naming import check_names
from dra_policy.language.operation import check_gate_needs, check_gates, check_operation
from dra_policy.language.parameters import check_parameters
from dra_policy.language.properties import check_properties
from dra_policy.language.scope import CLASS, Declared, Key, Problems, Scope, own_names
from dra_policy.language.shares import check_shares
from dra_policy.language.site import check_site
from dra_policy.language.tree import PolicyFile
from dra_policy.language.undecided import check_undecided

PASSES: tuple[Callable[[Checking], None], ...] = (
    check_devices,
    check_models,
    check_modes,
    check_shares,
    check_fabrics,
    check_machines,
    check_counts,
    check_names,
    check_gates,
    check_parameters,
    check_gate_needs,
    check_defines,
    check_operation,
    check_classes,
    check_claims,
    check_site,
    check_tests,
    check_properties,
    check_undecided,
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


def _one_of_a_name(spaces: Mapping[str, Mapping[tuple[str, str], Declared]], problems: Problems) -> None:
    """Classes become objects of a cluster; one that was called ambiguous is reported already."""
    first: dict[str, Declared] = {}
    for space in spaces.values():
        for entry in space.values():
            other = first.setdefault(entry.name.text, entry) if entry.kind == CLASS else entry
            if other is entry or _reported(other, problems):
                continue
            note = Related(other.name.span, f"declared here by policy `{other.policy}`")
            message = f"class `{entry.name.text}` is declared by another policy too"
            help_ = "rename one of them: a cluster has one DeviceClass of a name"
            problems.add("NAM015", message, entry.name.span, help_, note)


def _reported(entry: Declared, problems: Problems) -> bool:
    return any(d.code == "NAM013" and any(r.span == entry.name.span for r in d.related) for d in problems.found)


Value = TypeVar("Value")


def _declared_by(policy: str, table: Mapping[Key, Value]) -> Mapping[str, Value]:
    return MappingProxyType({key[2]: value for key, value in table.items() if key[0] == policy})


def _policy(checking: Checking, name: str, given: bool) -> CheckedPolicy:
    file = checking.files[name]

    return CheckedPolicy(
        name=name,
        version=padded(file.header.version.text),
        given=given,
        imports=checking.scopes[name].imports,
        attributes=_declared_by(name, checking.attributes),
        devices=_declared_by(name, checking.devices),
        models=_declared_by(name, checking.models),
        hardware=_hardware(checking, name),
        site=checking.sites[name],
        parameters=_declared_by(name, checking.parameters),
        defines=_declared_by(name, checking.defines),
        classes=_classes(checking, name),
        claims=_declared_by(name, checking.claims),
        tests=checking.tests[name],
        properties=checking.properties[name],
        span=file.header.name.span,
    )


def _classes(checking: Checking, policy: str) -> Mapping[str, CheckedClass]:
    """The classes that a policy declares, and those that its requests imply."""
    implied = {name: class_ for name, class_ in checking.implied.items() if class_.policy == policy}
    return MappingProxyType({**_declared_by(policy, checking.classes), **implied})


def _hardware(checking: Checking, policy: str) -> Hardware:
    operation = checking.operation.get(policy, [])
    return Hardware(
        modes=tuple(modes for name, modes in checking.modes if name == policy),
        shares=_declared_by(policy, checking.shares),
        pools=_declared_by(policy, checking.pools),
        fabrics=_declared_by(policy, checking.fabrics),
        machines=_declared_by(policy, checking.machines),
        gates=_declared_by(policy, checking.gates),
        gate_needs=tuple(one for one in operation if isinstance(one, GateNeed)),
        bindings=tuple(one for one in operation if isinstance(one, Binding)),
        costs=tuple(one for one in operation if isinstance(one, Cost)),
        advertised=tuple(one for one in operation if isinstance(one, Advertised)),
        reachable=tuple(one for one in operation if isinstance(one, Reachable)),
        health=tuple(one for one in operation if isinstance(one, Health)),
        setups=tuple(one for one in operation if isinstance(one, Setup)),
    )


__all__ = ["PASSES", "check"]
