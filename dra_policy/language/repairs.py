"""Mistakes that one word or sign mends: each is named, mended, and the statement is read as it was meant."""

from __future__ import annotations

import re
from collections import deque

from lark import Token

from dra_policy.diagnostics import Diagnostic, Related, nearest
from dra_policy.language.builder import Builder
from dra_policy.language.examples import example_of
from dra_policy.language.leaves import normal_version
from dra_policy.language.machine import Machine, Snapshot
from dra_policy.language.shapes.site import ordinal
from dra_policy.language.tables import END
from dra_policy.language.tokens import UNCLOSED, called, either, first_on_line, quoted
from dra_policy.language.units import ATTACHED_ONLY, nearest_unit
from dra_policy.source import Source, Span

# Signs of other languages, by the terminal that is meant.
_MEANT = {"&&": "AND", "||": "OR", "!": "NOT", "&": "AND", "|": "OR"}

# These join two tests, and are hardly names.
_JOINING = frozenset(("and", "or", "not", "in"))

_OPENING_OF = {"}": "LBRACE", ")": "LPAR"}


class Repairs:
    """The repairs of one text. `history` holds the last tokens, each with the stacks before it."""

    def __init__(self, machine: Machine, builder: Builder, source: Source) -> None:
        self.machine = machine
        self.builder = builder
        self.source = source
        self.problems: list[Diagnostic] = []
        self.history: deque[tuple[Token, Snapshot]] = deque(maxlen=4)
        # At the token behind a character that was left out, a complaint would be an echo.
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

    def _opened(self, token: Token) -> Related:
        return Related(self._span(token), f"`{token}` opened here")

    # ------------------------------------------------------------------------------------------------ foreign signs

    def _foreign(self, token: Token, choices: set[str]) -> bool:
        start, end = token.start_pos or 0, token.end_pos or 0
        span = self._span(token)
        value = str(token)
        self._quiet_at = self.machine.lexer.token(self.machine.text, end).start_pos or 0
        if token.type == UNCLOSED:
            # Closing signs at the end of the line are hardly part of the text.
            value = value.rstrip(" \t\r})") if value.strip(' \t\r})"') else value
            span = Span(self.source, start, start + len(value))
            self._report("SYN005", "the text has no closing quote", span, 'a text ends on its line with `"`')
            self.machine.at = span.end
            if "QUOTED" in choices:
                self._feed("QUOTED", '"' + value[1:].replace("\\", "\\\\") + '"', start, span.end)
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
        elif value[0] == ";":
            self._report("SYN007", "nothing ends a statement but the next one", span, f"leave `{value}` out")
        elif value.isprintable():
            shown = f"`{value}`" if len(value) <= 40 else f"`{value[:37]}...`"
            help_ = "a name is made of a-z, A-Z, 0-9, `_`, inner `-` and dots" if value[0].isalpha() else "leave it out"
            self._report("SYN007", f"{shown} has no meaning here", span, help_)
            if value[0].isalpha() and "WORD" in choices:
                self._feed("WORD", value, start, end)
        else:
            self._report("SYN007", f"character U+{ord(value[0]):04X} has no meaning here", span, "leave it out")
        return True

    def _operator(self, token: Token, choices: set[str]) -> bool:
        start, end = token.start_pos or 0, token.end_pos or 0
        if token.type == "EQUAL" and "COMPARE" in choices:
            self._report("SYN016", "`=` sets a value, and a condition compares", self._span(token), "write `==`")
            self._feed("COMPARE", "==", start, end)
            return True
        if str(token) == "==" and "EQUAL" in choices:
            self._report("SYN016", "`==` compares, and here a value is set", self._span(token), "write `=`")
            self._feed("EQUAL", "=", start, end)
            return True
        if token.type in {"LSQB", "RSQB"} and not choices & {"LSQB", "RSQB"}:
            help_ = "write the values of a list with commas only"
            self._report("SYN007", "brackets stand behind the devices of a machine only", self._span(token), help_)
            return True
        return False

    # -------------------------------------------------------------------------------------------------------- words

    def _misspelt(self, token: Token, choices: set[str]) -> bool:
        if token.type != "WORD":
            return False
        keyword = self._nearest_keyword(token, choices)
        if keyword is None:
            return False
        if self._is_keyword_elsewhere(token):
            # `pairs` is another keyword, but with one letter less it would fit; a name would not.
            spelled = self._spelling(keyword)
            if "WORD" in choices or not (spelled.startswith(token) or token.startswith(spelled)):
                return False
        if not self._fits(keyword, token.end_pos or 0):
            return False
        self._say_misspelt(token, keyword)
        return True

    def _is_keyword_elsewhere(self, token: Token) -> bool:
        return token.value in self.machine.lexer.words

    def _nearest_keyword(self, token: Token, choices: set[str]) -> str | None:
        words = self.machine.lexer.words
        if len(token) > 2 * max(map(len, words)):
            return None
        likely = nearest(token.value, (word for word, name in words.items() if name in choices))
        return None if likely is None or likely == token.value else words[likely]

    def _say_misspelt(self, token: Token, keyword: str) -> None:
        word = self._spelling(keyword)
        expected = "a keyword" if token.type == "WORD" else "another word"
        self._report("SYN002", f"expected {expected}, got `{token}`", self._span(token), f"did you mean `{word}`?")
        start, end = token.start_pos or 0, token.end_pos or 0
        self._feed(keyword, word, start, end)
        self.machine.at = end

    def _shadowed(self, token: Token, choices: set[str]) -> bool:
        """A name that is a keyword at its place is noticed at the token behind it."""
        if not self.history:
            return False
        keyword, before = self.history[-1]
        if keyword.type != self.machine.lexer.words.get(keyword.value) or keyword.value in {"true", "false"}:
            return False
        # Where the next statement begins, the rest of this one is more likely missing than `of` is an attribute.
        ends = token.type in {"RBRACE", END} or token.type in self._members()
        if ends and (keyword.type == "NOT" or not choices <= {"WORD", "PATH"}):
            return False
        machine = self.machine
        now = machine.save()
        machine.restore(before)
        if not self._fits("WORD", keyword.end_pos or 0):
            machine.restore(now)
            return False
        self.history.pop()
        inner = machine.after(before.states, "LPAR")
        if inner is not None and machine.after(inner, keyword.type) is None:
            help_ = f"write it in parentheses: `({keyword} ...)`"
        elif inner is None and machine.after(before.states, "QUOTED") is not None:
            help_ = f'write `"{keyword}"`, in quotes'
        else:
            help_ = f"give it another name; an attribute is still published as `{keyword}` with `publish as`"
        self._report("SYN023", f"`{keyword}` is a keyword here, and no name", self._span(keyword), help_)
        self._feed("WORD", str(keyword), keyword.start_pos or 0, keyword.end_pos or 0)
        self._again(token)
        return True

    def _unfinished(self, token: Token) -> bool:
        """A statement breaks off, and the keyword of the next one was taken for a name."""
        if not self.history:
            return False
        previous, before = self.history[-1]
        keyword = self.machine.lexer.words.get(previous.value)
        if previous.type != "WORD" or not first_on_line(self.machine.text, previous.start_pos or 0):
            return False
        if keyword not in self._members():
            return False
        states = self.machine.after(self.machine.cut().states, keyword)
        assert states is not None
        if self.machine.after(states, self.machine.peek(token.start_pos or 0, states).type) is None:
            return False
        self.history.clear()
        self.machine.restore(before)
        self._unexpected(previous, self.machine.choices(before.states))
        self.machine.restore(self.machine.cut())
        self._again(previous)
        return True

    def _misspelt_before(self) -> bool:
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
            if read.type not in {"WORD", "PATH"} or read.end_pos != len(name) or not self._fits("WORD", end):
                return False
            self._report(
                "SYN018",
                f"expected a name, got the text `{token}`",
                self._span(token),
                f"write `{name}`, without quotes",
            )
            self._feed("WORD", name, start, end)
            return True
        if token.type in {"WORD", "PATH", "AMOUNT"} and "QUOTED" in choices and not choices & {"WORD", "PATH"}:
            if not self._fits("QUOTED", end):
                return False
            self._report(
                "SYN018",
                f"expected a text in quotes, got `{token}`",
                self._span(token),
                f'write `"{token}"`, with quotes',
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

    def _percentage(self, token: Token, choices: set[str]) -> bool:
        """`tolerance 3`: a share without its sign."""
        if token.type not in {"WHOLE", "RELEASE"} or "PERCENTAGE" not in choices:
            return False
        found = re.fullmatch(r"[0-9]+(\.[0-9]+)?", token.value)
        if found is None:
            return False
        self._report("SYN017", f"missing `%` behind `{token}`", self._span(token), f"write `{token}%`")
        self._feed("PERCENTAGE", f"{token}%", token.start_pos or 0, token.end_pos or 0)
        return True

    def _unit(self, token: Token) -> bool:
        """`40 Gigs`: the number was taken alone, and the unit, which is none, for a name."""
        for back in range(3):
            words = [*(entry[0] for entry in self.history), token]
            if len(words) < back + 2:
                return False
            unit, number = words[-1 - back], words[-2 - back]
            if (
                unit.type in {"WORD", "PATH"}
                and number.type in {"WHOLE", "RELEASE"}
                and not number.startswith(("-", "v"))
                and unit.value not in self.machine.lexer.words
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

    def _time(self, token: Token, choices: set[str]) -> bool:
        """`within 15`: an amount without its unit, where only times are amounts."""
        if token.type not in {"WHOLE", "RELEASE"} or "AMOUNT" not in choices or choices & {"WHOLE", "RELEASE"}:
            return False
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", token.value) is None:
            return False
        help_ = f"write `{token} s`, `{token} min` or another unit of time"
        self._report("SYN017", f"missing unit behind `{token}`", self._span(token), help_)
        self._feed("AMOUNT", f"{token} s", token.start_pos or 0, token.end_pos or 0)
        return True

    # -------------------------------------------------------------------------------------------------------- signs

    def _numbers(self, token: Token, choices: set[str]) -> bool:
        """Numbers, positions and times that are joined as elsewhere: `0-7`, `0..100`, `18:00-22:00`, `4x4`, `2 Wed`."""
        start, end = token.start_pos or 0, token.end_pos or 0
        span = self._span(token)
        if token.type == "DOTS" and "TO" in choices:
            self._report("SYN016", "`..` is for positions, and here are numbers", span, "write `to`")
            self._feed("TO", "to", start, end)
        elif token.type == "WHOLE" and token.startswith("-") and "DOTS" in choices and self.history:
            first, last = self.history[-1][0], token[1:]
            span = Span(self.source, first.start_pos or 0, end)
            self._report("SYN016", "`-` does not join positions", span, f"write `{first}..{last}`")
            self._feed("DOTS", "..", start, start)
            self._feed("WHOLE", last, start, end)
        elif token.value.startswith("-") and "TO" in choices:
            span = Span(self.source, start, start + 1)
            self._report("SYN016", "`-` does not join two ends", span, "write `to`")
            self._feed("TO", "to", start, start + 1)
            self.machine.at = start + 1
        elif token.type == "AMOUNT" and "WHOLE" in choices and re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})+", token):
            sides = token.split("x")
            self._report("SYN017", f"missing spaces in `{token}`", span, f"write `{' x '.join(sides)}`")
            self._feed("WHOLE", sides[0], start, end)
            for side in sides[1:]:
                self._feed("X", "x", start, end)
                self._feed("WHOLE", side, start, end)
        elif token.type == "WHOLE" and "ORDINAL" in choices and re.fullmatch(r"[0-9]{1,9}", token):
            likely = ordinal(int(token))
            self._report("SYN017", f"`{token}` counts, and here is a place", span, f"write `{likely}`")
            self._feed("ORDINAL", likely, start, end)
        else:
            return False
        return True

    def _comma_before(self, token: Token) -> bool:
        """A comma at the end of a list; a keyword behind it was taken for a name, and is noticed one token late."""
        for back, following in enumerate((token, self.history[-1][0] if self.history else token)):
            if len(self.history) <= back or self.history[-1 - back][0].type != "COMMA":
                continue
            comma, before = self.history[-1 - back]
            read = self.machine.peek(following.start_pos or 0, before.states)
            if read.type == "WORD" or self.machine.after(before.states, read.type) is None:
                continue
            self._report(
                "SYN020", "nothing follows the comma", self._span(comma), "leave it out, or go on with the list"
            )
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
        found: list[str] = []
        # A sum is hardly meant where two names meet.
        for kind in sorted((choices - self._following(choices)) - {"RBRACE", "PLUS"}):
            states = machine.after(machine.states, kind)
            assert states is not None
            read = machine.peek(start, states)
            behind = machine.after(states, read.type)
            if behind is None or (read.type == "WORD" and read.value in _JOINING):
                continue
            following = machine.peek(read.end_pos or 0, behind)
            if following.type == END or machine.after(behind, following.type) is not None:
                found.append(kind)
        signs = [kind for kind in found if kind in machine.lexer.signs]
        # A sign is more often forgotten than a name; a word could be any, if there is another way.
        found = signs or found
        if len(found) != 1 or not (signs or found[0] in machine.lexer.words.values()):
            return False
        sign = self._spelling(found[0])
        if self.history and self.history[-1][0].type == "WORD" and self.history[-1][0].value == sign:
            # `at most 4 on H100`: the keyword was taken for the name before it.
            self._report("SYN017", f"missing name before `{sign}`", self._span(self.history[-1][0]), self._example())
            self._feed(found[0], sign, start, start)
            self._again(token)
            return True
        related = [self._opened(machine.open_tokens("LPAR")[-1])] if sign == ")" else []
        self._report(
            "SYN017", f"missing `{sign}` before {quoted(token)}", self._span(token), f"write `{sign}`", *related
        )
        self._feed(found[0], sign, start, start)
        self._again(token)
        return True

    def _too_many(self, token: Token) -> bool:
        """A sign too many: what follows it fits."""
        if token.type not in self.machine.lexer.signs or token.value in {"{", "("}:
            return False
        span = self._span(token)
        if token.value in _OPENING_OF:
            if self.machine.open_tokens(_OPENING_OF[token.value]):
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

    def _following(self, choices: set[str]) -> set[str]:
        """What of the choices begins the next statement: nothing while the one before is not complete."""
        cut = self.machine.cut().states
        if not choices & {"RBRACE", END} and len(self.machine.states) > len(cut):
            return set()
        return self.machine.choices(cut) - {"RBRACE", END}

    def _expected(self, choices: set[str]) -> str:
        members = self._following(choices)
        others = choices - members - {"RBRACE", END}
        words = called(others or choices - {END}, self.machine.lexer)
        if others and choices & members:
            words.append("the next statement")
        elif "RBRACE" in choices and others:
            words.append("`}`")
        return either(words or ["the end of the file"])

    def _unexpected(self, token: Token, choices: set[str], help_: str = "") -> None:
        if self._quiet_at == token.start_pos:
            return
        members = self._following(choices)
        if choices and choices <= members | {"RBRACE", END}:
            words = called(members, self.machine.lexer)
            where = "a statement of the file begins" if not self.machine.open_tokens("LBRACE") else "the block goes on"
            message = f"{quoted(token)} begins no statement here"
            self._report("SYN001", message, self._span(token), help_ or f"{where} with {either(words)}")
            return
        message = f"expected {self._expected(choices)}, got {quoted(token)}"
        self._report("SYN001", message, self._span(token), help_ or self._example())

    def _example(self) -> str:
        """What the unfinished statement looks like when it is right."""
        keywords = self.machine.lexer.words
        segments: list[list[str]] = [[]]
        for value in self.machine.values:
            if isinstance(value, Token) and value.type == "LBRACE":
                segments.append([])
            elif isinstance(value, Token) and keywords.get(value.value) == value.type:
                segments[-1].append(str(value))
        example = example_of(segments)
        return "every statement begins with a keyword" if example is None else f"for example `{example}`"
