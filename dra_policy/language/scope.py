"""Names across policies: what a file declares, what it sees through imports, and what a name stands for.

A plain name means the file's own declaration, else that of an import; `policy.declaration` always works. Devices and
models share one name space, every other kind has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from dra_policy.diagnostics import Diagnostic, Related, nearest
from dra_policy.language.tree import (
    Attribute,
    Claim,
    Class,
    Define,
    Device,
    Fabric,
    Gang,
    Gate,
    Level,
    Machine,
    Model,
    Name,
    NamedStatement,
    Parameters,
    PolicyFile,
    Pool,
    Quota,
    Share,
    Statement,
    Window,
)
from dra_policy.source import Span

DEVICE, MODEL, CLASS, CLAIM, PARAMETERS, DEFINE, ATTRIBUTE = (
    "device",
    "model",
    "class",
    "claim",
    "parameters",
    "define",
    "attribute",
)
SHARE, POOL, FABRIC, MACHINE, GATE, LEVEL, GANG, QUOTA, WINDOW = (
    "share",
    "pool",
    "fabric",
    "machine",
    "gate",
    "level",
    "gang",
    "quota",
    "window",
)
"""The kinds of declarations, by their keywords."""

_SPACES = {
    DEVICE: "schema",
    MODEL: "schema",
    CLASS: "class",
    CLAIM: "claim",
    PARAMETERS: "parameters",
    DEFINE: "define",
    ATTRIBUTE: "attribute",
    SHARE: "share",
    POOL: "pool",
    FABRIC: "fabric",
    MACHINE: "machine",
    GATE: "gate",
    LEVEL: "level",
    GANG: "gang",
    QUOTA: "quota",
    WINDOW: "window",
}

_KINDS: Mapping[type, str] = {
    Attribute: ATTRIBUTE,
    Device: DEVICE,
    Model: MODEL,
    Parameters: PARAMETERS,
    Class: CLASS,
    Claim: CLAIM,
    Define: DEFINE,
    Share: SHARE,
    Pool: POOL,
    Fabric: FABRIC,
    Machine: MACHINE,
    Gate: GATE,
    Level: LEVEL,
    Gang: GANG,
    Quota: QUOTA,
    Window: WINDOW,
}
"""What declares a name; other statements have none."""

Key = tuple[str, str, str]
"""Policy, kind and name of a declaration."""


# Looking for similar names takes time: past so many mistakes, or among so many names, nobody reads the suggestion.
HINTED_MISTAKES, HINTED_NAMES = 100, 500


@dataclass
class Problems:
    """The diagnostics found so far. One place gets one message of a code: the first."""

    found: list[Diagnostic] = field(default_factory=list)
    _places: set[tuple[str, Span]] = field(default_factory=set)

    def add(self, code: str, message: str, span: Span, help: str = "", *related: Related) -> None:
        """Note a mistake."""
        if (code, span) not in self._places:
            self._places.add((code, span))
            self.found.append(Diagnostic(code, message, span, help, related=related))

    @property
    def hinting(self) -> bool:
        """Whether suggestions are still looked for."""
        return len(self.found) < HINTED_MISTAKES

    def similar(self, wrong: str, known: Iterable[str]) -> str | None:
        """The known name most like the wrong one, or None."""
        return nearest(wrong, islice(known, HINTED_NAMES)) if self.hinting else None

    def hint(self, wrong: str, known: Iterable[str], otherwise: str = "") -> str:
        """Help text: "did you mean `memory`?", or `otherwise` if nothing is near."""
        name = self.similar(wrong, known)
        return otherwise if name is None else f"did you mean `{name}`?"


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration of one policy."""

    kind: str
    policy: str
    name: Name
    statement: Statement

    @property
    def key(self) -> Key:
        return self.policy, self.kind, self.name.text


def declared(file: PolicyFile) -> list[Declared]:
    """The declarations of a file in the order written, tests aside."""
    policy = file.header.name.text
    return [
        Declared(_KINDS[type(statement)], policy, statement.name, statement)
        for statement in file.statements
        if isinstance(statement, NamedStatement)
    ]


Space = Mapping[tuple[str, str], Declared]


