"""Manifests into models with positions: files, folders, standard input, YAML streams, JSON, lists."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias, TypeVar

from dra_policy.diagnostics.model import Diagnostic, in_order
from dra_policy.resources.decoding import KINDS, PlainObject, decode
from dra_policy.resources.files import MANIFEST_LIMIT, STDIN, manifest_paths, read_text
from dra_policy.resources.json_values import JsonDocument, json_documents
from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.older_versions import as_written
from dra_policy.resources.places import Mark, Places
from dra_policy.resources.yaml_values import YamlDocument, yaml_documents
from dra_policy.source import Source

Input: TypeAlias = "str | os.PathLike[str] | Source"
T = TypeVar("T", bound=TypedObject)


@dataclass(frozen=True, slots=True)
class ReadValue:
    """A document as plain values, and where its fields stand."""

    value: Any
    places: Places


@dataclass(frozen=True, slots=True)
class ReadObject:
    """An object, and where its fields stand."""

    value: TypedObject | PlainObject
    places: Places


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, in order, and all that is wrong with it."""

    objects: tuple[ReadObject, ...]
    diagnostics: tuple[Diagnostic, ...]

    def of(self, model: type[T]) -> tuple[T, ...]:
        """The objects of one kind, in order."""
        return tuple(o.value for o in self.objects if isinstance(o.value, model))


def read_objects(*inputs: Input, plain_kinds: Iterable[str] = ()) -> Reading:
    """All objects of files, folders, `-` (standard input) and texts.

    Objects with errors are left out, the others are given. `plain_kinds` names kinds without a model that are passed
    through as `PlainObject`. Diagnostics: SRC001 to SRC005, YML001 to YML007, RES001 to RES006, RES018.

    >>> text = Source("a.yaml", "apiVersion: v1\\nkind: Node\\nmetadata: {name: a, lables: {}}\\n")
    >>> reading = read_objects(text)
    >>> [(d.code, d.path, str(d.span), d.help) for d in reading.diagnostics]
    [('RES004', 'metadata.lables', 'a.yaml:3:21', 'did you mean `labels`?')]
    """
    kinds = frozenset(plain_kinds)
    objects: list[ReadObject] = []
    problems: list[Diagnostic] = []
    with _collector.paused():
        for source in _sources(inputs, problems):
            values, wrong = read_values(source)
            problems += wrong
            for value in values:
                _collect(value.value, value.places, kinds, objects, problems)
    return Reading(tuple(objects), in_order(problems))


class _Collector:
    """Python's garbage collector, stopped while anybody reads.

    Reading makes very many objects and no cycles; the collector would look through all of them again and again, which
    takes a third of the time.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._readers = 0
        self._ran = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        with self._lock:
            if self._readers == 0:
                self._ran = gc.isenabled()
                gc.disable()
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers == 0 and self._ran:
                    gc.enable()


_collector = _Collector()


def read_values(source: Source) -> tuple[list[ReadValue], list[Diagnostic]]:
    """The documents of a YAML or JSON text as plain values. Diagnostics: YML001 to YML007."""
    problems: list[Diagnostic] = []
    if source.name.endswith(".json"):
        return [_read(source, d) for d in json_documents(source, problems.append)], problems
    if source.text.lstrip().startswith("{"):
        read = [_read(source, d) for d in json_documents(source, problems.append)]
        if not problems:
            return read, problems
        # Not JSON, but it may be YAML in its flow style.
        problems = []
    return [_read(source, d) for d in yaml_documents(source, problems.append)], problems


def _read(source: Source, document: YamlDocument | JsonDocument) -> ReadValue:
    documents = json_documents if isinstance(document, JsonDocument) else yaml_documents

    def marks() -> Mark | None:
        again = documents(source, _already_said, start=document.start, end=document.end, marks=True)
        return next((d.mark for d in again), None)

    return ReadValue(document.value, Places(source, marks))


def _already_said(_: Diagnostic) -> None:
    """The first reading reported what is wrong."""


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # a name that no file can have; reading it says so
        return False


def _sources(inputs: Iterable[Input], problems: list[Diagnostic]) -> Iterator[Source]:
    seen: set[str] = set()
    for given in inputs:
        if isinstance(given, Source):
            yield given
            continue
        path = os.fspath(given)
        paths = [path]
        if path != STDIN and _is_folder(path):
            paths, wrong = manifest_paths(path)
            problems += wrong
        for name in paths:
            if name in seen:
                continue
            seen.add(name)
            source = read_text(name, MANIFEST_LIMIT)
            if isinstance(source, Diagnostic):
                problems.append(source)
            else:
                yield source


def _collect(
    value: Any, places: Places, plain_kinds: frozenset[str], objects: list[ReadObject], problems: list[Diagnostic]
) -> None:
    items = _items(value)
    if items is None:
        decoded, wrong = decode(value, places=places, plain_kinds=plain_kinds)
        problems += wrong
        if decoded is not None:
            objects.append(ReadObject(decoded, _as_v1(value, places)))
        return
    for i, item in enumerate(items):
        _collect(_with_type(item, value), places.within(f"items[{i}]"), plain_kinds, objects, problems)


def _as_v1(value: Mapping[str, Any], places: Places) -> Places:
    written = as_written(value["kind"], value["apiVersion"].rpartition("/")[2])
    return places if written is None else places.reshaped(written)


def _items(value: Any) -> list[Any] | None:
    """The entries of a list object: `List` of v1, or `ResourceSliceList` and the like."""
    if not isinstance(value, dict):
        return None
    kind, items = value.get("kind"), value.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list | None):
        return None
    return (items or []) if kind == "List" or kind.removesuffix("List") in KINDS else None


def _with_type(item: Any, whole: Mapping[str, Any]) -> Any:
    # The API server leaves the type out of the entries of a typed list.
    if whole["kind"] == "List" or not isinstance(item, dict):
        return item
    return {"apiVersion": whole.get("apiVersion"), "kind": whole["kind"].removesuffix("List")} | item


__all__ = ["Input", "ReadObject", "ReadValue", "Reading", "read_objects", "read_values"]
