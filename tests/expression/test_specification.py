"""The conformance tests of the CEL specification that apply to the environment for devices."""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression.checker import check
from dra_policy.expression.closures import Compiler
from dra_policy.expression.environment import Environment
from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.library.time import to_duration, to_timestamp
from dra_policy.expression.parser import parse
from dra_policy.expression.values import TypeValue, Uint, map_key
from dra_policy.source import Source

DATA = Path(__file__).parent.parent / "data" / "conformance"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "cel-spec.jsonl").read_text().splitlines()]
ENVIRONMENT = Environment(list_type_attributes=True, consumable_capacity=True)

# Whole files about what the environment for devices does not have.
WITHOUT = {
    "math_ext.textproto": "the math extension",
    "encoders_ext.textproto": "base64",
    "block_ext.textproto": "cel.block, which only optimisers write",
    "proto2.textproto": "messages",
    "proto2_ext.textproto": "messages",
    "proto3.textproto": "messages",
    "enums.textproto": "enums",
    "wrappers.textproto": "messages",
    "namespace.textproto": "namespaces",
}

# What Kubernetes, with cel-go 0.29 and version 2 of its strings extension, answers otherwise than the specification;
# ours are its answers (each was compared with upstream's).
AS_UPSTREAM = {
    "{true:1,false:2,true:3}[true]": "a repeated key gets its last value",
    "dyn({0:1,2:2,5:3}[dyn(b'')]) || true": "an index that can be none is found while compiling",
    "dyn({0:1,2:2,5:3}[dyn(b'')]) && false": "an index that can be none is found while compiling",
    "{3.3:15.15, 1.0: 5}[1.0]": "a number of any kind can be a key",
    "{0: 1, 0u: 2}[0.0]": "a number of any kind can be a key",
    "{'null_key': dyn(null)}.?null_key.invalid.hasValue()": "what has no parts has none of any name",
    "{true: dyn(0)}[?true].absent.hasValue()": "what has no parts has none of any name",
    "'tacocat'.indexOf('a', 30) == -1": "a search behind the end finds nothing",
    "'tacocat'.lastIndexOf('a', 30) == -1": "a search behind the end finds nothing",
}
FORMAT = "numbers and containers are formatted as in version 2 of the strings extension"


def value_of(written: dict[str, Any]) -> Any:
    ((kind, value),) = written.items()
    match kind:
        case "nullValue":
            return None
        case "boolValue" | "stringValue":
            return value
        case "int64Value":
            return int(value)
        case "uint64Value":
            return Uint(int(value))
        case "doubleValue":
            return float(value)
        case "bytesValue":
            return base64.b64decode(value)
        case "typeValue":
            return TypeValue(value)
        case "listValue":
            return tuple(map(value_of, value.get("values", [])))
        case "mapValue":
            return {map_key(value_of(e["key"])): value_of(e["value"]) for e in value.get("entries", [])}
        case "objectValue" if value["@type"].endswith("google.protobuf.Duration"):
            return to_duration(value["value"])
        case "objectValue" if value["@type"].endswith("google.protobuf.Timestamp"):
            return to_timestamp(value["value"])
        case _:
            raise KeyError(kind)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    match one:
        case float():
            return one == other or (math.isnan(one) and math.isnan(other))
        case tuple():
            return len(one) == len(other) and all(map(same, one, other))
        case dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case _:
            return bool(one == other)


def reason_to_leave_out(row: dict[str, Any]) -> str:
    if row["file"] in WITHOUT:
        return WITHOUT[row["file"]]
    if row["nbind"] or row["ntypeenv"]:
        return "variables, whose values the file does not hold"
    if "TestAllTypes" in row["expr"] or re.search(r"NullValue|google\.protobuf\.\w+ ?\{", row["expr"]):
        return "messages"
    if row["container"]:
        return "namespaces"
    if "typed" in row:
        return "only a type is asked for, and the file does not hold it"
    if row["disableCheck"] and "error" not in row:
        return "expressions that are not checked: Kubernetes checks all"
    return ""


def answer(expression: str) -> Any:
    """The value, or an error or the mistakes; lists of mixed types are allowed here, as in the specification."""
    tree = parse(Source("specification", expression))
    if isinstance(tree, Diagnostic):
        return [tree]
    typed, found = check(tree, ENVIRONMENT)
    compiler = Compiler()
    found = [mistake for mistake in found if mistake.code != "CEL015"]
    if found:
        return found
    run = compiler.compile(typed, {})
    if compiler.found:
        return compiler.found
    try:
        return run([None, 0, *[None] * compiler.variables])
    except EvaluationError as error:
        return error


def passes(row: dict[str, Any]) -> bool:
    given = answer(row["expr"])
    if "error" in row:
        return isinstance(given, EvaluationError | list)
    if isinstance(given, EvaluationError | list):
        return False
    return same(given, value_of(row["value"]))


def test_specification() -> None:
    left_out: Counter[str] = Counter()
    passed = 0
    failed: list[str] = []
    for row in ROWS:
        reason = reason_to_leave_out(row)
        if not reason and not passes(row):
            reason = known_difference(row)
            if not reason:
                failed.append(f"{row['file']} {row['section']} {row['name']}: {row['expr']}: {answer(row['expr'])!r}")
        if reason:
            left_out[reason] += 1
        else:
            passed += 1
    assert failed == []
    assert passed >= 1250, left_out


def known_difference(row: dict[str, Any]) -> str:
    if row["expr"] in AS_UPSTREAM:
        return AS_UPSTREAM[row["expr"]]
    if row["file"] == "string_ext.textproto" and row["section"] == "format":
        return FORMAT
    return ""
