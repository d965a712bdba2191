"""Diagnostics for programs: plain JSON values, and SARIF 2.1.0 for editors and CI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from dra_policy.diagnostics.codes import CODES
from dra_policy.diagnostics.model import Diagnostic, in_order
from dra_policy.diagnostics.text import shortened
from dra_policy.source import Span


def as_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """One JSON object a diagnostic, sorted by position; lines and columns count from 1, ends are exclusive."""
    rows: list[dict[str, Any]] = []
    for d in in_order(diagnostics):
        row: dict[str, Any] = {"code": d.code, "severity": d.severity.value, "message": shortened(d.message)}
        if d.path:
            row["path"] = d.path
        if d.span is not None:
            row |= _place(d.span)
        if d.help:
            row["help"] = shortened(d.help)
        if d.related:
            row["related"] = [{**_place(r.span), "message": r.message} for r in d.related]
        rows.append(row)
    return rows


def as_sarif(diagnostics: Iterable[Diagnostic], version: str) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run; `version` is the version of this package."""
    ordered = in_order(diagnostics)
    used = sorted({d.code for d in ordered})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CODES[code].title},
            "fullDescription": {"text": CODES[code].rationale},
            "help": {"text": f"Avoid: {CODES[code].avoid}\nPrefer: {CODES[code].prefer}"},
        }
        for code in used
    ]
    results = []
    for d in ordered:
        text = shortened(d.message) + (f" (help: {shortened(d.help)})" if d.help else "")
        result: dict[str, Any] = {"ruleId": d.code, "level": d.severity.value, "message": {"text": text}}
        if d.span is not None:
            result["locations"] = [_location(d.span, d.path)]
        if d.related:
            result["relatedLocations"] = [{**_location(r.span), "message": {"text": r.message}} for r in d.related]
        results.append(result)
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "dra-policy", "version": version, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _place(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "endLine": end_line,
        "endColumn": end_column,
        "text": span.text if len(span.text) <= 200 else span.text[:200] + "...",
    }


def _location(span: Span, path: str = "") -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    location: dict[str, Any] = {
        "physicalLocation": {
            # SARIF wants a URI reference, and a name may hold spaces, `<` or `#`.
            "artifactLocation": {"uri": quote(span.source.name, errors="surrogateescape")},
            "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
        }
    }
    if path:
        location["logicalLocations"] = [{"fullyQualifiedName": path}]
    return location
