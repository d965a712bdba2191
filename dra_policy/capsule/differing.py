"""Whether a decision that is made again is the one that was made before, and what is different."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dra_policy.capsule.content import Capsule, JsonObject
from dra_policy.capsule.deciding import plain, recorded

_SHARE = "shareID"
# So much of a difference is shown; who needs more has both outputs.
_ANSWERS, _LINES = 5, 20


@dataclass(frozen=True, slots=True)
class Differing:
    """The answers that are not as they were, by number, and the versions that gave them."""

    then: str
    now: str
    answers: tuple[tuple[int, JsonObject, JsonObject], ...]

    @property
    def same(self) -> bool:
        return not self.answers

    def text(self) -> str:
        """What is different, for people; ends with a line break."""
        versions = (
            f"dra-policy {self.then} made the decision, and {self.now} makes it again"
            if self.then != self.now
            else f"both are decisions of dra-policy {self.now}"
        )
        lines = [f"{len(self.answers)} of the answers differ; {versions}"]
        for number, before, after in self.answers[:_ANSWERS]:
            lines.append(f"answer {number + 1}:")
            different = list(_difference(before, after))
            lines += [f"  {line}" for line in different[:_LINES]]
            if len(different) > _LINES:
                lines.append(f"  and {len(different) - _LINES} more lines")
        if len(self.answers) > _ANSWERS:
            lines.append(f"and {len(self.answers) - _ANSWERS} more answers")
        return "\n".join(lines) + "\n"


def differing(capsule: Capsule, answers: Sequence[JsonObject], program: str) -> Differing:
    """The answers of a capsule beside those given now by the version `program`.

    Ids of shares are drawn at random and tell nothing: the first, second, ... of both are the same.
    """
    before = [_comparable(one) for one in capsule.decision]
    after = [_comparable(one) for one in answers]
    nothing: JsonObject = {}
    length = max(len(before), len(after))
    before += [nothing] * (length - len(before))
    after += [nothing] * (length - len(after))
    found = ((n, then, now) for n, (then, now) in enumerate(zip(before, after, strict=True)) if then != now)
    return Differing(capsule.program, program, tuple(found))


def _comparable(answer: JsonObject) -> JsonObject:
    copy: JsonObject = with_shares(recorded(plain(answer)), iter(()))
    return copy


def shares(value: Any) -> Iterator[str]:
    """The ids of shares in a JSON value, in order."""
    if isinstance(value, dict):
        for key in sorted(value):
            if key == _SHARE and isinstance(value[key], str):
                yield value[key]
            else:
                yield from shares(value[key])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from shares(item)


def with_shares(value: Any, ids: Iterator[str]) -> Any:
    """A JSON value with other ids of shares: the given ones, and numbers when there are no more."""
    own: dict[str, str] = {}
    for number, share in enumerate(shares(value), start=1):
        if share not in own:
            own[share] = next(ids, f"share-{number}")
    return _replaced(value, own)


def _replaced(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: ids.get(item, item) if key == _SHARE and isinstance(item, str) else _replaced(item, ids)
            for key, item in value.items()
        }
    return [_replaced(item, ids) for item in value] if isinstance(value, list | tuple) else value


def _difference(before: JsonObject, after: JsonObject) -> Iterator[str]:
    then, now = (json.dumps(one, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for one in (before, after))
    for line in difflib.unified_diff(then, now, "then", "now", n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield line


__all__ = ["Differing", "differing", "shares", "with_shares"]
