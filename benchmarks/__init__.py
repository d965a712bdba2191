"""Measurements with accepted ranges beside them: `python -m benchmarks`."""
