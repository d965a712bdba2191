"""Loading: files, folders and texts, imports by name and version, and what is reported once only."""

from pathlib import Path

import pytest

from dra_policy.language import CheckedPolicies, load
from dra_policy.language.imports import POLICY_LIMIT, library_policies
from dra_policy.source import Source

A = "policy a.example.org version 2.1.0 language 1\ndevice A { driver a.example.org  capacity memory bytes }\n"


def policy(name: str, body: str = "", file: str = "") -> Source:
    return Source(file or f"{name}.dra", f"policy {name} version 1.0.0 language 1\n{body}\n")


def loaded(*given: str | Path | Source) -> CheckedPolicies:
    policies, found = load(*given)
    assert policies is not None, found
    return policies


def codes(*given: str | Path | Source) -> list[tuple[str, str]]:
    return [(d.code, d.span.text if d.span else "") for d in load(*given)[1]]


def test_the_library_holds_the_standard_names() -> None:
    assert {"std.pcie", "std.numa"} <= library_policies().keys()


def test_every_policy_comes_after_those_it_imports() -> None:
    policies = loaded(policy("b", "import a, std.numa"), policy("a", "import std.pcie"))
    assert [p.name for p in policies] == ["std.pcie", "a", "std.numa", "b"]
    assert [p.name for p in policies if p.given] == ["a", "b"]


def test_given_files_stand_before_the_library() -> None:
    policies = loaded(policy("std.numa", "attribute here int"), policy("b", "import std.numa"))
    [numa] = [p for p in policies if p.name == "std.numa"]
    assert list(numa.attributes) == ["here"]


def test_a_folder_stands_for_all_policies_below(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.dra").write_text(A)
    (tmp_path / "inner" / "b.dra").write_text("policy b version 1.0 language 1 import a.example.org version 2.1\n")
    (tmp_path / "notes.txt").write_text("not a policy")
    assert [p.name for p in loaded(tmp_path)] == ["a.example.org", "b"]
    # The same file twice is one file.
    assert [p.name for p in loaded(tmp_path, tmp_path / "a.dra")] == ["a.example.org", "b"]


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    assert codes(tmp_path) == [("SRC005", "")]


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    assert codes(tmp_path / "a.dra") == [("SRC001", "")]


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dra").write_text(A + "#" * POLICY_LIMIT)
    assert codes(tmp_path / "a.dra") == [("SRC003", "")]


@pytest.mark.parametrize(
    ("wanted", "good"), [("2.1", True), ("2.1.0", True), ("1.9", True), ("2.2", False), ("10.0", False)]
)
def test_an_import_may_want_a_least_version(wanted: str, good: bool) -> None:
    found = codes(Source("a.dra", A), policy("b", f"import a.example.org version {wanted}"))
    assert found == ([] if good else [("NAM011", wanted)])


def test_an_unknown_import_is_reported_once_and_nothing_else_of_it() -> None:
    found = codes(policy("b", "import a.exampel.org, std.pci\nclass c of A { require memory >= 1Gi and size > 4 }"))
    assert found == [("NAM010", "a.exampel.org"), ("NAM010", "std.pci")]


def test_two_files_of_one_policy() -> None:
    _, found = load(Source("a.dra", A), Source("b.dra", A))
    assert [(d.code, str(d.span), str(d.related[0].span)) for d in found] == [("NAM012", "b.dra:1:8", "a.dra:1:8")]


def test_a_policy_that_imports_itself() -> None:
    assert codes(policy("a", "import a")) == [("NAM018", "a")]


def test_circles_are_reported_once_each() -> None:
    files = [policy("a", "import b"), policy("b", "import a, c"), policy("c", "import d"), policy("d", "import c")]
    assert codes(*files) == [("NAM018", "b"), ("NAM018", "d")]


def test_plain_and_qualified_names_reach_imports() -> None:
    site = "import a.example.org\nclass x of A { require memory >= 1Gi }\nclass y of a.example.org.A\n"
    site += "claim one { request g = 1 of x }\nclaim two { request g = 1 of site.x }"
    policies = loaded(Source("a.dra", A), policy("site", site))
    assert sorted(policies.classes) == ["x", "y"]


def test_names_are_not_handed_on_by_imports() -> None:
    files = [Source("a.dra", A), policy("b", "import a.example.org"), policy("site", "import b\nclass x of A")]
    assert codes(*files) == [("NAM005", "A")]


def test_an_own_declaration_stands_before_an_imported_one() -> None:
    site = "import a.example.org\ndevice A { driver b.example.org }\nclass x of A"
    policies = loaded(Source("a.dra", A), policy("site", site))
    assert policies.classes["x"].device.driver == "b.example.org"


def test_a_name_that_two_imports_declare_needs_its_policy() -> None:
    other = Source("b.dra", "policy b.example.org version 1.0.0 language 1 device A { driver b.example.org }")
    head = "import a.example.org, b.example.org\n"
    assert codes(Source("a.dra", A), other, policy("site", head + "class x of A")) == [("NAM013", "A")]
    policies = loaded(Source("a.dra", A), other, policy("site", head + "class x of b.example.org.A"))
    assert policies.classes["x"].device.driver == "b.example.org"


def test_a_class_of_two_policies_is_a_mistake_even_where_nobody_uses_it() -> None:
    files = [
        Source("a.dra", A),
        policy("b", "import a.example.org class x of A"),
        policy("c", "import a.example.org class x of A"),
    ]
    _, found = load(*files)
    assert [(d.code, str(d.span), str(d.related[0].span)) for d in found] == [("NAM015", "c.dra:2:28", "b.dra:2:28")]


def test_what_follows_from_a_broken_part_stays_silent() -> None:
    broken = "device A { driver a.example.org  capacity memory bytes nonsense }\nclass x of A { require power > 1 W }\nclass y of Aa"
    assert [code for code, _ in codes(policy("a", broken))] == ["SYN001"]


def test_a_lost_profile_is_not_missed() -> None:
    broken = (
        "device A { driver a.example.org  grid core 4 }\nmodel M of A { }\n"
        'modes of M { mode cut partition { profile "1" takes 1 core } }\nclass x of cut "1"'
    )
    assert [code for code, _ in codes(policy("a", broken))] == ["SYN001"]


def test_what_the_parser_mends_does_not_hide_other_mistakes() -> None:
    mended = "device A { driver a.example.org  capasity memory bytes }\nclass x of A { require memroy >= 1Gi }"
    assert codes(policy("a", mended)) == [("SYN002", "capasity"), ("NAM001", "memroy")]


def test_diagnostics_are_sorted_by_file_and_position() -> None:
    files = [policy("b", "class x of Q\nclass y of R"), policy("a", "class z of S")]
    _, found = load(*files)
    places = [str(d.span) for d in found]
    assert places == sorted(places)
    assert len(places) == 3


def test_the_standard_names_are_those_of_kubernetes() -> None:
    policies = loaded(policy("a", "import std.pcie, std.numa"))
    published = {
        f"{p.name}.{name}": (attribute.published.qualified, str(attribute.type))
        for p in policies
        for name, attribute in p.attributes.items()
    }
    assert published == {
        "std.pcie.root": ("resource.kubernetes.io/pcieRoot", "text"),
        "std.pcie.bus_id": ("resource.kubernetes.io/pciBusID", "text"),
        "std.numa.node": ("resource.kubernetes.io/numaNode", "a whole number"),
    }
