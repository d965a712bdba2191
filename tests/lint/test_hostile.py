"""The linter survives policies that were changed at random: no traceback, a place for every finding."""

import random
import re
from pathlib import Path

from dra_policy.language import load
from dra_policy.lint import fixed, lint
from dra_policy.source import Source

CASES = sorted(Path(__file__).parent.parent.glob("language/cases/[567]*/policy.dra"))
TOKENS = re.compile(r'"[^"\n]*"|[\w./%-]+|[^\w\s]')
KINDS = (re.compile(r"[0-9]+"), re.compile(r"[0-9]+[GMT]i"), re.compile(r"[<>]"), re.compile(r"true|false|not|ecc"))
ROUNDS = 8


def test_changed_policies() -> None:
    linted = 0
    for path in CASES:
        chance = random.Random(path.parent.name)
        text = path.read_text(encoding="utf-8")
        tokens = list(TOKENS.finditer(text))
        for number in range(ROUNDS):
            one = chance.choice(tokens)
            others = [other.group() for other in tokens]
            if number % 2:
                # One of the same kind is more often accepted, and then there is something to lint.
                kind = chance.choice(KINDS)
                alike = [other for other in tokens if kind.fullmatch(other.group())]
                one = chance.choice(alike or tokens)
                others = [other.group() for other in alike] + ["0", "9999Gi", "<", "not ecc"]
            changed = text[: one.start()] + chance.choice(others) + text[one.end() :]
            policies, problems = load(Source("policy.dra", changed))
            assert all(problem.span is not None for problem in problems)
            if policies is None:
                continue
            linted += 1
            findings = lint(policies)
            assert all(finding.diagnostic.span is not None for finding in findings)
            source = next(policy.span.source for policy in policies if policy.given)
            again, left = load(Source("policy.dra", fixed(source, findings)))
            assert again is not None, left
    assert linted >= 20
