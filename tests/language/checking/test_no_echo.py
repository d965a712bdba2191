"""One mistake, one message: what follows from a mistake stays silent, and help that is followed mends the file."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source

HEAD = "policy a.example.org version 1.0.0 language 1\n"
DEVICE = """device Gpu {
  driver gpu.example.org
  attribute kind one of gpu, mig
  attribute numa int optional
  attribute model text
  attribute fw version
  flag ecc
  capacity memory bytes
  capacity bandwidth bytes per second
}
"""


def found(text: str, *others: Source) -> list[tuple[str, str]]:
    _, problems = load(Source("a.dra", HEAD + text), *others)
    return [(d.code, d.span.text if d.span else "") for d in problems]


def helps(text: str) -> list[str]:
    return [d.help for d in load(Source("a.dra", HEAD + text))[1]]


@pytest.mark.parametrize(
    ("condition", "code", "underlined"),
    [
        ("has nuna and numa == 0", "NAM001", "nuna"),
        ("(has nuna) and numa == 0 and numa < 4", "NAM001", "nuna"),
        ("(has numa and memory > 3) and numa == 0", "TYP002", "3"),
        ("not has nuna or numa == 0", "NAM001", "nuna"),
        ("near and numa == 0", "NAM001", "memmory"),
    ],
)
def test_a_proof_with_a_mistake_is_no_missing_proof(condition: str, code: str, underlined: str) -> None:
    define = "define near of Gpu = has numa and memmory > 1Gi\n" if "near" in condition else ""
    assert found(f"{DEVICE}{define}class c of Gpu {{ require {condition} }}") == [(code, underlined)]


def test_a_mistake_that_proves_nothing_hides_no_missing_proof() -> None:
    text = f"{DEVICE}class c of Gpu {{ require memory > 3 and numa == 0 }}"
    assert found(text) == [("TYP002", "3"), ("TYP006", "numa")]


@pytest.mark.parametrize(
    ("written", "code", "help_"),
    [
        ("attribute latency integer", "NAM005", "write `int`"),
        ("attribute latency string", "NAM005", "write `text`"),
        ("attribute latency float", "NAM005", "write `int`, or declare a `capacity` with its unit"),
        ("attribute latency std.numa.node", "NAM005", ""),
        ("capacity latency text", "TYP011", "write `attribute latency ...`: a capacity is an amount"),
        ("attribute latency bytes", "TYP011", ""),
    ],
)
def test_what_is_declared_with_a_mistake_is_declared(written: str, code: str, help_: str) -> None:
    device = DEVICE.replace("flag ecc", written)
    uses = "class c of Gpu { require latency <= 3 }\nmodel M of Gpu { latency 3 }\nclaim x { request r = 2 of c same latency }"
    assert [c for c, _ in found(device + uses)] == [code]
    assert help_ in helps(device + uses)[0]


def test_a_default_with_a_mistake_is_a_default() -> None:
    text = """parameters P of Gpu { api a.example.org/v1 P  field mode one of fast, slow default fst }
class c of Gpu { config P { } }"""
    assert found(DEVICE + text) == [("TYP005", "fst")]


@pytest.mark.parametrize(
    ("wrong", "code", "underlined", "right"),
    [
        ("model M of Gpu { memory 80Gi tolerance 3 }", "SYN017", "3", "3%"),
        ("model M of Gpu { memory 80Gi tolerance 2.5 }", "SYN017", "2.5", "2.5%"),
        ("class c of Gpu { require bandwidth >= 512 Gb/s }", "SYN011", "Gb/s", "Gbit/s"),
        ("model M of Gpu { memory 8 Mb }", "SYN011", "Mb", "MB"),
        ("class c of Gpu { require fw >= 3 }", "TYP001", "3", "3.0.0"),
    ],
)
def test_help_that_is_followed_mends_the_file(wrong: str, code: str, underlined: str, right: str) -> None:
    assert found(DEVICE + wrong) == [(code, underlined)]
    assert f"`{right}`" in helps(DEVICE + wrong)[0]
    assert not found(DEVICE + wrong.replace(underlined, right))


def test_a_unit_of_time_that_is_too_short_is_no_second() -> None:
    assert "`s`" not in helps(f"{DEVICE}class c of Gpu {{ require numa <= 260 ns }}")[0]


def test_an_unquoted_text_that_begins_with_a_digit() -> None:
    assert "quotes" in helps(DEVICE + "model M of Gpu { model 2x4 }")[0]


def test_an_import_by_file_name_is_told_once() -> None:
    assert found('import "std/pcie.dra"') == [("NAM010", '"std/pcie.dra"')]
    assert found('import "std.pcie"') == [("SYN018", '"std.pcie"')]


def test_the_importing_policy_is_no_suggestion() -> None:
    _, problems = load(Source("p0.dra", "policy p0.example.com version 1.0.0 language 1 import p1.example.com"))
    assert [(d.code, "p0.example.com" in d.help) for d in problems] == [("NAM010", False)]


def test_a_common_domain_makes_no_likeness() -> None:
    for wrong, right in (("gpu.nvida.com", "gpu.nvidia.com"), ("std.pci", "std.pcie"), ("zz.example.com", "")):
        [help_] = helps(f"import {wrong}")
        assert help_.startswith("did you mean") == bool(right)
        assert right in help_


def test_a_device_where_a_model_is_given() -> None:
    [help_] = helps(DEVICE + 'class c of Gpu\ntest "t" { given 1 Gpu claim a 1 of c expect a placed }')
    assert "`model SomeGpu of Gpu { }`" in help_


def test_a_keyword_may_be_a_name_on_a_line_of_its_own() -> None:
    assert not found(
        "device Gpu {\n driver gpu.example.org\n attribute\n model one of a, b\n attribute\n class\n text }"
    )


@pytest.mark.parametrize("text", ["class c of Gpu { require memory >= -1 }", "model M of Gpu { memory -1 }"])
def test_a_negative_amount_lacks_no_unit(text: str) -> None:
    assert found(DEVICE + text) == [("TYP013", "-1")]
