"""The kinds of devices that policies declare: each model, in each of its modes, as what is known of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from dra_policy.language.boards import Modes, Part
from dra_policy.language.checked import CheckedClass, CheckedPolicies
from dra_policy.language.lowering import part_values
from dra_policy.language.parts import Meant
from dra_policy.language.schema import DeviceSchema, ModelSchema, ModelValue
from dra_policy.language.types import Constant, SetType
from dra_policy.lint.reasoning import Cube, values_of
from dra_policy.lint.values import Amounts, Interval, Texts, Values


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """A model, or one mode or profile of it."""

    words: str
    model: ModelSchema
    values: Mapping[str, ModelValue]
    cube: Cube


def kinds_of(policies: CheckedPolicies) -> dict[DeviceSchema, list[Kind]]:
    """What devices of each schema there are."""
    boards: dict[int, Modes] = {}
    for policy in policies:
        for one in policy.hardware.modes:
            boards.setdefault(id(one.board), one)
    found: dict[DeviceSchema, list[Kind]] = {device: [] for policy in policies for device in policy.devices.values()}
    for policy in policies:
        for model in policy.models.values():
            modes = boards.get(id(model)) or boards.get(id(model.device))
            found[model.device] += _of_model(modes, model)
    return found


def _of_model(modes: Modes | None, model: ModelSchema) -> Iterator[Kind]:
    if modes is None:
        yield Kind(model.name, model, model.values, _cube(model.values.values()))
        return
    for mode in modes.modes.values():
        for profile in mode.profiles or ("",):
            # Modes of a device are those of each of its models.
            values = part_values(Part(mode.name, (model,), (mode,), profile, None))[0]
            words = f'{mode.name} "{profile}" of {model.name}' if profile else f"{mode.name} of {model.name}"
            missing = [
                one
                for one in model.device.attributes.values()
                if one.is_capacity and mode.partition and one.name not in values
            ]
            cube = dict(_cube(values.values()))
            cube |= {("present", one): Texts(frozenset((False,)), universe=frozenset((True, False))) for one in missing}
            yield Kind(words, model, values, cube)


def _cube(values: Iterable[ModelValue]) -> Cube:
    """What a device of such values publishes for sure; an amount lies within its tolerance."""
    found: dict[object, Values] = {}
    for value in values:
        found["present", value.attribute] = Texts(frozenset((True,)), universe=frozenset((True, False)))
        if isinstance(value.attribute.type, SetType):
            for one in value.constants:
                found["in", value.attribute, one.value] = Texts(frozenset((True,)), universe=frozenset((True, False)))
            continue
        amount = value.constants[0].value
        if value.tolerance and isinstance(amount, Fraction):
            low, high = amount * (1 - value.tolerance), amount * (1 + value.tolerance)
            found["value", value.attribute] = Amounts((Interval(low, high),))
            continue
        exact = values_of(value.attribute.type, value.constants)
        if exact is not None:
            found["value", value.attribute] = exact
    return found


def concerned(kinds: Iterable[Kind], of: CheckedClass | Meant) -> list[Kind]:
    """The kinds that a class, or what a rule is about, may be given."""
    part = of.part
    if part is not None:
        found = []
        for kind in kinds:
            for number, board in enumerate(part.boards):
                mode = part.modes[number] if part.modes else None
                fits = board is kind.model or board is kind.model.device
                if not fits:
                    continue
                begin = "" if mode is None else f'{mode.name} "{part.profile}"' if part.profile else mode.name
                if mode is None or kind.words.startswith((f"{begin} of", f"{begin} ")):
                    found.append(kind)
        return list(dict.fromkeys(found)) if found else []
    if of.model is not None:
        return [kind for kind in kinds if kind.model is of.model]
    return list(kinds)


def constant_of(kind: Kind, name: str) -> Constant | None:
    """The one value of an attribute of a kind; None if it has none, or may have several."""
    value = kind.values.get(name)
    return None if value is None or value.tolerance or len(value.constants) != 1 else value.constants[0]


__all__ = ["Kind", "concerned", "constant_of", "kinds_of"]
