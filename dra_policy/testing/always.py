"""Properties that `always` hold, tried on generated fleets and claims.

Boards of every declared model are generated, with values for what models leave open, and claims that come and go:
of each class of the device, each mode, profile and share. After every answer the property is judged on what is in use.
Runs are the same each time (derandomized) and counted; a counterexample is made as small as Hypothesis can.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, assert_never

from dra_policy.allocation import Allocated
from dra_policy.diagnostics import Diagnostic, InvalidInput, Severity
from dra_policy.engine import Engine
from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_tree
from dra_policy.expression.tree import all_of
from dra_policy.language.boards import Pool
from dra_policy.language.checked import (
    CheckedClass,
    CheckedCondition,
    CheckedPolicies,
)
from dra_policy.language.lowered import PolicyRules, lower
from dra_policy.language.lowering import lower_claim, lower_class, part_conditions, value_conditions
from dra_policy.language.parts import Meant
from dra_policy.language.predicates import lower_condition, lower_driver
from dra_policy.language.properties import AtMostProperty, CheckedProperty, EveryProperty, SumProperty
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.types import (
    AmountType,
    Constant,
)
from dra_policy.render import Catalog, Fleet
from dra_policy.render.boards import Published
from dra_policy.resources import DeviceRequestAllocationResult, Features
from dra_policy.rules import ClaimKey, ClassName
from dra_policy.rules.subjects import FieldType, SubjectValue
from dra_policy.testing.generating import (
    Claimed,
    Given,
    amount_text,
    amounts_of,
    claim_of,
    is_concerned,
    open_values,
    targets_of,
    written,
)
from dra_policy.testing.policy_tests import Difference, TestResult

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


class _Example:
    """A fleet and what is claimed of it. No dataclass: Hypothesis writes those down in full, schemas and all."""

    __slots__ = ("boards", "steps")

    def __init__(self, boards: Sequence[Given], steps: Sequence[Claimed]) -> None:
        self.boards = boards
        self.steps = steps

    def __repr__(self) -> str:
        return f"{len(self.boards)} boards, {len(self.steps)} steps"


class _Broken(Exception):
    def __init__(self, difference: Difference, example: _Example) -> None:
        super().__init__(difference.actual)
        self.difference = difference
        self.example = example


@dataclass
class _Standing:
    """One board that stands in a fleet: its devices by name, and its own values."""

    given: Given
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
        self.targets = list(targets_of(self.policies, device, self.property.span))[:TARGETS]
        rules = lower(self.policies, self.features)
        made = {ClassName(one.of.name): lower_class(one.of, self.features) for one in self.targets}
        self.rules: PolicyRules = replace(rules, classes={**made, **rules.classes})
        self.open = open_values(self.policies, self.property, self.models)
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
            return self._smaller(broken)
        return None

    def _smaller(self, broken: _Broken) -> Difference:
        """The difference of an example that has neither a board nor a step too many."""
        part = 0
        while part < len(broken.example.boards) + len(broken.example.steps):
            boards, steps = list(broken.example.boards), list(broken.example.steps)
            if part < len(boards):
                del boards[part]
            else:
                del steps[part - len(boards)]
            try:
                self.attempt(_Example(boards, steps))
            except _Broken as smaller:
                broken = smaller
            else:
                part += 1
        return broken.difference

    def _examples(self) -> st.SearchStrategy[_Example]:
        from hypothesis import strategies as st

        # What the property is about is claimed more often than what may get into its way.
        concerned = [one for one in self.targets if is_concerned(one, self.property.holds.of)]
        weighted = [*concerned * (1 + 2 * len(self.targets) // max(1, len(concerned))), *self.targets]

        @st.composite
        def examples(draw: st.DrawFn) -> _Example:
            boards = [self._board(draw, st) for _ in range(draw(st.integers(1, BOARDS)))]
            steps: list[Claimed] = []
            for number in range(draw(st.integers(1, STEPS))):
                if number and draw(st.integers(0, 4)) == 4:
                    released = draw(st.integers(0, number - 1))
                    steps.append(Claimed(self.targets[0], 1, "", released=released))
                    continue
                target = draw(st.sampled_from(weighted))
                count = draw(st.sampled_from((1, 1, COUNT)))
                amounts = draw(st.sampled_from(amounts_of(target)))
                steps.append(Claimed(target, count, draw(st.sampled_from(NAMESPACES)), amounts))
            return _Example(boards, steps)

        return examples()

    def _board(self, draw: st.DrawFn, st: Any) -> Given:
        model = draw(st.sampled_from(self.models))
        node = draw(st.sampled_from(NODES))
        settings: dict[AttributeSchema, tuple[Constant, ...]] = {}
        for attribute, values in self.open[model].items():
            if values and (attribute.required or draw(st.booleans())):
                settings[attribute] = draw(st.sampled_from(values))
        return Given(model, node, settings)

    # ---------------------------------------------------------------------------------------------------- one trial

    def attempt(self, example: _Example) -> None:
        """Play an example; raises `_Broken` at the first answer with which the property does not hold."""
        self.examples += 1
        engine = Engine(features=self.features, clock=lambda: NOON)
        engine.load_rules(self.rules)
        try:
            standing = self._stand(engine, example.boards)
        except InvalidInput:
            return  # no cluster has such devices: the API server refuses them
        made: dict[ClaimKey, Claimed] = {}
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
                lower_claim(claim_of(step, self.property.span), self.features, key), subject=self._asker(step)
            )
            if not isinstance(outcome, Allocated):
                continue
            self.claims += 1
            made[key] = step
            amounts = "".join(f" takes {a.name} {written((value,))}" for a, value in step.amounts)
            told.append(f'claim {key.name} {step.count} of {step.target.words}{amounts} in "{step.namespace}"')
            wrong = self._wrong(engine, standing, made)
            if wrong is not None:
                one = self.property
                raise _Broken(Difference(key.name, one.words, wrong, "; ".join(told), one.span), example)

    def _stand(self, engine: Engine, boards: Sequence[Given]) -> dict[tuple[str, str], list[_Standing]]:
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

    def _asker(self, step: Claimed) -> Mapping[str, SubjectValue]:
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
        self, engine: Engine, standing: Mapping[tuple[str, str], Sequence[_Standing]], made: Mapping[ClaimKey, Claimed]
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
                return f"the sum is {amount_text(total)} over {devices}, and the limit is {amount_text(limit)}"
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
    claimed: Claimed
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


__all__ = ["EXAMPLES", "PropertyResult", "Tally", "run_properties"]
