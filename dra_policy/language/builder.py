"""The functions of all rules of the grammar: the parts of the language together, and the file around them."""

from __future__ import annotations

from lark import Token

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.building.hardware import Hardware
from dra_policy.language.building.operation import Operation
from dra_policy.language.building.parts import one
from dra_policy.language.building.site import Site
from dra_policy.language.building.trials import Trials
from dra_policy.language.building.vendor import Vendor
from dra_policy.language.leaves import Parts
from dra_policy.source import Source, Span

LANGUAGE = 1
"""The version of the language that this package reads."""


class Builder(Vendor, Hardware, Operation, Site, Trials):
    """The functions of the rules, and what they found wrong. One parse at a time: `begin` starts the next one."""

    def begin(self, source: Source) -> None:
        super().begin(source)
        self.unknown_language = False

    def start(self, parts: Parts) -> tree.PolicyFile:
        header, *rest = parts
        first: tree.Statement | None = None
        for part in rest:
            if isinstance(part, tree.Import):
                if first is not None:
                    self._problem(
                        "SYN014",
                        f"the import of `{part.name.text}` stands behind a statement",
                        part.span,
                        "move it up, right behind the header",
                        Related(_head(first.span), "the first statement"),
                    )
            elif first is None and not isinstance(part, Token):
                first = part
        return tree.PolicyFile(
            header,
            tuple(part for part in rest if isinstance(part, tree.Import)),
            tuple(part for part in rest if not isinstance(part, tree.Import | Token)),
            (),
            self._span(parts),
        )

    def header(self, parts: Parts) -> tree.Header:
        _, name, _, version, _, language = parts
        if language.value != LANGUAGE:
            self.unknown_language = True
            written = language.span.text
            self._problem(
                "SYN009",
                f"this version of dra-policy reads language {LANGUAGE}, and the file is in language {written}",
                language.span,
                f"write `language {LANGUAGE}`, or use a version of dra-policy that knows this language",
            )
        return tree.Header(name, version, language, self._span(parts))

    def imported(self, parts: Parts) -> tree.Import:
        return tree.Import(parts[0], one(parts, tree.Version), self._span(parts))


def _head(span: Span) -> Span:
    """The first word of a span."""
    return Span(span.source, span.start, span.start + len(span.text.split(None, 1)[0]))
