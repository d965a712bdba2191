"""Every field of the vendors' objects changed in every way: what the tables do not think of."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from questions import Question, objects_by_name, vendors_objects

_ABSENT: Final = object()
_TWICE: Final = object()
VALUES: Final[tuple[Any, ...]] = (
    *(_ABSENT, None, True, False, 0, -1, 1.5, 2, [], {}, [{}], [None], {"a": "b"}, {"a": None}),
    *("", "A", "a b", "a-", "-a", "a.", "a/b", "A/b", "a.b/c", "a/b/c", "*", "é", "x" * 70, "x" * 300),
    *("1", "1.2.3", "5Gi", "-5", "1e-10", "True", "Exists", "NoExecute", "2026-01-31T12:00:00Z"),
)
_METADATA: Final = {
    "labels": {"a": "b"},
    "annotations": {"a": "b"},
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b", "controller": True}],
    "finalizers": ["example.com/a"],
    "generateName": "a-",
    "creationTimestamp": "2026-01-31T12:00:00Z",
}
# Upstream does not look into these, or the object is no longer of its kind.
_UNTOUCHED: Final = re.compile(r"^/(apiVersion|kind)$|/(parameters|data)/")

Path = tuple[str | int, ...]


def everywhere() -> Iterator[Question]:
    """Each field once for its place in the API, on the first object that has it."""
    seen: set[tuple[str, bool, str]] = set()
    for name, base, old in _bases():
        kind = base["kind"]
        for path in _paths(base):
            text = "".join(f"/{step}" for step in path)
            place = re.sub(r"/(attributes|capacity|counters|requests)/[^/]+(/[A-Za-z_]+)?$", r"/\1/*\2", text)
            place = re.sub(r"/\d+(?=/|$)", "/#", place)
            if (kind, old is not None, place) in seen or _UNTOUCHED.search(text):
                continue
            # The spec of a claim is not asked about when its status is written.
            if old is not None and path[0] != "status":
                continue
            seen.add((kind, old is not None, place))
            subresource = "" if old is None else "status"
            for value in (*VALUES, _TWICE) if isinstance(path[-1], int) else VALUES:
                shown = {id(_ABSENT): "absent", id(_TWICE): "twice"}.get(id(value)) or json.dumps(value)
                label = f"everywhere/{name}{text}={shown[:40]}"
                yield Question(label, "", _changed(base, path, value), old, subresource, "all")


def _bases() -> Iterator[tuple[str, Any, Any]]:
    """Objects to be created; claims with a status and what they were before."""
    kinds: set[str] = set()
    for name, data in vendors_objects().items():
        if data["kind"] in kinds or data["kind"] == "Node":
            continue
        kinds.add(data["kind"])
        yield f"{name}+metadata", data | {"metadata": data["metadata"] | _METADATA}, None
    for name, data in vendors_objects().items():
        if data["kind"] != "Node":
            yield name, data, None
    for name, data in objects_by_name("statuses").items():
        if "status" in data:
            yield name, data, {field: value for field, value in data.items() if field != "status"}


def _paths(data: Any) -> Iterator[Path]:
    waiting: list[tuple[Path, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, item in items:
            yield (*path, step)
            waiting.append(((*path, step), item))


def _changed(base: Any, path: Path, value: object) -> Any:
    data = copy.deepcopy(base)
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    if value is _ABSENT:
        del holder[path[-1]]
    elif value is _TWICE:
        holder.append(copy.deepcopy(holder[path[-1]]))
    else:
        holder[path[-1]] = copy.deepcopy(value)
    return data
