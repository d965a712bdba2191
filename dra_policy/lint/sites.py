"""Findings about what a site decides, and about models, gates, taints and sets: LIN034, LIN043, LIN063 to LIN075."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from dra_policy.diagnostics import Related, nearest
from dra_policy.language import tree
from dra_policy.language.checked import CheckedClass, CheckedConfig, CheckedPolicies, CheckedPolicy
from dra_policy.language.decisions import CheckedQuota, CheckedRefusal
from dra_policy.language.hardware import GateNeed
from dra_policy.language.parts import Meant
from dra_policy.language.schema import Form
from dra_policy.language.trials import GivenDevices, GivenGate, GivenMachines
from dra_policy.lint.classes import Kinds, known
from dra_policy.lint.finding import Change, Finding, warning
from dra_policy.lint.kinds import concerned
from dra_policy.lint.places import nodes
from dra_policy.lint.reasoning import Cubes, TooMuchError, impossible, site_cubes
from dra_policy.render import Catalog
from dra_policy.source import Span


def of_sites(policies: CheckedPolicies, kinds: Kinds) -> Iterator[Finding]:
    """What is wrong with refusals, quotas and tolerations of the policies that were given, and with their devices."""
    catalog = Catalog.of(policies)
    keys, drivers = _taints(policies)
    needs = [need for one in policies for need in one.hardware.gate_needs if not need.gate.default]
    tried = {step.gate for test in policies.tests for step in test.steps if isinstance(step, GivenGate) and step.on}
    open_needs = [need for need in needs if need.gate not in tried]
    for policy in policies:
        if not policy.given:
            continue
        for refusal in policy.site.refusals:
            yield from _refusal(refusal, kinds)
        for quota in policy.site.quotas.values():
            yield from _too_large(quota, policies)
            yield from _evaded(quota, policies)
        yield from _tolerations(policy, keys, drivers)
        yield from _models(policy, policies, catalog)
        yield from _gates(policy, open_needs)
        yield from _lists(policy)


# ---------------------------------------------------------------------------------------------------------- 63, 64


def _refusal(one: CheckedRefusal, kinds: Kinds) -> Iterator[Finding]:
    try:
        held, failed = site_cubes(one.condition), site_cubes(one.condition, holds=False)
    except TooMuchError:
        return
    of = one.of
    clauses: list[Cubes] = []
    candidates: list[list[Cubes]] = [[]]
    if of is not None:
        if isinstance(of, CheckedClass):
            clauses = [part for clause in of.clauses if (part := known(clause)) is not None]
        mine = [kind for kind in concerned(kinds[of.device], of) if not impossible((kind.cube,), *clauses)]
        candidates = [[(kind.cube,), *clauses] for kind in mine] or [clauses]
    if impossible(held) or all(impossible(*part, held) for part in candidates):
        help_ = "no device and nobody who asks can meet it: change the values that it compares"
        yield warning("LIN064", "this refusal never applies", one.span, help_)
    elif all(impossible(*part, failed) for part in candidates):
        name = "everything" if of is None else f"every `{of.name}`" if isinstance(of, CheckedClass) else "all of them"
        yield warning("LIN063", f"this refuses {name}, whoever asks", one.span, "say when, or remove what is refused")


# ---------------------------------------------------------------------------------------------------------- 65, 66


def _too_large(quota: CheckedQuota, policies: CheckedPolicies) -> Iterator[Finding]:
    """A quota above all machines together, and above what any test gives: nothing that is declared ever meets it."""
    if quota.charges or quota.cohort:
        return
    machines = [m for policy in policies for m in policy.hardware.machines.values()]
    declared = sum(_is_of(quota.of, slot.model) for machine in machines for slot in machine.slots)
    given = 0
    for test in policies.tests:
        here = 0
        for step in test.steps:
            match step:
                case GivenDevices(count, model) if _is_of(quota.of, model):
                    here += count
                case GivenMachines(machine, names):
                    here += len(names) * sum(_is_of(quota.of, slot.model) for slot in machine.slots)
                case _:
                    continue
        given = max(given, here)
    most = max(declared, given)
    if quota.of.part is None and 0 < most < quota.at_most:
        have = f"all machines together have {most}" if declared == most else f"no test gives more than {most}"
        message = f"quota `{quota.name}` is {quota.at_most}, and {have}"
        yield warning("LIN065", message, quota.span, f"write {most} or less, or declare what else there is")


def _is_of(of: Meant, model: object) -> bool:
    return model is of.model if of.model is not None else getattr(model, "device", None) is of.device


def _evaded(quota: CheckedQuota, policies: CheckedPolicies) -> Iterator[Finding]:
    """A quota of one way to a board, where the same board can be had in another."""
    of = quota.of
    if of.model is None and of.part is None:
        return
    covered = {id(mode) for charge in quota.charges if charge.of.part is not None for mode in charge.of.part.modes}
    catalog = Catalog.of(policies)
    models = [m for policy in policies for m in policy.models.values() if m.device is of.device]
    own = [m for m in models if of.model is None or m is of.model]
    for model in own:
        modes = catalog.modes(model)
        for mode in () if modes is None else modes.modes.values():
            mine = mode.partition is False if of.part is None else mode in of.part.modes
            if mine or id(mode) in covered:
                continue
            wanted = model.name if of.part is None else of.part.name
            message = (
                f"quota `{quota.name}` counts `{wanted}`, and the same board can be had as `{mode.name}` uncounted"
            )
            help_ = f"write `of {of.device.name}`, and `charge {mode.name} ...` for what a part of a board counts"
            yield warning("LIN066", message, quota.span, help_, Related(mode.span, "declared here"))
            return


# -------------------------------------------------------------------------------------------------------------- 71


def _taints(policies: CheckedPolicies) -> tuple[dict[str, None], set[str]]:
    """The keys of all taints that somebody sets, and the drivers that are declared."""
    keys: dict[str, None] = {}
    drivers: set[str] = set()
    for one in policies:
        drivers |= {device.driver for device in one.devices.values()}
        for health in one.hardware.health:
            keys |= {event.key: None for event in health.events}
        for machine in one.hardware.machines.values():
            keys |= {key: None for slot in machine.slots for key, _, _ in slot.taints}
    return keys, drivers


def _tolerations(policy: CheckedPolicy, keys: Mapping[str, None], drivers: Collection[str]) -> Iterator[Finding]:
    if not keys:
        return
    for node in nodes(policy.span.source):
        if not isinstance(node, tree.Tolerate | tree.SiteTolerate) or node.taint.key is None:
            continue
        written = node.taint.key
        text = written.value if isinstance(written, tree.Text) else written.text
        # Who sets taints of other domains, the policies of drivers do not say.
        if text in keys or text.partition("/")[0] not in drivers:
            continue
        near = nearest(text, keys)
        changes = () if near is None else (Change(written.span, _key(near, written)),)
        help_ = f"did you mean `{near}`?" if near else "taints are " + ", ".join(f"`{key}`" for key in keys)
        message = f"nobody sets the taint `{text}`"
        yield warning("LIN071", message, written.span, help_, changes=changes)


def _key(text: str, written: tree.Name | tree.Text) -> str:
    return f'"{text}"' if isinstance(written, tree.Text) else text


# ---------------------------------------------------------------------------------------------------------- 34, 43


def _models(policy: CheckedPolicy, policies: CheckedPolicies, catalog: Catalog) -> Iterator[Finding]:
    for model in policy.models.values():
        modes = catalog.modes(model)
        made = () if modes is None else modes.modes.values()
        if made and all(mode.partition for mode in made):
            continue  # the board itself is never published
        given = {name for mode in made for name in mode.gives}
        for attribute in model.device.attributes.values():
            if not attribute.is_capacity or not attribute.required or attribute.name in {*model.values, *given}:
                continue
            if _placed(policies, model, attribute):
                continue
            note = Related(attribute.span, "declared here, without `optional` and `absent means`")
            message = f"model `{model.name}` does not say its `{attribute.name}`"
            help_ = f"write `{attribute.name} ...` into the model, or declare the capacity `optional`"
            yield warning("LIN034", message, model.span, help_, note)


def _placed(policies: CheckedPolicies, model: object, attribute: object) -> bool:
    """Whether machines or tests give the value, device by device."""
    slots = [slot for policy in policies for m in policy.hardware.machines.values() for slot in m.slots]
    steps = [step for test in policies.tests for step in test.steps if isinstance(step, GivenDevices)]
    return any(slot.model is model and attribute in slot.values for slot in slots) or any(
        step.model is model and attribute in step.settings for step in steps
    )


def _gates(policy: CheckedPolicy, needs: Sequence[GateNeed]) -> Iterator[Finding]:
    """`needs` are those of gates that are off by default; a test that turns a gate on knows of it."""
    configs: list[CheckedConfig] = [config for class_ in policy.classes.values() for config in class_.configs]
    configs += [config for claim in policy.claims.values() for config in claim.configs]
    for config in configs:
        for need in needs:
            if config.parameters is not need.parameters:
                continue
            span = _needing(config, need)
            if span is None:
                continue
            note = Related(need.gate.span, "off by default")
            message = f"this needs gate `{need.gate.name}`, which is off"
            help_ = (
                "choose another value, turn the gate on by default, or say in a test that it is: `given gate ... on`"
            )
            yield warning("LIN043", message, span, help_, note)


def _needing(config: CheckedConfig, need: GateNeed) -> Span | None:
    if need.value is None:
        return config.span
    for field, values in config.values.items():
        if field.name == need.field:
            return next((value.span for value in values if value.value == need.value.value), None)
    return None


# -------------------------------------------------------------------------------------------------------------- 75


def _lists(policy: CheckedPolicy) -> Iterator[Finding]:
    written = [one for one in nodes(policy.span.source) if isinstance(one, tree.Attribute)]
    chosen = {one.name.span for one in written if one.publish is not None and one.publish.form}
    for device in policy.devices.values():
        for attribute in device.attributes.values():
            if attribute.form is not Form.LIST or attribute.well_known or attribute.span in chosen:
                continue
            flags = f'publish as list or flags "{attribute.published.identifier}_{{value}}"'
            message = f"`{attribute.name}` is a list, which Kubernetes publishes only behind an alpha feature"
            yield warning("LIN075", message, attribute.span, f"write `{flags}`, or `publish as list`")


__all__ = ["of_sites"]
