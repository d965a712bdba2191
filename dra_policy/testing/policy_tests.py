"""Running the `test` blocks of policies: devices are given, claims are made, answers are compared.

Each test has an engine of its own, with the policies in force that were checked together. Claims are answered one
after the other in the order written; an expectation that is wrong says what was expected and what happened, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.diagnostics import Diagnostic, InvalidInput, Related, as_text, has_errors
from dra_policy.engine import Engine
from dra_policy.explanation import Explanation, Kind
from dra_policy.language.boards import Gate
from dra_policy.language.checked import CheckedClaim, CheckedConstraint, CheckedPolicies, CheckedRequest
from dra_policy.language.expectations import DEFAULT_NODE
from dra_policy.language.lowered import PolicyRules, lower
from dra_policy.language.lowering import lower_claim
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.siting import lower_site
from dra_policy.language.tree import ExpectPlaced, ExpectRefused
from dra_policy.language.trials import (
    CheckedTest,
    GivenClaim,
    GivenDevices,
    GivenGate,
    GivenLabel,
    GivenMachines,
    GivenManifests,
    GivenTime,
    Released,
)
from dra_policy.render import Catalog, Fleet
from dra_policy.render.machines import value_of
from dra_policy.resources import Features, Node, ReadObject, ResourceSlice, read_objects
from dra_policy.rules import ClaimKey
from dra_policy.source import Span

NAMESPACE = "default"
"""Where the claims of tests are made."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that did not come true; `reason` is the engine's own explanation, on one line."""

    claim: str
    expected: str
    actual: str
    reason: str
    span: Span

    def text(self) -> str:
        lines = [
            f"  {self.span}: claim `{self.claim}`",
            f"    expected: {self.expected}",
            f"    actual:   {self.actual}",
        ]
        return "\n".join([*lines, f"    reason:   {self.reason}"] if self.reason else lines)


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test: it passed if nothing was different and nothing was wrong with what it gives."""

    # pytest must not take this for a class of tests.
    __test__: ClassVar[bool] = False

    title: str
    policy: str
    span: Span
    differences: tuple[Difference, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences and not has_errors(self.diagnostics)

    def text(self) -> str:
        """One line if it passed; else every difference with the place of its expectation. Ends with a line break."""
        lines = [f'{"ok" if self.passed else "FAILED"} "{self.title}" ({self.span.place})']
        lines += [difference.text() for difference in self.differences]
        lines += [f"  {line}" for line in as_text(self.diagnostics).splitlines()]
        return "\n".join(lines) + "\n"


def run_tests(policies: CheckedPolicies, *, features: Features | None = None) -> list[TestResult]:
    """Run every test of the policies that were given, in order.

    `features` are those of the cluster that the tests play on; the default is Kubernetes 1.37. What a test gives and
    cannot be used (TST002, or what is wrong with its manifests) stands in its result.

    >>> from dra_policy.language import load
    >>> from dra_policy.source import Source
    >>> policies, _ = load(Source("a.dra", '''
    ...     policy a.example version 1.0 language 1
    ...     device Gpu { driver gpu.example.org  capacity memory bytes }
    ...     model Big of Gpu { memory 80Gi }
    ...     class gpu of Gpu { require memory >= 40Gi }
    ...     test "one is enough" { given 1 Big  claim a, b 1 of gpu  expect a placed  expect b placed }'''))
    >>> print(run_tests(policies)[0].text())  # doctest: +ELLIPSIS
    FAILED "one is enough" (a.dra:6)
      a.dra:6:79: claim `b`
        expected: placed
        actual:   refused
        reason:   ...
    <BLANKLINE>
    """
    chosen = Features() if features is None else features
    if not policies.tests:
        return []
    rules = lower(policies, chosen)
    found: list[TestResult] = []
    own: dict[str, tuple[CheckedPolicies, PolicyRules]] = {}
    for test in policies.tests:
        if test.policy not in own:
            seen = seen_by(policies, test.policy)
            own[test.policy] = seen, replace(rules, site=lower_site(seen, chosen))
        found.append(_run(*own[test.policy], test, chosen))
    return found


def seen_by(policies: CheckedPolicies, name: str) -> CheckedPolicies:
    """A policy with all that it imports: what a test says is about these, whatever else is checked with them."""
    wanted = {name}
    for policy in reversed(policies.policies):  # each comes after those it imports
        if policy.name in wanted:
            wanted.update(policy.imports)
    return CheckedPolicies(tuple(policy for policy in policies if policy.name in wanted))


def summary(results: list[TestResult]) -> str:
    """The results as text, failed ones in full, and a last line that counts them."""
    failed = sum(not result.passed for result in results)
    lines = [result.text() for result in results]
    count = f"{len(results)} test{'' if len(results) == 1 else 's'}"
    return "".join(lines) + (f"{count}, {failed} failed\n" if failed else f"{count}, all passed\n")


@dataclass
class _Inventory:
    """What the manifests and models of one test give."""

    objects: list[ReadObject] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def slices(self) -> Iterator[ResourceSlice]:
        for one in self.objects:
            if isinstance(one.value, ResourceSlice):
                yield one.value

    def nodes(self) -> dict[str, Node]:
        return {one.value.metadata.name: one.value for one in self.objects if isinstance(one.value, Node)}


def _run(policies: CheckedPolicies, rules: PolicyRules, test: CheckedTest, features: Features) -> TestResult:
    clock = _Clock()
    engine = Engine(features=features, clock=clock)
    try:
        engine.load_rules(rules)
        problems = _give(engine, policies, test, features)
    except InvalidInput as invalid:
        problems = list(invalid.diagnostics)
    if has_errors(problems):
        return TestResult(test.title, test.policy, test.span, (), tuple(problems))
    answers = _answers(engine, policies, test, clock, features)
    differences: list[Difference] = []
    for step in test.steps:
        if isinstance(step, ExpectPlaced | ExpectRefused):
            for name in step.names:
                difference = _difference(name.text, step, answers[name.text])
                differences += [] if difference is None else [difference]
    return TestResult(test.title, test.policy, test.span, tuple(differences), tuple(problems))


@dataclass
class _Clock:
    """The time of a test: the same until the test says another, so that no test depends on when it is run."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of a claim; `refused` is set where its driver would refuse it, whatever devices there are."""

    explanation: Explanation
    refused: str = ""


