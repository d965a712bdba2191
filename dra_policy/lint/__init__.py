"""The linter: rules that are right as text and cannot be meant.

`lint` gives all findings, with the edits that mend them where that is safe; `lint_errors` those that refuse a policy.
"""

from __future__ import annotations

from dra_policy.language.checked import CheckedPolicies
from dra_policy.lint.classes import errors_of, of_classes
from dra_policy.lint.finding import Change, Finding, fixed
from dra_policy.lint.hardware import of_hardware, of_machines
from dra_policy.lint.kinds import kinds_of
from dra_policy.lint.places import forget
from dra_policy.lint.sharing import of_sharing
from dra_policy.lint.sites import of_sites
from dra_policy.lint.trials import of_trials


def lint(policies: CheckedPolicies) -> list[Finding]:
    """Everything found in the policies that were given, sorted by position, each once.

    >>> from dra_policy.language import load
    >>> from dra_policy.source import Source
    >>> policies, _ = load(Source("a.dra", '''policy a.example version 1.0 language 1
    ... device Gpu { driver gpu.example.org  capacity memory bytes }
    ... class gpu of Gpu { require memory >= 40Gi and memory >= 80Gi }'''))
    >>> [finding.diagnostic.message for finding in lint(policies)]
    ['`memory >= 40Gi` follows from `memory >= 80Gi`']
    """
    kinds = kinds_of(policies)
    found = [
        *errors_of(policies),
        *of_hardware(policies),
        *of_machines(policies),
        *of_classes(policies, kinds),
        *of_sharing(policies, kinds),
        *of_sites(policies, kinds),
        *of_trials(policies),
    ]
    forget()
    unique = {finding.diagnostic: finding for finding in reversed(found)}
    return sorted(unique.values(), key=lambda finding: finding.diagnostic.sort_key())


def lint_errors(policies: CheckedPolicies) -> list[Finding]:
    """Those findings alone with which a policy is refused."""
    unique = {finding.diagnostic: finding for finding in (*errors_of(policies), *of_hardware(policies))}
    return sorted(unique.values(), key=lambda finding: finding.diagnostic.sort_key())


__all__ = ["Change", "Finding", "fixed", "lint", "lint_errors"]
