"""Questions as one JSON object each: a node, what is published, what is in use, the claims of one pod; and answers.

The same shape goes to other allocators, so that answers can be compared:

- `id` or `name`: comes back in the answer.
- `features`: absent, those of a 1.37 cluster (A16); given, exactly those that it switches on, by upstream's names.
- `node`, `classes`, `slices`, `claims`: API objects; a kind that the place tells need not be written.
- What is in use: `allocatedClaims`, claims with `status.allocation` (J12); or in parts `allocatedDevices`, a list of
  `driver`, `pool`, `device`; `allocatedSharedDevices` with a `shareID` each; `aggregatedCapacity` with
  `consumedCapacity`.

Two slices of one name are two slices. Other members are passed over. Objects are decoded, not checked: an unknown
allocation mode reaches the allocator, which says what Kubernetes would. `Questions(checked=True)` refuses what the API
server would refuse.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias, TypeVar, assert_never

from cachetools import LRUCache

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Scope, Unsatisfiable, allocate
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.diagnostics import Diagnostic, InvalidInput, did_you_mean, has_errors
from dra_policy.engine.engine import STEP_LIMIT
from dra_policy.engine.state import DEFAULT_NAMESPACE
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import DeviceID, Snapshot, Usage, told_apart
from dra_policy.resources import (
    FEATURE_NAMES,
    DeviceClass,
    DeviceRequestAllocationResult,
    Features,
    Node,
    Quantity,
    ResourceClaim,
    ResourceSlice,
    TypedObject,
    decode,
    decode_as,
    decode_text,
    to_object,
)
from dra_policy.resources.json_values import json_documents
from dra_policy.resources.yaml_values import MAX_DEPTH
from dra_policy.rules import ClaimRules, ClassName, ClassRules, Selector, claim_rules, class_rules, refusals
from dra_policy.source import Source

LINE_LIMIT = 256 * 1024 * 1024
"""Bytes of one question: a cluster of five thousand nodes is about 12 MiB."""

_REMEMBERED = 64
_CONTAINERS = (dict, list)
_NOTHING_CONSUMED = {"": Quantity.parse("0")}
_NAMES = {name: field for field, name in FEATURE_NAMES.items()}

T = TypeVar("T", bound=TypedObject)
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Question:
    """May the claims of one pod have devices on this node, and which?"""

    node: Node
    features: Features
    snapshot: Snapshot
    graph: MatcherGraph
    classes: Mapping[ClassName, ClassRules]
    claims: tuple[ClaimRules, ...]
    usage: Usage

    def ask(self, *, step_limit: int = STEP_LIMIT, prunings: frozenset[Pruning] = ALL) -> Outcome:
        """What the allocator says; `prunings` are what its search may leave out."""
        return allocate(
            self.snapshot.view(self.node),
            self.graph,
            self.claims,
            self.classes,
            self.usage,
            self.features,
            step_limit=step_limit,
            prunings=prunings,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question comes to: an outcome, or, for a question that cannot be asked, what is wrong with it."""

    id: Json
    outcome: Outcome | None
    error: str = ""

    def data(self) -> dict[str, Json]:
        """The answer as JSON values.

        `results` are the allocations of the claims in order, null if there are none. `nodeOnly` says that an error
        concerns this node only (B7), `gaveUp` that nothing is known.
        """
        results: list[Json] | None = None
        error = self.error or None
        outcome = self.outcome
        match outcome:
            case Allocated():
                results = [_result(to_object(result)) for result in outcome.results]
            case Failed():
                error = _failure(outcome)
            case Unsatisfiable() | GaveUp() | None:
                pass
            case _:
                assert_never(outcome)
        return {
            "id": self.id,
            "results": results,
            "allocated": results is not None,
            "error": error,
            "nodeOnly": isinstance(outcome, Failed) and outcome.scope is Scope.NODE,
            "gaveUp": isinstance(outcome, GaveUp),
        }


