"""The policy language: text to syntax tree and back, checking, and lowering to rules."""

from dra_policy.language.parser import parse

__all__ = ["parse"]
