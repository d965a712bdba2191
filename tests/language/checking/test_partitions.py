"""Partitions: grids of one model, places that lie in no row, and values and names that are told from the place."""

from __future__ import annotations

import re

import pytest

from dra_policy.language import load, lower
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


BOARD = """policy nic.example.org version 1.0 language 1
device Nic { driver nic.example.org  attribute kind one of card, vf, sf  capacity queues count }
model Card of Nic { queues 8 }
modes of Card {
  SHARERS
  mode whole gives kind card
  mode vf partition gives kind vf draws queues 2 { profile "vf" times 4 gives queues 2 }
  mode sf partition with vf gives kind sf draws queues 1 NAMED { profile "sf" times 4 gives queues 1 }
}
share slice of Card whole { at most 2 claims }
class any of Nic
class vf of vf
class sf of sf
"""


def board(sharers: str, named: str = "", test: str = "") -> CheckedPolicies:
    text = BOARD.replace("SHARERS", sharers).replace("NAMED", named)
    policies, problems = load(Source("nic.dra", text + test))
    assert policies is not None, problems
    return policies


@pytest.mark.parametrize("named", ["", 'named "{parent}-s{number}"'])
def test_the_parts_of_a_board_go_to_one_namespace(named: str) -> None:
    test = """test "one tenant" {
      given 2 Card
      claim a 1 of vf in "x"
      claim b 1 of sf in "x"
      claim c 1 of vf in "y"
      claim d 4 of sf in "y"
      claim e 5 of sf in "y"
      claim f 4 of vf in "y"
      expect a placed on "card-0-vf-vf-1"
      expect b placed
      expect c placed on "card-1-vf-vf-1"
      expect d placed
      expect e refused not now
      expect f refused not now
    }"""
    (result,) = run_tests(board("only same namespace", named, test))
    assert result.passed, result.text()


def test_so_many_namespaces_on_a_board_and_who_keeps_it() -> None:
    from dra_policy.render.enforcement import By, enforcement
    from dra_policy.render.targets import Target

    test = """test "two tenants" {
      given 1 Card
      claim a 1 of vf in "x"
      claim b 1 of sf in "y"
      claim c 1 of vf in "y"
      claim d 1 of sf in "z"
      expect a, b, c placed
      expect d refused "at most 2 namespaces" not now
    }"""
    policies = board("at most 2 namespaces", "", test)
    (result,) = run_tests(policies)
    assert result.passed, result.text()
    (row,) = [
        one for one in enforcement(policies, Target.of("1.37", controller=True)) if one.words == "at most 2 namespaces"
    ]
    assert row.by is By.CONTROLLER
    assert row.must


@pytest.mark.parametrize(
    ("sharers", "named", "code"),
    [
        ("only same namespace", 'named "sf-{number}"', "HWR017"),
        ("only same namespace should", "", "HWR011"),
        ("at most 0 claims", "", "HWR010"),
        ("at most 2 users", "", "HWR010"),
        ("only same tenant", "", "SIT001"),
    ],
)
def test_what_is_wrong_with_a_rule_over_a_board(sharers: str, named: str, code: str) -> None:
    text = BOARD.replace("SHARERS", sharers).replace("NAMED", named)
    _, problems = load(Source("nic.dra", text))
    assert [one.code for one in problems] == [code]
    assert problems[0].help


@pytest.mark.parametrize(
    "named", ["", 'named "s-{parent}-{number}"', 'named "{parent}-{profile}-{number}"', 'named "{number}x{parent}"']
)
def test_the_names_of_all_devices_tell_their_board(named: str) -> None:
    from dra_policy.allocation.site.boards import board_of
    from dra_policy.inventory import Snapshot
    from dra_policy.resources import Features

    policies = board("only same namespace", named)
    fleet = Fleet(Catalog.of(policies))
    fleet.give(12, policies.policies[0].models["Card"], "n", {})
    snapshot = Snapshot.empty(Features()).with_slices(fleet.slices())
    (limit,) = [one for one in lower(policies).site.sharing if one.same]
    boards = {record.id.device: board_of(record, limit.board) for record in snapshot.devices_in_order()}
    assert len(boards) == 12 * (1 + 1 + 4 + 4)
    for name, key in boards.items():
        number = re.search(r"card-([0-9]+)", name)
        assert number is not None
        assert key == boards[number.group()], name
    assert len(set(boards.values())) == 12
