"""What sites and shares decide, as rules of the core: refusals, quotas, windows, who may share, what must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias, assert_never

from dra_policy.expression import Program, compile_tree
from dra_policy.expression.tree import Expression
from dra_policy.language.askers import AllOf, AnyOf, Atom, Negated, OfDevice, SiteCondition, WithDevice
from dra_policy.language.boards import Mode, Modes, Part, Pool, Profile, Said, Share, counter_name
from dra_policy.language.checked import CheckedClass, CheckedPolicies, CheckedPolicy
from dra_policy.language.checking import words
from dra_policy.language.decisions import (
    CheckedCeiling,
    CheckedCharge,
    CheckedExclusion,
    CheckedKeep,
    CheckedQuota,
    CheckedRefusal,
    CheckedToleration,
)
from dra_policy.language.lowering import class_conditions, part_conditions, value_conditions
from dra_policy.language.modes import BUILT_IN, device_of
from dra_policy.language.parts import Meant, meant_by
from dra_policy.language.predicates import lower_condition, lower_driver, lower_value
from dra_policy.language.schema import AttributeSchema, Compared, ModelSchema, ParametersSchema
from dra_policy.language.setting import strength
from dra_policy.language.types import AmountType, Constant
from dra_policy.resources import Features
from dra_policy.rules import Origin
from dra_policy.rules import conditions as core
from dra_policy.rules import site as rules
from dra_policy.rules.subjects import Source, SubjectField

_BUILT_IN = {
    "namespace": SubjectField("namespace", Source.CLAIM_NAMESPACE),
    "pod": SubjectField("pod", Source.POD_NAME),
}


def lower_site(policies: CheckedPolicies, features: Features) -> rules.SiteRules:
    """The rules of all policies together."""
    return _Lowering(features).all(policies)


class _Lowering:
    def __init__(self, features: Features) -> None:
        self.features = features
        self.lists = features.list_type_attributes
        self.modes: Mapping[int, Mapping[str, Mode]] = {}
        self.blocks: list[Modes] = []
        self.shares: list[Share] = []

    def all(self, policies: CheckedPolicies) -> rules.SiteRules:
        fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
        self.blocks = [modes for policy in policies for modes in policy.hardware.modes]
        self.shares = [share for policy in policies for share in policy.hardware.shares.values()]
        self.modes = {id(modes.board): modes.modes for modes in self.blocks}
        sharing = (
            *(one for policy in policies for one in self._sharing(policy)),
            *self._boards_sharing(),
        )
        for one in sharing:
            for name in one.same:
                if name in BUILT_IN:
                    fields.setdefault(name, _BUILT_IN[name])
        for quota in (quota for policy in policies for quota in policy.site.quotas.values()):
            if quota.per in BUILT_IN:
                fields.setdefault(quota.per, _BUILT_IN[quota.per])
        templates = {claim: name for name, claim in policies.templates.items()}
        return rules.SiteRules(
            fields=tuple(fields.values()),
            levels=tuple(
                rules.Level(name, label, Origin(f"level `{name}`", f'node label "{label}"', span))
                for policy in policies
                for name, (label, span) in policy.site.levels.items()
            ),
            windows=tuple(one for policy in policies for one in policy.site.windows.values()),
            refusals=tuple(self._refusal(one) for policy in policies for one in policy.site.refusals),
            quotas=tuple(self._quota(one) for policy in policies for one in policy.site.quotas.values()),
            keeps=tuple(self._keep(one) for policy in policies for one in policy.site.keeps),
            sharing=sharing,
            agreements=tuple(
                one
                for policy in policies
                for parameters in policy.parameters.values()
                for one in self._agreements(parameters)
            ),
            modes=tuple(
                one for policy in policies for modes in policy.hardware.modes for one in self._exclusions(modes)
            ),
            exclusions=tuple(self._exclusive(one) for policy in policies for one in policy.site.exclusions),
            ceilings=tuple(self._ceiling(one) for policy in policies for one in policy.site.ceilings),
            counts=tuple(
                rules.Counts(
                    class_.name,
                    frozenset(class_.counts.numbers),
                    Origin(
                        f"class `{class_.name}`", class_.counts.words, class_.counts.span, class_.counts.said.because
                    ),
                    strength(class_.counts.said.strength),
                )
                for policy in policies
                for class_ in policy.classes.values()
                if class_.counts is not None
            ),
            tolerations=tuple(_toleration(one) for policy in policies for one in policy.site.tolerations),
            gangs=tuple(
                rules.Gang(
                    one.name,
                    templates[one.claim],
                    one.count,
                    Origin(f"gang `{one.name}`", one.words, one.span, one.because),
                    one.same,
                    one.distinct,
                    one.otherwise,
                )
                for policy in policies
                for one in policy.site.gangs.values()
            ),
        )

    # --------------------------------------------------------------------------------------------------- conditions

    def _program(self, expression: Expression) -> Program:
        return compile_tree(expression, self.features)

    def condition(self, one: SiteCondition) -> core.Condition:
        """A condition of a site as one of the core."""
        match one:
            case AllOf(parts):
                return core.And(tuple(map(self.condition, parts)))
            case AnyOf(parts):
                return core.Or(tuple(map(self.condition, parts)))
            case Negated(part):
                return core.Not(self.condition(part))
            case Atom(condition):
                return condition
            case OfDevice(condition):
                # A refusal that nobody can decide refuses: what is not there is told as such, not taken for false.
                return core.DeviceTest(self._program(lower_condition(condition, lists=self.lists, guarded=False)))
            case WithDevice(attribute, operator, other, flipped):
                own: core.Term
                if isinstance(attribute.type, AmountType):
                    own = core.DeviceAmount(attribute.published.key)
                else:
                    own = core.DeviceValue(self._program(lower_value(attribute)))
                return core.Compare(other, operator, own) if flipped else core.Compare(own, operator, other)
            case _:
                assert_never(one)

    def devices(self, of: Meant | CheckedClass) -> core.Condition:
        """Which devices are meant."""
        if isinstance(of, CheckedClass):
            trees = [one.tree for one in class_conditions(of, lists=self.lists)]
        else:
            trees = [lower_driver(of.device)]
            if of.part is not None:
                trees += [one.tree for one in part_conditions(of.part, "", self.lists)]
            elif of.model is not None:
                trees += [one.tree for one in value_conditions(of.model.values.values(), "", self.lists)]
        tests = tuple(core.DeviceTest(self._program(one)) for one in trees)
        return tests[0] if len(tests) == 1 else core.And(tests)

    # -------------------------------------------------------------------------------------------------------- rules

    def _refusal(self, one: CheckedRefusal) -> rules.Refusal:
        condition = self.condition(one.condition)
        classes: frozenset[str] | None = None
        if isinstance(one.of, CheckedClass):
            classes = frozenset((one.of.name,))
        elif one.of is not None:
            condition = core.And((self.devices(one.of), condition))
        return rules.Refusal(condition, classes, _origin("site", one.words, one), strength(one.said.strength))

    def _quota(self, one: CheckedQuota) -> rules.Quota:
        borrow: Fraction | None = None
        if one.borrow_to is not None:
            borrow = one.borrow_to - one.at_most
        cohort = one.cohort or None
        lend = one.lend
        if one.guarantee is not None and lend is None:
            lend = one.at_most - one.guarantee
        return rules.Quota(
            one.name,
            self.devices(one.of),
            one.at_most,
            _origin(f"quota `{one.name}`", one.words, one),
            subject=core.ALWAYS if one.subject is None else self.condition(one.subject),
            per=one.per or None,
            cohort=cohort,
            borrow=borrow if cohort is not None else Fraction(0),
            lend=lend if cohort is not None else None,
            charges=tuple(self._charge(charge) for charge in one.charges),
            strength=strength(one.said.strength),
        )

    def _charge(self, one: CheckedCharge) -> rules.Charge:
        devices = self.devices(one.of)
        if one.measure is None:
            return rules.Charge(devices, one.rate)
        taken = _taken(one)
        if taken is not None:
            capacity, rate = taken
            return rules.Charge(devices, rate, rules.ChargeUnit.CONSUMED, capacity.published.key)
        if isinstance(one.measure, Pool) or _is_drawn(one):
            return rules.Charge(devices, one.rate, rules.ChargeUnit.COUNTER, counter_name(_counter_text(one.measure)))
        return rules.Charge(devices, one.rate, rules.ChargeUnit.CAPACITY, one.measure.published.key)

    def _keep(self, one: CheckedKeep) -> rules.Keep:
        # Kept for no class they are kept from everybody.
        classes = frozenset(class_.name for class_ in one.classes)
        origin = _origin("site", one.words, one)
        return rules.Keep(
            one.count, self.devices(one.of), origin, one.level, classes, strength=strength(one.said.strength)
        )

    def _exclusive(self, one: CheckedExclusion) -> rules.Exclusion:
        kinds = tuple(rules.HeldKind(name, self._in_all_modes(meant)) for name, meant in one.kinds)
        return rules.Exclusion(kinds, _origin("site", one.words, one), one.level, strength(one.said.strength))

    def _in_all_modes(self, meant: Meant) -> core.Condition:
        """The devices that are meant; of a model its boards, whole or whatever they are cut into."""
        if meant.part is not None or meant.model is None:
            return self.devices(meant)
        modes = (self.modes.get(id(board)) for board in (meant.model, meant.device))
        cut = next((one for one in modes if one is not None), {})
        parts = [Part(mode.name, (meant.model,), (mode,), "", None, by_profile=True) for mode in cut.values()]
        return core.Or((self.devices(meant), *(self.devices(replace(meant, part=part)) for part in parts)))

    def _ceiling(self, one: CheckedCeiling) -> rules.Ceiling:
        origin = _origin("site", one.words, one)
        how = strength(one.said.strength)
        devices = self._in_all_modes(one.of)
        return rules.Ceiling(devices, origin, one.count, one.label, one.level, self._boards_of(one.of), how)

    def _boards_of(self, meant: Meant) -> rules.BoardKey:
        """What tells boards from another where boards are meant, not parts of them."""
        if meant.part is not None:
            return rules.EVERY_DEVICE
        modes = [
            one
            for one in self.blocks
            if device_of(one.board) is meant.device
            and (meant.model is None or one.board is meant.model or one.board is meant.device)
        ]
        if not modes:
            return rules.EVERY_DEVICE
        return board_named(modes, [one for one in self.shares if device_of(one.board) is meant.device])

    def _sharing(self, policy: CheckedPolicy) -> Iterator[rules.SharingLimit]:
        """Who may share a device; how many claims may, the capacity `slots` says on Kubernetes already."""
        for share in policy.hardware.shares.values():
            of = meant_by(share)
            for sharer in share.sharers:
                if sharer.what == "claims":
                    continue
                counted = sharer.count
                origin = Origin(f"share `{share.name}`", sharer.words, sharer.span, sharer.said.because)
                yield rules.SharingLimit(
                    self.devices(of),
                    origin,
                    pods=counted if sharer.what == "pods" else None,
                    namespaces=counted if sharer.what == "namespaces" else None,
                    same=() if counted is not None else (sharer.same,),
                    strength=strength(sharer.said.strength),
                )

    def _boards_sharing(self) -> Iterator[rules.SharingLimit]:
        """Who may hold parts of one board together."""
        for modes in self.blocks:
            for sharer in modes.sharers:
                board = modes.board
                meant = Meant(device_of(board), board if isinstance(board, ModelSchema) else None, None)
                own = [share for share in self.shares if device_of(share.board) is device_of(board)]
                origin = Origin(f"modes of `{board.name}`", sharer.words, sharer.span, sharer.said.because)
                counted = sharer.count
                yield rules.SharingLimit(
                    self._parts_of(meant, modes),
                    origin,
                    claims=counted if sharer.what == "claims" else None,
                    pods=counted if sharer.what == "pods" else None,
                    namespaces=counted if sharer.what == "namespaces" else None,
                    same=() if counted is not None else (sharer.same,),
                    board=board_named([modes], own),
                    strength=strength(sharer.said.strength),
                )

    def _parts_of(self, meant: Meant, modes: Modes) -> core.Condition:
        """The devices of all modes of a board."""
        board = modes.board
        parts = [
            self.devices(Meant(meant.device, meant.model, Part(mode.name, (board,), (mode,), profile, None)))
            for mode in modes.modes.values()
            for profile in (mode.profiles or ("",))
        ]
        return core.Or(tuple(parts)) if parts else self.devices(meant)

    def _agreements(self, schema: ParametersSchema) -> Iterator[rules.Agreement]:
        for field in schema.fields.values():
            for how, compared in ((rules.Agree.EQUAL, field.agrees), (rules.Agree.UNIQUE, field.unique)):
                # What is not published is compared at the node.
                if compared is None or compared.at_node:
                    continue
                within = schema.fields.get(compared.field)
                yield rules.Agreement(
                    schema.device.driver,
                    field.path,
                    how,
                    Origin(f"parameters `{schema.name}`", f"{field.name} {compared.words}", field.span),
                    api_version=schema.api_version,
                    kind=schema.kind,
                    default=_plain(field.default),
                    within=() if within is None else within.path,
                    within_default=None if within is None else _plain(within.default),
                    board=_card(compared),
                )

    def _exclusions(self, modes: Modes) -> Iterator[rules.ModeExclusion]:
        """Modes that counters do not keep apart: two that are both partitions."""
        partitions = [mode for mode in modes.modes.values() if mode.partition]
        apart = [
            (one, other)
            for number, one in enumerate(partitions)
            for other in partitions[number + 1 :]
            if other.name not in one.beside and one.name not in other.beside
        ]
        if not apart:
            return
        made = []
        for mode in modes.modes.values():
            board = mode.board
            model = board if isinstance(board, ModelSchema) else None
            meant = Meant(device_of(board), model, Part(mode.name, (board,), (mode,), "", None))
            beside = mode.beside | {other.name for other in modes.modes.values() if mode.name in other.beside}
            made.append(rules.Mode(mode.name, self.devices(meant), frozenset(beside), mode.alone))
        origin = Origin(f"modes of `{modes.board.name}`", words(modes.span), modes.span)
        yield rules.ModeExclusion(board_key(modes), tuple(made), origin)


def _card(compared: Compared) -> rules.BoardKey:
    """Devices with one value of an attribute; one that does not publish it stands for itself."""
    group = compared.attribute
    if group is None or group.unique:
        return rules.EVERY_DEVICE
    return rules.BoardKey(
        (group.published.qualified,), across=True, else_alone=not group.required, on_node=compared.on_node
    )


def board_key(modes: Modes) -> rules.BoardKey:
    """What tells one board from another: the part of a device's name that stands for it."""
    patterns = []
    for mode in modes.modes.values():
        for template in {mode.named, *(profile.named for profile in mode.profiles.values())} - {""}:
            before, found, after = template.partition("{parent}")
            if found:
                rest = "".join(".*" if part.startswith("{") else re.escape(part) for part in _pieces(after))
                patterns.append(f"{re.escape(before)}(.+){rest}")
    if not patterns:
        return rules.EVERY_DEVICE
    return rules.BoardKey(pattern="|".join(f"^{one}$" for one in dict.fromkeys(patterns)) + "|^(.+)$")


