"""Taints as written, as what tolerates them."""

from __future__ import annotations

from dra_policy.language import tree
from dra_policy.language.scope import Problems
from dra_policy.resources import DeviceToleration, key_problem, value_problem


def toleration(tolerate: tree.TaintKey, problems: Problems) -> DeviceToleration:
    """What a request tolerates."""
    key = (
        tolerate.key.text
        if isinstance(tolerate.key, tree.Name)
        else None
        if tolerate.key is None
        else tolerate.key.value
    )
    if tolerate.key is not None and key is not None:
        problem = key_problem(key)
        if problem is not None:
            problems.add("NAM009", f"taint `{key}` {problem}", tolerate.key.span, "write it like `gpu.acme.com/xid`")
    if tolerate.value is not None:
        problem = value_problem(tolerate.value.value)
        if problem is not None:
            problems.add(
                "NAM009",
                f"value `{tolerate.value.value}` of a taint {problem}",
                tolerate.value.span,
                'write it like "79"',
            )
    return DeviceToleration(
        key=key,
        operator="Exists" if tolerate.value is None else "Equal",
        value=None if tolerate.value is None else tolerate.value.value,
        effect=tolerate.effect or None,
    )


__all__ = ["toleration"]
