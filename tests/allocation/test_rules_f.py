"""Constraints, rule by rule (F1 to F9)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.resources import Features

LISTS = Features.all()


def device(name, **attributes):
    """A device with attributes given as API values, keys with `__` for `/`."""
    return {"name": name, "attributes": {key.replace("__", "/"): value for key, value in attributes.items()}}


def text(value):
    return {"string": value}


def texts(*values):
    return {"strings": list(values)}


def asked(make, devices, constraint, count=2, features=None):
    cluster = make.cluster(slices=[make.slice(*devices)], features=features or Features())
    return cluster.ask(make.claim(make.request(count=count), constraints=[constraint]))


SAME = {"matchAttribute": "acme.com/root"}
APART = {"distinctAttribute": "acme.com/root"}


def test_f1_constraints_do_not_span_claims(make, names):
    devices = [device("a", root=text("x")), device("b", root=text("y"))]
    cluster = make.cluster(slices=[make.slice(*devices)])
    claims = [make.claim(make.request(), name=name, constraints=[SAME]) for name in ("one", "two")]
    assert names(cluster.ask(*claims)) == ["gpu=a", "gpu=b"]


def test_f1_a_constraint_of_neither_kind_is_fatal_and_match_is_looked_at_first(make, names):
    devices = [device("a", root=text("x")), device("b", root=text("x"))]
    outcome = asked(make, devices, {"requests": ["gpu"]})
    assert isinstance(outcome, Failed)
    assert outcome.rule == "F1"
    assert names(asked(make, devices, {**SAME, "distinctAttribute": "acme.com/root"})) == ["gpu=a", "gpu=b"]


@pytest.mark.parametrize(
    ("requests", "affected"),
    [([], True), (["two"], True), (["two/sub"], True), (["two/other"], False), (["sub"], False), (["one"], False)],
)
def test_f2_a_subrequest_is_covered_by_its_own_name_or_its_requests(make, requests, affected):
    devices = [device("a", root=text("x")), device("b", root=text("y"))]
    request = {"name": "two", "firstAvailable": [{"name": "sub", "deviceClassName": "any", "count": 2}]}
    cluster = make.cluster(slices=[make.slice(*devices)])
    outcome = cluster.ask(make.claim(request, constraints=[{**SAME, "requests": requests}]))
    assert isinstance(outcome, Unsatisfiable if affected else Allocated)


@pytest.mark.parametrize("constraint", [SAME, APART])
def test_f3_a_device_without_the_attribute_is_passed_over_even_first(make, names, constraint):
    devices = [device("none"), device("other", other__root=text("x")), device("own", root=text("x"))]
    assert names(asked(make, devices, constraint, count=1)) == ["gpu=own"]


def test_f3_the_full_name_counts_before_the_bare_one_and_only_the_drivers_own_may_be_bare(make, names):
    devices = [
        device("both", root=text("y"), **{"acme.com__root": text("x")}),
        device("bare", root=text("x")),
        device("last", root=text("y")),
    ]
    assert names(asked(make, devices, SAME)) == ["gpu=both", "gpu=bare"]
    foreign = {"matchAttribute": "other.com/root"}
    assert isinstance(asked(make, devices, foreign, count=1), Unsatisfiable)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (text("1"), text("1"), True),
        (text("1"), text("2"), False),
        (text("1"), {"int": 1}, False),
        ({"version": "1.0.0+a"}, {"version": "1.0.0+a"}, True),
        ({"version": "1.0.0+a"}, {"version": "1.0.0+b"}, False),
        (texts("1"), texts("1"), False),
        (texts("1"), text("1"), False),
    ],
)
def test_f4_values_are_equal_in_type_and_text(make, first, second, same):
    outcome = asked(make, [device("a", root=first), device("b", root=second)], SAME)
    assert isinstance(outcome, Allocated if same else Unsatisfiable)


def test_f4_the_first_device_may_have_a_value_of_any_type(make):
    assert isinstance(asked(make, [device("a", root=texts("1"))], SAME, count=1), Allocated)


def test_f5_one_value_is_common_to_all_not_only_to_each_pair(make, names):
    pairs = [device(n, root=texts(*values)) for n, values in (("a", "xy"), ("b", "yz"), ("c", "xz"))]
    assert isinstance(asked(make, pairs, SAME, count=3, features=LISTS), Unsatisfiable)
    assert names(asked(make, [*pairs, device("d", root=text("y"))], SAME, count=3, features=LISTS)) == [
        "gpu=a",
        "gpu=b",
        "gpu=d",
    ]


def test_f5_going_back_restores_the_common_values_exactly(make, names):
    """`b` narrows the set to `y`; without it `c` and `d` fit to `x`."""
    devices = [device(n, root=texts(*values)) for n, values in (("a", "xy"), ("b", "yz"), ("c", "xw"), ("d", "xv"))]
    assert names(asked(make, devices, SAME, count=3, features=LISTS)) == ["gpu=a", "gpu=c", "gpu=d"]


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ([text("x"), text("x"), text("y")], ["gpu=d0", "gpu=d2"]),
        ([text("1"), {"int": 1}], ["gpu=d0", "gpu=d1"]),
        ([texts("x"), text("x")], ["gpu=d0", "gpu=d1"]),
        ([text("x"), texts("y"), text("z")], ["gpu=d0", "gpu=d2"]),
    ],
)
def test_f6_no_two_values_of_one_type_are_equal_and_a_list_comes_first_or_not_at_all(make, names, values, chosen):
    devices = [device(f"d{n}", root=value) for n, value in enumerate(values)]
    assert names(asked(make, devices, APART)) == chosen


def test_f6_three_devices_differ_from_each_other_and_not_only_from_the_first(make):
    devices = [device(n, root=text(value)) for n, value in (("a", "x"), ("b", "y"), ("c", "y"))]
    assert isinstance(asked(make, devices, APART, count=3), Unsatisfiable)


@pytest.mark.parametrize(
    ("values", "apart"),
    [
        ([texts("a", "b"), texts("c")], True),
        ([texts("a", "b"), texts("b", "c")], False),
        ([texts("a", "b"), text("b")], False),
        ([{"ints": [1]}, texts("1")], True),
        ([texts("a"), texts("b"), texts("a")], False),
    ],
)
def test_f7_sets_are_disjoint_by_pairs_and_types_differ(make, values, apart):
    devices = [device(f"d{n}", root=value) for n, value in enumerate(values)]
    outcome = asked(make, devices, APART, count=len(values), features=LISTS)
    assert isinstance(outcome, Allocated if apart else Unsatisfiable)


def test_f8_admin_access_and_shares_take_part(make):
    shareable = {**device("nic", root=text("x")), "allowMultipleAllocations": True}
    cluster = make.cluster(slices=[make.slice(shareable)])
    two = [make.request("a"), make.request("b")]
    assert isinstance(cluster.ask(make.claim(*two, constraints=[SAME])), Allocated)
    assert isinstance(cluster.ask(make.claim(*two, constraints=[APART])), Unsatisfiable)
    cluster.slices = [make.slice(device("a", root=text("x")), device("b", root=text("y")))]
    two = [make.request("a"), make.request("b", adminAccess=True)]
    assert isinstance(cluster.ask(make.claim(*two)), Allocated)
    assert isinstance(cluster.ask(make.claim(*two, constraints=[SAME])), Unsatisfiable)


def test_f8_constraints_are_asked_after_taints_and_counters(make, names):
    """A device that a taint keeps off is no error of All's constraint (E5), and leaves no value behind."""
    tainted = {**device("a", root=text("x")), "taints": [{"key": "sick", "effect": "NoSchedule"}]}
    devices = [tainted, device("b", root=text("y")), device("c", root=text("y"))]
    assert names(asked(make, devices, SAME)) == ["gpu=b", "gpu=c"]


def test_f9_a_derived_attribute_is_compared_instead_of_the_published_one(make, names):
    devices = [device(f"d{n}", root=text("x"), group={"int": n}) for n in range(2)]
    derived = [{"name": "acme.com/root", "expression": 'device.attributes["acme.com"].group'}]
    cluster = make.cluster(slices=[make.slice(*devices)], features=LISTS)
    assert isinstance(cluster.ask(make.claim(make.request(count=2), constraints=[APART])), Unsatisfiable)
    claim = make.claim(make.request(count=2, derivedAttributes=derived), constraints=[APART])
    assert names(cluster.ask(claim)) == ["gpu=d0", "gpu=d1"]
