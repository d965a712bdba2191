"""The parameters of drivers as CustomResourceDefinitions: never stored, but `kubectl explain` shows them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.schema import FieldSchema, ParametersSchema, element_of
from dra_policy.language.types import (
    AmountType,
    BoolType,
    Constant,
    IntType,
    OneOfType,
    SetType,
    duration_text,
    quantity_text,
)
from dra_policy.render.admission import OBJECT


def parameter_schemas(policies: CheckedPolicies) -> list[OBJECT]:
    """One definition for each kind of parameters."""
    return [_definition(one) for policy in policies for one in policy.parameters.values()]


def _definition(parameters: ParametersSchema) -> OBJECT:
    group, version = parameters.api_version.split("/")
    singular = parameters.kind.lower()
    plural = f"{singular}s"
    properties: OBJECT = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    root: OBJECT = {"type": "object", "properties": properties}
    for field in parameters.fields.values():
        _place(root, field)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {
                "kind": parameters.kind,
                "listKind": f"{parameters.kind}List",
                "plural": plural,
                "singular": singular,
            },
            "scope": "Cluster",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": root},
                }
            ],
        },
    }


def _place(root: OBJECT, field: FieldSchema) -> None:
    *outer, last = field.path
    inside = root
    for part in outer:
        inside = inside["properties"].setdefault(part, {"type": "object", "properties": {}})
    inside["properties"][last] = _schema(field)
    if not field.optional and field.default is None and not field.admin:
        inside.setdefault("required", []).append(last)


def _schema(field: FieldSchema) -> OBJECT:
    found = _value(field)
    if isinstance(field.type, SetType):
        found = {"type": "array", "items": found, "x-kubernetes-list-type": "set"}
    if field.default is not None:
        found["default"] = _plain(field.default)
    notes = []
    if field.admin:
        notes.append("Set by administrators only, in a DeviceClass.")
    if field.agrees:
        notes.append("All claims on a device have the same value.")
    if field.unique is not None:
        notes.append(f"No two claims on a device have the same value, per {field.unique}.")
    if notes:
        found["description"] = " ".join(notes)
    return found


def _value(field: FieldSchema) -> OBJECT:
    type_ = element_of(field.type)
    match type_:
        case OneOfType(values):
            return {"type": "string", "enum": list(values)}
        case IntType():
            found: OBJECT = {"type": "integer", "format": "int64"}
            if field.low is not None and field.high is not None:
                found |= {"minimum": field.low.value, "maximum": field.high.value}
            return found
        case BoolType():
            return {"type": "boolean"}
        case AmountType(dimension="seconds"):
            return {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"}
        case AmountType():
            return {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
        case _:
            return {"type": "string"}


def _plain(constant: Constant) -> Any:
    if not isinstance(constant.value, Fraction):
        return constant.value
    if isinstance(constant.type, AmountType) and constant.type.dimension == "seconds":
        return duration_text(constant.value)
    return quantity_text(constant.value, binary=constant.binary)


__all__ = ["parameter_schemas"]
