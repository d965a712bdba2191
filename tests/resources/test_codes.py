"""The code tables of this stage and the codes in use are the same."""

from __future__ import annotations

import re
from pathlib import Path

import dra_policy.resources
from dra_policy.diagnostics.codes.reading import READING_CODES
from dra_policy.diagnostics.codes.resources import RESOURCE_CODES
from dra_policy.resources import decode
from dra_policy.resources.quoting import shortened


def test_every_code_is_used_and_every_used_code_is_explained() -> None:
    folder = Path(dra_policy.resources.__file__).parent
    texts = [p.read_text() for p in folder.rglob("*.py")]
    # Only codes that stand as values count, not those that a docstring mentions.
    used = set(re.findall(r'"((?:SRC|YML|RES)\d{3})"', "\n".join(texts)))
    table = {c.code for c in (*READING_CODES, *RESOURCE_CODES)}
    assert used == table
    for code in (*READING_CODES, *RESOURCE_CODES):
        assert code.title
        assert code.avoid
        assert code.prefer
        assert code.rationale.endswith(".")


def test_other_peoples_text_cannot_break_a_message() -> None:
    data = {"apiVersion": "v1", "kind": "Node", "metadata": {"a\nb\x1b[31m" + "x" * 300: 1}}
    (problem,) = decode(data)[1]
    assert "\n" not in problem.message + problem.path + problem.help
    assert "\x1b" not in problem.message + problem.path + problem.help
    assert shortened("a\nb\x1b") == "a b\N{REPLACEMENT CHARACTER}"


def test_public_names_exist() -> None:
    for name in dra_policy.resources.__all__:
        assert getattr(dra_policy.resources, name) is not None
