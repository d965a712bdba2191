"""What a test can say beside devices and claims: machines, labels, gates, time, who asks, and giving back."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import TestResult, run_tests

POLICY = """policy site.example.org version 1.0 language 1
device Gpu {
  driver gpu.acme.com
  attribute uuid text unique in cluster
  attribute numa int optional
  capacity memory bytes
}
model H100 of Gpu { memory 80Gi }
device Nic { driver nic.acme.com  attribute numa int optional  flag fast absent means false }
model Cx of Nic
machine box {
  devices gpu[0..3] of H100
  place gpu[0..1] numa 0, gpu[2..3] numa 1, gpu uuid "a" "b" "c" "d"
  devices nic[0] of Cx
  label "example.org/rack" = "r1"
}
subject {
  field team text from namespace label "example.org/team" trust admin absent means ""
  field priority int from pod priority default 0
  field length duration from claim label "example.org/length" absent means 1h
}
level rack from node label "example.org/rack"
class gpu of Gpu
class nic of Nic
gate MPS default off
gate Exclusive default off excludes MPS
parameters Sharing of Gpu {
  api gpu.acme.com/v1 Sharing
  field strategy one of MPS, Time default Time
  field sharing.replicas int 1 to 8 default 2
  field limit bytes optional
  field tools set of text optional
  field lasts duration optional
  field owner text trust admin default "site"
  needs gate MPS when strategy == MPS
}
window patch { every Wed 18:00 to 22:00 tz UTC }
quota cs of Gpu { subject team == "cs"  at most 2 }
refuse gpu when subject.priority < 0 because "nothing runs below zero"
refuse gpu when now + subject.length after patch.start because "the rack is patched"
refuse nic when rack == "r9" because "rack 9 is being built"
claim mps { request gpu = 1 of gpu  config Sharing { strategy = MPS } }
parameters Tuning of Nic { api nic.acme.com/v1 Tuning  field rings int optional }
class tuned of Gpu { config Sharing { limit = 80Gi  owner = "lab" } }
claim plain { request gpu = 1 of tuned }
claim both { request gpu = 1 of tuned  config Sharing { sharing.replicas = 4  tools = "b"  tools = "a"  lasts = 90 min } }
claim two {
  request gpu = 1 of tuned
  request other = 1 of gpu
  request nic = 1 of nic
  config Sharing for other { sharing.replicas = 3 }
}
claim either { request gpu = first of tuned, gpu  config Sharing { sharing.replicas = 5 } }
gang trio of 3 near { same rack }
gang apart of 2 plain { distinct node }
claim near { request gpu = 2 of gpu { same numa else same node } }
"""


def run(steps: str) -> TestResult:
    policies, problems = load(Source("site.dra", f'{POLICY}test "t" {{ {steps} }}'))
    assert policies is not None, [problem.message for problem in problems]
    (result,) = run_tests(policies)
    return result


@pytest.mark.parametrize(
    "steps",
    [
        # Machines: named after themselves, or on the nodes that are said; each with its labels.
        'given 1 machine box claim a 4 of gpu expect a placed on node "box"',
        (
            'given 2 machine box on "n" claim a 4 of gpu claim b 4 of gpu claim c 1 of gpu '
            'expect a placed on node "n-1" expect b placed on node "n-2" expect c refused not now'
        ),
        'given 1 machine box claim a 1 of gpu { require uuid == "c" } expect a placed on "gpu-2"',
        "given 1 machine box { fast = true } claim a 1 of nic { require fast } expect a placed",
        "given 1 machine box claim a 1 of nic { require fast } expect a refused never",
        # Labels.
        'given 1 Cx on "n" given label "example.org/rack" = "r9" on "n" claim a 1 of nic expect a refused "rack 9"',
        'given 1 machine box given label "example.org/rack" = "r9" on "box" claim a 1 of nic expect a refused "rack 9"',
        # Who asks.
        (
            'given 4 H100 claim a, b 1 of gpu by { team = "cs" } claim c 1 of gpu by { team = "cs" } '
            'claim d 1 of gpu by { team = "bio" } expect a, b, d placed expect c refused "quota cs" not now'
        ),
        'given 1 H100 claim a 1 of gpu by { priority = -1 } expect a refused "nothing runs below zero"',
        'given 2 H100 claim a 1 of gpu in "x" claim b 1 of gpu in "y" expect a, b placed',
        # Time: that of the steps before, whatever the clock says.
        'given 2 H100 given time 2026-11-25 17:30 claim a 1 of gpu expect a refused "patched"',
        (
            "given 2 H100 given time 2026-11-25 16:30 claim a 1 of gpu given time 2026-11-25 17:30 tz UTC "
            'claim b 1 of gpu expect a placed expect b refused "patched"'
        ),
        "given 2 H100 given time 2026-11-25 18:30 tz Europe/Berlin claim a 1 of gpu by { length = 10 min } expect a placed",
        # Giving back.
        (
            "given 1 H100 claim a 1 of gpu claim b 1 of gpu release a claim c 1 of gpu "
            "expect a placed expect b refused not now expect c placed"
        ),
        # The driver's switches.
        'given 1 H100 claim a mps expect a refused "needs gate `MPS`, which is off" never',
        "given 1 H100 given gate MPS on claim a mps expect a placed",
        (
            "given 1 H100 given gate MPS on claim a mps release a given gate MPS off claim b mps "
            "expect a placed expect b refused"
        ),
        'given 1 H100 given gate MPS on given gate Exclusive on claim a 1 of gpu expect a refused "exclude each other"',
        # How close.
        "given 1 machine box claim a near claim b near expect a placed reached numa expect b placed reached numa",
        (
            'given 1 machine box claim a 1 of gpu claim b 1 of gpu { require uuid == "c" } claim c near '
            "expect a, b placed expect c placed reached node"
        ),
        # What the driver is told: a claim has the last word, defaults are filled in, amounts may be written otherwise.
        "given 1 H100 claim a plain expect a configured Sharing { }",
        'given 1 H100 claim a plain expect a configured Sharing { limit = 81920Mi  owner = "lab"  strategy = Time }',
        (
            "given 1 H100 claim a both expect a placed expect a configured Sharing "
            '{ sharing.replicas = 4  limit = 80Gi  tools = "a"  tools = "b"  lasts = 5400 s  owner = "lab" }'
        ),
        (
            "given 1 machine box claim a two expect a configured Sharing for other { sharing.replicas = 3 } "
            "expect a configured Sharing for gpu { sharing.replicas = 2  limit = 80Gi }"
        ),
        "given 1 H100 claim a either expect a configured Sharing for gpu { sharing.replicas = 5  limit = 80Gi }",
        'given 1 machine box claim a two expect a configured Sharing for other { strategy = Time  owner = "site" }',
        "given 2 H100 claim a, b plain expect a, b configured Sharing { limit = 80Gi }",
        # Gangs: all or nothing, given back together.
        (
            'given 2 machine box on "n" given label "example.org/rack" = "r2" on "n-2" '
            "claim a gang trio expect a refused never"
        ),
        (
            'given 2 machine box on "n" given label "example.org/rack" = "r1" on "n-2" '
            "claim a gang trio expect a placed reached numa"
        ),
        (
            'given 2 machine box on "n" claim a gang apart expect a placed on "gpu-0", "gpu-0" '
            "expect a configured Sharing { limit = 80Gi }"
        ),
        (
            'given 1 H100 on "n" given 1 H100 on "m" claim a gang apart claim b gang apart release a '
            "claim c gang apart expect a placed expect b refused not now expect c placed"
        ),
        'given 2 H100 on "n" claim a gang apart expect a refused never',
        'given 4 H100 claim a gang apart by { team = "cs" } expect a refused',
    ],
)
def test_it_is_as_the_test_says(steps: str) -> None:
    result = run(steps)
    assert result.passed, result.text()


@pytest.mark.parametrize(
    ("steps", "expected", "actual"),
    [
        ("given 1 H100 claim a 1 of gpu claim b 1 of gpu expect b refused never", "refused, never", "refused, not now"),
        ("given 1 H100 claim a 2 of gpu expect a refused not now", "refused, not now", "refused, never"),
        (
            "given 1 machine box claim a near expect a placed reached node",
            "placed, reached node",
            "placed on gpu-0, gpu-1 on node box, reached numa",
        ),
        ("given 1 H100 claim a mps expect a placed", "placed", "refused"),
        (
            "given 1 H100 claim a both expect a configured Sharing { sharing.replicas = 2 }",
            "configured Sharing { sharing.replicas = 2 }",
            (
                "`gpu` is told Sharing { strategy = Time  sharing.replicas = 4  limit = 80Gi  owner = lab  "
                'tools = ["b", "a"]  lasts = 1h30m0s }'
            ),
        ),
        (
            "given 1 machine box claim a two expect a configured Sharing for gpu, other { sharing.replicas = 3 }",
            "configured Sharing for gpu, other { sharing.replicas = 3 }",
            "",
        ),
        (
            "given 1 H100 claim a 1 of gpu expect a configured Sharing { }",
            "configured Sharing",
            "placed, and told no Sharing",
        ),
        ("given 1 Cx claim a plain expect a configured Sharing { }", "configured Sharing", "refused"),
        (
            'given 1 H100 on "n" given 1 H100 on "m" claim a gang apart expect a placed on node "n"',
            "placed on node n",
            "placed on h100-0, h100-0 on nodes m, n",
        ),
        (
            'given 1 H100 on "n" given 1 H100 on "m" claim a 1 of gpu claim b gang apart expect b refused never',
            "refused, never",
            "refused, not now",
        ),
    ],
)
def test_a_wrong_expectation_says_what_happened(steps: str, expected: str, actual: str) -> None:
    result = run(steps)
    assert not result.passed
    (difference,) = result.differences
    assert difference.expected == expected
    assert actual in difference.actual


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ("given 0 machine box claim a 1 of gpu expect a placed", "TST003"),
        ("given 1 machine bix claim a 1 of gpu expect a placed", "NAM005"),
        ("given 1 machine box { fsat = true } claim a 1 of gpu expect a placed", "NAM001"),
        ('given 1 machine box { uuid = "x" } claim a 1 of gpu expect a placed', "RUL012"),
        ('given 1 H100 given label "a b" = "c" on "n" claim a 1 of gpu expect a placed', "NAM009"),
        ("given 1 H100 given gate MSP on claim a 1 of gpu expect a placed", "NAM005"),
        ("given 1 H100 given time 2026-02-30 10:00 claim a 1 of gpu expect a placed", "SIT004"),
        ("given 1 H100 given time 2026-02-20 10:00 tz Moon/Base claim a 1 of gpu expect a placed", "SIT004"),
        ('given 1 H100 claim a 1 of gpu by { tema = "x" } expect a placed', "SIT001"),
        ('given 1 H100 claim a 1 of gpu by { priority = "x" } expect a placed', "TYP001"),
        ('given 1 H100 claim a 1 of gpu by { team = "x" team = "y" } expect a placed', "NAM003"),
        ('given 1 H100 claim a 1 of gpu in "A B" expect a placed', "NAM009"),
        ("given 1 H100 claim a 1 of gpu release b expect a placed", "TST001"),
        ("given 1 H100 claim a gang duo expect a placed", "NAM005"),
        ("given 1 H100 claim a gang apart claim a plain expect a placed", "NAM003"),
        ("given 1 H100 claim a plain expect a configured Shering { }", "NAM005"),
        ("given 1 H100 claim a plain expect b configured Sharing { }", "TST001"),
        ("given 1 H100 claim a plain expect a configured Sharing { replicas = 2 }", "NAM001"),
        ("given 1 H100 claim a plain expect a configured Sharing { sharing.replicas = 9 }", "RUL016"),
        ("given 1 H100 claim a plain expect a configured Sharing { strategy = MSP }", "TYP005"),
        ("given 1 H100 claim a plain expect a configured Sharing for gqu { }", "NAM014"),
        ("given 1 machine box claim a two expect a configured Sharing for nic { }", "RUL008"),
        ("given 1 H100 claim a plain expect a configured Tuning { }", "RUL008"),
        ("given 1 H100 claim a plain expect a configured Sharing { } expect a refused", "TST005"),
        ("given 1 H100 claim a plain given 1 H100 expect a placed", "TST006"),
        ("given 1 H100 claim a gang apart given 1 machine box expect a placed", "TST006"),
        ('given 1 H100 claim a plain given label "a" = "b" on "n" expect a placed', "TST006"),
        ('given 1 H100 claim a plain given inventory "." expect a placed', "TST006"),
    ],
)
def test_a_mistake_is_told(steps: str, code: str) -> None:
    policies, problems = load(Source("site.dra", f'{POLICY}test "t" {{ {steps} }}'))
    assert policies is None
    assert [problem.code for problem in problems] == [code]
