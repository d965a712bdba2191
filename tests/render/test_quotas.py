"""Quotas for those who count requests: never less than the policy allows, and only of the classes it is about."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.quotas import quota_objects
from dra_policy.render.targets import Target
from dra_policy.source import Source

HEAD = """policy a.example.org version 1.0.0 language 1
device Gpu { driver gpu.example.org  attribute kind one of gpu, part
  capacity memory bytes  capacity streams count optional  grid slice 8 of memory }
model Big of Gpu { kind gpu  memory 80Gi  streams 32 }
model Small of Gpu { kind gpu  memory 40Gi }
pool compute of Big count 7
modes of Big {
  mode whole
  mode cut partition gives kind part {
    profile "1" takes 1 slice at 0..6 gives memory 10Gi draws compute 1
    profile "3" takes 4 slice at 0, 4 gives memory 40Gi draws compute 3
  }
}
share turn of Small { at most 4 claims }
share lane of Big whole { each takes streams 2 to 32 default 4 }
subject {
  field team text from namespace label "example.org/team" trust admin
  field space text from namespace name
  field who text from claim label "example.org/who" absent means "nobody"
}
class any of Gpu
class big of Big
class board of whole
class cut of cut
class one of cut "1"
class turn of turn
class lane of lane
"""


def policy(text: str) -> CheckedPolicies:
    checked, problems = load(Source("a.dra", HEAD + text))
    assert checked is not None, problems
    return checked


def bounds(text: str) -> dict[str, int]:
    objects = quota_objects(policy(text), Target.of("1.37"))
    return {name.partition(".")[0]: int(most) for one in objects for name, most in one["spec"]["hard"].items()}


ALL = {"any": 4, "big": 4, "board": 4, "cut": 4, "one": 4, "turn": 4, "lane": 4}


@pytest.mark.parametrize(
    ("quota", "wanted"),
    [
        ("of Gpu { at most 4 }", ALL),
        # A class of which not all devices are counted has no bound.
        ("of Big { at most 4 }", {"big": 4, "board": 4, "cut": 4, "one": 4, "lane": 4}),
        ("of Small { at most 4 }", {"turn": 4}),
        ("of whole { at most 4 }", {"board": 4}),
        ("of Gpu { at most 4  charge turn 1/4 }", ALL | {"any": 16, "turn": 16}),
        # The board itself is charged as one: it is no partition, and nobody shares it.
        (
            'of Gpu { at most 4  charge cut "1" 1/7, cut "3" 3/7 }',
            ALL | {"any": 28, "cut": 28, "one": 28},
        ),
        ("of Gpu { at most 4  charge cut compute / 7 }", ALL | {"any": 28, "cut": 28, "one": 28}),
        # A claim takes two streams at least.
        ("of Gpu { at most 4  charge lane streams / 32 }", ALL | {"any": 64, "big": 64, "lane": 64}),
        ("of Gpu { at most 4  borrow to 6 from cohort uni }", dict.fromkeys(ALL, 6)),
        ("of Gpu { at most 4  borrow from cohort uni }", {}),
    ],
)
def test_a_bound_is_never_less_than_the_quota_allows(quota: str, wanted: dict[str, int]) -> None:
    assert bounds(f"quota q {quota}") == wanted


def _kueue(text: str) -> dict[str, Any]:
    return {one["kind"]: one for one in quota_objects(policy(text), Target.of("1.37", kueue=True))}


def test_kueue_counts_no_devices_that_count_less_than_one() -> None:
    (mapping,) = _kueue("quota q of Gpu { at most 4  charge cut compute / 7 }")["Configuration"]["resources"][
        "deviceClassMappings"
    ]
    assert mapping["deviceClassNames"] == ["big", "board", "turn", "lane"]


@pytest.mark.parametrize(
    ("subject", "labels"),
    [
        ('team == "cs"', {"example.org/team": "cs"}),
        ('team == "cs" and space == "a"', {"example.org/team": "cs", "kubernetes.io/metadata.name": "a"}),
        ('team == "cs" or team == "it"', None),
        ('who == "me"', None),
    ],
)
def test_which_namespaces_a_quota_is_for(subject: str, labels: dict[str, str] | None) -> None:
    text = f"quota q of Gpu {{ subject {subject}  at most 4 }}"
    queue = _kueue(text)["ClusterQueue"]
    assert queue["spec"]["namespaceSelector"] == ({} if labels is None else {"matchLabels": labels})
    (quota,) = quota_objects(policy(text), Target.of("1.37"))
    said = quota["metadata"]["annotations"].get("dra-policy.dev/namespaces")
    assert said == (None if labels is None else ",".join(f"{key}={value}" for key, value in labels.items()))
