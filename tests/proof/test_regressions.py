"""Questions whose certificates once did not hold; each file's name says what is special about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

QUESTIONS = sorted((Path(__file__).parent / "questions").glob("*.json"))


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_a_question_of_before(path: Path, read: Any) -> None:
    asked = read(json.loads(path.read_text()))
    assert asked.objections(asked.outcome()) == ()
