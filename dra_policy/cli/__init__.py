"""The command `dra-policy`: arguments in, the public interface called, tables and exit codes out.

Nothing is decided here. Every module of this package imports what it needs when it runs, so that `--help` and shell
completion answer at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process; always ends in `SystemExit` with a code of `ExitCode`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The caller closed it, as `<&-` does.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        # A file name or a terminal that is not UTF-8 must not end a run half way.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        from dra_policy.cli.application import application

        application.main()
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


__all__ = ["main"]
