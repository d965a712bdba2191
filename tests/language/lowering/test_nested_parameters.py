"""Fields of objects in configuration: `sharing.strategy`."""

from __future__ import annotations

from dra_policy.language import load, lower
from dra_policy.source import Source

POLICY = """policy gpu.acme.com version 1.0.0 language 1
device AcmeGpu { driver gpu.acme.com }
parameters GpuConfig of AcmeGpu {
  api gpu.acme.com/v1 GpuConfig
  field sharing.strategy one of Time, Space default Time
  field sharing.time.interval one of Short, Long optional
  field note text optional
}
class fast of AcmeGpu { config GpuConfig { sharing.time.interval = Long } }
"""


def test_a_dotted_field_is_a_field_of_an_object() -> None:
    policies, problems = load(Source("a.dra", POLICY))
    assert policies is not None, problems
    opaque = lower(policies).classes["fast"].configs[0].opaque
    assert opaque is not None
    assert opaque.parameters == {
        "apiVersion": "gpu.acme.com/v1",
        "kind": "GpuConfig",
        "sharing": {"strategy": "Time", "time": {"interval": "Long"}},
    }


def test_a_field_is_a_value_or_an_object() -> None:
    twice = POLICY.replace("field note text optional", "field sharing text optional")
    policies, problems = load(Source("a.dra", twice))
    assert policies is None
    assert [(d.code, d.message, d.span and d.span.text) for d in problems] == [
        ("NAM003", "`sharing` cannot be a value and hold `sharing.strategy`", "sharing")
    ]
