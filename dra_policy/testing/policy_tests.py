"""Running the `test` blocks of policies: devices are given, claims are made, answers are compared.

Each test has an engine of its own, with the policies in force that were checked together. Claims are answered one
after the other in the order written; an expectation that is wrong says what was expected and what happened, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from dra_policy.diagnostics import Diagnostic, InvalidInput, Related, as_text, has_errors
from dra_policy.engine import Engine
from dra_policy.language.checked import CheckedClaim, CheckedConstraint, CheckedPolicies, CheckedRequest
from dra_policy.language.expectations import DEFAULT_NODE
from dra_policy.language.lowered import PolicyRules, lower
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.siting import lower_site
from dra_policy.language.tree import ExpectPlaced, ExpectRefused
from dra_policy.language.trials import (
    CheckedTest,
    ExpectedConfiguration,
    GivenClaim,
    GivenDevices,
    GivenGang,
    GivenLabel,
    GivenMachines,
    GivenManifests,
)
from dra_policy.render import Catalog, Fleet
from dra_policy.render.machines import value_of
from dra_policy.resources import Features, Node, ReadObject, ResourceSlice, read_objects
from dra_policy.source import Span
from dra_policy.testing.answers import Clock, answers
from dra_policy.testing.differences import Difference, difference


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
    clock = Clock()

    def start() -> tuple[Engine, list[Diagnostic]]:
        engine = Engine(features=features, clock=clock)
        engine.load_rules(rules)
        return engine, _give(engine, policies, test, features)

    try:
        engine, problems = start()
    except InvalidInput as invalid:
        return TestResult(test.title, test.policy, test.span, (), tuple(invalid.diagnostics))
    if has_errors(problems):
        return TestResult(test.title, test.policy, test.span, (), tuple(problems))
    found = answers(engine, policies, test, clock, features, lambda: start()[0])
    differences: list[Difference] = []
    for step in test.steps:
        if isinstance(step, ExpectPlaced | ExpectRefused | ExpectedConfiguration):
            for name in step.names:
                text = name if isinstance(name, str) else name.text
                one = difference(text, step, found[text])
                differences += [] if one is None else [one]
    return TestResult(test.title, test.policy, test.span, tuple(differences), tuple(problems))


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
        if isinstance(step, GivenClaim | GivenGang):
            template = step.template if isinstance(step, GivenClaim) else step.gang.claim
            for attribute in _read_by_claim(template):
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


__all__ = ["Difference", "TestResult", "run_tests", "summary"]
