"""Names of the API (A9, A10)."""

from __future__ import annotations

import pytest

from dra_policy.resources import (
    QualifiedName,
    driver_problem,
    identifier_problem,
    key_problem,
    label_problem,
    pool_problem,
    qualified_name_problem,
    subdomain_problem,
    value_problem,
)


@pytest.mark.parametrize("name", ["a", "0", "gpu-0", "a" * 63])
def test_labels(name: str) -> None:
    assert label_problem(name) is None


@pytest.mark.parametrize("name", ["", "GPU", "-a", "a-", "a.b", "a_b", "a" * 64, "ä", "a\n", "٣"])
def test_no_labels(name: str) -> None:
    assert label_problem(name) is not None


@pytest.mark.parametrize("name", ["a.b", "gpu.example.com", "a" * 63 + "." + "b" * 63, "a" * 253])
def test_subdomains(name: str) -> None:
    assert subdomain_problem(name) is None


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a.", "A.b", "a" * 254, "a b", "a\n"])
def test_no_subdomains(name: str) -> None:
    assert subdomain_problem(name) is not None


def test_drivers_may_have_capitals_and_63_characters() -> None:
    assert driver_problem("GPU.Example.com") is None
    assert driver_problem("a" * 63) is None
    assert driver_problem("a" * 64) is not None
    assert driver_problem("gpu_example") is not None


def test_pools_are_subdomains_joined_by_slashes() -> None:
    assert pool_problem("rack-1/node.a") is None
    assert pool_problem("a/b/c") is None
    for name in ("a//b", "/a", "a/", "A", "a" * 254, ""):
        assert pool_problem(name) is not None, name


def test_identifiers() -> None:
    assert identifier_problem("_a1") is None
    assert identifier_problem("a" * 32) is None
    for name in ("a" * 33, "1a", "a-b", "", "ä"):
        assert identifier_problem(name) is not None, name


@pytest.mark.parametrize("name", ["model", "dra.net/rdma", "GPU.example.com/model", "a/b/c"])
def test_qualified_names(name: str) -> None:
    # The last one is a gap of the API server that is kept (A10).
    assert qualified_name_problem(name) is None


@pytest.mark.parametrize("name", ["", "/a", "a/", "a_b/c", "d.e/a-b", "x" * 64 + "/a", "dra.net/" + "a" * 33])
def test_no_qualified_names(name: str) -> None:
    assert qualified_name_problem(name) is not None


def test_constraints_need_a_domain() -> None:
    assert "domain" in str(qualified_name_problem("numa", need_domain=True))
    assert qualified_name_problem("dra.net/numa", need_domain=True) is None
    # Devices may publish it, constraints cannot ask for it.
    assert qualified_name_problem("DRA.net/numa") is None
    assert "lower case" in str(qualified_name_problem("DRA.net/numa", need_domain=True))


def test_names_without_domain_belong_to_the_driver() -> None:
    assert QualifiedName.split("model").within("gpu.example.com") == QualifiedName("gpu.example.com", "model")
    assert str(QualifiedName.split("a/b").within("c")) == "a/b"
    assert QualifiedName.split("a/b/c") == QualifiedName("a", "b/c")


def test_keys_and_values_of_labels() -> None:
    assert key_problem("example.com/a_b.C") is None
    for key in ("", "a/b/c", "/a", "a/", "A_B/c", "-a", "a" * 64):
        assert key_problem(key) is not None, key
    assert value_problem("") is None
    assert value_problem("a_b.C-1") is None
    for value in ("-a", "a b", "a" * 64, "ä"):
        assert value_problem(value) is not None, value
