"""What the linter finds, what it leaves alone, and the command."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from dra_policy.cli.application import application
from dra_policy.language import load
from dra_policy.lint import classes, lint, lint_errors
from dra_policy.shipped import policies_folder
from dra_policy.source import Source

HEAD = """policy a.example version 1.0.0 language 1
device Gpu {
  driver gpu.example.org
  attribute uuid text unique in cluster
  attribute numa int optional
  flag ecc absent means false
  capacity memory bytes
  capacity streams count optional
}
model Small of Gpu { memory 40Gi tolerance 5% }
model Large of Gpu { memory 80Gi tolerance 5% }
"""
SHIPPED = sorted(path.parent.name for path in policies_folder().glob("*/policy.dra"))


def found(text: str) -> list[str]:
    policies, problems = load(Source("a.dra", HEAD + text))
    assert policies is not None, problems
    return [f"{one.diagnostic.code} {one.diagnostic.span.text}" for one in lint(policies) if one.diagnostic.span]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policies_are_clean(name: str) -> None:
    policies, problems = load(str(policies_folder() / name / "policy.dra"))
    assert policies is not None, problems
    assert [finding.diagnostic.message for finding in lint(policies)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A tolerance counts: a small one may report 42Gi, and no more.
        ("class a of Small { require memory >= 42Gi }", []),
        ("class a of Small { require memory >= 43Gi }", ["LIN058 memory >= 43Gi"]),
        ("class a of Gpu { require memory >= 43Gi }", []),
        ("class a of Gpu { require memory >= 38Gi }", ["LIN059 memory >= 38Gi"]),
        # Equality names what is meant, whatever else there will be.
        ("class a of Gpu { require not ecc }", []),
        # What models do not say, devices may have.
        ("class a of Gpu { require has numa and numa == 3 }", []),
        ('class a of Gpu { require uuid starts with "GPU" and uuid ends with "0" }', []),
        (
            "class a of Gpu { require has numa and numa > 1 and numa < 2 }",
            ["LIN061 has numa and numa > 1 and numa < 2"],
        ),
        ("class a of Gpu { require ecc or memory > 50Gi  require ecc }", ["LIN062 ecc or memory > 50Gi"]),
        ('class a of Gpu { require uuid contains "a"  require uuid contains "a" }', ['LIN062 uuid contains "a"']),
        ("class a of Gpu { require ecc } claim c { request g = 1 of a { require ecc } }", ["LIN062 ecc"]),
        ("class a of Gpu { require ecc } claim c { request g = 1 of a { require not ecc } }", ["LIN061 not ecc"]),
        ("class a of Gpu claim c { request g = first of 2 of a, 1 of a }", []),
        ("class a of Gpu claim c { request g = 1 to 2 of a }", []),
        (
            "class a of Gpu claim c { request g = first of 1 of a { require ecc }, 2 of a }",
            [],
        ),
        (
            "class a of Gpu claim c { request g = first of 1 of a { takes memory 1Gi }, 2 of a { takes memory 2Gi } }",
            ["LIN060 2 of a { takes memory 2Gi }"],
        ),
        ("class a of Gpu { prefer memory > 50Gi }", []),
        ("class a of Large { prefer memory > 50Gi }", ["LIN069 prefer memory > 50Gi"]),
        ("class a of Gpu { prefer most memory }", []),
        ("class a of Gpu claim c { request g = 1 of a  prefer least stranded }", []),
        ("class a of Gpu refuse a when ecc", []),
        ("class a of Gpu { require ecc } refuse a when not ecc", ["LIN064 a when not ecc"]),
        ("class a of Gpu { require ecc } refuse a when ecc", ["LIN063 a when ecc"]),
        ("refuse any when 1 == 1", []),
    ],
)
def test_findings(text: str, expected: list[str]) -> None:
    if "1 == 1" in text:
        assert load(Source("a.dra", HEAD + text))[0] is None
        return
    assert found(text) == expected


COMPARED = "attribute low int  attribute high int  attribute top int"
CHAINED = [
    ("require low < high  require high < low", ["LIN061 high < low"]),
    ("require low < high  require high < top  require top < low", ["LIN061 top < low"]),
    ("require low < high  require low >= 3  require high < 4", ["LIN061 high < 4"]),
    ("require low < high  require low >= 3  require high < 5", []),
    ("require low == high and low > 3  require high > 2", []),
]


@pytest.mark.parametrize(("text", "expected"), CHAINED)
def test_what_intervals_cannot_settle_is_silent_or_settled_by_z3(text: str, expected: list[str]) -> None:
    source = HEAD.replace("flag ecc", f"{COMPARED}\n  flag ecc") + f"class a of Gpu {{ {text} }}"
    policies, problems = load(Source("a.dra", source))
    assert policies is not None, problems
    told = [f"{one.diagnostic.code} {one.diagnostic.span.text}" for one in lint(policies) if one.diagnostic.span]
    assert told == (expected if find_spec("z3") is not None else [])


def test_a_quota_within_what_a_test_gives_is_fine() -> None:
    text = "quota q of Gpu { at most 3 } machine m { devices gpu[0..1] of Small }\nclass a of Gpu\n"
    assert found(text) == ["LIN065 q"]
    assert found(f'{text}test "t" {{ given 4 Small claim c 1 of a expect c placed }}') == []


def messages(text: str) -> list[str]:
    policies, problems = load(Source("a.dra", HEAD + text))
    assert policies is not None, problems
    return [one.diagnostic.message for one in lint(policies)]


def test_what_a_quota_is_larger_than_is_said() -> None:
    text = "quota q of Gpu { at most 3 }\nclass a of Gpu\n"
    given = 'test "t" { given 2 Small claim c 1 of a expect c placed }'
    assert messages(text + given) == ["quota `q` is 3, and no test gives more than 2"]
    assert messages(f"{text}machine m {{ devices gpu[0..1] of Small }}") == [
        "quota `q` is 3, and all machines together have 2"
    ]


def test_a_clause_that_always_holds_follows_from_no_other() -> None:
    text = "class a of Gpu { require memory >= 60Gi  require ecc or not ecc }"
    assert messages(text) == ["`ecc or not ecc` always holds"]


def test_what_costs_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    policies, _ = load(Source("a.dra", HEAD + "class a of Gpu { require memory >= 50Gi }"))
    assert policies is not None
    assert lint_errors(policies) == []
    monkeypatch.setattr(classes, "BUDGET", 1)
    assert "LIN074" in {finding.diagnostic.code for finding in lint_errors(policies)}


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "a.dra"
    path.write_text(HEAD + "class a of Gpu {\n  require memory >= 50Gi\n  require memory >= 60Gi  # enough\n}\n")
    run = CliRunner().invoke(application, ["lint", str(path)])
    assert run.exit_code == 0
    assert "LIN062" in run.output
    assert run.output.endswith("1 policy, 1 finding\n")
    assert CliRunner().invoke(application, ["lint", "--strict", str(path)]).exit_code == 1
    data = json.loads(CliRunner().invoke(application, ["lint", "-o", "json", str(path)]).output)
    assert [one["code"] for one in data["findings"]] == ["LIN062"]
    assert CliRunner().invoke(application, ["lint", "-o", "sarif", str(path)]).exit_code == 0
    run = CliRunner().invoke(application, ["lint", "--fix", str(path)])
    assert "1 policy, no findings" in run.output
    assert path.read_text() == HEAD + "class a of Gpu {\n  require memory >= 60Gi  # enough\n}\n"


def test_errors_are_errors_of_check_too(tmp_path: Path) -> None:
    path = tmp_path / "a.dra"
    path.write_text(HEAD + "class a of Gpu { require memory >= 60Gi  require memory < 50Gi }\n")
    for command in ("check", "lint"):
        run = CliRunner().invoke(application, [command, str(path)])
        assert run.exit_code == 2
        assert "LIN061" in run.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('machine m { devices a[0] of Small  devices b[0..1] of Large named "b-{index}" }', []),
        (
            'machine m { devices a[0] of Small named "x"  devices b[0] of Large named "x" }',
            ["HWR014 b[0]"],
        ),
        ('machine m { devices gpu[0..1] of Small  devices b[0] of Large named "gpu-1" }', ["HWR014"]),
        # One line for both partitions.
        (
            (
                'modes of Small { mode cut partition named "{index}-{number}" { profile "1" times 2 } }'
                " machine m { devices a[0] of Small  devices b[0] of Small }"
            ),
            ["HWR014"],
        ),
        (
            (
                "device Nic { driver nic.example.org }  model N of Nic {}  machine m {"
                ' devices a[0] of Small named "x"  devices b[0] of N named "x" }'
            ),
            [],
        ),
        (
            f'model {"X" * 70} of Gpu {{ memory 1Gi }} machine m {{ devices a[0] of Large named "{"x" * 70}" }}',
            ["LIN077 m"],
        ),
        ('modes of Small { mode cut partition { profile "%s" times 2 } }' % ("9" * 70), ["LIN077 Small"]),
    ],
)
def test_devices_that_kubernetes_refuses(text: str, expected: list[str]) -> None:
    policies, problems = load(Source("a.dra", HEAD + text))
    assert policies is not None, problems
    said = [(one.diagnostic.code, one.diagnostic.span) for one in lint_errors(policies)]
    assert len(said) == len(expected)
    for (code, span), wanted in zip(said, expected, strict=True):
        assert span is not None
        assert f"{code} {span.text}".startswith(wanted)


PORTS = "device Nic { driver nic.example.org  attribute link one of up, down  attribute root text  attribute id text unique in cluster  flag ok absent means true } model N of Nic "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PORTS + "{} machine m { devices n[0..1] of N }", []),
        (PORTS + "{} machine m { devices n[0] of N } class c of Nic { require link == up and ok }", ["LIN078 n[0]"]),
        (PORTS + "{ link up } machine m { devices n[0] of N } class c of Nic { require link == up }", []),
        (
            PORTS
            + "{} machine m { devices n[0] of N { link = up } } class c of Nic { require link == up and id != id }",
            [],
        ),
        (
            PORTS
            + '{} machine m { devices n[0..1] of N  place n[0] root "a" } class c of Nic claim x { request r = 2 of c  same root }',
            ["LIN078 n[0..1]"],
        ),
        (
            PORTS + '{} machine m { devices n[0] of N } setup Nic { for each device { node "/dev/{root}" } }',
            ["LIN078 n[0]"],
        ),
        ("pool engines of Large count 4", ["LIN079 engines"]),
        (
            'pool engines of Large count 4 modes of Large { mode a partition { profile "1" times 2 draws engines 1 } }',
            [],
        ),
        (
            "pool streams of Large count 4 share s of Large { each takes streams 1 to 4  draws streams equal to streams }",
            [],
        ),
    ],
)
def test_what_machines_and_pools_leave_out(text: str, expected: list[str]) -> None:
    assert [one for one in found(text) if one.startswith(("LIN078", "LIN079"))] == expected