def _answers(
    engine: Engine, policies: CheckedPolicies, test: CheckedTest, clock: _Clock, features: Features
) -> dict[str, _Answer]:
    """The answers to all claims, one after the other."""
    gates = {gate: gate.default for policy in policies for gate in policy.hardware.gates.values()}
    keys: dict[str, ClaimKey] = {}
    answers: dict[str, _Answer] = {}
    for step in test.steps:
        match step:
            case GivenGate(gate, on):
                gates[gate] = on
            case GivenTime(at):
                clock.at = at
            case Released(names):
                for name in names:
                    if isinstance(answers[name].explanation.outcome, Allocated):
                        engine.release(keys[name])
            case GivenClaim():
                key = keys[step.name] = ClaimKey(step.namespace or NAMESPACE, step.name)
                rules = lower_claim(step.template, features, key)
                subject = step.subject or None
                refused = closed_gate(policies, step.template, gates)
                if refused:
                    outcome: Outcome = Unsatisfiable((key,), (), 0)
                    answers[step.name] = _Answer(Explanation((key,), outcome), refused)
                    continue
                outcome = engine.allocate(rules, subject=subject)
                if isinstance(outcome, Allocated):
                    answers[step.name] = _Answer(Explanation((key,), outcome))
                else:
                    answers[step.name] = _Answer(engine.explain(rules, subject=subject))
            case _:
                continue
    return answers


def closed_gate(policies: CheckedPolicies, claim: CheckedClaim, gates: Mapping[Gate, bool]) -> str:
    """Why the driver takes no configuration of a claim, with its gates as they are; empty if it takes all."""
    configs = [
        *claim.configs,
        *(config for request in claim.requests for ask in request.asks for config in ask.of.configs),
    ]
    for need in (need for policy in policies for need in policy.hardware.gate_needs):
        for config in configs:
            if config.parameters is not need.parameters or gates.get(need.gate, need.gate.default):
                continue
            field = need.parameters.fields.get(need.field)
            if field is None or need.value is None:
                return f"`{need.parameters.name}` needs gate `{need.gate.name}`, which is off"
            values = config.values.get(field, () if field.default is None else (field.default,))
            if any(value.value == need.value.value for value in values):
                said = f"`{field.name}` {need.value.value} of `{need.parameters.name}`"
                return f"{said} needs gate `{need.gate.name}`, which is off"
    on = [gate for gate, is_on in gates.items() if is_on]
    for gate in on:
        for other in gates:
            if other.name in gate.excludes and other in on and other.policy == gate.policy:
                return f"gates `{gate.name}` and `{other.name}` exclude each other and are both on"
            if other.name in gate.requires and other not in on and other.policy == gate.policy:
                return f"gate `{gate.name}` requires `{other.name}`, which is off"
    return ""