class Questions:
    """Reads and answers questions; what successive ones share is decoded and compiled once.

    >>> line = '''{"id": "empty", "node": {"metadata": {"name": "node-1"}}, "claims": []}'''
    >>> Questions().answer(line).data()
    {'id': 'empty', 'results': [], 'allocated': True, 'error': None, 'nodeOnly': False, 'gaveUp': False}
    >>> Questions().answer('{"id": "cut off", "claims": [{}', number=7).data()["error"]
    'line 7, column 29: YML001 the list that starts here is not closed (add `]` at the end)'
    """

    def __init__(
        self, *, step_limit: int = STEP_LIMIT, checked: bool = False, prunings: frozenset[Pruning] = ALL
    ) -> None:
        self._step_limit = step_limit
        self._prunings = prunings
        self._checked = checked
        self._inventories: LRUCache[bytes, tuple[Snapshot, MatcherGraph]] = LRUCache(_REMEMBERED)
        self._nodes: LRUCache[bytes, Node | None] = LRUCache(_REMEMBERED)
        self._classes: LRUCache[bytes, Mapping[ClassName, ClassRules]] = LRUCache(_REMEMBERED)

    @staticmethod
    def ready() -> None:
        """Build what the first question would wait for: models and grammars, once a process, some 50 ms."""
        Questions().question(json.loads(_EXAMPLE)).ask()

    def answer(self, line: str | bytes, *, number: int = 1) -> Answer:
        """The answer to one line, which is counted from 1. Raises nothing for what the line says."""
        name: Json = None
        try:
            data = _read(line, number)
            name = data.get("id", data.get("name"))
            outcome = self.question(data).ask(step_limit=self._step_limit, prunings=self._prunings)
        except InvalidInput as problem:
            return Answer(name, None, "; ".join(_words(d, number) for d in problem.diagnostics))
        return Answer(name, outcome)

    def question(self, data: Mapping[str, Json]) -> Question:
        """The question that JSON values ask. Raises `InvalidInput` with all that is wrong, paths included."""
        problems: list[Diagnostic] = []
        for required in ("node", "claims"):
            if required not in data:
                near = did_you_mean(required, [key for key in data if key not in _MEMBERS], f"write `{required}`")
                problems.append(Diagnostic("RES001", f"the question has no `{required}`", help=near, path=required))
        features = _features(data.get("features"), problems)
        node = self._node(data, features, problems)
        snapshot, graph = self._inventory(data, features, problems)
        classes = self._class_rules(data, features, problems)
        claims: list[ClaimRules] = []
        for claim, path in self._objects(ResourceClaim, data, "claims", features, problems):
            rules = claim_rules(claim, features)
            if self._checked:
                problems += _expression_problems(rules, path)
            claims.append(rules)
        usage = self._usage(data, features, problems)
        if has_errors(problems) or node is None:
            raise InvalidInput(problems)
        return Question(node, features, snapshot, graph, classes, tuple(claims), usage)

    # --- what questions share

    def _node(self, data: Mapping[str, Json], features: Features, problems: list[Diagnostic]) -> Node | None:
        # The same node object, so that the inventory knows its view again.
        value = data.get("node")

        def made(found: list[Diagnostic]) -> Node | None:
            return self._object(Node, {} if value is None else value, "node", features, found)

        return _remembered(self._nodes, features, value, made, problems)

    def _inventory(
        self, data: Mapping[str, Json], features: Features, problems: list[Diagnostic]
    ) -> tuple[Snapshot, MatcherGraph]:
        def made(found: list[Diagnostic]) -> tuple[Snapshot, MatcherGraph]:
            slices = [one for one, _ in self._objects(ResourceSlice, data, "slices", features, found)]
            snapshot = Snapshot.empty(features).with_slices(told_apart(slices))
            return snapshot, MatcherGraph(snapshot)

        return _remembered(self._inventories, features, data.get("slices"), made, problems)

    def _class_rules(
        self, data: Mapping[str, Json], features: Features, problems: list[Diagnostic]
    ) -> Mapping[ClassName, ClassRules]:
        def made(found: list[Diagnostic]) -> Mapping[ClassName, ClassRules]:
            classes: dict[ClassName, ClassRules] = {}
            for one, path in self._objects(DeviceClass, data, "classes", features, found):
                rules = class_rules(one, features)
                if self._checked:
                    found += _expression_problems(rules, path)
                classes.setdefault(rules.name, rules)
            return classes

        return _remembered(self._classes, features, data.get("classes"), made, problems)

    # --- decoding

    def _objects(
        self, model: type[T], data: Mapping[str, Json], member: str, features: Features, problems: list[Diagnostic]
    ) -> Iterator[tuple[T, str]]:
        """The objects of a list that can be read, each with its path."""
        for entry, path in _entries(data, member, problems):
            one = self._object(model, entry, path, features, problems)
            if one is not None:
                yield one, path

    def _object(
        self, model: type[T], value: Json, path: str, features: Features, problems: list[Diagnostic]
    ) -> T | None:
        if isinstance(value, dict) and "apiVersion" in value:
            # Older versions of the API are told by their names.
            decoded, found = decode({"kind": model.KIND, **value})
        else:
            decoded, found = decode_as(model, value)
        if not found and not isinstance(decoded, model):
            kind = getattr(decoded, "kind", "") or getattr(decoded, "KIND", "another kind")
            found = [Diagnostic("RES003", f"expected an object of kind `{model.KIND}`, got `{kind}`", path="kind")]
        if not found and self._checked and isinstance(decoded, model):
            found = refusals(_in_namespace(decoded), features=features)
        problems += [_below(path, problem) for problem in found]
        return decoded if isinstance(decoded, model) else None

    def _usage(self, data: Mapping[str, Json], features: Features, problems: list[Diagnostic]) -> Usage:
        exclusive = [_device(use) for use in _uses(data, "allocatedDevices", problems)]
        shares = [(_device(use), use.share_id or "") for use in _uses(data, "allocatedSharedDevices", problems)]
        consumed = [(_device(use), use.consumed_capacity) for use in _uses(data, "aggregatedCapacity", problems)]
        if not features.consumable_capacity:
            # The scheduler gathers no shares then (J12). An allocator that is given some takes the device to be free,
            # but charged for its counters (G3): as if something were consumed of it.
            consumed += [(device, _NOTHING_CONSUMED) for device, _ in shares]
            shares = []
        usage = Usage.of(exclusive, shares, consumed)
        for claim, _ in self._objects(ResourceClaim, data, "allocatedClaims", features, problems):
            if claim.status.allocation is not None:
                usage = usage.with_allocation(claim.status.allocation)  # J12
        return usage


