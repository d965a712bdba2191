"""The engine: policies and objects in, answers with reasons out."""

from dra_policy.cluster import Placing, SuitableNodes
from dra_policy.engine.claims import ClaimLike, ObjectLike
from dra_policy.engine.engine import STEP_LIMIT, Engine
from dra_policy.engine.moment import Moment

__all__ = ["STEP_LIMIT", "ClaimLike", "Engine", "Moment", "ObjectLike", "Placing", "SuitableNodes"]
