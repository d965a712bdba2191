"""Questions as JSON: what may be written, what is in use, what is wrong with a line, and all cases of upstream's table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.allocation.pruning import Pruning
from dra_policy.diagnostics import InvalidInput
from dra_policy.engine.questions import Question, Questions
from dra_policy.resources import FEATURE_NAMES, Features

TABLE = Path(__file__).parents[1] / "data" / "conformance" / "allocator.jsonl"
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]

Json = dict[str, Any]
GPU = {"driver": "gpu.io", "pool": "pool", "device": "gpu-0"}


def slice_of(*devices: Json, name: str = "slice", count: int = 1, **spec: Any) -> Json:
    pool = {"name": "pool", "generation": 1, "resourceSliceCount": count}
    whole = {"driver": "gpu.io", "nodeName": "node", "pool": pool, "devices": list(devices), **spec}
    return {"metadata": {"name": name}, "spec": whole}


def claim_of(name: str = "claim", **exactly: Any) -> Json:
    request = {"name": "gpu", "exactly": {"deviceClassName": "any", **exactly}}
    return {"metadata": {"name": name}, "spec": {"devices": {"requests": [request]}}}


def question_of(**members: Any) -> Json:
    return {
        "id": "q",
        "node": {"metadata": {"name": "node"}},
        "classes": [{"metadata": {"name": "any"}}],
        "slices": [slice_of({"name": "gpu-0"}, {"name": "gpu-1"})],
        "claims": [claim_of()],
        **members,
    }


def answer_to(question: Json, **options: Any) -> Json:
    return Questions(**options).answer(json.dumps(question)).data()


def devices(answer: Json) -> list[str]:
    return [result["device"] for one in answer["results"] for result in one["devices"].get("results", [])]


def outcome(answer: Json) -> str:
    if answer["error"] is not None:
        return "node error" if answer["nodeOnly"] else "error"
    return "success" if answer["allocated"] else "nil"


# --- the shape of an answer


def test_an_answer_has_the_members_of_its_kind():
    names = ["id", "results", "allocated", "error", "nodeOnly", "gaveUp"]
    assert list(answer_to(question_of())) == names
    assert answer_to(question_of(slices=[])) == dict(zip(names, ["q", None, False, None, False, False], strict=True))


def test_results_are_the_api_s():
    answer = answer_to(question_of())
    result = {"request": "gpu", **GPU}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node"]}]}
    assert answer["results"] == [{"devices": {"results": [result]}, "nodeSelector": {"nodeSelectorTerms": [term]}}]


def test_the_name_stands_in_for_an_absent_id():
    question = question_of(name="other")
    assert answer_to(question)["id"] == "q"
    del question["id"]
    assert answer_to(question)["id"] == "other"
    assert answer_to({**question, "name": 7})["id"] == 7


def test_no_claims_are_an_empty_success():
    for empty in ([], None):
        answer = answer_to(question_of(claims=empty))
        assert (answer["results"], answer["allocated"]) == ([], True)


def test_a_claim_without_requests_has_an_allocation_without_devices():
    bare = {"metadata": {"name": "bare"}, "spec": {"devices": {}}}
    assert answer_to(question_of(claims=[bare]))["results"] == [{"devices": {}}]


def test_a_search_that_stops_is_neither_yes_nor_no():
    answer = answer_to(question_of(claims=[claim_of(count=2)]), step_limit=1)
    assert (answer["allocated"], answer["results"], answer["error"], answer["gaveUp"]) == (False, None, None, True)


# --- features


def test_absent_features_are_the_defaults_and_given_ones_all_that_is_on():
    questions = Questions()
    assert questions.question(question_of()).features == Features()
    assert questions.question(question_of(features=None)).features == Features()
    assert questions.question(question_of(features={})).features == Features.named({})
    switched = questions.question(question_of(features={"AdminAccess": True, "DeviceTaints": False})).features
    assert switched == Features.named({"AdminAccess": True})
    assert questions.question(question_of(features=dict.fromkeys(FEATURE_NAMES.values(), True))).features == (
        Features.all()
    )


def test_one_slice_list_under_two_sets_of_features_is_read_under_each():
    questions = Questions()
    tainted = slice_of({"name": "gpu-0", "taints": [{"key": "sick", "effect": "NoSchedule"}]})
    question = question_of(slices=[tainted])
    assert outcome(questions.answer(json.dumps(question)).data()) == "nil"
    assert outcome(questions.answer(json.dumps(question | {"features": {}})).data()) == "success"
    assert outcome(questions.answer(json.dumps(question)).data()) == "nil"


# --- what is in use


def test_devices_in_use_as_a_list_or_as_claims():
    held = {"metadata": {"name": "h"}, "status": {"allocation": {"devices": {"results": [{"request": "r", **GPU}]}}}}
    for members in ({"allocatedDevices": [GPU]}, {"allocatedClaims": [held]}):
        assert devices(answer_to(question_of(**members))) == ["gpu-1"]


def test_an_admin_s_devices_and_claims_without_devices_are_not_in_use():
    result = {"request": "r", "adminAccess": True, **GPU}
    held = {"metadata": {"name": "h"}, "status": {"allocation": {"devices": {"results": [result]}}}}
    waiting = {"metadata": {"name": "w"}, "status": {}}
    assert devices(answer_to(question_of(allocatedClaims=[held, waiting]))) == ["gpu-0"]


def shareable() -> Json:
    return {"name": "gpu-0", "allowMultipleAllocations": True, "capacity": {"slots": {"value": "2"}}}


@pytest.mark.parametrize(("taken", "expected"), [("1", "success"), ("2", "nil")])
def test_shares_leave_what_they_do_not_consume(taken, expected):
    share = {**GPU, "shareID": "a"}
    consumed = {"consumedCapacity": {"slots": taken}}
    listed = {"allocatedSharedDevices": [share], "aggregatedCapacity": [{**GPU, **consumed}]}
    results = [{"request": "r", **share, **consumed}]
    held = {"metadata": {"name": "h"}, "status": {"allocation": {"devices": {"results": results}}}}
    wanted = claim_of(capacity={"requests": {"slots": "1"}})
    for members in (listed, {"allocatedClaims": [held]}):
        question = question_of(slices=[slice_of(shareable())], claims=[wanted], **members)
        assert outcome(answer_to(question)) == expected


def test_without_consumable_capacity_a_claim_s_share_is_exclusive_but_a_given_share_is_not_looked_at():
    share = {**GPU, "shareID": "a"}
    held = {"metadata": {"name": "h"}, "status": {"allocation": {"devices": {"results": [{"request": "r", **share}]}}}}
    question = question_of(slices=[slice_of(shareable())], features={"PartitionableDevices": True})
    assert outcome(answer_to(question | {"allocatedClaims": [held]})) == "nil"  # J12
    assert outcome(answer_to(question | {"allocatedSharedDevices": [share]})) == "success"
    # Counters are charged for it all the same (G3).
    drawing = {**shareable(), "consumesCounters": [{"counterSet": "s", "counters": {"c": {"value": "1"}}}]}
    counters = slice_of(name="sets", count=2, sharedCounters=[{"name": "s", "counters": {"c": {"value": "1"}}}])
    question["slices"] = [slice_of(drawing, count=2), counters]
    assert outcome(answer_to(question)) == "success"
    assert outcome(answer_to(question | {"allocatedSharedDevices": [share]})) == "nil"


# --- objects


def test_slices_of_one_name_are_two_slices():
    published = [slice_of({"name": "gpu-0"}, count=2), slice_of({"name": "gpu-1"}, count=2)]
    assert devices(answer_to(question_of(slices=published, claims=[claim_of(count=2)]))) == ["gpu-0", "gpu-1"]


def test_an_unknown_mode_reaches_the_allocator():
    answer = answer_to(question_of(claims=[claim_of(allocationMode="Most")]))
    assert outcome(answer) == "error"
    assert "unknown allocation mode `Most`" in answer["error"]
    assert answer["error"].startswith("claim claim, request gpu: ")


def test_objects_may_say_what_they_are_even_in_an_older_version():
    old = {
        "apiVersion": "resource.k8s.io/v1beta1",
        "kind": "ResourceClaim",
        "metadata": {"name": "old"},
        "spec": {"devices": {"requests": [{"name": "gpu", "deviceClassName": "any"}]}},
    }
    assert devices(answer_to(question_of(claims=[old]))) == ["gpu-0"]
    wrong = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    error = answer_to(question_of(claims=[wrong]))["error"]
    assert error == "line 1, claims[0].kind: RES003 expected an object of kind `ResourceClaim`, got `Node`"


# --- what is wrong with a line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not json", "line 3, column 2: YML001 expected a key in double quotes"),
        ("[]", "line 3, column 1: RES001 a question is a JSON object"),
        ("{} {}", "line 3, column 1: RES001 expected one JSON object in the line, got 2"),
        ('{"id": 1, "id": 2}', "line 3, column 11: YML002 the key `id` is written twice"),
        ('{"id": NaN}', "line 3, column 8: YML001 `NaN` is not JSON"),
        ("[" * 100_000, "line 3, column 101: YML003 more than 100 levels of nesting"),
        ('{"id":' + "[" * 200 + "]" * 200 + "}", "YML003 more than 100 levels of nesting"),
        (b"\xff\xfe{", "SRC002"),
        ("{}", "line 3, claims: RES001 the question has no `claims` (write `claims`); line 3, node: RES001"),
        ('{"node": {}, "claims": {}}', "line 3, claims: RES005 expected a list"),
        ('{"node": [], "claims": []}', "line 3, node: RES005 expected an object, got a list"),
        ('{"node": {}, "claims": [{"spec": {"devices": {"request": []}}}]}', "claims[0].spec.devices.request: RES004"),
        (
            '{"node": {}, "claims": [], "features": {"Taints": true}}',
            "line 3, features.Taints: RES004 no feature `Taints`",
        ),
        (
            '{"node": {}, "claims": [], "features": {"DeviceTaints": 1}}',
            "features.DeviceTaints: RES005 expected true or",
        ),
        ('{"node": {}, "claims": [], "features": []}', "line 3, features: RES005 expected an object"),
        ('{"node": {}, "claims": [], "allocatedDevices": [{"driver": 1}]}', "allocatedDevices[0].driver: RES005"),
        (
            '{"node": {}, "claims": [], "aggregatedCapacity": [{"consumedCapacity": {"a": "x"}}]}',
            "RES006 text `x` is not",
        ),
    ],
)
def test_a_broken_line_is_an_error_that_says_where(line, words):
    answer = Questions().answer(line, number=3)
    assert answer.outcome is None
    assert words in answer.data()["error"]
    assert outcome(answer.data()) == "error"


def test_all_mistakes_of_a_line_are_told_and_its_id_comes_back():
    question = question_of(features={"Nope": True}, slices=[{"spec": {"nodename": "n"}}])
    answer = answer_to(question)
    assert answer["id"] == "q"
    assert re.findall(r"line 1, (\S+): RES004", answer["error"]) == ["features.Nope", "slices[0].spec.nodename"]
    assert "did you mean `nodeName`?" in answer["error"]
    with pytest.raises(InvalidInput):
        Questions().question(question)


def test_a_mistake_is_told_every_time():
    questions = Questions()
    line = json.dumps(question_of(slices=[{"spec": {"nodename": "n"}}]))
    assert questions.answer(line).data() == questions.answer(line).data()


def test_equal_numbers_of_other_types_are_told_apart():
    questions = Questions()
    flagged = slice_of({"name": "gpu-0", "attributes": {"on": {"bool": True}}})
    numbered = slice_of({"name": "gpu-0", "attributes": {"on": {"bool": 1}}})
    assert outcome(questions.answer(json.dumps(question_of(slices=[flagged]))).data()) == "success"
    assert outcome(questions.answer(json.dumps(question_of(slices=[numbered]))).data()) == "error"


def test_half_a_surrogate_pair_is_read_as_kubernetes_reads_it():
    line = json.dumps(question_of()).replace('"q"', '"\\ud800"')
    assert Questions().answer(line).data()["id"] == "\N{REPLACEMENT CHARACTER}"


# --- checked


def test_checked_questions_are_refused_where_the_api_server_would_refuse():
    question = question_of(
        claims=[claim_of(allocationMode="Most")], classes=[{"metadata": {"name": "Any"}}], slices=[slice_of()]
    )
    error = answer_to(question, checked=True)["error"]
    assert "line 1, claims[0].spec.devices.requests[0].exactly.allocationMode: RES" in error
    assert "line 1, classes[0].metadata.name: RES" in error
    assert answer_to(question_of(), checked=True) == answer_to(question_of())


def test_checked_questions_have_expressions_that_compile():
    broken = {"metadata": {"name": "any"}, "spec": {"selectors": [{"cel": {"expression": "1 +"}}]}}
    wanted = claim_of(selectors=[{"cel": {"expression": "device.driver"}}])
    error = answer_to(question_of(classes=[broken], claims=[wanted]), checked=True)["error"]
    assert "line 1, classes[0].spec.selectors[0].cel.expression: CEL" in error
    assert "line 1, claims[0].spec.devices.requests[0].exactly.selectors[0].cel.expression: CEL013" in error


def test_even_an_empty_capacity_needs_its_feature():
    question = question_of(claims=[claim_of(capacity={})])
    assert outcome(answer_to(question)) == "success"
    assert outcome(answer_to(question | {"features": {}})) == "error"
    assert outcome(answer_to(question_of(features={}))) == "success"


# --- upstream's table


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case_of_upstream_s_table_is_a_question(case):
    answer = Questions().answer(json.dumps(case))
    assert answer.id == case["name"]
    expected = {"empty": "success"}.get(case["outcome"], case["outcome"])
    if case["errorFailsOnlyThisNode"]:
        expected = "node error"
    assert outcome(answer.data()) == expected
    if isinstance(answer.outcome, Allocated):
        wanted = [r["device"] for one in case["results"] or [] for r in one["devices"].get("results") or []]
        assert sorted(devices(answer.data())) == sorted(wanted)


# --- how it is asked


def test_what_the_first_question_would_wait_for_can_be_built_before(monkeypatch):
    answered: list[Any] = []
    whole = Question.ask

    def ask(self: Question, **options: Any) -> Any:
        answered.append(whole(self, **options))
        return answered[-1]

    monkeypatch.setattr(Question, "ask", ask)
    Questions.ready()
    (outcome,) = answered
    assert isinstance(outcome, Allocated), outcome


def test_prunings_change_the_steps_and_not_the_answer():
    gpus = slice_of(*({"name": f"gpu-{n}"} for n in range(5)))
    question = question_of(slices=[gpus], claims=[claim_of(f"claim-{n}") for n in range(6)])
    steps = []
    for options in ({}, {"prunings": frozenset()}, {"prunings": frozenset({Pruning.MATCHING})}):
        answer = Questions(**options).answer(json.dumps(question))
        assert isinstance(answer.outcome, Unsatisfiable)
        steps.append(answer.outcome.steps)
    assert steps[0] < 100 < steps[1]
    assert steps[2] < steps[1]
