"""The pass over requests: their alternatives, what each asks of every device, and how many of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute
from dra_policy.language.checked import CheckedAsk, CheckedClass, CheckedRequest, CheckedTakes, Clause
from dra_policy.language.checking import Checking
from dra_policy.language.classes import DEVICES_LIMIT, check_require, together_within_limits
from dra_policy.language.constants import constant
from dra_policy.language.identities import presence_of
from dra_policy.language.kinds import check_kind
from dra_policy.language.parts import class_of_target
from dra_policy.language.schema import DeviceSchema
from dra_policy.language.scope import Problems, Scope
from dra_policy.language.tolerations import toleration
from dra_policy.language.types import AmountType
from dra_policy.resources import DeviceToleration

# A7: tolerations of a request, alternatives of one.
TOLERATIONS_LIMIT = 16
ALTERNATIVES_LIMIT = 8


def check_request(checking: Checking, scope: Scope, request: tree.Request) -> CheckedRequest | None:
    """One request, or None if a class or count of it is wrong."""
    asks: list[CheckedAsk] = []
    good = True
    for asked in request.alternatives:
        found = _asks(checking, scope, request, asked)
        good = good and found is not None
        asks += found or ()
    if not good:
        return None
    prioritized = request.first or len(asks) > 1
    if prioritized and len(asks) > ALTERNATIVES_LIMIT:
        message = (
            f"request `{request.name.text}` has {len(asks)} alternatives; a request has {ALTERNATIVES_LIMIT} at most"
        )
        help_ = "leave some out; each count of a range is one alternative"
        scope.problems.add("RUL002", message, request.alternatives[-1].span, help_)
        return None
    if prioritized:
        asks = _named(asks)
    return CheckedRequest(request.name.text, tuple(asks), prioritized, request.span)


def _named(asks: Sequence[CheckedAsk]) -> list[CheckedAsk]:
    """Alternatives need names of their own (A12): what they are of, with the count where that tells them apart."""
    names: dict[str, int] = {}
    named: list[CheckedAsk] = []
    for ask in asks:
        base = re.sub(r"[^a-z0-9]+", "-", ask.of.name).strip("-")[:50]
        if sum(1 for other in asks if other.of is ask.of) > 1:
            base = f"{base}-{'all' if ask.count is None else ask.count}"
        number = names[base] = names.get(base, 0) + 1
        name = base if number == 1 else f"{base}-{number}"
        named.append(CheckedAsk(name, ask.count, ask.of, ask.admin, ask.clauses, ask.takes, ask.tolerations, ask.span))
    return named


def _asks(checking: Checking, scope: Scope, request: tree.Request, asked: tree.Asked) -> tuple[CheckedAsk, ...] | None:
    """One alternative as written: one ask, or one for each count of a range."""
    problems = scope.problems
    counts = _counts(request, asked, problems)
    class_ = class_of_target(checking, scope, asked.of)
    if class_ is None:
        return None
    if counts is not None:
        counts = _allowed(request, asked, class_, counts, problems)
    clauses: list[Clause] = []
    takes: list[CheckedTakes] = []
    tolerations: list[DeviceToleration] = []
    for member in asked.members:
        match member:
            case tree.Require():
                clauses += check_require(checking, scope, class_.device, member, presence_of(checking, class_))
            case tree.Takes():
                taken = _takes(scope, class_.device, member, takes)
                if taken is not None:
                    takes.append(taken)
            case tree.Tolerate():
                tolerations.append(toleration(member.taint, problems))
                if len(tolerations) == TOLERATIONS_LIMIT + 1:
                    message = f"request `{request.name.text}` has more than {TOLERATIONS_LIMIT} tolerations"
                    problems.add("RUL002", message, member.span, "leave some out, or write `tolerate any`")
            case tree.Linked() | tree.Constraint() | tree.Prefer():
                pass  # what is asked of the devices together is a matter of the claim
    if not together_within_limits(clauses, f"request `{request.name.text}`", request.name.span, problems):
        return None
    if class_.implied:
        check_kind(checking, class_, clauses, asked.of.span, problems)
    if counts is None:
        return None
    made = tuple(clauses), tuple(takes), tuple(tolerations)
    return tuple(CheckedAsk("", count, class_, asked.admin, *made, asked.span) for count in counts)


def _counts(request: tree.Request, asked: tree.Asked, problems: Problems) -> list[int | None] | None:
    """How many devices, largest first; None if that is wrong."""
    name = request.name.text
    if asked.count is None:
        return [None]
    low = asked.count.value
    if low < 1:
        message = f"request `{name}` asks for {low} devices"
        problems.add("RUL001", message, asked.count.span, "ask for 1 or more, or write `all of`")
        # The rest of the request is checked; the claim is refused all the same.
        return [low]
    if asked.others:
        return _listed_counts(name, asked.count, asked.others, problems)
    if asked.most is None:
        return [low]
    high = asked.most.value
    if high <= low:
        message = f"request `{name}` asks for {low} to {high} devices"
        problems.add("RUL001", message, asked.most.span, f"write a count above {low}, or one count alone")
        return None
    if high - low >= DEVICES_LIMIT:
        message = f"request `{name}` asks for {low} to {high} devices; a claim gets {DEVICES_LIMIT} at most"
        problems.add("RUL002", message, asked.most.span, "write a smaller range")
        return None
    return list(range(high, low - 1, -1))


def _allowed(
    request: tree.Request, asked: tree.Asked, class_: CheckedClass, counts: list[int | None], problems: Problems
) -> list[int | None] | None:
    """The counts that the class allows; of a range those among them. None if it allows none, which is reported."""
    said = class_.counts
    if said is None or said.said.strength != "must" or asked.admin:
        return counts
    kept: list[int | None] = [count for count in counts if count in said.numbers]
    if kept:
        return kept
    span = asked.of.span if asked.count is None else asked.count.span
    wanted = "all devices" if asked.count is None else f"{asked.count.value} devices"
    message = f"request `{request.name.text}` asks for {wanted} of `{class_.name}`, which gives {said.words[7:]}"
    help_ = f"ask for one of {said.words[7:]}"
    problems.add("RUL018", message, span, help_, Related(said.span, "said here"))
    return None


def _listed_counts(
    name: str, first: tree.Integer, others: Sequence[tree.Integer], problems: Problems
) -> list[int | None] | None:
    """`one of 1, 2, 4`, largest first."""
    seen = {first.value}
    for other in others:
        if other.value < 1:
            message = f"request `{name}` asks for {other.value} devices"
            problems.add("RUL001", message, other.span, "ask for 1 or more")
            return None
        if other.value in seen:
            message = f"{other.value} devices are asked for already"
            problems.add("NAM003", message, other.span, "write each number once", Related(first.span, "in this list"))
            return None
        seen.add(other.value)
    return [*sorted(seen, reverse=True)]


def _takes(
    scope: Scope, device: DeviceSchema, takes: tree.Takes, before: Sequence[CheckedTakes]
) -> CheckedTakes | None:
    problems = scope.problems
    attribute = find_attribute(device, takes.capacity, scope)
    if attribute is None:
        return None
    note = Related(attribute.span, "declared here")
    if not isinstance(attribute.type, AmountType):
        message = f"`{attribute.name}` is {attribute.type}; only of a capacity can some be taken"
        problems.add("RUL011", message, takes.capacity.span, "name a capacity", note)
        return None
    earlier = next((t for t in before if t.capacity is attribute), None)
    if earlier is not None:
        note = Related(earlier.span, "first taken here")
        problems.add(
            "NAM003", f"`{attribute.name}` is taken already", takes.capacity.span, "remove one of the two", note
        )
        return None
    amount = constant(takes.amount, attribute.type, f"`{attribute.name}`", problems, attribute.span)
    if amount is not None and not isinstance(amount.value, str) and amount.value < 0:
        problems.add("RUL011", "less than nothing cannot be taken", takes.amount.span, "write 0 or more")
        return None
    return None if amount is None else CheckedTakes(attribute, amount, takes.said.negotiable, takes.span)


def devices_asked(asked: tree.Request) -> int:
    """The fewest devices that a request is content with; `all` is judged when the devices are known."""
    least = [
        max(0, min(count.value for count in (one.count, *one.others)))
        for one in asked.alternatives
        if one.count is not None
    ]
    return min(least) if len(least) == len(asked.alternatives) and least else 0


def members_of(request: tree.Request) -> Iterator[tuple[tree.Asked, tree.Linked | tree.Constraint | tree.Prefer]]:
    """What a request asks of its devices together, alternative by alternative."""
    for asked in request.alternatives:
        for member in asked.members:
            if isinstance(member, tree.Linked | tree.Constraint | tree.Prefer):
                yield asked, member


__all__ = [
    "ALTERNATIVES_LIMIT",
    "DEVICES_LIMIT",
    "check_request",
    "devices_asked",
    "members_of",
]
