"""What statements are about: boards by name, their models and modes, and what rules say of themselves."""

from __future__ import annotations

from collections.abc import Mapping

from dra_policy.language import tree
from dra_policy.language.boards import Board, Mode, Modes, Said
from dra_policy.language.checking import Checking, said_by
from dra_policy.language.schema import DeviceSchema, ModelSchema
from dra_policy.language.scope import DEVICE, MODEL, Scope
from dra_policy.source import Span


def find_board(checking: Checking, scope: Scope, name: tree.Name, wanted: str = "a device or model") -> Board | None:
    """The device or model of a name; None if there is none, which is reported."""
    found = scope.find(name, DEVICE, MODEL, wanted=wanted)
    if found is None:
        return None
    return checking.models.get(found.key) if found.kind == MODEL else checking.devices.get(found.key)


def only_board(checking: Checking, scope: Scope, name: tree.Name | None, span: Span) -> Board | None:
    """The device or model that a statement names, or the only device of its file."""
    if name is not None:
        return find_board(checking, scope, name)
    devices = [key for key in checking.devices if key[0] == scope.policy]
    if len(devices) == 1:
        return checking.devices[devices[0]]
    if not devices:
        # A device with a mistake is reported already.
        if not any(isinstance(statement, tree.Device) for statement in checking.files[scope.policy].statements):
            message = "the file declares no device that this is about"
            scope.problems.add("HWR001", message, span, "write `of` and a device")
    else:
        names = ", ".join(f"`{key[2]}`" for key in devices)
        scope.problems.add("HWR001", f"the file declares several devices: {names}", span, "write `of` and one of them")
    return None


def device_of(board: Board) -> DeviceSchema:
    """The schema of a board."""
    return board.device if isinstance(board, ModelSchema) else board


def models_of(checking: Checking, board: Board) -> list[ModelSchema]:
    """The models that a board stands for."""
    if isinstance(board, ModelSchema):
        return [board]
    return [model for model in checking.models.values() if model.device is board]


def said_of(said: tree.Said, default: str = "must") -> Said:
    """What a rule says of itself, with its default strength."""
    return Said(
        said_by(said.because),
        default if said.strength is None else said.strength.text,
        "" if said.enforced is None else said.enforced.text,
        said.negotiable,
    )


def modes_of(checking: Checking, board: Board) -> Mapping[str, Mode]:
    """The modes of a board: its own, else those of its device."""
    found = declared_modes(checking, board)
    return {} if found is None else found.modes


def declared_modes(checking: Checking, board: Board) -> Modes | None:
    """What is declared of the modes of a board, or else of its device."""
    for one in (board, device_of(board)):
        found = next((modes for _, modes in checking.modes if modes.board is one), None)
        if found is not None:
            return found
    return None


__all__ = ["declared_modes", "device_of", "find_board", "models_of", "modes_of", "only_board", "said_of"]
