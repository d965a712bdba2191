"""Set-ups: what a driver does and edits for each device, request, claim and container, and how it undoes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute, has_unit, look_up
from dra_policy.language.boards import Board
from dra_policy.language.checked import CheckedCondition
from dra_policy.language.checking import Checking
from dra_policy.language.conditions import joined_condition
from dra_policy.language.configured import Configured
from dra_policy.language.constants import constant
from dra_policy.language.hardware import (
    Edit,
    Setup,
    SetupScope,
    Step,
)
from dra_policy.language.modes import device_of, find_board
from dra_policy.language.schema import DeviceSchema, FieldSchema
from dra_policy.language.scope import Problems, Scope
from dra_policy.language.templates import split, two_readings
from dra_policy.language.types import DURATION, SetType

KUBELET_DEADLINE = Fraction(45)
"""Seconds that the kubelet gives a plugin to prepare a claim; longer work is a binding condition."""

EACH = ("device", "request", "claim", "container")

PLACEHOLDERS = {
    "claim": "the name of the claim",
    "claim_uid": "the UID of the claim",
    "namespace": "the namespace of the claim",
    "request": "the name of the request",
    "device": "the name of the device",
    "pool": "the name of the device's pool",
    "node": "the name of the node",
    "place": "the place of the device among those of its claim",
}
"""What templates may name beside attributes of the device and fields of its parameters."""

STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
"""When runtimes call hooks (CDI)."""

CAPABILITIES = (
    *("AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN"),
    *("DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE"),
    *("LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST"),
    *("NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT"),
    *("SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG"),
    "WAKE_ALARM",
)
"""The capabilities of Linux as pods write them."""

_OF_ONE = ("device", "pool", "place")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

MOST_NUMBERS = 4096
"""Device nodes of one range: a container has all of them."""


def read_setup(checking: Checking, scope: Scope, statement: tree.Setup) -> Setup | None:
    board = find_board(checking, scope, statement.of)
    if board is None:
        return None
    scopes: list[SetupScope] = []
    steps: list[Step] = []
    for member in statement.members:
        if isinstance(member, tree.Step):
            steps.append(_step(checking, scope, board, member))
            continue
        each = member.each.text
        if each not in EACH:
            help_ = scope.problems.hint(each, EACH, "write `device`, `request`, `claim` or `container`")
            scope.problems.add("SET004", f"nothing is set up for each `{each}`", member.each.span, help_)
            continue
        edits: list[Edit] = []
        inner: list[Step] = []
        for edit in member.members:
            if isinstance(edit, tree.Step):
                inner.append(_step(checking, scope, board, edit))
            else:
                edits.append(_edit(checking, scope, board, edit, each))
        scopes.append(SetupScope(each, tuple(edits), tuple(inner), member.span))
    _one_of_a_name(checking, device_of(board), scopes, scope)
    return Setup(board, tuple(scopes), tuple(steps), statement.span)


def _edit(
    checking: Checking,
    scope: Scope,
    board: Board,
    written: tree.DeviceNode | tree.Environment | tree.Mount | tree.Hook | tree.Capability,
    each: str,
) -> Edit:
    problems = scope.problems
    device = device_of(board)
    when = None if written.when is None else _when(checking, scope, device, written.when)
    number, numbers = "", range(0)
    if isinstance(written, tree.DeviceNode) and written.numbered is not None:
        number, numbers = _numbers(checking, scope, device, written, written.numbered)

    def text(of: tree.Text | None, *, path: bool = False) -> str:
        if of is None:
            return ""
        _templates(checking, scope, device, of, each, number)
        if path and not of.value.startswith("/"):
            help_ = f'write "/{of.value.lstrip("./")}"'
            help_ += ": what stands for it has no `/` at its beginning" if of.value.startswith("{") else ""
            problems.add("SET005", f'"{of.value}" is no absolute path', of.span, help_)
        return of.value

    match written:
        case tree.DeviceNode():
            permissions = "" if written.permissions is None else written.permissions.value
            if written.permissions is not None and not re.fullmatch(r"r?w?m?", permissions):
                message = f'"{permissions}" are no permissions of a device node'
                problems.add("SET005", message, written.permissions.span, 'write some of r, w and m, such as "rw"')
            target, source = text(written.path, path=True), text(written.host, path=True)
            allowed = (permissions,) if permissions else ()
            return Edit("node", target, source, None, allowed, when, written.span, "", number, numbers)
        case tree.Environment():
            template = written.value
            joined, parameter = None, ""
            if template.joined is not None:
                parameter = _joined_parameter(checking, scope, device, template.joined)
                joined = None if parameter else find_attribute(device, template.joined, scope)
            name, source = _variable(written.name, text, problems), text(template.text)
            return Edit("env", name, source, joined, (), when, written.span, parameter)
        case tree.Mount():
            host = text(written.host, path=True)
            container = text(written.container, path=True) or host
            options = tuple(text(option) for option in written.options)
            return Edit("mount", container, host, None, options, when, written.span)
        case tree.Capability():
            _capability(scope, written, each)
            return Edit("capability", written.name.text, "", None, (), when, written.span)
        case tree.Hook():
            if written.stage.text not in STAGES:
                help_ = problems.hint(written.stage.text, STAGES, f"write {', '.join(f'`{one}`' for one in STAGES)}")
                problems.add("SET005", f"no runtime calls hooks at `{written.stage.text}`", written.stage.span, help_)
            arguments = tuple(text(argument) for argument in written.arguments)
            return Edit("hook", written.stage.text, text(written.path, path=True), None, arguments, when, written.span)


def _numbers(
    checking: Checking, scope: Scope, device: DeviceSchema, node: tree.DeviceNode, written: tree.Numbered
) -> tuple[str, range]:
    """The name that stands for each number of a node, and the numbers."""
    problems, name = scope.problems, written.name.text
    first, last = written.first.value, written.last.value
    other = look_up(device, name, scope) or _fields(checking, device).get(name)
    if other is not None or name in PLACEHOLDERS:
        meaning = PLACEHOLDERS.get(name, "declared already")
        note = () if other is None else (Related(other.span, "declared here"),)
        problems.add("SET011", f"`{{{name}}}` is {meaning}", written.name.span, "name the numbers otherwise", *note)
    elif name not in _PLACEHOLDER.findall(node.path.value):
        message = f"all {last - first + 1} nodes would have one path"
        problems.add("SET006", message, written.name.span, f"write `{{{name}}}` in the path")
    if not first <= last < first + MOST_NUMBERS:
        wrong = "the range runs backwards" if last < first else f"{last - first + 1} nodes are more than {MOST_NUMBERS}"
        problems.add("SET005", wrong, written.span, "write the first number and the last one")
        return name, range(first, first)
    return name, range(first, last + 1)


def _when(checking: Checking, scope: Scope, device: DeviceSchema, written: tree.Condition) -> CheckedCondition | None:
    """A condition on the device, published or not, and on what the parameters of its claim say."""
    configured = Configured.of(device, checking.parameters.values())
    return joined_condition(checking, scope, device, written, private=True, configured=configured)


def _joined_parameter(checking: Checking, scope: Scope, device: DeviceSchema, name: tree.Name) -> str:
    """The field of parameters of which `join` means the values; empty where it means an attribute."""
    field = _fields(checking, device).get(name.text)
    attribute = look_up(device, name.text, scope)
    if field is None or attribute is not None:
        if field is not None:
            message = f"`{name.text}` is an attribute of the device and a field of its parameters"
            note = Related(field.span, "the field is declared here")
            scope.problems.add("SET011", message, name.span, "rename one of the two", note)
        return ""
    if not isinstance(field.type, SetType):
        message = f"`{name.text}` is {field.type}, and there is nothing to join"
        note = Related(field.span, "declared here")
        scope.problems.add("SET006", message, name.span, f'write "{{{name.text}}}"', note)
    return field.name


def _fields(checking: Checking, device: DeviceSchema) -> dict[str, FieldSchema]:
    """The fields of all parameters of a device."""
    return {
        name: field
        for parameters in checking.parameters.values()
        if parameters.device is device
        for name, field in parameters.fields.items()
    }


def _variable(name: tree.Name | tree.Text, read: Callable[[tree.Text], str], problems: Problems) -> str:
    """The name of an environment variable, or its template."""
    if isinstance(name, tree.Name):
        return name.text
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", _PLACEHOLDER.sub("_", name.value)):
        message = f'"{name.value}" is no name of an environment variable'
        problems.add("SET005", message, name.span, "write letters, digits, `_` and placeholders")
    return read(name)


def _capability(scope: Scope, written: tree.Capability, each: str) -> None:
    """A capability is one that Linux has, and is the container's."""
    problems, name = scope.problems, written.name.text
    if each != "container":
        message = f"capability `{name}` is said for each {each}, and it is a container that has one"
        problems.add("SET010", message, written.name.span, "write it in `for each container`")
    plain = name.upper().removeprefix("CAP_")
    if name not in CAPABILITIES:
        known = f"write `{plain}`" if plain in CAPABILITIES else "see capabilities(7); pods write it without `CAP_`"
        help_ = known if plain in CAPABILITIES else problems.hint(name, CAPABILITIES, known)
        problems.add("SET010", f"Linux has no capability `{name}`", written.name.span, help_)