# ----------------------------------------------------------------------------------------------------------- given


def _give(engine: Engine, policies: CheckedPolicies, test: CheckedTest, features: Features) -> list[Diagnostic]:
    inventory = _Inventory()
    fleet = Fleet(Catalog.of(policies), lists=features.list_type_attributes, invented=True)
    labels: dict[str, dict[str, str]] = {}
    for step in test.steps:
        match step:
            case GivenManifests(path, span):
                try:
                    reading = read_objects(span.source.folder / path)
                except OSError as problem:  # a name that is too long, for one
                    message = f"cannot read `{path}`: {problem.strerror or problem}"
                    inventory.problems.append(Diagnostic("SRC004", message, span, "name a file that you may read"))
                    continue
                inventory.objects += reading.objects
                inventory.problems += [_at(d, span) for d in reading.diagnostics]
            case GivenDevices():
                inventory.problems += _missing(policies, step, test)
                fleet.give(step.count, step.model, step.node, step.settings)
            case GivenMachines():
                for node in step.nodes:
                    fleet.place(step.machine, node, step.settings)
            case GivenLabel():
                labels.setdefault(step.node, {})[step.label] = step.value
            case _:
                continue
    if has_errors(inventory.problems):
        return inventory.problems
    pools = {(s.spec.driver, s.spec.pool.name) for s in inventory.slices()}
    known = inventory.nodes()
    for node in (*labels, *(s.spec.node_name for s in inventory.slices() if s.spec.node_name)):
        fleet.labels.setdefault(node, {})
    if not fleet.labels and not known:
        # A device that is reachable from everywhere still needs a node for the pod.
        fleet.labels[DEFAULT_NODE] = {}
    for node, own in labels.items():
        fleet.labels[node].update(own)
        if node in known:
            metadata = known[node].metadata
            merged = metadata.model_copy(update={"labels": {**metadata.labels, **own}})
            known[node] = known[node].model_copy(update={"metadata": merged})
    relabelled = [known[node] for node in labels if node in known]
    engine.apply(*inventory.objects, *relabelled, *fleet.nodes(known), *fleet.slices(pools))
    return inventory.problems


def _at(diagnostic: Diagnostic, span: Span) -> Diagnostic:
    """A diagnostic of an inventory that has no place of its own: the `given` that names it."""
    return (
        diagnostic
        if diagnostic.span is not None
        else Diagnostic(
            diagnostic.code,
            diagnostic.message,
            span,
            diagnostic.help,
            diagnostic.path,
            diagnostic.severity,
            diagnostic.related,
        )
    )


def _missing(policies: CheckedPolicies, given: GivenDevices, test: CheckedTest) -> Iterator[Diagnostic]:
    """TST002 for each required value that the claims of the test read and the given devices do not publish."""
    device = given.model.device
    wanted: dict[AttributeSchema, str] = {}
    for step in test.steps:
        if isinstance(step, GivenClaim):
            for attribute in _read_by_claim(step.template):
                wanted.setdefault(attribute, step.name)
    for attribute in device.attributes.values():
        claim = wanted.get(attribute)
        if claim is None or not attribute.required or attribute.unique:
            continue
        if value_of(given.model, given.settings, attribute) is not None or _is_given_by_modes(
            policies, given, attribute
        ):
            continue
        message = f"model `{given.model.name}` has no `{attribute.name}`, which claim `{claim}` reads"
        help_ = (
            f"write `given {given.count} {given.model.name} {{ {attribute.name} = ... }}`, or give the model a value"
        )
        note = Related(attribute.span, "declared here, neither `optional` nor with `absent means`")
        yield Diagnostic("TST002", message, given.span, help_, related=(note,))


def _is_given_by_modes(policies: CheckedPolicies, given: GivenDevices, attribute: AttributeSchema) -> bool:
    """Whether a value comes with the modes of the board, or is an empty set in one text."""
    modes = Catalog.of(policies).modes(given.model)
    gives = () if modes is None else modes.modes.values()
    return bool(attribute.joined_by) or any(attribute.name in mode.gives for mode in gives)


