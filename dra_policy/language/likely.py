"""Mistakes that come of what is said elsewhere: the words of one statement in another, names that look like numbers."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from lark import Token

from dra_policy.language.repairs import Repairs

_OF_TARGET = frozenset(("OF", "COMMA", "COLON", "REFUSE"))
"""What stands before the name of what is asked for."""

_NUMERIC = frozenset(("AMOUNT", "WHOLE", "ORDINAL", "RELEASE"))

_ORDINALS: Final = MappingProxyType({"first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th"})

_ELSEWHERE: Final = MappingProxyType(
    {
        ("default", "ABSENT"): "write `absent means` and the value that counts where a device does not say it",
        ("tier", "WEIGHT"): "`tier` and its number stand right behind `prefer`",
        ("config", "TAKES"): "write `config NAME for REQUEST { ... }` in the claim, beside the request",
        ("when", "NEGOTIABLE"): "a rule that holds under a condition is `not CONDITION or ...`",
    }
)
"""What to write instead of a word where another terminal could stand: people know the word from another statement."""


class Likely(Repairs):
    """Repairs that know what is written so in another place."""

    def _of_board(self, token: Token, choices: set[str]) -> bool:
        """`of H100 whole`, as shares and machines say it: what is asked for is one name."""
        if token.type != "WORD" or "QUOTED" not in choices or choices & {"WORD", "PATH"} or len(self.history) < 2:
            return False
        previous, before = self.history[-1]
        if previous.type != "WORD" or self.history[-2][0].type not in _OF_TARGET or self._is_keyword_elsewhere(token):
            return False
        start, end = previous.start_pos or 0, token.end_pos or 0
        now = self.machine.save()
        self.machine.restore(before)
        if not self._fits("WORD", end):
            self.machine.restore(now)
            return False
        name = f"{previous}.{token}"
        span = self._span(previous).to(self._span(token))
        self.history.pop()
        self._report("SYN018", f"expected one name, got `{previous} {token}`", span, f"write `{name}`")
        self._feed("WORD", name, start, end)
        return True

    def _digits(self, token: Token, choices: set[str]) -> bool:
        """`910B`, `4090`: a text that begins like a number."""
        if token.type not in _NUMERIC or token.type in choices or not {"QUOTED", "WORD"} <= choices:
            return False
        if not re.fullmatch(r"[\w.+-]+", token.value) or not self._fits("QUOTED", token.end_pos or 0):
            return False
        message = f"expected a name or a text in quotes, got `{token}`"
        self._report(
            "SYN018", message, self._span(token), f'write `"{token}"`, with quotes: a name begins with a letter'
        )
        self._feed("QUOTED", f'"{token}"', token.start_pos or 0, token.end_pos or 0)
        return True

    def _ordinal(self, token: Token) -> bool:
        """`every second Wed`: the number in words, where days are listed."""
        if token.type != "WORD" or len(self.history) < 2 or self.history[-2][0].type != "EVERY":
            return False
        previous, before = self.history[-1]
        number = _ORDINALS.get(previous.value)
        if number is None:
            return False
        start, end = previous.start_pos or 0, token.end_pos or 0
        self.machine.restore(before)
        self.history.pop()
        self._report("SYN018", f"expected a number, got `{previous}`", self._span(previous), f"write `{number}`")
        self._feed("ORDINAL", number, start, previous.end_pos or 0)
        self._feed(token.type, token.value, token.start_pos or 0, end)
        return True

    def _known_elsewhere(self, token: Token, choices: set[str]) -> str:
        """What to write instead of a word that belongs to another statement; nothing for others."""
        return next(
            (
                help_
                for (word, terminal), help_ in _ELSEWHERE.items()
                if token.value == word and terminal in choices and self.machine.lexer.words.get(word) not in choices
            ),
            "",
        )


__all__ = ["Likely"]
