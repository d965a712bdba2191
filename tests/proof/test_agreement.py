"""Where the checker does by itself what the core does as well, the two agree: node choices and amounts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.allocation.capacity import Misfit, Unrepresentable, consumption
from dra_policy.inventory import NodeFacts, NodeSelectorError, choice_matches
from dra_policy.proof.affinity import reaches
from dra_policy.proof.amounts import amounts
from dra_policy.proof.objection import Objection
from dra_policy.resources import Device, Node, Quantity, ResourceSliceSpec

Json = Any

KEYS = st.sampled_from(["zone", "a.b/zone", "rank", "", "/x", "A.b/x", "x" * 64, "a/b/c", "zo ne", "metadata.name"])
VALUES = st.sampled_from(
    ["a", "b", "3", "+3", "-1", "03", "9223372036854775808", "", "a b", "x" * 64, "node-1", "n_1."]
)
OPERATORS = st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Near", ""])


@st.composite
def requirements(draw: st.DrawFn, plain: bool) -> Json:
    keys = st.sampled_from(["zone", "rank", "a.b/zone"]) if plain else KEYS
    operator = draw(OPERATORS if not plain else st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]))
    count = {"Exists": 0, "DoesNotExist": 0, "Gt": 1, "Lt": 1}.get(operator, 1) if plain else draw(st.integers(0, 3))
    values = (
        st.sampled_from(["a", "b", "3", "2"]) if operator not in ("Gt", "Lt") or not plain else st.sampled_from("123")
    )
    return {
        "key": draw(keys),
        "operator": operator,
        "values": [draw(values if plain else VALUES) for _ in range(count)],
    }


@st.composite
def terms(draw: st.DrawFn) -> Json:
    plain = draw(st.booleans())
    return {
        "matchExpressions": draw(st.lists(requirements(plain), max_size=2)),
        "matchFields": draw(st.lists(requirements(False), max_size=1)) if draw(st.integers(0, 4)) == 0 else [],
    }


PLACES = st.fixed_dictionaries(
    {},
    optional={
        "nodeName": st.sampled_from(["", "node-1", "node-2"]),
        "allNodes": st.booleans(),
        "nodeSelector": st.fixed_dictionaries({"nodeSelectorTerms": st.lists(terms(), max_size=2)}),
    },
)
NODES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["node-1", "node-1", "node-2", ""]),
        "labels": st.dictionaries(
            st.sampled_from(["zone", "rank", "a.b/zone"]), st.sampled_from(["a", "b", "3", "x y"])
        ),
    }
)


@settings(max_examples=250, deadline=None)
@given(PLACES, NODES)
def test_node_choices(place: Json, metadata: Json) -> None:
    spec = ResourceSliceSpec.model_validate(place)
    node = Node.model_validate({"metadata": metadata})
    try:
        expected: bool | None = choice_matches(spec.node_name, spec.all_nodes, spec.node_selector, NodeFacts.of(node))
    except NodeSelectorError:
        expected = None
    assert reaches(spec, node) is expected


TEXTS = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "500m",
    "1500m",
    "0.1",
    "0.25",
    "1u",
    "3n",
    "1Ki",
    "-1",
    "9223372036854775807",
    "1e19",
]
QUANTITIES = st.sampled_from(TEXTS) | st.integers(0, 40).map(lambda tenths: f"{tenths * 250}m")
RANGES = st.fixed_dictionaries({}, optional={"min": QUANTITIES, "max": QUANTITIES, "step": QUANTITIES})
POLICIES = st.fixed_dictionaries(
    {}, optional={"default": QUANTITIES, "validRange": RANGES, "validValues": st.lists(QUANTITIES, max_size=3)}
)
CAPACITIES = st.dictionaries(
    st.sampled_from(["slots", "memory"]),
    st.fixed_dictionaries({"value": QUANTITIES}, optional={"requestPolicy": POLICIES}),
    max_size=2,
)


@settings(max_examples=300, deadline=None)
@given(CAPACITIES, st.dictionaries(st.sampled_from(["slots", "memory"]), QUANTITIES, max_size=2), st.booleans())
def test_amounts(capacity: Json, wanted: dict[str, str], fractional: bool) -> None:
    device = Device.model_validate({"name": "d", "capacity": capacity})
    asked = {name: Quantity.parse(text) for name, text in wanted.items()}
    expected = consumption(device.capacity, asked, fractional=fractional)
    found = amounts(device, asked, fractional=fractional)
    match expected:
        case Misfit():
            assert isinstance(found, Objection)
            assert not found.fatal
        case Unrepresentable():
            assert isinstance(found, Objection)
            assert found.fatal
        case taken:
            if any(amount.value > device.capacity[name].value.value for name, amount in taken):
                assert isinstance(found, Objection)
                assert found.rule == "H6"
            else:
                assert not isinstance(found, Objection)
                assert {n: str(a) for n, a in found.items()} == {n: str(a) for n, a in taken}
