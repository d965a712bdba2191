"""Requests that can take each other's place: what is known of one without the other is right, and asked once."""

from __future__ import annotations

import random
from typing import Any

import pytest

from dra_policy.explanation.clauses import Wanted
from dra_policy.explanation.leaving_out import Subject
from dra_policy.explanation.situation import Ending, Situation
from dra_policy.rules.symmetry import parts_of

DRIVER = "acme.com"


def _situation(make_situation: Any, dice: random.Random, *, everything: bool = False) -> Situation:
    """Some alike pairs with a common root, and a request or two that are like no other."""
    devices = [
        {
            "name": f"d{number}",
            "attributes": {
                "kind": {"string": dice.choice(("gpu", "nic"))},
                "root": {"int": dice.randint(0, 2)},
                "slot": {"int": number},
            },
        }
        for number in range(dice.randint(2, 7))
    ]
    kinds = {kind: f'device.attributes["{DRIVER}"].kind == "{kind}"' for kind in ("gpu", "nic")}
    requests: list[dict[str, Any]] = []
    constraints: list[dict[str, Any]] = []
    for number in range(dice.randint(2, 3)):
        names = [f"{kind}{number}" for kind in ("gpu", "nic")]
        for name, kind in zip(names, kinds, strict=True):
            exactly: dict[str, Any] = {"deviceClassName": kind}
            if dice.random() < 0.2:
                exactly["selectors"] = [{"cel": {"expression": f'device.attributes["{DRIVER}"].slot > 1'}}]
            requests.append({"name": name, "exactly": exactly})
        constraints.append({"requests": names, "matchAttribute": f"{DRIVER}/root"})
    if everything:
        requests.append({"name": "all", "exactly": {"deviceClassName": "nic", "allocationMode": "All"}})
    elif dice.random() < 0.5:
        requests.append({"name": "alone", "exactly": {"deviceClassName": "gpu"}})
    held = [{"request": "r", "driver": DRIVER, "pool": "pool", "device": "d0"}]
    pool = {"name": "pool", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "nodeName": "node-1", "pool": pool, "devices": devices}
    claim = {"devices": {"requests": requests, "constraints": constraints}}
    situation: Situation = make_situation(
        slices=[{"metadata": {"name": "s"}, "spec": spec}],
        classes=[
            {"metadata": {"name": kind}, "spec": {"selectors": [{"cel": {"expression": text}}]}}
            for kind, text in kinds.items()
        ],
        claims=[{"metadata": {"name": "c", "namespace": "default"}, "spec": claim}],
        allocations={"old": {"devices": {"results": held}}},
    )
    return situation


@pytest.mark.parametrize("everything", [False, True])
def test_what_follows_is_what_would_be_answered(make_situation: Any, everything: bool) -> None:
    followed = 0
    for seed in range(40):
        dice = random.Random(seed)
        situation = _situation(make_situation, dice, everything=everything)
        subject = Subject(situation, "node-1")
        for _ in range(25):
            kept = frozenset(number for number in subject.all if dice.random() < 0.8)
            before = situation.spent.asked
            found = subject.ends(kept)
            followed += situation.spent.asked == before
            # Another subject of the same question remembers nothing.
            assert found is Subject(situation, "node-1").ends(kept), (seed, sorted(kept))
            assert found is not Ending.UNKNOWN
    assert followed > (50 if everything else 300)


def test_alike_parts_are_asked_about_once(make_situation: Any) -> None:
    names = [f"{kind}{number}" for number in range(6) for kind in ("gpu", "nic")]
    requests = [{"name": name, "exactly": {"deviceClassName": name[:3]}} for name in names]
    constraints = [{"requests": [f"gpu{n}", f"nic{n}"], "matchAttribute": f"{DRIVER}/root"} for n in range(6)]
    spec = {
        "driver": DRIVER,
        "nodeName": "node-1",
        "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "d", "attributes": {"root": {"int": 0}}}],
    }
    situation = make_situation(
        slices=[{"metadata": {"name": "s"}, "spec": spec}],
        classes=[{"metadata": {"name": kind}, "spec": {}} for kind in ("gpu", "nic")],
        claims=[
            {
                "metadata": {"name": "c", "namespace": "default"},
                "spec": {"devices": {"requests": requests, "constraints": constraints}},
            }
        ],
    )
    (claim,) = situation.claims
    kinds = {part.kind for part in parts_of(0, claim)}
    assert len(kinds) == 1
    subject = Subject(situation, "node-1")
    wanted = [number for number, element in enumerate(subject.elements) if isinstance(element, Wanted)]
    assert len({subject.symmetry.place(number) for number in wanted}) == 2
    for number in wanted:
        subject.ends(subject.all - {number})
    assert situation.spent.asked <= 2