def own_names(file: PolicyFile, problems: Problems) -> Space:
    """The first declaration of each name by name space; a second one is a mistake."""
    names: dict[tuple[str, str], Declared] = {}
    for entry in declared(file):
        key = _SPACES[entry.kind], entry.name.text
        first = names.setdefault(key, entry)
        if first is not entry:
            note = Related(first.name.span, f"first declared here, as a {first.kind}")
            message = f"{entry.kind} `{entry.name.text}` is declared already"
            problems.add("NAM003", message, entry.name.span, "remove one of the two, or give it another name", note)
    return names


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of one file stand for. `spaces` holds the declarations of every loaded policy by its name."""

    policy: str
    imports: tuple[str, ...]
    spaces: Mapping[str, Space]
    problems: Problems

    def find(self, name: Name, *kinds: str, wanted: str) -> Declared | None:
        """The declaration that a name stands for, if it is of one of `kinds`, which share a name space.

        A name that nothing declares, that two imports declare, or that is of another kind is reported. `wanted` says
        in words what is looked for: "a class".
        """
        space = _SPACES[kinds[0]]
        found = self._candidates(name.text, space)
        if len({entry.key for entry in found}) > 1:
            self._ambiguous(name, found)
            return None
        if not found:
            self._undeclared(name, kinds, wanted)
            return None
        if found[0].kind not in kinds:
            self._wrong_kind(name, found[0], wanted)
            return None
        return found[0]

    def peek(self, text: str, kind: str) -> Declared | None:
        """Like `find`, without a report; None also for an ambiguous name."""
        found = [entry for entry in self._candidates(text, _SPACES[kind]) if entry.kind == kind]
        return found[0] if len(found) == 1 else None

    def visible(self, *kinds: str) -> list[Declared]:
        """All declarations of some kinds that a plain name can reach."""
        spaces = {_SPACES[kind] for kind in kinds}
        return [
            entry
            for policy in (self.policy, *self.imports)
            for (space, _), entry in self.spaces.get(policy, {}).items()
            if space in spaces and entry.kind in kinds
        ]

    def _candidates(self, text: str, space: str) -> list[Declared]:
        own = self.spaces[self.policy].get((space, text))
        if own is not None:
            return [own]
        found = [self.spaces[p][space, text] for p in self.imports if (space, text) in self.spaces.get(p, {})]
        if found:
            return found
        qualified = []
        for policy in (self.policy, *self.imports):
            inner = text.removeprefix(policy + ".")
            if inner != text and (space, inner) in self.spaces.get(policy, {}):
                qualified.append(self.spaces[policy][space, inner])
        # `a.b` may be declared both as `b.c` of policy `a` and as `c` of policy `a.b`: then it is ambiguous.
        return qualified

    def _ambiguous(self, name: Name, found: Iterable[Declared]) -> None:
        entries = list(found)
        notes = [Related(e.name.span, f"declared here by policy `{e.policy}`") for e in entries]
        policies = _listed((e.policy for e in entries), last=" and ")
        ways = _listed((f"{e.policy}.{e.name.text}" for e in entries), last=" or ")
        help_ = f"write {ways}"
        if entries[0].kind == CLASS:
            help_ = "rename one of them: a cluster has one DeviceClass of a name"
        self.problems.add("NAM013", f"`{name.text}` is declared by {policies}", name.span, help_, *notes)

    def _wrong_kind(self, name: Name, entry: Declared, wanted: str) -> None:
        note = Related(entry.name.span, "declared here")
        message = f"`{name.text}` is a {entry.kind}, not {wanted}"
        self.problems.add("NAM008", message, name.span, _how_to_get(entry, wanted), note)

    def _undeclared(self, name: Name, kinds: tuple[str, ...], wanted: str) -> None:
        for space in dict.fromkeys(_SPACES.values()):
            others = self._candidates(name.text, space)
            if others:
                self._wrong_kind(name, others[0], wanted)
                return
        help_ = "declare it, or import the policy that does"
        if self.problems.hinting:
            known = [entry.name.text for entry in self.visible(*kinds)]
            plain = f"{help_}; known here: {_listed(known)}" if known else help_
            help_ = self.problems.hint(name.text, known, plain)
        code = "NAM007" if kinds == (CLASS,) else "NAM005"
        self.problems.add(
            code,
            f"{' or '.join(kinds)} `{name.text}` {'are' if PARAMETERS in kinds else 'is'} not declared",
            name.span,
            help_,
        )


def _how_to_get(entry: Declared, wanted: str) -> str:
    name = entry.name.text
    if wanted == "a class" and entry.kind in (DEVICE, MODEL):
        plain = name.lower().replace("_", "-")
        return f"declare `class {plain} of {name} {{ }}` and write `{plain}`"
    if wanted == "a model to give" and entry.kind == DEVICE:
        return f"declare a model, such as `model Some{name} of {name} {{ }}`, and write `Some{name}`"
    if wanted == "a model" and entry.kind == DEVICE:
        return f"write `of {name}`: only a model is like another"
    if wanted == "a device" and isinstance(entry.statement, Model) and entry.statement.of is not None:
        return f"write `{entry.statement.of.text}`, the device that it is a model of"
    if wanted == "a claim to make" and entry.kind in (CLASS, MODEL, DEVICE):
        return f"write `1 of {name}`"
    return f"name {wanted} here"


def _listed(names: Iterable[str], most: int = 6, last: str = ", ") -> str:
    ordered = [f"`{name}`" for name in dict.fromkeys(names)]
    if len(ordered) > most:
        return f"{', '.join(ordered[:most])} and {len(ordered) - most} more"
    return last.join([", ".join(ordered[:-1]), ordered[-1]]) if len(ordered) > 1 else "".join(ordered)
