"""Run every benchmark: `python -m benchmarks [--output table|json]`."""

import sys

from benchmarks import startup

sys.exit(startup.main())
