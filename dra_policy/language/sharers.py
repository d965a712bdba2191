"""Who may hold some of a device or of a board together: so many, or only those of one namespace."""

from __future__ import annotations

from dra_policy.language import tree
from dra_policy.language.boards import Sharer
from dra_policy.language.checking import words
from dra_policy.language.finding import said_of
from dra_policy.language.scope import Scope

SHARERS = ("claims", "pods", "namespaces")


def read_sharer(scope: Scope, member: tree.AtMost | tree.OnlySame) -> Sharer | None:
    """One rule; None if it is wrong, which is reported."""
    problems = scope.problems
    said = said_of(member.said)
    if isinstance(member, tree.OnlySame):
        if said.strength == "should":
            message = "a rule that keeps askers apart cannot be a wish"
            span = member.span if member.said.strength is None else member.said.strength.span
            problems.add("HWR011", message, span, "leave `should` out: isolation holds or it does not")
        return Sharer(None, "", member.agree.text, said, words(member.span), member.span)
    if member.what.text not in SHARERS:
        help_ = problems.hint(member.what.text, SHARERS, "write `claims`, `pods` or `namespaces`")
        problems.add("HWR010", f"nobody counts `{member.what.text}`", member.what.span, help_)
        return None
    if member.count.value < 1:
        message = f"a share for at most {member.count.value} {member.what.text} is for nobody"
        problems.add("HWR010", message, member.count.span, "write 1 or more")
        return None
    return Sharer(member.count.value, member.what.text, "", said, words(member.span), member.span)


__all__ = ["SHARERS", "read_sharer"]
