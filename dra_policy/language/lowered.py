"""Checked policies as rules of the core, all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dra_policy.language.boards import counter_name
from dra_policy.language.checked import CheckedClass, CheckedPolicies
from dra_policy.language.checking import words
from dra_policy.language.lowering import lower_claim, lower_class
from dra_policy.language.machinery import budget_set
from dra_policy.language.setting import lower_set
from dra_policy.language.siting import lower_site
from dra_policy.resources.features import Features
from dra_policy.rules import ClaimKey, ClaimRules, ClassName, ClassRules, Origin
from dra_policy.rules.sets import Preference
from dra_policy.rules.site import NO_SITE_RULES, SiteRules


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """What policies mean to the core: classes by name, claims by the names of their templates and as `policy.claim`.

    The key of a claim's rules is the template's name in no namespace; give it the claim's own before allocating.
    `site` is what decides beyond classes and claims, `wishes` are what classes prefer, for claims that do not say it
    themselves. `retired` says by driver and former name what an attribute is called now, or nothing if it is gone, and
    why. `budgets` are those of machines by counter set and counter.
    """

    classes: Mapping[ClassName, ClassRules]
    claims: Mapping[str, ClaimRules]
    retired: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    site: SiteRules = NO_SITE_RULES
    wishes: Mapping[ClassName, tuple[Preference, ...]] = field(default_factory=dict)
    budgets: Mapping[tuple[str, str], Origin] = field(default_factory=dict)


def lower(policies: CheckedPolicies, features: Features | None = None) -> PolicyRules:
    """The rules of all policies.

    `features` decide what a target can say, such as whether sets are lists or flags; the default is Kubernetes 1.37.
    """
    chosen = Features() if features is None else features
    classes = {ClassName(name): lower_class(class_, chosen) for name, class_ in policies.classes.items()}
    claims: dict[str, ClaimRules] = {}
    for name, claim in policies.templates.items():
        rules = lower_claim(claim, chosen, ClaimKey("", name))
        claims[name] = claims[f"{claim.policy}.{claim.name}"] = rules
    site, wishes = lower_site(policies, chosen), _wishes(policies.classes, chosen)
    return PolicyRules(classes, claims, _retired(policies), site, wishes, _budgets(policies))


def _budgets(policies: CheckedPolicies) -> dict[tuple[str, str], Origin]:
    """What devices of a machine draw on together."""
    return {
        (budget_set(machine.name), counter_name(budget.name)): Origin(
            f"machine `{machine.name}`", f"budget {budget.name} {words(budget.amount.span)}", budget.span
        )
        for policy in policies
        for machine in policy.hardware.machines.values()
        for budget in machine.budgets
    }


def _wishes(classes: Mapping[str, CheckedClass], features: Features) -> dict[ClassName, tuple[Preference, ...]]:
    """What each class prefers that prefers anything."""
    found: dict[ClassName, tuple[Preference, ...]] = {}
    for name, class_ in classes.items():
        made = (lower_set(wish, f"class `{name}`", features) for wish in class_.wishes)
        wishes = tuple(one for one in made if isinstance(one, Preference))
        if wishes:
            found[ClassName(name)] = wishes
    return found


def _retired(policies: CheckedPolicies) -> dict[tuple[str, str], tuple[str, str]]:
    """Former names of what devices publish, with the names that are published now."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for policy in policies:
        for device in policy.devices.values():
            for former in device.retired.values():
                now = None if former.new is None else device.attributes.get(former.new)
                new = (former.new or "") if now is None else now.published.identifier
                found[device.driver, former.old] = new, former.because
    return found


__all__ = ["PolicyRules", "lower"]
