"""What all rules of a site have in common beside being rules of the search."""

from __future__ import annotations

from abc import abstractmethod

from dra_policy.allocation.rule import Rule
from dra_policy.rules import Origin


class OfSite(Rule):
    """A rule of a site."""

    __slots__ = ()

    @property
    @abstractmethod
    def named(self) -> Origin:
        """The rule in its own words, whatever it refuses."""


__all__ = ["OfSite"]
