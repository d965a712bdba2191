"""The LALR machine of the policy grammar, one step at a time, so that a mistake can be mended and the rest still read.

lark builds the tables and makes each step; here the stacks can be saved, cut back, and asked what would be accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import lark
from lark import Token, Tree

from dra_policy.language.tables import END, States, Tables, follow
from dra_policy.language.tokens import PolicyLexer

_CLOSING = {"RBRACE": "LBRACE", "RPAR": "LPAR"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The stacks at one moment."""

    states: States
    values: list[Any]
    # lark grows the list of a block's finished members in place: how long each was, -1 for what is no list.
    sizes: list[int] = field(default_factory=list)


class Machine:
    """Reads one text with one grammar; `at` is the offset behind the last token."""

    def __init__(self, grammar: lark.Lark, text: str) -> None:
        frontend = cast("Any", grammar.parser)
        self.lexer: PolicyLexer = frontend.lexer
        self.text = text
        self.at = 0
        self._state = grammar.parse_interactive("").parser_state
        self.tables: Tables = self._state.parse_conf.states
        self._final = self._state.parse_conf.end_state

    @property
    def states(self) -> States:
        return self._state.state_stack

    @property
    def values(self) -> list[Any]:
        """What is read so far: the nth value led to the state n + 1."""
        return self._state.value_stack

    # -------------------------------------------------------------------------------------------------------- steps

    def read(self) -> Token:
        """The next token, and go behind it."""
        token = self.peek(self.at, self.states)
        self.at = token.end_pos or 0
        return token

    def peek(self, at: int, states: States) -> Token:
        """The token at an offset as it would be read in these states."""
        return self.lexer.token(self.text, at, lambda keyword: self.after(states, *keyword.split()) is not None)

    def feed(self, token: Token) -> Any:
        """Take one token; returns the whole file behind the last one. Raises lark's UnexpectedToken."""
        return self._state.feed_token(token, token.type == END)

    def save(self) -> Snapshot:
        return Snapshot(self.states.copy(), self.values.copy(), _sizes(self.values))

    def restore(self, snapshot: Snapshot) -> None:
        self.states[:] = snapshot.states
        # What was finished since is left out of a copy: another snapshot may still need it.
        self.values[:] = [
            value if size < 0 or len(value.children) == size else Tree(value.data, value.children[:size])
            for value, size in zip(snapshot.values, snapshot.sizes, strict=True)
        ]

    # ------------------------------------------------------------------------------------------------------ what if

    def after(self, states: States, *terminals: str) -> States | None:
        """The states after these terminals, or None if they cannot follow. Nothing is built."""
        return follow(self.tables, self._final, states, *terminals)

    def choices(self, states: States) -> set[str]:
        """The terminals that can follow."""
        named = (terminal for terminal in self.tables[states[-1]] if terminal == END or terminal.isupper())
        return {terminal for terminal in named if self.after(states, terminal) is not None}

    # ------------------------------------------------------------------------------------------------------- blocks

    def open_tokens(self, *kinds: str) -> list[Token]:
        """The tokens of these kinds that nothing has closed yet, such as the open braces."""
        found: list[Token] = []
        for value in self.values:
            if isinstance(value, Token):
                if value.type in kinds:
                    found.append(value)
                elif value.type in _CLOSING and _CLOSING[value.type] in kinds:
                    # A rule is taken up only at the token behind it, so its closing sign may still be here.
                    while found and found.pop().type != _CLOSING[value.type]:
                        pass
        return found

    def cut(self) -> Snapshot:
        """The stacks without the unfinished statement of the innermost open block, or of the file."""
        values = self.values
        if not values or isinstance(values[0], Token):
            # The header is complete, but is taken up only at the token behind it.
            return self.save()
        braces = self.open_tokens("LBRACE")
        inside = next((index for index, value in enumerate(values) if braces and value is braces[-1]), 0)
        # The list of finished members behind the brace, or of statements behind the header, is one value.
        keep = inside + 1
        if keep < len(values) and isinstance(values[keep], Tree):
            keep += 1
        return Snapshot(self.states[: keep + 1].copy(), values[:keep].copy(), _sizes(values[:keep]))


def _sizes(values: Iterable[Any]) -> list[int]:
    return [len(value.children) if isinstance(value, Tree) else -1 for value in values]
