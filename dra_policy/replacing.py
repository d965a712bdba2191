"""Files written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write beside a file and move into its place: whoever reads it meanwhile finds the old file or the new one.

    `mode` are its permissions, by default those of a temporary file: the owner's alone. Raises OSError, and leaves
    nothing behind then.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    beside = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - an open descriptor
            file.write(data)
        if mode is not None:
            beside.chmod(mode)
        beside.replace(path)
    finally:
        # Once it is moved, there is nothing under this name.
        beside.unlink(missing_ok=True)


__all__ = ["replace_file"]
