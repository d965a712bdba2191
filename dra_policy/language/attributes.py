"""Finding the attribute that a name means in one device, and saying what is wrong if there is none."""

from __future__ import annotations

from dra_policy.diagnostics import Related
from dra_policy.language.schema import AttributeSchema, DeviceSchema
from dra_policy.language.scope import ATTRIBUTE, DEVICE, Problems, Scope
from dra_policy.language.templates import units_of
from dra_policy.language.tree import Attribute, Device, Name
from dra_policy.source import Span


def look_up(device: DeviceSchema, text: str, scope: Scope) -> AttributeSchema | None:
    """The attribute of a plain name, or the one that has the well-known name `policy.attribute`."""
    if text in device.attributes:
        return device.attributes[text]
    entry = scope.peek(text, ATTRIBUTE)
    if entry is None:
        return None
    well_known = f"{entry.policy}.{entry.name.text}"
    return next((a for a in device.attributes.values() if a.well_known == well_known), None)


def find_attribute(device: DeviceSchema, name: Name, scope: Scope, *others: str) -> AttributeSchema | None:
    """The attribute that a name means; None if there is none, which is reported.

    `others` are further names that would be right in this place, for "did you mean".
    """
    found = look_up(device, name.text, scope)
    if found is None:
        _report(device, name, scope, others)
    return found


def has_unit(attribute: AttributeSchema | None, name: str, unit: str, span: Span, problems: Problems) -> bool:
    """Whether a placeholder `{memory in GiB}` asks for a unit, if any, of a capacity that is such an amount."""
    units = [] if attribute is None else units_of(attribute.type)
    if not unit or unit in units:
        return True
    help_ = "write it without a unit"
    if units:
        help_ = problems.hint(unit, units, "write one of " + ", ".join(f"`{one}`" for one in units[:6]))
    problems.add("SET006", f"`{name}` is no capacity in `{unit}`", span, help_)
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
