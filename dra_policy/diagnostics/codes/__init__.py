"""The table of all codes. One file a stage; a code is never used for anything else again."""

from dra_policy.diagnostics.codes.capsule import CAPSULE_CODES
from dra_policy.diagnostics.codes.cluster import CLUSTER_CODES
from dra_policy.diagnostics.codes.engine import ENGINE_CODES
from dra_policy.diagnostics.codes.entry import Code
from dra_policy.diagnostics.codes.expression import EXPRESSION_CODES
from dra_policy.diagnostics.codes.hardware import HARDWARE_CODES
from dra_policy.diagnostics.codes.language import LANGUAGE_CODES
from dra_policy.diagnostics.codes.lint import LINT_CODES
from dra_policy.diagnostics.codes.reading import READING_CODES
from dra_policy.diagnostics.codes.render import RENDER_CODES
from dra_policy.diagnostics.codes.resources import RESOURCE_CODES
from dra_policy.diagnostics.codes.site import SITE_CODES

CODES: dict[str, Code] = {
    code.code: code
    for table in (
        READING_CODES,
        LANGUAGE_CODES,
        HARDWARE_CODES,
        SITE_CODES,
        LINT_CODES,
        EXPRESSION_CODES,
        RESOURCE_CODES,
        ENGINE_CODES,
        CLUSTER_CODES,
        CAPSULE_CODES,
        RENDER_CODES,
    )
    for code in table
}

__all__ = ["CODES", "Code"]
