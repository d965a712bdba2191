"""The pass over tests: what is given, what is claimed and what is expected."""

from __future__ import annotations

from dataclasses import replace

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import find_attribute
from dra_policy.language.checked import CheckedClaim, CheckedStep, CheckedTest, GivenClaim, GivenDevices, GivenManifests
from dra_policy.language.checking import Checking, kubernetes_name
from dra_policy.language.claims import claim_of_request, named
from dra_policy.language.models import constants_of
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.scope import CLAIM, MODEL, Problems, Scope
from dra_policy.language.tree import (
    ExpectPlaced,
    ExpectRefused,
    GivenInventory,
    GivenModel,
    Name,
    Test,
    TestClaim,
)
from dra_policy.language.types import Constant, SetType
from dra_policy.resources import label_problem, subdomain_problem

# Where devices stand of which a test does not say more.
DEFAULT_NODE = "node-1"
# A test is an example; a fleet belongs into an inventory.
GIVEN_LIMIT = 10_000


def check_tests(checking: Checking) -> None:
    """Resolve every test."""
    for policy, file in checking.files.items():
        scope = checking.scopes[policy]
        titles: dict[str, Test] = {}
        found: list[CheckedTest] = []
        for statement in file.statements:
            if not isinstance(statement, Test):
                continue
            first = titles.setdefault(statement.title.value, statement)
            if first is not statement:
                note = Related(first.title.span, "first declared here")
                message = f'test "{statement.title.value}" is declared already'
                scope.problems.add("NAM003", message, statement.title.span, "give it another title", note)
            found.append(_test(checking, scope, statement))
        checking.tests[policy] = tuple(found)


def _test(checking: Checking, scope: Scope, test: Test) -> CheckedTest:
    problems = scope.problems
    steps: list[CheckedStep] = []
    claimed: dict[str, Name] = {}
    expected: dict[str, Name] = {}
    for step in test.steps:
        match step:
            case GivenModel():
                given = _given(checking, scope, step)
                if given is not None:
                    steps.append(given)
            case GivenInventory(path, span):
                steps.append(GivenManifests(path.value, span))
            case TestClaim():
                steps += _claims(checking, scope, step, claimed)
            case ExpectPlaced() | ExpectRefused():
                _expected(step, claimed, expected, problems)
                steps.append(step)
    if not any(isinstance(step, ExpectPlaced | ExpectRefused) for step in test.steps):
        help_ = "write what should happen: `expect a placed` or `expect a refused`"
        problems.add("TST004", "this test expects nothing", test.title.span, help_)
    return CheckedTest(test.title.value, scope.policy, tuple(steps), test.title.span)


def _given(checking: Checking, scope: Scope, given: GivenModel) -> GivenDevices | None:
    problems = scope.problems
    if not 1 <= given.count.value <= GIVEN_LIMIT:
        message = f"a test gives from 1 to {GIVEN_LIMIT} devices, not {given.count.value}"
        problems.add("TST003", message, given.count.span, "write a count of 1 or more")
        return None
    node = DEFAULT_NODE if given.node is None else given.node.value
    problem = subdomain_problem(node)
    if problem is not None and given.node is not None:
        problems.add("NAM009", f"node `{node}` {problem}", given.node.span, kubernetes_name(node))
    found = scope.find(given.model, MODEL, wanted="a model to give")
    model = None if found is None else checking.models.get(found.key)
    if model is None:
        return None
    settings: dict[AttributeSchema, tuple[Constant, ...]] = {}
    for setting in given.settings:
        attribute = find_attribute(model.device, setting.name, scope)
        if attribute is None:
            continue
        value = constants_of(attribute, (setting.value,), setting.span, problems)
        if value is None:
            continue
        if attribute.unique and given.count.value > 1:
            message = f"`{attribute.name}` is unique in a cluster, and {given.count.value} devices are given"
            note = Related(attribute.span, "declared here")
            problems.add("RUL012", message, setting.name.span, "give them one by one, or leave it out", note)
            continue
        if attribute in settings and not isinstance(attribute.type, SetType):
            problems.add("NAM003", f"`{attribute.name}` is set already", setting.name.span, "remove one of the two")
            continue
        settings[attribute] = (*settings.get(attribute, ()), *value)
    return GivenDevices(given.count.value, model, node, settings, given.span)


def _claims(checking: Checking, scope: Scope, step: TestClaim, claimed: dict[str, Name]) -> list[GivenClaim]:
    problems = scope.problems
    template = _template(checking, scope, step)
    found: list[GivenClaim] = []
    for name in step.names:
        first = claimed.setdefault(name.text, name)
        if first is not name:
            note = Related(first.span, "first claimed here")
            problems.add("NAM003", f"claim `{name.text}` is made already", name.span, "give it another name", note)
            continue
        named(name, "claim", subdomain_problem(name.text), problems)
        made = template
        if step.request is not None:
            # The request of an inline claim is named like its claim, so it must be a name for requests too.
            named(name, "claim", label_problem(name.text), problems)
            made = _renamed(template, name)
        if made is not None:
            found.append(GivenClaim(name.text, made, step.span))
    return found


def _template(checking: Checking, scope: Scope, step: TestClaim) -> CheckedClaim | None:
    if step.template is not None:
        entry = scope.find(step.template, CLAIM, wanted="a claim")
        return None if entry is None else checking.claims.get(entry.key)
    if step.request is None:
        return None
    return claim_of_request(checking, scope, step.request)


def _renamed(template: CheckedClaim | None, name: Name) -> CheckedClaim | None:
    """An inline claim under another name, which is that of its request too."""
    if template is None:
        return None
    request = template.requests[0]
    old = request.name

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.text + one[len(old) :] if one.split("/")[0] == old else one for one in names)

    return replace(
        template,
        name=name.text,
        requests=(replace(request, name=name.text),),
        constraints=tuple(replace(one, requests=renamed(one.requests)) for one in template.constraints),
        sets=tuple(replace(one, requests=renamed(one.requests)) for one in template.sets),
    )


def _expected(
    step: ExpectPlaced | ExpectRefused, claimed: dict[str, Name], expected: dict[str, Name], problems: Problems
) -> None:
    for name in step.names:
        if name.text not in claimed:
            listed = ", ".join(f"`{entry}`" for entry in claimed)
            help_ = problems.hint(
                name.text, claimed, f"claims above are {listed}" if listed else f"write `claim {name.text} ...`"
            )
            problems.add("TST001", f"no claim `{name.text}` is made above", name.span, help_)
            continue
        first = expected.setdefault(name.text, name)
        if first is not name:
            note = Related(first.span, "first expected here")
            message = f"what becomes of `{name.text}` is said already"
            problems.add("NAM003", message, name.span, "remove one of the two", note)
