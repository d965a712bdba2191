"""From text or tree to a program, remembered by text and environment."""

from __future__ import annotations

import threading
from typing import Literal as OneOf

from cachetools import LRUCache

from dra_policy.diagnostics import Diagnostic, in_order
from dra_policy.expression.checker import check
from dra_policy.expression.closures import Compiler
from dra_policy.expression.cost import BUDGET, Costs
from dra_policy.expression.cost.sizes import MOST
from dra_policy.expression.environment import Environment
from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.parser import MAX_DEPTH, parse
from dra_policy.expression.printer import to_cel
from dra_policy.expression.program import Program
from dra_policy.expression.reads import reads_of
from dra_policy.expression.tree import Expression, depth
from dra_policy.expression.typed import Typed
from dra_policy.expression.types import BOOL, INT, SEMVER, STRING, Kind, Type, is_dyn
from dra_policy.resources import Features
from dra_policy.source import Source

PurposeName = OneOf["selector", "derived"]

REMEMBERED = 4096
"""How many compiled texts are kept; longer texts than `LONGEST_REMEMBERED` are compiled every time."""
LONGEST_REMEMBERED = 10 * 1024

_Key = tuple[str, Environment, str]
_programs: LRUCache[_Key, Program | EvaluationError] = LRUCache(maxsize=REMEMBERED)
_lock = threading.Lock()


def compile_cel(
    source: Source, *, features: Features, kind: PurposeName = "selector", new: bool = False, any_cost: bool = False
) -> Program | EvaluationError:
    """The program of a CEL text, or what is wrong with it (CEL001 to CEL018) as a value.

    A selector must decide (bool, or a type known only while running: D6); a derived attribute gives a scalar or a
    list (N2). `new` asks for the stricter environment of admission, and for an estimated cost within the budget
    unless `any_cost` is set (D7). Stored expressions may have any estimate: the budget is watched while they run.

    >>> program = compile_cel(Source("selector", 'device.driver == "gpu.acme.com"'), features=Features())
    >>> program.text, sorted(map(str, program.reads))
    ('device.driver == "gpu.acme.com"', ['driver'])
    """
    key = (source.text, Environment.of(features, new=new), kind)
    with _lock:
        known = _programs.get(key)
    if known is None:
        known = _compile(source, key[1], kind)
        if len(source.text) <= LONGEST_REMEMBERED:
            with _lock:
                _programs[key] = known
    if isinstance(known, EvaluationError):
        return known.in_source(source)
    program = known.named(source)
    return _too_expensive(program) if new and not any_cost and known.cost > BUDGET else program


def _too_expensive(program: Program) -> EvaluationError:
    shown = "without bound" if program.cost == MOST else f"{program.cost:,}"
    message = f"the estimated cost is {shown}, more than {BUDGET:,}"
    wrong = Diagnostic("CEL018", message, program.tree.span, "go through shorter lists, or compare shorter texts")
    return EvaluationError(_words([wrong]), wrong.span, (wrong,))


def compile_tree(
    tree: Expression, features: Features, *, kind: PurposeName = "selector", source: Source | None = None
) -> Program:
    """The program of a tree that the policy language made; its text is the printed tree.

    Raises `EvaluationError` for a tree that does not type check: a defect of who made it.
    """
    if depth(tree) > MAX_DEPTH:
        raise EvaluationError(f"the expression nests deeper than {MAX_DEPTH}", tree.span)
    text = to_cel(tree)
    span = tree.span
    where = source or (Source("expression", text) if span is None else span.source)
    made = _checked(tree, text, where, Environment.of(features), kind)
    if isinstance(made, EvaluationError):
        raise made
    return made


def _compile(source: Source, environment: Environment, kind: PurposeName) -> Program | EvaluationError:
    tree = parse(source)
    if isinstance(tree, Diagnostic):
        return EvaluationError(_words([tree]), tree.span, (tree,))
    return _checked(tree, source.text, source, environment, kind)


def _checked(
    tree: Expression, text: str, source: Source, environment: Environment, kind: PurposeName
) -> Program | EvaluationError:
    typed, found = check(tree, environment)
    if not found:
        found = _result(typed, environment, kind)
    if not found:
        compiler = Compiler()
        run = compiler.compile(typed, {})
        found = compiler.found
        if not found:
            return Program(text, source, typed.type, reads_of(typed), tree, Costs(typed), run, compiler.variables)
    ordered = in_order(found)
    return EvaluationError(_words(ordered), ordered[0].span, ordered)


def _words(found: tuple[Diagnostic, ...] | list[Diagnostic]) -> str:
    return "compilation failed: " + "; ".join(d.message for d in found)


def _result(typed: Typed, environment: Environment, kind: PurposeName) -> list[Diagnostic]:
    of = typed.type
    if kind == "selector":
        if of == BOOL or is_dyn(of):
            return []
        message = f"a selector must be a condition, not a value of type `{of}`"
        return [Diagnostic("CEL013", message, typed.node.span, _decide_help(of))]
    if is_dyn(of) or of in _SCALARS:
        return []
    if (
        environment.list_type_attributes
        and of.kind is Kind.LIST
        and (is_dyn(of.parameters[0]) or of.parameters[0] in _SCALARS)
    ):
        return []
    also = " or a list of these" if environment.list_type_attributes else ""
    message = f"a derived attribute is a text, int, bool or semver{also}, not a value of type `{of}`"
    return [Diagnostic("CEL013", message, typed.node.span)]


_SCALARS: tuple[Type, ...] = (STRING, INT, BOOL, SEMVER)


def _decide_help(of: Type) -> str:
    if of.name == "kubernetes.Quantity":
        return 'compare it: amount.compareTo(quantity("...")) >= 0'
    return "compare it with something"
