"""One typed expression core for CEL text and for the policy language.

Text (`compile_cel`) and trees that the policy language builds (`compile_tree`, `dra_policy.expression.tree`) become a
`Program`, which decides about `DeviceFacts`.
"""

from dra_policy.expression.compilation import compile_cel, compile_tree
from dra_policy.expression.differences import all_differences
from dra_policy.expression.environment import Environment
from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.facts import DeviceFacts, Read, ReadKind, projection
from dra_policy.expression.parser import parse
from dra_policy.expression.printer import to_cel
from dra_policy.expression.program import Program

__all__ = [
    "DeviceFacts",
    "Environment",
    "EvaluationError",
    "Program",
    "Read",
    "ReadKind",
    "all_differences",
    "compile_cel",
    "compile_tree",
    "parse",
    "projection",
    "to_cel",
]
