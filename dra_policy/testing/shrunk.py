"""A smallest question as a policy with a `test` block that passes.

Classes and claims are written in the language. A selector that it has no words for becomes a flag, which the devices
have as the selector answers. Devices are given by models where nothing else is to be said of them than attributes and
capacities, else by an inventory beside the policy, in which they stand as they were published.
"""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.capsule import Shrunk
from dra_policy.capsule.content import JsonObject, World
from dra_policy.diagnostics import Diagnostic, InvalidInput
from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel
from dra_policy.language import format_policy, load, parse
from dra_policy.language.expectations import DEFAULT_NODE
from dra_policy.resources import Device, to_yaml
from dra_policy.rules import ClaimKey
from dra_policy.source import Source
from dra_policy.testing.conditions import Field, Sort, Untold, driver_of, in_words, quoted
from dra_policy.testing.policy_tests import TestResult, run_tests

POLICY_FILE, INVENTORY_FILE = "shrunk.dra", "inventory/shrunk.yaml"
_INVENTORY = "inventory"
_NO_DRIVER = "gpu.example.com"
# What a refusal for a cause says in every form of its explanation; checked before it is printed.
_SAID = {
    "TAINT": ("tainted",),
    "IN_USE": ("in use", "held"),
    "COUNTER": ("counters", "counter"),
    "CAPACITY": ("capacity",),
    "DRIVER": ("driver",),
    "together": ("no choice", "same", "distinct"),
}


@dataclass(frozen=True, slots=True)
class PrintedTest:
    """A policy whose test passes, and the inventory that it gives, if it needs one."""

    policy: str
    inventory: str = ""


def as_test(shrunk: Shrunk) -> PrintedTest:
    """The test of a smallest question; it was run and passes. Raises `InvalidInput`: CAP007."""
    why = "the devices and claims that are left need more than the language can say"
    try:
        for by_models in (True, False):
            for said in (*_words_of(shrunk), ""):
                printed = _Writing(shrunk, by_models=by_models).printed(said)
                if printed is not None and _passes(printed, shrunk.world):
                    return printed
    except Untold as untold:
        why = str(untold) or why
    raise InvalidInput([Diagnostic("CAP007", f"no `test` block says this question: {why}", help=_HELP)])


_HELP = "keep the capsule itself as the example; `dra-policy replay` asks it again"


def _words_of(shrunk: Shrunk) -> tuple[str, ...]:
    outcome = shrunk.decision.outcome
    if not isinstance(outcome, Unsatisfiable):
        return ()
    causes = [str(part) for part in shrunk.sign.cause[1:2]]
    return tuple(words for cause in causes for words in _SAID.get(cause, ()))


def _passes(printed: PrintedTest, world: World) -> bool:
    return bool(results := _results(printed, world)) and all(result.passed for result in results)


def _results(printed: PrintedTest, world: World) -> list[TestResult]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, POLICY_FILE)
        if printed.inventory:
            Path(folder, INVENTORY_FILE).parent.mkdir()
            Path(folder, INVENTORY_FILE).write_text(printed.inventory, encoding="utf-8")
        path.write_text(printed.policy, encoding="utf-8")
        policies, _ = load(path)
        return [] if policies is None else run_tests(policies, features=world.features)


@dataclass
class _Schema:
    """A device of the policy: its driver, and what is read of it."""

    name: str
    driver: str
    fields: dict[Field, tuple[str, Sort]] = field(default_factory=dict)
    flags: dict[str, tuple[str, Program | None]] = field(default_factory=dict)

    def named(self, wanted: Field, sort: Sort) -> str:
        """The name of a field, which is declared with its sort."""
        known = self.fields.get(wanted)
        if known is not None:
            if known[1] is not sort:
                raise Untold(f"`{wanted.name}` is read as {known[1].value} and as {sort.value}")
            return known[0]
        name = _fresh(wanted.name, [one for one, _ in self.fields.values()])
        self.fields[wanted] = name, sort
        return name

    def flag(self, text: str, program: Program | None) -> str:
        """The flag that stands for a selector without words."""
        if text not in self.flags:
            self.flags[text] = f"selected_{len(self.flags) + 1}", program
        return self.flags[text][0]

    def text(self) -> str:
        lines = [f"device {self.name} {{", f"  driver {self.driver}"]
        for wanted, (name, sort) in self.fields.items():
            published = wanted.name if wanted.domain == self.driver else f"{wanted.domain}/{wanted.name}"
            declared = {Sort.FLAG: f"flag {name}", Sort.CAPACITY: f"capacity {name} count"}
            text = declared.get(sort, f"attribute {name} {sort.value}")
            lines.append(f"  {text} publish as {quoted(published)}")
        for text, (name, _) in self.flags.items():
            lines.append(f"  # stands for {' '.join(text.split())}")
            lines.append(f"  flag {name} publish as {quoted(_published_flag(name))}")
        return "\n".join([*lines, "}"])


