"""Questions for the checker: random ones, and small ones written by hand."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from dra_policy.allocation import Allocated, Outcome, Unsatisfiable
from dra_policy.allocation.call import Call
from dra_policy.engine.questions import Question, Questions
from dra_policy.evidence import earlier, refutation
from dra_policy.proof import Case, Violation, check_first, check_placement, check_refutation
from dra_policy.proof.certificate import Earlier, Refutation
from dra_policy.resources import AllocationResult

Json: TypeAlias = Any
UNPROVED = (Violation("J10", "the search has no certificate for its answer"),)
HERE = Path(__file__).resolve().parent


def load(path: Path) -> ModuleType:
    """A module by its file."""
    spec = importlib.util.spec_from_file_location(f"proof_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def strategies() -> ModuleType:
    """`strategies.py` of the differential tests: random questions."""
    return load(HERE.parent / "differential" / "strategies.py")


@dataclass
class Asked:
    """A question, as the allocator and as the checker see it."""

    question: Question

    @cached_property
    def case(self) -> Case:
        question = self.question
        return Case.at(question.snapshot, question.node, question.claims, question.usage, question.classes)

    def outcome(self, step_limit: int = 20_000) -> Outcome:
        return self.question.ask(step_limit=step_limit)

    def call(self) -> Call:
        """The question as the search sees it."""
        question = self.question
        return Call(
            question.snapshot.view(question.node),
            question.graph,
            claims=self.case.claims,
            classes=self.case.classes,
            usage=self.case.usage,
            features=self.case.features,
        )

    def refutation(self) -> Refutation | None:
        """Why there is no placement, as the search writes it down; None if it finds none that would do."""
        return refutation(self.case, self.call())

    def earlier(self, placement: Allocated) -> tuple[Earlier, ...] | None:
        """Why no other placement comes first."""
        return earlier(self.case, self.call(), placement)

    def objections(self, outcome: Outcome) -> tuple[Violation, ...]:
        """What the checker has against a decision and its certificate; a certificate that is lacking is an objection."""
        match outcome:
            case Allocated():
                wrong = check_placement(self.case, outcome)
                reasons = None if wrong else self.earlier(outcome)
                first = UNPROVED if reasons is None else check_first(self.case, outcome, reasons)
                return wrong or first
            case Unsatisfiable():
                reason = self.refutation()
                return UNPROVED if reason is None else check_refutation(self.case, reason)
            case _:
                raise AssertionError(outcome)

    def placement(self) -> Allocated:
        outcome = self.outcome()
        assert isinstance(outcome, Allocated), outcome
        return outcome

    def violations(self, placement: Allocated) -> tuple[Violation, ...]:
        return check_placement(self.case, placement)


@pytest.fixture
def read() -> Callable[[Json], Asked]:
    """Read a question; nothing is remembered from one to the next."""

    def make(question: Json) -> Asked:
        return Asked(Questions().question(json.loads(json.dumps(question))))

    return make


@dataclass
class Build:
    """Objects in the API's shape, as short as they can be written."""

    @staticmethod
    def pool(devices: Sequence[Json], name: str = "p", driver: str = "gpu.io", **spec: Json) -> Json:
        """A slice that is a whole pool."""
        pool = {"name": name, "generation": 1, "resourceSliceCount": 1} | spec.pop("pool", {})
        place = {} if {"allNodes", "nodeSelector", "perDeviceNodeSelection"} & set(spec) else {"nodeName": "node-1"}
        return {
            "metadata": {"name": spec.pop("named", f"{driver}-{name}")},
            "spec": {"driver": driver, "pool": pool, "devices": list(devices), **place, **spec},
        }

    @staticmethod
    def devices(count: int, **members: Json) -> list[Json]:
        """Devices `d0`, `d1` and so on, which are alike."""
        return [{"name": f"d{number}", **members} for number in range(count)]

    @staticmethod
    def request(name: str = "r", count: int = 1, **members: Json) -> Json:
        return {"name": name, "exactly": {"deviceClassName": "any", "count": count, **members}}

    @staticmethod
    def claim(*requests: Json, name: str = "claim", **members: Json) -> Json:
        return {"metadata": {"name": name}, "spec": {"devices": {"requests": list(requests), **members}}}

    @staticmethod
    def question(slices: Sequence[Json], claims: Sequence[Json], **members: Json) -> Json:
        node = {"metadata": {"name": "node-1", "labels": {"zone": "a"}}}
        classes = [{"metadata": {"name": "any"}, "spec": {}}]
        return {"node": node, "classes": classes, "slices": list(slices), "claims": list(claims)} | members


@pytest.fixture(scope="session")
def build() -> Build:
    return Build()


@pytest.fixture(scope="session")
def altered() -> Callable[..., Allocated]:
    """A placement in which one device of one claim is written otherwise, or left out if nothing is said of it."""

    def change(placement: Allocated, claim: int, number: int, /, **members: Json) -> Allocated:
        result = placement.results[claim]
        written = list(result.devices.results)
        if members:
            written[number] = written[number].model_copy(update=members)
        else:
            del written[number]
        return replaced(placement, claim, devices=result.devices.model_copy(update={"results": tuple(written)}))

    return change


@pytest.fixture(scope="session")
def rewritten() -> Callable[..., Allocated]:
    """A placement in which the result of one claim has other members."""
    return replaced


def replaced(placement: Allocated, claim: int, /, **members: Json) -> Allocated:
    results: list[AllocationResult] = list(placement.results)
    results[claim] = results[claim].model_copy(update=members)
    return Allocated(placement.node, placement.claims, tuple(results), placement.steps)


@pytest.fixture
def read_all() -> Callable[[Json], Asked]:
    """Read questions, of which successive ones share what they have in common."""
    questions = Questions()
    return lambda question: Asked(questions.question(question))


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line that is seen whether or not the test passes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n{text}\n")
            sys.stdout.flush()

    return line
