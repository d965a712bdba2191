"""The cluster index: nodes that cannot be told apart by an answer are one class, so finding a node is a look-up."""

from __future__ import annotations

from dra_policy.cluster.classes import Members, NodeClass
from dra_policy.cluster.columns import Columns
from dra_policy.cluster.finding import Finder
from dra_policy.cluster.index import ClusterIndex, Standing, Touched
from dra_policy.cluster.judging import Finding, Judge, Judgement, Scene
from dra_policy.cluster.layout import Place
from dra_policy.cluster.placing import Found, Placing, among
from dra_policy.cluster.questions import PodQuestion, PodQuestions
from dra_policy.cluster.suitable import SuitableNodes

__all__ = [
    "ClusterIndex",
    "Columns",
    "Finder",
    "Finding",
    "Found",
    "Judge",
    "Judgement",
    "Members",
    "NodeClass",
    "Place",
    "Placing",
    "PodQuestion",
    "PodQuestions",
    "Scene",
    "Standing",
    "SuitableNodes",
    "Touched",
    "among",
]
