"""Models to objects and YAML."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dra_policy.diagnostics import Diagnostic
from dra_policy.resources import (
    DeviceAttribute,
    DeviceTaintRule,
    OpaqueDeviceConfiguration,
    ResourceClaim,
    decode,
    to_object,
    to_yaml,
)
from dra_policy.resources.yaml_values import yaml_documents
from dra_policy.source import Source


def test_absent_and_empty_fields_are_left_out() -> None:
    claim = ResourceClaim.model_validate(
        {"metadata": {"name": "a"}, "spec": {"devices": {"requests": [{"name": "r"}]}}}
    )
    assert to_object(claim) == {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "a"},
        "spec": {"devices": {"requests": [{"name": "r"}]}},
    }


def test_what_differs_from_absent_is_kept() -> None:
    assert to_object(DeviceAttribute(string="")) == {"string": ""}
    assert to_object(DeviceAttribute(bool_=False)) == {"bool": False}
    assert to_object(DeviceAttribute(int_=0)) == {"int": 0}
    assert to_object(OpaqueDeviceConfiguration(driver="d", parameters={})) == {"driver": "d", "parameters": {}}
    # An empty selector matches every device, an absent one none (I4).
    rule = DeviceTaintRule.model_validate({"spec": {"deviceSelector": {}, "taint": {"key": "a"}}})
    assert to_object(rule)["spec"] == {"deviceSelector": {}, "taint": {"key": "a"}}


def test_yaml_is_stable_and_plain() -> None:
    claim, problems = decode(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "a", "labels": {"x": "on"}},
            "spec": {
                "devices": {
                    "requests": [
                        {
                            "name": "gpu",
                            "exactly": {
                                "deviceClassName": "c",
                                "selectors": [{"cel": {"expression": "a &&\nb\n"}}],
                                "capacity": {"requests": {"memory": "1024Mi", "n": "1"}},
                            },
                        }
                    ]
                }
            },
        }
    )
    assert problems == []
    assert to_yaml([claim, claim]).split("---\n")[1] == dedent(
        """\
        apiVersion: resource.k8s.io/v1
        kind: ResourceClaim
        metadata:
          name: a
          labels:
            x: "on"
        spec:
          devices:
            requests:
            - name: gpu
              exactly:
                deviceClassName: c
                selectors:
                - cel:
                    expression: |
                      a &&
                      b
                capacity:
                  requests:
                    memory: 1Gi
                    "n": "1"
        """
    )


texts = st.text(max_size=20) | st.text("0123456789.eExob+-_:~yn \n#'\"", max_size=8)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(texts, values, min_size=1, max_size=4), min_size=1, max_size=3))
def test_law_what_is_written_is_read_again(documents: list[dict[str, Any]]) -> None:
    problems: list[Diagnostic] = []
    source = Source("a.yaml", to_yaml(documents))
    read = [d.value for d in yaml_documents(source, problems.append)]
    assert problems == []
    assert read == documents
