"""What is wrong at a token that does not fit, and how to read on.

A mistake that one word or sign mends is named as such, mended, and the statement is read as it was meant; for any
other the unfinished statement is dropped and reading goes on at the next one. So one run finds all mistakes, and
what follows a mistake is still checked.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from lark import Token

from dra_policy.diagnostics import Diagnostic, Related, nearest
from dra_policy.language import tree
from dra_policy.language.builder import LANGUAGE, Builder, normal_version
from dra_policy.language.machine import Machine, Snapshot
from dra_policy.language.tokens import END, FOREIGN, UNCLOSED, called, either, first_on_line, quoted
from dra_policy.language.units import ATTACHED_ONLY, nearest_unit
from dra_policy.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

STATEMENTS: dict[str, tuple[str, ...]] = {
    "device": ("WORD", "{"),
    "model": ("WORD", "of|like"),
    "parameters": ("WORD", "of"),
    "class": ("WORD", "of"),
    "claim": ("WORD", "{"),
    "define": ("WORD", "of", "WORD", "="),
    "test": ("QUOTED", "{"),
}
"""How statements of a file begin, and nothing inside a block does: the sign of a closing brace that is missing."""

PLANNED = frozenset(
    "modes share pool fabric machine gate binds costs advertise network health setup subject gang quota window refuse "
    "prefer keep always grid for each mig partition".split()
)
"""Words of later versions of the language, as far as they begin a statement."""

_HEADER = "write `policy NAME version 1.0.0 language 1` as the first statement"

# Signs and words of other languages, by the terminal that is meant.
_MEANT = {"&&": "AND", "||": "OR", "!": "NOT", "&": "AND", "|": "OR"}

_OPENING = {"{": "}", "(": ")"}


class Recovery:
    """Mends one text. `history` holds the last tokens, each with the stacks before it."""

    def __init__(self, machine: Machine, builder: Builder, source: Source) -> None:
        self.machine = machine
        self.builder = builder
        self.source = source
        self.problems: list[Diagnostic] = []
        self.history: deque[tuple[Token, Snapshot]] = deque(maxlen=4)
        # Behind a character that was left out, or at the end of a skipped part, a complaint would be an echo.
        self._quiet_at = -1

    # ------------------------------------------------------------------------------------------------------ helpers

    def _span(self, token: Token) -> Span:
        if token.type == END:
            return self.source.end()
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def _report(self, code: str, message: str, span: Span, help_: str = "", *related: Related) -> None:
        self.problems.append(Diagnostic(code, message, span, help_, related=related))

    def _feed(self, kind: str, value: str, start: int, end: int) -> None:
        token = Token(kind, value, start, end_pos=end)
        before = self.machine.save()
        self.machine.feed(token)
        self.history.append((token, before))

    def _spelling(self, kind: str) -> str:
        lexer = self.machine.lexer
        return lexer.signs.get(kind) or next(word for word, name in lexer.words.items() if name == kind)

    def _again(self, token: Token) -> None:
        """Read this token once more, now that the stacks are others."""
        self.machine.at = token.start_pos or 0

    def _fits(self, kind: str, then: int) -> bool:
        """Whether this terminal may stand here, with what follows it at an offset."""
        states = self.machine.after(self.machine.states, kind)
        if states is None:
            return False
        following = self.machine.peek(then, states)
        return following.type == END or self.machine.after(states, following.type) is not None

    # ----------------------------------------------------------------------------------------------------- the ways

    def mend(self, token: Token, before: Snapshot) -> None:
        """Report what is wrong at this token and bring the machine to where it can read on."""
        self.machine.restore(before)
        choices = self.machine.choices(before.states)
        if not self._header_is_read():
            self._mend_header(token, choices)
        elif token.type == END:
            self._mend_end(token, choices)
        elif not (
            (token.type in {FOREIGN, UNCLOSED} and self._foreign(token, choices))
            or self._planned(token)
            or self._operator(token, choices)
            or self._closed_too_late(token)
            or self._unit(token)
            or self._misspelt(token, choices)
            or self._quotes(token, choices)
            or self._version(token, choices)
            or self._misspelt_before(token)
            or self._comma_before(token)
            or self._missing(token, choices)
            or self._too_many(token)
        ):
            self._unexpected(token, choices)
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

    def _mend_end(self, token: Token, choices: set[str]) -> None:
        machine = self.machine
        end = self.source.end()
        quiet = self._quiet_at == (token.start_pos or 0)
        while machine.after(machine.states, "RPAR") is not None and machine.open_tokens("LPAR"):
            opened = machine.open_tokens("LPAR")[-1]
            if not quiet:
                self._report("SYN017", "missing `)` at the end of the file", end, "", self._opened(opened))
            self._feed("RPAR", ")", end.start, end.start)
        goal = "RBRACE" if machine.open_tokens("LBRACE") else END
        if machine.after(machine.states, goal) is None:
            if not quiet:
                expected = self._expected(machine.choices(machine.states))
                self._report("SYN001", f"expected {expected}, got the end of the file", end)
            machine.restore(machine.cut())
        braces = machine.open_tokens("LBRACE")
        if braces and not quiet:
            many = "missing `}`" if len(braces) == 1 else f"missing {len(braces)} closing braces"
            related = (self._opened(brace) for brace in reversed(braces))
            self._report("SYN003", f"{many} at the end of the file", end, "close the block with `}`", *related)
        self._close(len(braces), end.start)

    def _opened(self, token: Token) -> Related:
        return Related(self._span(token), f"`{token}` opened here")

    def _close(self, count: int, at: int) -> None:
        for _ in range(count):
            if self.machine.after(self.machine.states, "RBRACE") is None:
                self.machine.restore(self.machine.cut())
            self._feed("RBRACE", "}", at, at)

    def give_up(self, token: Token) -> None:
        """Read no further: end the file behind this token."""
        self._report("SYN019", f"more than {len(self.problems)} mistakes", self._span(token), "mend the first ones first")
        self.machine.restore(self.machine.cut())
        self._close(len(self.machine.open_tokens("LBRACE")), token.end_pos or 0)
        self.machine.at = len(self.machine.text)

    # ------------------------------------------------------------------------------------------------ missing brace

    def begins_statement(self, token: Token) -> bool:
        """Whether a statement of the file begins here for sure, whatever block is open."""
        shape = STATEMENTS.get(token.value)
        if shape is None or token.type == "QUOTED":
            return False
        at = token.end_pos or 0
        for wanted in shape:
            following = self.machine.lexer.token(self.machine.text, at)
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

    # ------------------------------------------------------------------------------------------------ foreign signs

    def _foreign(self, token: Token, choices: set[str]) -> bool:
        start, end = token.start_pos or 0, token.end_pos or 0
        span = self._span(token)
        value = str(token)
        self._quiet_at = end
        if token.type == UNCLOSED:
            self._report("SYN005", "the text has no closing quote", span, 'a text ends on its line with `"`')
            if "QUOTED" in choices:
                self._feed("QUOTED", '"' + value[1:].replace("\\", "\\\\") + '"', start, end)
            return True
        if value in _MEANT and _MEANT[value] in choices:
            meant = self._spelling(_MEANT[value])
            self._report("SYN016", f"`{value}` is an operator of another language", span, f"write `{meant}`")
            self._feed(_MEANT[value], meant, start, end)
        elif value.startswith("//"):
            self._report("SYN007", "a comment begins with `#`", span, f"write `#{value[2:].rstrip()}`")
        elif len(value) > 1 and value[0] in "'`\u201c":
            self._report("SYN007", "a text stands between double quotes", span, f'write `"{value[1:-1]}"`')
            if "QUOTED" in choices:
                self._feed("QUOTED", '"' + value[1:-1].replace("\\", "\\\\").replace('"', '\\"') + '"', start, end)
        elif value == ";":
            self._report("SYN007", "nothing ends a statement but the next one", span, "leave `;` out")
        elif value in {"[", "]"}:
            self._report("SYN007", "the language has no brackets", span, "write the values of a list with commas only")
        elif value.isprintable():
            shown = f"`{value}`" if len(value) <= 40 else f"`{value[:37]}...`"
            help_ = "a name is made of a-z, A-Z, 0-9, `_`, inner `-` and dots" if value[0].isalpha() else "leave it out"
            self._report("SYN007", f"{shown} has no meaning here", span, help_)
        else:
            self._report("SYN007", f"character U+{ord(value[0]):04X} has no meaning here", span, "leave it out")
        return True

    def _operator(self, token: Token, choices: set[str]) -> bool:
        start, end = token.start_pos or 0, token.end_pos or 0
        if token.type == "EQUAL" and "COMPARE" in choices:
            self._report("SYN016", "`=` sets a value, and a condition compares", self._span(token), "write `==`")
            self._feed("COMPARE", "==", start, end)
            return True
        if token == "==" and "EQUAL" in choices:
            self._report("SYN016", "`==` compares, and here a value is set", self._span(token), "write `=`")
            self._feed("EQUAL", "=", start, end)
            return True
        if token.type == "COMPARE" and choices >= {"AND", "OR"} and "COMPARE" not in choices:
            self._unexpected(token, choices, "write two comparisons joined by `and`")
            self.skip(token)
            return True
        return False

    # -------------------------------------------------------------------------------------------------------- words

    def _planned(self, token: Token) -> bool:
        cut = self.machine.cut()
        begins = self.machine.states == cut.states or self.machine.after(self.machine.states, "RBRACE", END) is not None
        begins = begins or self.machine.after(self.machine.states, END) is not None
        if token.value not in PLANNED or token.type == "QUOTED" or not begins:
            return False
        self._report(
            "SYN015",
            f"`{token}` is not part of language {LANGUAGE} in this version of dra-policy",
            self._span(token),
            "leave the statement out",
        )
        self.skip(token)
        return True

    def _misspelt(self, token: Token, choices: set[str]) -> bool:
        if token.type != "WORD" or self._is_keyword_elsewhere(token):
            return False
        keyword = self._nearest_keyword(token, choices)
        if keyword is None or not self._fits(keyword, token.end_pos or 0):
            return False
        self._say_misspelt(token, keyword)
        return True

    def _is_keyword_elsewhere(self, token: Token) -> bool:
        return token.value in self.machine.lexer.words

    def _nearest_keyword(self, token: Token, choices: set[str]) -> str | None:
        words = self.machine.lexer.words
        likely = nearest(token.value, (word for word, name in words.items() if name in choices))
        return None if likely is None or likely == token.value else words[likely]

    def _say_misspelt(self, token: Token, keyword: str) -> None:
        word = self._spelling(keyword)
        expected = "a keyword" if token.type == "WORD" else "another word"
        self._report("SYN002", f"expected {expected}, got `{token}`", self._span(token), f"did you mean `{word}`?")
        start, end = token.start_pos or 0, token.end_pos or 0
        self._feed(keyword, word, start, end)
        self.machine.at = end

    def _misspelt_before(self, token: Token) -> bool:
        """A misspelt keyword that could be a name there is noticed at the token behind it."""
        if not self.history:
            return False
        previous, before = self.history[-1]
        if previous.type != "WORD" or self._is_keyword_elsewhere(previous):
            return False
        keyword = self._nearest_keyword(previous, self.machine.choices(before.states))
        if keyword is None:
            return False
        now = self.machine.save()
        self.machine.restore(before)
        if not self._fits(keyword, previous.end_pos or 0):
            self.machine.restore(now)
            return False
        self.history.pop()
        self._say_misspelt(previous, keyword)
        return True

    def _quotes(self, token: Token, choices: set[str]) -> bool:
        start, end = token.start_pos or 0, token.end_pos or 0
        if token.type == "QUOTED" and "WORD" in choices and "QUOTED" not in choices:
            name = token.value[1:-1]
            read = self.machine.lexer.token(name, 0)
            if read.type not in {"WORD", "PATH"} or read.end_pos != len(name):
                return False
            self._report(
                "SYN018", f"expected a name, got the text `{token}`", self._span(token), f"write `{name}`, without quotes"
            )
            self._feed("WORD", name, start, end)
            return True
        if token.type in {"WORD", "AMOUNT"} and "QUOTED" in choices and "WORD" not in choices:
            if not self._fits("QUOTED", end):
                return False
            self._report(
                "SYN018", f"expected a text in quotes, got `{token}`", self._span(token), f'write `"{token}"`, with quotes'
            )
            self._feed("QUOTED", f'"{token}"', start, end)
            return True
        return False

    def _version(self, token: Token, choices: set[str]) -> bool:
        if token.type not in {"WHOLE", "WORD"} or "RELEASE" not in choices or "WHOLE" in choices:
            return False
        found = re.fullmatch(r"v?([0-9]{1,18})", token.value)
        if found is None:
            return False
        likely = normal_version(f"{found[1]}.0.0")
        message = f"expected a version, got `{token}`"
        self._report("SYN010", message, self._span(token), f"write `{likely}`: a version has three numbers")
        self._feed("RELEASE", likely, token.start_pos or 0, token.end_pos or 0)
        return True

    def _unit(self, token: Token) -> bool:
        """`40 Gigs`: the number was taken alone, and the unit, which is none, for a name."""
        for back in range(3):
            words = [*(entry[0] for entry in self.history), token]
            if len(words) < back + 2:
                return False
            unit, number = words[-1 - back], words[-2 - back]
            if (
                unit.type == "WORD"
                and number.type in {"WHOLE", "RELEASE"}
                and not number.startswith(("-", "v"))
                and not self.machine.text[number.end_pos or 0 : unit.start_pos].strip()
                and (unit in ATTACHED_ONLY or nearest_unit(unit) is not None)
            ):
                break
        else:
            return False
        before = self.history[-1 - back][1]
        if self.machine.after(before.states, "AMOUNT") is None:
            return False
        self.machine.restore(before)
        if unit in ATTACHED_ONLY:
            help_ = f"write `{number}{unit}`: this unit touches its number"
            self._report("SYN011", f"unknown unit `{unit}`", self._span(unit), help_)
            likely = str(unit)
        else:
            likely = nearest_unit(unit) or "B"
            self.builder.unknown_unit(unit, self._span(unit))
        for _ in range(back + 1):
            self.history.pop()
        digits = re.match(r"[0-9]+(\.[0-9]+)?", number)
        assert digits is not None
        self._feed("AMOUNT", f"{digits[0]} {likely}", number.start_pos or 0, unit.end_pos or 0)
        self.machine.at = unit.end_pos or 0
        return True

    # -------------------------------------------------------------------------------------------------------- signs

    def _comma_before(self, token: Token) -> bool:
        """A comma at the end of a list; a keyword behind it was taken for a name, and is noticed one token late."""
        for back, following in enumerate((token, self.history[-1][0] if self.history else token)):
            if len(self.history) <= back or self.history[-1 - back][0].type != "COMMA":
                continue
            comma, before = self.history[-1 - back]
            read = self.machine.peek(following.start_pos or 0, before.states)
            if read.type == "WORD" or self.machine.after(before.states, read.type) is None:
                continue
            self._report("SYN020", "nothing follows the comma", self._span(comma), "leave it out, or go on with the list")
            for _ in range(back + 1):
                self.history.pop()
            self.machine.restore(before)
            self._again(following)
            return True
        return False

    def _missing(self, token: Token, choices: set[str]) -> bool:
        """One word or sign, and only that one, makes the rest fit."""
        machine = self.machine
        start = token.start_pos or 0
        fixed = set(machine.lexer.signs) | set(machine.lexer.words.values())
        found: list[str] = []
        for kind in sorted((choices & fixed) - self._members() - {"RBRACE"}):
            states = machine.after(machine.states, kind)
            assert states is not None
            read = machine.peek(start, states)
            behind = machine.after(states, read.type)
            if behind is None:
                continue
            following = machine.peek(read.end_pos or 0, behind)
            if following.type == END or machine.after(behind, following.type) is not None:
                found.append(kind)
        if len(found) != 1:
            return False
        sign = self._spelling(found[0])
        related = [self._opened(machine.open_tokens("LPAR")[-1])] if sign == ")" else []
        self._report("SYN017", f"missing `{sign}` before {quoted(token)}", self._span(token), f"write `{sign}`", *related)
        self._feed(found[0], sign, start, start)
        self._again(token)
        return True

    def _too_many(self, token: Token) -> bool:
        """A sign too many: what follows it fits."""
        if token.type not in self.machine.lexer.signs or token.value in _OPENING:
            return False
        span = self._span(token)
        if token.value in _OPENING.values():
            partners = {"}": "LBRACE", ")": "LPAR"}
            if self.machine.open_tokens(partners[token.value]):
                return False
            self._report("SYN004", f"`{token}` closes nothing", span, "leave it out")
            return True
        following = self.machine.peek(token.end_pos or 0, self.machine.states)
        if following.type != END and self.machine.after(self.machine.states, following.type) is None:
            return False
        self._report("SYN001", f"`{token}` has no meaning here", span, "leave it out")
        return True

    # ------------------------------------------------------------------------------------------------- all the rest

    def _members(self) -> set[str]:
        """What may begin a statement of the innermost open block, or of the file."""
        return self.machine.choices(self.machine.cut().states) - {"RBRACE", END}

    def _expected(self, choices: set[str]) -> str:
        members = self._members()
        others = choices - members - {"RBRACE", END}
        words = called(others or choices - {END}, self.machine.lexer)
        if others and choices & members:
            words.append("the next statement")
        elif "RBRACE" in choices and others:
            words.append("`}`")
        return either(words or ["the end of the file"])

    def _unexpected(self, token: Token, choices: set[str], help_: str = "") -> None:
        if self._quiet_at == (token.start_pos or 0) or (
            self.history and self._quiet_at == self.history[-1][0].start_pos and self._quiet_at >= 0
        ):
            return
        members = self._members()
        if choices and choices <= members | {"RBRACE", END}:
            words = sorted(called(members, self.machine.lexer))
            where = "a statement of the file begins" if not self.machine.open_tokens("LBRACE") else "the block goes on"
            message = f"{quoted(token)} begins no statement here"
            self._report("SYN001", message, self._span(token), help_ or f"{where} with {either(words)}")
            return
        self._report("SYN001", f"expected {self._expected(choices)}, got {quoted(token)}", self._span(token), help_)

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
                certain = inside and not by_name or first_on_line(machine.text, start)
                if certain and (keyword in members or by_name) and start > (token.start_pos or 0) - (not by_name):
                    machine.restore(self._finished(uncut, cut, "WORD" if by_name else keyword))
                    machine.at = start
                    return
        machine.restore(cut)
        machine.at = len(machine.text)
        self._quiet_at = len(machine.text)

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
