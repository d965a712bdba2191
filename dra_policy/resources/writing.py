"""From models to the API's JSON shape, and from that to YAML: the only place that writes YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.quantity import Quantity
from dra_policy.resources.yaml_values import resolve


def to_object(model: BaseModel) -> dict[str, Any]:
    """The object as the API has it: camelCase, what is absent or empty left out, `apiVersion` and `kind` in front.

    >>> from dra_policy.resources import DeviceClass, ObjectMeta
    >>> to_object(DeviceClass(metadata=ObjectMeta(name="gpu")))
    {'apiVersion': 'resource.k8s.io/v1', 'kind': 'DeviceClass', 'metadata': {'name': 'gpu'}, 'spec': {}}
    """
    fields = _fields(model)
    if isinstance(model, TypedObject):
        head = {"apiVersion": model.API_VERSION, "kind": model.KIND, "metadata": fields.pop("metadata", {})}
        if "spec" in type(model).model_fields:
            head["spec"] = fields.pop("spec", {})
        return head | fields
    return fields


def _fields(model: BaseModel) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        free_form = info.annotation is Any
        if value is None or (
            not free_form and value in ("", (), {}) and value == info.get_default(call_default_factory=True)
        ):
            continue
        plain = _plain(value)
        # A structure without content is the same as an absent one, unless the field can tell them apart.
        if plain != {} or info.default_factory is None or free_form:
            written[info.alias or name] = plain
    return written


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _fields(value)
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def to_yaml(values: Iterable[Any]) -> str:
    """Models or plain JSON values as YAML: one document each, fields in the order given, `---` between documents.

    What is read again is equal: texts that YAML would take for something else stand in quotes.

    >>> print(to_yaml([{"kind": "A", "on": ["1", 1, "1e3"]}, {}]), end="")
    kind: A
    "on":
    - "1"
    - 1
    - "1e3"
    ---
    {}
    """
    documents = [
        yaml.dump(
            to_object(v) if isinstance(v, BaseModel) else _plain(v),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=120,
        )
        for v in values
    ]
    return "---\n".join(documents)


_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]  # libyaml's, or PyYAML's where it is not there
    """Quotes what the rules of our reader would not read as text again; never writes anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True

    def write_text(self, data: str) -> Any:
        lines = data.split("\n")
        style = None
        if not all(line.isprintable() for line in lines) or not isinstance(resolve(data), str):
            # Also the line ends that only YAML knows, such as U+2028.
            style = '"'
        elif len(lines) > 1 and all(line == line.rstrip() for line in lines):
            style = "|"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.write_text)

__all__ = ["to_object", "to_yaml"]
