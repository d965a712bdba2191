"""Decisions verified independently of the search that made them.

`check_placement` works out from slices, classes, claims and what is in use which devices a node sees and what each
request may have, and compares every rule with what a placement says. `check_refutation` does the same for a refusal
that comes with a refutation (`dra_policy.proof.certificate`), `check_first` for a placement that claims to be the first one
in Kubernetes' order. No code is shared with `dra_policy.allocation` but the values of its results, nor with the pools and
node choices of `dra_policy.inventory`: where the two disagree, one of them is wrong.
"""

from __future__ import annotations

from dra_policy.proof.case import Case
from dra_policy.proof.objection import Violation
from dra_policy.proof.placement import check_placement
from dra_policy.proof.refutation import check_first, check_refutation

__all__ = ["Case", "Violation", "check_first", "check_placement", "check_refutation"]
