"""Every function and macro that a Kubernetes 1.37 cluster declares for devices is known, by signature and by use."""

from __future__ import annotations

from pathlib import Path

import pytest

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression.environment import Environment
from dra_policy.expression.library import IMPLEMENTATIONS
from dra_policy.expression.parser import parse
from dra_policy.expression.signatures import NAMES, Overload, overloads
from dra_policy.expression.tree import Call, walk
from dra_policy.source import Source

LINES = (Path(__file__).parent.parent / "data" / "conformance" / "cel-environment.txt").read_text().splitlines()
DECLARED = [line.split("\t") for line in LINES if not line.startswith("MACRO")]
MACROS = [line.split()[1] for line in LINES if line.startswith("MACRO")]


def test_the_list_is_whole() -> None:
    assert (len(DECLARED), len(set(MACROS))) == (345, 21)


@pytest.mark.parametrize(("name", "form", "signature", "identity"), DECLARED, ids=lambda value: None)
def test_overload(name: str, form: str, signature: str, identity: str) -> None:
    found = [o for o in overloads(name) if o.id == identity and o.method is (form == "member")]
    assert [written(o) for o in found] == [signature]


def test_nothing_else_is_declared() -> None:
    ours = {(name, o.id) for name in NAMES for o in overloads(name)}
    assert ours == {(name, identity) for name, _, _, identity in DECLARED}


def written(overload: Overload) -> str:
    return f"({', '.join(map(str, overload.parameters))}) -> {overload.result}"


# Operators, and what only macros or operators call, have no implementation in the table of functions.
ELSEWHERE = (
    {o.id for name in NAMES if name.startswith(("_", "!", "-", "@", "cel.@")) for o in overloads(name)}
    | {"string_format", "in_list", "in_map"}
)  # fmt: skip


def test_every_function_but_those_of_authorization_is_evaluated() -> None:
    missing = {identity for _, _, _, identity in DECLARED} - set(IMPLEMENTATIONS) - ELSEWHERE
    authorization = {identity for _, _, signature, identity in DECLARED if "kubernetes.authorization." in signature}
    assert missing == authorization


@pytest.mark.parametrize("macro", MACROS)
def test_macro(macro: str) -> None:
    name, count = macro.split("/")
    arguments = {"has": "a.b", "bind": "x, 1, x", "optMap": "x, x", "optFlatMap": "x, x"}.get(
        name, ", ".join(["x", "y", "true", "true"][: int(count)])
    )
    target = {"has": "", "bind": "cel."}.get(name, "[1].")
    tree = parse(Source("macro", f"{target}{name}({arguments})"))
    assert not isinstance(tree, Diagnostic), tree
    assert not any(isinstance(node, Call) for node in walk(tree))


def test_includes_comes_with_lists_for_new_expressions() -> None:
    assert not Environment(False, True, new=True).overloads("includes")
    assert Environment(True, True, new=True).overloads("includes")
    assert Environment(False, True).overloads("includes")
