"""A capsule as bytes: canonical JSON in a gzip frame with a fixed header, so that equal capsules are equal bytes.

What is read may come from anybody: sizes are limited before anything is unpacked, and a capsule is read whole or not at
all.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from dra_policy.capsule.columns import DEPTH_LIMIT, rows, tables
from dra_policy.capsule.content import (
    FORMAT_VERSION,
    KINDS,
    Asked,
    AskedClaim,
    Capsule,
    JsonObject,
    ObjectKey,
    Place,
    PolicyText,
    World,
    key_of,
)
from dra_policy.diagnostics import Diagnostic, InvalidInput, has_errors
from dra_policy.engine import Placing
from dra_policy.replacing import replace_file
from dra_policy.resources import Features, decode
from dra_policy.resources.corrections import Correction
from dra_policy.resources.features import FEATURE_NAMES
from dra_policy.resources.quoting import shortened
from dra_policy.rules import ClaimKey

FORMAT = "dra-policy capsule"
PACKED_LIMIT = 64 * 1024 * 1024
"""Bytes of a file, at most."""
UNPACKED_LIMIT = 256 * 1024 * 1024
"""Bytes of its JSON text, at most."""
LINES_LIMIT = 10_000_000
"""The lines of all files that places lie in, at most."""
STEPS_LIMIT = 2**53

MAGIC = b"\x1f\x8b\x08"
# No name, no time, the most compression, an unknown system: what gzip writes here must not differ.
_HEADER = MAGIC + b"\x00" + b"\x00\x00\x00\x00" + b"\x02\xff"
_RAW = -15

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


def pack(capsule: Capsule) -> bytes:
    """The bytes of a capsule, the same for equal capsules."""
    content = canonical(_content(capsule))
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9)
    body = packer.compress(content) + packer.flush()
    return _HEADER + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def canonical(value: Any) -> bytes:
    """A JSON value in one way: keys in order, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def read_capsule(path: str | os.PathLike[str]) -> Capsule:
    """The capsule in a file. Raises `InvalidInput`: SRC001, SRC004, CAP001 to CAP004."""
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(PACKED_LIMIT + 1)
    except FileNotFoundError:
        raise InvalidInput([Diagnostic("SRC001", f"no such file `{name}`", help="name a file of --capsule")]) from None
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise InvalidInput([Diagnostic("SRC004", f"cannot read `{name}`: {why}", help="name a file")]) from None
    return unpack(content, name)


def unpack(content: bytes, name: str = "<capsule>") -> Capsule:
    """The capsule of these bytes. Raises `InvalidInput`: CAP001 to CAP004."""
    value = _json(_unpacked(content, name), name)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _invalid("CAP001", f"`{name}` is no capsule", "name a file that --capsule wrote")
    version = value.get("formatVersion")
    if version != FORMAT_VERSION or type(version) is not int:
        program = value.get("programVersion")
        made = f", made by dra-policy {program}" if isinstance(program, str) and program.isprintable() else ""
        message = (
            f"`{name}` is a capsule of format {json.dumps(version)[:20]}{made}; this version reads {FORMAT_VERSION}"
        )
        raise _invalid("CAP003", message, "read it with the version that made it")
    return Reader(name).capsule(value)


# --------------------------------------------------------------------------------------------------------- writing


def _content(capsule: Capsule) -> JsonObject:
    world, asked = capsule.world, capsule.asked
    return {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "programVersion": capsule.program,
        "command": capsule.command,
        "options": dict(capsule.options),
        "server": dict(capsule.server),
        **features_data(world.features),
        "stepLimit": world.step_limit,
        "placing": world.placing.name.lower(),
        **({} if world.at is None else {"at": world.at.isoformat()}),
        "policyTexts": [{"name": p.name, "text": p.text, "given": p.given} for p in world.policies],
        "objects": tables([value for _, value in world.in_order()]),
        "places": [
            {
                "object": list(key),
                "fields": {
                    path: [place.file, place.line, place.column, place.length] for path, place in fields.items()
                },
            }
            for key, fields in sorted(world.places.items())
        ],
        "lines": {name: {str(n): text for n, text in lines.items()} for name, lines in world.lines.items()},
        "asked": {
            "pods": [[[claim.kind, claim.key.namespace, claim.key.name] for claim in pod] for pod in asked.pods],
            "node": asked.node,
            "perNode": asked.per_node,
            "keep": asked.keep,
        },
        "decision": tables(list(capsule.decision)),
    }


def features_data(features: Features) -> JsonObject:
    """Features by upstream's names, and corrections by upstream's issues."""
    return {
        "features": {name: getattr(features, field) for field, name in FEATURE_NAMES.items()},
        "corrections": sorted(one.value for one in features.corrections),
    }


# --------------------------------------------------------------------------------------------------------- reading


