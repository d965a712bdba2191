"""Rendering says what the policies say: upstream's allocator, on rendered objects, does as our engine on the policies.

For shipped policies and random ones, with random fleets and claims one after the other:

- what our engine grants, upstream grants, device for device; what it refuses, upstream refuses. The engine has the rules
  that the report gives to the cluster, and no others;
- what a rule that the report gives to the cluster forbids is never granted. That is told without CEL and without our
  engine, from the meaning of the rules (`meaning.py`).

`DRA_POLICY_TRANSLATIONS` sets how many random policies there are (30), `DRA_POLICY_TRANSLATION_SEED` which ones.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.engine import Engine
from dra_policy.language import load, lower
from dra_policy.language.checked import CheckedAsk, CheckedClaim, CheckedPolicies
from dra_policy.language.lowering import lower_claim
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.types import INT, TEXT, VERSION, Constant
from dra_policy.render import Catalog, Fleet
from dra_policy.render.enforcement import By, enforcement, failures
from dra_policy.render.fitting import fitting
from dra_policy.render.kept import kept_claim, lost_class
from dra_policy.render.objects import Question, machine_slices, rendered_class, rendered_template
from dra_policy.render.targets import Target
from dra_policy.resources import AllocationResult, Device, ResourceSlice, to_object
from dra_policy.resources.features import FEATURE_NAMES
from dra_policy.rules import ClaimKey
from dra_policy.rules.site import SiteRules
from dra_policy.shipped import policies_folder
from dra_policy.source import Source, Span

HERE: Final = Path(__file__).parent
ORACLE: Final = HERE.parent / "oracle"
WITHOUT: Final = "DRA_POLICY_WITHOUT_ORACLE"
TRANSLATIONS: Final = int(os.environ.get("DRA_POLICY_TRANSLATIONS", "30"))
SEED: Final = int(os.environ.get("DRA_POLICY_TRANSLATION_SEED", "20261123"))
NODE: Final = "node-1"
SHIPPED: Final = sorted(folder.name for folder in policies_folder().iterdir() if any(folder.glob("*.dra")))

Ask = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def upstream(load_module: Callable[[Path], ModuleType]) -> Iterator[Ask]:
    """Upstream's allocator."""
    if os.environ.get(WITHOUT):
        pytest.skip(f"{WITHOUT} is set: nothing is compared with upstream")
    program = load_module(ORACLE / "building.py").build(ORACLE)
    command = [str(program), "-timeout", "20s"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, got = process.stdin, process.stdout

        def ask(question: dict[str, Any]) -> dict[str, Any]:
            given.write(json.dumps(question).encode() + b"\n")
            given.flush()
            answer: dict[str, Any] = json.loads(got.readline())
            return answer

        yield ask
        given.close()


@pytest.fixture(scope="module")
def at_random(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    return load_module(HERE / "policies_at_random.py")


@pytest.fixture(scope="module")
def meaning(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    return load_module(HERE / "meaning.py")


@dataclass
class Cluster:
    """One node, what is rendered for it, the engine with the same devices, and what is in use."""

    policies: CheckedPolicies
    target: Target
    slices: list[ResourceSlice]
    upstream: Ask
    meaning: ModuleType
    node: str = NODE
    made: int = 0
    allocated: list[dict[str, Any]] = field(default_factory=list)
    held: list[list[tuple[CheckedAsk, str, str, Device]]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.engine = Engine(features=self.target.features)
        # Rules that the cluster does not enforce are not rendered, so the engine does without them, too.
        self.engine.load_rules(replace(lower(self.policies, self.target.features), site=SiteRules()))
        self.engine.apply(self.node_object(), *map(to_object, self.slices))
        classes = [one for one in self.policies.classes.values() if not lost_class(one, self.target)]
        self.classes = [to_object(rendered_class(one, self.target)) for one in classes]
        self.published = {
            (one.spec.driver, one.spec.pool.name, device.name): device
            for one in self.slices
            for device in one.spec.devices
        }
        self.totals: dict[tuple[str, str], Fraction] = {}
        for one in self.slices:
            for counters in one.spec.shared_counters:
                for name, counter in counters.counters.items():
                    self.totals[counters.name, name] = counter.value.value

    def node_object(self) -> dict[str, Any]:
        labels = {"kubernetes.io/hostname": self.node}
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.node, "labels": labels}}

    def ask(self, claim: CheckedClaim) -> None:
        """One more claim, of both; they have to agree, and no rule may be broken. What is left out is not asked."""
        kept = kept_claim(claim, self.target)
        if kept is None:
            return
        claim = kept
        self.made += 1
        name = f"claim-{self.made}"
        template = to_object(rendered_template(claim, self.target))
        metadata = {"name": name, "namespace": "default", "uid": name}
        object_ = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": metadata,
            "spec": template["spec"]["spec"],
        }
        question = {
            "id": name,
            "features": {upstream: getattr(self.target.features, ours) for ours, upstream in FEATURE_NAMES.items()},
            "node": self.node_object(),
            "classes": self.classes,
            "slices": [to_object(one) for one in self.slices],
            "claims": [object_],
            "allocatedClaims": self.allocated,
        }
        theirs = self.upstream(question)
        rules = lower_claim(claim, self.target.features, ClaimKey("default", name))
        native = tuple(one for one in rules.constraints if not one.aliases)
        ours = self.engine.allocate(replace(rules, sets=(), constraints=native), self.node)
        context = (claim.name, theirs.get("error"), ours)
        assert not theirs["gaveUp"], context
        if theirs["error"] is not None:
            # `all` that meets a constraint it breaks ends the search, there and here.
            assert isinstance(ours, Failed), context
            self.seen["failed"] += 1
            return
        if isinstance(ours, Unsatisfiable):
            assert not theirs["allocated"], context
            self.seen["refused"] += 1
            return
        assert isinstance(ours, Allocated), context
        assert theirs["allocated"], context
        (given,) = theirs["results"]
        assert answer_of(given) == answer_of(to_object(ours.results[0])), context
        self.seen["granted"] += 1
        self.allocated.append({**object_, "status": {"allocation": shared_alike(given, ours.results[0])}})
        self.judge(claim, given)

    # ------------------------------------------------------------------------------------------- what rules forbid

    def judge(self, claim: CheckedClaim, given: Mapping[str, Any]) -> None:
        """Nothing that a rule of the cluster forbids was granted."""
        by_request: dict[str, list[tuple[str, Device]]] = {}
        held: list[tuple[CheckedAsk, str, str, Device]] = []
        for result in given["devices"]["results"]:
            device = self.published[result["driver"], result["pool"], result["device"]]
            by_request.setdefault(result["request"], []).append((result["driver"], device))
            held.append((ask_of(claim, result["request"]), result["driver"], result["pool"], device))
        self.held.append(held)
        chosen = {name.split("/")[0]: name for name in by_request}
        for request in claim.requests:
            name = chosen.get(request.name)
            if name is None:
                continue  # Invariant: only `all` of nothing has no devices, and that is refused
            ask = ask_of(claim, name)
            devices = [device for _, device in by_request[name]]
            if ask.count is not None:
                assert len(devices) == ask.count
            for driver, device in by_request[name]:
                self.one(ask, driver, device)
        for constraint in claim.constraints:
            wanted = constraint.requests or tuple(chosen)
            concerned = [
                (driver, device)
                for name, many in by_request.items()
                if name.split("/")[0] in wanted or name in wanted
                for driver, device in many
            ]
            if constraint.names or not concerned:
                continue
            test = self.meaning.alike if constraint.keyword == "same" else self.meaning.unlike
            assert test(constraint.attribute, concerned[0][0], [device for _, device in concerned]), constraint.words
            self.seen[constraint.keyword] += 1
        self.together()

    def one(self, ask: CheckedAsk, driver: str, device: Device) -> None:
        class_ = ask.of
        assert driver == class_.device.driver
        for clause in (*class_.clauses, *ask.clauses):
            assert self.meaning.holds(clause.condition, device), (clause.words, device.name)
            self.seen["clause"] += 1
        if class_.model is not None and class_.part is None:
            for value in class_.model.values.values():
                self.model_value(value.attribute, value.constants, value.tolerance, device)
        if class_.part is not None and class_.part.share is not None:
            assert device.allow_multiple_allocations, device.name
        if class_.part is not None and class_.part.profile:
            profile = class_.part.modes[0].profiles[class_.part.profile]
            for value in profile.gives.values():
                self.model_value(value.attribute, value.constants, value.tolerance, device)
            self.seen["profile"] += 1
        taints = [one for one in device.taints if one.effect in ("NoSchedule", "NoExecute")]
        assert not taints or ask.tolerations, device.name

    def model_value(
        self, attribute: AttributeSchema, constants: Sequence[Constant], tolerance: Fraction, device: Device
    ) -> None:
        if len(constants) != 1 or "{" in str(constants[0].value):
            return
        wanted = constants[0].value
        found = self.meaning.value_of(attribute, device)
        if isinstance(wanted, Fraction):
            assert abs(found - wanted) <= wanted * tolerance, (attribute.name, device.name)
        elif attribute.published.key in device.attributes and not device.attributes[attribute.published.key].strings:
            assert str(found) == str(wanted) or found == wanted, (attribute.name, device.name)

    def together(self) -> None:
        """What is in use at once: counters, exclusive devices, and how many claims share one."""
        users: Counter[tuple[str, str, str]] = Counter()
        devices: dict[tuple[str, str, str], Device] = {}
        for held in self.held:
            for key in {(driver, pool, device.name) for ask, driver, pool, device in held if not ask.admin}:
                users[key] += 1
                devices[key] = self.published[key]
        for key, count in users.items():
            device = devices[key]
            if not device.allow_multiple_allocations:
                assert count == 1, key
            slots = device.capacity.get("slots")
            if slots is not None:
                assert count <= slots.value.value, key
                self.seen["shared"] += count > 1
        pools: dict[tuple[str, str], list[Device]] = {}
        for (driver, pool, _), device in devices.items():
            pools.setdefault((driver, pool), []).append(device)
        for many in pools.values():
            assert not self.meaning.overdrawn(many, self.totals), [device.name for device in many]
        self.grids(devices)

    def grids(self, devices: Mapping[tuple[str, str, str], Device]) -> None:
        """No two devices of one board lie on one position: told from their names, without counters."""
        boards: dict[str, list[tuple[int, int, str]]] = {}
        for _, _, name in devices:
            parent, cut, rest = name.partition("-mig-")
            if not cut:
                boards.setdefault(parent.removesuffix("-crowd"), []).append((0, 4, name))
                continue
            size, _, start = rest.partition("g-")
            if size.isdigit() and start.isdigit():
                boards.setdefault(parent, []).append((int(start), int(start) + int(size), name))
        for places in boards.values():
            for number, (begin, end, name) in enumerate(places):
                for other_begin, other_end, other in places[number + 1 :]:
                    assert end <= other_begin or other_end <= begin, (name, other)


def ask_of(claim: CheckedClaim, name: str) -> CheckedAsk:
    request, _, alternative = name.partition("/")
    found = next(one for one in claim.requests if one.name == request)
    return next(ask for ask in found.asks if not alternative or ask.name == alternative)


def answer_of(allocation: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal: devices in order, what they consume, and configuration. Share ids are random."""
    devices = allocation.get("devices", {})
    results = [
        {name: value for name, value in result.items() if name != "shareID"} | {"shared": "shareID" in result}
        for result in devices.get("results", ())
    ]
    return {
        "results": results,
        "config": devices.get("config") or [],
        "nodes": allocation.get("nodeSelector"),
    }


def shared_alike(given: dict[str, Any], ours: AllocationResult) -> dict[str, Any]:
    """Upstream's answer with our share ids."""
    mine = to_object(ours)
    return {**given, "devices": {**given["devices"], "results": mine["devices"]["results"]}}


# ----------------------------------------------------------------------------------------------------------- random


def constant(attribute: AttributeSchema, text: str, span: Span) -> Constant:
    if text.endswith("Gi"):
        return Constant(attribute.type, Fraction(int(text[:-2]) * 2**30), span, binary=True)  # type: ignore[arg-type]  # a capacity
    if text in ("true", "false"):
        return Constant(attribute.type, text == "true", span)  # type: ignore[arg-type]  # a flag
    if attribute.name == "firmware":
        return Constant(VERSION, text, span)
    return Constant(TEXT, text[1:-1], span) if text.startswith('"') else Constant(INT, int(text), span)


def boards(
    fleet: Fleet, policies: CheckedPolicies, given: Sequence[tuple[str, int, Sequence[tuple[str, str]]]]
) -> None:
    models: dict[str, ModelSchema] = {name: one for policy in policies for name, one in policy.models.items()}
    for name, count, settings in given:
        model = models[name]
        values = {
            model.device.attributes[key]: (constant(model.device.attributes[key], text, model.span),)
            for key, text in settings
        }
        fleet.give(count, model, NODE, values)


def targets(rng: random.Random) -> Target:
    switches = {
        name: False
        for name in ("PartitionableDevices", "ConsumableCapacity", "DeviceTaints", "FractionalCapacityRange")
        if rng.random() < 0.1
    }
    if rng.random() < 0.3:
        switches["ListTypeAttributes"] = True
    return Target.of("1.37", switches)


SEEN: Final[Counter[str]] = Counter()


@pytest.mark.parametrize("number", range(TRANSLATIONS))
def test_random_policies(number: int, upstream: Ask, at_random: ModuleType, meaning: ModuleType) -> None:
    rng = random.Random(SEED + number)
    case = at_random.random_case(rng)
    policies, problems = load(Source(f"random-{number}.dra", case.text))
    assert policies is not None, (case.text, problems)
    target = targets(rng)
    if failures(enforcement(policies, target), target):
        target = Target.of("1.37")
    assert {one.by for one in enforcement(policies, target)} <= {By.CLUSTER, By.LOST}
    fleet = Fleet(Catalog.of(policies), lists=target.features.list_type_attributes, invented=True)
    boards(fleet, policies, case.boards)
    cluster = Cluster(policies, target, fitting(fleet.slices(), target), upstream, meaning)
    for name in case.asked:
        claim = policies.claim(name)
        assert claim is not None
        cluster.ask(claim)
    SEEN.update(cluster.seen)
    SEEN["policies"] += 1


def test_the_random_policies_ask_about_everything() -> None:
    """No kind of rule went untried."""
    if SEEN["policies"] < TRANSLATIONS:
        pytest.skip("the random policies were asked elsewhere, or not at all")
    assert all(SEEN[kind] for kind in ("granted", "refused", "clause", "profile", "same", "distinct", "shared")), SEEN


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policies(name: str, upstream: Ask, meaning: ModuleType) -> None:
    policies, problems = load(*sorted((policies_folder() / name).glob("*.dra")))
    assert policies is not None, problems
    target = Target.of("1.37", controller=True)
    rng = random.Random(SEED)
    claims = [one for policy in policies if policy.given for one in policy.claims.values()]
    machines = [one for policy in policies if policy.given for one in policy.hardware.machines.values()]
    if not claims:
        pytest.skip(f"policies/{name} declares no claims")
    assert machines or any(policy.models for policy in policies)
    for machine in machines:
        if len(machine.slots) > 64:
            continue
        placed = machine_slices(Question(policies, target, [(machine, NODE)]))
        cluster = Cluster(policies, target, placed, upstream, meaning)
        for claim in rng.choices(claims, k=4):
            cluster.ask(claim)
    catalog = Catalog.of(policies)
    models: list[tuple[str, int, Sequence[tuple[str, str]]]] = [
        (name, 2 if alone(catalog, model) else 1, ())
        for policy in policies
        if policy.given
        for name, model in policy.models.items()
    ]
    for chosen in models[:4]:
        fleet = Fleet(catalog, lists=target.features.list_type_attributes, invented=True)
        boards(fleet, policies, [chosen])
        cluster = Cluster(policies, target, fitting(fleet.slices(), target), upstream, meaning)
        for claim in rng.choices(claims, k=4):
            cluster.ask(claim)


def alone(catalog: Catalog, model: ModelSchema) -> bool:
    """Whether each board has counters of its own; those of a node are there once."""
    modes = catalog.modes(model)
    return modes is None or not modes.counters or "{parent}" in modes.counters
