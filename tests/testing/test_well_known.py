"""One fact that drivers publish under names of their own is compared by what it is."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

VENDORS = """policy vendors.example.org version 1.0 language 1
{imports}
device Gpu {{ driver gpu.nvidia.com  attribute numa int optional }}
model Card of Gpu
device Nic {{ driver dra.net  attribute node_number int publish as numaNode }}
model Port of Nic
device Cpu {{
  driver dra.cpu
  attribute where std.numa.node
  attribute roots set of text publish as "resource.kubernetes.io/pcieRoot" list optional
}}
model Group of Cpu
class gpu of Gpu
class nic of Nic
class cpu of Cpu
claim trio {{
  request gpu = 1 of gpu
  request nic = 1 of nic
  request cpu = 1 of cpu
  same {name} of gpu, nic, cpu because "one memory"
}}
"""
TEST = """
test "t" {{
  given 1 Card on "n" {{ numa = 1 }}
  given 1 Port on "n" {{ node_number = {nic} }}
  given 1 Group on "n" {{ where = 1 }}
  claim a trio
  expect a {expected}
}}
"""


def checked(imports, name, **values):
    text = VENDORS.format(imports=imports, name=name) + (TEST.format(**values) if values else "")
    return load(Source("vendors.dra", text))


@pytest.mark.parametrize(("nic", "expected"), [(1, "placed"), (0, 'refused "one memory" never')])
def test_all_spellings_are_one_fact(nic, expected):
    policies, problems = checked("import std.numa", "std.numa.node", nic=nic, expected=expected)
    assert policies is not None, problems
    assert [result.text() for result in run_tests(policies) if not result.passed] == []


def test_a_spelling_that_the_standard_lacks_is_added_by_a_site():
    imports = (
        'import std.numa\nattribute memory int publish as "resource.kubernetes.io/numaNode" also dra.net/numaNode'
        " also gpu.nvidia.com/numa"
    )
    policies, problems = checked(imports, "memory", nic=0, expected='refused "one memory"')
    assert policies is not None, problems
    assert [result.text() for result in run_tests(policies) if not result.passed] == []


def test_what_is_published_under_no_name_of_the_fact_is_another():
    imports = 'import std.numa\nattribute memory int publish as "resource.kubernetes.io/numaNode" also dra.net/numaNode'
    _, problems = checked(imports, "memory")
    assert [(one.code, one.message) for one in problems] == [
        ("RUL009", "device `Gpu` of request `gpu` does not publish `memory`")
    ]


def test_plain_names_that_mean_one_fact_are_compared():
    text = VENDORS.replace("node_number int publish as numaNode", 'numa int publish as "dra.net/numaNode"')
    text = text.replace("of gpu, nic, cpu", "of gpu, nic")
    _, problems = load(Source("vendors.dra", text.format(imports="import std.numa", name="numa")))
    assert not problems
    text = text.replace("attribute where std.numa.node", "attribute where int")
    _, problems = load(Source("vendors.dra", text.format(imports="", name="numa")))
    assert [one.code for one in problems] == ["RUL009"]
