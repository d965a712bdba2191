"""Run every benchmark: `python -m benchmarks [--output table|json]`."""

import sys

from benchmarks import expression, startup

sys.exit(max([startup.main(), expression.main()]))
