"""Hostile sizes meet a stated limit, soon."""

from __future__ import annotations

import pytest

from dra_policy.diagnostics import Diagnostic, as_text
from dra_policy.language import load
from dra_policy.language.lowering import class_conditions
from dra_policy.language.objects import SELECTORS_LIMIT, selectors
from dra_policy.source import Source

HEAD = """policy a.example.org version 1.0.0 language 1
device Gpu { driver gpu.example.org flag ecc attribute numa int optional attribute fw version capacity memory bytes }
"""


def found(text: str) -> list[Diagnostic]:
    return load(Source("a.dra", HEAD + text))[1]


@pytest.mark.parametrize(
    "rules",
    [
        "require " + " and ".join(["ecc"] * 5_000),
        "require has numa and " + " and ".join(["numa == 0"] * 5_000),
        "require ecc\n" * 3_000,
    ],
    ids=["one require", "one require with proofs", "many requires"],
)
@pytest.mark.parametrize("where", ["class", "request"])
def test_too_many_conditions(rules: str, where: str) -> None:
    text = f"class a of Gpu {{ {rules} }}"
    if where == "request":
        text = f"class a of Gpu\nclaim x {{ request r = 1 of a {{ {rules} }} }}"
    assert [d.code for d in found(text)] == ["RUL010"]


def test_neighbours_are_joined_shortest_first_and_in_order() -> None:
    words = [f"memory >= {i}Gi" if i % 7 else "ecc" for i in range(1, 200)]
    policies, problems = load(Source("a.dra", f"{HEAD}class a of Gpu {{ require {' and '.join(words)} }}"))
    assert policies is not None, problems
    conditions = class_conditions(policies.classes["a"], lists=False)
    joined = selectors(conditions)
    assert len(joined) == SELECTORS_LIMIT
    texts = [s.cel.expression for s in joined if s.cel is not None]
    amounts = [int(part.split("Gi")[0]) for text in texts for part in text.split('quantity("')[1:]]
    assert amounts == [i for i in range(1, 200) if i % 7]
    assert max(map(len, texts)) < 2 * sum(map(len, texts)) / len(texts) + 200


@pytest.mark.parametrize("kind", ["define", "like"])
def test_a_circle_of_a_thousand_names_is_told_in_short(kind: str) -> None:
    if kind == "define":
        text = "".join(f"define d{i} of Gpu = d{(i + 1) % 1000}\n" for i in range(1000))
    else:
        text = "".join(f"model d{i} like d{(i + 1) % 1000}\n" for i in range(1000))
    [circle] = found(text)
    assert circle.code == "NAM006"
    assert "`d0` -> `d1` -> " in circle.message
    assert circle.message.endswith("-> ... -> `d999` -> `d0`")
    assert len(as_text([circle])) < 2_000


@pytest.mark.parametrize("digits", [30, 10_000])
def test_a_version_of_many_digits(digits: int) -> None:
    nines = "9" * digits
    text = f"policy b.example.org version {nines}.0.0 language 1"
    assert [d.code for d in load(Source("b.dra", text))[1]] == ["TYP004"]
    assert [d.code for d in found(f'class a of Gpu {{ require fw >= "{nines}" }}')] == ["TYP001"]


def test_a_language_of_many_digits_is_not_called_another_one() -> None:
    [problem] = load(Source("b.dra", f"policy b.example.org version 1.0.0 language {'9' * 10_000}"))[1]
    assert problem.code == "SYN009"
    assert "language 0" not in problem.message


def test_a_path_with_a_nul() -> None:
    assert [d.code for d in load("a\x00b.dra")[1]] == ["SRC001"]
    assert [d.code for d in load("a" * 300)[1]] == ["SRC004"]
