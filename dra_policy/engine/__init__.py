"""The engine: policies and objects in, answers with reasons out."""

from dra_policy.engine.engine import STEP_LIMIT, ClaimLike, Engine, ObjectLike

__all__ = ["STEP_LIMIT", "ClaimLike", "Engine", "ObjectLike"]
