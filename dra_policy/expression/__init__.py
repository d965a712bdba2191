"""One typed expression core for CEL text and for the policy language."""

from dra_policy.expression.errors import EvaluationError
