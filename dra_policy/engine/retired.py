"""Former names of attributes: what the policies in force say of them, and what the shipped ones do.

The shipped policies describe drivers that are in use, so they are asked also about a cluster that runs no policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

from dra_policy.explanation import Retired, RetiredName
from dra_policy.language import PolicyRules, load, lower
from dra_policy.shipped import policies_folder

_Names = Mapping[tuple[str, str], tuple[str, str]]


def retired_by(policies: PolicyRules | None) -> Retired:
    """What is known of former names under these policies; the shipped ones are read when somebody asks first."""
    return partial(_known, {} if policies is None else policies.retired)


def _known(names: _Names, driver: str, name: str) -> RetiredName | None:
    found = names.get((driver, name)) or _shipped().get((driver, name))
    return None if found is None else RetiredName(driver, name, *found)


@lru_cache(maxsize=1)
def _shipped() -> _Names:
    # One by one: policies of several vendors may declare the same name, and each speaks of its own drivers.
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for path in sorted(policies_folder().glob("*/policy.dra")):
        checked, _ = load(path)
        if checked is not None:
            found.update(lower(checked).retired)
    return found


__all__ = ["retired_by"]
