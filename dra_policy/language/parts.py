"""What may be asked for: a class, a device, a model, a mode with one of its profiles, or a share.

Whatever is no declared class becomes one of its own, named after what it is of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.boards import Board, Mode, Part, Share
from dra_policy.language.checked import CheckedClass
from dra_policy.language.checking import Checking
from dra_policy.language.modes import device_of, find_board, modes_of
from dra_policy.language.schema import DeviceSchema, ModelSchema
from dra_policy.language.scope import CLASS, DEVICE, MODEL, SHARE, Scope
from dra_policy.language.telling import told_apart
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class Meant:
    """What a target stands for."""

    device: DeviceSchema
    model: ModelSchema | None
    part: Part | None


def meaning(checking: Checking, scope: Scope, target: tree.Target) -> Meant | None:
    """What a target stands for that is no class; None if it is wrong, which is reported."""
    name = target.name
    for kind, found in (
        (SHARE, scope.peek(name.text, SHARE)),
        (MODEL, scope.peek(name.text, MODEL)),
        (DEVICE, scope.peek(name.text, DEVICE)),
    ):
        if found is None:
            continue
        if target.profile is not None:
            message = f"`{name.text}` is a {kind} and has no profiles"
            help_ = "only a mode of partitions has them"
            scope.problems.add("HWR006", message, target.profile.span, help_, Related(found.name.span, "declared here"))
            return None
        if kind == SHARE:
            share = checking.shares.get(found.key)
            return None if share is None else meant_by(share)
        board: Board | None = checking.models.get(found.key) if kind == MODEL else checking.devices.get(found.key)
        if board is None:
            return None
        return Meant(device_of(board), board if isinstance(board, ModelSchema) else None, None)
    of_board = _dotted(scope, name)
    if of_board is not None:
        return _of_board(checking, scope, target, *of_board)
    modes = _modes(checking, scope, name.text)
    if not modes:
        # Where a class is taken too, its name was looked for before.
        others = "device, model, mode or share"
        is_class = scope.peek(name.text, CLASS) is not None
        scope.find(name, DEVICE, MODEL, wanted=f"a {others}" if is_class else f"a class, {others}")
        return None
    return _of_modes(checking, scope, target, modes)


def _dotted(scope: Scope, name: tree.Name) -> tuple[tree.Name, tree.Name] | None:
    """`H100.mig` as the names of a device or model and of what it is asked for as; None for a name of another kind."""
    head, dot, last = name.text.rpartition(".")
    if not dot or all(scope.peek(head, kind) is None for kind in (MODEL, DEVICE)):
        return None
    span = name.span
    middle = span.start + len(head)
    board = tree.Name(head, Span(span.source, span.start, middle))
    return board, tree.Name(last, Span(span.source, middle + 1, span.end))


def _of_board(checking: Checking, scope: Scope, target: tree.Target, name: tree.Name, mode: tree.Name) -> Meant | None:
    """`H100.mig "1g.10gb"`: a mode or share of one device or model; None if it is wrong, which is reported."""
    board = find_board(checking, scope, name)
    if board is None:
        return None
    device, model = device_of(board), board if isinstance(board, ModelSchema) else None
    declared = modes_of(checking, board)
    if mode.text in declared:
        found = _of_modes(checking, scope, target, [declared[mode.text]])
        if found is None or found.part is None:
            return None
        return Meant(device, model, replace(found.part, boards=(board,)))
    shares = [one for one in checking.shares.values() if one.board is board or one.board is device]
    share = next((one for one in shares if one.name == mode.text), None)
    if share is None:
        known = dict.fromkeys((*declared, *(one.name for one in shares)))
        otherwise = "it has " + ", ".join(f"`{one}`" for one in known) if known else "it has no modes and no shares"
        help_ = scope.problems.hint(mode.text, known, otherwise)
        message = f"`{board.name}` has no mode or share `{mode.text}`"
        scope.problems.add("HWR006", message, mode.span, help_, Related(board.span, "declared here"))
        return None
    if target.profile is not None:
        message = f"`{mode.text}` is a share and has no profiles"
        help_ = "only a mode of partitions has them"
        scope.problems.add("HWR006", message, target.profile.span, help_, Related(share.span, "declared here"))
        return None
    found = meant_by(share)
    return found if found.part is None else Meant(device, model, replace(found.part, boards=(board,)))


def meant_by(share: Share) -> Meant:
    """The devices of a share."""
    board = share.board
    modes = () if share.mode is None else (share.mode,)
    model = board if isinstance(board, ModelSchema) else None
    return Meant(device_of(board), model, Part(share.name, (board,), modes, "", share))


def _modes(checking: Checking, scope: Scope, text: str) -> list[Mode]:
    """The modes of a name that the file sees; `H100.mig` is that of one board."""
    visible = {scope.policy, *scope.imports}
    found: list[Mode] = []
    for policy, modes in checking.modes:
        if policy not in visible:
            continue
        own = modes.modes.values()
        found += [mode for mode in own if text in (mode.name, f"{modes.board.name}.{mode.name}")]
    return found


def _of_modes(checking: Checking, scope: Scope, target: tree.Target, modes: Sequence[Mode]) -> Meant | None:
    name = target.name
    devices = {id(device_of(mode.board)): device_of(mode.board) for mode in modes}
    if len(devices) > 1:
        several = len({mode.board.name for mode in modes}) < len(devices)
        owners = [(policy, own) for policy, one in checking.modes for own in one.modes.values() if own in modes]
        ways = " or ".join(f"`{f'{policy}.' if several else ''}{own.board.name}.{own.name}`" for policy, own in owners)
        scope.problems.add("NAM013", f"boards of several drivers have a mode `{name.text}`", name.span, f"write {ways}")
        return None
    device = next(iter(devices.values()))
    profile = ""
    if target.profile is not None:
        profile = target.profile.value
        having = [mode for mode in modes if profile in mode.profiles]
        if not having:
            known = [one for mode in modes for one in mode.profiles]
            otherwise = "its profiles are " + ", ".join(f'"{one}"' for one in dict.fromkeys(known)) if known else ""
            help_ = scope.problems.hint(profile, known, otherwise or "it has none")
            message = f'mode `{name.text}` has no profile "{profile}"'
            scope.problems.add("HWR006", message, target.profile.span, help_)
            return None
        modes = having
    boards = tuple(mode.board for mode in modes)
    model = boards[0] if len(boards) == 1 and isinstance(boards[0], ModelSchema) else None
    shares = checking.shares.values()
    # A share of the whole board makes every device of it one that is shared.
    unshared = any(one.mode in modes for one in shares) and not any(
        one.mode is None and any(_have_common(one.board, board) for board in boards) for one in shares
    )
    part = Part(name.text, boards, tuple(modes), profile, None, unshared)
    return Meant(device, model, told_apart(checking, part, target.span, scope.problems))


def _have_common(one: Board, other: Board) -> bool:
    """Whether a device can be of both."""
    return one is other or one is device_of(other) or device_of(one) is other


def class_of_target(checking: Checking, scope: Scope, target: tree.Target) -> CheckedClass | None:
    """The class that a request goes to; None if there is none, which is reported."""
    found = scope.peek(target.name.text, CLASS)
    if found is not None:
        if target.profile is not None:
            message = f"`{target.name.text}` is a class and has no profiles"
            scope.problems.add("HWR006", message, target.profile.span, "write the class alone")
            return None
        return checking.classes.get(found.key)
    if _is_known(checking, scope, target):
        meant = meaning(checking, scope, target)
        return None if meant is None else _implied(checking, scope, target, meant)
    scope.find(target.name, CLASS, wanted="a class")
    return None


def _is_known(checking: Checking, scope: Scope, target: tree.Target) -> bool:
    text = target.name.text
    declared = any(scope.peek(text, kind) is not None for kind in (SHARE, MODEL, DEVICE))
    return declared or _dotted(scope, target.name) is not None or bool(_modes(checking, scope, text))


def _implied(checking: Checking, scope: Scope, target: tree.Target, meant: Meant) -> CheckedClass | None:
    """The class of its own; one for all requests that mean the same."""
    name = implied_name(target)
    known = checking.implied.get(name)
    if known is not None:
        same = (known.device, known.model) == (meant.device, meant.model) and _alike(known.part, meant.part)
        if same:
            return known
    declared = next((one for one in checking.classes.values() if one.name == name), None)
    if known is not None or declared is not None:
        other = known or declared
        assert other is not None  # Invariant: one of the two is there
        message = f"this needs a class of its own, and `{name}` is the name of another"
        help_ = f"declare `class some-name of {target.span.text}` and ask for that"
        scope.problems.add("NAM003", message, target.span, help_, Related(other.span, "the other one"))
        return None
    made = CheckedClass(name, scope.policy, meant.device, meant.model, meant.part, (), (), (), "", True, target.span)
    checking.implied[name] = made
    return made


def _alike(one: Part | None, other: Part | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.modes, one.profile, one.share) == (other.modes, other.profile, other.share)


def implied_name(target: tree.Target) -> str:
    """A name that Kubernetes takes: `mig "1g.10gb"` becomes `mig-1g.10gb`.

    >>> from dra_policy.source import Source
    >>> span = Source("a", "").span(0, 0)
    >>> implied_name(tree.Target(tree.Name("time_slice", span), None, span))
    'time-slice'
    """
    text = target.name.text if target.profile is None else f"{target.name.text}-{target.profile.value}"
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


__all__ = ["Meant", "class_of_target", "implied_name", "meaning", "meant_by"]