def _invalid(code: str, message: str, help_: str) -> InvalidInput:
    return InvalidInput([Diagnostic(code, message, help=help_)])


def _damaged(name: str, why: str) -> InvalidInput:
    return _invalid("CAP002", f"the capsule `{name}` is damaged: {why}", "make it again, or copy the file again")


def _unpacked(content: bytes, name: str) -> bytes:
    if not content.startswith(MAGIC):
        raise _invalid("CAP001", f"`{name}` is no capsule", "name a file that --capsule wrote")
    if len(content) > PACKED_LIMIT:
        message = f"the capsule `{name}` is larger than {PACKED_LIMIT // 2**20} MiB"
        raise _invalid("CAP002", message, "make one of fewer objects")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        text = unpacker.decompress(content, UNPACKED_LIMIT + 1)
    except zlib.error:
        raise _damaged(name, "its bytes are not those that were packed") from None
    if len(text) > UNPACKED_LIMIT:
        message = f"the capsule `{name}` unpacks to more than {UNPACKED_LIMIT // 2**20} MiB"
        raise _invalid("CAP002", message, "make one of fewer objects")
    if not unpacker.eof:
        raise _damaged(name, "its end is missing")
    if unpacker.unused_data:
        raise _damaged(name, "something stands behind its end")
    return text