def board_named(several: Sequence[Modes], shares: Sequence[Share] = ()) -> rules.BoardKey:
    """What tells one board from another in the names of all its devices, those that nobody named and shared ones too."""
    ending = f"(?:-(?:{'|'.join(re.escape(_hyphened(one.name)) for one in shares)}))?" if shares else ""
    patterns: list[str] = []
    for mode in (mode for modes in several for mode in modes.modes.values()):
        for profile in (*mode.profiles.values(), *(() if mode.profiles else (None,))):
            named = (profile.named if profile is not None else "") or mode.named
            template = named or ("{parent}-{mode}" if profile is None else "{parent}-{mode}-{profile}")
            numbers = "" if named or profile is None else "(?:-[0-9]+)*"
            told = "".join(_told(piece, mode, profile) for piece in _pieces(template))
            patterns.append(f"^{told}{numbers}{ending}$")
    patterns.append(f"^(.+?){ending}$")
    return rules.BoardKey(pattern="|".join(dict.fromkeys(patterns)))


def _told(piece: str, mode: Mode, profile: Profile | None) -> str:
    """What a part of the template of a name looks like; the name of the board is a group."""
    match piece:
        case "{parent}":
            return "(.+)"
        case "{mode}":
            return re.escape(_hyphened(mode.name))
        case "{profile}" if profile is not None:
            return re.escape(_hyphened(profile.name.replace(".", "")))
        case "{number}" | "{index}" | "{id}":
            return "[0-9]+"
        case "{start}" | "{end}":
            several = 1 if profile is None else max(1, len(profile.positions))
            return "-".join(["[0-9]+"] * several)
        case _ if piece.startswith("{"):
            return ".+"
        case _:
            return re.escape(piece)