def _published_flag(name: str) -> str:
    return name.replace("_", "")


def _fresh(wanted: str, taken: Iterable[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wanted)).strip("_").lower() or "value"
    name = name if name[0].isalpha() else f"a_{name}"
    number, first = 2, name
    taken = frozenset(taken)
    while name in taken:
        name, number = f"{first}_{number}", number + 1
    return name


def _label(wanted: str, prefix: str) -> str:
    """A name that Kubernetes takes as a label and the language as a name."""
    name = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-") or prefix
    return name if name[0].isalpha() else f"{prefix}-{name}"


class _Writing:
    """Writes one policy."""

    def __init__(self, shrunk: Shrunk, *, by_models: bool) -> None:
        self.shrunk = shrunk
        self.world = shrunk.world
        self.by_models = by_models
        self.schemas: dict[str, _Schema] = {}
        self.classes: dict[str, tuple[str, _Schema]] = {}
        self.drivers = sorted({value["spec"]["driver"] for _, value in self.world.of("ResourceSlice")})

    def printed(self, said: str) -> PrintedTest | None:
        """The policy, or None if the devices need an inventory."""
        classes = [self._class(key[2], value) for key, value in self.world.of("DeviceClass")]
        asked = [*self.shrunk.claims, *self.shrunk.target]
        if len(self.shrunk.target) > 1:
            raise Untold("several claims of one pod are placed together, and a test places one after the other")
        names = self._names(asked)
        claims = [self._claim(key, names[key]) for key in asked]
        given: str
        models: list[str] = []
        inventory = ""
        if self.by_models:
            found = self._models(asked)
            if found is None:
                return None
            models, given = found
        else:
            given, inventory = f'  given inventory "{_INVENTORY}"', self._inventory(asked)
        steps = [f"  claim {names[key]} {names[key]}" for key in asked]
        test = [f"test {quoted(self._title())} {{", given, *steps, self._expectation(names, said), "}"]
        header = "policy shrunk version 1.0 language 1"
        schemas = [schema.text() for schema in self.schemas.values()]
        parts = [header, *schemas, *models, *classes, *claims, "\n".join(line for line in test if line)]
        return PrintedTest(_formatted("\n\n".join(parts) + "\n"), inventory)

    def _names(self, keys: Sequence[ClaimKey]) -> dict[ClaimKey, str]:
        names: dict[ClaimKey, str] = {}
        for key in keys:
            name, number = _label(key.name, "claim"), 2
            while name in names.values():
                name, number = f"{_label(key.name, 'claim')}-{number}", number + 1
            names[key] = name
        return names

    def _title(self) -> str:
        key = self.shrunk.target[0].name
        match self.shrunk.decision.outcome:
            case Allocated():
                return f"{key} is placed"
            case Unsatisfiable() | Failed():
                return f"{key} is refused"
            case GaveUp():
                raise Untold("the search gave up, and a test has no step limit")

    def _expectation(self, names: Mapping[ClaimKey, str], said: str) -> str:
        name = names[self.shrunk.target[0]]
        outcome = self.shrunk.decision.outcome
        if isinstance(outcome, Allocated):
            devices = [r.device for allocation in outcome.results for r in allocation.devices.results]
            on = "" if self.by_models or not devices else f" on {', '.join(map(quoted, devices))}"
            return f"  expect {name} placed{on} on node {quoted(outcome.node)}"
        return f"  expect {name} refused" + (f" {quoted(said)}" if said else "")

    # --- classes and claims

    def _schema(self, driver: str) -> _Schema:
        if driver not in self.schemas:
            name = "Device" if not self.schemas else f"Device{len(self.schemas) + 1}"
            self.schemas[driver] = _Schema(name, driver)
        return self.schemas[driver]

    def _class(self, name: str, value: JsonObject) -> str:
        selectors = value.get("spec", {}).get("selectors", [])
        programs = [self._program(selector) for selector in selectors]
        drivers = [driver for _, program in programs if program is not None and (driver := driver_of(program.tree))]
        driver = drivers[0] if drivers else self.drivers[0] if self.drivers else _NO_DRIVER
        schema = self._schema(driver)
        own = _label(name, "class")
        while own in [taken for taken, _ in self.classes.values()]:
            own += "-2"
        self.classes[name] = own, schema
        requires = self._requires(programs, schema)
        return f"class {own} of {schema.name}" + (" {\n" + "\n".join(requires) + "\n}" if requires else "")

    def _program(self, selector: JsonObject) -> tuple[str, Program | None]:
        text = selector.get("cel", {}).get("expression", "")
        program = compile_cel(Source("selector", text), features=self.world.features)
        return text, None if isinstance(program, EvaluationError) else program

    def _requires(self, programs: Sequence[tuple[str, Program | None]], schema: _Schema) -> list[str]:
        lines = []
        for text, program in programs:
            if program is not None and driver_of(program.tree) == schema.driver:
                continue
            before = dict(schema.fields)
            try:
                words = _outer(in_words(program.tree, schema.named)) if program is not None else None
            except Untold:
                schema.fields = before
                words = None
            lines.append(f"  require {schema.flag(text, program) if words is None else words}")
        return lines

    def _claim(self, key: ClaimKey, name: str) -> str:
        claim = self.world.objects["ResourceClaim", key.namespace, key.name]
        devices = claim.get("spec", {}).get("devices", {})
        lines = [f"claim {name} {{"]
        schemas: dict[str, _Schema] = {}
        for request in devices.get("requests", []):
            text, schema = self._request(request)
            schemas[request["name"]] = schema
            lines.append(text)
        lines += [self._constraint(constraint, schemas) for constraint in devices.get("constraints", [])]
        return "\n".join([*lines, "}"])

    def _request(self, request: JsonObject) -> tuple[str, _Schema]:
        ask = request.get("exactly")
        if ask is None:
            alternatives = request.get("firstAvailable", [])
            if len(alternatives) != 1:
                raise Untold("a request has alternatives")
            ask = alternatives[0]
        if ask.get("derivedAttributes"):
            raise Untold("a request derives attributes")
        class_name = ask["deviceClassName"]
        if class_name not in self.classes:
            raise Untold(f"there is no class `{class_name}`")
        own, schema = self.classes[class_name]
        mode = ask.get("allocationMode", "ExactCount")
        if mode not in ("ExactCount", "All"):
            raise Untold(f"the allocation mode is `{mode}`")
        count = "all" if mode == "All" else str(ask.get("count", 1))
        inner = self._requires([self._program(one) for one in ask.get("selectors", [])], schema)
        for name, amount in ask.get("capacity", {}).get("requests", {}).items():
            domain, _, last = name.rpartition("/")
            inner.append(f"  takes {schema.named(Field(True, domain or schema.driver, last), Sort.CAPACITY)} {amount}")
        inner += [_tolerate(toleration) for toleration in ask.get("tolerations", [])]
        admin = " admin access" if ask.get("adminAccess") else ""
        body = " {\n" + "\n".join(inner) + "\n}" if inner else ""
        return f"  request {_label(request['name'], 'request')} = {count} of {own}{admin}{body}", schema

    def _constraint(self, constraint: JsonObject, schemas: Mapping[str, _Schema]) -> str:
        word, whole = next(
            (
                (word, constraint[kind])
                for kind, word in (("matchAttribute", "same"), ("distinctAttribute", "distinct"))
                if kind in constraint
            ),
            ("", ""),
        )
        if not word:
            raise Untold("a constraint names no attribute")
        domain, _, last = whole.rpartition("/")
        requests = constraint.get("requests", [])
        concerned = [schemas[name.partition("/")[0]] for name in requests] if requests else list(schemas.values())
        names = {schema.named(Field(False, domain, last), self._sort(domain, last)) for schema in concerned}
        if len(names) != 1:
            raise Untold(f"`{last}` has two names")
        of = " of " + ", ".join(_label(name.partition("/")[0], "request") for name in requests) if requests else ""
        return f"  {word} {names.pop()}{of}"

    def _sort(self, domain: str, name: str) -> Sort:
        """How the devices publish an attribute that only a constraint reads."""
        for schema in self.schemas.values():
            known = schema.fields.get(Field(False, domain, name))
            if known is not None:
                return known[1]
        sorts = {"string": Sort.TEXT, "int": Sort.INT, "bool": Sort.FLAG, "version": Sort.VERSION}
        for driver, device in self._devices():
            for key, value in device.get("attributes", {}).items():
                if _qualified(key, driver) == (domain, name):
                    kind = next(iter(value), "")
                    if kind not in sorts:
                        raise Untold(f"`{name}` is a list")
                    return sorts[kind]
        return Sort.TEXT

    def _devices(self) -> Iterator[tuple[str, JsonObject]]:
        for _, value in self.world.of("ResourceSlice"):
            for device in value["spec"].get("devices", []):
                yield value["spec"]["driver"], device

    # --- devices

    def _flags_of(self, driver: str, device: JsonObject) -> dict[str, bool]:
        """What the flags of a driver are on a device; one on which the selector is an error has none."""
        schema = self.schemas.get(driver)
        if schema is None or not schema.flags:
            return {}
        facts = DeviceFacts.of(driver, Device.model_validate(device))
        found: dict[str, bool] = {}
        for name, program in schema.flags.values():
            if program is not None:
                try:
                    found[name] = program.evaluate(facts)
                except EvaluationError:
                    continue
        return found

    def _inventory(self, asked: Sequence[ClaimKey]) -> str:
        gone = {("ResourceClaim", key.namespace, key.name) for key in asked}
        values = [
            self._with_flags(value) if key[0] == "ResourceSlice" else value
            for key, value in self.world.in_order()
            if key not in gone and key[0] != "DeviceClass"
        ]
        return to_yaml(values)

    def _with_flags(self, value: JsonObject) -> JsonObject:
        made = copy.deepcopy(value)
        for device in made["spec"].get("devices", []):
            for name, on in self._flags_of(made["spec"]["driver"], device).items():
                device.setdefault("attributes", {})[_published_flag(name)] = {"bool": on}
        return made

    def _models(self, asked: Sequence[ClaimKey]) -> tuple[list[str], str] | None:
        """Models and what is given of them, if that says it all."""
        gone = {("ResourceClaim", key.namespace, key.name) for key in asked}
        others = [
            key for key in self.world.objects if key not in gone and key[0] in ("ResourceClaim", "DeviceTaintRule")
        ]
        nodes = [key[2] for key, _ in self.world.of("Node")]
        if others or any(value["spec"].get("nodeName") not in nodes for _, value in self.world.of("ResourceSlice")):
            return None
        models: dict[str, str] = {}
        given: list[str] = []
        with_devices: set[str] = set()
        for _, value in self.world.of("ResourceSlice"):
            spec = value["spec"]
            if set(spec) - {"driver", "nodeName", "pool", "devices"}:
                return None
            for device in spec.get("devices", []):
                body = self._body(spec["driver"], device)
                if body is None:
                    return None
                name = models.setdefault(body, f"Model{len(models) + 1}" if models else "Model")
                node = spec["nodeName"]
                with_devices.add(node)
                where = "" if node == DEFAULT_NODE else f" on {quoted(node)}"
                given.append(f"{name}{where}")
        if set(nodes) - with_devices:
            # A test has the nodes of its devices only.
            return None if nodes != [DEFAULT_NODE] else ([], "")
        lines = [f"  given {count} {one}" for one, count in _runs(given)]
        return [body.replace("model ", f"model {name} ", 1) for body, name in models.items()], "\n".join(lines)

    def _body(self, driver: str, device: JsonObject) -> str | None:
        if set(device) - {"name", "attributes", "capacity"}:
            return None
        schema = self._schema(driver)
        lines: list[str] = []
        published: dict[tuple[bool, str, str], Any] = {}
        for key, value in device.get("attributes", {}).items():
            published[False, *_qualified(key, driver)] = value
        for key, value in device.get("capacity", {}).items():
            published[True, *_qualified(key, driver)] = value
        for wanted, (name, sort) in schema.fields.items():
            value = published.get((wanted.capacity, wanted.domain, wanted.name))
            if value is None:
                continue
            text = _model_value(value, sort)
            if text is None:
                return None
            lines.append(f"  {name} {text}")
        lines += [f"  {name} {'true' if on else 'false'}" for name, on in self._flags_of(driver, device).items()]
        return f"model of {schema.name} {{\n" + "\n".join(lines) + "\n}"


