"""Quotas as objects that others enforce: ResourceQuota, or Kueue's queues and cohorts where Kueue is installed.

Both count requests by class, not devices: what they miss is said in the report (`enforcement`).
"""

from __future__ import annotations

from fractions import Fraction

from dra_policy.language.checked import CheckedClass, CheckedPolicies
from dra_policy.language.site import CheckedQuota
from dra_policy.render.admission import OBJECT
from dra_policy.render.targets import Target

_KUEUE = "kueue.x-k8s.io/v1beta1"
_FLAVOR = "any-node"


def quota_objects(policies: CheckedPolicies, target: Target) -> list[OBJECT]:
    """What stands for the quotas on a target, in the order of the policies."""
    quotas = [one for policy in policies for one in policy.site.quotas.values()]
    if not quotas:
        return []
    classes = [one for policy in policies for one in policy.classes.values()]
    if target.kueue:
        return _kueue(quotas, classes)
    return [one for quota in quotas for one in _resource_quota(quota, classes)]


def _charged(quota: CheckedQuota, classes: list[CheckedClass]) -> list[CheckedClass]:
    """The classes through which devices of a quota are had."""
    return [one for one in classes if one.device is quota.of.device]


def _whole(amount: Fraction) -> str:
    """Requests are counted in whole devices, so a fraction is rounded down."""
    return str(int(amount))


def _resource_quota(quota: CheckedQuota, classes: list[CheckedClass]) -> list[OBJECT]:
    """One object for the namespaces that the quota is for: whoever applies it names the namespace."""
    ceiling = quota.at_most if quota.borrow_to is None else quota.borrow_to
    hard = {f"{one.name}.deviceclass.resource.k8s.io/devices": _whole(ceiling) for one in _charged(quota, classes)}
    if not hard:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": _label(quota.name), "annotations": {"dra-policy.dev/quota": quota.words}},
            "spec": {"hard": hard},
        }
    ]


def _kueue(quotas: list[CheckedQuota], classes: list[CheckedClass]) -> list[OBJECT]:
    found: list[OBJECT] = [
        {"apiVersion": _KUEUE, "kind": "ResourceFlavor", "metadata": {"name": _FLAVOR}, "spec": {}},
    ]
    for quota in quotas:
        charged = _charged(quota, classes)
        if not charged:
            continue
        resource = f"{quota.of.device.driver}/devices"
        limits: OBJECT = {"name": resource, "nominalQuota": _whole(quota.at_most)}
        if quota.cohort:
            if quota.borrow_to is not None:
                limits["borrowingLimit"] = _whole(quota.borrow_to - quota.at_most)
            lend = quota.lend if quota.lend is not None else None
            if lend is None and quota.guarantee is not None:
                lend = quota.at_most - quota.guarantee
            if lend is not None:
                limits["lendingLimit"] = _whole(lend)
        group = {"coveredResources": [resource], "flavors": [{"name": _FLAVOR, "resources": [limits]}]}
        spec: OBJECT = {"namespaceSelector": {}, "resourceGroups": [group]}
        if quota.cohort:
            spec["cohort"] = _label(quota.cohort)
        found.append(
            {
                "apiVersion": _KUEUE,
                "kind": "ClusterQueue",
                "metadata": {
                    "name": _label(quota.name),
                    "annotations": {
                        "dra-policy.dev/quota": quota.words,
                        "dra-policy.dev/device-classes": ",".join(one.name for one in charged),
                    },
                },
                "spec": spec,
            }
        )
        queue = {"name": _label(quota.name), "namespace": "default"}
        found.append(
            {
                "apiVersion": _KUEUE,
                "kind": "LocalQueue",
                "metadata": queue,
                "spec": {"clusterQueue": _label(quota.name)},
            }
        )
    return found


def _label(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


__all__ = ["quota_objects"]
