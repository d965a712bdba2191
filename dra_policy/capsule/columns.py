"""Objects of one form stored once: a first one, and of the others only the values in which they differ.

Slices of one kind of node differ in names and serial numbers. A table has their form, each field that is everywhere the
same with its value, and a column for each other field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dra_policy.capsule.content import JsonObject

LEAVES_LIMIT = 8_000_000
"""Fields of all objects of one capsule, at most."""
DEPTH_LIMIT = 64
"""Objects and lists within each other, at most."""

_LEAF = 0  # where a form has a value that stands in a column or among the common ones


def tables(objects: Sequence[JsonObject]) -> list[JsonObject]:
    """Objects as tables: `form`, `common` values by the number of the field, `columns` by it, `rows` and their `places`.

    `places` are the positions of the rows among all objects; together the tables have each position once.

    >>> made = tables([{"name": "a", "size": 1}, {"name": "b", "size": 1}])
    >>> made[0]["form"], made[0]["common"], made[0]["columns"]
    (['object', ['name', 0], ['size', 0]], {'1': 1}, {'0': ['a', 'b']})
    >>> rows(made, lambda why: None)
    [{'name': 'a', 'size': 1}, {'name': 'b', 'size': 1}]
    """
    groups: dict[str, tuple[Any, list[int], list[list[Any]]]] = {}
    for position, value in enumerate(objects):
        leaves: list[Any] = []
        form = _form(value, leaves)
        _, places, found = groups.setdefault(repr(form), (form, [], []))
        places.append(position)
        found.append(leaves)
    return [_table(form, places, found) for form, places, found in groups.values()]


def _table(form: Any, places: list[int], found: list[list[Any]]) -> JsonObject:
    common: dict[str, Any] = {}
    columns: dict[str, list[Any]] = {}
    for number, column in enumerate(zip(*found, strict=True)):
        first = column[0]
        if all(type(value) is type(first) and value == first for value in column):
            common[str(number)] = first
        else:
            columns[str(number)] = list(column)
    return {"form": form, "common": common, "columns": columns, "rows": len(places), "places": _runs(places)}


def _form(value: Any, leaves: list[Any]) -> Any:
    """The shape of a value; its leaves in order go to `leaves`.

    The fields of an object keep their order, which is the order in which answers name them.
    """
    if isinstance(value, Mapping) and value:
        return ["object", *([key, _form(item, leaves)] for key, item in value.items())]
    if isinstance(value, list | tuple) and value:
        return ["list", *(_form(item, leaves) for item in value)]
    leaves.append({} if isinstance(value, Mapping) else [] if isinstance(value, list | tuple) else value)
    return _LEAF


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Positions as runs of first and number."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][0] + runs[-1][1] == place:
            runs[-1][1] += 1
        else:
            runs.append([place, 1])
    return runs


Refuse = Callable[[str], None]
"""Is told what is wrong with a table; it raises."""


def rows(given: Any, refuse: Refuse) -> list[JsonObject]:
    """The objects of tables, in order. `refuse` is called for what `tables` cannot have made."""
    if not isinstance(given, list):
        refuse("the tables of objects are no list")
    budget = LEAVES_LIMIT
    found: dict[int, JsonObject] = {}
    for table in given:
        budget = _rows(table, found, budget, refuse)
    if set(found) != set(range(len(found))):
        refuse("the positions of its objects have gaps")
    return [found[position] for position in range(len(found))]


def _rows(table: Any, found: dict[int, JsonObject], budget: int, refuse: Refuse) -> int:
    if not isinstance(table, dict) or set(table) != {"form", "common", "columns", "rows", "places"}:
        refuse("a table of objects has other parts than it should")
    number, common, columns = table["rows"], table["common"], table["columns"]
    if type(number) is not int or number < 1 or not isinstance(common, dict) or not isinstance(columns, dict):
        refuse("a table of objects has no rows")
    leaves = _leaves(table["form"], refuse)
    budget -= (leaves + 1) * number
    if budget < 0:
        refuse(f"its objects have more than {LEAVES_LIMIT} fields")
    if {*common, *columns} != {str(n) for n in range(leaves)} or len(common) + len(columns) != leaves:
        refuse("a table of objects lacks values")
    if any(not isinstance(column, list) or len(column) != number for column in columns.values()):
        refuse("a column of objects has another length than its table")
    if any(
        isinstance(value, dict | list) and value
        for part in (list(common.values()), *columns.values())
        for value in part
    ):
        refuse("a table has values that are parts of a form")
    by_leaf = [common[str(n)] if str(n) in common else columns[str(n)] for n in range(leaves)]
    varying = [str(n) in columns for n in range(leaves)]
    for row, position in enumerate(_positions(table["places"], number, refuse)):
        if position in found:
            refuse("two of its objects have one position")
        values = iter([value[row] if varies else value for value, varies in zip(by_leaf, varying, strict=True)])
        made = _filled(table["form"], values)
        if not isinstance(made, dict):
            refuse("an object is none")
        found[position] = made
    return budget


def _positions(runs: Any, number: int, refuse: Refuse) -> Iterator[int]:
    if not isinstance(runs, list) or not all(
        isinstance(run, list) and len(run) == 2 and all(type(n) is int and n >= 0 for n in run) for run in runs
    ):
        refuse("the positions of a table are no runs")
    if sum(run[1] for run in runs) != number:
        refuse("a table has more or fewer positions than rows")
    return (first + step for first, length in runs for step in range(length))


def _leaves(form: Any, refuse: Refuse) -> int:
    """How many leaves a form has; without recursion, as the form comes from anywhere."""
    count, waiting = 0, [(form, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEPTH_LIMIT:
            refuse(f"an object is more than {DEPTH_LIMIT} levels deep")
        if part == _LEAF and type(part) is int:
            count += 1
            continue
        if not isinstance(part, list) or len(part) < 2 or part[0] not in ("object", "list"):
            refuse("the form of a table is none")
        inner = part[1:]
        if part[0] == "object":
            if not all(isinstance(field, list) and len(field) == 2 and isinstance(field[0], str) for field in inner):
                refuse("the form of an object has something else than fields")
            if len({field[0] for field in inner}) < len(inner):
                refuse("the form of an object has a field twice")
            inner = [field[1] for field in inner]
        waiting += [(item, depth + 1) for item in inner]
    return count


def _filled(form: Any, values: Iterator[Any]) -> Any:
    if form == _LEAF:
        value = next(values)
        # An empty list or object of a common value must not be one and the same in all rows.
        return value.copy() if isinstance(value, dict | list) else value
    if form[0] == "object":
        return {key: _filled(inner, values) for key, inner in form[1:]}
    return [_filled(inner, values) for inner in form[1:]]


__all__ = ["DEPTH_LIMIT", "LEAVES_LIMIT", "rows", "tables"]
