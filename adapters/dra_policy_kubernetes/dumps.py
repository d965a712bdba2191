"""Dumps: the objects of a cluster in a file, as `kubectl get ... -A -o yaml` writes them.

`dra-policy dump` notes the server's version and feature gates in the annotations of the list; `kubectl` does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dra_policy import Diagnostic, InvalidInput, Source
from dra_policy.resources import MANIFEST_LIMIT, read_text, read_values, to_yaml
from dra_policy_kubernetes.cluster_objects import ClusterObjects, collect
from dra_policy_kubernetes.server import Server, gates_in_words, gates_of_words, source_of

VERSION_NOTE: Final = "dra-policy/server-version"
GATES_NOTE: Final = "dra-policy/feature-gates"


def read_dump(*dumps: str | Source) -> ClusterObjects:
    """The objects of files, `-` (standard input) or texts. Raises `InvalidInput`: SRC001 to SRC004, YML001 to YML007,
    RES001 to RES006."""
    problems: list[Diagnostic] = []
    documents: list[object] = []
    for dump in dumps:
        source = dump if isinstance(dump, Source) else read_text(dump, MANIFEST_LIMIT)
        if isinstance(source, Diagnostic):
            problems.append(source)
            continue
        values, found = read_values(source)
        problems += found
        documents += [value.value for value in values]
    if problems:
        raise InvalidInput(problems)
    servers = [server for document in documents if (server := _noted(document)) is not None]
    return collect((one for document in documents for one in _objects(document)), servers[0] if servers else None)


def write_dump(objects: Iterable[Mapping[str, Any]], server: Server) -> str:
    """Objects as one `List`, like kubectl's, with the server noted in its annotations."""
    notes = {VERSION_NOTE: server.version}
    if server.gates_read:
        notes[GATES_NOTE] = gates_in_words(server.gates)
    annotations = {name: text for name, text in notes.items() if text}
    return to_yaml(
        [{"apiVersion": "v1", "kind": "List", "metadata": {"annotations": annotations}, "items": list(objects)}]
    )


def without_noise(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what no answer depends on: who set which field, the whole object once more, and what a
    container runs with, which may hold secrets."""
    made = dict(value)
    metadata = made.get("metadata")
    if isinstance(metadata, dict):
        metadata = {k: v for k, v in metadata.items() if k != "managedFields"}
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            kept = {k: v for k, v in annotations.items() if k != "kubectl.kubernetes.io/last-applied-configuration"}
            metadata["annotations"] = kept
            if not kept:
                del metadata["annotations"]
        made["metadata"] = metadata
    spec = made.get("spec")
    if made.get("kind") == "Pod" and isinstance(spec, dict):
        made["spec"] = spec | {
            field: [_without_workings(container) for container in spec[field]]
            for field in ("containers", "initContainers", "ephemeralContainers")
            if isinstance(spec.get(field), list)
        }
    return made


def _without_workings(container: object) -> object:
    if not isinstance(container, dict):
        return container
    return {k: v for k, v in container.items() if k not in ("env", "envFrom", "command", "args")}


def _noted(document: object) -> Server | None:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict) or not isinstance(annotations.get(VERSION_NOTE), str):
        return None
    gates = annotations.get(GATES_NOTE)
    return Server(
        annotations[VERSION_NOTE],
        gates_of_words(gates) if isinstance(gates, str) else {},
        gates_read=isinstance(gates, str),
        source=source_of(annotations[VERSION_NOTE]),
    )


def _objects(document: object) -> Iterator[object]:
    """The document itself, or the entries of a list: `List`, or `PodList` and the like, of which each is typed."""
    if not isinstance(document, dict):
        yield document
        return
    kind, items = document.get("kind"), document.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list | None):
        if document:
            yield document
        return
    for item in items or []:
        if kind != "List" and isinstance(item, dict):
            # The API server leaves the type out of the entries of a typed list.
            yield {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")} | item
        else:
            yield item


__all__ = ["GATES_NOTE", "VERSION_NOTE", "read_dump", "without_noise", "write_dump"]
