"""Site rules over what is held at one place: what is not there together, and how much there is at most."""

from __future__ import annotations

from collections.abc import Collection

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.checking import Checking, words
from dra_policy.language.decisions import CheckedCeiling, CheckedExclusion
from dra_policy.language.modes import said_of
from dra_policy.language.parts import Meant, meaning
from dra_policy.language.scope import Scope
from dra_policy.resources import key_problem
from dra_policy.rules.conditions import CLUSTER, NODE


def read_exclusive(
    checking: Checking, scope: Scope, statement: tree.Exclusive, levels: Collection[str]
) -> CheckedExclusion | None:
    """Kinds that are not held together; None if something is wrong, which is reported."""
    level = level_of(scope, statement.per, levels)
    kinds: list[tuple[tree.Target, Meant]] = []
    good = level is not None
    for target in statement.kinds:
        meant = meaning(checking, scope, target)
        if meant is None:
            good = False
            continue
        wider = next((one for one in kinds if covers(one[1], meant)), None)
        if wider is not None:
            known = words(wider[0].span)
            message = f"`{words(target.span)}` is `{known}` already: the two are one kind"
            note = Related(wider[0].span, "written here")
            help_ = "name kinds that have no device in common, the smaller ones first"
            scope.problems.add("SIT008", message, target.span, help_, note)
            good = False
        kinds.append((target, meant))
    if not good or level is None:
        return None
    known_kinds = tuple((words(target.span), meant) for target, meant in kinds)
    text = f"exclusive per {statement.per.text} {', '.join(name for name, _ in known_kinds)}"
    return CheckedExclusion(level, known_kinds, said_of(statement.said), text, statement.span)


def covers(wide: Meant, narrow: Meant) -> bool:
    """Whether every device of one kind is of another kind too, as far as their names tell."""
    if wide.device is not narrow.device:
        return False
    if wide.part is None:
        return wide.model is None or wide.model is narrow.model
    if narrow.part is None or (wide.model is not None and wide.model is not narrow.model):
        return False
    same = wide.part.share is narrow.part.share and all(mode in wide.part.modes for mode in narrow.part.modes)
    return same and wide.part.profile in ("", narrow.part.profile)


def read_ceiling(
    checking: Checking, scope: Scope, statement: tree.Ceiling, levels: Collection[str]
) -> CheckedCeiling | None:
    """The most of some devices at a place; None if something is wrong, which is reported."""
    problems = scope.problems
    level = level_of(scope, statement.per, levels)
    of = meaning(checking, scope, statement.of)
    if level is None or of is None:
        return None
    label = ""
    if statement.label is not None:
        label = statement.label.value
        problem = key_problem(label)
        if problem is not None:
            help_ = 'write it like "example.org/most"'
            problems.add("NAM009", f"label `{label}` {problem}", statement.label.span, help_)
            return None
        if level != NODE:
            message = f"the label is one of a node, and this is counted per {level}"
            problems.add("SIT008", message, statement.per.span, "write `per node`, or a number")
            return None
    if statement.count is not None and statement.count.value < 0:
        problems.add("SIT006", "less than nothing cannot be held", statement.count.span, "write 0 or more")
        return None
    count = None if statement.count is None else statement.count.value
    most = f'label "{label}"' if count is None else str(count)
    text = f"at most {most} of {words(statement.of.span)} per {statement.per.text}"
    return CheckedCeiling(count, label, of, level, said_of(statement.said), text, statement.span)


def level_of(scope: Scope, name: tree.Name, levels: Collection[str]) -> str | None:
    """A level by its name; None if there is none, which is reported (SIT003)."""
    if name.text in (NODE, CLUSTER) or name.text in levels:
        return name.text
    otherwise = f'write `level {name.text} from node label "..."`'
    help_ = scope.problems.hint(name.text, (NODE, CLUSTER, *levels), otherwise)
    scope.problems.add("SIT003", f"level `{name.text}` is not declared", name.span, help_)
    return None


__all__ = ["covers", "level_of", "read_ceiling", "read_exclusive"]
