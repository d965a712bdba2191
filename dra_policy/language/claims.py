"""The pass over claims: requests, constraints, configuration, and the limits of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import find_attribute, look_up
from dra_policy.language.checked import (
    CheckedClaim,
    CheckedConfig,
    CheckedConstraint,
    CheckedRequest,
    CheckedTakes,
    Clause,
)
from dra_policy.language.checking import Checking, first_of_each, kubernetes_name, said_by, words
from dra_policy.language.classes import check_require, together_within_limits
from dra_policy.language.constants import constant
from dra_policy.language.parameters import check_config
from dra_policy.language.schema import AttributeSchema, DeviceSchema, Form
from dra_policy.language.scope import ATTRIBUTE, CLAIM, CLASS, Problems, Scope
from dra_policy.language.tree import Claim, Config, Constraint, Name, Request, Require, Takes, Tolerate
from dra_policy.language.types import AmountType
from dra_policy.resources import DeviceToleration, key_problem, label_problem, subdomain_problem, value_problem

# A7, E2: per claim, except tolerations, which are per request.
REQUESTS_LIMIT = CONSTRAINTS_LIMIT = CONFIGS_LIMIT = DEVICES_LIMIT = 32
TOLERATIONS_LIMIT = 16


def check_claims(checking: Checking) -> None:
    """Resolve every claim."""
    for scope, entry in checking.declared(CLAIM):
        if isinstance(entry.statement, Claim):
            checking.claims[entry.key] = check_claim(checking, scope, entry.statement)


def check_claim(checking: Checking, scope: Scope, claim: Claim) -> CheckedClaim:
    """One claim; what was wrong in it is reported and left out."""
    problems = scope.problems
    named(claim.name, "claim", subdomain_problem(claim.name.text), problems)
    written = [member for member in claim.members if isinstance(member, Request)]
    requests = _requests(checking, scope, written, problems)
    _within_limits(claim, written, problems)
    names = {request.name.text for request in written}
    constraints: list[CheckedConstraint] = []
    configs: list[CheckedConfig] = []
    for member in claim.members:
        match member:
            case Request():
                pass
            case Constraint():
                constraint = _constraint(scope, member, names, requests, claim)
                if constraint is not None:
                    constraints.append(constraint)
            case Config():
                _known_requests(member.requests, names, claim, problems)
                config = check_config(checking, scope, member, in_class=False)
                if config is not None and _suits(config, member, requests, problems):
                    configs.append(config)
    return CheckedClaim(
        claim.name.text, scope.policy, tuple(requests.values()), tuple(constraints), tuple(configs), claim.name.span
    )


def named(name: Name, what: str, problem: str | None, problems: Problems) -> None:
    """Report a name that Kubernetes would refuse."""
    if problem is not None:
        problems.add("NAM009", f"{what} `{name.text}` {problem}", name.span, kubernetes_name(name.text))


def _requests(
    checking: Checking, scope: Scope, written: Sequence[Request], problems: Problems
) -> dict[str, CheckedRequest]:
    first: dict[str, Request] = {}
    found: dict[str, CheckedRequest] = {}
    for request in written:
        name = request.name
        if first.setdefault(name.text, request) is not request:
            note = Related(first[name.text].name.span, "first declared here")
            problems.add("NAM003", f"request `{name.text}` is declared already", name.span, "rename one of them", note)
            continue
        named(name, "request", label_problem(name.text), problems)
        checked = check_request(checking, scope, request)
        if checked is not None:
            found[name.text] = checked
    return found


def check_request(checking: Checking, scope: Scope, request: Request) -> CheckedRequest | None:
    """One request, or None if its class or count is wrong."""
    problems = scope.problems
    count = None if request.count is None else request.count.value
    if count is not None and request.count is not None and count < 1:
        message = f"request `{request.name.text}` asks for {count} devices"
        problems.add("RUL001", message, request.count.span, "ask for 1 or more, or write `all of`")
    found = scope.find(request.of, CLASS, wanted="a class")
    class_ = None if found is None else checking.classes.get(found.key)
    if class_ is None:
        return None
    clauses: list[Clause] = []
    takes: list[CheckedTakes] = []
    tolerations: list[DeviceToleration] = []
    for member in request.members:
        match member:
            case Require():
                clauses += check_require(checking, scope, class_.device, member)
            case Takes():
                taken = _takes(scope, class_.device, member, takes)
                if taken is not None:
                    takes.append(taken)
            case Tolerate():
                tolerations.append(_toleration(member, problems))
                if len(tolerations) == TOLERATIONS_LIMIT + 1:
                    message = f"request `{request.name.text}` has more than {TOLERATIONS_LIMIT} tolerations"
                    problems.add("RUL002", message, member.span, "leave some out, or write `tolerate any`")
    if not together_within_limits(clauses, f"request `{request.name.text}`", request.name.span, problems):
        return None
    return CheckedRequest(
        request.name.text,
        count,
        class_,
        request.admin,
        tuple(clauses),
        tuple(takes),
        tuple(tolerations),
        request.span,
    )


def _takes(scope: Scope, device: DeviceSchema, takes: Takes, before: Sequence[CheckedTakes]) -> CheckedTakes | None:
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
    return None if amount is None else CheckedTakes(attribute, amount, takes.span)


def _toleration(tolerate: Tolerate, problems: Problems) -> DeviceToleration:
    key = tolerate.key.text if isinstance(tolerate.key, Name) else None if tolerate.key is None else tolerate.key.value
    if tolerate.key is not None and key is not None:
        problem = key_problem(key)
        if problem is not None:
            problems.add("NAM009", f"taint `{key}` {problem}", tolerate.key.span, "write it like `gpu.acme.com/xid`")
    if tolerate.value is not None:
        problem = value_problem(tolerate.value.value)
        if problem is not None:
            problems.add(
                "NAM009",
                f"value `{tolerate.value.value}` of a taint {problem}",
                tolerate.value.span,
                'write it like "79"',
            )
    return DeviceToleration(
        key=key,
        operator="Exists" if tolerate.value is None else "Equal",
        value=None if tolerate.value is None else tolerate.value.value,
        effect=tolerate.effect or None,
    )


def _within_limits(claim: Claim, requests: Sequence[Request], problems: Problems) -> None:
    constraints = [member for member in claim.members if isinstance(member, Constraint)]
    configs = [member for member in claim.members if isinstance(member, Config)]
    for members, limit, what in (
        (requests, REQUESTS_LIMIT, "requests"),
        (constraints, CONSTRAINTS_LIMIT, "constraints"),
        (configs, CONFIGS_LIMIT, "configurations"),
    ):
        if len(members) > limit:
            message = f"claim `{claim.name.text}` has {len(members)} {what}; a claim has at most {limit}"
            problems.add("RUL002", message, members[limit].span, "split it into several claims")
    # E2: a count that is too high fails every pod; `all` is judged when the devices are known.
    total = 0
    for request in requests:
        total += max(0, request.count.value) if request.count is not None else 0
        if total > DEVICES_LIMIT and request.count is not None:
            message = f"claim `{claim.name.text}` asks for more than {DEVICES_LIMIT} devices"
            problems.add("RUL002", message, request.count.span, "split it into several claims")
            return


def _known_requests(names: Sequence[Name], known: set[str], claim: Claim, problems: Problems) -> bool:
    good = True
    for name in names:
        if name.text not in known:
            listed = ", ".join(f"`{entry}`" for entry in sorted(known))
            help_ = problems.hint(name.text, known, f"its requests are {listed}" if known else "it has no requests")
            problems.add("NAM014", f"claim `{claim.name.text}` has no request `{name.text}`", name.span, help_)
            good = False
    return good


def _suits(config: CheckedConfig, member: Config, requests: dict[str, CheckedRequest], problems: Problems) -> bool:
    """Whether some request it is for goes to its driver; a named request has to."""
    driver = config.parameters.device.driver
    note = Related(config.parameters.span, f"declared here for driver `{driver}`")
    for name in member.requests:
        request = requests.get(name.text)
        if request is not None and request.of.device.driver != driver:
            message = f"request `{name.text}` goes to driver `{request.of.device.driver}`, not `{driver}`"
            problems.add("RUL008", message, name.span, "leave it out", note)
            return False
    if not member.requests and requests and all(r.of.device.driver != driver for r in requests.values()):
        message = f"no request goes to driver `{driver}`, which `{config.parameters.name}` configures"
        problems.add("RUL008", message, member.parameters.span, "leave it out", note)
        return False
    return True


def _constraint(
    scope: Scope, constraint: Constraint, names: set[str], requests: dict[str, CheckedRequest], claim: Claim
) -> CheckedConstraint | None:
    problems = scope.problems
    named_requests = first_of_each(constraint.requests, "request", problems)
    if not _known_requests(named_requests, names, claim, problems):
        return None
    chosen = [name.text for name in named_requests] or list(names)
    involved = [request for request in requests.values() if request.name in chosen]
    if len(involved) < len(chosen):
        return None
    if not involved:
        problems.add("RUL009", f"claim `{claim.name.text}` has no requests to compare", constraint.span)
        return None
    found: list[tuple[CheckedRequest, AttributeSchema]] = []
    for request in involved:
        attribute = _compared(scope, constraint, request)
        if attribute is None:
            return None
        found.append((request, attribute))
    if not _one_meaning(constraint, found, problems):
        return None
    end = max(name.span.end for name in (constraint.attribute, *constraint.requests))
    span = replace(constraint.span, end=end)
    return CheckedConstraint(
        constraint.keyword,
        found[0][1].published.qualified,
        tuple(name.text for name in named_requests),
        words(span),
        said_by(constraint.because),
        span,
    )


def _compared(scope: Scope, constraint: Constraint, request: CheckedRequest) -> AttributeSchema | None:
    """The attribute that a constraint compares on the devices of one request."""
    problems = scope.problems
    device = request.of.device
    attribute = look_up(device, constraint.attribute.text, scope)
    if attribute is None and scope.peek(constraint.attribute.text, ATTRIBUTE) is not None:
        name = constraint.attribute.text
        message = f"device `{device.name}` of request `{request.name}` does not publish `{name}`"
        note = Related(device.span, "its schema is declared here")
        help_ = f"name the requests whose devices do: `{constraint.keyword} {name} of ...`"
        problems.add("RUL009", message, constraint.attribute.span, help_, note)
        return None
    if attribute is None:
        return find_attribute(device, constraint.attribute, scope)
    note = Related(attribute.span, "declared here")
    if attribute.is_capacity:
        message = f"`{constraint.keyword}` compares attributes, and `{attribute.name}` is a capacity"
        problems.add("RUL009", message, constraint.attribute.span, "name an attribute", note)
        return None
    if attribute.form in (Form.FLAGS, Form.LIST_OR_FLAGS):
        message = f"`{constraint.keyword}` compares one value, and `{attribute.name}` may be published as flags"
        problems.add("RUL009", message, constraint.attribute.span, "publish it as list, or compare another", note)
        return None
    return attribute


def _one_meaning(
    constraint: Constraint, found: Sequence[tuple[CheckedRequest, AttributeSchema]], problems: Problems
) -> bool:
    first_request, first = found[0]
    for request, attribute in found[1:]:
        notes = Related(first.span, "declared here"), Related(attribute.span, "and here")
        if attribute.published.qualified != first.published.qualified:
            message = (
                f"`{constraint.attribute.text}` of request `{first_request.name}` is published as "
                f"`{first.published.qualified}`, that of `{request.name}` as `{attribute.published.qualified}`"
            )
            help_ = "compare a name that both publish, such as a well-known one of std.pcie or std.numa"
            problems.add("RUL009", message, constraint.attribute.span, help_, *notes)
            return False
        if attribute.type != first.type:
            message = f"`{constraint.attribute.text}` is {first.type} in one device and {attribute.type} in another"
            problems.add("RUL009", message, constraint.attribute.span, "values of two types are never the same", *notes)
            return False
    return True


__all__ = ["check_claim", "check_claims", "check_request", "named"]
