"""The pass over tests: what is given, what is claimed and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute, look_up
from dra_policy.language.checked import CheckedClaim, CheckedRequest
from dra_policy.language.checking import Checking, kubernetes_name
from dra_policy.language.claims import claim_of_request, named
from dra_policy.language.constants import constant
from dra_policy.language.models import constants_of
from dra_policy.language.parameters import check_settings, parameters_named
from dra_policy.language.schema import AttributeSchema, ParametersSchema
from dra_policy.language.scope import CLAIM, GANG, GATE, MACHINE, MODEL, Problems, Scope
from dra_policy.language.tree import (
    ExpectConfigured,
    ExpectPlaced,
    ExpectRefused,
    GivenInventory,
    GivenModel,
    Name,
    Test,
    TestClaim,
    TestGang,
)
from dra_policy.language.trials import (
    CheckedStep,
    CheckedTest,
    ExpectedConfiguration,
    GivenClaim,
    GivenDevices,
    GivenGang,
    GivenGate,
    GivenLabel,
    GivenMachines,
    GivenManifests,
    GivenTime,
    Released,
)
from dra_policy.language.types import Constant, SetType, VersionType
from dra_policy.resources import Semver, key_problem, label_problem, subdomain_problem, value_problem
from dra_policy.rules.subjects import SubjectValue

# Where devices stand of which a test does not say more.
DEFAULT_NODE = "node-1"
# A test is an example; a fleet belongs into an inventory.
GIVEN_LIMIT = 10_000
MACHINES_LIMIT = 1_000


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
    claimed = _Claimed()
    _given_first(test, problems)
    for step in test.steps:
        match step:
            case GivenModel():
                given = _given(checking, scope, step)
                if given is not None:
                    steps.append(given)
            case tree.GivenMachine():
                machines = _machines(checking, scope, step)
                if machines is not None:
                    steps.append(machines)
            case GivenInventory(path, span):
                steps.append(GivenManifests(path.value, span))
            case tree.GivenLabel():
                steps.append(_label(scope, step))
            case tree.GivenGate():
                found = scope.find(step.gate, GATE, wanted="a gate")
                gate = None if found is None else checking.gates.get(found.key)
                if gate is not None:
                    steps.append(GivenGate(gate, step.on, step.span))
            case tree.GivenTime():
                at = _time(scope, step)
                if at is not None:
                    steps.append(GivenTime(at, step.span))
            case tree.Release():
                for name in step.names:
                    _made_above(name, claimed, problems)
                steps.append(Released(tuple(name.text for name in step.names), step.span))
            case TestClaim():
                steps += _claims(checking, scope, step, claimed)
            case TestGang():
                steps += _gangs(checking, scope, step, claimed)
            case ExpectPlaced() | ExpectRefused():
                _expected(step, claimed, problems)
                steps.append(step)
            case ExpectConfigured():
                configured = _configured(checking, scope, step, claimed)
                if configured is not None:
                    steps.append(configured)
    if not any(isinstance(step, ExpectPlaced | ExpectRefused | ExpectConfigured) for step in test.steps):
        help_ = "write what should happen: `expect a placed` or `expect a refused`"
        problems.add("TST004", "this test expects nothing", test.title.span, help_)
    _told_nothing(claimed, problems)
    return CheckedTest(test.title.value, scope.policy, tuple(steps), test.title.span)


def _given_first(test: Test, problems: Problems) -> None:
    """Devices and nodes are there before the first claim, so nobody may read them as coming later."""
    claim: TestClaim | TestGang | None = None
    for step in test.steps:
        if isinstance(step, TestClaim | TestGang):
            claim = claim or step
        elif claim is not None and isinstance(step, GivenModel | tree.GivenMachine | GivenInventory | tree.GivenLabel):
            note = Related(claim.names[0].span, "the first claim")
            message = "what is given is there before the first claim, and this stands behind it"
            help_ = "write it in front of the claims; a test of what comes later is another test"
            problems.add("TST006", message, step.span, help_, note)


@dataclass
class _Claimed:
    """What the steps so far claim: where each name was made, of what, and what is expected of it."""

    made: dict[str, Name] = field(default_factory=dict)
    claims: dict[str, CheckedClaim] = field(default_factory=dict)
    expected: dict[str, Name] = field(default_factory=dict)
    refused: dict[str, Name] = field(default_factory=dict)
    configured: dict[str, Name] = field(default_factory=dict)


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
        if attribute is not None:
            _set(settings, attribute, setting, given.count.value, problems)
    return GivenDevices(given.count.value, model, node, settings, given.span)


def _set(
    settings: dict[AttributeSchema, tuple[Constant, ...]],
    attribute: AttributeSchema,
    setting: tree.Setting,
    count: int,
    problems: Problems,
) -> None:
    """Take a value of what `count` devices publish."""
    value = constants_of(attribute, (setting.value,), setting.span, problems)
    if value is None:
        return
    if attribute.unique and count > 1:
        message = f"`{attribute.name}` is unique in a cluster, and {count} devices are given"
        note = Related(attribute.span, "declared here")
        problems.add("RUL012", message, setting.name.span, "give them one by one, or leave it out", note)
        return
    if attribute in settings and not isinstance(attribute.type, SetType):
        problems.add("NAM003", f"`{attribute.name}` is set already", setting.name.span, "remove one of the two")
        return
    settings[attribute] = (*settings.get(attribute, ()), *value)


def _machines(checking: Checking, scope: Scope, given: tree.GivenMachine) -> GivenMachines | None:
    problems = scope.problems
    if not 1 <= given.count.value <= MACHINES_LIMIT:
        message = f"a test gives from 1 to {MACHINES_LIMIT} machines, not {given.count.value}"
        problems.add("TST003", message, given.count.span, "write a count of 1 or more")
        return None
    found = scope.find(given.machine, MACHINE, wanted="a machine to give")
    machine = None if found is None else checking.machines.get(found.key)
    if machine is None:
        return None
    node = machine.name.lower().replace("_", "-") if given.node is None else given.node.value
    problem = subdomain_problem(node)
    if problem is not None and given.node is not None:
        problems.add("NAM009", f"node `{node}` {problem}", given.node.span, kubernetes_name(node))
    settings: dict[AttributeSchema, tuple[Constant, ...]] = {}
    devices = list(dict.fromkeys(slot.model.device for slot in machine.slots))
    for setting in given.settings:
        having = [one for one in devices if look_up(one, setting.name.text, scope) is not None]
        for device in having or devices[:1]:
            attribute = find_attribute(device, setting.name, scope)
            if attribute is not None:
                _set(settings, attribute, setting, len(machine.slots) * given.count.value, problems)
    count = given.count.value
    nodes = (node,) if count == 1 else tuple(f"{node}-{number}" for number in range(1, count + 1))
    return GivenMachines(machine, nodes, settings, given.span)


def _label(scope: Scope, given: tree.GivenLabel) -> GivenLabel:
    problems = scope.problems
    label, value, node = given.label.value, given.value.value, given.node.value
    for what, problem, span in (
        (f"label `{label}`", key_problem(label), given.label.span),
        (f"value `{value}` of a label", value_problem(value), given.value.span),
        (f"node `{node}`", subdomain_problem(node), given.node.span),
    ):
        if problem is not None:
            problems.add("NAM009", f"{what} {problem}", span, 'write it like "r1"')
    return GivenLabel(label, value, node, given.span)


def _time(scope: Scope, given: tree.GivenTime) -> datetime | None:
    zone = "UTC" if given.zone is None else given.zone.text
    try:
        day = date.fromisoformat(given.date.text)
    except ValueError:
        scope.problems.add("SIT004", f"there is no {given.date.text}", given.date.span, "write a day that is")
        return None
    try:
        at = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        assert given.zone is not None  # Invariant: UTC exists
        scope.problems.add(
            "SIT004", f"there is no time zone `{zone}`", given.zone.span, "write it like `Europe/Berlin`"
        )
        return None
    return datetime.combine(day, time(0), at) + timedelta(minutes=given.time.minutes)


def _subject(checking: Checking, scope: Scope, settings: tuple[tree.Setting, ...]) -> Mapping[str, SubjectValue]:
    """The values of fields of the asker."""
    fields = {
        name: field
        for policy in (*scope.imports, scope.policy)
        if policy in checking.sites
        for name, field in checking.sites[policy].fields.items()
    }
    found: dict[str, SubjectValue] = {}
    for setting in settings:
        name = setting.name
        field = fields.get(name.text)
        if field is None:
            known = ", ".join(f"`{one}`" for one in fields)
            help_ = scope.problems.hint(name.text, fields, f"its fields are {known or 'none'}")
            scope.problems.add("SIT001", f"the subject has no field `{name.text}`", name.span, help_)
        elif name.text in found:
            scope.problems.add("NAM003", f"`{name.text}` is set already", name.span, "remove one of the two")
        elif field.type is None:
            message = f"`{name.text}` is a time, which no value says"
            scope.problems.add("SIT001", message, setting.span, "write `given time ...`")
        else:
            value = constant(setting.value, field.type, f"`{name.text}`", scope.problems, None)
            if value is not None:
                text = isinstance(value.type, VersionType)
                found[name.text] = Semver.parse(str(value.value)) if text else value.value
    return found


def _claims(checking: Checking, scope: Scope, step: TestClaim, claimed: _Claimed) -> list[GivenClaim]:
    problems = scope.problems
    template = _template(checking, scope, step)
    subject = _subject(checking, scope, step.subject)
    namespace = "" if step.namespace is None else step.namespace.value
    if step.namespace is not None:
        problem = label_problem(namespace)
        if problem is not None:
            message = f"namespace `{namespace}` {problem}"
            problems.add("NAM009", message, step.namespace.span, kubernetes_name(namespace))
    found: list[GivenClaim] = []
    for name in step.names:
        if not _new(name, claimed, problems):
            continue
        made = template
        if step.request is not None:
            # The request of an inline claim is named like its claim, so it must be a name for requests too.
            named(name, "claim", label_problem(name.text), problems)
            made = _renamed(template, name)
        if made is not None:
            claimed.claims[name.text] = made
            found.append(GivenClaim(name.text, made, step.span, namespace, subject))
    return found


def _gangs(checking: Checking, scope: Scope, step: TestGang, claimed: _Claimed) -> list[GivenGang]:
    subject = _subject(checking, scope, step.subject)
    entry = scope.find(step.gang, GANG, wanted="a gang")
    site = None if entry is None else checking.sites.get(entry.key[0])
    gang = None if entry is None or site is None else site.gangs.get(entry.key[2])
    found: list[GivenGang] = []
    for name in step.names:
        if _new(name, claimed, scope.problems) and gang is not None:
            claimed.claims[name.text] = gang.claim
            found.append(GivenGang(name.text, gang, step.span, subject))
    return found


def _new(name: Name, claimed: _Claimed, problems: Problems) -> bool:
    """Whether a name is the first of its kind in the test."""
    first = claimed.made.setdefault(name.text, name)
    if first is not name:
        note = Related(first.span, "first claimed here")
        problems.add("NAM003", f"claim `{name.text}` is made already", name.span, "give it another name", note)
        return False
    named(name, "claim", subdomain_problem(name.text), problems)
    return True


def _template(checking: Checking, scope: Scope, step: TestClaim) -> CheckedClaim | None:
    if step.template is not None:
        entry = scope.find(step.template, CLAIM, wanted="a claim to make")
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


def _made_above(name: Name, claimed: _Claimed, problems: Problems) -> bool:
    if name.text in claimed.made:
        return True
    listed = ", ".join(f"`{entry}`" for entry in claimed.made)
    help_ = problems.hint(
        name.text, claimed.made, f"claims above are {listed}" if listed else f"write `claim {name.text} ...`"
    )
    problems.add("TST001", f"no claim `{name.text}` is made above", name.span, help_)
    return False


def _expected(step: ExpectPlaced | ExpectRefused, claimed: _Claimed, problems: Problems) -> None:
    for name in step.names:
        if not _made_above(name, claimed, problems):
            continue
        first = claimed.expected.setdefault(name.text, name)
        if first is not name:
            note = Related(first.span, "first expected here")
            message = f"what becomes of `{name.text}` is said already"
            problems.add("NAM003", message, name.span, "remove one of the two", note)
        elif isinstance(step, ExpectRefused):
            claimed.refused[name.text] = name


def _configured(
    checking: Checking, scope: Scope, step: ExpectConfigured, claimed: _Claimed
) -> ExpectedConfiguration | None:
    problems = scope.problems
    schema = parameters_named(checking, scope, step.parameters)
    names = [name for name in step.names if _made_above(name, claimed, problems)]
    for name in names:
        claimed.configured.setdefault(name.text, name)
    if schema is None:
        return None
    values, _ = check_settings(schema, step.settings, problems, admin=True)
    for name in names:
        claim = claimed.claims.get(name.text)
        if claim is not None:
            _goes_there(claim, schema, step, problems)
    requests = tuple(name.text for name in step.requests)
    text = " ".join(f"{setting.name.text} = {setting.value.span.text}" for setting in step.settings)
    shown = (
        f"configured {schema.name}{' for ' + ', '.join(requests) if requests else ''}{f' {{ {text} }}' if text else ''}"
    )
    return ExpectedConfiguration(
        tuple(name.text for name in names), schema, requests, MappingProxyType(values), shown, step.span
    )


def _goes_there(claim: CheckedClaim, schema: ParametersSchema, step: ExpectConfigured, problems: Problems) -> None:
    """Whether the requests that are looked at go to the driver of the parameters."""
    note = Related(schema.span, f"declared here for driver `{schema.device.driver}`")
    known = {request.name: request for request in claim.requests}
    for name in step.requests:
        request = known.get(name.text)
        if request is None:
            listed = ", ".join(f"`{one}`" for one in known)
            help_ = problems.hint(name.text, known, f"its requests are {listed}")
            problems.add("NAM014", f"claim `{claim.name}` has no request `{name.text}`", name.span, help_)
        elif not _goes(request, schema):
            driver = request.asks[0].of.device.driver
            message = f"request `{name.text}` goes to driver `{driver}`, not `{schema.device.driver}`"
            problems.add("RUL008", message, name.span, "leave it out", note)
    if not step.requests and not any(_goes(request, schema) for request in claim.requests):
        message = f"no request of `{claim.name}` goes to driver `{schema.device.driver}`"
        problems.add("RUL008", message, step.parameters.span, f"only that driver takes `{schema.name}`", note)


def _goes(request: CheckedRequest, schema: ParametersSchema) -> bool:
    return any(ask.of.device.driver == schema.device.driver for ask in request.asks)


def _told_nothing(claimed: _Claimed, problems: Problems) -> None:
    """Drivers are told nothing of claims that are refused."""
    for text, name in claimed.configured.items():
        if text in claimed.refused:
            note = Related(claimed.refused[text].span, "expected refused here")
            message = f"`{text}` is refused, so no driver is told its configuration"
            problems.add("TST005", message, name.span, "remove one of the two", note)
