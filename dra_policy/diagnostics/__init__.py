"""Coded messages about what a person wrote, with position, cause and help.

`Diagnostic` is the value, `CODES` the table of all codes, `as_text`, `as_json` and `as_sarif` the renderings,
`InvalidInput` the one exception that carries diagnostics through the public interface.
"""

from dra_policy.diagnostics.codes import CODES, Code
from dra_policy.diagnostics.invalid import InvalidInput
from dra_policy.diagnostics.machine import as_json, as_sarif
from dra_policy.diagnostics.model import Diagnostic, Related, Severity, has_errors, in_order
from dra_policy.diagnostics.nearest import did_you_mean, nearest
from dra_policy.diagnostics.text import as_text

__all__ = [
    "CODES",
    "Code",
    "Diagnostic",
    "InvalidInput",
    "Related",
    "Severity",
    "as_json",
    "as_sarif",
    "as_text",
    "did_you_mean",
    "has_errors",
    "in_order",
    "nearest",
]
