"""What is wrong at a token that does not fit, and how to read on.

A mistake that one word or sign mends is named as such, mended, and the statement is read as it was meant; for any
other the unfinished statement is dropped and reading goes on at the next one. So one run finds all mistakes, and
what follows a mistake is still checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from dra_policy.language import tree
from dra_policy.language.builder import LANGUAGE, Builder
from dra_policy.language.likely import Likely
from dra_policy.language.machine import Machine, Snapshot
from dra_policy.language.tables import END
from dra_policy.language.tokens import FOREIGN, UNCLOSED, first_on_line, quoted
from dra_policy.source import Source

STATEMENTS: dict[str, tuple[str, ...]] = {
    "device": ("WORD", "{"),
    "model": ("WORD", "of|like"),
    "modes": ("of", "WORD", "{"),
    "share": ("WORD", "of"),
    "pool": ("WORD", "of"),
    "fabric": ("WORD", "joins"),
    "machine": ("WORD", "{"),
    "gate": ("WORD", "default"),
    "parameters": ("WORD", "of"),
    "binds": ("of|when",),
    "costs": ("of|node",),
    "advertise": ("of|when",),
    "health": ("of|{",),
    "setup": ("WORD", "{"),
    "subject": ("{",),
    "level": ("WORD", "from"),
    "gang": ("WORD", "of"),
    "quota": ("WORD", "of"),
    "window": ("WORD", "{"),
    "refuse": ("WORD", "when"),
    "keep": ("WHOLE", "of"),
    "exclusive": ("per",),
    "always": ("sum|every|at",),
    "class": ("WORD", "of"),
    "claim": ("WORD", "{"),
    "define": ("WORD", "of", "WORD", "="),
    "test": ("QUOTED", "{"),
}
"""How statements of a file begin, and nothing inside a block does: the sign of a closing brace that is missing."""

_HEADER = "write `policy NAME version 1.0.0 language 1` as the first statement"


class Recovery(Likely):
    """Mends one text: tries each repair in turn, and skips what none of them fits."""

    def __init__(self, machine: Machine, builder: Builder, source: Source) -> None:
        super().__init__(machine, builder, source)
        self._skipped_to_end = False

    # ----------------------------------------------------------------------------------------------------- the ways

    def mend(self, token: Token, before: Snapshot) -> None:
        """Report what is wrong at this token and bring the machine to where it can read on."""
        self.machine.restore(before)
        choices = self.machine.choices(before.states)
        if not self._header_is_read():
            self._mend_header(token, choices)
        elif token.type == END:
            self._mend_end()
        elif not (
            self._numbers(token, choices)
            or (token.type in {FOREIGN, UNCLOSED} and self._foreign(token, choices))
            or self._operator(token, choices)
            or self._chained(token, choices)
            or self._closed_too_late(token)
            or self._unit(token)
            or self._percentage(token, choices)
            or self._time(token, choices)
            or self._unfinished(token)
            or self._misspelt(token, choices)
            or self._of_board(token, choices)
            or self._digits(token, choices)
            or self._ordinal(token)
            or self._quotes(token, choices)
            or self._version(token, choices)
            or self._misspelt_before()
            or self._comma_before(token)
            or self._shadowed(token, choices)
            or self._missing(token, choices)
            or self._too_many(token)
        ):
            self._unexpected(token, choices, self._known_elsewhere(token, choices))
            self.skip(token)

    # ------------------------------------------------------------------------------------------------------- header

    def _header_is_read(self) -> bool:
        values = self.machine.values
        return bool(values) and (isinstance(values[0], tree.Header) or len(values) >= 6)

    def _mend_header(self, token: Token, choices: set[str]) -> None:
        if token.type in {FOREIGN, UNCLOSED} and not self.machine.values:
            self._foreign(token, choices)
            return
        if self._misspelt(token, choices) or self._version(token, choices) or self._quotes(token, choices):
            return
        if self.machine.values:
            span = self._span(token)
            self._report("SYN008", f"expected {self._expected(choices)}, got {quoted(token)}", span, _HEADER)
        else:
            where = self.source.whole() if token.type == END else self._span(token)
            self._report("SYN008", "the header is missing", where, _HEADER)
        started = bool(self.machine.values)
        self.machine.restore(Snapshot(self.machine.states[:1], []))
        at = token.start_pos or 0
        for kind, value in (
            ("POLICY", "policy"),
            ("WORD", "unnamed"),
            ("VERSION", "version"),
            ("RELEASE", "0.0"),
            ("LANGUAGE", "language"),
            ("WHOLE", str(LANGUAGE)),
        ):
            self._feed(kind, value, at, at)
        if started:
            self.skip(token)
        else:
            self._again(token)

    # ---------------------------------------------------------------------------------------------------------- end

    def _mend_end(self) -> None:
        machine = self.machine
        end = self.source.end()
        while machine.after(machine.states, "RPAR") is not None and machine.open_tokens("LPAR"):
            opened = machine.open_tokens("LPAR")[-1]
            if not self._skipped_to_end:
                self._report("SYN017", "missing `)` at the end of the file", end, "write `)`", self._opened(opened))
            self._feed("RPAR", ")", end.start, end.start)
        goal = "RBRACE" if machine.open_tokens("LBRACE") else END
        if machine.after(machine.states, goal) is None:
            if not self._skipped_to_end:
                expected = self._expected(machine.choices(machine.states))
                self._report("SYN001", f"expected {expected}, got the end of the file", end, self._example())
            machine.restore(machine.cut())
        braces = machine.open_tokens("LBRACE")
        if braces and not self._skipped_to_end:
            many = "missing `}`" if len(braces) == 1 else f"missing {len(braces)} closing braces"
            related = (self._opened(brace) for brace in reversed(braces))
            self._report("SYN003", f"{many} at the end of the file", end, "close the block with `}`", *related)
        self._close(len(braces), end.start)

    def _close(self, count: int, at: int) -> None:
        for _ in range(count):
            if self.machine.after(self.machine.states, "RBRACE") is None:
                self.machine.restore(self.machine.cut())
            self._feed("RBRACE", "}", at, at)

    def give_up(self, token: Token) -> None:
        """Read no further: end the file behind this token."""
        self._report(
            "SYN019", f"more than {len(self.problems)} mistakes", self._span(token), "mend the first ones first"
        )
        self.machine.restore(self.machine.cut())
        self._close(len(self.machine.open_tokens("LBRACE")), token.end_pos or 0)
        self.machine.at = len(self.machine.text)

    # ------------------------------------------------------------------------------------------------ missing brace

    def begins_statement(self, token: Token) -> bool:
        """Whether a statement of the file begins here for sure, whatever block is open."""
        shape = STATEMENTS.get(token.value)
        if shape is None:
            return False
        at = token.end_pos or 0
        for wanted in shape:
            following = self.machine.lexer.token(self.machine.text, at)
            # `attribute model one of a, b` may be broken behind `attribute`.
            if following.value in {"one", "set"} and "of" in shape[1:]:
                return False
            kind = "WORD" if following.type == "PATH" else following.type
            if kind != wanted and following.value not in wanted.split("|"):
                return False
            at = following.end_pos or 0
        return True

    def close_before(self, token: Token) -> None:
        """A statement of the file begins inside a block: its closing brace is missing."""
        machine = self.machine
        if machine.after(machine.states, "RBRACE") is None:
            self._unexpected(token, machine.choices(machine.states))
            machine.restore(machine.cut())
        self._missing_braces(token, len(machine.open_tokens("LBRACE")))

    def _missing_braces(self, token: Token, count: int) -> None:
        braces = self.machine.open_tokens("LBRACE")[-count:]
        many = "missing `}`" if count == 1 else f"missing {count} closing braces"
        related = (self._opened(brace) for brace in reversed(braces))
        self._report(
            "SYN003", f"{many} before `{token}`", self._span(token), "close the block above with `}`", *related
        )
        self._close(count, token.start_pos or 0)
        self._again(token)

    def _closed_too_late(self, token: Token) -> bool:
        """A member of an outer block begins a line: the inner block was not closed."""
        start = token.start_pos or 0
        if token.value not in self.machine.lexer.words or not first_on_line(self.machine.text, start):
            return False
        states = self.machine.states
        for count in range(1, len(self.machine.open_tokens("LBRACE")) + 1):
            closed = self.machine.after(states, *("RBRACE",) * count)
            if closed is None:
                return False
            read = self.machine.peek(start, closed)
            if read.type not in {"WORD", END} and self.machine.after(closed, read.type) is not None:
                self._missing_braces(token, count)
                return True
        return False

    # ------------------------------------------------------------------------------------------------- all the rest

    def _chained(self, token: Token, choices: set[str]) -> bool:
        if token.type != "COMPARE" or not choices >= {"AND", "OR"}:
            return False
        self._unexpected(token, choices, "write two comparisons joined by `and`")
        self.skip(token)
        return True

    def skip(self, token: Token) -> None:
        """Drop the unfinished statement, and go to where the next one begins or the block ends."""
        machine = self.machine
        self.history.clear()
        uncut = machine.save()
        cut = machine.cut()
        inside = bool(machine.open_tokens("LBRACE"))
        members = machine.choices(cut.states) - {"RBRACE", END}
        deep = 0
        for found in self._tokens(token.start_pos or 0):
            start = found.start_pos or 0
            if found.value in STATEMENTS and self.begins_statement(found):
                machine.restore(self._finished(uncut, cut, "RBRACE" if inside else self._keyword(found)))
                self._close(len(machine.open_tokens("LBRACE")), start)
                machine.at = start
                return
            if found.type == "LBRACE":
                deep += 1
            elif found.type == "RBRACE" and deep:
                deep -= 1
            elif found.type == "RBRACE" and inside:
                machine.restore(self._finished(uncut, cut, "RBRACE"))
                machine.at = start
                return
            elif found.type == "WORD" and not deep:
                keyword = self._keyword(found)
                by_name = "WORD" in members
                # A name alone is no sure sign, and neither is a keyword of the file that may be a name elsewhere.
                certain = (inside and not by_name) or first_on_line(machine.text, start)
                if certain and (keyword in members or by_name) and start > (token.start_pos or 0) - (not by_name):
                    machine.restore(self._finished(uncut, cut, "WORD" if by_name else keyword))
                    machine.at = start
                    return
        machine.restore(cut)
        machine.at = len(machine.text)
        self._skipped_to_end = True

    def _keyword(self, token: Token) -> str:
        return self.machine.lexer.words.get(token.value, "")

    def _finished(self, uncut: Snapshot, cut: Snapshot, following: str) -> Snapshot:
        """The statement before the mistake stays if it was complete."""
        return cut if self.machine.after(uncut.states, following) is None else uncut

    def _tokens(self, at: int) -> Iterator[Token]:
        lexer, text = self.machine.lexer, self.machine.text
        while (token := lexer.token(text, at)).type != END:
            yield token
            at = token.end_pos or 0
