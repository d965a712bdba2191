"""From plain values to models: unknown fields, wrong types and amounts that are none become diagnostics with paths."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dra_policy.diagnostics.model import Diagnostic, Severity
from dra_policy.diagnostics.nearest import did_you_mean, nearest
from dra_policy.resources import older_versions
from dra_policy.resources.claims import ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.cluster import Namespace, Node, Pod
from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.model import fields_by_alias
from dra_policy.resources.places import Places
from dra_policy.resources.quoting import shortened
from dra_policy.resources.requests import DeviceClass, DeviceRequest, ExactDeviceRequest
from dra_policy.resources.slices import DeviceTaintRule, ResourceSlice

KINDS: Final[Mapping[str, type[TypedObject]]] = {
    model.KIND: model
    for model in (
        DeviceClass,
        ResourceSlice,
        ResourceClaim,
        ResourceClaimTemplate,
        DeviceTaintRule,
        Namespace,
        Node,
        Pod,
    )
}

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PlainObject:
    """An object of a kind that the caller asked for and that has no model: its data as read."""

    api_version: str
    kind: str
    data: Mapping[str, Any]


def decode(
    data: object, *, places: Places | None = None, plain_kinds: frozenset[str] = frozenset()
) -> tuple[TypedObject | PlainObject | None, list[Diagnostic]]:
    """The model of an object given as JSON values, by its `apiVersion` and `kind`, and all that is wrong with it.

    Objects of `v1beta1` and `v1beta2` become those of `v1`. Nothing comes back beside errors. A kind that we have no
    use for is a warning (RES002). Enumerations and limits are not looked at: `validate` does that.

    >>> object, problems = decode({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}})
    >>> object.metadata.name, problems
    ('a', [])
    """
    found: list[Diagnostic] = []
    if not isinstance(data, dict):
        return None, [
            _at(
                places,
                "",
                "RES001",
                f"expected an object, got {_shown_type(data)}",
                "write `apiVersion`, `kind` and `metadata`",
            )
        ]
    head = _head(data, places, found)
    if head is None:
        return None, found
    api_version, kind = head
    if kind in plain_kinds:
        return PlainObject(api_version, kind, data), found
    group, _, version = api_version.rpartition("/")
    problem = _kind_problem(group, version, kind, places)
    if problem is not None:
        return None, [problem]
    model = KINDS[kind]
    written = older_versions.as_written(kind, version)

    def misplaced(path: str, name: str, under: str) -> None:
        found.append(
            _at(places, path, "RES004", f"unknown field `{shortened(name)}`", f"put it under `{under}`", key=True)
        )

    shaped = older_versions.converted(kind, version, data, misplaced)
    if written is not None and places is not None:
        value, problems = decode_as(model, shaped, places=places.reshaped(written))
    else:
        value, problems = decode_as(model, shaped, places=places, written=written)
    found += problems
    return (None if found else value), found


def decode_as(
    model: type[M], data: object, *, places: Places | None = None, written: Callable[[str], str] | None = None
) -> tuple[M | None, list[Diagnostic]]:
    """A model from JSON values, or all that is wrong with them.

    A null in a list or a map is read as the empty value of its type, as Kubernetes does.
    """
    try:
        return model.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
    nulls = {
        error["loc"]: _EMPTY[error["type"]] for error in errors if error["input"] is None and error["type"] in _EMPTY
    }
    if nulls:
        try:
            return model.model_validate(_with_values(data, nulls), by_alias=True, by_name=False), []
        except ValidationError as problem:
            errors = problem.errors(include_url=False)
    return None, [_explain(model, error, places, written or _same) for error in errors]


def _with_values(data: Any, values: Mapping[tuple[int | str, ...], object]) -> Any:
    """The data with other values at some places; what is not on the way there is shared."""
    top = [data]
    copies: dict[tuple[int | str, ...], Any] = {}
    for loc, value in values.items():
        holder: Any = top
        step: int | str = 0
        for i, following in enumerate(loc):
            if loc[:i] not in copies:
                holder[step] = holder[step].copy()
                copies[loc[:i]] = holder[step]
            holder, step = copies[loc[:i]], following
        holder[step] = value
    return top[0]


def _same(path: str) -> str:
    return path


def _at(
    places: Places | None,
    path: str,
    code: str,
    message: str,
    help: str = "",
    *,
    key: bool = False,
) -> Diagnostic:
    if places is None:
        return Diagnostic(code, message, help=help, path=shortened(path, 1000))
    return Diagnostic(code, message, places.span(path, key=key), help=help, path=shortened(places.path(path), 1000))


def _head(data: dict[str, Any], places: Places | None, found: list[Diagnostic]) -> tuple[str, str] | None:
    example = {"apiVersion": "apiVersion: resource.k8s.io/v1", "kind": "kind: ResourceClaim"}
    missing = [name for name in example if data.get(name) in (None, "")]
    if len(missing) == 2:
        hint = "write `apiVersion: resource.k8s.io/v1` and `kind: ResourceClaim`, or others"
        found.append(_at(places, "", "RES001", "the object has no `apiVersion` and no `kind`", hint))
    for name, right in example.items():
        value = data.get(name)
        if missing == [name]:
            near = nearest(name, [k for k in data if k not in example])
            hint = f"write `{name}` instead of `{shortened(near)}`" if near else f"write `{right}` or another"
            found.append(_at(places, "", "RES001", f"the object has no `{name}`", hint))
        elif name not in missing and not isinstance(value, str):
            message = f"expected text, got {_shown_type(value)}"
            found.append(_at(places, name, "RES005", message, f"write `{right}`"))
    return None if found else (data["apiVersion"], data["kind"])


def _kind_problem(group: str, version: str, kind: str, places: Places | None) -> Diagnostic | None:
    api_version = shortened(f"{group}/{version}" if group else version)
    shown = shortened(kind)
    ours = older_versions.VERSIONS
    if kind in ours:
        if group == older_versions.GROUP and version in ours[kind]:
            return None
        known = ", ".join(f"`{older_versions.GROUP}/{v}`" for v in ours[kind])
        message = f"`{kind}` of `{api_version}` is not known"
        return _at(places, "apiVersion", "RES003", message, f"write `{older_versions.GROUP}/v1`; known are {known}")
    if kind in KINDS and api_version == KINDS[kind].API_VERSION:
        return None
    if group == older_versions.GROUP and kind != "ResourcePoolStatusRequest":
        hint = did_you_mean(kind, ours, "known are " + ", ".join(f"`{k}`" for k in ours))
        return _at(places, "kind", "RES003", f"`{api_version}` has no kind `{shown}`", hint)
    near = nearest(kind, ours)
    hint = f"did you mean `{near}` of `{older_versions.GROUP}/v1`?" if near else "it plays no part in device allocation"
    message = f"`{shown}` of `{api_version}` is ignored"
    span = None if places is None else places.span("kind")
    path = "kind" if places is None else places.path("kind")
    return Diagnostic("RES002", message, span, help=hint, path=path, severity=Severity.WARNING)


_EMPTY: Final[Mapping[str, object]] = {
    "string_type": "",
    "int_type": 0,
    "bool_type": False,
    "tuple_type": (),
    "dict_type": {},
    "model_type": {},
    "value_error": "0",
}
"""What null stands for, by the error that it leads to; the last one is that of amounts."""

_WANTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def _explain(model: type[BaseModel], error: Any, places: Places | None, shift: Callable[[str], str]) -> Diagnostic:
    loc, kind, value = error["loc"], error["type"], error["input"]
    path, holder = _locate(model, loc)
    if places is None:
        path = shift(path)
    if kind == "extra_forbidden":
        return _at(
            places,
            path,
            "RES004",
            f"unknown field `{shortened(str(loc[-1]))}`",
            _unknown_help(str(loc[-1]), holder),
            key=True,
        )
    if kind == "value_error":
        return _at(places, path, "RES006", f"{_shown(value)} is not an amount", str(error["ctx"]["error"]))
    if kind in ("greater_than_equal", "less_than_equal"):
        least, most = (2**31, 2**31 - 1) if "le" in error["ctx"] and error["ctx"]["le"] < 2**32 else (2**63, 2**63 - 1)
        return _at(
            places, path, "RES018", f"the number {value} is out of range", f"write a number from -{least} to {most}"
        )
    wanted = _WANTED.get(kind, "another value")
    message, help_ = f"expected {wanted}, got {_shown_type(value)}", _type_help(wanted, value)
    written = None if places is None else places.value_span(path)
    if wanted == "text" and written is not None and isinstance(value, bool | int | float):
        # What stands in the file, such as `no`, is not what YAML makes of it.
        text = shortened(written.text)
        if text != _json(value):
            message = f"expected text, got `{text}`, which YAML reads as {_json(value)}"
        help_ = f'put it in quotes: `"{text}"`'
    return _at(places, path, "RES005", message, help_)


def _locate(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, type[BaseModel] | None]:
    """The path as Kubernetes prints it, and the model that holds the last step."""
    text = ""
    annotation: Any = model
    holder: type[BaseModel] | None = None
    for step in loc:
        annotation = _bare(annotation)
        holder = None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            holder = annotation
            name = fields_by_alias(annotation).get(str(step))
            annotation = annotation.model_fields[name].annotation if name is not None else Any
            text += f".{step}"
        elif step != "[key]":
            arguments = get_args(annotation)
            annotation = (arguments[1] if get_origin(annotation) is dict else arguments[0]) if arguments else Any
            text += f"[{step}]"
    return text.removeprefix("."), holder


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return _bare(next(a for a in get_args(annotation) if a is not type(None)))
    metadata = getattr(annotation, "__metadata__", None)
    return _bare(annotation.__origin__) if metadata is not None else annotation


def _unknown_help(name: str, holder: type[BaseModel] | None) -> str:
    if holder is None:
        return "remove it"
    if holder is DeviceRequest and name in fields_by_alias(ExactDeviceRequest):
        return "put it under `exactly`, as `resource.k8s.io/v1` has it"
    if name == "basic":
        return "write its fields directly in the device, as `resource.k8s.io/v1` has it"
    known = fields_by_alias(holder)
    few = ", ".join(f"`{k}`" for k in known)
    return did_you_mean(name, known, f"known are {few}" if len(known) <= 12 else "remove it")


def _type_help(wanted: str, value: object) -> str:
    match wanted:
        case "text" if isinstance(value, bool | int | float):
            return f'put it in quotes: `"{_json(value)}"`'
        case "a whole number" | "true or false" if isinstance(value, str):
            return "write it without quotes"
        case "a list":
            return "start each entry with `-`"
        case "an object":
            return "write `field: value` on lines below"
        case _:
            return f"write {wanted}"


def _json(value: bool | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if abs(value) < 1e60 else "a very large number"


def _shown_type(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float() | str():
            return _shown(value)
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a Python value of type `{type(value).__name__}`"


def _shown(value: object) -> str:
    match value:
        case str():
            return f"text `{shortened(value)}`"
        case bool() | int() | float():
            return f"`{_json(value)}`"
        case _:
            return _shown_type(value)


__all__ = ["KINDS", "PlainObject", "decode", "decode_as"]
