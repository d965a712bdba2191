"""Claims of one name in several policies: examples of two vendors beside each other, and the site that names one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from dra_policy.cli.application import application
from dra_policy.diagnostics import InvalidInput
from dra_policy.engine import Engine
from dra_policy.language import CheckedPolicies, load, lower
from dra_policy.language.objects import to_claim_template
from dra_policy.source import Source

VENDOR = """policy VENDOR.example version 1.0.0 language 1
device Npu { driver VENDOR.example }
model M of Npu
class VENDOR-npu of Npu
claim small { request VENDOR = 1 of VENDOR-npu }
machine m { devices npu[0..1] of M }
test "own" { given 1 machine m  claim c small  expect c placed }
"""
SITE = "policy site version 1.0.0 language 1 import one.example, two.example\n"


def vendor(name: str) -> Source:
    return Source(f"{name}.dra", VENDOR.replace("VENDOR", name))


def loaded(*sources: Source) -> CheckedPolicies:
    policies, problems = load(*sources)
    assert policies is not None, problems
    return policies


def test_the_plain_name_is_an_error_where_it_is_used() -> None:
    site = SITE + 'test "t" { given 1 machine one.example.m  claim c small  expect c placed }'
    _, (problem,) = load(vendor("one"), vendor("two"), Source("site.dra", site))
    assert (problem.code, problem.help) == ("NAM013", "write `one.example.small` or `two.example.small`")


def test_gangs_and_tests_name_the_policy() -> None:
    site = SITE + "gang both of 2 two.example.small { distinct node }"
    rules = lower(loaded(vendor("one"), vendor("two"), Source("site.dra", site)))
    assert [gang.template for gang in rules.site.gangs] == ["two.example.small"]
    assert [request.name for request in rules.claims["two.example.small"].requests] == ["two"]


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        ([vendor("one"), vendor("two")], ["one.example.small", "two.example.small"]),
        ([vendor("one"), vendor("two"), Source("s.dra", SITE)], ["one.example.small", "two.example.small"]),
        # The claims of policies that another one imports are examples: its own keeps the plain name.
        (
            [vendor("one"), vendor("two"), Source("s.dra", SITE + "claim small { request r = 1 of one-npu }")],
            ["one.example.small", "two.example.small", "small"],
        ),
        (
            [vendor("one"), Source("s.dra", "policy s version 1.0 language 1 import one.example")],
            ["small"],
        ),
    ],
)
def test_names_of_templates(sources: list[Source], wanted: list[str]) -> None:
    policies = loaded(*sources)
    assert list(policies.templates) == wanted
    assert {str(one.key) for one in lower(policies).claims.values()} == set(wanted)
    # `policy.claim` stands for a claim whatever its template is called.
    assert all(f"{one.policy}.{one.name}" in lower(policies).claims for one in policies.templates.values())
    assert all(policies.claim(f"{one.policy}.{one.name}") is one for one in policies.templates.values())


def test_the_engine_asks_which_is_meant() -> None:
    engine = Engine()
    engine.load(vendor("one"), vendor("two"))
    with pytest.raises(InvalidInput) as raised:
        engine.allocate("small")
    (problem,) = raised.value.diagnostics
    assert problem.help == "write `one.example.small` or `two.example.small`: several policies declare it"
    with pytest.raises(KeyError):
        to_claim_template(loaded(vendor("one"), vendor("two")), "small")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    written = [(tmp_path / f"{name}.dra", VENDOR.replace("VENDOR", name)) for name in ("one", "two")]
    for path, text in [*written, (tmp_path / "site.dra", SITE)]:
        path.write_text(text)
    return sorted(map(str, tmp_path.iterdir()))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(application, list(arguments))


def test_the_commands(files: list[str]) -> None:
    assert run("check", *files).exit_code == 0
    assert run("lint", *files).exit_code == 0
    done = run("test", *files)
    assert done.exit_code == 0, done.output
    assert "2 tests, all passed" in done.output


def test_every_claim_is_allocated_under_a_name_of_its_own(files: list[str], tmp_path: Path) -> None:
    slices = tmp_path / "slices.yaml"
    slices.write_text(run("render", *files, "--kind", "slices", "--machine", "one.example.m=n").stdout)
    done = run("allocate", *files, str(slices))
    assert [one in done.stdout for one in ("one.example.small", "two.example.small")] == [True, True]


def test_templates_replace_no_others(files: list[str]) -> None:
    done = run("render", *files, "--kind", "templates")
    assert done.exit_code == 0, done.output
    made = [one["metadata"]["name"] for one in yaml.safe_load_all(done.stdout)]
    assert made == ["one.example.small", "two.example.small"]
    assert "templates are called `one.example.small`, `two.example.small`" in done.stderr


def test_a_machine_of_two_policies(files: list[str]) -> None:
    done = run("render", *files, "--kind", "slices", "--machine", "m")
    assert done.exit_code == 2
    assert "write one.example.m or two.example.m" in done.stderr
