"""Decisions verified independently of the search that made them.

Three questions, each with its module:

- `check_placement`: does every rule hold for a placement, device by device (`placement`)?
- `check_refutation`: is there no placement at all, as a refutation says step by step (`refutation`)?
- `check_first`: does no other placement come first in Kubernetes' order (`first`)?

What a node sees and what each request may have is worked out from slices, classes, claims and what is in use (`pools`,
`affinity`, `amounts`, `values`, `case`), and the rules of a choice are written once more (`rules`). A refutation is a value in
the names of the question (`certificate`); its steps are taken in situations (`situation`). Nothing is searched for here:
whoever wants to be believed says it all (`dra_policy.evidence` does).

No code is shared with `dra_policy.allocation` but the values of its results, nor with the pools and node choices of
`dra_policy.inventory`: where the two disagree, one of them is wrong.
"""

from __future__ import annotations

from dra_policy.proof.case import Case
from dra_policy.proof.first import check_first
from dra_policy.proof.objection import Violation
from dra_policy.proof.placement import check_placement
from dra_policy.proof.refutation import check_refutation

__all__ = ["Case", "Violation", "check_first", "check_placement", "check_refutation"]
