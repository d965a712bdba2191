"""Grammars as ready parsers: built by lark once, their tables kept in the user's cache folder.

Building LALR tables takes a tenth of a second, reading them a few milliseconds. The cache is a convenience: a folder
that cannot be read or written, or a file that is damaged or of another version, only costs the time to build.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import lark
from lark.grammar import Rule
from lark.lexer import Lexer, TerminalDef

from dra_policy.replacing import replace_file

# Raised when the layout of a cache file changes.
_LAYOUT = 1


def load_grammar(path: Path, *, lexer: type[Lexer], transformer: object, cache: Path | None = None) -> lark.Lark:
    """The LALR parser of a grammar file; it keeps all tokens and calls the transformer's methods as it reduces.

    `lexer` is made once with the grammar's terminals. `cache` is the folder of the tables, by default the user's
    (`$XDG_CACHE_HOME/dra-policy`).
    """
    text = path.read_text(encoding="utf-8")
    folder = _cache_folder() if cache is None else cache
    version = f"{_LAYOUT}|{lark.__version__}|{sys.version}|{text}"
    file = (
        None if folder is None else folder / f"{path.stem}-{hashlib.sha256(version.encode()).hexdigest()[:32]}.tables"
    )
    if file is not None:
        parser = _read(file, lexer, transformer)
        if parser is not None:
            return parser
    parser = lark.Lark(
        text, parser="lalr", lexer=lexer, keep_all_tokens=True, maybe_placeholders=False, transformer=transformer
    )
    if file is not None:
        _write(file, parser)
    return parser


def _cache_folder() -> Path | None:
    root = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if root.is_absolute():
        return root / "dra-policy"
    try:
        return Path.home() / ".cache" / "dra-policy"
    except RuntimeError:
        return None


def _read(file: Path, lexer: type[Lexer], transformer: object) -> lark.Lark | None:
    # Any failure means: build the tables. marshal holds plain values only, so a foreign file cannot run code.
    try:
        kept = marshal.loads(file.read_bytes())  # noqa: S302 - values only, no code
        kept["data"]["options"]["lexer"] = lexer
        kept["data"]["parser"]["lexer_conf"]["lexer_type"] = lexer
        load: Callable[..., lark.Lark] = lark.Lark._load_from_dict  # noqa: SLF001 - lark has no public way that takes a lexer
        return load(kept["data"], kept["memo"], transformer=transformer)
    except Exception:  # noqa: BLE001 - whatever it was, the tables are built anew
        return None


def _write(file: Path, parser: lark.Lark) -> None:
    with suppress(Exception):
        data, memo = parser.memo_serialize([TerminalDef, Rule])
        data["options"] = {k: v for k, v in data["options"].items() if k not in {"lexer", "transformer"}}
        # The class of the lexer is no plain value; the reader names it again.
        del data["parser"]["lexer_conf"]["lexer_type"]
        kept = marshal.dumps({"data": data, "memo": memo})
        file.parent.mkdir(parents=True, exist_ok=True)
        # Two processes at once leave one whole file.
        replace_file(file, kept)