_EXAMPLE = """{
    "node": {"metadata": {"name": "node"}, "status": {}},
    "classes": [{"metadata": {"name": "class"}, "spec": {"selectors": [{"cel": {
        "expression": "device.driver == 'acme.com' && device.capacity['acme.com'].memory.compareTo(quantity('1Gi')) >= 0"}}]}}],
    "slices": [{"metadata": {"name": "slice"}, "spec": {
        "driver": "acme.com", "nodeName": "node",
        "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
        "sharedCounters": [{"name": "board", "counters": {"memory": {"value": "2Gi"}}}],
        "devices": [{"name": "device", "attributes": {"root": {"string": "a"}, "version": {"version": "1.0.0"}},
                     "capacity": {"memory": {"value": "1Gi"}}, "allowMultipleAllocations": true,
                     "consumesCounters": [{"counterSet": "board", "counters": {"memory": {"value": "1Gi"}}}]}]}}],
    "claims": [{"metadata": {"name": "claim"}, "spec": {"devices": {
        "requests": [{"name": "one", "exactly": {"deviceClassName": "class", "selectors": [
            {"cel": {"expression": "device.attributes['acme.com'].version.isLessThan(semver('2.0.0'))"}}]}}],
        "constraints": [{"matchAttribute": "acme.com/root"}]}}}],
    "allocatedDevices": [{"driver": "acme.com", "pool": "pool", "device": "another"}]
}"""

_MEMBERS = frozenset(
    (
        "id",
        "name",
        "features",
        "node",
        "classes",
        "slices",
        "claims",
        "allocatedClaims",
        "allocatedDevices",
        "allocatedSharedDevices",
        "aggregatedCapacity",
    )
)

V = TypeVar("V")


def _remembered(
    cache: LRUCache[bytes, V],
    features: Features,
    value: Json,
    make: Callable[[list[Diagnostic]], V],
    problems: list[Diagnostic],
) -> V:
    """What was made of an equal value under the same features; a value with something wrong is not remembered."""
    # Unlike `==` this tells 1 from true; version 2 writes equal values alike.
    key = marshal.dumps((*(getattr(features, field) for field in FEATURE_NAMES), value), 2)
    known = cache.get(key)
    if known is None:
        found: list[Diagnostic] = []
        known = make(found)
        problems += found
        if not found:
            cache[key] = known
    return known


