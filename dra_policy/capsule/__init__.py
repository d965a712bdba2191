"""Decisions in one file: what was known, what was asked, what was answered; asked again at any time."""

from dra_policy.capsule.capturing import captured, policy_texts
from dra_policy.capsule.comparing import Change, Changed, compare
from dra_policy.capsule.content import FORMAT_VERSION, Asked, AskedClaim, Capsule, PolicyText, World
from dra_policy.capsule.deciding import Decision, Opened, decide, decided, of_moment, open_world
from dra_policy.capsule.differing import Differing, differing
from dra_policy.capsule.packing import pack, read_capsule, unpack, write_capsule
from dra_policy.capsule.shrinking import Shrunk, shrink
from dra_policy.capsule.varying import Alteration, altered

__all__ = [
    "FORMAT_VERSION",
    "Alteration",
    "Asked",
    "AskedClaim",
    "Capsule",
    "Change",
    "Changed",
    "Decision",
    "Differing",
    "Opened",
    "PolicyText",
    "Shrunk",
    "World",
    "altered",
    "captured",
    "compare",
    "decide",
    "decided",
    "differing",
    "of_moment",
    "open_world",
    "pack",
    "policy_texts",
    "read_capsule",
    "shrink",
    "unpack",
    "write_capsule",
]
