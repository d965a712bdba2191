"""Which files a command reads: paths as people write them, made into a list of files by kind.

A folder is walked in order of names; hidden entries are left out and links to folders are not followed. `-` is
standard input, `shipped:NAME` the folder of a policy that the package carries.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dra_policy.diagnostics.invalid import InvalidInput
from dra_policy.diagnostics.model import Diagnostic
from dra_policy.diagnostics.nearest import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dra_policy.language import CheckedPolicies
    from dra_policy.source import Source

    _PathType = click.ParamType[str]
else:  # Older releases of click have no type parameter.
    _PathType = click.ParamType

STDIN = "-"
SHIPPED = "shipped:"
POLICY = ".dra"
MANIFESTS = frozenset({".yaml", ".yml", ".json"})
ANSWERS = "expected.yaml"
"""The file of expected answers: in a folder it stands beside the manifests and is none itself."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files in the order given; `-` may be among the manifests. No path is in twice."""

    policies: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.policies) + len(self.manifests) + len(self.answers)


class PathArgument(_PathType):
    """A path, completed by the shell as a file; what it names is looked at when it is read."""

    name = "path"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        from click.shell_completion import CompletionItem

        if incomplete and SHIPPED.startswith(incomplete[: len(SHIPPED)]):
            named = [f"{SHIPPED}{name}" for name in shipped_names()]
            return [CompletionItem(name) for name in named if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file")]


def path_arguments(function: click.decorators.FC) -> click.decorators.FC:
    """The argument PATHS, one at least."""
    return click.argument("paths", nargs=-1, required=True, type=PathArgument(), metavar="PATHS...")(function)


def gather(paths: Iterable[str], *, stdin_name: str = "") -> Inputs:
    """All files that the paths stand for.

    Standard input is a manifest unless `stdin_name` ends in `.dra`. Raises `InvalidInput` with SRC001 for a path that
    names nothing, SRC005 for a folder without a file of ours; all paths are looked at first.
    """
    found: dict[str, None] = {}
    problems: list[Diagnostic] = []
    for path in paths:
        try:
            found |= dict.fromkeys(_files(path))
        except InvalidInput as problem:
            problems += problem.diagnostics
    if problems:
        raise InvalidInput(problems)
    policies = tuple(f for f in found if f.endswith(POLICY) or (f == STDIN and stdin_name.endswith(POLICY)))
    answers = tuple(f for f in found if Path(f).name == ANSWERS)
    manifests = tuple(f for f in found if f not in policies and f not in answers)
    return Inputs(policies, manifests, answers)


def _files(path: str) -> list[str]:
    if path == STDIN:
        return [path]
    if path.startswith(SHIPPED):
        path = str(shipped_folder(path.removeprefix(SHIPPED)))
    if not os.path.lexists(path):
        raise InvalidInput([_not_found(path)])
    if not os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir it raises for no path
        return [path]
    found = list(_walk(path))
    if not found:
        raise InvalidInput(
            [
                Diagnostic(
                    "SRC005",
                    f"no policy or manifest in the folder `{path}`",
                    help="name a folder that holds .dra, .yaml, .yml or .json files",
                )
            ]
        )
    return found


def _walk(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            suffix = Path(name).suffix
            if not name.startswith(".") and (suffix == POLICY or suffix in MANIFESTS):
                yield str(Path(here, name))


def _refused(error: OSError) -> None:
    raise InvalidInput([Diagnostic("SRC004", f"cannot read the folder `{error.filename}`: {error.strerror}")])


def _not_found(path: str) -> Diagnostic:
    parent, name = os.path.split(path.rstrip("/"))
    try:
        known = [entry.name for entry in Path(parent).iterdir() if not entry.name.startswith(".")]
    except OSError:
        return Diagnostic("SRC001", f"no such file or folder `{path}`", help=f"there is no folder `{parent}` either")
    hint = did_you_mean(name, known, "check the spelling; `shipped:NAME` names a policy that the package carries")
    return Diagnostic("SRC001", f"no such file or folder `{path}`", help=hint)


def read_policy(path: str, stdin_name: str = "") -> Source:
    """The text of one policy. Raises `InvalidInput` with SRC001 to SRC004."""
    from dataclasses import replace

    from dra_policy.language.imports import POLICY_LIMIT
    from dra_policy.resources.files import read_text

    read = read_text(path, POLICY_LIMIT)
    if isinstance(read, Diagnostic):
        raise InvalidInput([read])
    return replace(read, name=stdin_name) if path == STDIN and stdin_name else read


def policy_texts(paths: Iterable[str], stdin_name: str = "") -> list[str | Source]:
    """What the language loads: paths as they are, standard input as a text with a name of its own."""
    return [read_policy(path, stdin_name) if path == STDIN else path for path in paths]


def load_policies(paths: Iterable[str]) -> CheckedPolicies:
    """Policies with what they import, checked together. Raises `InvalidInput` with every mistake of all files."""
    from dra_policy.language import load

    policies, diagnostics = load(*policy_texts(paths))
    if policies is None:
        raise InvalidInput(diagnostics)
    return policies


def shipped_names() -> list[str]:
    """The policies that the package carries, in order."""
    from dra_policy.shipped import policies_folder

    return sorted(p.name for p in policies_folder().iterdir() if any(p.glob(f"*{POLICY}")))


def shipped_folder(name: str) -> Path:
    """The folder of one of them. Raises `InvalidInput` with SRC001."""
    from dra_policy.shipped import policies_folder

    names = shipped_names()
    if name not in names:
        hint = did_you_mean(name, names, "run `dra-policy policies` for the list")
        raise InvalidInput([Diagnostic("SRC001", f"no policy `{name}` is shipped", help=hint)])
    return policies_folder() / name
