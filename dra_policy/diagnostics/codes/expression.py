"""Codes of this stage."""

from dra_policy.diagnostics.codes.entry import Code

EXPRESSION_CODES: tuple[Code, ...] = ()
