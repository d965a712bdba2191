"""The passes over what happens around a device: gates, waiting, costs, health, and the set-up of containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import find_attribute, has_unit, look_up
from dra_policy.language.boards import Board
from dra_policy.language.checking import Checking, words
from dra_policy.language.conditions import joined_condition
from dra_policy.language.constants import constant
from dra_policy.language.hardware import (
    Advertised,
    Binding,
    Cost,
    Edit,
    Event,
    Gate,
    GateNeed,
    Health,
    Operation,
    Setup,
    SetupScope,
    Step,
)
from dra_policy.language.machines import reach, taint_of
from dra_policy.language.modes import device_of, find_board, find_mode, only_board
from dra_policy.language.schema import DeviceSchema, FieldSchema, element_of
from dra_policy.language.scope import GATE, PARAMETERS, Problems, Scope
from dra_policy.language.templates import split, two_readings
from dra_policy.language.types import COUNT, DURATION, AmountType, SetType
from dra_policy.resources import key_problem
from dra_policy.source import Span

KUBELET_DEADLINE = Fraction(45)
"""Seconds that the kubelet gives a plugin to prepare a claim; longer work is a binding condition."""

MOST_CONDITIONS = 4
"""Binding conditions of a device, and binding failure conditions (A6)."""

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

_DIMENSIONS = {"memory": AmountType("bytes"), "cpu": AmountType("cores")}
_OF_ONE = ("device", "pool", "place")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
MOST_NUMBERS = 4096
"""Device nodes of one range: a container has all of them."""


def check_gates(checking: Checking) -> None:
    """Resolve the switches of drivers, then what they exclude and require."""
    for scope, entry in checking.declared(GATE):
        if isinstance(entry.statement, tree.Gate):
            gate = entry.statement
            excludes = tuple(name.text for name in gate.excludes)
            requires = tuple(name.text for name in gate.requires)
            checking.gates[entry.key] = Gate(
                gate.name.text, scope.policy, gate.default, excludes, requires, gate.name.span
            )
    for scope, entry in checking.declared(GATE):
        if not isinstance(entry.statement, tree.Gate):
            continue
        gate = entry.statement
        for name in (*gate.excludes, *gate.requires):
            other = _gate(checking, scope, name)
            if other is None:
                continue
            if name.text == gate.name.text:
                scope.problems.add("SET001", f"gate `{name.text}` speaks of itself", name.span, "name another gate")
            elif name in gate.excludes and gate.default and other.default:
                note = Related(other.span, "on by default too")
                message = f"gates `{gate.name.text}` and `{name.text}` exclude each other and are both on"
                scope.problems.add("SET001", message, name.span, "turn one of them off by default", note)
            elif name in gate.requires and gate.default and not other.default:
                note = Related(other.span, "off by default")
                message = f"gate `{gate.name.text}` is on and requires `{name.text}`, which is off"
                scope.problems.add("SET001", message, name.span, "turn it on by default, or the other off", note)


def _gate(checking: Checking, scope: Scope, name: tree.Name) -> Gate | None:
    found = scope.find(name, GATE, wanted="a gate")
    return None if found is None else checking.gates.get(found.key)


def check_gate_needs(checking: Checking) -> None:
    """What parameters need of gates; behind the pass over parameters."""
    for scope, entry in checking.declared(PARAMETERS):
        schema = checking.parameters.get(entry.key)
        if not isinstance(entry.statement, tree.Parameters) or schema is None:
            continue
        for member in entry.statement.members:
            if not isinstance(member, tree.NeedsGate):
                continue
            gate = _gate(checking, scope, member.gate)
            if gate is None:
                continue
            if member.parameter is None or member.value is None:
                _add(checking, scope, GateNeed(schema, gate, "", None, member.span))
                continue
            field = schema.fields.get(member.parameter.text)
            if field is None:
                known = ", ".join(f"`{name}`" for name in schema.fields)
                help_ = scope.problems.hint(member.parameter.text, schema.fields, f"its fields are {known or 'none'}")
                message = f"parameters `{schema.name}` have no field `{member.parameter.text}`"
                scope.problems.add("NAM001", message, member.parameter.span, help_)
                continue
            wanted = element_of(field.type)
            value = constant(member.value, wanted, f"field `{field.name}`", scope.problems, field.span)
            if value is not None:
                _add(checking, scope, GateNeed(schema, gate, field.name, value, member.span))


def _add(checking: Checking, scope: Scope, found: Operation) -> None:
    checking.operation.setdefault(scope.policy, []).append(found)


def check_operation(checking: Checking) -> None:
    """Waiting, costs, what is advertised, reach, health and set-up, of every policy."""
    for name, file in checking.files.items():
        scope = checking.scopes[name]
        for statement in file.statements:
            found: Operation | None = None
            match statement:
                case tree.Binds():
                    found = _binding(checking, scope, statement)
                case tree.Costs():
                    found = _cost(checking, scope, statement)
                case tree.Advertise():
                    found = _advertised(checking, scope, statement)
                case tree.NetworkReachable():
                    found = reach(checking, scope, statement, None)
                case tree.Health():
                    found = _health(checking, scope, statement)
                case tree.Setup():
                    found = _setup(checking, scope, statement)
                case _:
                    pass
            if found is not None:
                _add(checking, scope, found)


def _binding(checking: Checking, scope: Scope, statement: tree.Binds) -> Binding | None:
    problems = scope.problems
    board = only_board(checking, scope, statement.of, statement.span)
    mode = None
    if statement.mode is not None and board is not None:
        mode = find_mode(checking, scope, board, statement.mode)
        if mode is None:
            return None
    for names in (statement.conditions, statement.failures):
        for name in names:
            problem = key_problem(name.text)
            if problem is not None:
                problems.add("NAM009", f"condition `{name.text}` {problem}", name.span, "write it like `Attached`")
        if len(names) > MOST_CONDITIONS:
            message = f"a device has at most {MOST_CONDITIONS} conditions of a kind"
            problems.add("RUL002", message, names[MOST_CONDITIONS].span, "leave some out")
    within = _seconds(statement.within, scope)
    if board is None:
        return None
    conditions = tuple(name.text for name in statement.conditions)
    failures = tuple(name.text for name in statement.failures)
    return Binding(board, conditions, within, failures, statement.span, mode)


def _seconds(written: tree.Amount | None, scope: Scope) -> Fraction | None:
    if written is None:
        return None
    found = constant(written, DURATION, "this time", scope.problems, None)
    return found.value if found is not None and isinstance(found.value, Fraction) else None


def _cost(checking: Checking, scope: Scope, statement: tree.Costs) -> Cost | None:
    problems = scope.problems
    board = only_board(checking, scope, statement.of, statement.span)
    dimension = _DIMENSIONS.get(statement.resource.text)
    if re.fullmatch(r"hugepages-[0-9]+[KMG]i", statement.resource.text):
        dimension = _DIMENSIONS["memory"]
    if dimension is None:
        help_ = problems.hint(statement.resource.text, _DIMENSIONS, "write `memory`, `cpu` or such as `hugepages-2Mi`")
        problems.add("SET002", f"a node has no `{statement.resource.text}` to give", statement.resource.span, help_)
        return None
    per, capacity = statement.per.text, None
    if board is not None and per not in ("device", "claim"):
        capacity = look_up(device_of(board), per, scope)
        if capacity is None or not capacity.is_capacity:
            message = f"costs are per device, per claim or per unit of a capacity, not per `{per}`"
            known = [one.name for one in device_of(board).attributes.values() if one.is_capacity]
            help_ = problems.hint(per, ("device", "claim", *known), "write `device` or `claim`")
            problems.add("SET002", message, statement.per.span, help_)
            return None
        dimension, per = COUNT, "capacity"
    amount = constant(statement.amount, dimension, f"`{statement.resource.text}`", problems, None)
    if board is None or amount is None:
        return None
    return Cost(board, statement.resource.text, amount, per, statement.span, capacity)


def _advertised(checking: Checking, scope: Scope, statement: tree.Advertise) -> Advertised | None:
    board = only_board(checking, scope, statement.of, statement.span)
    if board is None:
        return None
    condition = joined_condition(checking, scope, device_of(board), statement.condition, private=True)
    if condition is None:
        return None
    return Advertised(board, condition, words(statement.condition.span), statement.span)


def _health(checking: Checking, scope: Scope, statement: tree.Health) -> Health | None:
    problems = scope.problems
    board = only_board(checking, scope, statement.of, statement.span)
    events: dict[str, Event] = {}
    ignored: dict[str, Span] = {}
    for member in statement.members:
        match member:
            case tree.Event():
                name = member.name.value
                if name in events:
                    note = Related(events[name].span, "first declared here")
                    problems.add("NAM003", f'event "{name}" is declared already', member.name.span, "rename it", note)
                    continue
                key, value, effect = taint_of(member.taint, scope)
                clears = "" if member.clears is None else member.clears.value
                if key:
                    events[name] = Event(name, key, value, effect, clears, member.name.span)
            case tree.Ignored():
                for text in member.names:
                    ignored.setdefault(text.value, text.span)
    for name, span in ignored.items():
        if name in events:
            note = Related(events[name].span, "it taints here")
            problems.add("SET003", f'event "{name}" is ignored, and taints', span, "remove one of the two", note)
    return None if board is None else Health(board, tuple(events.values()), tuple(ignored), statement.span)


# ---------------------------------------------------------------------------------------------------------- set-up


def _setup(checking: Checking, scope: Scope, statement: tree.Setup) -> Setup | None:
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
    when = None if written.when is None else joined_condition(checking, scope, device, written.when, private=True)
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
    when = None if written.when is None else joined_condition(checking, scope, device, written.when, private=True)
    for text in (written.run, written.undo):
        if text is not None:
            _templates(checking, scope, device, text, "device")
    if written.undo is None:
        help_ = 'write `undo "..."`; where nothing is left to undo, write `undo "true"`'
        problems.add("SET008", f"nothing undoes step `{written.name.text}`", written.name.span, help_)
    deadline = _seconds(written.deadline, scope)
    if deadline is not None and deadline > KUBELET_DEADLINE and written.deadline is not None:
        message = f"the kubelet waits {KUBELET_DEADLINE} s at most for a claim to be prepared, or given back"
        help_ = "let the device be bound when it is ready: `binds when ... within ...`"
        if written.undo is not None:
            help_ += "; what takes long to undo is done behind a taint: `health` with an event that clears"
        problems.add("SET009", message, written.deadline.span, help_)
    undo = "" if written.undo is None else written.undo.value
    return Step(written.name.text, written.run.value, undo, written.idempotent, deadline, when, written.span)


__all__ = ["KUBELET_DEADLINE", "check_gate_needs", "check_gates", "check_operation"]
