"""Reading text: files and standard input, UTF-8 only, up to a limit of bytes."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

from dra_policy.diagnostics.model import Diagnostic
from dra_policy.diagnostics.nearest import did_you_mean
from dra_policy.source import Source, Span

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
MANIFEST_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of one manifest; the API server takes 3 MiB an object, but files hold many."""

_BOM: Final = b"\xef\xbb\xbf"
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: str | os.PathLike[str], limit: int = MANIFEST_LIMIT) -> Source | Diagnostic:
    """The text of a file, or of standard input for `-`; `limit` counts bytes.

    A byte order mark is dropped and line ends become `\\n`. What stands in the way comes back as a diagnostic: SRC001
    (no such file), SRC002 (not UTF-8), SRC003 (too large), SRC004 (refused by the system).
    """
    name = os.fspath(path)
    if name == STDIN:
        return _read_stdin(limit)
    try:
        with Path(name).open("rb") as file:
            if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
                return _unreadable(name, "it is a folder")
            content = file.read(limit + 1)
    except FileNotFoundError:
        return _missing(name)
    except IsADirectoryError:
        return _unreadable(name, "it is a folder")
    except ValueError:
        return _unreadable(name, "the name holds a character that no file name has")
    except OSError as problem:
        return _unreadable(name, problem.strerror or str(problem))
    return _decode(name, content, limit)


def _read_stdin(limit: int) -> Source | Diagnostic:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return _unreadable(STDIN_NAME, "there is no standard input")
    try:
        content: bytes = stream.read(limit + 1)
    except (OSError, ValueError) as problem:
        return _unreadable(STDIN_NAME, str(problem))
    return _decode(STDIN_NAME, content, limit)


def decode_text(name: str, content: bytes, limit: int = MANIFEST_LIMIT) -> Source | Diagnostic:
    """The text of some bytes that came from elsewhere; as `read_text`."""
    return _decode(name, content, limit)


def _decode(name: str, content: bytes, limit: int) -> Source | Diagnostic:
    if len(content) > limit:
        size = f"{limit // (1024 * 1024)} MiB" if limit >= 1024 * 1024 else f"{limit} bytes"
        return Diagnostic("SRC003", f"`{name}` is larger than {size}", help="split it into several files")
    content = content.removeprefix(_BOM)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as problem:
        return _not_utf8(name, content, problem.start)
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)


def _not_utf8(name: str, content: bytes, at: int) -> Diagnostic:
    # Every byte of Latin-1 is a character, so this shows the place with what is around it.
    text = content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    before = content[:at].decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    line = before.count("\n") + 1
    wide = content.startswith(_WIDE) or b"\x00" in content[:64]
    guess = "it looks like UTF-16; " if wide else ""
    return Diagnostic(
        "SRC002",
        f"`{name}` is not UTF-8: byte 0x{content[at]:02x} at offset {at}, line {line}",
        Span(Source(name, text), len(before), len(before) + 1),
        help=f"{guess}save the file as UTF-8",
    )


def _missing(name: str) -> Diagnostic:
    folder, last = os.path.split(name.rstrip("/"))
    try:
        known = sorted(entry.name for entry in Path(folder or ".").iterdir() if not entry.name.startswith("."))
    except OSError:
        return Diagnostic("SRC001", f"no such file or folder `{name}`", help=f"there is no folder `{folder}` either")
    hint = did_you_mean(last, known, "check the spelling and the folder that the path starts from")
    return Diagnostic("SRC001", f"no such file or folder `{name}`", help=hint)


def _unreadable(name: str, why: str) -> Diagnostic:
    return Diagnostic("SRC004", f"cannot read `{name}`: {why}", help="name a file that you may read")


def manifest_paths(folder: str | os.PathLike[str]) -> tuple[list[str], list[Diagnostic]]:
    """The .yaml, .yml and .json files below a folder, in order of their paths; SRC005 if there is none.

    Hidden files and folders are left out, links to folders are not followed.
    """
    found: list[str] = []
    problems: list[Diagnostic] = []

    def refused(problem: OSError) -> None:
        problems.append(_unreadable(str(problem.filename), problem.strerror or str(problem)))

    for here, folders, files in os.walk(folder, onerror=refused):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [
            str(Path(here, f))
            for f in sorted(files)
            if not f.startswith(".") and Path(f).suffix in (".yaml", ".yml", ".json")
        ]
    if not found and not problems:
        hint = "name a folder that holds .yaml, .yml or .json files"
        problems.append(Diagnostic("SRC005", f"no manifest in the folder `{os.fspath(folder)}`", help=hint))
    return found, problems


__all__ = ["MANIFEST_LIMIT", "STDIN", "decode_text", "manifest_paths", "read_text"]
