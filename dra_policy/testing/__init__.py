"""Tests of policies: the `test` blocks of policy files, and laws for property tests.

`dra_policy.testing.strategies` has Hypothesis strategies for clusters and claims; it needs the package `hypothesis`.
"""

from dra_policy.testing.laws import broken_laws
from dra_policy.testing.policy_tests import TestResult, run_tests

__all__ = ["TestResult", "broken_laws", "run_tests"]
