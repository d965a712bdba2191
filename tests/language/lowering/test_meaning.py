"""What conditions mean: lowered rules, printed CEL and a plain reading in Python agree on every device."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.diagnostics import as_text
from dra_policy.expression import DeviceFacts, compile_cel, to_cel
from dra_policy.language import load, lower, to_device_class
from dra_policy.resources import Device, Features, Quantity, to_object
from dra_policy.rules import ClassName, class_rules
from dra_policy.source import Source

SCHEMA = """
policy gpu.acme.com version 1.0.0 language 1
import std.numa
device Gpu {
  driver gpu.acme.com
  attribute uuid     text
  attribute arch     one of Ampere, Hopper, "Ada Lovelace"
  attribute ver      version publish as driverVersion
  attribute numa     std.numa.node optional
  attribute minor    int absent means 7
  attribute features set of text publish as list or flags "feature_{value}"
  attribute grade    text absent means "b"
  attribute kind     one of x, y absent means x
  attribute fw       version absent means 1.2
  attribute tags     set of text optional
  attribute ports    set of int
  flag      ecc      absent means false
  flag      healthy  absent means true
  capacity  memory   bytes
  capacity  line     bits per second optional
  capacity  streams  count absent means 4
}
define modern of Gpu = arch == Hopper or ver >= 600.0
"""
G = 1024**3


@dataclass(frozen=True)
class Atom:
    """A condition as text, what it reads that every device must publish, and its meaning."""

    text: str
    required: frozenset[str]
    meaning: Any


def atom(text: str, required: str, meaning: Any) -> Atom:
    return Atom(text, frozenset(required.split()), meaning)


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


ATOMS = [
    atom('uuid == "GPU-1"', "uuid", lambda d: d["uuid"] == "GPU-1"),
    atom('uuid starts with "GPU" and not uuid ends with "1"', "uuid", lambda d: d["uuid"] == "GPU-2"),
    atom('uuid contains "pu" ignoring case', "uuid", lambda d: "pu" in d["uuid"].lower()),
    atom('uuid matches "^gpu-[0-9]$" ignoring case', "uuid", lambda d: d["uuid"] in ("GPU-1", "GPU-2", "gpu-3")),
    atom("arch == Hopper", "arch", lambda d: d["arch"] == "Hopper"),
    atom("arch != Ampere", "arch", lambda d: d["arch"] != "Ampere"),
    atom('arch in Ampere, "Ada Lovelace"', "arch", lambda d: d["arch"] in ("Ampere", "Ada Lovelace")),
    atom("arch not in Ampere", "arch", lambda d: d["arch"] != "Ampere"),
    atom("ver >= 550.54", "ver", lambda d: version(d["ver"]) >= (550, 54, 0)),
    atom("550.54 > ver", "ver", lambda d: version(d["ver"]) < (550, 54, 0)),
    atom("ver in 550.54, 600.0", "ver", lambda d: d["ver"] in ("550.54.0", "600.0.0")),
    atom("ver != 600.0", "ver", lambda d: d["ver"] != "600.0.0"),
    atom("has numa and numa == 0", "", lambda d: d.get("numa") == 0),
    atom("not has numa or numa < 2", "", lambda d: d.get("numa", 0) < 2),
    atom("has numa and numa in 1, 2", "", lambda d: d.get("numa") in (1, 2)),
    atom("minor >= 7", "", lambda d: d.get("minor", 7) >= 7),
    atom("minor not in 7, 8", "", lambda d: d.get("minor", 7) not in (7, 8)),
    atom('"fp8" in features', "features", lambda d: "fp8" in d["features"]),
    atom('"bf16" not in features', "features", lambda d: "bf16" not in d["features"]),
    atom("true", "", lambda _: True),
    atom('grade == "b"', "", lambda d: d.get("grade", "b") == "b"),
    atom('grade starts with "A" ignoring case', "", lambda d: d.get("grade", "b") == "a1"),
    atom("kind != y", "", lambda d: d.get("kind", "x") != "y"),
    atom("kind in x, y and kind == x", "", lambda d: d.get("kind", "x") == "x"),
    atom("fw >= 1.2", "", lambda d: version(d.get("fw", "1.2.0")) >= (1, 2, 0)),
    atom("fw == 1.2", "", lambda d: d.get("fw", "1.2.0") == "1.2.0"),
    atom("fw <= ver", "ver", lambda d: version(d.get("fw", "1.2.0")) <= version(d["ver"])),
    atom("streams > 4", "", lambda d: d.get("streams", 4) > 4),
    atom("streams in 4, 8", "", lambda d: d.get("streams", 4) in (4, 8)),
    atom('has tags and "a" in tags', "", lambda d: "a" in d.get("tags", ())),
    atom("not has tags or grade in tags", "", lambda d: "tags" not in d or d.get("grade", "b") in d["tags"]),
    atom("1 in ports and 2 not in ports", "ports", lambda d: 1 in d["ports"] and 2 not in d["ports"]),
    atom("uuid == grade", "uuid", lambda d: d["uuid"] == d.get("grade", "b")),
    atom("has line and line > 0 bit/s or streams == 8", "", lambda d: "line" in d or d.get("streams", 4) == 8),
    atom("ecc", "", lambda d: d.get("ecc", False)),
    atom("healthy", "", lambda d: d.get("healthy", True)),
    atom("ecc != healthy", "", lambda d: d.get("ecc", False) != d.get("healthy", True)),
    atom("memory >= 40 GiB", "memory", lambda d: d["memory"] >= 40 * G),
    atom("memory < 640 Gbit", "memory", lambda d: d["memory"] < 80 * 10**9),
    atom("memory in 40Gi, 80Gi", "memory", lambda d: d["memory"] in (40 * G, 80 * G)),
    atom("80Gi > memory", "memory", lambda d: d["memory"] < 80 * G),
    atom("has line and line >= 50 GB/s", "", lambda d: d.get("line", 0) >= 400 * 10**9),
    atom("modern", "arch ver", lambda d: d["arch"] == "Hopper" or version(d["ver"]) >= (600, 0, 0)),
]

VALUES: dict[str, Any] = {
    "uuid": st.sampled_from(["GPU-1", "GPU-2", "gpu-3", "other"]),
    "arch": st.sampled_from(["Ampere", "Hopper", "Ada Lovelace"]),
    "ver": st.sampled_from(["550.54.0", "550.53.9", "600.0.0", "535.104.5"]),
    "numa": st.integers(0, 3),
    "minor": st.integers(6, 9),
    "features": st.sets(st.sampled_from(["fp8", "bf16", "int4"])),
    "grade": st.sampled_from(["a1", "b", "GPU-1"]),
    "kind": st.sampled_from(["x", "y"]),
    "fw": st.sampled_from(["1.1.9", "1.2.0", "600.1.0"]),
    "tags": st.sets(st.sampled_from(["a", "b", "a1"]), min_size=1),
    "ports": st.sets(st.integers(1, 3), min_size=1),
    "streams": st.sampled_from([4, 5, 8]),
    "ecc": st.booleans(),
    "healthy": st.booleans(),
    "memory": st.sampled_from([40 * G, 80 * G, 40 * G - 1, 80 * 10**9, 80 * 10**9 - 1]),
    "line": st.sampled_from([400 * 10**9, 399 * 10**9]),
}
DEVICES = st.fixed_dictionaries({}, optional=VALUES)


@st.composite
def conditions(draw: st.DrawFn) -> Atom:
    """An atom, or several joined; proofs stay inside the atoms, which stand in parentheses."""
    parts = draw(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4))
    whole = parts[0]
    for part in parts[1:]:
        word = draw(st.sampled_from(["and", "or"]))
        whole = _joined(word, whole, part)
        if draw(st.booleans()):
            whole = Atom(f"not ({whole.text})", whole.required, _not(whole.meaning))
    return whole


def _joined(word: str, a: Atom, b: Atom) -> Atom:
    both = {"and": lambda d: a.meaning(d) and b.meaning(d), "or": lambda d: a.meaning(d) or b.meaning(d)}
    return Atom(f"({a.text}) {word} ({b.text})", a.required | b.required, both[word])


def _not(meaning: Any) -> Any:
    return lambda d: not meaning(d)


def device(values: dict[str, Any], *, lists: bool) -> Device:
    attributes: dict[str, Any] = {}
    capacity: dict[str, Any] = {}
    for name, value in values.items():
        match name:
            case "uuid" | "arch" | "grade" | "kind":
                attributes[name] = {"string": value}
            case "fw":
                attributes[name] = {"version": value}
            case "tags" | "ports" if not lists:
                pass  # the API server drops lists where the feature is off
            case "tags":
                attributes[name] = {"strings": sorted(value)}
            case "ports":
                attributes[name] = {"ints": sorted(value)}
            case "ver":
                attributes["driverVersion"] = {"version": value}
            case "numa":
                attributes["resource.kubernetes.io/numaNode"] = {"int": value}
            case "minor":
                attributes[name] = {"int": value}
            case "ecc" | "healthy":
                attributes[name] = {"bool": value}
            case "features" if lists:
                # A list has an element at least; a driver with no feature publishes one that nobody asks for.
                attributes[name] = {"strings": sorted(value) or ["none"]}
            case "features":
                attributes |= {f"feature_{feature}": {"bool": True} for feature in value}
            case _:
                capacity[name] = {"value": str(value)}
    return Device.model_validate({"name": "gpu-0", "attributes": attributes, "capacity": capacity})


def expected(condition: Atom, values: dict[str, Any], *, lists: bool) -> bool:
    known = dict(values)
    if not lists:
        # Without list attributes a set is its flags; none of them is the empty set.
        known.setdefault("features", set())
        known.pop("tags", None)
        known.pop("ports", None)
    return condition.required <= known.keys() and bool(condition.meaning(known))


@pytest.mark.parametrize("lists", [False, True], ids=["flags", "lists"])
@given(condition=conditions(), values=DEVICES)
@settings(max_examples=150, deadline=None)
def test_rules_and_printed_objects_mean_what_is_written(lists: bool, condition: Atom, values: dict[str, Any]) -> None:
    features = Features(list_type_attributes=lists)
    source = Source("a.dra", f"{SCHEMA}\nclass c of Gpu {{ require {condition.text} }}\n")
    policies, found = load(source)
    assert policies is not None, as_text(found)
    subject = DeviceFacts.of("gpu.acme.com", device(values, lists=lists))
    wanted = expected(condition, values, lists=lists)
    lowered = lower(policies, features).classes[ClassName("c")]
    printed = class_rules(to_device_class(policies, "c", features), features)
    for rules in (lowered, printed):
        programs = [selector.program for selector in rules.selectors]
        assert all(program is not None and program.evaluate(subject) for program in programs) == wanted


@pytest.mark.parametrize("condition", ATOMS, ids=lambda a: a.text)
@pytest.mark.parametrize("lists", [False, True], ids=["flags", "lists"])
def test_every_condition_compiles_as_new_cel(condition: Atom, lists: bool) -> None:
    policies, _ = load(Source("a.dra", f"{SCHEMA}\nclass c of Gpu {{ require {condition.text} }}\n"))
    assert policies is not None
    features = Features(list_type_attributes=lists)
    for selector in lower(policies, features).classes[ClassName("c")].selectors:
        assert selector.program is not None
        again = compile_cel(Source("cel", selector.program.text), features=features, new=True)
        assert not isinstance(again, Exception), again
        assert to_cel(again.tree) == selector.program.text


def test_amounts_are_exact_quantities() -> None:
    policies, _ = load(Source("a.dra", f"{SCHEMA}\nclass c of Gpu {{ require memory >= 1 Gbit and memory < 1 bit }}\n"))
    assert policies is not None
    texts = [s["cel"]["expression"] for s in to_object(to_device_class(policies, "c"))["spec"]["selectors"]]
    assert 'quantity("125M")' in texts[1]
    assert 'quantity("125m")' in texts[2]
    assert Quantity.parse("125m").value * 8 == 1
