"""Names of devices, values with placeholders, machines like others, partitions made for good: what is wrong is told."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import validate
from dra_policy.source import Source
from dra_policy.testing import run_tests

HEAD = """policy gpu.acme.com version 1.0 language 1
device Gpu {
  driver gpu.acme.com
  attribute uuid text optional unique in cluster
  attribute profile text optional
  attribute tags set of one of a, b publish as joined ";"
  capacity memory bytes
  capacity lanes count optional
  grid slice 4 of memory
}
model Big of Gpu { memory 80Gi }
"""
PARTS = 'profile "1" takes 1 slice at 0..3'


def found(statements: str) -> list[tuple[str, str]]:
    _, problems = load(Source("gpu.dra", HEAD + statements))
    return [(problem.code, problem.span.text if problem.span is not None else "") for problem in problems]


@pytest.mark.parametrize(
    ("statements", "wanted"),
    [
        ('modes of Big { mode cut partition named "{parent}-{strat}" { profile "1" takes 1 slice at 0 } }', "SET006"),
        (f'modes of Big {{ mode cut partition named "{{parent}}" {{ {PARTS} }} }}', "HWR014"),
        ('modes of Big { mode vf partition named "{parent}-vf" { profile "vf" times 8 } }', "HWR014"),
        (
            (
                'modes of Big { mode cut partition named "{parent}-{start}"'
                ' { profile "1" takes 1 slice at 0 profile "2" takes 2 slice at 0 } }'
            ),
            "HWR014",
        ),
        ('modes of Big counters "{parnt}" { mode whole }', "SET006"),
        ('modes of Big { mode whole gives profile "{profil}" }', "SET006"),
        ("modes of Big { mode whole counted }", "HWR002"),
        ("modes of Big { mode whole without memry }", "NAM001"),
        ('machine m { devices gpu[0..1] of Big named "gpu" }', "HWR014"),
        ('machine m { devices gpu[0..1] of Big named "gpu-{idx}" }', "SET006"),
        ('modes of Big { mode a named "x" } machine m { devices gpu[0..1] of Big }', "HWR014"),
        ('modes of Big counters "all" { mode a mode b } machine m { devices gpu[0..1] of Big }', "HWR014"),
        ("machine m like m { }", "NAM006"),
        ("machine m like n { } machine n like m { }", "NAM006"),
        ("machine m like nothing { }", "NAM005"),
        (f'modes of Big {{ mode cut partition {{ {PARTS} }} }} machine m {{ devices g[0] of Big cut "2" }}', "HWR006"),
        (f'modes of Big {{ mode cut partition {{ {PARTS} }} }} machine m {{ devices g[0] of Big cut "1" }}', "HWR005"),
        (
            f'modes of Big {{ mode cut partition {{ {PARTS} }} }} machine m {{ devices g[0] of Big cut "1" at 4 }}',
            "HWR005",
        ),
        (
            'modes of Big { mode a  mode b without memory partition { profile "1" times 3 } } class c of b',
            "HWR016",
        ),
        ("modes of Big { mode a  mode b } claim c { request r = 1 of a }", "HWR016"),
        ('modes of Big { mode a  mode b gives profile "x" } quota q of a { at most 1 }', "HWR016"),
        (
            (
                'modes of Big { mode cut partition gives profile "x" {'
                ' profile "1" times 2 gives lanes 1  profile "2" times 2 gives lanes 1, memory 1Gi } } class c of cut "1"'
            ),
            "HWR016",
        ),
        (
            (
                'modes of Big { mode a partition { profile "1" times 2 gives lanes 1  profile "2" times 2 gives lanes 2 }'
                '  mode b partition { profile "3" times 2 gives lanes 2 } } class c of a'
            ),
            "HWR016",
        ),
        ('modes of Big { mode a gives uuid "{start}" }', "SET006"),
        ('modes of Big counters "{mode}" { mode a }', "SET006"),
        ('machine m { devices gpu[0..1] of Big named "gpu-{index}-{memory in W}" }', "SET006"),
        ('modes of Big { mode a named "{parent}-{tags in GiB}" }', "SET006"),
        ('setup Big { for each device { node "/dev/{parent}" } }', "SET006"),
        ('setup Big { for claim { env X = "{memory}" } }', "SET006"),
        ('setup Big { for container { node "/dev/{uuid}" } }', "SET006"),
        (
            (
                'device D { driver d.acme.com  attribute node int  attribute a int } setup D { for each device { node "/dev/{node}" } }'
            ),
            "SET011",
        ),
        (
            (
                "parameters P of Gpu { api a.b/v1 P  field uuid text }"
                ' setup Big { for each device { step s run "x {uuid}" undo "y" } }'
            ),
            "SET011",
        ),
        (
            (
                "parameters P of Gpu { api a.b/v1 P  field pool text }"
                ' setup Big { for each device { step s run "x" undo "y {pool}" } }'
            ),
            "SET011",
        ),
        ("share a of Big { at most 2 claims } share b of Gpu { at most 2 claims }", "HWR016"),
        ("share a of Big { only same namespace } share b of Big { at most 2 pods }", "HWR016"),
        (
            "modes of Big { mode a } share a of Big a { at most 2 claims } share b of Big { at most 2 claims }",
            "HWR016",
        ),
        ("binds of Big fast when Ready", "HWR006"),
        ("costs node memory 1 per memroy", "SET002"),
        ("costs node memory 16Mi per memory", "SET002"),
        ("costs node memory 16Mi per 1Gi of device", "SET002"),
        ("costs node memory 16Mi per 0 of memory", "SET002"),
        ("costs node memory 1Gi per 3Gi of memory", "SET002"),
        ("costs node memory 16Mi per 1 of memory", "TYP002"),
        ("costs node memory 1 per 1Gi of memory", "TYP002"),
        ("share s of Big { each takes memory 1Gi to 10Gi step 2Gi default 1Gi }", "HWR012"),
        ("share s of Big { each takes memory 1Gi to 96Gi }", "HWR015"),
        ("share s of Big { each takes memory 96Gi to all }", "HWR015"),
        ("share s of Big { each takes memory 1Gi to all step 80Gi }", "HWR015"),
        ("share s of Big { each takes memory 2Gi to all default 1Gi }", "HWR012"),
        ("share s of Big { each takes memory 2Gi to all step 2Gi default 3Gi }", "HWR012"),
        ("share s of Big { each takes memory 96Gi to 97Gi }", "HWR015"),
        ("share s of Big { each takes memory one of 10Gi, 96Gi default 10Gi }", "HWR015"),
        ("share s of Big { each takes memory default 96Gi }", "HWR015"),
        ("share s of Big { each takes memory 60Gi to 80Gi step 40Gi default 60Gi }", "HWR012"),
        ("model Small like Big { memory 40Gi } share s of Gpu { each takes memory 1Gi to 80Gi }", "HWR015"),
        (
            "modes of Big { mode half gives memory 40Gi } share s of Big half { each takes memory 1Gi to 80Gi }",
            "HWR015",
        ),
        (
            (
                f"modes of Big {{ mode cut partition gives memory 20Gi {{ {PARTS} }} }}"
                " share s of Big cut { each takes memory one of 10Gi, 20Gi, 40Gi }"
            ),
            "HWR015",
        ),
        (
            "pool port of Big count 4  share s of Big { each takes lanes 1 to 8 default 1 draws port equal to lanes }",
            "HWR015",
        ),
        (f"share s of Big {{ each takes lanes one of {', '.join(map(str, range(1, 12)))} }}", "HWR012"),
        ('model Other like Big { tags "c" }', "TYP005"),
        ('class c of Gpu { require "c" in tags }', "TYP005"),
        ("class c of Gpu claim x { request a = 2 of c  same tags }", "RUL009"),
    ],
)
def test_a_mistake_is_told(statements: str, wanted: str) -> None:
    assert [code for code, _ in found(statements)] == [wanted]


@pytest.mark.parametrize(
    "statements",
    [
        f'modes of Big {{ mode cut partition named "{{parent}}-{{start}}" {{ {PARTS} }} }}',
        f'modes of Big {{ mode cut partition named "{{uuid}}-{{number}}" {{ {PARTS} }} }}',
        f'modes of Big {{ mode cut partition {{ {PARTS} }} }} machine m {{ devices g[0] of Big cut "1" at 3 }}',
        'modes of Big counters "all" { mode a mode b } machine m { devices gpu[0] of Big }',
        'modes of Big counters "c-{parent}" { mode a mode b } machine m { devices gpu[0..1] of Big }',
        "modes of Big { mode fast } binds of Big fast when gpu.acme.com/Ready",
        "share s of Big { each takes memory 1Gi to 80Gi step 1Gi }",
        "model Small like Big { memory 40Gi } share s of Small { each takes memory 20Gi to 40Gi step 20Gi }",
        "share s of Big { each takes lanes 1 to 1000 default 1 }",
        "share s of Big { each takes memory 1Gi to all step 1Gi default 8Gi }",
        "share s of Big { each takes memory 1Gi to all }",
        "share all of Big { each takes memory } machine m { devices g[0..1] of Big all }",
        'model Other like Big { tags a, b } class c of Gpu { require "a" in tags and not ("b" in tags) }',
        "costs node memory 1 per memory costs node cpu 1 cores per device",
        'modes of Big { mode a  mode b partition { profile "1" times 3 gives lanes 1 } } class c of b class d of a',
        (
            'modes of Big { mode a partition { profile "1" gives lanes 1  profile "2" gives lanes 2 }'
            '  mode b partition { profile "3" gives lanes 3 } } class c of a class d of b class e of a "2"'
        ),
        'modes of Big { mode a  mode b gives profile "x" } class c of b',
        "share a of Big { at most 2 claims } share b of Gpu { at most 3 claims } share c of Gpu { only same pod }",
        "model Other like Big share a of Big { at most 2 claims } share b of Other { at most 2 claims }",
        'setup Big { for claim { env X = "{claim_uid}-{node}" } for each device { node "/dev/{pool}-{device}" } }',
    ],
)
def test_what_is_right(statements: str) -> None:
    assert found(statements) == []


def test_a_separator_in_a_value() -> None:
    text = (
        'device N { driver n.acme.com  attribute tags set of text publish as joined ";" } model A of N { tags "a;b" }'
    )
    assert [code for code, _ in found(text)] == ["TYP013"]


@pytest.mark.parametrize("form", ['joined ""', 'joined "a"'])
def test_a_separator_that_separates_nothing(form: str) -> None:
    text = f"device N {{ driver n.acme.com  attribute tags set of one of a, b publish as {form} }}"
    assert [code for code, _ in found(text)] == ["TYP012"]


def test_what_is_named_like_a_unit_is_a_name_where_a_number_is_counted() -> None:
    text = """policy a.example version 1.0 language 1
    device Npu { driver npu.example.org  capacity cores count  grid core 8 of cores }
    model B of Npu { cores 8 }
    modes of B { mode cut partition { profile "one" takes 1 core at 0..7 gives cores 1 } }
    class any of B.cut
    test "t" { given 2 B  claim a 1 of any  expect a placed }"""
    policies, problems = load(Source("a.dra", text))
    assert policies is not None, problems


BOARDS = """policy a.example version 1.0 language 1
device Npu { driver npu.example.org  attribute kind one of npu, vnpu  capacity memory bytes }
model A of Npu { memory 32Gi }
model B of Npu { memory 64Gi }
modes of A { mode whole gives kind npu  mode vnpu partition gives kind vnpu { profile "half" times 2 gives memory 16Gi } }
modes of B { mode whole gives kind npu  mode vnpu partition gives kind vnpu { profile "half" times 2 gives memory 32Gi } }
share slice of A whole { at most 2 claims }
class board-a of A.whole
class half-b of B.vnpu "half"
class shared of A.slice
"""


def test_a_mode_of_one_board_is_said_behind_the_board() -> None:
    policies, problems = load(
        Source(
            "a.dra",
            BOARDS
            + """quota q of A.whole { at most 1 }
            keep 1 of B.vnpu "half" per node free for half-b
            refuse B.whole when memory > 2Gi
            claim c { request n = 2 of A.whole  request m = first of B.vnpu "half", B.whole }""",
        )
    )
    assert policies is not None, problems
    classes = policies.policies[0].classes
    said = {
        name: (one.model and one.model.name, one.part and one.part.profile)
        for name, one in classes.items()
        if not one.implied
    }
    assert said == {"board-a": ("A", ""), "half-b": ("B", "half"), "shared": ("A", "")}
    assert classes["shared"].part is not None
    assert classes["shared"].part.share is not None


@pytest.mark.parametrize(
    ("target", "code", "underlined"),
    [
        ("A.hole", "HWR006", "hole"),
        ("B.slice", "HWR006", "slice"),
        ('A.slice "half"', "HWR006", '"half"'),
        ('A.vnpu "third"', "HWR006", '"third"'),
        ("C.vnpu", "NAM005", "C.vnpu"),
    ],
)
def test_a_mode_that_a_board_does_not_have(target: str, code: str, underlined: str) -> None:
    _, problems = load(Source("a.dra", f"{BOARDS}class other of {target}"))
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
    assert problems[0].help


def test_a_range_up_to_whatever_a_device_has() -> None:
    text = """policy ssd.example.org version 1.0 language 1
    device Ssd { driver ssd.example.org  capacity size bytes }
    model Small of Ssd { size 1000 GB }
    model Large of Ssd { size 3841 GB }
    share namespace of Ssd { each takes size 10 GB to all step 10 GB }
    class space of namespace
    test "up to all of it" {
      given 1 Small on "a"
      given 1 Large on "b"
      claim x 1 of space { takes size 1010 GB }
      claim y 1 of space { takes size 3840 GB }
      claim z 1 of space
      claim w 1 of space { takes size 5 GB }
      expect x placed on node "b"
      expect y refused not now
      expect z placed on node "a"
      expect w placed on node "b"
    }"""
    policies, problems = load(Source("a.dra", text))
    assert policies is not None, problems
    fleet = Fleet(Catalog.of(policies))
    for model in policies.policies[0].models.values():
        fleet.give(1, model, "n", {})
    slices = fleet.slices()
    assert [list(validate(one)) for one in slices] == [[] for _ in slices]
    policies_of = [device.capacity["size"].request_policy for one in slices for device in one.spec.devices]
    assert [(str(p.default), p.valid_range.max) for p in policies_of if p and p.valid_range] == [
        ("1T", None),
        ("3840G", None),
    ]
    (result,) = run_tests(policies)
    assert result.passed, result.text()


@pytest.mark.parametrize(
    ("ending", "wanted"),
    [("times 4", "-{number}"), ("takes 1 slice at 0..3", "-{start}"), ("", "")],
)
def test_the_help_about_names_fits_the_partitions(ending: str, wanted: str) -> None:
    named = f'named "{{parent}}{wanted}"'
    text = f'modes of Big {{ mode cut partition {named} {{ profile "1" {ending}  profile "2" {ending} }} }}'
    _, (problem,) = load(Source("gpu.dra", HEAD + text))
    assert (problem.code, problem.help) == ("HWR014", f'write such as "{{parent}}-{{profile}}{wanted}"')
