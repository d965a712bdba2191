"""The questions to Kubernetes' validation: single mutations of vendors' objects, from the tables in the data folder.

A table is YAML. Its `bases` are objects of the vendors, by file and name, each with edits of its own; its `questions`
change a base in one place. The shape of both is in `tests/data/validation/README.md`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

DATA: Final = Path(__file__).resolve().parents[2] / "data"
TABLES: Final = DATA / "validation" / "questions"
RECORDED: Final = DATA / "validation" / "judged.jsonl"
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


@dataclass(frozen=True)
class Question:
    """One object to be created, or changed from `old`; `subresource` is `status` for a change of the status alone."""

    id: str
    rule: str
    object: Any
    old: Any = None
    subresource: str = ""
    features: str = "default"

    def line(self, **more: object) -> str:
        """As the oracle reads it."""
        asked = {"id": self.id, "object": self.object, "features": self.features, **more}
        if self.old is not None:
            asked["old"] = self.old
        if self.subresource:
            asked["subresource"] = self.subresource
        return json.dumps(asked, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """Tells whether a recorded answer is still one to this question."""
        return hashlib.sha256(self.line().encode()).hexdigest()[:12]


def questions() -> list[Question]:
    """All of them: every object of the vendors as it is, then the tables in order of their names."""
    found = [Question(f"vendors/{name}", "", data, features="all") for name, data in vendors_objects().items()]
    for table in tables():
        bases = objects_by_name(table)
        asked = _load((TABLES / f"{table}.yaml").read_text())[0]["questions"]
        found += [_question(table, name, change, bases) for name, change in asked.items()]
    assert len({q.id for q in found}) == len(found)
    return found


def tables() -> list[str]:
    """The names of the tables, in order."""
    return sorted(path.stem for path in TABLES.glob("*.yaml"))


@cache
def objects_by_name(table: str) -> Mapping[str, Any]:
    """The bases of a table, with their own edits made."""
    bases: dict[str, Any] = {}
    for name, base in _load((TABLES / f"{table}.yaml").read_text())[0]["bases"].items():
        origin = base["of"]
        bases[name] = _edited(bases[origin] if origin in bases else vendors_objects()[origin], base)
    return bases


@cache
def vendors_objects() -> Mapping[str, Any]:
    """Every object of the vendors by file and name, such as `slices/nvidia-dgx-h100.yaml#dgx-h100-01-gpu.nvidia.com-a1`."""
    folder = DATA / "vendors"
    return {
        f"{path.relative_to(folder).as_posix()}#{data['metadata']['name']}": data
        for path in sorted(folder.rglob("*.yaml"))
        if not path.name.startswith("expected")
        for data in _load(path.read_text())
    }


def _question(table: str, name: str, asked: Mapping[str, Any], bases: Mapping[str, Any]) -> Question:
    base = bases[asked["of"]]
    change = asked.get("change", "")
    old = _edited(base, asked.get("before", {})) if change else None
    subresource = "status" if change == "status" else ""
    features = asked.get("features", "default")
    return Question(f"{table}/{name}", asked["rule"], _edited(base, asked), old, subresource, features)


def _load(text: str) -> list[Any]:
    return [data for data in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if data]


def _edited(base: Any, edits: Mapping[str, Any]) -> Any:
    data = copy.deepcopy(base)
    for path in edits.get("remove", ()):
        holder, last = _holder(data, path)
        del holder[last]
    for path, value in edits.get("set", {}).items():
        holder, last = _holder(data, path)
        made = _made(value)
        if isinstance(holder, list) and last == len(holder):
            holder.append(made)
        else:
            holder[last] = made
    return data


def _holder(data: Any, path: str) -> tuple[Any, Any]:
    """What holds the last step of a path; missing objects on the way are made."""
    *steps, last = [match[1] if match[1] is not None else match[2] for match in _STEP.finditer(path)]
    for step in steps:
        data = data[int(step)] if isinstance(data, list) else data.setdefault(step, {})
    return data, int(last) if isinstance(data, list) else last


def _made(value: Any) -> Any:
    """A value with its short forms written out."""
    match value:
        case {"$times": int(times), "$of": entry}:
            return [_numbered(entry, i) for i in range(times)]
        case {"$keys": int(times), "$key": str(key), "$of": entry}:
            return {key.replace("{i}", str(i)): _numbered(entry, i) for i in range(times)}
        case {"$text": int(length), **rest}:
            return f"{rest.get('$before', '')}{str(rest.get('$unit', 'a')) * int(length)}{rest.get('$after', '')}"
        case {"$json": int(size)}:
            return {"a": "x" * (int(size) - len('{"a":""}'))}
        case dict():
            return {key: _made(item) for key, item in value.items()}
        case list():
            return [_made(item) for item in value]
        case _:
            return value


def _numbered(entry: Any, i: int) -> Any:
    match entry:
        case str():
            return entry.replace("{i}", str(i))
        case dict():
            return {_numbered(key, i): _numbered(item, i) for key, item in entry.items()}
        case list():
            return [_numbered(item, i) for item in entry]
        case _:
            return entry


def judgement(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What is recorded of an answer: fields and types of errors, without the words, which name random things."""
    if "decodeError" in answer:
        return {"decodeError": answer["decodeError"][:1000]}
    errors = sorted({(error["field"], error["type"]) for error in answer.get("errors", ())})
    return {"errors": [list(error) for error in errors]} if errors else {}


def recorded() -> dict[str, dict[str, Any]]:
    """The recorded judgements by question."""
    return {row["id"]: row for row in map(json.loads, RECORDED.read_text().splitlines())}
