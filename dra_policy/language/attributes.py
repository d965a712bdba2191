"""Finding the attribute that a name means in one device, and saying what is wrong if there is none."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.diagnostics import Related
from dra_policy.language.schema import AttributeSchema, DeviceSchema, FieldSchema
from dra_policy.language.scope import ATTRIBUTE, DEVICE, Declared, Problems, Scope
from dra_policy.language.templates import units_of
from dra_policy.language.tree import Attribute, Device, Name
from dra_policy.language.types import DURATION
from dra_policy.source import Span


def look_up(device: DeviceSchema, text: str, scope: Scope) -> AttributeSchema | None:
    """The attribute of a plain name, or the one that has the well-known name `policy.attribute`.

    That is the one that has it for its type, else one that is published under one of its names.
    """
    if text in device.attributes:
        return device.attributes[text]
    entry = scope.peek(text, ATTRIBUTE)
    if entry is None:
        return None
    well_known = f"{entry.policy}.{entry.name.text}"
    attributes = device.attributes.values()
    found = next((a for a in attributes if a.well_known == well_known), None)
    if found is None:
        names = _spellings(entry)
        found = next((a for a in attributes if not a.private and a.published.qualified in names), None)
    return found


def are_one_fact(attributes: Sequence[AttributeSchema], scope: Scope) -> bool:
    """Whether attributes are one well-known fact, by their types, or as it is published under all of their names."""
    first = attributes[0].well_known
    if first and all(one.well_known == first for one in attributes):
        return True
    names = {one.published.qualified for one in attributes}
    return any(names <= _spellings(entry) for entry in scope.visible(ATTRIBUTE))


def _spellings(entry: Declared) -> frozenset[str]:
    """The names under which a well-known attribute is published."""
    declared = entry.statement
    if not isinstance(declared, Attribute):
        return frozenset()
    published = declared.name if declared.publish is None or declared.publish.name is None else declared.publish.name
    texts = [
        name.text if isinstance(name, Name) else name.value
        for name in (published, *(alias.name for alias in declared.aliases))
    ]
    return frozenset(text if "/" in text else f"{entry.policy}/{text}" for text in texts)


def find_attribute(device: DeviceSchema, name: Name, scope: Scope, *others: str) -> AttributeSchema | None:
    """The attribute that a name means; None if there is none, which is reported.

    `others` are further names that would be right in this place, for "did you mean".
    """
    found = look_up(device, name.text, scope)
    if found is None:
        _report(device, name, scope, others)
    return found


def has_unit(of: AttributeSchema | FieldSchema | None, name: str, unit: str, span: Span, problems: Problems) -> bool:
    """Whether a placeholder `{memory in GiB}` asks for a unit, if any, of a capacity or field that is such an amount."""
    units = [] if of is None or of.type == DURATION else units_of(of.type)
    if not unit or unit in units:
        return True
    help_ = "write it without a unit"
    if units:
        help_ = problems.hint(unit, units, "write one of " + ", ".join(f"`{one}`" for one in units[:6]))
    problems.add("SET006", f"`{name}` is no amount in `{unit}`", span, help_)
    return False


def can_be_read(attribute: AttributeSchema, span: Span, scope: Scope) -> bool:
    """Whether rules of classes, claims and sites can read an attribute: it is published. Reported if not (NAM019)."""
    if not attribute.private:
        return True
    message = f"`{attribute.name}` is private: the driver knows it, and no rule can read it"
    note = Related(attribute.span, "declared `private` here")
    help_ = "names, set-ups and `advertise when` may read it; for other rules publish it, without `private`"
    scope.problems.add("NAM019", message, span, help_, note)
    return False


def _report(device: DeviceSchema, name: Name, scope: Scope, others: tuple[str, ...]) -> None:
    problems = scope.problems
    if name.text in device.broken:
        return
    retired = device.retired.get(name.text)
    if retired is not None:
        reason = f": {retired.because}" if retired.because else ""
        note = Related(retired.span, f"renamed here{reason}")
        if retired.new is None:
            message = f"`{name.text}` of device `{device.name}` is gone"
            problems.add("NAM004", message, name.span, "remove it: there is no other name for it", note)
        else:
            message = f"`{name.text}` of device `{device.name}` is now called `{retired.new}`"
            problems.add("NAM004", message, name.span, f"write `{retired.new}`", note)
        return
    for entry in scope.visible(DEVICE) if problems.hinting else ():
        if not isinstance(entry.statement, Device) or entry.name.text == device.name:
            continue
        member = next(
            (m for m in entry.statement.members if isinstance(m, Attribute) and m.name.text == name.text), None
        )
        if member is not None:
            note = Related(member.name.span, f"declared here, in device `{entry.name.text}`")
            message = f"device `{device.name}` has no attribute `{name.text}`; device `{entry.name.text}` has"
            near = problems.similar(name.text, device.attributes)
            help_ = f"did you mean `{near}`?" if near else f"this is about `{device.name}`, which has {_some(device)}"
            problems.add("NAM002", message, name.span, help_, note)
            return
    help_ = problems.hint(name.text, (*device.attributes, *others), f"it has {_some(device)}")
    note = Related(device.span, "its schema is declared here")
    problems.add("NAM001", f"device `{device.name}` has no attribute `{name.text}`", name.span, help_, note)


def _some(device: DeviceSchema, most: int = 6) -> str:
    names = list(device.attributes)
    text = ", ".join(f"`{name}`" for name in names[:most])
    return f"{text or 'none'} and {len(names) - most} more" if len(names) > most else text or "none"
