"""ResourceSlice (A4-A6, A11) and DeviceTaintRule (I4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dra_policy.resources.device import Counter, CounterSet, Device, DeviceAttribute, DeviceTaint
from dra_policy.resources.features import Features
from dra_policy.resources.names import (
    QualifiedName,
    driver_problem,
    key_problem,
    label_problem,
    pool_problem,
    qualified_name_problem,
    value_problem,
)
from dra_policy.resources.quoting import shortened
from dra_policy.resources.semver import semver_problem
from dra_policy.resources.slices import DeviceTaintRule, ResourcePool, ResourceSlice, ResourceSliceSpec
from dra_policy.resources.validation.capacity import check_node_resources, check_request_policy
from dra_policy.resources.validation.findings import Findings
from dra_policy.resources.validation.metadata import check_conditions, check_metadata, check_time
from dra_policy.resources.validation.nodes import check_node_name, check_node_selector, check_one_term, check_true

MAX_DEVICES: Final = 128
MAX_DEVICES_ADVANCED: Final = 64
MAX_COUNTER_SETS: Final = 8
MAX_COUNTERS: Final = 32
MAX_CONSUMPTIONS: Final = 2
MAX_GROUPS: Final = 2
MAX_ATTRIBUTES: Final = 32
MAX_VALUES: Final = 48
MAX_VALUE_BYTES: Final = 64
MAX_TAINTS: Final = 16
MAX_BINDING_CONDITIONS: Final = 4
SKIPPABLE: Final = ("NodePrepareResources", "NodeUnprepareResources", "*")
EFFECTS: Final = ("NoSchedule", "NoExecute", "None")


def check_slice(found: Findings, slice_: ResourceSlice, features: Features) -> None:
    """All that the API server checks of a slice."""
    check_metadata(found, slice_.metadata, namespaced=False)
    spec = slice_.spec
    found.name("spec.driver", spec.driver, "driver", driver_problem)
    _pool(found, spec.pool)
    _nodes(found, spec)
    # A list that is written counts, even an empty one.
    if {"devices", "shared_counters"} <= spec.model_fields_set:
        message = "`devices` and `sharedCounters` exclude each other"
        found.add(
            "RES015",
            "spec",
            message,
            "publish the counter sets in a slice of their own",
            at="spec.sharedCounters",
            key=True,
        )
    _devices(found, spec, features)
    if found.at_most("spec.sharedCounters", len(spec.shared_counters), MAX_COUNTER_SETS, "counter sets"):
        named = ((f"spec.sharedCounters[{i}]", s.name) for i, s in enumerate(spec.shared_counters))
        found.unique(named, "counter set", "name")
        for i, counter_set in enumerate(spec.shared_counters):
            _counter_set(found, counter_set, f"spec.sharedCounters[{i}]")
    _partition_type(found, spec)
    check_skip(found, spec.skip_node_operations, "spec.skipNodeOperations")


def _pool(found: Findings, pool: ResourcePool) -> None:
    found.name("spec.pool.name", pool.name, "pool", pool_problem)
    if pool.resource_slice_count <= 0:
        message = f"the number of slices is {pool.resource_slice_count}"
        found.add("RES018", "spec.pool.resourceSliceCount", message, "write how many slices the pool has, at least 1")
    if pool.generation < 0:
        message = f"the generation is {pool.generation}"
        found.add("RES018", "spec.pool.generation", message, "write 0 or more, and more with every change of the pool")


def _nodes(found: Findings, spec: ResourceSliceSpec) -> None:
    chosen = ["nodeName"] if check_node_name(found, "spec.nodeName", spec.node_name) else []
    if spec.node_selector is not None:
        chosen.append("nodeSelector")
        check_node_selector(found, spec.node_selector, "spec.nodeSelector")
        check_one_term(found, spec.node_selector, "spec.nodeSelector")
    if check_true(found, "spec.allNodes", spec.all_nodes):
        chosen.append("allNodes")
    if check_true(found, "spec.perDeviceNodeSelection", spec.per_device_node_selection):
        chosen.append("perDeviceNodeSelection")
    choices = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
    _exactly_one(found, "spec", chosen, choices)


def _exactly_one(found: Findings, path: str, chosen: Sequence[str], choices: Sequence[str], when: str = "") -> None:
    names = ", ".join(f"`{c}`" for c in choices)
    if not chosen:
        found.add("RES015", path, f"none of {names} is set{when}", "set exactly one of them", key=True)
    elif len(chosen) > 1:
        both = " and ".join(f"`{c}`" for c in chosen)
        message = f"{both} exclude each other"
        found.add("RES015", path, message, f"keep one of {names}", at=f"{path}.{chosen[1]}", key=True)


def _devices(found: Findings, spec: ResourceSliceSpec, features: Features) -> None:
    reasons = {
        "taints": any(d.taints for d in spec.devices),
        "counter consumption": any(d.consumes_counters for d in spec.devices),
        "list attributes": any(
            not a.model_fields_set.isdisjoint(_LISTS) for d in spec.devices for a in d.attributes.values()
        ),
    }
    used = [reason for reason, there in reasons.items() if there]
    most = MAX_DEVICES_ADVANCED if used else MAX_DEVICES
    why = f" in a slice with {' and '.join(used)}" if used else ""
    if not found.at_most("spec.devices", len(spec.devices), most, "devices", why):
        return
    for i, device in enumerate(spec.devices):
        _device(
            found, device, f"spec.devices[{i}]", per_device=spec.per_device_node_selection is True, features=features
        )
    found.unique(((f"spec.devices[{i}]", d.name) for i, d in enumerate(spec.devices)), "device", "name")


_LISTS: Final = ("ints", "bools", "strings", "versions")


def _is_list(attribute: DeviceAttribute) -> bool:
    return bool(attribute.ints or attribute.bools or attribute.strings or attribute.versions)


def _device(found: Findings, device: Device, path: str, *, per_device: bool, features: Features) -> None:
    found.name(f"{path}.name", device.name, "device", label_problem)
    entries = len(device.attributes) + len(device.capacity)
    found.at_most(path, entries, MAX_ATTRIBUTES, "attributes and capacities")
    values = sum(
        len(a.ints) + len(a.bools) + len(a.strings) + len(a.versions) if _is_list(a) else 1
        for a in device.attributes.values()
    )
    found.at_most(path, values, MAX_VALUES, "attribute values")
    for name, attribute in device.attributes.items():
        _qualified(found, f"{path}.attributes", name, "attribute")
        _attribute(found, attribute, f"{path}.attributes[{name}]")
    for name, capacity in device.capacity.items():
        _qualified(found, f"{path}.capacity", name, "capacity")
        policy = f"{path}.capacity[{name}].requestPolicy"
        if device.allow_multiple_allocations:
            check_request_policy(found, capacity, policy, fractional=features.fractional_capacity_range)
        elif capacity.request_policy is not None:
            message = "a request policy needs a device that several claims can share"
            found.add("RES026", policy, message, "set `allowMultipleAllocations: true` on the device", key=True)
    if found.at_most(f"{path}.taints", len(device.taints), MAX_TAINTS, "taints"):
        for i, taint in enumerate(device.taints):
            check_taint(found, taint, f"{path}.taints[{i}]")
    else:
        for i, taint in enumerate(device.taints):
            _effect(found, taint, f"{path}.taints[{i}]")
    _consumption(found, device, path)
    _device_nodes(found, device, path, per_device=per_device)
    check_binding(found, device.binding_conditions, device.binding_failure_conditions, path)
    check_node_resources(found, device.node_allocatable_resources, device.capacity, f"{path}.nodeAllocatableResources")


def _qualified(found: Findings, path: str, name: str, what: str) -> None:
    # The API server reports a bad key at the map.
    found.name(path, name, what, qualified_name_problem, "RES012", f"{path}[{name}]", key=True)


def _attribute(found: Findings, attribute: DeviceAttribute, path: str) -> None:
    fields = {
        "int": attribute.int_ is not None,
        "bool": attribute.bool_ is not None,
        "string": attribute.string is not None,
        "version": attribute.version is not None,
    }
    lists = {name: getattr(attribute, name) for name in _LISTS if name in attribute.model_fields_set}
    for name, values in lists.items():
        if not values:
            found.add("RES015", f"{path}.{name}", "the list is empty", "write a value or remove the field")
    chosen = [name for name, there in fields.items() if there]
    filled: list[str] = [name for name, values in lists.items() if values]
    # The API server counts twice: lists that are written, and lists with values. Both must come to one.
    if len(chosen) + len(filled) == 1:
        filled = list(lists)
    _exactly_one(found, path, chosen + filled, (*fields, *_LISTS))
    for text, at in ((attribute.string, "string"), *((s, f"strings[{i}]") for i, s in enumerate(attribute.strings))):
        if text is not None:
            found.length(f"{path}.{at}", text, MAX_VALUE_BYTES, "the text")
    for text, at in (
        (attribute.version, "version"),
        *((v, f"versions[{i}]") for i, v in enumerate(attribute.versions)),
    ):
        if text is not None:
            _version(found, text, f"{path}.{at}")


def _version(found: Findings, text: str, path: str) -> None:
    if not found.length(path, text, MAX_VALUE_BYTES, "the version"):
        return
    problem = semver_problem(text)
    if problem is not None:
        found.add("RES020", path, f"`{shortened(text)}` is not a semantic version: {problem}", "write `1.2.3`")


def _consumption(found: Findings, device: Device, path: str) -> None:
    here = f"{path}.consumesCounters"
    if not found.at_most(here, len(device.consumes_counters), MAX_CONSUMPTIONS, "counter consumptions"):
        return
    for i, consumption in enumerate(device.consumes_counters):
        entry = f"{here}[{i}]"
        found.name(f"{entry}.counterSet", consumption.counter_set, "counter set", label_problem)
        _counters(found, consumption.counters, f"{entry}.counters")
        groups = consumption.compatibility_groups
        if found.at_most(f"{entry}.compatibilityGroups", len(groups), MAX_GROUPS, "compatibility groups"):
            for j, group in enumerate(groups):
                found.name(f"{entry}.compatibilityGroups[{j}]", group, "compatibility group", label_problem)
            named = ((f"{entry}.compatibilityGroups[{j}]", g) for j, g in enumerate(groups))
            found.unique(named, "compatibility group")
    sets = ((f"{here}[{i}]", c.counter_set) for i, c in enumerate(device.consumes_counters))
    found.unique(sets, "counter set", "counterSet")


def _counter_set(found: Findings, counter_set: CounterSet, path: str) -> None:
    found.name(f"{path}.name", counter_set.name, "counter set", label_problem)
    _counters(found, counter_set.counters, f"{path}.counters")


def _counters(found: Findings, counters: Mapping[str, Counter], path: str) -> None:
    if not counters:
        found.required(path, "counter", "write at least one counter, such as `memory: {value: 40Gi}`")
    if found.at_most(path, len(counters), MAX_COUNTERS, "counters"):
        for name in counters:
            found.name(path, name, "counter", label_problem, at=f"{path}[{name}]", key=True)


def _device_nodes(found: Findings, device: Device, path: str, *, per_device: bool) -> None:
    if not per_device:
        given = {"nodeName": device.node_name, "nodeSelector": device.node_selector, "allNodes": device.all_nodes}
        named = [alias for alias, value in given.items() if value is not None]
        if named:
            message = f"`{named[0]}` of a device needs `perDeviceNodeSelection` on the slice"
            help_ = "set `perDeviceNodeSelection: true` in the slice's spec, or remove the field"
            found.add("RES026", path, message, help_, at=f"{path}.{named[0]}", key=True)
        return
    chosen = ["nodeName"] if check_node_name(found, f"{path}.nodeName", device.node_name) else []
    if device.node_selector is not None:
        chosen.append("nodeSelector")
        check_node_selector(found, device.node_selector, f"{path}.nodeSelector")
    if check_true(found, f"{path}.allNodes", device.all_nodes):
        chosen.append("allNodes")
    when = ", though the slice has `perDeviceNodeSelection`"
    _exactly_one(found, path, chosen, ("nodeName", "nodeSelector", "allNodes"), when)


def check_binding(found: Findings, conditions: Sequence[str], failures: Sequence[str], path: str) -> None:
    """Binding conditions of a device or a result (A6)."""
    for alias, names in (("bindingConditions", conditions), ("bindingFailureConditions", failures)):
        here = f"{path}.{alias}"
        if found.at_most(here, len(names), MAX_BINDING_CONDITIONS, "binding conditions"):
            for i, name in enumerate(names):
                found.name(f"{here}[{i}]", name, "condition", key_problem)
        found.unique(((f"{here}[{i}]", name) for i, name in enumerate(names)), "condition")
    for i, name in enumerate(failures):
        if name in conditions:
            message = f"`{shortened(name)}` is both a binding condition and a failure condition"
            found.add("RES025", f"{path}.bindingFailureConditions[{i}]", message, "remove it from one of the lists")
    if failures and not conditions:
        message = "failure conditions without binding conditions"
        at = f"{path}.bindingFailureConditions"
        found.add("RES025", f"{path}.bindingConditions", message, "add `bindingConditions`", at=at, key=True)
    if conditions and not failures:
        message = "binding conditions without failure conditions"
        at = f"{path}.bindingConditions"
        help_ = "add `bindingFailureConditions`: without them a failed device is waited for until the timeout"
        found.add("RES025", f"{path}.bindingFailureConditions", message, help_, at=at, key=True)


def check_taint(found: Findings, taint: DeviceTaint, path: str) -> None:
    """A taint of a device or a rule (I1)."""
    found.name(f"{path}.key", taint.key, "taint", key_problem)
    wrong = value_problem(taint.value or "")
    if wrong is not None:
        message = f"taint value `{shortened(taint.value or '')}` {wrong}"
        found.add("RES011", f"{path}.value", message, "choose another value")
    _effect(found, taint, path)
    check_time(found, f"{path}.timeAdded", taint.time_added)


def _effect(found: Findings, taint: DeviceTaint, path: str) -> None:
    if not taint.effect:
        found.required(f"{path}.effect", "effect of the taint", "write `NoSchedule`, `NoExecute` or `None`")
    else:
        found.allowed(f"{path}.effect", taint.effect, EFFECTS, "effect of taints")


def check_skip(found: Findings, operations: Sequence[str], path: str) -> None:
    """Optional node operations (N3)."""
    for i, operation in enumerate(operations):
        found.allowed(f"{path}[{i}]", operation, SKIPPABLE, "operation that can be skipped")
    found.unique(((f"{path}[{i}]", operation) for i, operation in enumerate(operations)), "operation")
    if "NodePrepareResources" in operations and not {"NodeUnprepareResources", "*"} & set(operations):
        message = "`NodePrepareResources` is skipped without `NodeUnprepareResources`"
        found.add("RES025", path, message, "add `NodeUnprepareResources`", key=True)


def _partition_type(found: Findings, spec: ResourceSliceSpec) -> None:
    name, path = spec.partition_type_attribute, "spec.partitionTypeAttribute"
    if name is None:
        return
    found.name(path, name, "attribute", lambda n: qualified_name_problem(n, need_domain=True), "RES012")
    if not any(d.consumes_counters for d in spec.devices):
        message = "a partition type needs devices that consume counters"
        found.add("RES026", path, message, "remove it, or set it on the slice of the partitions", key=True)
        return
    # Here a domain in upper case is no mistake to the API server; above it is.
    if "/" not in name or qualified_name_problem(name) is not None:
        return
    for i, device in enumerate(spec.devices):
        if not device.consumes_counters:
            continue
        here = f"spec.devices[{i}].attributes[{name}]"
        split = QualifiedName.split(name)
        bare = split.identifier if split.domain == spec.driver else None
        attribute = device.attributes.get(name) or device.attributes.get(bare or "")
        if attribute is None:
            help_ = f"add the attribute `{shortened(name)}`, by which partitions are counted"
            found.required(here, f"partition type of device `{shortened(device.name)}`", help_)
        elif attribute.string is None:
            at = here if name in device.attributes else f"spec.devices[{i}].attributes[{bare}]"
            found.add("RES005", here, "a partition type is a string attribute", "write `{string: ...}`", at=at)


def check_taint_rule(found: Findings, rule: DeviceTaintRule) -> None:
    """All that the API server checks of a taint rule."""
    check_metadata(found, rule.metadata, namespaced=False)
    selector = rule.spec.device_selector
    if selector is not None:
        for alias, value, what, problem in (
            ("driver", selector.driver, "driver", driver_problem),
            ("pool", selector.pool, "pool", pool_problem),
            ("device", selector.device, "device", label_problem),
        ):
            if value is not None:
                found.name(f"spec.deviceSelector.{alias}", value, what, problem)
    check_taint(found, rule.spec.taint, "spec.taint")
    if rule.status is not None:
        check_conditions(found, rule.status.conditions, "status.conditions", 8)


__all__ = ["EFFECTS", "check_binding", "check_skip", "check_slice", "check_taint", "check_taint_rule"]
