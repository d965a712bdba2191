"""The pass over classes: their rules and configuration."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.diagnostics import Related
from dra_policy.language.checked import CheckedClass, CheckedConfig, CheckedCounts, CheckedWish, Clause, Conjunction
from dra_policy.language.checking import Checking, kubernetes_name, said_by, words
from dra_policy.language.conditions import Judged, check_clauses
from dra_policy.language.definitions import SIZE_LIMIT, extent, within_limits
from dra_policy.language.finding import said_of
from dra_policy.language.identities import presence_of
from dra_policy.language.kinds import check_kind
from dra_policy.language.parameters import check_config
from dra_policy.language.parts import meaning
from dra_policy.language.schema import DeviceSchema
from dra_policy.language.scope import CLASS, Problems, Scope
from dra_policy.language.terms import Presence
from dra_policy.language.together import check_prefer
from dra_policy.language.tree import And, Class, Condition, Config, Counts, ExtendedResource, Prefer, Require
from dra_policy.resources import key_problem, subdomain_problem
from dra_policy.source import Span

# A3: configurations of a class.
# E2: devices of a claim.
DEVICES_LIMIT = 32
CONFIGS_LIMIT = 32


def check_classes(checking: Checking) -> None:
    """Resolve every class."""
    for scope, entry in checking.declared(CLASS):
        if isinstance(entry.statement, Class):
            class_ = _class(checking, scope, entry.statement)
            if class_ is not None:
                checking.classes[entry.key] = class_


def _class(checking: Checking, scope: Scope, statement: Class) -> CheckedClass | None:
    problems = scope.problems
    name = statement.name
    problem = subdomain_problem(name.text)
    if problem is not None:
        help_ = kubernetes_name(name.text)
        problems.add("NAM009", f"class `{name.text}` {problem}", name.span, help_)
    meant = meaning(checking, scope, statement.of)
    if meant is None:
        return None
    device, there = meant.device, presence_of(checking, meant)
    clauses: list[Clause] = []
    wishes: list[CheckedWish] = []
    configs: list[CheckedConfig] = []
    extended: ExtendedResource | None = None
    counts: CheckedCounts | None = None
    for member in statement.members:
        match member:
            case Require():
                clauses += check_require(checking, scope, device, member, there)
            case Prefer():
                wish = check_prefer(checking, scope, member, [device], (), there)
                if wish is not None:
                    wishes.append(wish)
            case Counts():
                if counts is not None:
                    note = Related(counts.span, "first said here")
                    problems.add("NAM003", "the counts are said already", member.span, "put them into one list", note)
                counts = counts or _counts(member, problems)
            case Config():
                config = check_config(checking, scope, member, in_class=True)
                if config is not None and _suits(config, member, device, problems):
                    configs.append(config)
            case ExtendedResource():
                if extended is not None:
                    note = Related(extended.span, "first declared here")
                    help_ = "a class has one extended resource"
                    problems.add("NAM003", "the extended resource is declared already", member.span, help_, note)
                extended = extended or member
                _check_extended(member, problems)
    if not together_within_limits(clauses, f"class `{name.text}`", name.span, problems):
        return None
    if len(configs) > CONFIGS_LIMIT:
        problems.add("RUL002", f"class `{name.text}` has more than {CONFIGS_LIMIT} configurations", name.span)
    _once_each(configs, problems)
    extended_name = "" if extended is None else extended.name.value
    made = CheckedClass(
        name.text,
        scope.policy,
        device,
        meant.model,
        meant.part,
        tuple(clauses),
        tuple(wishes),
        tuple(configs),
        extended_name,
        False,
        name.span,
        counts,
    )
    check_kind(checking, made, clauses, statement.of.span, problems)
    return made


def _counts(member: Counts, problems: Problems) -> CheckedCounts | None:
    for number in member.numbers:
        if not 1 <= number.value <= DEVICES_LIMIT:
            message = f"no request asks for {number.value} devices"
            problems.add("RUL001", message, number.span, f"write 1 to {DEVICES_LIMIT}")
            return None
    numbers = tuple(sorted({number.value for number in member.numbers}))
    span = member.numbers[0].span.to(member.numbers[-1].span)
    text = f"counts {', '.join(map(str, numbers))}"
    return CheckedCounts(numbers, said_of(member.said), text, span)


def _suits(config: CheckedConfig, member: Config, device: DeviceSchema, problems: Problems) -> bool:
    if config.parameters.device.driver == device.driver:
        return True
    note = Related(config.parameters.span, f"declared here for driver `{config.parameters.device.driver}`")
    message = f"`{config.parameters.name}` configures another driver than `{device.driver}`"
    problems.add("RUL008", message, member.parameters.span, f"use parameters of `{device.name}`", note)
    return False


def _once_each(configs: Sequence[CheckedConfig], problems: Problems) -> None:
    first: dict[str, CheckedConfig] = {}
    for config in configs:
        other = first.setdefault(config.parameters.name, config)
        if other is not config:
            note = Related(other.span, "first configured here")
            message = f"`{config.parameters.name}` is configured already"
            problems.add("NAM003", message, config.span, "put all settings into one `config`", note)


def _check_extended(member: ExtendedResource, problems: Problems) -> None:
    text = member.name.value
    domain, slash, _ = text.partition("/")
    problem = key_problem(text)
    if problem is None and not slash:
        problem = "must have a domain before a `/`"
    if problem is None and (domain == "kubernetes.io" or domain.endswith(".kubernetes.io")):
        problem = "must not be in a domain of Kubernetes itself"
    if problem is None and domain.startswith("requests."):
        problem = "must not start with `requests.`"
    if problem is not None:
        problems.add(
            "NAM009", f"extended resource `{text}` {problem}", member.name.span, 'write it like "acme.com/gpu"'
        )


def check_require(
    checking: Checking, scope: Scope, device: DeviceSchema, require: Require, there: Presence
) -> list[Clause]:
    """The clauses of a `require`; none if a mistake was reported."""
    condition = require.condition
    if isinstance(condition, And) and not within_limits(
        len(condition.operands), 1, "this condition", condition.span, scope.problems
    ):
        return []
    found = check_clauses(checking, scope, device, condition, there=there)
    if found is None:
        return []
    clauses = []
    for group in _together(found):
        judged = [found[i][0] for i in group]
        parts = [found[i][1] for i in group]
        span = parts[0].span.to(parts[-1].span)
        conditions = tuple(one.condition for one in judged)
        joined = conditions[0] if len(conditions) == 1 else Conjunction(conditions, span)
        clause = Clause(
            joined, _words(parts, span, group), require.said.negotiable, said_by(require.said.because), span
        )
        if within_limits(*extent(joined), "this condition", span, scope.problems):
            clauses.append(clause)
    return clauses


def together_within_limits(clauses: Sequence[Clause], what: str, span: Span, problems: Problems) -> bool:
    """Whether all rules of a class or request together are small enough; reported if not."""
    size = sum(extent(clause.condition)[0] for clause in clauses)
    if size > SIZE_LIMIT:
        message = f"{what} has more than {SIZE_LIMIT} conditions, with its defines written out"
        problems.add("RUL010", message, span, "say less: Kubernetes takes 32 selectors of 10 KiB of CEL text")
    return size <= SIZE_LIMIT


def _words(parts: Sequence[Condition], span: Span, group: Sequence[int]) -> str:
    if group[-1] - group[0] == len(group) - 1:
        return words(span)
    return " and ".join(words(part.span) for part in parts)


def _together(found: Sequence[tuple[Judged, Condition]]) -> list[list[int]]:
    """The conjuncts by groups: one that needs a proof stays with the first one before it that gives it."""
    group_of: dict[int, list[int]] = {}
    for i, (judged, _) in enumerate(found):
        provers: set[int] = set()
        for attribute in judged.needs:
            # The checker accepted the need: none of those before it proves it only where all devices have it anyway.
            provers.update(next(([j] for j in range(i) if attribute in found[j][0].proof.if_true), ()))
        merged = sorted({i, *(k for j in provers for k in group_of[j])})
        for k in merged:
            group_of[k] = merged
    groups = {tuple(group) for group in group_of.values()}
    return [list(group) for group in sorted(groups)]


__all__ = ["DEVICES_LIMIT", "check_classes", "check_require", "together_within_limits"]
