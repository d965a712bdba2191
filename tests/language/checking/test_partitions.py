"""Partitions: grids of one model, places that lie in no row, and values and names that are told from the place."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import Device
from dra_policy.source import Source
from dra_policy.testing import run_tests

HEAD = """policy npu.example.org version 1.0 language 1
device Npu {
  driver npu.example.org
  attribute logic_id  int optional
  attribute board     int optional
  attribute firmware  version optional
  attribute parent_firmware version optional
  attribute first     int optional
  attribute last      int optional
  attribute cores     set of int publish as list optional
  attribute places    set of text publish as joined "," optional
  flag      fast      optional
  flag      from_fast optional
  capacity  memory    bytes
  capacity  whole_memory bytes optional
  grid      pe 8 of memory
}
"""


def checked(text: str) -> CheckedPolicies:
    policies, problems = load(Source("npu.dra", HEAD + text))
    assert policies is not None, problems
    return policies


def found(text: str) -> list[tuple[str, str]]:
    _, problems = load(Source("npu.dra", HEAD + text))
    assert all(problem.help for problem in problems)
    return [(problem.code, problem.span.text if problem.span is not None else "") for problem in problems]


def devices(text: str, model: str = "M", lists: bool = True, **values: object) -> dict[str, Device]:
    policies = checked(text)
    fleet = Fleet(Catalog.of(policies), lists=lists)
    fleet.give(1, policies.policies[0].models[model], "n", {})
    return {device.name: device for one in fleet.slices() for device in one.spec.devices}


def drawn(device: Device) -> set[str]:
    return {name for one in device.consumes_counters for name in one.counters}


def test_a_model_has_a_grid_of_its_own_size() -> None:
    text = """model M of Npu { memory 24Gi  grid pe 3 }
    model Like like M { memory 30Gi }
    modes of M { mode cut partition { profile "1" takes 1 pe at 0..2 gives memory 8Gi } }"""
    made = devices(text)
    assert [drawn(one) for one in made.values()] == [{"pe-0"}, {"pe-1"}, {"pe-2"}]
    assert checked(text).policies[0].models["Like"].grids["pe"][0] == 3


def test_only_a_board_that_is_cut_must_divide() -> None:
    assert found("model Odd of Npu { memory 7 B }") == []
    cut = 'modes of Odd { mode cut partition { profile "1" takes 1 pe at 0 gives memory 1 B } }'
    assert found(f"model Odd of Npu {{ memory 7 B }} {cut}") == [("HWR003", "pe")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("model M of Npu { grid ep 4 }", [("HWR004", "ep")]),
        ("model M of Npu { grid pe 0 }", [("HWR002", "pe")]),
        (
            'model M of Npu { memory 8Gi grid pe 4 } modes of M { mode c partition { profile "1" takes 1 pe at 4 } }',
            [("HWR005", "4")],
        ),
        (
            'model M of Npu { memory 8Gi } modes of M { mode c partition { profile "1" takes places 1, 8 of pe } }',
            [("HWR005", "8")],
        ),
        (
            'model M of Npu { memory 8Gi } modes of M { mode c partition { profile "1" takes places 1, 1 of pe } }',
            [("HWR005", "1")],
        ),
        (
            'model M of Npu { memory 8Gi } modes of M { mode c partition gives board "{memory}" { profile "1" times 2 } }',
            [("TYP001", '"{memory}"')],
        ),
        (
            'model M of Npu { memory 8Gi } modes of M { mode c partition gives board "x{start}" { profile "1" times 2 } }',
            [("TYP001", '"x{start}"')],
        ),
        (
            'model M of Npu { memory 8Gi } modes of M { mode c partition gives fast "{start}" { profile "1" times 2 } }',
            [("TYP001", '"{start}"')],
        ),
    ],
)
def test_what_is_wrong_with_a_grid_or_a_template(text: str, wanted: list[tuple[str, str]]) -> None:
    assert found(text) == wanted


PLACES = """model M of Npu { memory 16Gi }
modes of M {
  mode whole
  mode fused partition named "{parent}pe{start}-{end}" {
    profile "pair" takes 2 pe at 0, 2 gives memory 4Gi
    profile "apart" named "{parent}at{positions}" takes places 1, 3 of pe gives memory 5Gi
  }
}
class any of M.fused
class apart of M.fused "apart"
"""


def test_places_that_lie_in_no_row_and_the_last_position() -> None:
    made = devices(PLACES)
    assert list(made) == ["m-0", "m-0pe0-1", "m-0pe2-3", "m-0at1-3"]
    assert drawn(made["m-0at1-3"]) == {"pe-1", "pe-3"}


def test_places_keep_partitions_apart() -> None:
    text = PLACES
    (result,) = run_tests(
        checked(
            text
            + """test "apart" {
              given 1 M
              claim a 1 of apart
              claim b 1 of any
              release a
              claim c 2 of any
              claim d 1 of apart
              expect a placed on "m-0at1-3"
              expect b refused not now
              expect c placed
              expect d refused not now
            }"""
        )
    )
    assert result.passed, result.text()


def test_values_that_are_told_from_the_board_and_the_place() -> None:
    text = """model M of Npu { memory 16Gi  logic_id 4  firmware 1.2  fast true }
    modes of M {
      mode cut partition
          gives board "{logic_id}", parent_firmware "{firmware}", from_fast "{fast}", whole_memory "{memory}",
              first "{start}", last "{end}", cores "{positions}", places "{positions}" {
        profile "3" takes 3 pe at 2 gives memory 6Gi
      }
    }
    class c of cut"""
    (device,) = devices(text).values()
    said = device.attributes
    assert said["board"].int_ == 4
    assert str(said["parent_firmware"].version) == "1.2.0"
    assert said["from_fast"].bool_ is True
    assert (said["first"].int_, said["last"].int_) == (2, 4)
    assert said["cores"].ints == (2, 3, 4)
    assert said["places"].string == "2,3,4"
    assert str(device.capacity["whole_memory"].value) == "16Gi"
    # What is another one for each device is no condition of a class; what the board says is.
    (result,) = run_tests(checked(text + '\ntest "t" { given 1 M  claim a 1 of c  expect a placed }'))
    assert result.passed, result.text()