def _read_by_claim(claim: CheckedClaim) -> Iterator[AttributeSchema]:
    for request in claim.requests:
        yield from _read_by_request(request)
        for device in dict.fromkeys(ask.of.device for ask in request.asks):
            for attribute in device.attributes.values():
                if any(attribute.published.qualified == c.attribute for c in _constraints_on(claim, request)):
                    yield attribute


def _constraints_on(claim: CheckedClaim, request: CheckedRequest) -> list[CheckedConstraint]:
    return [c for c in claim.constraints if not c.requests or request.name in c.requests]


def _read_by_request(request: CheckedRequest) -> Iterator[AttributeSchema]:
    for ask in request.asks:
        for clause in (*ask.of.clauses, *ask.clauses):
            yield from read_by(clause.condition)
        if ask.of.model is not None and ask.of.part is None:
            yield from (value.attribute for value in ask.of.model.values.values())
        yield from (takes.capacity for takes in ask.takes)


# -------------------------------------------------------------------------------------------------------- expected


def _difference(claim: str, step: ExpectPlaced | ExpectRefused, answer: _Answer) -> Difference | None:
    explanation = answer.explanation
    outcome = explanation.outcome
    if isinstance(step, ExpectPlaced):
        agrees = isinstance(outcome, Allocated) and _as_placed(step, outcome)
    else:
        agrees = isinstance(outcome, Unsatisfiable | Failed) and _as_refused(step, answer)
    if agrees:
        return None
    why = "" if isinstance(outcome, Allocated) else answer.refused or _bare(explanation).sentence()
    return Difference(claim, _expected(step), _actual(outcome) + _kind(step, answer), why, step.span)


def _as_refused(step: ExpectRefused, answer: _Answer) -> bool:
    explanation = answer.explanation
    words = "" if step.reason is None else step.reason.value
    if answer.refused:
        # Nothing but another configuration, or another switch, helps.
        return words in answer.refused and step.kind != "not now"
    if step.kind and explanation.kind not in _KINDS[step.kind]:
        return False
    bare = _bare(explanation)
    return words in bare.text() + bare.sentence() or words in explanation.sentence()


def _bare(explanation: Explanation) -> Explanation:
    """The answer in its own words, without what else was found out about it."""
    return Explanation(explanation.claims, explanation.outcome)


_KINDS = {"not now": (Kind.NOT_NOW,), "never": (Kind.NEVER, Kind.NEVER_HERE, Kind.INVALID)}


def _kind(step: ExpectPlaced | ExpectRefused, answer: _Answer) -> str:
    """Whether a refusal is for now or for good, where a test asks for that."""
    if isinstance(step, ExpectPlaced) or not step.kind:
        return ""
    return ", not now" if answer.explanation.kind is Kind.NOT_NOW and not answer.refused else ", never"


def _as_placed(step: ExpectPlaced, outcome: Allocated) -> bool:
    devices = tuple(text.value for text in step.devices)
    as_devices = not devices or devices == _devices(outcome)
    as_node = step.node is None or step.node.value == outcome.node
    return as_devices and as_node and (step.reached is None or step.reached.text in _reached(outcome))


def _reached(outcome: Allocated) -> tuple[str, ...]:
    return () if outcome.preferred is None else tuple(level.level for level in outcome.preferred.levels)


def _devices(outcome: Allocated) -> tuple[str, ...]:
    return tuple(result.device for claim in outcome.results for result in claim.devices.results)


def _expected(step: ExpectPlaced | ExpectRefused) -> str:
    match step:
        case ExpectPlaced():
            devices = ", ".join(text.value for text in step.devices)
            node = "" if step.node is None else f" on node {step.node.value}"
            reached = "" if step.reached is None else f", reached {step.reached.text}"
            return ("placed" if not devices else f"placed on {devices}") + node + reached
        case ExpectRefused():
            kind = f", {step.kind}" if step.kind else ""
            return f"refused{kind}" + ("" if step.reason is None else f', with "{step.reason.value}" in the reason')


def _actual(outcome: Outcome) -> str:
    match outcome:
        case Allocated():
            reached = "".join(f", reached {level}" for level in _reached(outcome))
            return f"placed on {', '.join(_devices(outcome)) or 'no device'} on node {outcome.node}{reached}"
        case Unsatisfiable():
            return "refused"
        case Failed():
            return f"failed (rule {outcome.rule})"
        case GaveUp():
            return f"the search gave up after {outcome.steps} steps"


__all__ = ["Difference", "TestResult", "run_tests", "summary"]
