"""Grammars as ready parsers: built by lark once, their tables kept in the user's cache folder.

Building LALR tables takes a tenth of a second, reading them a few milliseconds. The cache is a convenience: a folder
that cannot be read or written, or a file that is damaged or of another version, only costs the time to build.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import lark
from lark.common import LexerConf
from lark.grammar import Rule
from lark.lexer import Lexer, LexerState, TerminalDef, Token

# Raised when the layout of a cache file changes.
_LAYOUT = 1


class NoToken(Exception):
    """No terminal of the grammar begins at `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class OffsetLexer(Lexer):
    """A lexer for one set of terminals in all states; its tokens know their offsets, not lines or columns.

    `Source.position` finds lines when a message needs them, so nobody pays for counting. Raises `NoToken`.
    """

    __future_interface__ = 2

    def __init__(self, conf: LexerConf) -> None:
        # As lark orders them: by priority, then the longest pattern first.
        ordered = sorted(
            conf.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name)
        )
        self._match = re.compile("|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in ordered)).match
        self._ignored = frozenset(conf.ignore)

    def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Token]:  # noqa: ARG002
        text = lexer_state.text.text
        match, ignored, new, at, end = self._match, self._ignored, Token, 0, len(text)
        while at < end:
            found = match(text, at)
            if found is None:
                raise NoToken(at)
            kind = found.lastgroup
            assert kind is not None
            start, at = at, found.end()
            if kind not in ignored:
                yield new(kind, found.group(), start, end_pos=at)


def load_grammar(path: Path, transformer: object, *, cache: Path | None = None) -> lark.Lark:
    """The LALR parser of a grammar file; it keeps all tokens and calls the transformer's methods as it reduces.

    `cache` is the folder of the tables, by default the user's (`$XDG_CACHE_HOME/dra-policy`).
    """
    text = path.read_text(encoding="utf-8")
    folder = _cache_folder() if cache is None else cache
    version = f"{_LAYOUT}|{lark.__version__}|{sys.version}|{text}"
    file = (
        None if folder is None else folder / f"{path.stem}-{hashlib.sha256(version.encode()).hexdigest()[:32]}.tables"
    )
    if file is not None:
        parser = _read(file, transformer)
        if parser is not None:
            return parser
    parser = lark.Lark(
        text, parser="lalr", lexer=OffsetLexer, keep_all_tokens=True, maybe_placeholders=False, transformer=transformer
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


def _read(file: Path, transformer: object) -> lark.Lark | None:
    # Any failure means: build the tables. marshal holds plain values only, so a foreign file cannot run code.
    try:
        kept = marshal.loads(file.read_bytes())  # noqa: S302
        kept["data"]["options"] |= {"lexer": OffsetLexer}
        load: Any = lark.Lark._load_from_dict  # noqa: SLF001
        parser: lark.Lark = load(kept["data"], kept["memo"], transformer=transformer)
    except Exception:  # noqa: BLE001
        return None
    return parser


def _write(file: Path, parser: lark.Lark) -> None:
    with suppress(Exception):
        data, memo = parser.memo_serialize([TerminalDef, Rule])
        data["options"] = {k: v for k, v in data["options"].items() if k not in {"lexer", "transformer"}}
        kept = marshal.dumps({"data": data, "memo": memo})
        file.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and moved into place: two processes at once leave one whole file.
        handle, aside = tempfile.mkstemp(dir=file.parent, prefix=file.stem)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(kept)
            Path(aside).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(aside).unlink()
            raise
