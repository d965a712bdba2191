"""Slices as a bare list, the way upstream's allocator takes them, where names need not be unique."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dra_policy.resources import ResourceSlice

_SUFFIX = "\0"  # sorts before every character of a name, so a longer name does not come between


def told_apart(slices: Iterable[ResourceSlice]) -> Iterator[ResourceSlice]:
    """The slices of one list, each with a name of its own: a snapshot knows a slice by its name.

    In a cluster names are unique and nothing changes. In a list of questions and answers they may not be; there two
    slices with one name are two slices, those with a node name first (B2), else in the order of the list. A name that
    came before gets a suffix that keeps the slice behind it and before all other names (B11).

    >>> def named(name: str) -> ResourceSlice:
    ...     return ResourceSlice.model_validate({"metadata": {"name": name}})
    >>> sorted(one.metadata.name for one in told_apart(map(named, ["a", "a", "a-b", "a"])))
    ['a', 'a\\x00000001', 'a\\x00000002', 'a-b']
    """
    seen: dict[str, int] = {}
    for published in sorted(slices, key=lambda one: not one.spec.node_name):
        name = published.metadata.name
        times = seen.get(name, 0)
        seen[name] = times + 1
        if times:
            metadata = published.metadata.model_copy(update={"name": f"{name}{_SUFFIX}{times:06}"})
            published = published.model_copy(update={"metadata": metadata})  # noqa: PLW2901 - the same one under another name
        yield published


__all__ = ["told_apart"]
