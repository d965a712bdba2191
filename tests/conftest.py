"""What holds for all tests: properties are bounded by their number of examples, never by the clock."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("counted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("counted")