def _read(line: str | bytes, number: int) -> Mapping[str, Json]:
    """The JSON object of a line. Raises `InvalidInput`: SRC002, SRC003, YML001 to YML007, RES001."""
    name = f"line {number}"
    if isinstance(line, bytes):
        source = decode_text(name, line, LINE_LIMIT)
        if isinstance(source, Diagnostic):
            raise InvalidInput([source])
    else:
        source = Source(name, line)
    value: Json = None
    try:
        if "\\ud" not in source.text and "\\uD" not in source.text:
            value = json.loads(source.text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        value = None
    if value is None or _too_deep(value):
        value = _read_slowly(source)
    if not isinstance(value, dict):
        raise InvalidInput([Diagnostic("RES001", "a question is a JSON object", source.whole(), "write `{...}`")])
    return value


def _read_slowly(source: Source) -> Json:
    """The same value by the reader that names the place of every mistake."""
    problems: list[Diagnostic] = []
    documents = list(json_documents(source, problems.append))
    if problems:
        raise InvalidInput(problems)
    if len(documents) != 1:
        message = f"expected one JSON object in the line, got {len(documents)}"
        raise InvalidInput([Diagnostic("RES001", message, source.whole(), "write one question a line")])
    return documents[0].value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is written twice")
    return made


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _too_deep(value: Json) -> bool:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        children = chain.from_iterable(one.values() if type(one) is dict else one for one in level)
        level = [child for child in children if type(child) in _CONTAINERS]
    return bool(level)


def _features(value: Json, problems: list[Diagnostic]) -> Features:
    if value is None:
        return Features()
    if not isinstance(value, dict):
        problems.append(Diagnostic("RES005", "expected an object", help="write `{}` for no features", path="features"))
        return Features()
    for name, on in value.items():
        path = f"features.{name}"
        if name not in _NAMES:
            hint = did_you_mean(name, _NAMES, f"there are {', '.join(_NAMES)}")
            problems.append(Diagnostic("RES004", f"no feature `{name}`", help=hint, path=path))
        elif not isinstance(on, bool):
            problems.append(Diagnostic("RES005", "expected true or false", help="write true or false", path=path))
    return Features.named({name: on is True for name, on in value.items() if name in _NAMES})


def _entries(data: Mapping[str, Json], member: str, problems: list[Diagnostic]) -> Iterator[tuple[Json, str]]:
    """The entries of a list, which may be absent or null, each with its path."""
    value = data.get(member)
    if value is None:
        return
    if not isinstance(value, list):
        problems.append(Diagnostic("RES005", "expected a list", help="write `[...]`", path=member))
        return
    for number, entry in enumerate(value):
        yield entry, f"{member}[{number}]"


def _uses(data: Mapping[str, Json], member: str, problems: list[Diagnostic]) -> Iterator[DeviceRequestAllocationResult]:
    """The entries of a list of devices in use: they have the fields of an allocation's results."""
    for entry, path in _entries(data, member, problems):
        use, found = decode_as(DeviceRequestAllocationResult, entry)
        problems += [_below(path, problem) for problem in found]
        if use is not None:
            yield use


def _device(use: DeviceRequestAllocationResult) -> DeviceID:
    return DeviceID(use.driver, use.pool, use.device)


def _in_namespace(one: T) -> T:
    """A claim of a question need not say its namespace."""
    if not one.NAMESPACED or one.metadata.namespace:
        return one
    return one.model_copy(update={"metadata": one.metadata.model_copy(update={"namespace": DEFAULT_NAMESPACE})})


def _expression_problems(rules: ClassRules | ClaimRules, path: str) -> Iterator[Diagnostic]:
    """What is wrong with the CEL texts of a class or a claim."""
    if isinstance(rules, ClassRules):
        yield from _selector_problems(rules.selectors, f"{path}.spec.selectors")
        return
    for number, request in enumerate(rules.requests):
        within = f"{path}.spec.devices.requests[{number}]"
        for alternative, ask in enumerate(request.asks):
            place = f"{within}.firstAvailable[{alternative}]" if request.prioritized else f"{within}.exactly"
            yield from _selector_problems(ask.selectors, f"{place}.selectors")
            for position, derived in enumerate(ask.derived):
                if derived.failure is not None:
                    below = f"{place}.derivedAttributes[{position}]"
                    yield from (_below(below, _at_expression(d)) for d in derived.failure.diagnostics)


def _selector_problems(selectors: tuple[Selector, ...], path: str) -> Iterator[Diagnostic]:
    for number, selector in enumerate(selectors):
        if selector.failure is not None:
            yield from (_below(f"{path}[{number}].cel", _at_expression(d)) for d in selector.failure.diagnostics)


def _at_expression(problem: Diagnostic) -> Diagnostic:
    return Diagnostic(problem.code, problem.message, None, problem.help, "expression", problem.severity)


def _below(path: str, problem: Diagnostic) -> Diagnostic:
    inner = problem.path
    whole = path + ("" if not inner else inner if inner.startswith("[") else f".{inner}")
    return Diagnostic(problem.code, problem.message, problem.span, problem.help, whole, problem.severity)


def _words(problem: Diagnostic, number: int) -> str:
    """A diagnostic in one line: where, which, what, and what to write."""
    place = f"line {number}"
    if problem.path:
        place += f", {problem.path}"
    elif problem.span is not None:
        place += f", column {problem.span.column}"
    return f"{place}: {problem.code} {problem.message}" + (f" ({problem.help})" if problem.help else "")


def _failure(failed: Failed) -> str:
    """What went wrong, and where: claim, request, device."""
    where = [] if failed.claim is None else [f"claim {failed.claim}"]
    where += [f"request {failed.request}"] if failed.request else []
    where += [f"device {failed.device}"] if failed.device else []
    return f"{', '.join(where)}: {failed.message}" if where else failed.message


def _result(result: dict[str, Json]) -> dict[str, Json]:
    """As the API server writes it: `devices` is there even if the claim asks for none."""
    return {"devices": {}, **result}


__all__ = ["LINE_LIMIT", "Answer", "Question", "Questions"]
