"""Codes of this stage."""

from dra_policy.diagnostics.codes.entry import Code

LANGUAGE_CODES: tuple[Code, ...] = ()
