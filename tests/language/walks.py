"""Random policy files made of the grammar itself: walks through the parser's own tables, so that no construct is missed."""

from __future__ import annotations

import itertools
import random
from collections import Counter, deque

from dra_policy.language.machine import Machine
from dra_policy.language.parser import _grammar, parse
from dra_policy.language.tables import END, States
from dra_policy.language.units import UNITS
from dra_policy.source import Source

HEADER = "policy a.example version 1.0.0 language 1"
# What the functions of the rules refuse although the grammar takes it.
SAID_BY_BUILDER = frozenset(("SYN013", "SYN014", "SYN022", "a gate is needed for one value: write `==`"))
MOST_TOKENS = 60
DEEPEST = 4

_UNITS = sorted({unit.canonical for unit in UNITS.values()})
_NAMES = ["a", "memory", "AcmeGpu", "H100", "dgx-h100", "std.pcie.root", "rdma.vf", "_x9", "gpu", "subject.team"]
_TEXTS = ["", "1g.10gb", "{parent}-mig-{profile}", "a # b", "{ } ,", 'say "no"', "tab\there", "zwölf", "x" * 70]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


class Walker:
    """Goes from token to token as the parser would accept them."""

    def __init__(self) -> None:
        grammar, _ = _grammar()
        self.machine = Machine(grammar, "")
        self.lexer = self.machine.lexer
        self.words = dict(self.lexer.words)
        self.keywords = frozenset(self.words.values())
        self.spelled = {name: word for word, name in self.words.items()} | dict(self.lexer.signs)
        self.known: dict[tuple[object, ...], tuple[str, ...]] = {}
        # How often each way was taken, for walks that go where none has been; those depend on each other.
        self.used: Counter[tuple[object, str]] | None = None
        machine = Machine(grammar, HEADER)
        while (token := machine.read()).type != END:
            machine.feed(token)
        self.behind_header = machine.states.copy()
        # The parsers of threads and tests share one builder.
        self.statement_keywords = sorted(set(self.choices(self.behind_header)) - {END})

    def choices(self, states: States) -> tuple[str, ...]:
        key = tuple(states)
        if key not in self.known:
            self.known[key] = tuple(sorted(self.machine.choices(states)))
        return self.known[key]

    # ---------------------------------------------------------------------------------------------------- one token

    def word(self, choose: random.Random, kind: str, choices: tuple[str, ...], recent: frozenset[str]) -> str:
        """A token of a kind. Of the names that are keywords elsewhere, rather one that was a keyword just before."""
        number = choose.randint(0, 12)
        match kind:
            case "WORD":
                if choose.random() < 0.4:
                    free = recent - set(choices) if choose.random() < 0.7 else set()
                    names = free & self.keywords or self.keywords - set(choices)
                    return self.spelled[choose.choice(sorted(names))]
                if choose.random() < 0.3:
                    return "x" + "".join(choose.choices(_LETTERS, k=choose.randint(1, 30)))
                return choose.choice(_NAMES)
            case "PATH":
                return choose.choice(("gpu.acme.com/v1", "example.org/rack", "a/b-c.d"))
            case "QUOTED":
                return _text(choose.choice(_TEXTS))
            case "WHOLE":
                return str(number)
            case "AMOUNT":
                return (
                    f"{number}{choose.choice(('', '.5'))} {choose.choice([u for u in _UNITS if not UNITS[u].attached])}"
                )
            case "PERCENTAGE":
                return f"{number}.5%"
            case "RELEASE":
                return f"{number}.{choose.randint(0, 9)}" + choose.choice(("", ".1", ".0-rc.1"))
            case "TIME":
                return f"{choose.randint(0, 23)}:{choose.randint(0, 59):02d}"
            case "DATE":
                return f"2026-{choose.randint(1, 12):02d}-{choose.randint(1, 28):02d}"
            case "ORDINAL":
                return choose.choice(("1st", "2nd", "3rd", "4th", "5th"))
            case "COMPARE":
                return choose.choice(("==", "!=", "<", "<=", ">", ">="))
            case _:
                return self.spelled[kind]

    def next(self, choose: random.Random, states: States, goes_on: list[str]) -> str:
        if self.used is not None and choose.random() < 0.7:
            # The last state alone is that behind a name, whatever the name is part of.
            here = tuple(states[-3:])
            kind = min(goes_on, key=lambda kind: (self.used[here, kind], choose.random()))
            self.used[here, kind] += 1
            return kind
        return "WORD" if "WORD" in goes_on and choose.random() < 0.3 else choose.choice(goes_on)

    # ------------------------------------------------------------------------------------------------ one statement

    def walk(self, choose: random.Random, first: str) -> list[tuple[str, str]]:
        """The tokens of one statement that begins with a keyword, each with its terminal."""
        states = self.machine.after(self.behind_header, first)
        assert states is not None
        found = [(first, self.spelled[first])]
        # For every open brace what may begin the next member of its block.
        blocks: list[frozenset[str]] = [frozenset(self.statement_keywords)]
        deep = 0
        said: set[str] = set()
        recent: deque[tuple[str, ...]] = deque(maxlen=3)
        while True:
            choices = self.choices(states)
            if END in choices and len(blocks) == 1 and (choose.random() < 0.2 or len(found) > MOST_TOKENS):
                return found
            begins = blocks[-1] if found[-1][0] != "LBRACE" else frozenset()
            ends = [kind for kind in choices if kind == "RBRACE" or (len(blocks) > 1 and kind in begins)]
            goes_on = [kind for kind in choices if kind not in ends and kind not in {END, "RBRACE"}]
            if len(blocks) == 1:
                goes_on = [kind for kind in goes_on if kind not in begins or END not in choices]
                if not goes_on:
                    return found
            if deep >= DEEPEST:
                goes_on = [kind for kind in goes_on if kind not in {"LPAR", "NOT"}] or goes_on
            if choose.random() < 0.8:
                # Most clauses may be said once.
                goes_on = [kind for kind in goes_on if kind not in said] or goes_on
            late = len(found) > MOST_TOKENS
            if late and "RBRACE" in choices:
                kind = "RBRACE"
            elif ends and (not goes_on or late or choose.random() < (0.5 if begins else 0.1)):
                # As many members as closing braces would make short blocks.
                kind = "RBRACE" if "RBRACE" in ends and choose.random() < 0.3 else choose.choice(ends)
            elif late and "RPAR" in goes_on:
                kind = "RPAR"
            else:
                kind = self.next(choose, states, goes_on)
            found.append((kind, self.word(choose, kind, choices, frozenset(itertools.chain(*recent)))))
            recent.append(choices)
            if kind in {"LBRACE", "RBRACE"} or kind in begins:
                said.clear()
            elif kind in self.keywords:
                said |= {"MUST", "SHOULD"} if kind in {"MUST", "SHOULD"} else {kind}
            after = self.machine.after(states, kind)
            assert after is not None
            states = after
            deep += {"LPAR": 1, "NOT": 1, "RPAR": -1}.get(kind, 0)
            if kind == "LBRACE":
                blocks.append(frozenset(self.choices(states)) - {"RBRACE"})
            elif kind == "RBRACE":
                blocks.pop()

    def statement(self, choose: random.Random, first: str | None = None) -> str:
        """A statement that is parsed without a complaint."""
        while True:
            found = self.walk(choose, first or choose.choice(self.statement_keywords))
            text = " ".join(word for _, word in found)
            _, problems = parse(Source("walk.dra", f"{HEADER}\n{text}"))
            if not problems:
                return text
            if all(problem.code in SAID_BY_BUILDER or problem.help in SAID_BY_BUILDER for problem in problems):
                continue
            # A number and a name behind it may be an amount: then it is another text than the one walked.
            assert self.kinds(text) != [kind for kind, _ in found], (text, problems)

    def kinds(self, text: str) -> list[str]:
        """The terminals of a text, as far as the parser takes them."""
        grammar, _ = _grammar()
        machine = Machine(grammar, text)
        states, found, at = self.behind_header, [], 0
        while (token := machine.peek(at, states)).type != END:
            found.append(token.type)
            after = machine.after(states, token.type)
            if after is None:
                break
            states, at = after, token.end_pos or 0
        return found

    def file(self, seed: int, most: int = 4) -> str:
        """A whole file, imports first."""
        choose = random.Random(seed)
        statements = [self.statement(choose) for _ in range(choose.randint(1, most))]
        statements.sort(key=lambda text: not text.startswith("import "))
        return "\n".join([HEADER, *statements])
