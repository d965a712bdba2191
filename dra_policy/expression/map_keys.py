"""What can be the key of a map literal."""

from __future__ import annotations

from typing import Any, Final

from dra_policy.expression.errors import EvaluationAborted
from dra_policy.expression.library.formats import NamedFormat
from dra_policy.expression.library.network import CIDR, IP
from dra_policy.expression.values import Duration, OpaqueKey, Timestamp, TypeValue, Uint, map_key, type_name
from dra_policy.resources import Semver
from dra_policy.source import Span

_PLAIN_KEYS: Final = frozenset({str, int, Uint, float, type(None), Duration, Timestamp, TypeValue, IP, CIDR})
_NO_KEYS: Final = frozenset({bytes, Semver, NamedFormat})


def entry_key(key: Any, span: Span | None = None) -> Any:
    """The key of a map literal as it is kept; raises `EvaluationAborted` for what can be none."""
    if type(key) is bool:
        return map_key(key)
    if type(key) in _PLAIN_KEYS:
        return key
    if type(key) in _NO_KEYS:
        raise EvaluationAborted(f"unsupported key type: {type_name(key)}", span)
    return OpaqueKey(key)
