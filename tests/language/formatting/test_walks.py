"""Random texts of every construct: what they are formatted to means the same, and no construct is left out."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from dra_policy.diagnostics import as_text
from dra_policy.language import format_policy, parse, tree
from dra_policy.language.builder import Builder
from dra_policy.language.parser import _grammar
from dra_policy.language.shapes import SHAPES
from dra_policy.source import Source

TEXTS = int(os.environ.get("DRA_POLICY_WALKS", "600"))


@pytest.fixture(scope="module")
def walker(load_module):
    return load_module(Path(__file__).parents[1] / "walks.py").Walker()


def parsed(text):
    file, problems = parse(Source("walk.dra", text))
    assert not problems, as_text(problems) + text
    return file


def test_a_statement_means_the_same_when_it_is_formatted(walker):
    keywords = walker.statement_keywords
    for seed in range(TEXTS):
        text = walker.statement(random.Random(seed), keywords[seed % len(keywords)])
        file = parsed(f"policy a.example version 1.0.0 language 1\n{text}")
        once = format_policy(file)
        again = parsed(once)
        assert again == file, text
        assert format_policy(again) == once, text


def test_the_walks_meet_every_construct(walker, monkeypatch):
    builder = _grammar()[1]
    called = set()

    def watched(name, function):
        def call(parts):
            called.add(name)
            return function(parts)

        return call

    rules = {name for name in dir(Builder) if not name.startswith("_")} - {"begin", "unknown_unit"}
    callbacks = _grammar()[0].parser.parser.parser.callbacks
    for rule, function in list(callbacks.items()):
        monkeypatch.setitem(callbacks, rule, watched(str(rule.alias or rule.origin.name), function))
    kinds = set()
    monkeypatch.setattr(walker, "used", Counter())
    keywords = walker.statement_keywords
    for seed in range(20_000):
        if rules <= called and set(SHAPES) <= kinds:
            break
        text = walker.statement(random.Random(seed), keywords[seed % len(keywords)])
        kinds |= {type(node) for node in _nodes(parsed(f"policy a.example version 1.0.0 language 1\n{text}"))}
    assert builder.problems == []
    assert rules - called == set()
    assert set(SHAPES) - kinds == set()


def _nodes(node):
    if isinstance(node, tuple):
        for part in node:
            yield from _nodes(part)
    elif type(node).__module__.startswith(tree.__name__):
        yield node
        for name in type(node).__dataclass_fields__:
            yield from _nodes(getattr(node, name))


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("prefer (most > 3)", "prefer (most > 3)"),
        ("prefer tier 2 (least) weight 3", "prefer tier 2 (least) weight 3"),
        ("prefer (linked) and x", "prefer (linked and x)"),
        ("prefer x and (most)", "prefer x and most"),
        ("prefer (mostly)", "prefer mostly"),
    ],
)
def test_names_that_are_keywords_behind_prefer_stay_in_parentheses(written, printed):
    text = format_policy(parsed(f"policy a version 1.0 language 1 class b of c {{ {written} }}"))
    assert text.splitlines()[3].strip() == printed
    assert format_policy(parsed(text)) == text
