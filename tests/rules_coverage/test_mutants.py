"""The tests of a rule notice when just this rule is inverted.

By default a few mutants are tried; `DRA_POLICY_MUTANTS=all` tries all, and another number other ones.
"""

from __future__ import annotations

import os
import random
from types import ModuleType

SAMPLE = 4
CHOICE = "DRA_POLICY_MUTANTS"


def test_mutants_can_be_made_and_name_tests_that_cite_their_rule(mutating: ModuleType, citing: ModuleType) -> None:
    cited = {str(test): numbers for test, numbers in citing.citations().items()}
    mutants = mutating.mutants()
    assert [problem for mutant in mutants if (problem := mutant.problem())] == []
    assert [m.rule for m in mutants if m.before == m.after or not m.tests] == []
    strangers = [(m.rule, test) for m in mutants for test in m.tests if m.rule not in cited.get(test, set())]
    assert strangers == []


def test_at_least_sixty_rules_have_a_mutant(mutating: ModuleType, citing: ModuleType) -> None:
    rules = {mutant.rule for mutant in mutating.mutants()}
    assert rules <= set(citing.rules().titles)
    assert len(rules) >= 60


def test_mutants_are_noticed(mutating: ModuleType) -> None:
    mutants = mutating.mutants()
    choice = os.environ.get(CHOICE, "0")
    chosen = mutants if choice == "all" else random.Random(int(choice)).sample(mutants, SAMPLE)
    assert not mutating.baseline(chosen)
    assert mutating.survivors(chosen, os.cpu_count() or 1) == []


def test_a_change_that_changes_nothing_survives(mutating: ModuleType) -> None:
    first = next(m for m in mutating.mutants() if m.rule == "E9")
    same = mutating.Mutant(first.rule, first.file, first.before, first.before, first.tests)
    assert mutating.judge(same).startswith("E9: survives tests/allocation/test_rules_e.py::test_e9_")
    gone = mutating.Mutant(first.rule, first.file, "text that stands nowhere", "", first.tests)
    assert mutating.judge(gone) == "E9: the text to change stands 0 times in dra_policy/allocation/assembly.py"
