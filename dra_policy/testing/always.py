"""Properties that `always` hold, tried on generated fleets and claims.

Boards of every declared model are generated, with values for what models leave open, and claims that come and go:
of each class of the device, each mode, profile and share. After every answer the property is judged on what is in use.
Runs are the same each time (derandomized) and counted; a counterexample is made as small as Hypothesis can.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, assert_never

from dra_policy.allocation import Allocated
from dra_policy.diagnostics import Diagnostic, Severity
from dra_policy.engine import Engine
from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_tree
from dra_policy.expression.tree import all_of
from dra_policy.language.boards import Board, Mode, Part, Pool, Share
from dra_policy.language.checked import (
    CheckedAsk,
    CheckedClaim,
    CheckedClass,
    CheckedCondition,
    CheckedPolicies,
    CheckedRequest,
    CheckedTakes,
)
from dra_policy.language.lowered import PolicyRules, lower
from dra_policy.language.lowering import lower_claim, lower_class, part_conditions, value_conditions
from dra_policy.language.parts import Meant
from dra_policy.language.predicates import lower_condition, lower_driver
from dra_policy.language.properties import AtMostProperty, CheckedProperty, EveryProperty, SumProperty
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema
from dra_policy.language.types import (
    AmountType,
    BoolType,
    Constant,
    IntType,
    OneOfType,
    SetType,
    TextType,
    VersionType,
    quantity_text,
)
from dra_policy.render import Catalog, Fleet
from dra_policy.render.boards import Published
from dra_policy.resources import DeviceRequestAllocationResult, Features
from dra_policy.rules import ClaimKey, ClassName
from dra_policy.rules.subjects import FieldType, SubjectValue
from dra_policy.source import Span
from dra_policy.testing.policy_tests import Difference, TestResult
from dra_policy.testing.values import constants_read

if TYPE_CHECKING:
    from hypothesis import strategies as st

EXAMPLES = 30
"""How many fleets with claims are tried for one property."""
BOARDS, STEPS, TARGETS, COUNT = 3, 8, 24, 2
"""Most boards of a fleet, claims and releases, kinds of claims, and devices of a claim."""
NODES, NAMESPACES = ("node-1", "node-2"), ("blue", "green")
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
"""The time at which everything happens: a run does not depend on when it is made."""

_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """What was tried for one property: `met` counts how often there was something to judge."""

    examples: int
    claims: int
    met: int


@dataclass(frozen=True, slots=True)
class PropertyResult:
    """A property with what became of it: its result among those of tests, and the count."""

    property: CheckedProperty
    result: TestResult
    tally: Tally


def run_properties(
    policies: CheckedPolicies, *, features: Features | None = None, examples: int = EXAMPLES
) -> list[PropertyResult]:
    """Try every `always` of the policies that were given, in order.

    A broken one has one difference: what is wrong, and the fleet and claims that show it. One of which no example was
    met has the warning PRP003; without the package hypothesis it has PRP002.
    """
    chosen = Features() if features is None else features
    return [_tried(policies, one, chosen, examples) for one in policies.properties]


def _tried(policies: CheckedPolicies, one: CheckedProperty, features: Features, examples: int) -> PropertyResult:
    try:
        import hypothesis  # noqa: F401 - an extra that only properties need
    except ImportError:
        problem = Diagnostic("PRP002", "the package hypothesis is not installed", one.span, "pip install hypothesis")
        return _result(one, Tally(0, 0, 0), (), (problem,))
    trial = _Trial(policies, one, features)
    if not trial.models:
        return _result(one, Tally(0, 0, 0), (), (_nothing(one),))
    broken = trial.search(examples)
    tally = Tally(trial.examples, trial.claims, trial.met)
    if broken is not None:
        return _result(one, tally, (broken,), ())
    return _result(one, tally, (), () if trial.met else (_nothing(one),))


def _nothing(one: CheckedProperty) -> Diagnostic:
    message = f"no generated fleet has anything that `{one.words}` is about"
    help_ = "declare a model, and a class that it meets"
    return Diagnostic("PRP003", message, one.span, help_, severity=Severity.WARNING)


def _result(
    one: CheckedProperty, tally: Tally, differences: tuple[Difference, ...], problems: tuple[Diagnostic, ...]
) -> PropertyResult:
    result = TestResult(one.words, one.policy, one.span, differences, problems)
    return PropertyResult(one, result, tally)


# ------------------------------------------------------------------------------------------------------- an example


@dataclass(frozen=True, slots=True)
class _Given:
    """One board of a fleet."""

    model: ModelSchema
    node: str
    settings: Mapping[AttributeSchema, tuple[Constant, ...]]

    def text(self) -> str:
        settings = ", ".join(f"{one.name} = {_written(values)}" for one, values in self.settings.items())
        return f'given 1 {self.model.name} on "{self.node}"' + (f" {{ {settings} }}" if settings else "")


@dataclass(frozen=True, slots=True)
class _Claimed:
    """One claim, or with `released` the end of the claim of this number, if there is one."""

    target: _Target
    count: int
    namespace: str
    amounts: tuple[tuple[AttributeSchema, Constant], ...] = ()
    released: int | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """What is claimed: a class, with the words for it, and what claims may take of its share."""

    words: str
    of: CheckedClass
    share: Share | None


class _Example:
    """A fleet and what is claimed of it. No dataclass: Hypothesis writes those down in full, schemas and all."""

    __slots__ = ("boards", "steps")

    def __init__(self, boards: Sequence[_Given], steps: Sequence[_Claimed]) -> None:
        self.boards = boards
        self.steps = steps

    def __repr__(self) -> str:
        return f"{len(self.boards)} boards, {len(self.steps)} steps"


class _Broken(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.actual)
        self.difference = difference


@dataclass
class _Standing:
    """One board that stands in a fleet: its devices by name, and its own values."""

    given: _Given
    devices: Mapping[str, Published]


@dataclass
class _Trial:
    """One property and everything that is generated for it."""

    policies: CheckedPolicies
    property: CheckedProperty
    features: Features
    examples: int = 0
    claims: int = 0
    met: int = 0
    programs: dict[int, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        device = self.property.device
        self.catalog = Catalog.of(self.policies)
        self.models = [m for policy in self.policies for m in policy.models.values() if m.device is device]
        self.targets = list(_targets(self.policies, device, self.property.span))[:TARGETS]
        rules = lower(self.policies, self.features)
        made = {ClassName(one.of.name): lower_class(one.of, self.features) for one in self.targets}
        self.rules: PolicyRules = replace(rules, classes={**made, **rules.classes})
        self.open = _open_values(self.policies, self.property, self.models)
        self.subject = {name: one.rule for policy in self.policies for name, one in policy.site.fields.items()}

    # ------------------------------------------------------------------------------------------------- what to try

    def search(self, examples: int) -> Difference | None:
        """A counterexample, as small as it gets; None if there was none among so many."""
        from hypothesis import HealthCheck, Phase, Verbosity, given, settings

        quiet = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            print_blob=False,
            report_multiple_bugs=False,
        )

        @quiet
        @given(self._examples())
        def attempt(example: _Example) -> None:
            self.attempt(example)

        try:
            attempt()
        except _Broken as broken:
            return broken.difference
        return None

    def _examples(self) -> st.SearchStrategy[_Example]:
        from hypothesis import strategies as st

        # What the property is about is claimed more often than what may get into its way.
        concerned = [one for one in self.targets if _concerned(one, self.property.holds.of)]
        weighted = [*concerned * (1 + 2 * len(self.targets) // max(1, len(concerned))), *self.targets]

        @st.composite
        def examples(draw: st.DrawFn) -> _Example:
            boards = [self._board(draw, st) for _ in range(draw(st.integers(1, BOARDS)))]
            steps: list[_Claimed] = []
            for number in range(draw(st.integers(1, STEPS))):
                if number and draw(st.integers(0, 4)) == 4:
                    released = draw(st.integers(0, number - 1))
                    steps.append(_Claimed(self.targets[0], 1, "", released=released))
                    continue
                target = draw(st.sampled_from(weighted))
                count = draw(st.sampled_from((1, 1, COUNT)))
                amounts = draw(st.sampled_from(_amounts(target)))
                steps.append(_Claimed(target, count, draw(st.sampled_from(NAMESPACES)), amounts))
            return _Example(boards, steps)

        return examples()

    def _board(self, draw: st.DrawFn, st: Any) -> _Given:
        model = draw(st.sampled_from(self.models))
        node = draw(st.sampled_from(NODES))
        settings: dict[AttributeSchema, tuple[Constant, ...]] = {}
        for attribute, values in self.open[model].items():
            if values and (attribute.required or draw(st.booleans())):
                settings[attribute] = draw(st.sampled_from(values))
        return _Given(model, node, settings)

    # ---------------------------------------------------------------------------------------------------- one trial

    def attempt(self, example: _Example) -> None:
        """Play an example; raises `_Broken` at the first answer with which the property does not hold."""
        self.examples += 1
        engine = Engine(features=self.features, clock=lambda: NOON)
        engine.load_rules(self.rules)
        standing = self._stand(engine, example.boards)
        made: dict[ClaimKey, _Claimed] = {}
        told = [board.text() for board in example.boards]
        for number, step in enumerate(example.steps):
            if step.released is not None:
                key = next((key for key in made if key.name == f"c{step.released}"), None)
                if key is not None and engine.release(f"{key.namespace}/{key.name}"):
                    del made[key]
                    told.append(f"release {key.name}")
                continue
            key = ClaimKey(step.namespace, f"c{number}")
            outcome = engine.allocate(
                lower_claim(_claim(step, self.property.span), self.features, key), subject=self._asker(step)
            )
            if not isinstance(outcome, Allocated):
                continue
            self.claims += 1
            made[key] = step
            amounts = "".join(f" takes {a.name} {_written((value,))}" for a, value in step.amounts)
            told.append(f'claim {key.name} {step.count} of {step.target.words}{amounts} in "{step.namespace}"')
            wrong = self._wrong(engine, standing, made)
            if wrong is not None:
                one = self.property
                raise _Broken(Difference(key.name, one.words, wrong, "; ".join(told), one.span))

    def _stand(self, engine: Engine, boards: Sequence[_Given]) -> dict[tuple[str, str], list[_Standing]]:
        fleet = Fleet(self.catalog, self.features.list_type_attributes, invented=True)
        standing: dict[tuple[str, str], list[_Standing]] = {}
        for board in boards:
            before = {key: len(pool.boards) for key, pool in fleet.pools.items()}
            fleet.give(1, board.model, board.node, board.settings)
            for key, pool in fleet.pools.items():
                for added in pool.boards[before.get(key, 0) :]:
                    devices = {one.device.name: one for one in added.devices}
                    standing.setdefault(key, []).append(_Standing(board, devices))
        engine.apply(*fleet.nodes({}), *fleet.slices())
        if not fleet.labels:
            engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODES[0]}})
        return standing

    def _asker(self, step: _Claimed) -> Mapping[str, SubjectValue]:
        """Values for what rules read of the asker: texts are another one for each namespace."""
        values: dict[str, SubjectValue] = {}
        for name, one in self.subject.items():
            match one.type:
                case FieldType.TEXT:
                    values[name] = step.namespace
                case FieldType.INT:
                    values[name] = 0
                case FieldType.BOOL:
                    values[name] = False
                case FieldType.DURATION:
                    values[name] = Fraction(3600)
                case _:
                    continue
        return values

    # ------------------------------------------------------------------------------------------------------- judged

    def _wrong(
        self, engine: Engine, standing: Mapping[tuple[str, str], Sequence[_Standing]], made: Mapping[ClaimKey, _Claimed]
    ) -> str | None:
        used = [
            _Used(key, made[key], result, *found)
            for key, allocation in engine.allocations.items()
            if key in made
            for result in allocation.devices.results
            if (found := _board_of(result, standing)) is not None
        ]
        holds = self.property.holds
        match holds:
            case SumProperty():
                return self._sum(holds, used)
            case EveryProperty():
                return self._every(holds, used)
            case AtMostProperty():
                return self._at_most(holds, used)
            case _:
                assert_never(holds)

    def _sum(self, holds: SumProperty, used: Sequence[_Used]) -> str | None:
        boards: dict[int, list[_Used]] = {}
        for one in used:
            if self._is_of(holds.of, one):
                boards.setdefault(id(one.board), []).append(one)
        for members in boards.values():
            limit = _limit(holds, members[0].board)
            if limit is None:
                continue
            self.met += 1
            seen: dict[str, Fraction] = {}
            for one in members:
                taken = one.amount(holds.measure)
                shared = (one.result.consumed_capacity or {}).get(holds.measure.published.key) is not None
                name = one.result.device
                seen[name] = seen.get(name, Fraction(0)) + taken if shared else taken
            total = sum(seen.values(), Fraction(0)) * _factor(holds)
            if not _COMPARE[holds.operator](total, limit):
                devices = ", ".join(seen)
                return f"the sum is {_amount(total)} over {devices}, and the limit is {_amount(limit)}"
        return None

    def _every(self, holds: EveryProperty, used: Sequence[_Used]) -> str | None:
        program = self._program(holds.condition)
        for one in used:
            if isinstance(holds.of, CheckedClass):
                concerned = one.claimed.target.of is holds.of
            else:
                concerned = self._is_of(holds.of, one)
            if not concerned:
                continue
            self.met += 1
            if not _meets(program, one):
                return f"device {one.result.device} does not meet it"
        return None

    def _at_most(self, holds: AtMostProperty, used: Sequence[_Used]) -> str | None:
        holders: dict[tuple[str, str], set[str]] = {}
        for one in used:
            if self._is_of(holds.of, one):
                who = one.key.namespace if holds.what == "namespaces" else f"{one.key.namespace}/{one.key.name}"
                holders.setdefault((one.result.pool, one.result.device), set()).add(who)
                self.met += 1
        for (_, device), held_by in holders.items():
            if len(held_by) > holds.count:
                return f"{len(held_by)} {holds.what} hold device {device}"
        return None

    def _is_of(self, of: Meant, one: _Used) -> bool:
        """Whether a device is one of the part, model or device that is meant."""
        program = self.programs.get(id(of))
        if program is None:
            lists = self.features.list_type_attributes
            trees = [lower_driver(of.device)]
            if of.part is not None:
                trees += [condition.tree for condition in part_conditions(of.part, "", lists)]
            elif of.model is not None:
                trees += [condition.tree for condition in value_conditions(of.model.values.values(), "", lists)]
            program = self.programs[id(of)] = compile_tree(all_of(*trees), self.features)
        return _meets(program, one)

    def _program(self, condition: CheckedCondition) -> Program:
        lowered = lower_condition(condition, lists=self.features.list_type_attributes)
        return compile_tree(lowered, self.features)


@dataclass(frozen=True, slots=True)
class _Used:
    """One device in use by one claim."""

    key: ClaimKey
    claimed: _Claimed
    result: DeviceRequestAllocationResult
    board: _Standing
    published: Published

    def amount(self, measure: AttributeSchema) -> Fraction:
        """How much of a capacity it has, or of a shared one, how much the claim consumes."""
        consumed = (self.result.consumed_capacity or {}).get(measure.published.key)
        if consumed is not None:
            return consumed.value
        constants = self.published.values.get(measure, ())
        value = constants[0].value if constants else Fraction(0)
        return value if isinstance(value, Fraction) else Fraction(0)


def _meets(program: Program, one: _Used) -> bool:
    try:
        return program.evaluate(DeviceFacts.of(one.result.driver, one.published.device))
    except EvaluationError:
        return False


def _board_of(
    result: DeviceRequestAllocationResult, standing: Mapping[tuple[str, str], Sequence[_Standing]]
) -> tuple[_Standing, Published] | None:
    for board in standing.get((result.driver, result.pool), ()):
        if result.device in board.devices:
            return board, board.devices[result.device]
    return None


def _limit(holds: SumProperty, board: _Standing) -> Fraction | None:
    """The limit for one board; None if nothing is known of it."""
    limit = holds.limit
    constant: Constant | None
    match limit:
        case Constant():
            constant = limit
        case Pool():
            model = board.given.model
            constant = limit.amount if limit.board in (model, model.device) else None
        case AttributeSchema():
            value = board.given.model.values.get(limit.name)
            own = board.given.settings.get(limit, () if value is None else value.constants)
            constant = own[0] if own else None
        case _:
            assert_never(limit)
    return constant.value if constant is not None and isinstance(constant.value, Fraction) else None


def _factor(holds: SumProperty) -> Fraction:
    type_ = holds.measure.type
    other = holds.limit.type
    assert isinstance(type_, AmountType)  # Invariant: the checker accepted the sum
    assert isinstance(other, AmountType)
    return type_.factor(other)


# ------------------------------------------------------------------------------------------------------- what is tried


def _targets(policies: CheckedPolicies, device: DeviceSchema, span: Span) -> Iterator[_Target]:
    """Everything of a device that can be claimed, under the names of its own where a policy has none."""
    for class_ in policies.classes.values():
        if class_.device is device:
            yield _Target(class_.name, class_, None if class_.part is None else class_.part.share)
    number = 0

    def made(words: str, model: ModelSchema | None, part: Part | None) -> _Target:
        nonlocal number
        number += 1
        name = f"always-{number}"
        class_ = CheckedClass(name, "", device, model, part, (), (), (), "", True, span)
        return _Target(words, class_, None if part is None else part.share)

    yield made(device.name, None, None)
    for policy in policies:
        for modes in policy.hardware.modes:
            if not _is_board_of(modes.board, device):
                continue
            for mode in modes.modes.values():
                model = modes.board if isinstance(modes.board, ModelSchema) else None
                for profile in mode.profiles or ("",):
                    words = f'{mode.name} "{profile}"' if profile else mode.name
                    yield made(words, model, _part(mode, profile))
        for share in policy.hardware.shares.values():
            if _is_board_of(share.board, device):
                model = share.board if isinstance(share.board, ModelSchema) else None
                modes_of_share = () if share.mode is None else (share.mode,)
                yield made(share.name, model, Part(share.name, (share.board,), modes_of_share, "", share))


def _concerned(target: _Target, of: CheckedClass | Meant) -> bool:
    if isinstance(of, CheckedClass):
        return target.of is of
    part = target.of.part
    if of.part is None or of.part.share is not None:
        return of.part is None or target.share is of.part.share
    return part is not None and part.share is None and any(mode in of.part.modes for mode in part.modes)


def _is_board_of(board: Board, device: DeviceSchema) -> bool:
    return board is device or (isinstance(board, ModelSchema) and board.device is device)


def _part(mode: Mode, profile: str) -> Part:
    return Part(mode.name, (mode.board,), (mode,), profile, None)


def _amounts(target: _Target) -> list[tuple[tuple[AttributeSchema, Constant], ...]]:
    """What a claim takes of a share: nothing said, or the least or the most of each amount."""
    ways: list[tuple[tuple[AttributeSchema, Constant], ...]] = [()]
    for taking in () if target.share is None else target.share.takings:
        ends = [one for one in (taking.low, taking.high, *taking.options) if one is not None]
        ways += [((taking.capacity, one),) for one in ends]
    return ways


def _claim(step: _Claimed, span: Span) -> CheckedClaim:
    takes = tuple(CheckedTakes(attribute, amount, False, span) for attribute, amount in step.amounts)
    ask = CheckedAsk("", step.count, step.target.of, False, (), takes, (), span)
    return CheckedClaim("always", "", (CheckedRequest("devices", (ask,), False, span),), (), (), (), span)


def _open_values(
    policies: CheckedPolicies, one: CheckedProperty, models: Sequence[ModelSchema]
) -> dict[ModelSchema, dict[AttributeSchema, list[tuple[Constant, ...]]]]:
    """Values for what each model leaves open: those that conditions ask about, and their neighbours."""
    asked = constants_read(policies, one)
    found: dict[ModelSchema, dict[AttributeSchema, list[tuple[Constant, ...]]]] = {}
    for model in models:
        values = found[model] = {}
        for attribute in one.device.attributes.values():
            given = model.values.get(attribute.name)
            if given is not None and given.tolerance and isinstance(one.holds, EveryProperty):
                values[attribute] = [(edge,) for edge in _edges(given.constants[0], given.tolerance)]
            elif given is None and not attribute.unique and (attribute.required or attribute in asked):
                values[attribute] = list(_some(attribute, asked.get(attribute, ()), one.span))
    return found


def _edges(constant: Constant, tolerance: Fraction) -> list[Constant]:
    """The value of a datasheet, and the least and the most that hardware may report."""
    value = constant.value
    assert isinstance(value, Fraction)  # Invariant: only amounts have a tolerance
    low, high = value * (1 - tolerance), value * (1 + tolerance)
    return [constant, *(replace(constant, value=Fraction(int(edge)), binary=False) for edge in (low, high))]


def _some(attribute: AttributeSchema, asked: Iterable[Constant], span: Span) -> Iterator[tuple[Constant, ...]]:
    type_ = attribute.type
    known = list(dict.fromkeys(asked))
    match type_:
        case BoolType():
            yield from ((Constant(type_, value, span),) for value in (False, True))
        case OneOfType(values):
            yield from ((Constant(type_, value, span),) for value in values)
        case IntType():
            numbers = {0, 1} | {n + d for c in known if isinstance(n := c.value, int) for d in (-1, 0, 1)}
            yield from ((Constant(type_, number, span),) for number in sorted(numbers))
        case AmountType():
            amounts = {Fraction(1)} | {n + d for c in known if isinstance(n := c.value, Fraction) for d in (-1, 0, 1)}
            yield from ((Constant(type_, amount, span),) for amount in sorted(amounts) if amount >= 0)
        case VersionType():
            versions = [str(c.value) for c in known] or ["1.0.0"]
            yield from ((Constant(type_, one, span),) for one in (*versions, "0.0.1", "9999.0.0"))
        case TextType():
            texts = [str(c.value) for c in known]
            yield from ((Constant(type_, text, span),) for text in (*texts, "some", "other"))
        case SetType():
            element = type_.element
            members = [c.value for c in known]
            if isinstance(element, OneOfType):
                members = [*members, *element.values]
            every = tuple(Constant(element, value, span) for value in dict.fromkeys(members))
            if every:
                yield every
            yield from ((one,) for one in every)
        case _:
            assert_never(type_)


def _written(values: Sequence[Constant]) -> str:
    return ", ".join(
        quantity_text(one.value, binary=True) or str(one.value)
        if isinstance(one.value, Fraction)
        else str(one.value).lower()
        if isinstance(one.value, bool)
        else str(one.value)
        for one in values
    )


def _amount(value: Fraction) -> str:
    return quantity_text(value, binary=value >= 1024) or str(value)


__all__ = ["EXAMPLES", "PropertyResult", "Tally", "run_properties"]
