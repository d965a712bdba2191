"""The parameters of drivers as CustomResourceDefinitions: never stored, but `kubectl explain` shows them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.schema import Compared, FieldSchema, ParametersSchema, element_of
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
from dra_policy.render.literals import DURATION_TEXT, OBJECT


def parameter_schemas(policies: CheckedPolicies) -> list[OBJECT]:
    """One definition for each group and kind of parameters, with all versions that are declared."""
    found: dict[tuple[str, str], list[ParametersSchema]] = {}
    for policy in policies:
        for one in policy.parameters.values():
            found.setdefault((one.api_version.split("/")[0], one.kind), []).append(one)
    return [_definition(group, kind, versions) for (group, kind), versions in found.items()]


def _definition(group: str, kind: str, declared: list[ParametersSchema]) -> OBJECT:
    singular = kind.lower()
    plural = f"{singular}s"
    # Two policies may declare one version for two drivers; the first is shown.
    versions = {one.api_version.split("/")[1]: one for one in reversed(declared)}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": singular},
            "scope": "Cluster",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": number == 0,
                    "schema": {"openAPIV3Schema": _schema_of(one)},
                }
                for number, (version, one) in enumerate(versions.items())
            ],
        },
    }


def _schema_of(parameters: ParametersSchema) -> OBJECT:
    root: OBJECT = {
        "type": "object",
        "description": f"Parameters of the driver {parameters.device.driver}, for `config` of claims and classes.",
        "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}},
    }
    for field in parameters.fields.values():
        _place(root, field)
    return root


def _place(root: OBJECT, field: FieldSchema) -> None:
    *outer, last = field.path
    inside = root
    for part in outer:
        inside = inside["properties"].setdefault(part, {"type": "object", "properties": {}})
    inside["properties"][last] = _schema(field)
    if not (field.optional or field.defaults or field.admin):
        inside.setdefault("required", []).append(last)


def _schema(field: FieldSchema) -> OBJECT:
    found = _value(field)
    if isinstance(field.type, SetType):
        found = {"type": "array", "items": found, "x-kubernetes-list-type": "set"}
    if field.defaults:
        plain = [_plain(one) for one in field.defaults]
        found["default"] = plain if isinstance(field.type, SetType) else plain[0]
    notes = []
    if field.admin:
        notes.append("Set by administrators only, in a DeviceClass.")
    if field.agrees is not None:
        notes.append(f"All claims on {_where(field.agrees)} have the same value.")
    if field.unique is not None:
        notes.append(f"No two claims on {_where(field.unique)} have the same value.")
    if notes:
        found["description"] = " ".join(notes)
    return found


def _where(compared: Compared) -> str:
    if compared.attribute is not None:
        return f"devices of one {compared.attribute.name}{' on a node' if compared.on_node else ''}"
    return f"a device with one {compared.field}" if compared.field else "a device"


def _value(field: FieldSchema) -> OBJECT:
    type_ = element_of(field.type)
    match type_:
        case OneOfType(values):
            return {"type": "string", "enum": list(values)}
        case IntType():
            found: OBJECT = {"type": "integer", "format": "int64"}
            if field.low is not None and field.high is not None:
                found |= {"minimum": field.low.value, "maximum": field.high.value}
            if field.step is not None and field.low is not None and field.low.value == 0:
                found["multipleOf"] = field.step.value
            return found
        case BoolType():
            return {"type": "boolean"}
        case AmountType(dimension="seconds"):
            return {"type": "string", "pattern": DURATION_TEXT}
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