def _model_value(value: JsonObject, sort: Sort) -> str | None:
    kinds = {Sort.TEXT: "string", Sort.INT: "int", Sort.FLAG: "bool", Sort.VERSION: "version", Sort.CAPACITY: "value"}
    if set(value) != {kinds[sort]}:
        return None
    one = value[kinds[sort]]
    if sort is Sort.TEXT:
        return quoted(one)
    return ("true" if one else "false") if sort is Sort.FLAG else str(one)


def _runs(given: Sequence[str]) -> list[tuple[str, int]]:
    """The same one after the other together; devices keep their order."""
    runs: list[tuple[str, int]] = []
    for one in given:
        if runs and runs[-1][0] == one:
            runs[-1] = one, runs[-1][1] + 1
        else:
            runs.append((one, 1))
    return runs


def _qualified(key: str, driver: str) -> tuple[str, str]:
    domain, slash, name = key.rpartition("/")
    return (domain if slash else driver), name


def _tolerate(toleration: JsonObject) -> str:
    key, value, effect = toleration.get("key"), toleration.get("value"), toleration.get("effect", "")
    what = "any" if not key else quoted(key)
    if key and toleration.get("operator", "Equal") == "Equal":
        what += f" = {quoted(value or '')}"
    if toleration.get("tolerationSeconds") is not None:
        raise Untold("a toleration ends after a time")
    return f"  tolerate {what} {effect}".rstrip()


def _outer(text: str) -> str:
    """Without the brackets around the whole, if they belong together."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1]


def _formatted(text: str) -> str:
    file, _ = parse(Source(POLICY_FILE, text))
    return text if file is None else format_policy(file)


__all__ = ["INVENTORY_FILE", "POLICY_FILE", "PrintedTest", "as_test"]
