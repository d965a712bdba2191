"""The matcher graph: conditions as bit sets over devices, evaluated once per distinct device."""

from __future__ import annotations

from dra_policy.graph.matcher import MatcherGraph, Verdict, Vertices

__all__ = ["MatcherGraph", "Verdict", "Vertices"]
