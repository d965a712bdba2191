"""What modes and profiles give beside their board: values, and texts in braces that become values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from types import MappingProxyType

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute, has_unit, look_up
from dra_policy.language.boards import Board
from dra_policy.language.checking import Checking
from dra_policy.language.finding import device_of, models_of
from dra_policy.language.models import constants_of
from dra_policy.language.schema import AttributeSchema, ModelValue, element_of
from dra_policy.language.scope import Scope
from dra_policy.language.templates import NUMBERS, PLACES, is_template, lone, placeholders, split, units_of
from dra_policy.language.types import TEXT, Constant, IntType, SetType, TextType


def given_values(
    checking: Checking, scope: Scope, board: Board, written: Iterable[tree.Given], places: Collection[str] = PLACES
) -> Mapping[str, ModelValue]:
    """What is given; braces may hold `places` and attributes of the board."""
    problems = scope.problems
    found: dict[str, ModelValue] = {}
    for given in written:
        attribute = find_attribute(device_of(board), given.name, scope)
        if attribute is None:
            continue
        if attribute.name in found:
            note = Related(found[attribute.name].span, "first given here")
            problems.add("NAM003", f"`{attribute.name}` is given already", given.name.span, "remove one", note)
            continue
        constants = _templates(scope, board, attribute, given)
        if constants is None:
            constants = constants_of(attribute, given.values, given.span, problems)
        if not constants:
            continue
        if attribute.is_capacity:
            _not_more(checking, scope, board, attribute, constants[0])
        attributes = device_of(board).attributes
        known = (*places, *attributes)
        for constant_ in constants:
            for placeholder in placeholders(str(constant_.value)) if is_template(constant_) else ():
                name, unit = split(placeholder)
                if name in known:
                    has_unit(attributes.get(name), name, unit, given.span, problems)
                else:
                    help_ = problems.hint(name, known, "write an attribute of the board, `profile` or `parent`")
                    problems.add("SET006", f"`{{{name}}}` stands for nothing here", given.span, help_)
        found[attribute.name] = ModelValue(attribute, constants, Fraction(0), given.span)
    return MappingProxyType(found)


def _templates(
    scope: Scope, board: Board, attribute: AttributeSchema, given: tree.Given
) -> tuple[Constant, ...] | None:
    """Texts in braces for what is no text: `parent "{device_id}"`, `cores "{positions}"`.

    None where nothing is in braces; nothing where what is in them cannot be such a value, which is reported.
    """
    element = element_of(attribute.type)
    several = isinstance(attribute.type, SetType)
    written = [one for one in given.values if isinstance(one, tree.Text) and list(placeholders(one.value))]
    if not written or (isinstance(element, TextType) and not several):
        return None
    found: list[Constant] = []
    for one in given.values:
        if one not in written:
            return None
        assert isinstance(one, tree.Text)  # Invariant: see above
        name, unit = split(lone(one.value))
        other = look_up(device_of(board), name, scope) if name else None
        fits = other is not None and not unit and other.type in (attribute.type, element)
        fits = fits or (other is not None and unit in units_of(other.type) and isinstance(element, IntType))
        fits = fits or (name in NUMBERS and isinstance(element, IntType))
        fits = fits or (name == "positions" and several and isinstance(element, IntType | TextType))
        fits = fits or (isinstance(element, TextType) and name != "positions")
        if not fits:
            message = f"`{attribute.name}` is {attribute.type}, and `{one.value}` cannot be told to be such a value"
            help_ = f"write an attribute of the same type in braces, alone, or {', '.join(f'`{n}`' for n in NUMBERS)}"
            note = Related(attribute.span, "declared here")
            scope.problems.add("TYP001", message, one.span, help_, note)
            return ()
        found.append(Constant(TEXT, one.value, one.span))
    return tuple(found)


def _not_more(checking: Checking, scope: Scope, board: Board, attribute: AttributeSchema, given: Constant) -> None:
    """A part has no more of a capacity than its board."""
    for model in models_of(checking, board):
        whole = model.values.get(attribute.name)
        if whole is None or not isinstance(given.value, Fraction):
            continue
        has = whole.constants[0].value
        most = has * (1 + whole.tolerance) if isinstance(has, Fraction) else None
        if most is not None and given.value > most:
            note = Related(whole.span, f"model `{model.name}` has this much")
            message = f"a part with more `{attribute.name}` than its board `{model.name}`"
            scope.problems.add("HWR008", message, given.span, "give it less", note)
            return


__all__ = ["given_values"]
