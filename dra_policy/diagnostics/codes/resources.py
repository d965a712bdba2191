"""Codes of this stage."""

from dra_policy.diagnostics.codes.entry import Code

RESOURCE_CODES: tuple[Code, ...] = ()
