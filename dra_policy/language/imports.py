"""Loading: the files given and the policies they import, read, parsed and checked together.

An imported policy is looked for by its name: first among the files given, then in the standard library, then among
the policies that the package ships.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from dra_policy.diagnostics import Diagnostic, Related, did_you_mean, in_order, nearest
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.checker import check
from dra_policy.language.constants import padded, version_constant
from dra_policy.language.limits import check_lowered
from dra_policy.language.parser import parse
from dra_policy.language.references import LONGEST_PATH, Link, in_dependency_order
from dra_policy.language.scope import Problems
from dra_policy.language.tree import Import, PolicyFile, Version
from dra_policy.resources import NotASemver, Semver
from dra_policy.resources.files import read_text
from dra_policy.shipped import policies_folder, std_folder
from dra_policy.source import Source

# Bytes of one policy file.
POLICY_LIMIT = 1024 * 1024
# Policies that one load may bring together.
POLICIES_LIMIT = 1_000

# Mistakes of form that the parser cannot read past: what stood there is lost. All others it mends.
_LOSING = frozenset({"SYN001", "SYN008", "SYN009", "SYN012", "SYN015", "SYN019", "SYN021"})
# A lost part may have declared anything, so then nothing is called undeclared or missing.
_UNDECLARED = frozenset(
    {
        *("NAM001", "NAM002", "NAM005", "NAM007", "NAM014", "RUL003", "RUL005", "TST001", "TST004"),
        *("HWR002", "HWR004", "HWR006", "HWR016", "SIT003"),
    }
)


def load(*given: str | os.PathLike[str] | Source) -> tuple[CheckedPolicies | None, list[Diagnostic]]:
    """Read, parse and check policies with all they import.

    `given` are files, folders (every `.dra` file below) or texts. Returns the checked policies, or None, and every
    diagnostic, sorted by file and position.

    >>> policies, found = load(Source("a.dra", "policy a version 1.0 language 1 device D { driver d.example.org }"))
    >>> policies is not None and [device for policy in policies for device in policy.devices], found
    (['D'], [])
    """
    loader = _Loader()
    for item in given:
        loader.take(item)
    loader.follow_imports()
    ordered = loader.in_order()
    policies, found = check(ordered, set(loader.given))
    found = [d for d in found if not loader.follows(d)]
    if policies is not None:
        found += check_lowered(policies)
    problems = list(in_order([*loader.problems, *found]))
    return (None if problems else policies), problems


Reading: TypeAlias = Callable[[Source], tuple[PolicyFile | None, Sequence[Diagnostic]]]


@lru_cache(maxsize=32)
def _parsed_once(source: Source) -> tuple[PolicyFile | None, Sequence[Diagnostic]]:
    """The tree of a file that comes with the package, which is imported again and again."""
    return parse(source)


@dataclass
class _Loader:
    problems: list[Diagnostic] = field(default_factory=list)
    files: dict[str, PolicyFile] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    broken: bool = False
    unread: bool = False

    def take(self, item: str | os.PathLike[str] | Source) -> None:
        """One thing given: a text, a file, or a folder."""
        if isinstance(item, Source):
            self._add(item)
            return
        path = Path(item)
        if not os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir it raises for no path
            self._read(path)
            return
        found = [file for file in sorted(path.rglob("*.dra")) if file.is_file()]
        if not found:
            help_ = "name a folder that holds .dra files"
            self.problems.append(Diagnostic("SRC005", f"no policy in the folder `{path}`", help=help_))
        for file in found:
            self._read(file)

    def _read(self, path: Path) -> None:
        try:
            real = os.path.realpath(path)
        except ValueError:
            self.problems.append(Diagnostic("SRC001", "a path has no character U+0000", help="check the spelling"))
            self.broken = self.unread = True
            return
        if real in self.seen:
            return
        self.seen.add(real)
        source = read_text(path, POLICY_LIMIT)
        if isinstance(source, Diagnostic):
            self.problems.append(source)
            self.broken = self.unread = True
        else:
            self._add(source)

    def _add(self, source: Source) -> None:
        file = self._parsed(source)
        if file is None:
            return
        name = file.header.name
        first = self.files.setdefault(name.text, file)
        if first is not file:
            note = Related(first.header.name.span, "first declared here")
            help_ = "a policy is one file: rename one of them, or leave one out"
            message = f"policy `{name.text}` is declared by another file already"
            self.problems.append(Diagnostic("NAM012", message, name.span, help_, related=(note,)))
        else:
            self.given.append(name.text)

    def _parsed(self, source: Source, reading: Reading = parse) -> PolicyFile | None:
        file, found = reading(source)
        self.problems += found
        self.unread = self.unread or file is None
        self.broken = self.broken or file is None or any(d.code in _LOSING for d in found)
        return file

    def follows(self, found: Diagnostic) -> bool:
        """Whether a mistake is only the consequence of one that was found before: a lost part, or the same place."""
        if self.broken and found.code in _UNDECLARED:
            return True
        span = found.span
        return span is not None and any(
            d.span is not None and d.span.source == span.source and d.span.start < span.end and span.start < d.span.end
            for d in self.problems
        )

    def follow_imports(self) -> None:
        """Find every imported policy, and those that they import."""
        waiting = list(self.files.values())
        while waiting:
            file = waiting.pop(0)
            for wanted in file.imports:
                known = self.files.get(wanted.name.text)
                if known is None:
                    known = self._find(wanted, file.header.name.text)
                    if known is None:
                        continue
                    self.files[wanted.name.text] = known
                    waiting.append(known)
                self._check_version(wanted, known)

    def _find(self, wanted: Import, by: str) -> PolicyFile | None:
        if len(self.files) >= POLICIES_LIMIT:
            help_ = "load fewer policies at once"
            message = f"more than {POLICIES_LIMIT} policies are imported"
            self.problems.append(Diagnostic("RUL002", message, wanted.name.span, help_))
            return None
        library = library_policies()
        paths = library.get(wanted.name.text)
        if paths:
            source = read_text(paths[0], POLICY_LIMIT)
            if isinstance(source, Diagnostic):
                self.problems.append(source)
                self.broken = True
                return None
            return self._parsed(source, _parsed_once)
        # A file that could not be read may be the one that is wanted.
        if not self.unread:
            self._missing(wanted, by, [*self.files, *library])
        self.broken = True
        return None

    def _missing(self, wanted: Import, by: str, known: Sequence[str]) -> None:
        name = wanted.name.text
        known = [other for other in known if other != by and _alike(name, other)]
        help_ = did_you_mean(name, known, "give the file that declares it too, or take the import out")
        if name.startswith("std."):
            standard = ", ".join(f"`{one}`" for one in sorted(library_policies()) if one.startswith("std."))
            help_ = did_you_mean(name, known, f"the standard library has {standard}")
        if nearest(name, known) is None and name.endswith(".dra"):
            help_ = "import a policy by its name, which stands behind `policy` in its file"
            # That quotes stand around it is the smaller mistake.
            self.problems = [d for d in self.problems if d.span != wanted.name.span]
        elif any(d.span == wanted.name.span for d in self.problems):
            return
        message = f"no file declares policy `{name}`"
        self.problems.append(Diagnostic("NAM010", message, wanted.name.span, help_))

    def _check_version(self, wanted: Import, file: PolicyFile) -> None:
        if wanted.version is None:
            return
        least, have = _semver(wanted.version.text), _semver(file.header.version.text)
        if least is None:
            self._no_version(wanted.version)
        elif have is not None and have < least:
            note = Related(file.header.version.span, "its version is declared here")
            message = (
                f"policy `{wanted.name.text}` is version {file.header.version.text}, older than {wanted.version.text}"
            )
            help_ = f"write `version {file.header.version.text}`, or give a file with a newer one"
            self.problems.append(Diagnostic("NAM011", message, wanted.version.span, help_, related=(note,)))

    def _no_version(self, version: Version) -> None:
        """Report a version that is none."""
        problems = Problems()
        version_constant(version, problems)
        self.problems += problems.found

    def in_order(self) -> list[PolicyFile]:
        """The files, each after those it imports; a circle of imports is reported."""
        for file in self.files.values():
            self._no_version(file.header.version)
        graph = {
            name: [Link(wanted.name.text, wanted.name.span) for wanted in file.imports]
            for name, file in self.files.items()
        }
        order, circles = in_dependency_order(graph)
        for circle in circles:
            names = circle.vertices
            if len(names) == 1:
                message = f"policy `{names[0]}` imports itself"
                help_ = "take the import out: its own declarations are seen anyway"
                notes: tuple[Related, ...] = ()
            else:
                message = f"policies import each other: {circle.path(names)}"
                help_ = "move what they share into a policy that imports none of them"
                notes = tuple(
                    Related(link.span, f"`{name}` imports `{link.to}` here")
                    for name, link in islice(zip(names[1:], circle.links[1:], strict=True), LONGEST_PATH)
                )
            self.problems.append(Diagnostic("NAM018", message, circle.links[0].span, help_, related=notes))
        return [self.files[name] for name in order]


def _alike(wrong: str, known: str) -> bool:
    """Whether each part of the names is similar: a common domain alone makes no likeness."""
    parts, others = wrong.split("."), known.split(".")
    if len(parts) == len(others):
        return all(nearest(a, [b]) for a, b in zip(parts, others, strict=True))
    while parts and others and parts[-1] == others[-1]:
        parts, others = parts[:-1], others[:-1]
    return not parts or not others or nearest(".".join(parts), [".".join(others)]) is not None


def _semver(text: str) -> Semver | None:
    try:
        return Semver.parse(padded(text))
    except NotASemver:
        return None


_HEADER = re.compile(r"(?:\s|#[^\n]*\n)*policy\s+([^\s#]+)", re.ASCII)


@lru_cache(maxsize=1)
def library_policies() -> dict[str, tuple[Path, ...]]:
    """The standard library and the shipped policies by name; the first file of a name is the one that counts."""
    found: dict[str, list[Path]] = {}
    for path in _library_files():
        with path.open(encoding="utf-8-sig") as file:
            header = _HEADER.match(file.read(16 * 1024))
        if header is not None:
            found.setdefault(header[1], []).append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def _library_files() -> Iterator[Path]:
    yield from sorted(std_folder().glob("*.dra"))
    if policies_folder().is_dir():
        yield from sorted(policies_folder().rglob("*.dra"))


__all__ = ["POLICY_LIMIT", "library_policies", "load"]
