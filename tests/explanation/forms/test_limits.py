"""Every form keeps to its limits, whatever rules and names say; the cut is at a sentence, in bytes, never in a rune."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.engine import Engine
from dra_policy.explanation import Explanation, Kind
from dra_policy.explanation.forms import (
    CONDITION_BYTES,
    CONDITION_REASON,
    CONDITION_REASON_LENGTH,
    EVENT_REASON,
    NOTE_BYTES,
    REASONS,
    UNPLACED,
)
from dra_policy.explanation.schema import ExplanationData, json_schema
from dra_policy.explanation.words import cut
from dra_policy.source import Source

SENTENCES = st.lists(st.text(alphabet="aäß€𝄞 `", min_size=1, max_size=12), min_size=1, max_size=12).map("; ".join)


@given(SENTENCES, st.integers(min_value=4, max_value=200))
def test_what_is_cut_fits_and_ends_with_a_sentence(text: str, limit: int) -> None:
    made = cut(text, limit)
    assert len(made.encode()) <= limit
    if len(text.encode()) <= limit:
        assert made == text
        return
    kept = made.removesuffix("...")
    assert made.endswith("...")
    assert text.startswith(kept)
    room = text.encode()[: limit - 3].decode(errors="ignore")
    assert kept.endswith("; ") or ("; " not in room and kept == room)
    # Nothing that would have fitted is missing.
    assert "; " not in room[len(kept) :]


LONG = "ä𝄞€" * 400


@pytest.fixture(scope="module")
def wordy() -> Explanation:
    """A refusal by many rules, each with more to say than any form takes."""
    rules = "\n".join(f'require speed >= {n} because "{n} {LONG}"' for n in range(3, 60))
    text = (
        "policy gpu.acme.com version 1.0.0 language 1\n"
        "device AcmeGpu { driver gpu.acme.com attribute speed int }\n"
        f"class gpu of AcmeGpu {{ {rules} }}\nclaim fast {{ request gpu = 30 of gpu }}\n"
    )
    engine = Engine()
    devices = [{"name": f"gpu-{n}", "attributes": {"speed": {"int": n}}} for n in range(64)]
    pool = {"name": "node-1", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.acme.com", "nodeName": "node-1", "pool": pool, "devices": devices}
    engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": spec})
    engine.load(Source("gpu.dra", text))
    return engine.explain("fast")


def test_an_event_and_a_condition_keep_to_their_limits(wordy: Explanation) -> None:
    sentence = wordy.sentence()
    assert len(sentence.encode()) > CONDITION_BYTES
    event, condition = wordy.event(), wordy.condition()
    assert len(event.note.encode()) <= NOTE_BYTES
    assert NOTE_BYTES // 2 < len(condition.message.encode()) <= CONDITION_BYTES
    for said in (event.note, condition.message):
        assert said.endswith("...")
        assert sentence.startswith(said.removesuffix("..."))
        said.encode().decode()
    assert (event.type, condition.status, condition.type) == ("Warning", "False", "DevicesAvailable")


def test_reasons_are_what_kubernetes_takes() -> None:
    reasons = [*REASONS.values(), UNPLACED]
    assert set(REASONS) == set(Kind)
    assert len(set(reasons)) == len(reasons)
    for reason in reasons:
        assert re.fullmatch(r"[A-Z][A-Za-z]*", reason)
        assert CONDITION_REASON.fullmatch(reason)
        assert len(reason) <= min(EVENT_REASON, CONDITION_REASON_LENGTH)


def test_without_a_situation_the_outcome_is_told(wordy: Explanation) -> None:
    bare = Explanation(wordy.claims, wordy.outcome)
    assert bare == wordy
    assert bare.kind is None
    assert bare.relaxations == ()
    assert bare.event().reason == UNPLACED
    assert "    request `gpu` wants 30 devices" in bare.text()
    assert bare.markdown().startswith("### default/fast: refused\n")
    assert "kind" not in bare.data(verbose=True)


def test_markdown_is_not_marked_up_by_what_others_wrote(make_engine: Callable[..., Engine], make_claim: Any) -> None:
    engine = make_engine([{"name": "gpu-0", "attributes": {"model": {"string": "a"}}}])
    selector = 'device.attributes["gpu.acme.com"].model == "<script>*b*|```"'
    explanation = engine.explain(make_claim("one", {"name": "gpu", "selector": selector}))
    text = explanation.markdown()
    fence = re.search(r"^(`{3,})text$(.*?)^\1$", text, re.MULTILINE | re.DOTALL)
    assert fence is not None
    outside = re.sub(r"`[^`\n]*`", "", text.replace(fence[0], ""))
    assert "<script" not in outside.replace("\\<", "")
    assert "|" not in outside.replace("\\|", "")
    assert not re.search(r"(?<!\\)\*b", outside)


def preferring() -> Explanation:
    """A claim that would rather have devices close together, and some more than others."""
    text = """policy gpu.acme.com version 1.0.0 language 1
    import std.numa
    device Gpu { driver gpu.acme.com  attribute numa std.numa.node  attribute lane int }
    class any of Gpu
    claim two { request gpu = 2 of any { same numa else same node } prefer lane == 1 }
    """
    engine = Engine()
    engine.load(Source("gpu.dra", text))
    devices = [
        {"name": f"gpu-{n}", "attributes": {"resource.kubernetes.io/numaNode": {"int": n % 2}, "lane": {"int": n}}}
        for n in range(4)
    ]
    pool = {"name": "node-1", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.acme.com", "nodeName": "node-1", "pool": pool, "devices": devices}
    engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": spec})
    return engine.explain("two")


def refused_for_now() -> Explanation:
    """A claim that has to wait until the nodes are patched."""
    text = """policy gpu.acme.com version 1.0.0 language 1
    device Gpu { driver gpu.acme.com }
    class any of Gpu
    claim one { request gpu = 1 of any }
    window patch { on 2026-11-23 18:00 to 22:00 tz UTC }
    refuse any when now in patch because "the nodes are patched"
    """
    engine = Engine()
    engine.load(Source("gpu.dra", text))
    pool = {"name": "node-1", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.acme.com", "nodeName": "node-1", "pool": pool, "devices": [{"name": "gpu-0"}]}
    engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": spec})
    return engine.explain("one", at=datetime(2026, 11, 23, 19, tzinfo=UTC))


def test_what_waits_for_a_time_says_until_when() -> None:
    explanation = refused_for_now()
    assert "not now: it fits on node-1 from 2026-11-23 22:00 UTC on" in explanation.text()
    assert explanation.data(verbose=True)["after"] == "2026-11-23T22:00:00+00:00"


def test_the_data_of_every_outcome_has_the_documented_shape(
    explained: Callable[[str, str | None], Explanation], wordy: Explanation
) -> None:
    explanations = [wordy, Explanation(wordy.claims, wordy.outcome)]
    explanations += [explained(number, None) for number in ("01", "05", "10", "18", "22", "24")]
    explanations += [explained(number, "dgx-h100-01") for number in ("06", "15", "20")]
    explanations += [preferring(), refused_for_now()]
    seen: set[str] = set()
    for explanation in explanations:
        for verbose in (False, True):
            data = explanation.data(verbose=verbose)
            assert json.loads(json.dumps(data)) == data
            ExplanationData.model_validate(data)
            seen |= set(data)
        assert explanation.text(verbose=True).startswith(explanation.text().splitlines()[0])
    wanted = set(json_schema()["properties"]) - {"steps", "unclaimed", "holders", "updating"}
    assert wanted <= seen, wanted - seen
