"""Running the `test` blocks of policies: devices are given, claims are made, answers are compared.

Each test has an engine of its own, with the policies in force that were checked together. Claims are answered one
after the other in the order written; an expectation that is wrong says what was expected and what happened, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.diagnostics import Diagnostic, InvalidInput, Related, as_text, has_errors
from dra_policy.engine import Engine
from dra_policy.explanation import Explanation
from dra_policy.language.checked import (
    CheckedClaim,
    CheckedConstraint,
    CheckedPolicies,
    CheckedRequest,
    CheckedTest,
    GivenClaim,
    GivenDevices,
    GivenManifests,
)
from dra_policy.language.expectations import DEFAULT_NODE
from dra_policy.language.lowering import lower_claim
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.tree import ExpectPlaced, ExpectRefused
from dra_policy.resources import Features, Node, ReadObject, ResourceSlice, read_objects
from dra_policy.rules import ClaimKey
from dra_policy.source import Span
from dra_policy.testing.given import Fleet, nodes, values_of

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
    return [_run(policies, test, Features() if features is None else features) for test in policies.tests]


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


def _run(policies: CheckedPolicies, test: CheckedTest, features: Features) -> TestResult:
    engine = Engine(features=features)
    try:
        engine.load(*(policy.span.source for policy in policies if policy.given))
        problems = _give(engine, test, features)
    except InvalidInput as invalid:
        problems = list(invalid.diagnostics)
    if has_errors(problems):
        return TestResult(test.title, test.policy, test.span, (), tuple(problems))
    outcomes: dict[str, Explanation] = {}
    for step in test.steps:
        if isinstance(step, GivenClaim):
            key = ClaimKey(NAMESPACE, step.name)
            outcome = engine.allocate(lower_claim(step.template, features, key))
            outcomes[step.name] = Explanation((key,), outcome)
    differences: list[Difference] = []
    for step in test.steps:
        if isinstance(step, ExpectPlaced | ExpectRefused):
            for name in step.names:
                difference = _difference(name.text, step, outcomes[name.text])
                differences += [] if difference is None else [difference]
    return TestResult(test.title, test.policy, test.span, tuple(differences), tuple(problems))


# ----------------------------------------------------------------------------------------------------------- given


def _give(engine: Engine, test: CheckedTest, features: Features) -> list[Diagnostic]:
    inventory = _Inventory()
    fleet = Fleet(features.list_type_attributes)
    standing: list[str] = []
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
                inventory.problems += _missing(step, test)
                fleet.add(step)
                standing.append(step.node)
            case _:
                continue
    if has_errors(inventory.problems):
        return inventory.problems
    pools = {(s.spec.driver, s.spec.pool.name) for s in inventory.slices()}
    standing += [s.spec.node_name for s in inventory.slices() if s.spec.node_name]
    known = inventory.nodes()
    # A device that is reachable from everywhere still needs a node for the pod.
    added = nodes(standing if standing or known else [DEFAULT_NODE], known)
    engine.apply(*inventory.objects, *added, *fleet.slices(pools))
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


def _missing(given: GivenDevices, test: CheckedTest) -> Iterator[Diagnostic]:
    """TST002 for each required value that the claims of the test read and the given devices do not publish."""
    device = given.model.device
    wanted: dict[AttributeSchema, str] = {}
    for step in test.steps:
        if isinstance(step, GivenClaim):
            for attribute in _read_by_claim(step.template):
                wanted.setdefault(attribute, step.name)
    for attribute in device.attributes.values():
        claim = wanted.get(attribute)
        if claim is None or not attribute.required or attribute.unique or values_of(given, attribute) is not None:
            continue
        message = f"model `{given.model.name}` has no `{attribute.name}`, which claim `{claim}` reads"
        help_ = (
            f"write `given {given.count} {given.model.name} {{ {attribute.name} = ... }}`, or give the model a value"
        )
        note = Related(attribute.span, "declared here, neither `optional` nor with `absent means`")
        yield Diagnostic("TST002", message, given.span, help_, related=(note,))


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


def _difference(claim: str, step: ExpectPlaced | ExpectRefused, explanation: Explanation) -> Difference | None:
    outcome = explanation.outcome
    if isinstance(step, ExpectPlaced):
        agrees = isinstance(outcome, Allocated) and _as_placed(step, outcome)
    else:
        words = "" if step.reason is None else step.reason.value
        agrees = isinstance(outcome, Unsatisfiable | Failed) and words in explanation.text() + explanation.sentence()
    if agrees:
        return None
    why = "" if isinstance(outcome, Allocated) else explanation.sentence()
    return Difference(claim, _expected(step), _actual(outcome), why, step.span)


def _as_placed(step: ExpectPlaced, outcome: Allocated) -> bool:
    devices = tuple(text.value for text in step.devices)
    return (not devices or devices == _devices(outcome)) and (step.node is None or step.node.value == outcome.node)


def _devices(outcome: Allocated) -> tuple[str, ...]:
    return tuple(result.device for claim in outcome.results for result in claim.devices.results)


def _expected(step: ExpectPlaced | ExpectRefused) -> str:
    match step:
        case ExpectPlaced():
            devices = ", ".join(text.value for text in step.devices)
            node = "" if step.node is None else f" on node {step.node.value}"
            return ("placed" if not devices else f"placed on {devices}") + node
        case ExpectRefused():
            return "refused" if step.reason is None else f'refused, with "{step.reason.value}" in the reason'


def _actual(outcome: Outcome) -> str:
    match outcome:
        case Allocated():
            return f"placed on {', '.join(_devices(outcome)) or 'no device'} on node {outcome.node}"
        case Unsatisfiable():
            return "refused"
        case Failed():
            return f"failed (rule {outcome.rule})"
        case GaveUp():
            return f"the search gave up after {outcome.steps} steps"


__all__ = ["Difference", "TestResult", "run_tests", "summary"]
