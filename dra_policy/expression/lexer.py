"""The lexer of CEL text: the terminals of the grammar in one regular expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lark.common import LexerConf
from lark.lexer import Lexer, LexerState, Token


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

    def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Token]:  # noqa: ARG002 - lark's signature
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
