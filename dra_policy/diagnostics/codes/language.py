"""Codes of this stage."""

from dra_policy.diagnostics.codes.entry import Code
from dra_policy.diagnostics.codes.syntax import SYNTAX_CODES

LANGUAGE_CODES: tuple[Code, ...] = SYNTAX_CODES
