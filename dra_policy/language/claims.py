"""The pass over claims: their requests, what they ask of their devices together, and their configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.checked import (
    CheckedAsk,
    CheckedClaim,
    CheckedConfig,
    CheckedConstraint,
    CheckedRequest,
    CheckedSet,
)
from dra_policy.language.checking import Checking, first_of_each, kubernetes_name
from dra_policy.language.configuration import merged
from dra_policy.language.identities import presence_of
from dra_policy.language.parameters import check_complete, check_config, left_to_claims
from dra_policy.language.parts import class_of_target
from dra_policy.language.requests import DEVICES_LIMIT, check_request, devices_asked, members_of
from dra_policy.language.schema import FieldSchema
from dra_policy.language.scope import CLAIM, Problems, Scope
from dra_policy.language.terms import UNKNOWN, Presence
from dra_policy.language.together import (
    check_constraint,
    check_linked,
    check_prefer,
    check_shape,
    constraint_span,
    devices_of,
)
from dra_policy.resources import label_problem, subdomain_problem

# A7: per claim.
REQUESTS_LIMIT = CONSTRAINTS_LIMIT = CONFIGS_LIMIT = 32


def check_claims(checking: Checking) -> None:
    """Resolve every claim."""
    for scope, entry in checking.declared(CLAIM):
        if isinstance(entry.statement, tree.Claim):
            checking.claims[entry.key] = check_claim(checking, scope, entry.statement)


def check_claim(checking: Checking, scope: Scope, claim: tree.Claim) -> CheckedClaim:
    """One claim; what was wrong in it is reported and left out."""
    named(claim.name, "claim", subdomain_problem(claim.name.text), scope.problems)
    return _Reading(checking, scope, claim).claim_of()


def named(name: tree.Name, what: str, problem: str | None, problems: Problems) -> None:
    """Report a name that Kubernetes would refuse."""
    if problem is not None:
        problems.add("NAM009", f"{what} `{name.text}` {problem}", name.span, kubernetes_name(name.text))


def claim_of_request(checking: Checking, scope: Scope, request: tree.Request) -> CheckedClaim | None:
    """A claim of one request, as tests make them; None if the request is wrong."""
    checked = check_request(checking, scope, request)
    if checked is None:
        return None
    reading = _Reading(checking, scope, tree.Claim(request.name, (), request.span))
    reading.count(devices_asked(request), request, None)
    reading.requests[request.name.text] = checked
    reading.of_request(request, checked)
    return replace(reading.done(), span=request.span)


@dataclass
class _Reading:
    """One claim while it is read."""

    checking: Checking
    scope: Scope
    claim: tree.Claim
    requests: dict[str, CheckedRequest] = field(default_factory=dict)
    written: dict[str, tree.Name] = field(default_factory=dict)
    constraints: list[CheckedConstraint] = field(default_factory=list)
    sets: list[CheckedSet] = field(default_factory=list)
    configs: list[CheckedConfig] = field(default_factory=list)
    names_of_configs: list[tree.Name] = field(default_factory=list)
    devices: int = 0

    @property
    def problems(self) -> Problems:
        return self.scope.problems

    def claim_of(self) -> CheckedClaim:
        members = self.claim.members
        for member in members:
            if isinstance(member, tree.Request):
                self._request(member)
            elif isinstance(member, tree.Pairs):
                self._pairs(member)
        self._within_limits()
        for member in members:
            match member:
                case tree.Request():
                    checked = self.requests.get(member.name.text)
                    if checked is not None and checked.span == member.span:
                        self.of_request(member, checked)
                case tree.Pairs():
                    pass
                case tree.Constraint():
                    self._constraint(member)
                case tree.Linked():
                    involved = list(self.requests.values())
                    linked = check_linked(self.checking, self.scope, member, involved, ())
                    if linked is not None:
                        self.sets.append(linked)
                case tree.Prefer():
                    if self.requests:
                        self._prefer(member, list(self.requests.values()), ())
                case tree.Config():
                    self._config(member)
        return self.done()

    def _configured(self) -> None:
        """What has to be set is: in the claim's configurations with their classes, and what classes leave to claims."""
        names = {config.span: name for config, name in zip(self.configs, self.names_of_configs, strict=True)}
        for config in merged(list(self.requests.values()), self.configs):
            check_complete(config, names[config.span], self.problems, in_class=False)
        told: set[FieldSchema] = set()
        for request in self.requests.values():
            for ask in request.asks:
                for config in ask.of.configs:
                    own = any(
                        one.parameters is config.parameters and (not one.requests or request.name in one.requests)
                        for one in self.configs
                    )
                    for left in () if own else left_to_claims(config):
                        if left in told:
                            continue
                        told.add(left)
                        note = Related(config.span, f"class `{ask.of.name}` leaves it to its claims")
                        message = f"field `{left.name}` of `{config.parameters.name}` is not set"
                        help_ = f"write `config {config.parameters.name} {{ {left.name} = ... }}` in the claim"
                        self.problems.add("RUL005", message, request.span, help_, note)

    def done(self) -> CheckedClaim:
        self._configured()
        return CheckedClaim(
            self.claim.name.text,
            self.scope.policy,
            tuple(self.requests.values()),
            tuple(self.constraints),
            tuple(self.sets),
            tuple(self.configs),
            self.claim.name.span,
        )

    # ----------------------------------------------------------------------------------------------------- requests

    def _new_name(self, name: tree.Name) -> bool:
        first = self.written.setdefault(name.text, name)
        if first is not name:
            note = Related(first.span, "first declared here")
            self.problems.add(
                "NAM003", f"request `{name.text}` is declared already", name.span, "rename one of them", note
            )
            return False
        named(name, "request", label_problem(name.text), self.problems)
        return True

    def count(self, devices: int, request: tree.Request | None, member: tree.Pairs | None) -> None:
        before = self.devices
        self.devices += devices
        if before <= DEVICES_LIMIT < self.devices:
            if member is not None:
                span = member.count.span
            else:
                assert request is not None  # Invariant: one of the two is given
                count = request.alternatives[-1].count
                span = request.span if count is None else count.span
            message = f"claim `{self.claim.name.text}` asks for more than {DEVICES_LIMIT} devices"
            self.problems.add("RUL002", message, span, "split it into several claims")

    def _request(self, member: tree.Request) -> None:
        self.count(devices_asked(member), member, None)
        if not self._new_name(member.name):
            return
        checked = check_request(self.checking, self.scope, member)
        if checked is not None:
            self.requests[member.name.text] = checked

    def of_request(self, member: tree.Request, checked: CheckedRequest) -> None:
        """What a request asks of its devices together."""
        for asked in member.alternatives:
            if asked.shape:
                shape = check_shape(self.checking, self.scope, asked, checked, self._names(checked, asked))
                if shape is not None:
                    self.sets.append(shape)
            # Wishes of a class are wishes of whoever asks for it.
            class_ = next((ask.of for ask in checked.asks if ask.span == asked.span), None)
            if class_ is not None:
                self.sets += [replace(wish, requests=self._names(checked, asked)) for wish in class_.wishes]
        for asked, inner in members_of(member):
            names = self._names(checked, asked)
            only = replace(checked, asks=tuple(ask for ask in checked.asks if ask.span == asked.span))
            match inner:
                case tree.Linked():
                    linked = check_linked(self.checking, self.scope, inner, [only], names)
                    if linked is not None:
                        self.sets.append(linked)
                case tree.Prefer():
                    self._prefer(inner, [only], names)
                case tree.Constraint():
                    if inner.requests:
                        message = "a rule inside a request is about its devices"
                        self.problems.add("RUL009", message, inner.requests[0].span, "leave `of` out, or move the rule")
                        continue
                    self._add(check_constraint(self.checking, self.scope, inner, [only], names))

    def _names(self, checked: CheckedRequest, asked: tree.Asked) -> tuple[str, ...]:
        """The request, or those of its alternatives that were written as one."""
        asks = [ask for ask in checked.asks if ask.span == asked.span]
        if len(asks) == len(checked.asks):
            return (checked.name,)
        return tuple(f"{checked.name}/{ask.name}" for ask in asks)

    def _pairs(self, member: tree.Pairs) -> None:
        """Requests `gpu-0`, `nic-0`, ..., with the constraints inside and between the pairs."""
        count = member.count.value
        if not 1 <= count <= DEVICES_LIMIT:
            self.problems.add("RUL001", f"{count} pairs", member.count.span, f"write 1 to {DEVICES_LIMIT}")
            return
        if len({one.name.text for one in member.members}) < len(member.members) or len(member.members) < 2:
            message = "a pair has two members or more, of different names"
            self.problems.add("RUL015", message, member.members[0].name.span, "write `(gpu: training, nic: vf)`")
            return
        self.count(count * len(member.members), None, member)
        rows: list[list[CheckedRequest]] = []
        for one in member.members:
            class_ = class_of_target(self.checking, self.scope, one.of)
            row: list[CheckedRequest] = []
            for number in range(count):
                name = tree.Name(f"{one.name.text}-{number}", one.name.span)
                if not self._new_name(name) or class_ is None:
                    continue
                ask = CheckedAsk("", 1, class_, False, (), (), (), one.span)
                row.append(CheckedRequest(name.text, (ask,), False, one.span))
            rows.append(row)
        if any(len(row) < count for row in rows):
            return
        for number in range(count):
            for row in rows:
                self.requests[row[number].name] = row[number]
        for constraint in member.constraints:
            self._of_pairs(constraint, rows)

    def _of_pairs(self, constraint: tree.Constraint, rows: Sequence[Sequence[CheckedRequest]]) -> None:
        if constraint.requests:
            message = "a rule of pairs is about all of them"
            self.problems.add("RUL015", message, constraint.requests[0].span, "leave `of` out")
            return
        if constraint.keyword == "same":
            for pair in zip(*rows, strict=True):
                self._add(
                    check_constraint(self.checking, self.scope, constraint, pair, tuple(one.name for one in pair))
                )
            return
        for row in rows:
            found = check_constraint(self.checking, self.scope, constraint, row, tuple(one.name for one in row))
            if found is None:
                return
            self._add(found)

    # -------------------------------------------------------------------------------------------------------- rules

    def _add(self, found: CheckedConstraint | CheckedSet | None) -> None:
        if isinstance(found, CheckedConstraint):
            self.constraints.append(found)
        elif found is not None:
            self.sets.append(found)

    def _prefer(self, member: tree.Prefer, of: Sequence[CheckedRequest], names: tuple[str, ...]) -> None:
        kinds = [device for _, device in devices_of(of)]
        asks = [ask for request in of for ask in request.asks]
        known = [presence_of(self.checking, ask.of) for ask in asks]
        there = reduce(Presence.joined, known) if known else UNKNOWN
        wish = check_prefer(self.checking, self.scope, member, kinds, names, there)
        if wish is not None:
            self.sets.append(wish)

    def _known(self, names: Sequence[tree.Name]) -> bool:
        known = set(self.written)
        good = True
        for name in names:
            if name.text not in known:
                listed = ", ".join(f"`{entry}`" for entry in sorted(known))
                otherwise = f"its requests are {listed}" if known else "it has no requests"
                help_ = self.problems.hint(name.text, known, otherwise)
                message = f"claim `{self.claim.name.text}` has no request `{name.text}`"
                self.problems.add("NAM014", message, name.span, help_)
                good = False
        return good

    def _constraint(self, constraint: tree.Constraint) -> None:
        names = first_of_each(constraint.requests, "request", self.problems)
        if not self._known(names):
            return
        chosen = [name.text for name in names] or list(self.written)
        involved = [request for request in self.requests.values() if request.name in chosen]
        if len(involved) < len(chosen):
            return
        if not involved:
            message = f"claim `{self.claim.name.text}` has no requests to compare"
            self.problems.add("RUL009", message, constraint_span(constraint))
            return
        self._add(check_constraint(self.checking, self.scope, constraint, involved, tuple(name.text for name in names)))

    def _config(self, member: tree.Config) -> None:
        self._known(member.requests)
        config = check_config(self.checking, self.scope, member, in_class=False)
        if config is not None and _suits(config, member, self.requests, self.problems):
            self.configs.append(config)
            self.names_of_configs.append(member.parameters)

    def _within_limits(self) -> None:
        members = self.claim.members
        groups: tuple[tuple[list[tree.Request | tree.Constraint | tree.Config], int, str], ...] = (
            ([one for one in members if isinstance(one, tree.Request)], REQUESTS_LIMIT, "requests"),
            ([one for one in members if isinstance(one, tree.Constraint)], CONSTRAINTS_LIMIT, "constraints"),
            ([one for one in members if isinstance(one, tree.Config)], CONFIGS_LIMIT, "configurations"),
        )
        for found, limit, what in groups:
            if len(found) > limit:
                message = f"claim `{self.claim.name.text}` has {len(found)} {what}; a claim has at most {limit}"
                self.problems.add("RUL002", message, found[limit].span, "split it into several claims")


def _suits(
    config: CheckedConfig, member: tree.Config, requests: Mapping[str, CheckedRequest], problems: Problems
) -> bool:
    """Whether some request it is for goes to its driver; a named request has to."""
    driver = config.parameters.device.driver

    def goes(request: CheckedRequest) -> bool:
        return any(ask.of.device.driver == driver for ask in request.asks)

    note = Related(config.parameters.span, f"declared here for driver `{driver}`")
    for name in member.requests:
        request = requests.get(name.text)
        if request is not None and not goes(request):
            message = f"request `{name.text}` goes to driver `{request.asks[0].of.device.driver}`, not `{driver}`"
            problems.add("RUL008", message, name.span, "leave it out", note)
            return False
    if not member.requests and requests and not any(goes(request) for request in requests.values()):
        message = f"no request goes to driver `{driver}`, which `{config.parameters.name}` configures"
        problems.add("RUL008", message, member.parameters.span, "leave it out", note)
        return False
    return True


__all__ = ["check_claim", "check_claims", "claim_of_request", "named"]
