"""Small random clusters of the kinds that matter, and the plain walk over all nodes that every answer must equal."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest

from dra_policy.allocation import Allocated, Failed, Outcome, Scope
from dra_policy.cluster import columns
from dra_policy.engine import Engine, Moment, Placing
from dra_policy.engine.answer import Asking
from dra_policy.engine.claims import resolve_all
from dra_policy.inventory import PoolState
from dra_policy.resources import Features, ResourceClaim
from dra_policy.rules import ClaimKey, ClaimRules, claim_rules

API = "resource.k8s.io/v1"
Json: TypeAlias = dict[str, Any]

GPU, NIC = "gpu.acme.com", "nic.acme.com"
ROOT = "resource.kubernetes.io/pcieRoot"


def node(name: str, zone: str = "a", features: Sequence[str] = ()) -> Json:
    metadata = {"name": name, "labels": {"zone": zone}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"declaredFeatures": list(features)}}


def published(name: str, driver: str, pool: str, devices: list[Json], **spec: Any) -> Json:
    return {
        "apiVersion": API,
        "kind": "ResourceSlice",
        "metadata": {"name": name},
        "spec": {
            "driver": driver,
            "pool": {"name": pool, "generation": spec.pop("generation", 1), "resourceSliceCount": spec.pop("of", 1)},
            "devices": devices,
            **spec,
        },
    }


def device_class(name: str, *conditions: str) -> Json:
    selectors = [{"cel": {"expression": condition}} for condition in conditions]
    return {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"selectors": selectors}}


def taint_rule(name: str, effect: str, **selector: str) -> Json:
    return {
        "apiVersion": API,
        "kind": "DeviceTaintRule",
        "metadata": {"name": name},
        "spec": {"deviceSelector": selector, "taint": {"key": "acme.com/sick", "effect": effect}},
    }


CLASSES = {
    "gpu": [f"device.driver == '{GPU}'"],
    "fast": [f"device.driver == '{GPU}' && device.attributes['{GPU}'].?model.orValue('') == 'fast'"],
    "marked": [f"device.driver == '{GPU}' && device.attributes['{GPU}'].?uuid.orValue('').endsWith('1')"],
    "nic": [f"device.driver == '{NIC}'"],
    "any": [],
    "strict": [f"device.attributes['{GPU}'].model == 'fast'"],  # an error on devices without a model
}


class World:
    """A random cluster that changes step by step."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        dice = self.random
        self.features = dice.choice([Features(), Features(), Features.all(), Features.named({})])
        self.engine = Engine(features=self.features, step_limit=dice.choice([1_000_000, 1_000_000, 1_000_000, 6]))
        self.nodes: dict[str, Json] = {}
        self.slices: dict[str, Json] = {}
        self.serial = 0
        # Most clusters have no error in them: with one, hardly any question goes on to the next node.
        self.errors = dice.random() < 0.15
        self.network = dice.random() < 0.4
        # Few kinds of nodes and few pods that come again and again: what is remembered is used.
        self.kinds = dice.choices([0, 1, 1, 2, 2, 3, 4, 4, 5, 6, 7], k=dice.choice([1, 2, 2, 3]))
        self.favourites: list[list[ClaimRules]] = []
        self.engine.apply(*(device_class(name, *conditions) for name, conditions in CLASSES.items()))
        for _ in range(dice.randint(2, 10)):
            self.add_node()
        if self.network:
            self.publish_network()

    # --- inventory

    def gpus(self, where: str, kind: int) -> list[Json]:
        dice = self.random
        devices: list[Json] = []
        size = dice.choice(["4Gi", "8Gi"])
        by_two = dice.random() < 0.7
        for i in range(kind % 4 + 2):
            self.serial += 1
            attributes: Json = {
                "model": {"string": "fast" if i % 2 == kind % 2 else "slow"},
                "uuid": {"string": f"GPU-{self.serial}"},
                "numa": {"int": i // 2},
                ROOT: {"string": f"{where}-{i // 2 if by_two else i % 2}"},
            }
            if self.errors and dice.random() < 0.2:
                del attributes["model"]
            if kind == 5:
                attributes[f"{GPU}/numa"] = {"int": i}
            if kind == 6 and self.features.list_type_attributes:
                attributes[ROOT] = {"strings": [f"{where}-{i // 2}", f"{where}-x{self.serial}"]}
            device: Json = {"name": f"gpu-{i}", "attributes": attributes}
            if kind == 2:
                device |= {"capacity": {"memory": {"value": size}}, "allowMultipleAllocations": True}
            if kind == 3 and dice.random() < 0.3:
                device["taints"] = [{"key": "acme.com/old", "value": "1", "effect": "NoSchedule"}]
            devices.append(device)
        return devices

    def partitions(self) -> list[Json]:
        devices: list[Json] = []
        for i, amount in enumerate(self.random.choice([(2, 1, 1, 3), (1, 2, 2, 1)])):
            counters = {"slots": {"value": str(amount)}}
            part: Json = {"counterSet": "board", "counters": counters}
            self.serial += 1
            devices.append({
                "name": f"part-{i}", "consumesCounters": [part],
                "attributes": {"model": {"string": "slow"}, "uuid": {"string": f"MIG-{self.serial}"}},
            })  # fmt: skip
        return devices

    def publish(self, name: str) -> None:
        """The slices of one node, of one of a few kinds."""
        dice = self.random
        kind = dice.choice(self.kinds)
        where = dice.choice([name, name, name, "same"])
        made: list[Json] = []
        if kind == 4:
            counters = [{"name": "board", "counters": {"slots": {"value": "3"}}}]
            made.append(published(f"{name}-c", GPU, name, [], nodeName=name, of=2, sharedCounters=counters))
            made.append(published(f"{name}-g", GPU, name, self.partitions(), nodeName=name, of=2))
        else:
            count = 2 if kind == 7 and dice.random() < 0.5 else 1  # a slice is missing
            made.append(published(f"{name}-g", GPU, name, self.gpus(where, kind), nodeName=name, of=count))
        if kind in (1, 3):
            nics = [{"name": f"nic-{i}", "attributes": {ROOT: {"string": f"{where}-{i}"}}} for i in range(2)]
            made.append(published(f"{name}-n", NIC, name, nics, nodeName=name))
        for old in [old for old in self.slices if old.startswith(f"{name}-")]:
            if old not in {one["metadata"]["name"] for one in made}:
                self.engine.remove(self.slices.pop(old))
        for one in made:
            self.slices[one["metadata"]["name"]] = one
        self.engine.apply(*made, stored=True)

    def publish_network(self) -> None:
        """A pool that several nodes see: all of them, some by a label, some device by device, or one slice each."""
        dice = self.random
        names = sorted(self.nodes)
        where = dice.choice(names or ["x"])
        devices: list[Json] = [
            {"name": f"net-{i}", "attributes": {ROOT: {"string": f"{where}-{i}"}, "uuid": {"string": f"N{i}"}}}
            for i in range(dice.randint(1, 3))
        ]
        term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
        made: list[Json] = []
        match dice.randint(0, 3):
            case 0:
                made = [published("net-0", NIC, "net", devices, allNodes=True)]
            case 1:
                made = [published("net-0", NIC, "net", devices, nodeSelector={"nodeSelectorTerms": [term]})]
            case 2:
                for i, one in enumerate(devices):
                    choice: list[Json] = [
                        {"allNodes": True},
                        {"nodeName": where},
                        {"nodeSelector": {"nodeSelectorTerms": [term]}},
                    ]
                    one.update(choice[i % 3])
                made = [published("net-0", NIC, "net", devices, perDeviceNodeSelection=True)]
            case _:
                made = [
                    published(f"net-{i}", NIC, "net", [one], nodeName=dice.choice(names or ["x"]), of=len(devices))
                    for i, one in enumerate(devices)
                ]
        for old in [old for old in self.slices if old.startswith("net-")]:
            self.engine.remove(self.slices.pop(old))
        for one in made:
            self.slices[one["metadata"]["name"]] = one
        self.engine.apply(*made, stored=True)

    def add_node(self) -> None:
        name = f"node-{self.random.randint(0, 11):02}"
        self.nodes[name] = node(name, self.random.choice("ab"))
        self.engine.apply(self.nodes[name])
        self.publish(name)

    def change(self) -> None:
        """One change of the inventory."""
        dice = self.random
        names = sorted(self.nodes)
        match dice.randint(0, 9):
            case 0:
                self.add_node()
            case 1 if names:
                self.engine.remove(self.nodes.pop(dice.choice(names)))
            case 2 if names:
                name = dice.choice(names)
                self.nodes[name] = node(name, dice.choice("ab"))
                self.engine.apply(self.nodes[name])
            case 3:
                selector = dice.choice([{"driver": GPU}, {"pool": dice.choice(names or ["x"])}, {"device": "gpu-0"}])
                self.engine.apply(taint_rule("rule", dice.choice(["NoSchedule", "None"]), **selector))
            case 4:
                self.engine.remove(taint_rule("rule", "None"))
            case 5:
                conditions = CLASSES[dice.choice(sorted(CLASSES))]
                self.engine.apply(device_class(dice.choice(["fast", "gpu"]), *conditions))
            case 6 if self.network:
                self.publish_network()
            case 7 if self.slices:
                gone = dice.choice(sorted(self.slices))
                self.engine.remove(self.slices.pop(gone))
            case _ if names:
                self.publish(dice.choice(names))
            case _:
                self.add_node()

    # --- questions

    def ask(self) -> Json:
        dice = self.random
        names = ["gpu", "gpu", "fast", "fast", "marked", "nic", "any", "strict", *(["nic"] * 3 if self.network else [])]
        asked: Json = {"deviceClassName": dice.choice(names)}
        if not self.errors and asked["deviceClassName"] == "strict":
            asked["deviceClassName"] = "gpu"
        if dice.random() < 0.12:
            asked["allocationMode"] = "All"
        else:
            asked |= {"allocationMode": "ExactCount", "count": dice.choice([1, 1, 1, 2, 2, 3])}
        if dice.random() < 0.01:
            asked["deviceClassName"] = "missing"  # E1
        if dice.random() < 0.01:
            asked |= {"allocationMode": "ExactCount", "count": 33}  # E2
        if dice.random() < 0.1:
            asked["tolerations"] = [{"operator": "Exists"}]
        if dice.random() < 0.15 and self.features.consumable_capacity:
            asked["capacity"] = {"requests": {"memory": dice.choice(["2Gi", "5Gi"])}}
        if dice.random() < 0.1:
            asked["selectors"] = [{"cel": {"expression": f"device.attributes['{GPU}'].?numa.orValue(0) == 0"}}]
        return asked

    def claim(self, name: str) -> ClaimRules:
        dice = self.random
        requests: list[Json] = []
        for i in range(dice.choice([1, 1, 1, 2, 2])):
            if dice.random() < 0.15 and self.features.prioritized_list:
                subrequests = [{"name": f"s{j}", **self.ask()} for j in range(2)]
                requests.append({"name": f"r{i}", "firstAvailable": subrequests})
            else:
                exactly = self.ask()
                if dice.random() < 0.06 and self.features.admin_access:
                    exactly["adminAccess"] = True
                requests.append({"name": f"r{i}", "exactly": exactly})
        spec: Json = {"requests": requests}
        if dice.random() < 0.35:
            kind = dice.choice(["matchAttribute", "matchAttribute", "distinctAttribute"])
            spec["constraints"] = [{kind: dice.choice([ROOT, f"{GPU}/numa", f"{GPU}/uuid"])}]
            if dice.random() < 0.15 and self.features.derived_attributes:
                name_of, what = dice.choice([("uuid", "device.driver"), ("uuid", f"device.attributes['{GPU}'].uuid")])
                spec["constraints"] = [{kind: f"acme.com/{name_of}"}]
                for request in requests:
                    for part in request.get("firstAvailable", [request.get("exactly")]):
                        part["derivedAttributes"] = [{"name": f"acme.com/{name_of}", "expression": what}]
        data = {"metadata": {"name": name, "namespace": "default"}, "spec": {"devices": spec}}
        return claim_rules(ResourceClaim.model_validate(data), self.features)

    def pod(self, name: str) -> list[ClaimRules]:
        """The claims of one pod, mostly of one that came before; now and then one of them has devices already."""
        dice = self.random
        if len(self.favourites) < 4 or dice.random() < 0.1:
            claims = [self.claim(f"{name}-{i}") for i in range(dice.choice([1, 1, 1, 2]))]
            self.favourites = [claims, *self.favourites[:3]]
        else:
            favourite = dice.choice(self.favourites)
            claims = [rules.renamed(ClaimKey("default", f"{name}-{i}")) for i, rules in enumerate(favourite)]
        state = self.engine.moment().state
        if dice.random() < 0.1 and state.held:
            return [*claims, state.claims[dice.choice(sorted(state.held, key=str))]]
        return list(claims)

    def release(self) -> None:
        held = sorted(self.engine.moment().state.held, key=str)
        if held:
            self.engine.release(self.random.choice(held))


@dataclass
class Walk:
    """The answers of all nodes, worked out one by one."""

    moment: Moment
    outcomes: dict[str, Outcome]
    fresh: tuple[ClaimRules, ...] = field(default_factory=tuple)

    @property
    def fitting(self) -> list[str]:
        return [name for name, outcome in self.outcomes.items() if isinstance(outcome, Allocated)]

    def chosen(self, placing: Placing) -> Outcome | None:
        """The answer by the definition of a rule of placing; None if no node fits and none fails the pod."""
        failed = [o for o in self.outcomes.values() if isinstance(o, Failed) and o.scope is Scope.POD]
        if placing is Placing.FIRST:
            for outcome in self.outcomes.values():
                if isinstance(outcome, Allocated) or outcome in failed:
                    return outcome
            return None
        if failed:
            return failed[0]
        return min((self.outcomes[name] for name in self.fitting), key=lambda o: self._score(placing, o), default=None)

    def _score(self, placing: Placing, outcome: Outcome) -> tuple[int, str]:
        assert isinstance(outcome, Allocated)
        if placing is Placing.BEST:
            return -self._preference(outcome), outcome.node
        usage = self.moment.usage
        for rules, result in zip(self.moment_claims(outcome), outcome.results, strict=True):
            if rules.key not in self.moment.state.held:
                usage = usage.with_allocation(result)
        snapshot = self.moment.snapshot
        there = snapshot.node(outcome.node)
        assert there is not None
        view = snapshot.view(there)
        own = {
            view.device(slot).id
            for pool in view.pools
            if pool.local and pool.state is PoolState.COMPLETE
            for slot in (*pool.devices, *pool.members)
        }
        free = sum(usage.signature(device) is None for device in own)
        return (free if placing is Placing.PACK else -free), outcome.node

    def moment_claims(self, outcome: Allocated) -> list[ClaimRules]:
        by_key = {rules.key: rules for rules in self.claims}
        return [by_key[key] for key in outcome.claims]

    claims: tuple[ClaimRules, ...] = ()

    def _preference(self, outcome: Allocated) -> int:
        total = 0
        for rules, result in zip(self.moment_claims(outcome), outcome.results, strict=True):
            if rules.key in self.moment.state.held:
                continue
            for request in rules.requests:
                if request.prioritized:
                    names = [f"{request.name}/{ask.name}" for ask in request.asks]
                    chosen = {names.index(one.request) for one in result.devices.results if one.request in names}
                    total += sum(8 - alternative for alternative in chosen)
        return total


def walk(moment: Moment, claims: Sequence[ClaimRules]) -> Walk:
    """Every node's answer by plain `allocate()`."""
    wanted = resolve_all(moment.state, list(claims))
    asking = Asking(moment.state, moment, wanted)
    names = [one.metadata.name for one in moment.snapshot.nodes()]
    return Walk(moment, {name: asking.on_node(name) for name in names}, asking.fresh, asking.claims)


def devices(outcome: Outcome) -> object:
    """An answer as it is to be compared: share ids are random."""
    if not isinstance(outcome, Allocated):
        return outcome
    results = tuple(
        (
            [one.model_copy(update={"share_id": one.share_id is not None}) for one in result.devices.results],
            result.devices.config,
            result.node_selector,
        )
        for result in outcome.results
    )
    return outcome.node, outcome.claims, results


@pytest.fixture(params=["values are kept", "values are relabelled"])
def small_limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with columns relabelled as early as in a large cluster."""
    if request.param == "values are relabelled":
        monkeypatch.setattr(columns, "VALUE_LIMIT", 2)
        monkeypatch.setattr(columns, "LIST_LIMIT", 1)


@pytest.fixture(scope="session")
def world() -> type[World]:
    return World


@pytest.fixture(scope="session")
def walked() -> Callable[[Moment, Sequence[ClaimRules]], Walk]:
    return walk


@pytest.fixture(scope="session")
def comparable() -> Callable[[Outcome], object]:
    return devices
