"""What a test gives: nodes and slices of its models, machines and manifests."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dra_policy.diagnostics import Diagnostic, Related, has_errors
from dra_policy.engine import ObjectLike
from dra_policy.language.checked import CheckedClaim, CheckedConstraint, CheckedPolicies, CheckedRequest
from dra_policy.language.expectations import DEFAULT_NODE
from dra_policy.language.predicates import read_by
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.trials import (
    CheckedTest,
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
from dra_policy.testing.likeness import comparable


@dataclass(frozen=True, eq=False)
class Given:
    """Objects of the API, in the order in which they are applied; none if there are errors among the problems."""

    objects: tuple[ObjectLike, ...]
    problems: tuple[Diagnostic, ...]

    @cached_property
    def likeness(self) -> Hashable:
        """Equal for two that hold the same."""
        objects = [one.value if isinstance(one, ReadObject) else one for one in self.objects]
        return comparable([objects, [(one.code, one.message, one.severity) for one in self.problems]])


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


def given(policies: CheckedPolicies, test: CheckedTest, features: Features) -> Given:
    """What the steps of a test give. Raises `InvalidInput` for what no slice can hold."""
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
        return Given((), tuple(inventory.problems))
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
    objects: tuple[ObjectLike, ...] = (*inventory.objects, *relabelled, *fleet.nodes(known), *fleet.slices(pools))
    return Given(objects, tuple(inventory.problems))


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
            for attribute in _read_by_claim(template, given.model):
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
    """Whether a value comes with the modes of the board or their profiles, or is an empty set in one text."""
    modes = Catalog.of(policies).modes(given.model)
    gives = [] if modes is None else [mode.gives for mode in modes.modes.values()]
    gives += [] if modes is None else [one.gives for mode in modes.modes.values() for one in mode.profiles.values()]
    return bool(attribute.joined_by) or any(attribute.name in one for one in gives)


def _read_by_claim(claim: CheckedClaim, model: ModelSchema) -> Iterator[AttributeSchema]:
    """What a claim reads of the devices of a model."""
    for request in claim.requests:
        yield from _read_by_request(request, model)
        for device in dict.fromkeys(ask.of.device for ask in request.asks):
            for attribute in device.attributes.values():
                if any(attribute.published.qualified == c.attribute for c in _constraints_on(claim, request)):
                    yield attribute


def _constraints_on(claim: CheckedClaim, request: CheckedRequest) -> list[CheckedConstraint]:
    return [c for c in claim.constraints if not c.requests or request.name in c.requests]


def _read_by_request(request: CheckedRequest, model: ModelSchema) -> Iterator[AttributeSchema]:
    for ask in request.asks:
        boards = (ask.of.model,) if ask.of.part is None else ask.of.part.boards
        if all(board is not None and board is not model and board is not model.device for board in boards):
            continue
        for clause in (*ask.of.clauses, *ask.clauses):
            yield from read_by(clause.condition)
        if ask.of.model is not None and ask.of.part is None:
            yield from (value.attribute for value in ask.of.model.values.values())
        yield from (takes.capacity for takes in ask.takes)


__all__ = ["Given", "given"]