def _templates(
    checking: Checking, scope: Scope, device: DeviceSchema, of: tree.Text, each: str, number: str = ""
) -> None:
    """Every placeholder stands for something, and for one thing only; `number` is what numbers of a node are called."""
    problems = scope.problems
    fields = _fields(checking, device)
    for found in _PLACEHOLDER.finditer(of.value):
        name, unit = split(found.group(1))
        if number and found.group(1) == number:
            continue
        field, attribute = fields.get(name), look_up(device, name, scope)
        other = attribute or field
        if not has_unit(other, name, unit, of.span, problems):
            continue
        if name in PLACEHOLDERS and other is not None:
            message, help_ = two_readings(name, PLACEHOLDERS[name])
            help_ = help_ if attribute is not None else f"rename the field; `{{{name}}}` stays {PLACEHOLDERS[name]}"
            problems.add("SET011", message, of.span, help_, Related(other.span, "declared here"))
        elif attribute is not None and field is not None:
            message = f"`{{{name}}}` is an attribute of the device and a field of its parameters"
            note = Related(field.span, "the field is declared here")
            problems.add("SET011", message, of.span, "rename one of the two", note)
        elif each in ("claim", "container") and (attribute is not None or name in _OF_ONE):
            message = f"`{{{name}}}` is another one for each device of a claim"
            help_ = "write it in `for each device`, or join values"
            problems.add("SET006", message, of.span, help_)
        elif name not in PLACEHOLDERS and other is None:
            known = (*PLACEHOLDERS, *fields, *device.attributes)
            help_ = "placeholders are attributes, fields of parameters, `claim_uid` and such"
            problems.add("SET006", f"`{{{name}}}` stands for nothing here", of.span, problems.hint(name, known, help_))


