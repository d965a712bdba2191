"""Quotas as objects that others enforce: ResourceQuota, or Kueue's queues and cohorts where Kueue is installed.

Both count requests by class, not devices: what they miss is said in the report (`enforcement`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from dra_policy.language.checked import CheckedClass, CheckedPolicies
from dra_policy.language.decisions import CheckedQuota
from dra_policy.render.charges import least_charge, most_requests, namespace_labels
from dra_policy.render.kept import lost_class
from dra_policy.render.literals import OBJECT
from dra_policy.render.targets import Target
from dra_policy.rules.subjects import SubjectField

_KUEUE = "kueue.x-k8s.io/v1beta1"
_FLAVOR = "any-node"


def quota_objects(policies: CheckedPolicies, target: Target) -> list[OBJECT]:
    """What stands for the quotas on a target, in the order of the policies."""
    # What each of many has is no amount of a namespace, but where each namespace has it.
    every = [one for policy in policies for one in policy.site.quotas.values()]
    quotas = [one for one in every if not one.per or (one.per == "namespace" and not target.kueue)]
    if not quotas:
        return []
    classes = [one for policy in policies for one in policy.classes.values() if not lost_class(one, target)]
    fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
    if target.kueue:
        return _kueue(quotas, classes, fields)
    return [one for quota in quotas for one in _resource_quota(quota, classes, fields)]


def _annotations(quota: CheckedQuota, fields: Mapping[str, SubjectField]) -> dict[str, str]:
    """What the quota is, and which namespaces it is for, where their labels say so."""
    found = {"dra-policy.dev/quota": quota.words}
    labels = namespace_labels(quota, fields)
    if labels:
        found["dra-policy.dev/namespaces"] = ",".join(f"{key}={value}" for key, value in labels.items())
    return found


def _whole(amount: Fraction) -> str:
    """Requests are counted in whole devices, so a fraction is rounded down."""
    return str(int(amount))


def _resource_quota(
    quota: CheckedQuota, classes: list[CheckedClass], fields: Mapping[str, SubjectField]
) -> list[OBJECT]:
    """One object for the namespaces that the quota is for: whoever applies it names the namespace.

    It knows no cohort, so it stops at the most that may be held with borrowing; where that has no limit, it has none. A
    class whose devices may count nothing has no limit either.
    """
    ceiling = quota.borrow_to if quota.cohort else quota.at_most
    if ceiling is None:
        return []
    most = {one.name: most_requests(quota, ceiling, one) for one in classes}
    hard = {
        f"{name}.deviceclass.resource.k8s.io/devices": str(count) for name, count in most.items() if count is not None
    }
    if not hard:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": _label(quota.name), "annotations": _annotations(quota, fields)},
            "spec": {"hard": hard},
        }
    ]


def _kueue(quotas: list[CheckedQuota], classes: list[CheckedClass], fields: Mapping[str, SubjectField]) -> list[OBJECT]:
    """Kueue counts each device of a driver as one, so classes whose devices may count less are not counted."""
    drivers: dict[str, list[CheckedClass]] = {}
    for quota in quotas:
        driver = quota.of.device.driver
        known = drivers.get(driver, [one for one in classes if one.device is quota.of.device])
        drivers[driver] = [one for one in known if (least_charge(quota, one) or 0) >= 1]
    drivers = {driver: counted for driver, counted in drivers.items() if counted}
    kept = [quota for quota in quotas if quota.of.device.driver in drivers]
    if not kept:
        return []
    found: list[OBJECT] = [
        {"apiVersion": _KUEUE, "kind": "ResourceFlavor", "metadata": {"name": _FLAVOR}, "spec": {}},
        _mappings(drivers),
    ]
    cohorts = dict.fromkeys(_label(quota.cohort) for quota in kept if quota.cohort)
    found += [{"apiVersion": _KUEUE, "kind": "Cohort", "metadata": {"name": name}, "spec": {}} for name in cohorts]
    for quota in kept:
        name = _label(quota.name)
        group = {
            "coveredResources": [_resource(quota.of.device.driver)],
            "flavors": [{"name": _FLAVOR, "resources": [_limits(quota)]}],
        }
        labels = namespace_labels(quota, fields)
        spec: OBJECT = {"namespaceSelector": {"matchLabels": labels} if labels else {}, "resourceGroups": [group]}
        if quota.cohort:
            spec["cohort"] = _label(quota.cohort)
        metadata = {"name": name, "annotations": _annotations(quota, fields)}
        found.append({"apiVersion": _KUEUE, "kind": "ClusterQueue", "metadata": metadata, "spec": spec})
        found.append(
            {"apiVersion": _KUEUE, "kind": "LocalQueue", "metadata": {"name": name}, "spec": {"clusterQueue": name}}
        )
    return found


def _resource(driver: str) -> str:
    """The name under which Kueue counts the devices of a driver."""
    return f"{driver}/devices"


def _mappings(drivers: Mapping[str, list[CheckedClass]]) -> OBJECT:
    """Which classes are counted as which resource: a part of the configuration of Kueue itself."""
    mappings = [
        {"name": _resource(driver), "deviceClassNames": [one.name for one in classes]}
        for driver, classes in drivers.items()
    ]
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta1",
        "kind": "Configuration",
        "resources": {"deviceClassMappings": mappings},
    }


def _limits(quota: CheckedQuota) -> OBJECT:
    limits: OBJECT = {"name": _resource(quota.of.device.driver), "nominalQuota": _whole(quota.at_most)}
    if quota.cohort:
        if quota.borrow_to is not None:
            limits["borrowingLimit"] = _whole(quota.borrow_to - quota.at_most)
        lend = quota.lend
        if lend is None and quota.guarantee is not None:
            lend = quota.at_most - quota.guarantee
        if lend is not None:
            limits["lendingLimit"] = _whole(lend)
    return limits


def _label(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


__all__ = ["quota_objects"]
