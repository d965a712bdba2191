"""The words and signs of a policy file, and how messages call them.

One regular expression, made of the grammar's own terminals, cuts the text in every state of the parser; a word is a
keyword where the parser's state can take that keyword, and a name elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from types import MappingProxyType
from typing import Any

from lark import Token
from lark.common import LexerConf
from lark.lexer import Lexer, LexerState

from dra_policy.language.tables import END, follow

UNCLOSED = "UNCLOSED"
"""A text whose closing quote is missing: it ends with its line."""

FOREIGN = "FOREIGN"
"""What no token of the language begins with."""

# A comment of another language, before the sign for a share can take its first half.
_SLASHES = r"(?P<SLASHES>//[^\n]*)"
# Quotes of other kinds are taken with what they enclose, and a sign with its repetitions: one message explains them.
_ERRORS = (
    rf'(?P<{UNCLOSED}>"[^\n]*)|(?P<{FOREIGN}>'
    r"'[^'\n]*'|\u201c[^\u201c\u201d\n]*\u201d|`[^`\n]*`|[^\W\d]\w*|(?P<SAME>[^\w\s])(?P=SAME)*|[^\n])"
)


class PolicyLexer(Lexer):
    """Cuts the text into tokens that know their offsets; `Source.position` finds lines when a message needs them."""

    __future_interface__ = 2

    def __init__(self, conf: LexerConf) -> None:
        words: dict[str, str] = {}
        patterns = []
        # As lark orders them: by priority, then the longest pattern first.
        order = sorted(conf.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
        for terminal in order:
            if terminal.pattern.type == "str" and terminal.pattern.value.isalpha():
                words[terminal.pattern.value] = terminal.name
            else:
                patterns.append(f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})")
        self.words = MappingProxyType(words)
        self.signs = MappingProxyType(
            {
                t.name: t.pattern.value
                for t in conf.terminals
                if t.pattern.type == "str" and t.name not in words.values()
            }
        )
        self._match = re.compile("|".join((_SLASHES, *patterns, _ERRORS))).match
        self._ignored = frozenset(conf.ignore)

    def token(self, text: str, at: int, wanted: Callable[[str], bool] = lambda _: False) -> Token:
        """The token at or behind an offset, of type `END` if there is none.

        `wanted` says whether a keyword, by the name of its terminal, can stand there; else its word is a name. Several
        terminals, with spaces between them, stand for one after the other.
        Never fails: what is no token comes as `UNCLOSED` or `FOREIGN`.
        """
        match, ignored = self._match, self._ignored
        while (found := match(text, at)) is not None:
            kind, start, at = str(found.lastgroup), at, found.end()
            if kind in ignored:
                continue
            if kind == "SLASHES":
                kind = FOREIGN
            value = found.group()
            if kind == "AMOUNT" and not value.isalnum() and not wanted("AMOUNT") and wanted("WHOLE WORD"):
                # `takes 1 core at 0`: a number and a name stand there, so what looks like its unit is a name.
                number = value.split(None, 1)[0]
                if number.isdecimal() and number != value:
                    kind, value, at = "WHOLE", number, start + len(number)
            if kind == "WORD":
                keyword = self.words.get(value)
                if keyword is not None and wanted(keyword) and not self._is_name(value, text, at, wanted):
                    kind = keyword
            return Token(kind, value, start, end_pos=at)
        return Token(END, "", len(text), end_pos=len(text))

    @staticmethod
    def _is_name(word: str, text: str, at: int, wanted: Callable[[str], bool]) -> bool:
        """Whether `one` is a name although `one of` could stand there: no `of` is behind it."""
        return word == "one" and wanted("WORD") and _OF.match(text, at) is None

    def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Token]:
        text, at = lexer_state.text.text, 0
        conf = parser_state.parse_conf

        def wanted(terminals: str) -> bool:
            return follow(conf.states, conf.end_state, parser_state.state_stack, *terminals.split()) is not None

        while (token := self.token(text, at, wanted)).type != END:
            at = token.end_pos or 0
            yield token


_OF = re.compile(r"(?:\s|#[^\r\n]*)*of\b")

# Texts are matched too, because a `#` inside one begins no comment.
_COMMENT_OR_TEXT = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|(?P<comment>#[^\r\n]*)')


def comment_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every comment of a text that has no syntax errors."""
    return (found.span() for found in _COMMENT_OR_TEXT.finditer(text) if found.lastgroup == "comment")


def first_on_line(text: str, at: int) -> bool:
    """Whether only white space stands before an offset on its line."""
    while at > 0 and text[at - 1] in " \t\r\ufeff":
        at -= 1
    return at == 0 or text[at - 1] == "\n"


_CALLED = {
    "WORD": "a name",
    "PATH": "a name",
    "QUOTED": "a text in quotes",
    "WHOLE": "a whole number",
    "AMOUNT": "an amount",
    "PERCENTAGE": "a percentage",
    "RELEASE": "a version",
    "COMPARE": "a comparison",
    "TIME": "a time such as `18:00`",
    "DATE": "a date such as `2026-12-24`",
    "ORDINAL": "a place such as `2nd`",
    END: "the end of the file",
}
_VALUES = frozenset(("QUOTED", "WHOLE", "AMOUNT", "RELEASE", "TRUE", "FALSE"))


def called(terminals: Container[str] | set[str], lexer: PolicyLexer) -> list[str]:
    """What people call these terminals, each once: names in words, keywords and signs in backticks."""
    words = []
    values = all(kind in terminals for kind in _VALUES)
    for kind, name in _CALLED.items():
        if kind in terminals and name not in words and not (values and kind in _VALUES) and kind != END:
            words.append(name)
    if values:
        words.append("a value")
    spelled = {**{name: word for word, name in lexer.words.items()}, **lexer.signs}
    keywords = (word for name, word in spelled.items() if name in terminals and not (values and name in _VALUES))
    return words + [f"`{word}`" for word in sorted(keywords)]


def quoted(token: Token) -> str:
    """A token as messages show it."""
    if token.type == END:
        return "the end of the file"
    shown = token.value if len(token.value) <= 40 else f"{token.value[:37]}..."
    return f"`{' '.join(shown.split())}`" if shown.strip() else "white space"


def either(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


__all__ = [
    "FOREIGN",
    "UNCLOSED",
    "PolicyLexer",
    "called",
    "comment_ranges",
    "either",
    "first_on_line",
    "quoted",
]