def _json(text: bytes, name: str) -> Any:
    def refused(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON value")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise ValueError("a field is written twice")
        return made

    try:
        value = json.loads(text.decode("utf-8"), parse_constant=refused, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise _damaged(name, "it holds no JSON text") from None
    waiting = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > 4 * DEPTH_LIMIT:
            raise _damaged(name, f"its values are more than {4 * DEPTH_LIMIT} levels deep")
        if isinstance(part, str) and not part.isascii() and _LONE_SURROGATE.search(part):
            raise _damaged(name, "half a character stands in it")
        if isinstance(part, dict | list):
            waiting += [(item, depth + 1) for item in part]
        if isinstance(part, dict):
            waiting += [(item, depth + 1) for item in part.values()]
    return value


class Reader:
    """Takes the parts of a capsule one by one; whatever is not as it should be ends it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def refuse(self, why: str) -> NoReturn:
        raise _damaged(self.name, why)

    def part(self, holder: Mapping[str, Any], key: str, kind: type[T]) -> T:
        value = holder.get(key)
        # A bool is an int for Python, and none for us.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(f"`{key}` is missing, or of another type")
        return value

    def capsule(self, value: JsonObject) -> Capsule:
        objects = self.objects(value)
        lines = self.lines(value)
        world = World(
            objects=objects,
            policies=self.policies(value),
            features=self.features(value),
            step_limit=self.number(value, "stepLimit", STEPS_LIMIT),
            placing=self.placing(value),
            places=self.places(value, lines),
            lines=lines,
            at=self.at(value),
        )
        server = self.part(value, "server", dict)
        if not all(isinstance(text, str) for text in server.values()):
            self.refuse("the notes about its server are no texts")
        return Capsule(
            world,
            self.asked(value),
            tuple(rows(value.get("decision"), self.refuse)),
            self.part(value, "programVersion", str),
            self.part(value, "command", str),
            self.part(value, "options", dict),
            server,
        )

    def number(self, holder: Mapping[str, Any], key: str, most: int) -> int:
        value = self.part(holder, key, int)
        if not 1 <= value <= most:
            self.refuse(f"`{key}` is out of range")
        return value

    def objects(self, value: JsonObject) -> dict[ObjectKey, JsonObject]:
        found: dict[ObjectKey, JsonObject] = {}
        for one in rows(value.get("objects"), self.refuse):
            metadata = one.get("metadata")
            if one.get("kind") not in KINDS or not isinstance(metadata, dict):
                self.refuse("an object is of no kind that a capsule holds")
            if not isinstance(metadata.get("name"), str) or not isinstance(metadata.get("namespace", ""), str):
                self.refuse("an object has no name")
            status = one.get("status", {})
            if not isinstance(status, dict):
                self.refuse("the status of an object is none")
            key = key_of(one)
            if key in found:
                self.refuse("an object is there twice")
            if has_errors(decode(one)[1]):
                # Capsules are written from objects that were decoded before.
                self.refuse(f"the {one['kind']} `{shortened(metadata['name'])}` is none")
            found[key] = one
        return found

    def policies(self, value: JsonObject) -> tuple[PolicyText, ...]:
        listed = self.part(value, "policyTexts", list)
        found = []
        for one in listed:
            if not isinstance(one, dict):
                self.refuse("a policy is none")
            text = PolicyText(self.part(one, "name", str), self.part(one, "text", str), self.part(one, "given", bool))
            found.append(text)
        return tuple(found)

    def features(self, value: JsonObject) -> Features:
        switches = self.part(value, "features", dict)
        known = set(FEATURE_NAMES.values())
        unknown = sorted(name for name in switches if name not in known)
        if unknown or not all(isinstance(on, bool) for on in switches.values()):
            message = f"the capsule `{self.name}` has features that this version does not know"
            raise _invalid("CAP003", message, "read it with the version that made it")
        wanted = self.part(value, "corrections", list)
        if not all(isinstance(one, str) and one in {c.value for c in Correction} for one in wanted):
            message = f"the capsule `{self.name}` has corrections that this version does not know"
            raise _invalid("CAP003", message, "read it with the version that made it")
        chosen = {field: switches.get(name, False) for field, name in FEATURE_NAMES.items()}
        return Features(**chosen, corrections=frozenset(map(Correction, wanted)))

    def placing(self, value: JsonObject) -> Placing:
        name = self.part(value, "placing", str)
        found = next((one for one in Placing if one.name.lower() == name), None)
        if found is None:
            message = f"the capsule `{self.name}` places claims in a way that this version does not know"
            raise _invalid("CAP003", message, "read it with the version that made it")
        return found

    def at(self, value: JsonObject) -> datetime | None:
        if "at" not in value:
            return None
        try:
            found = datetime.fromisoformat(self.part(value, "at", str))
        except ValueError:
            self.refuse("its time is none")
        if found.tzinfo is None:
            self.refuse("its time has no zone")
        return found

    def lines(self, value: JsonObject) -> dict[str, dict[int, str]]:
        found: dict[str, dict[int, str]] = {}
        total = 0
        for file, lines in self.part(value, "lines", dict).items():
            if not isinstance(lines, dict):
                self.refuse("the lines of a file are none")
            of_file: dict[int, str] = {}
            for number, text in lines.items():
                short = number.isascii() and number.isdigit() and len(number) <= len(str(LINES_LIMIT))
                if not short or int(number) < 1 or not isinstance(text, str) or "\n" in text:
                    self.refuse("a line of a file is none")
                of_file[int(number)] = text
            total += max(of_file, default=0)
            if total > LINES_LIMIT:
                self.refuse("it has places in too many lines")
            found[file] = of_file
        return found

    def places(self, value: JsonObject, lines: Mapping[str, Mapping[int, str]]) -> dict[ObjectKey, dict[str, Place]]:
        found: dict[ObjectKey, dict[str, Place]] = {}
        for one in self.part(value, "places", list):
            key = one.get("object") if isinstance(one, dict) else None
            if not isinstance(key, list) or len(key) != 3 or not all(isinstance(part, str) for part in key):
                self.refuse("a place belongs to no object")
            fields: dict[str, Place] = {}
            for path, place in self.part(one, "fields", dict).items():
                fields[path] = self.place(place, lines)
            found[key[0], key[1], key[2]] = fields
        return found

    def place(self, place: Any, lines: Mapping[str, Mapping[int, str]]) -> Place:
        if not isinstance(place, list) or [type(part) for part in place] != [str, int, int, int]:
            self.refuse("a place is none")
        file, line, column, length = place
        text = lines.get(file, {}).get(line)
        if text is None or column < 1 or length < 0 or column - 1 + length > len(text):
            self.refuse("a place lies outside of its line")
        return Place(file, line, column, length)

    def asked(self, value: JsonObject) -> Asked:
        given = self.part(value, "asked", dict)
        pods: list[tuple[AskedClaim, ...]] = []
        for pod in self.part(given, "pods", list):
            if not isinstance(pod, list) or not pod:
                self.refuse("a question asks for nothing")
            pods.append(tuple(self.asked_claim(claim) for claim in pod))
        node = given.get("node")
        if not isinstance(node, str | None):
            self.refuse("a question names no node")
        return Asked(tuple(pods), node, self.part(given, "perNode", bool), self.part(given, "keep", bool))

    def asked_claim(self, claim: Any) -> AskedClaim:
        if not isinstance(claim, list) or len(claim) != 3 or not all(isinstance(part, str) for part in claim):
            self.refuse("a question names no claim")
        return AskedClaim(ClaimKey(claim[1], claim[2]), claim[0])


def write_capsule(path: str, capsule: Capsule) -> None:
    """Write a capsule to a file, whole or not at all. Raises `InvalidInput`: SRC004."""
    try:
        replace_file(Path(path), pack(capsule), 0o644)
    except OSError as problem:
        message = f"cannot write `{path}`: {problem.strerror or problem}"
        raise InvalidInput([Diagnostic("SRC004", message, help="name a file that you may write")]) from problem


__all__ = [
    "MAGIC",
    "PACKED_LIMIT",
    "STEPS_LIMIT",
    "UNPACKED_LIMIT",
    "Reader",
    "canonical",
    "features_data",
    "pack",
    "read_capsule",
    "unpack",
    "write_capsule",
]
