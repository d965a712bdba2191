"""Metadata of objects and conditions (`meta/v1`)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from dra_policy.resources.model import ApiModel, Flag, Int64, OmittedInt64, OmittedText, Text


class OwnerReference(ApiModel):
    api_version: Text = ""
    kind: Text = ""
    name: Text = ""
    uid: Text = ""
    controller: Flag | None = None
    block_owner_deletion: Flag | None = None


class ObjectMeta(ApiModel):
    """Name, namespace, labels and the rest of an object's identity. Times are RFC 3339 text as written."""

    name: Text = ""
    generate_name: OmittedText = None
    namespace: OmittedText = None
    self_link: OmittedText = None
    uid: OmittedText = None
    resource_version: OmittedText = None
    generation: OmittedInt64 = None
    creation_timestamp: Text | None = None
    deletion_timestamp: Text | None = None
    deletion_grace_period_seconds: Int64 | None = None
    labels: dict[Text, Text] = Field(default_factory=dict)
    annotations: dict[Text, Text] = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[Text, ...] = ()
    managed_fields: tuple[Any, ...] = ()


class TypedObject(ApiModel):
    """A top-level object. `kind` and `apiVersion` belong to the class, not to the value."""

    KIND: ClassVar[str] = ""
    API_VERSION: ClassVar[str] = ""
    NAMESPACED: ClassVar[bool] = False

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)

    @model_validator(mode="before")
    @classmethod
    def _type_is_class(cls, data: Any) -> Any:
        if isinstance(data, dict) and ("kind" in data or "apiVersion" in data):
            return {k: v for k, v in data.items() if k not in ("kind", "apiVersion")}
        return data


class Condition(ApiModel):
    """One observed aspect of an object's state; `status` is `True`, `False` or `Unknown`."""

    type: Text = ""
    status: Text = ""
    observed_generation: OmittedInt64 = None
    last_transition_time: Text | None = None
    reason: Text = ""
    message: Text = ""


__all__ = ["Condition", "ObjectMeta", "OwnerReference", "TypedObject"]
