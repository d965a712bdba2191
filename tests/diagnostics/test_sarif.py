"""SARIF 2.1.0: what editors and code hosts require of a log."""

from __future__ import annotations

import json
import re

import pytest

from dra_policy.diagnostics import CODES, Diagnostic, Related, as_json, as_sarif
from dra_policy.source import Source, Span

# RFC 3986, the characters of a relative reference.
URI = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-F]{2})+")


@pytest.mark.parametrize("name", ["<stdin>", "a b.dra", "grün#1.dra", "/tmp/x.yaml", "100%.dra", "odd\udcff.dra"])
def test_every_result_has_a_rule_a_level_a_place_and_a_valid_uri(name: str) -> None:
    source = Source(name, "class \u202eone of Two\n")
    span = Span(source, 6, 9)
    found = [
        Diagnostic("NAM005", "not declared", span, "declare it", related=(Related(source.end(), "here"),)),
        Diagnostic("SRC001", "no such file"),
    ]
    log = json.loads(json.dumps(as_sarif(found, "1.0")))
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["ruleId"] in CODES
        assert result["level"] in {"error", "warning"}
        assert result["message"]["text"]
        for location in (*result.get("locations", ()), *result.get("relatedLocations", ())):
            assert URI.fullmatch(location["physicalLocation"]["artifactLocation"]["uri"])
            region = location["physicalLocation"]["region"]
            assert (region["endLine"], region["endColumn"]) >= (region["startLine"], region["startColumn"]) >= (1, 1)


def test_programs_get_no_endless_messages_either() -> None:
    found = [Diagnostic("NAM005", "a" * 1_000_000, None, "b" * 1_000_000)]
    assert len(json.dumps(as_json(found))) < 3_000
    assert len(json.dumps(as_sarif(found, "1.0"))) < 4_000
