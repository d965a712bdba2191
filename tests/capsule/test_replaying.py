"""Show 6: capsules of a random day of churn are decided again as they were, byte for byte."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

import dra_policy
from dra_policy import ClaimKey, Engine, Features
from dra_policy.capsule import Capsule, decided, differing, of_moment, pack, policy_texts, unpack
from dra_policy.capsule.packing import canonical
from dra_policy.engine import Placing
from dra_policy.source import Source

CAPSULES = int(os.environ.get("DRA_POLICY_CAPSULES", "60"))


def again(capsule: Capsule) -> list[dict[str, Any]]:
    return [one.data() for one in decided(capsule.world, capsule.asked)]


class Day:
    """A cluster on which claims come and go, slices change and devices get sick."""

    def __init__(self, made: Any, seed: int) -> None:
        self.made = made
        self.random = random.Random(seed)
        self.engine = Engine(features=Features.all())
        self.pending: list[ClaimKey] = []
        self.number = 0
        self.generations = {f"node-{n}": 1 for n in range(4)}
        self.engine.apply(
            *(made.node(name) for name in self.generations),
            *(self._slice(name) for name in self.generations),
            made.device_class("gpu"),
            made.device_class("model-a", f"device.attributes['{made.driver}'].model == 'a'"),
            made.device_class("broken", f"device.attributes['{made.driver}'].absent == 'a'"),
        )

    def _slice(self, name: str) -> dict[str, Any]:
        devices = []
        for number in range(self.random.randint(1, 4)):
            root = {"root": {"string": f"root-{number // 2}"}}
            device = self.made.gpu(f"gpu-{number}", self.random.choice("ab"), attributes=root)
            if self.random.random() < 0.3:
                device |= {"allowMultipleAllocations": True, "capacity": {"memory": {"value": "8Gi"}}}
            if self.random.random() < 0.1:
                device["taints"] = [{"key": "example.com/sick", "value": "yes", "effect": "NoSchedule"}]
            devices.append(device)
        made: dict[str, Any] = self.made.slice_of(name, *devices)
        made["spec"]["pool"]["generation"] = self.generations[name]
        return made

    def _claim(self) -> ClaimKey:
        self.number += 1
        name = f"claim-{self.number}"
        requests = []
        for number in range(self.random.randint(1, 2)):
            more: dict[str, Any] = {"count": self.random.randint(1, 3)}
            if self.random.random() < 0.3:
                more |= {"capacity": {"requests": {"memory": "3Gi"}}, "count": 1}
            kind = self.random.choices(("gpu", "model-a", "broken"), (6, 3, 1))[0]
            requests.append(self.made.request(f"r{number}", kind, **more))
        spec = {"constraints": [{"matchAttribute": f"{self.made.driver}/root"}]} if self.random.random() < 0.3 else {}
        self.engine.apply(self.made.claim(name, *requests, **spec))
        return ClaimKey("default", name)

    def step(self) -> Capsule:
        """One thing happens; then one question is asked."""
        happening = self.random.random()
        held = sorted(self.engine.allocations, key=str)
        if happening < 0.25 and held:
            self.engine.release(self.random.choice(held))
        elif happening < 0.35:
            name = self.random.choice(sorted(self.generations))
            self.generations[name] += 1
            self.engine.apply(self._slice(name))
        wanted = [self._claim() for _ in range(self.random.choice((1, 1, 2)))]
        placing = self.random.choice((Placing.FIRST, Placing.PACK))
        node = self.random.choice((None, None, "node-1"))
        capsule = of_moment(self.engine.moment(), [wanted], node, placing=placing)
        self.engine.allocate(wanted, node, placing)
        for key in wanted:
            # A refused claim waits for a while, then its pod is gone.
            if key not in self.engine.allocations:
                self.pending.append(key)
        while len(self.pending) > 12:
            gone = self.pending.pop(0)
            self.engine.remove(self.made.claim(gone.name, self.made.request()))
        return capsule


def test_capsules_of_a_day_of_churn_replay_identically(made: Any) -> None:
    day = Day(made, seed=6)
    outcomes = set()
    for number in range(CAPSULES):
        capsule = day.step()
        content = pack(capsule)
        read = unpack(content)
        assert read == capsule, number
        assert pack(read) == content, number
        answers = again(read)
        found = differing(read, answers, dra_policy.__version__)
        assert found.same, (number, found.text())
        outcomes.add(read.decision[0]["outcome"])
    assert {"allocated", "unsatisfiable", "failed"} <= outcomes


def test_equal_questions_are_equal_bytes_however_they_came_about(made: Any) -> None:
    objects = [
        made.node("b"),
        made.node("a"),
        made.device_class("gpu"),
        made.slice_of("a", made.gpu("gpu-0")),
        made.claim("one", made.request()),
    ]
    key = ClaimKey("default", "one")
    one = of_moment(made.engine(*objects).moment(), [[key]])
    other = of_moment(made.engine(*objects[::-1]).moment(), [[key]])
    assert pack(one) == pack(other)


def test_an_answer_that_is_another_one_is_told_with_the_versions(made: Any) -> None:
    engine = made.engine(made.node("a"), made.device_class("gpu"), made.claim("one", made.request()))
    capsule = of_moment(engine.moment(), [[ClaimKey("default", "one")]])
    (answer,) = again(capsule)
    found = differing(capsule, [answer | {"outcome": "allocated"}], "9.9")
    assert not found.same
    assert found.text().splitlines()[0] == (
        f"1 of the answers differ; dra-policy {dra_policy.__version__} made the decision, and 9.9 makes it again"
    )
    assert '"outcome": "allocated"' in found.text()


def test_ids_of_shares_are_no_difference(made: Any) -> None:
    shared = made.gpu("gpu-0", allowMultipleAllocations=True, capacity={"memory": {"value": "8Gi"}})
    engine = made.engine(
        made.node("a"),
        made.slice_of("a", shared),
        made.device_class("gpu"),
        made.claim("one", made.request(capacity={"requests": {"memory": "1Gi"}})),
    )
    capsule = of_moment(engine.moment(), [[ClaimKey("default", "one")]])
    first, second = again(capsule), again(capsule)
    assert canonical(first) != canonical(second)
    assert differing(capsule, first, "1").same
    assert differing(capsule, second, "1").same


POLICY = """policy lab.example version 1.0 language 1
device Gpu { driver gpu.example.com  attribute model text }
class big of Gpu { require model == "b" because "only the big ones" }
claim train { request gpu = 1 of big }
"""


def test_policies_come_with_their_texts(made: Any) -> None:
    engine = made.engine(
        made.node("a"), made.slice_of("a", made.gpu("gpu-0")), made.claim("one", made.request("g", "big"))
    )
    source = Source("lab.dra", POLICY)
    engine.load(source)
    with pytest.raises(ValueError, match="their texts"):
        of_moment(engine.moment(), [[ClaimKey("default", "one")]])
    capsule = unpack(pack(of_moment(engine.moment(), [[ClaimKey("default", "one")]], policies=policy_texts(source))))
    assert [policy.name for policy in capsule.world.policies] == ["lab.dra"]
    (answer,) = again(capsule)
    assert "only the big ones" in answer["reason"]
    assert "lab.dra:3" in answer["reason"]
    assert differing(capsule, [answer], "1").same