def _one_of_a_name(checking: Checking, device: DeviceSchema, scopes: Sequence[SetupScope], scope: Scope) -> None:
    """What each device has of its own needs a name of its own: a claim with several devices has one container.

    Of parameters all devices of a request have the same.
    """
    of_all = set(PLACEHOLDERS).difference(_OF_ONE)
    fields = _fields(checking, device)
    for setup_scope in scopes:
        if setup_scope.each not in ("device", "request"):
            continue
        same = of_all - {"request"} if setup_scope.each == "request" else of_all
        for edit in setup_scope.edits:
            named = {split(text)[0] for text in _PLACEHOLDER.findall(edit.target)}
            if edit.kind not in ("env", "node", "mount") or not named <= same.union(fields, {edit.number}):
                continue
            if edit.kind == "env" and _PLACEHOLDER.search(edit.source):
                message = (
                    f"a claim with several devices would set `{edit.target}` several times, and the last one stays"
                )
                help_ = f'write it in `for claim`, joined: `env {edit.target} = join(uuid, ",")`'
                help_ += f', or name one for each: `env "{edit.target}_{{place}}" = ...`'
                if "{" in edit.target:
                    help_ = "write `{place}` in its name, the device's place among those of the claim"
                scope.problems.add("SET007", message, edit.span, help_)
                continue
            files = {split(text)[0] for text in _PLACEHOLDER.findall(edit.source)} - same - {edit.number}
            if edit.kind != "env" and any(one in _OF_ONE or look_up(device, one, scope) is not None for one in files):
                message = f"a claim with several devices would have several of them at `{edit.target}`"
                help_ = (
                    "write `{place}` in its path, the device's place among those of the claim, or what tells it apart"
                )
                scope.problems.add("SET007", message, edit.span, help_)


def _step(checking: Checking, scope: Scope, board: Board, written: tree.Step) -> Step:
    problems = scope.problems
    device = device_of(board)
    when = None if written.when is None else _when(checking, scope, device, written.when)
    for text in (written.run, written.undo):
        if text is not None:
            _templates(checking, scope, device, text, "device")
    if written.undo is None:
        help_ = 'write `undo "..."`; where nothing is left to undo, write `undo "true"`'
        problems.add("SET008", f"nothing undoes step `{written.name.text}`", written.name.span, help_)
    deadline = seconds(written.deadline, scope)
    if deadline is not None and deadline > KUBELET_DEADLINE and written.deadline is not None:
        message = f"the kubelet waits {KUBELET_DEADLINE} s at most for a claim to be prepared, or given back"
        help_ = "let the device be bound when it is ready: `binds when ... within ...`"
        if written.undo is not None:
            help_ += "; what takes long to undo is done behind a taint: `health` with an event that clears"
        problems.add("SET009", message, written.deadline.span, help_)
    undo = "" if written.undo is None else written.undo.value
    return Step(written.name.text, written.run.value, undo, written.idempotent, deadline, when, written.span)


def seconds(written: tree.Amount | None, scope: Scope) -> Fraction | None:
    if written is None:
        return None
    found = constant(written, DURATION, "this time", scope.problems, None)
    return found.value if found is not None and isinstance(found.value, Fraction) else None


__all__ = ["KUBELET_DEADLINE", "read_setup", "seconds"]