def _hyphened(text: str) -> str:
    """A word as a part of a device's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _pieces(template: str) -> list[str]:
    return [piece for piece in re.split(r"(\{[^{}]*\})", template) if piece]


def _taken(one: CheckedCharge) -> tuple[AttributeSchema, Fraction] | None:
    """The capacity of a share of which a claim is charged as much as it takes, and what a unit of it counts.

    What is drawn `equal to` a capacity is charged as that.
    """
    share = None if one.of.part is None else one.of.part.share
    if share is None or one.measure is None:
        return None
    if any(taking.capacity is one.measure for taking in share.takings):
        return (one.measure, one.rate) if isinstance(one.measure, AttributeSchema) else None
    drawn = next((draw.equal for draw in share.draws if draw.of is one.measure and draw.equal is not None), None)
    if drawn is None or not isinstance(drawn.type, AmountType) or not isinstance(one.measure.type, AmountType):
        return None
    return drawn, one.rate * drawn.type.factor(one.measure.type)


def _is_drawn(one: CheckedCharge) -> bool:
    """Whether the devices of a charge draw on what is counted."""
    part = one.of.part
    if part is None:
        return False
    draws = [draw.of for mode in part.modes for profile in mode.profiles.values() for draw in profile.draws]
    return one.measure in draws


def _counter_text(measure: Pool | AttributeSchema) -> str:
    return measure.name if isinstance(measure, Pool) else measure.published.identifier


def _toleration(one: CheckedToleration) -> rules.SiteToleration:
    taint = one.taint
    return rules.SiteToleration(
        taint.key or "",
        frozenset(class_.name for class_ in one.classes) if one.classes else None,
        _origin("site", one.words, one),
        taint.value,
        taint.effect,
        one.seconds,
    )


_Said: TypeAlias = CheckedRefusal | CheckedQuota | CheckedKeep | CheckedToleration | CheckedExclusion | CheckedCeiling


def _origin(owner: str, text: str, one: _Said) -> Origin:
    said: Said = one.said
    return Origin(owner, text, one.span, said.because, negotiable=said.negotiable)


def _plain(value: Constant | None) -> str | int | bool | None:
    if value is None or isinstance(value.value, Fraction):
        return None
    return value.value


__all__ = ["board_key", "lower_site"]
