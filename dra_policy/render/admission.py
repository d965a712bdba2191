"""ValidatingAdmissionPolicies: what the API server can refuse at once, of parameters and of whoever asks.

A claim that is made from a template is created by a controller's account, so claims and templates are judged alike. The
policies are about `resource.k8s.io/v1`; a pod is judged where only pods tell what is read.
"""

from __future__ import annotations

from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.kept import lost_class
from dra_policy.render.literals import OBJECT
from dra_policy.render.parameters import configs_of_kind, given_configs, known_kind, parameter_validations
from dra_policy.render.refusals import counts_validation, judged_by, refusal_validation
from dra_policy.render.targets import Target

GROUP = "admissionregistration.k8s.io/v1"

_DEVICES = '(object.kind == "ResourceClaim" ? object.spec : object.spec.spec).?devices.orValue({})'
# Claims get the metadata that their template has for them.
_METADATA = 'object.kind == "ResourceClaim" ? object.metadata : object.spec.?metadata.orValue({})'
_CLAIMS = ("resourceclaims", "resourceclaimtemplates")


def admission_policies(policies: CheckedPolicies, target: Target) -> list[OBJECT]:
    """The admission policies of all policies, each with its binding; what only should hold is a warning."""
    fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
    known: dict[str, dict[tuple[str, str], None]] = {}
    for policy in policies:
        for one in policy.parameters.values():
            known.setdefault(one.device.driver, {})[one.api_version, one.kind] = None
    found: list[OBJECT] = []
    for policy in policies:
        for parameters in policy.parameters.values():
            kinds = list(known[parameters.device.driver])
            validations = [
                known_kind(parameters.device.driver, kinds),
                *parameter_validations(parameters, policy, target),
            ]
            name = f"{_name(policy.name)}.{_name(parameters.name)}.parameters"
            variables = [
                _variable("devices", _DEVICES),
                _variable("given", given_configs(parameters.device.driver)),
                _variable("configs", configs_of_kind(parameters)),
            ]
            found += _with_binding(name, _CLAIMS, variables, validations)
        for must in (True, False):
            counted = [
                one
                for one in policy.classes.values()
                if one.counts and (one.counts.said.strength == "must") is must and not lost_class(one, target)
            ]
            if counted:
                name = f"{_name(policy.name)}.{'counts' if must else 'advised-counts'}.claims"
                validations = [counts_validation(one) for one in counted]
                found += _with_binding(name, _CLAIMS, [_variable("devices", _DEVICES)], validations, must=must)
        for pods in (False, True):
            for must in (True, False):
                judged = [
                    one
                    for one in policy.site.refusals
                    if (one.said.strength == "must") is must
                    and (how := judged_by(one, fields)) is not None
                    and how.pods is pods
                ]
                if not judged:
                    continue
                # A claim whose template cannot tell its name is judged when it is made.
                validations = [refusal_validation(one, fields, pods=pods, must=must) for one in judged]
                kind = "refusals" if must else "advice"
                name = f"{_name(policy.name)}.{kind}.{'pods' if pods else 'claims'}"
                variables = [] if pods else [_variable("devices", _DEVICES), _variable("claim", _METADATA)]
                found += _with_binding(name, ("pods",) if pods else _CLAIMS, variables, validations, must=must)
    return found


def _variable(name: str, expression: str) -> OBJECT:
    return {"name": name, "expression": expression}


def _name(text: str) -> str:
    return "".join(c if c.isalnum() or c == "." else "-" for c in text.lower()).strip("-.")


def _with_binding(
    name: str, resources: tuple[str, ...], variables: list[OBJECT], validations: list[OBJECT], *, must: bool = True
) -> list[OBJECT]:
    pods = resources == ("pods",)
    rule = {
        "apiGroups": ["" if pods else "resource.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"] if pods else ["CREATE", "UPDATE"],
        "resources": list(resources),
    }
    # A claim that is deleted is still updated, by those who remove their finalizers.
    condition = ("asks-for-devices", "has(object.spec.resourceClaims)")
    if not pods:
        condition = ("stays", "!has(object.metadata.deletionTimestamp)")
    spec: OBJECT = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [_variable(*condition)],
    }
    if variables:
        spec["variables"] = variables
    spec["validations"] = validations
    return [
        {"apiVersion": GROUP, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": GROUP,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny" if must else "Warn"]},
        },
    ]


__all__ = ["GROUP", "OBJECT", "admission_policies"]
