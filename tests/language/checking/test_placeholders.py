"""Braces in the names and values of devices: an attribute of a placeholder's name is never passed over in silence."""

from __future__ import annotations

import pytest

from dra_policy.diagnostics import Diagnostic
from dra_policy.language import load
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import Device
from dra_policy.source import Source

CUT = 'profile "1" takes 2 slice at 0, 2'


def policy(attribute: str, statements: str, value: str = "") -> str:
    return f"""policy ssd.example.org version 1.0 language 1
device Ssd {{
  driver ssd.example.org
  attribute {attribute}
  attribute label text optional
  attribute size int optional
  capacity memory bytes
  grid slice 4 of memory
}}
model Big of Ssd {{ memory 80Gi {value} }}
{statements}"""


def problems_of(text: str) -> list[Diagnostic]:
    return load(Source("ssd.dra", text))[1]


def devices(text: str) -> dict[str, Device]:
    policies, problems = load(Source("ssd.dra", text))
    assert policies is not None, problems
    catalog = Catalog.of(policies)
    fleet = Fleet(catalog)
    machine = catalog.machine("m")
    assert machine is not None
    fleet.place(machine, "n", {})
    return {device.name: device for one in fleet.slices() for device in one.spec.devices}


@pytest.mark.parametrize("name", ["parent", "mode", "profile", "start", "end", "positions", "index", "number", "node"])
@pytest.mark.parametrize(
    "cut",
    [
        'mode cut partition named "{parent}-NAME-{start}-{number}-{profile}" { CUT }',
        'mode cut partition { CUT named "{parent}-NAME-{start}" }',
        'mode cut partition gives label "NAME" { CUT }',
        'mode cut partition { CUT gives label "x-NAME" }',
    ],
)
def test_a_placeholder_of_two_readings(name: str, cut: str) -> None:
    cut = cut.replace("NAME", f"{{{name}}}").replace("CUT", CUT)
    given = next(one for one in problems_of(policy(f"{name} int", f"modes of Big {{ {cut} }}")) if name in one.message)
    assert given.code == "SET011"
    assert [one.span.text for one in given.related] == [name]
    # Both readings, and how each is said.
    assert f"`attribute device_{name} ... publish as {name}`" in given.help
    assert f"`{{device_{name}}}` is the attribute" in given.help
    assert f"`{{{name}}}` the " in given.help


@pytest.mark.parametrize("name", ["index", "node", "pool"])
def test_a_name_of_a_machine_that_has_two_readings(name: str) -> None:
    text = policy(f"{name} int", f'machine m {{ devices g[0] of Big named "ssd-{{{name}}}" }}')
    assert [one.code for one in problems_of(text)] == ["SET011"]


@pytest.mark.parametrize("name", ["parent", "index", "node", "pool"])
def test_a_counter_set_that_has_two_readings(name: str) -> None:
    text = policy(f"{name} int", f'modes of Big counters "c-{{{name}}}" {{ mode a }}')
    assert [one.code for one in problems_of(text)] == ["SET011"]


@pytest.mark.parametrize(
    ("attribute", "statements"),
    [
        (
            "profile text optional",
            f'mode cut partition named "{{profile}}-{{start}}" gives profile "{{profile}}" {{ {CUT} }}',
        ),
        ("start int", f'mode cut partition named "{{start}}" {{ {CUT} gives start "{{start}}" }}'),
        (
            "parent text optional",
            f'mode whole named "{{parent}}"  mode cut partition gives parent "{{parent}}" {{ {CUT} }}',
        ),
        ("mode one of a, b", 'mode a named "{mode}" gives mode a  mode b named "{mode}" gives mode b'),
        # `whole` is no partition: what it has of these names are attributes.
        ("profile text", 'mode whole named "ssd-{profile}"'),
    ],
)
def test_what_parts_alone_have_is_no_attribute_of_the_board(attribute: str, statements: str) -> None:
    assert problems_of(policy(attribute, f"modes of Big {{ {statements} }}")) == []


@pytest.mark.parametrize(
    "board",
    [('profile "x"', ""), ("", 'machine m { devices g[0] of Big  place g[0] profile "x" }')],
)
def test_what_a_board_has_too_has_two_readings(board: tuple[str, str]) -> None:
    modes = f'modes of Big {{ mode cut partition named "{{profile}}-{{start}}" gives profile "p" {{ {CUT} }} }}'
    text = policy("profile text optional", f"{modes} {board[1]}", board[0])
    assert [one.code for one in problems_of(text)] == ["SET011"]


def test_an_attribute_in_the_name_of_a_machines_device() -> None:
    text = policy("parent text", 'machine m { devices g[0] of Big named "ssd-{parent}"  place g[0] parent "shelf" }')
    assert list(devices(text)) == ["ssd-shelf"]


def test_amounts_in_units() -> None:
    modes = f"""modes of Big counters "c-{{memory in MiB}}" {{
      mode cut partition named "{{parent}}-{{memory in GiB}}g-{{start}}" gives label "{{memory in GB}} GB", size "{{memory in Gi}}"
      {{ {CUT} gives memory 40Gi }} }}
    machine m {{ devices g[0] of Big named "d{{memory in GiB}}" }}"""
    made = devices(policy("kind text optional", modes))
    # A part is named after its board, as with every attribute in braces.
    assert list(made) == ["d80-80g-0", "d80-80g-2"]
    first = made["d80-80g-0"]
    assert (first.attributes["label"].string, first.attributes["size"].int_) == ("85 GB", 80)
    assert [one.counter_set for one in first.consumes_counters] == ["c-81920"]


@pytest.mark.parametrize("written", ["label in GiB", "memory in W", "memory in Gigs", "memory in "])
def test_a_unit_that_does_not_fit(written: str) -> None:
    text = policy("kind text optional", f'machine m {{ devices g[0] of Big named "d-{{{written}}}" }}')
    found = problems_of(text)
    assert [one.code for one in found] == ["SET006"]
    assert all(one.help for one in found)
