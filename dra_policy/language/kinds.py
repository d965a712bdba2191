"""Whether what devices publish tells those of one kind from the other kinds of their driver.

A class knows the driver of its devices and what they publish, and nothing of the names of their kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dra_policy.diagnostics import Related
from dra_policy.language.boards import Part
from dra_policy.language.checked import CheckedClass, Clause
from dra_policy.language.checking import Checking
from dra_policy.language.finding import device_of, models_of, modes_of
from dra_policy.language.lowering import part_values
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelValue
from dra_policy.language.scope import Problems
from dra_policy.language.telling import has_all
from dra_policy.source import Span


def check_kind(
    checking: Checking, class_: CheckedClass, clauses: Sequence[Clause], span: Span, problems: Problems
) -> None:
    """HWR016 where a class, or a request of it, is given devices of another kind too."""
    # What is required tells them apart, or says what both may be; what a mistake left out may tell them apart too.
    if clauses or problems.found:
        return
    # Two policies may describe the devices of one driver each in its own way: only one that has both kinds keeps them apart.
    others = (
        one for one in checking.devices.values() if one is not class_.device and one.policy == class_.device.policy
    )
    other = next((one for one in others if one.driver == class_.device.driver and _mixed(checking, class_, one)), None)
    if other is None:
        return
    own, name = class_.device, class_.device.name
    message = (
        f"nothing published tells `{name}` from `{other.name}` of the same driver, so this is given devices of both"
    )
    help_ = "give both an attribute that tells them apart, and each model its value"
    evident = next((one for one in own.attributes.values() if is_evident(one) and not _publishes(other, one)), None)
    if evident is not None:
        help_ = f"write `require has {evident.name}`, which no `{other.name}` has; or {help_}"
    problems.add("HWR016", message, span, help_, Related(other.span, "the other one"))


def is_evident(attribute: AttributeSchema) -> bool:
    """Whether every device of a kind publishes an attribute under its own name on every target, parts of a board too."""
    hidden = attribute.unpublished(lists=False) or attribute.published_as_flags(lists=False)
    return attribute.required and not (attribute.is_capacity or attribute.unique or hidden)


def _publishes(device: DeviceSchema, attribute: AttributeSchema) -> bool:
    name = attribute.published.qualified
    return any(one.published.qualified == name for one in device.attributes.values())


def _mixed(checking: Checking, class_: CheckedClass, other: DeviceSchema) -> bool:
    """Whether devices of another kind have all that those of a class have."""
    part = class_.part
    shared = part is not None and part.share is not None
    if shared and not any(device_of(one.board) is other for one in checking.shares.values()):
        return False
    if part is not None:
        wanted = [_by_published(one) for one in part_values(part)]
    else:
        wanted = [{} if class_.model is None else _by_published(class_.model.values)]
    if any(all(one.attribute.unpublished(lists=False) for one in facts.values()) for facts in wanted):
        return True
    return any(has_all(there, facts) for there in _devices(checking, other) for facts in wanted)


def _devices(checking: Checking, of: DeviceSchema) -> Iterator[Mapping[str, ModelValue]]:
    """What the devices that boards of a kind can be publish, as far as it is known."""
    for model in models_of(checking, of):
        yield _by_published(model.values)
        for mode in modes_of(checking, model).values():
            for profile in mode.profiles or ("",):
                (values,) = part_values(Part(mode.name, (model,), (mode,), profile, None))
                yield _by_published(values)


def _by_published(values: Mapping[str, ModelValue]) -> dict[str, ModelValue]:
    return {one.attribute.published.qualified: one for one in values.values()}


__all__ = ["check_kind", "is_evident"]
