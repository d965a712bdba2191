"""What the passes of the checker share: the files, their scopes, and what earlier passes resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dra_policy.language.boards import Grid, Modes, Pool, Share
from dra_policy.language.checked import CheckedClaim, CheckedClass, CheckedDefine
from dra_policy.language.hardware import Gate, Operation
from dra_policy.language.machinery import Fabric, Machine
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema, ParametersSchema
from dra_policy.language.scope import Declared, Key, Problems, Scope
from dra_policy.language.tree import Name, PolicyFile, Text
from dra_policy.language.trials import CheckedTest
from dra_policy.resources import subdomain_problem
from dra_policy.source import Span

if TYPE_CHECKING:
    # Passes fill the tables that they need of each other.
    from dra_policy.language.decisions import Site
    from dra_policy.language.properties import CheckedProperty


@dataclass
class Checking:
    """One run of the checker. `files` are in order: each after those it imports.

    A declaration that a pass found wrong is missing from its table; what refers to it then stays silent, because the
    mistake is reported already.
    """

    files: Mapping[str, PolicyFile]
    scopes: Mapping[str, Scope]
    problems: Problems
    attributes: dict[Key, AttributeSchema] = field(default_factory=dict)
    devices: dict[Key, DeviceSchema] = field(default_factory=dict)
    models: dict[Key, ModelSchema] = field(default_factory=dict)
    grids: dict[Key, Mapping[str, Grid]] = field(default_factory=dict)
    model_grids: dict[int, Mapping[str, Grid]] = field(default_factory=dict)
    pools: dict[Key, Pool] = field(default_factory=dict)
    modes: list[tuple[str, Modes]] = field(default_factory=list)
    shares: dict[Key, Share] = field(default_factory=dict)
    fabrics: dict[Key, Fabric] = field(default_factory=dict)
    machines: dict[Key, Machine] = field(default_factory=dict)
    gates: dict[Key, Gate] = field(default_factory=dict)
    operation: dict[str, list[Operation]] = field(default_factory=dict)
    parameters: dict[Key, ParametersSchema] = field(default_factory=dict)
    defines: dict[Key, CheckedDefine] = field(default_factory=dict)
    classes: dict[Key, CheckedClass] = field(default_factory=dict)
    implied: dict[str, CheckedClass] = field(default_factory=dict)
    claims: dict[Key, CheckedClaim] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    tests: dict[str, tuple[CheckedTest, ...]] = field(default_factory=dict)
    properties: dict[str, tuple[CheckedProperty, ...]] = field(default_factory=dict)

    def declared(self, kind: str) -> Iterator[tuple[Scope, Declared]]:
        """Every declaration of one kind, in order of policies and position; of two of one name the first."""
        for policy in self.files:
            scope = self.scopes[policy]
            for entry in scope.spaces[policy].values():
                if entry.kind == kind:
                    yield scope, entry


def words(span: Span) -> str:
    """The text of a span on one line: white space outside quotes is one space, comments are left out.

    >>> from dra_policy.source import Source
    >>> words(Source("a.dra", 'ecc   # exact\\n  and "a  b" in  features').span(0, 39))
    'ecc and "a  b" in features'
    """
    parts: list[str] = []
    text = span.text
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            parts.append(text[at : end + 1])
            at = end + 1
        elif letter == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif letter.isspace():
            if parts and parts[-1] != " ":
                parts.append(" ")
            at += 1
        else:
            parts.append(letter)
            at += 1
    return "".join(parts).strip()


def kubernetes_name(text: str) -> str:
    """Help with a name that Kubernetes refuses: the nearest one that it takes."""
    better = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in text.lower()).strip("-.")
    if better and better != text and subdomain_problem(better) is None:
        return f"write `{better}`"
    return "write a short name of lower case letters, digits and `-`"


def said_by(text: Text | None) -> str:
    """The sentence of a `because`, or nothing."""
    return "" if text is None else text.value


def first_of_each(names: tuple[Name, ...], what: str, problems: Problems) -> tuple[Name, ...]:
    """The names without repetitions, which are reported."""
    first: dict[str, Name] = {}
    for name in names:
        if first.setdefault(name.text, name) is not name:
            problems.add("NAM003", f"{what} `{name.text}` is named twice", name.span, "remove one of the two")
    return tuple(first.values())
