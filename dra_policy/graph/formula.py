"""A condition taken apart at its `&&`, `||` and `!`, so that conditions share what they have in common.

`driver == "d" && model == "m" && serial == "s"` has as many shapes of devices as there are serial numbers, and nobody
else asks for just these three. Its atoms have few, or are asked for by others too. CEL makes this exact: `&&` and
`||` do not depend on order, false decides `&&` and true decides `||` whatever else is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from dra_policy.expression import EvaluationError, Program, compile_tree
from dra_policy.expression.cost import BUDGET
from dra_policy.expression.tree import AND, NOT, OR, Call, Comprehension, Expression, walk
from dra_policy.resources.features import Features

MOST_ATOMS = 64
DEEPEST = 16
"""Below this many levels, and beyond this many atoms, a condition stays in one piece."""

DEAREST = BUDGET // 10
"""A condition that may come near the budget stays in one piece too: the budget is that of the whole (D7)."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A condition that is evaluated as it is."""

    program: Program


@dataclass(frozen=True, slots=True)
class Junction:
    """All parts (`&&`), or any of them (`||`)."""

    every: bool
    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    part: Formula


Formula: TypeAlias = Atom | Junction | Negation


def formula(program: Program, features: Features) -> Formula:
    """The formula of a program; an `Atom` where taking it apart gains nothing or would not be exact.

    Nothing is gained if all atoms read the same. Macros stay whole: the limit on their rounds holds for the whole
    evaluation (D7).

    >>> from dra_policy.expression import compile_cel
    >>> from dra_policy.source import Source
    >>> text = 'device.driver == "d" && !device.attributes["d"].shared'
    >>> program = compile_cel(Source("example", text), features=Features())
    >>> [atom.program.text for atom in atoms(formula(program, Features()))]
    ['device.driver == "d"', 'device.attributes["d"].shared']
    """
    tree = program.tree
    if not _is_joined(tree) or program.cost > DEAREST or any(isinstance(node, Comprehension) for node in walk(tree)):
        return Atom(program)
    try:
        made = _taken_apart(tree, features, DEEPEST)
    except EvaluationError:  # a part that means something only as a part
        return Atom(program)
    parts = list(atoms(made))
    if len(parts) > MOST_ATOMS or len({atom.program.reads for atom in parts}) < 2:
        return Atom(program)
    return made


def atoms(of: Formula) -> Iterator[Atom]:
    """The atoms of a formula, in the order written."""
    match of:
        case Atom():
            yield of
        case Negation():
            yield from atoms(of.part)
        case Junction():
            for part in of.parts:
                yield from atoms(part)


def clauses(program: Program, features: Features) -> tuple[Program, ...]:
    """The parts that a program joins by `&&`, in the order written; itself if it joins none."""
    parts: list[Expression] = []
    stack = [program.tree]
    while stack:
        tree = stack.pop()
        if isinstance(tree, Call) and tree.target is None and tree.function == AND:
            stack.extend(reversed(tree.args))
        else:
            parts.append(tree)
    if not 1 < len(parts) <= MOST_ATOMS:
        return (program,)
    try:
        return tuple(compile_tree(part, features) for part in parts)
    except EvaluationError:  # a part that means something only as a part
        return (program,)


def _is_joined(tree: Expression) -> bool:
    return isinstance(tree, Call) and tree.target is None and tree.function in (AND, OR, NOT)


def _taken_apart(tree: Expression, features: Features, levels: int) -> Formula:
    if not isinstance(tree, Call) or not _is_joined(tree) or levels == 0:
        return Atom(compile_tree(tree, features))
    parts = tuple(_taken_apart(part, features, levels - 1) for part in tree.args)
    return Negation(parts[0]) if tree.function == NOT else Junction(tree.function == AND, parts)


__all__ = ["Atom", "Formula", "Junction", "Negation", "atoms", "clauses", "formula"]
