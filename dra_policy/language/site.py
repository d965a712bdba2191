"""The pass over what a site decides: who asks, levels, windows, quotas, refusals, what is kept, gangs."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from types import MappingProxyType

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.askers import AskerReader, CheckedField
from dra_policy.language.checked import CheckedClass
from dra_policy.language.checking import Checking, words
from dra_policy.language.constants import constant
from dra_policy.language.decisions import (
    CheckedCeiling,
    CheckedExclusion,
    CheckedGang,
    CheckedKeep,
    CheckedQuota,
    CheckedRefusal,
    CheckedToleration,
    Site,
)
from dra_policy.language.devices import read_type
from dra_policy.language.holdings import read_ceiling, read_exclusive
from dra_policy.language.identities import presence_of
from dra_policy.language.modes import BUILT_IN, said_of
from dra_policy.language.openings import clock_of, days_of, label_condition
from dra_policy.language.parts import Meant, meaning
from dra_policy.language.quotas import read_quota
from dra_policy.language.reaching import where
from dra_policy.language.schema import DeviceSchema
from dra_policy.language.scope import CLAIM, CLASS, GANG, LEVEL, QUOTA, WINDOW, Scope
from dra_policy.language.terms import UNKNOWN
from dra_policy.language.tolerations import toleration
from dra_policy.language.types import DURATION, AmountType, BoolType, IntType, OneOfType, SetType, TextType
from dra_policy.resources import Semver, key_problem
from dra_policy.rules import Origin
from dra_policy.rules import conditions as core
from dra_policy.rules.subjects import FieldType, Source, SubjectField, SubjectValue, Trust
from dra_policy.rules.windows import Window
from dra_policy.source import Span

SOURCES = {source.value: source for source in Source} | {"pod serviceaccount": Source.SERVICE_ACCOUNT}
KEYED = frozenset(
    (
        Source.NAMESPACE_LABEL,
        Source.NAMESPACE_ANNOTATION,
        Source.POD_LABEL,
        Source.POD_ANNOTATION,
        Source.CLAIM_LABEL,
        Source.CLAIM_ANNOTATION,
    )
)
_TYPES = {"time": FieldType.TIME, "duration": FieldType.DURATION, "version": FieldType.VERSION}


def check_site(checking: Checking) -> None:
    """Resolve what every policy decides as a site; each sees what those that it imports declare."""
    for name, file in checking.files.items():
        checking.sites[name] = _Reading(checking, checking.scopes[name], file).site()


class _Reading:
    """One policy while its site statements are read."""

    def __init__(self, checking: Checking, scope: Scope, file: tree.PolicyFile) -> None:
        self.checking = checking
        self.scope = scope
        self.problems = scope.problems
        self.file = file
        imported = [checking.sites[name] for name in scope.imports if name in checking.sites]
        self.own_fields: dict[str, CheckedField] = {}
        self.own_levels: dict[str, tuple[str, Span]] = {}
        self.own_windows: dict[str, Window] = {}
        self.fields = {name: one for site in imported for name, one in site.fields.items()}
        self.levels = {name: label for site in imported for name, (label, _) in site.levels.items()}
        self.windows = {name: one for site in imported for name, one in site.windows.items()}
        self.refusals: list[CheckedRefusal] = []
        self.keeps: list[CheckedKeep] = []
        self.tolerations: list[CheckedToleration] = []
        self.exclusions: list[CheckedExclusion] = []
        self.ceilings: list[CheckedCeiling] = []
        self.quotas: dict[str, CheckedQuota] = {}
        self.gangs: dict[str, CheckedGang] = {}

    def site(self) -> Site:
        statements = self.file.statements
        subjects = [one for one in statements if isinstance(one, tree.Subject)]
        for further in subjects[1:]:
            note = Related(subjects[0].span, "first declared here")
            self.problems.add("NAM003", "the subject is declared already", further.span, "put all fields in one", note)
        for subject in subjects:
            for one in subject.fields:
                self._field(one)
        for statement in statements:
            if isinstance(statement, tree.Level):
                self._level(statement)
        for statement in statements:
            if isinstance(statement, tree.Window):
                self._window(statement)
        for statement in statements:
            match statement:
                case tree.Quota():
                    if self._first(QUOTA, statement.name):
                        plain = self._reader(None, plain=True)
                        quota = read_quota(self.checking, self.scope, statement, self.fields, plain)
                        self.quotas |= {} if quota is None else {quota.name: quota}
                case tree.Refuse():
                    self._refuse(statement)
                case tree.Keep():
                    self._keep(statement)
                case tree.Exclusive():
                    exclusion = read_exclusive(self.checking, self.scope, statement, self.levels)
                    self.exclusions += [] if exclusion is None else [exclusion]
                case tree.Ceiling():
                    ceiling = read_ceiling(self.checking, self.scope, statement, self.levels)
                    self.ceilings += [] if ceiling is None else [ceiling]
                case tree.SiteTolerate():
                    self._tolerate(statement)
                case tree.Gang():
                    self._gang(statement)
                case _:
                    pass
        self._sharers()
        return Site(
            MappingProxyType(self.own_fields),
            MappingProxyType(self.own_levels),
            MappingProxyType(self.own_windows),
            MappingProxyType(self.quotas),
            MappingProxyType(self.gangs),
            tuple(self.refusals),
            tuple(self.keeps),
            tuple(self.tolerations),
            tuple(self.exclusions),
            tuple(self.ceilings),
        )

    def _reader(self, device: DeviceSchema | None, *, plain: bool = False) -> AskerReader:
        made = AskerReader(self.checking, self.scope, self.fields, self.levels, self.windows, device, plain)
        made.broken, made.lost = self._broken, self._lost
        return made

    @cached_property
    def _broken(self) -> frozenset[str]:
        """The fields of which something is wrong, once all of them have been read."""
        declared = [one for one in self.file.statements if isinstance(one, tree.Subject)]
        return frozenset(one.name.text for subject in declared for one in subject.fields) - frozenset(self.fields)

    @cached_property
    def _lost(self) -> frozenset[str]:
        """The windows and levels of which something is wrong, once all of them have been read."""
        declared = {one.name.text for one in self.file.statements if isinstance(one, tree.Window | tree.Level)}
        return frozenset(declared) - frozenset(self.windows) - frozenset(self.levels)

    def _first(self, kind: str, name: tree.Name) -> bool:
        """Whether a statement is the declaration of its name; a second one is reported already."""
        found = self.scope.spaces[self.scope.policy].get((kind, name.text))
        return found is not None and found.name is name

    # ------------------------------------------------------------------------------------------------------ subject

    def _field(self, one: tree.SubjectField) -> None:
        name = one.name
        if name.text in self.own_fields:
            self.problems.add("NAM003", f"field `{name.text}` is declared already", name.span, "rename one of them")
            return
        type_ = None if _is_time(one.type) else read_type(one.type, self.problems)
        if type_ is None and not _is_time(one.type):
            return
        if isinstance(type_, SetType):
            self.problems.add("TYP011", f"a field of the subject cannot be {type_}", one.type.span, "take one value")
            return
        written = f"{one.source.object.text} {one.source.part.text}"
        source = SOURCES.get(written)
        if source is None:
            help_ = self.problems.hint(
                written, SOURCES, "it comes from " + ", ".join(f"`{known}`" for known in SOURCES)
            )
            message = f"Kubernetes has no `{written}` to read"
            if written.startswith("claim "):
                message = f"a claim has no {one.source.part.text}"
            span = one.source.object.span.to(one.source.part.span)
            self.problems.add("SIT002", message, span, help_)
            return
        key = "" if one.source.key is None else one.source.key.value
        if (source in KEYED) != bool(key):
            message = f"`{written}` needs a key" if source in KEYED else f"`{written}` has no key"
            help_ = f'write `{written} "example.org/{name.text}"`' if source in KEYED else "leave the text out"
            self.problems.add("SIT002", message, one.source.span, help_)
            return
        if key and key_problem(key) is not None:
            self.problems.add(
                "NAM009", f"`{key}` {key_problem(key)}", one.source.span, 'write it like "example.org/team"'
            )
            return
        default = self._default(one, type_)
        origin = Origin("subject", words(one.span), one.span)
        kind = FieldType.TIME if type_ is None else _field_type(type_)
        choices = type_.values if isinstance(type_, OneOfType) else ()
        rule = SubjectField(name.text, source, key, kind, default, Trust(one.trust), origin, choices)
        self.own_fields[name.text] = self.fields[name.text] = CheckedField(rule, type_)

    def _default(self, one: tree.SubjectField, type_: object) -> SubjectValue | None:
        if one.absent is None or type_ is None:
            return None
        found = constant(one.absent, type_, f"field `{one.name.text}`", self.problems, one.name.span)  # type: ignore[arg-type]  # no set, see above
        if found is None:
            return None
        return Semver.parse(str(found.value)) if str(type_) == "a version" else found.value

    def _sharers(self) -> None:
        """What holders of a share must have alike is built in, or a field of some subject."""
        own = [share.sharers for key, share in self.checking.shares.items() if key[0] == self.scope.policy]
        own += [modes.sharers for policy, modes in self.checking.modes if policy == self.scope.policy]
        elsewhere = {name for site in self.checking.sites.values() for name in site.fields}
        known = {*BUILT_IN, *self.fields, *elsewhere}
        for sharer in (sharer for sharers in own for sharer in sharers):
            if sharer.same and sharer.same not in known and not self._declared_elsewhere(sharer.same):
                help_ = self.problems.hint(sharer.same, known, "declare it in `subject`, or write `namespace`")
                message = f"nobody has a `{sharer.same}`: the subject has no such field"
                self.problems.add("SIT001", message, sharer.span, help_)

    def _declared_elsewhere(self, name: str) -> bool:
        """Whether any file of the run has a subject with the field: those that import this one come later."""
        return name in self._declared_anywhere

    @cached_property
    def _declared_anywhere(self) -> frozenset[str]:
        return frozenset(
            one.name.text
            for file in self.checking.files.values()
            for statement in file.statements
            if isinstance(statement, tree.Subject)
            for one in statement.fields
        )

    # ---------------------------------------------------------------------------------------------- levels, windows

    def _level(self, statement: tree.Level) -> None:
        name = statement.name
        if not self._first(LEVEL, name):
            return
        if name.text in ("node", "cluster"):
            self.problems.add("SIT003", f"level `{name.text}` is built in", name.span, "give it another name")
            return
        problem = key_problem(statement.label.value)
        if problem is not None:
            message = f"label `{statement.label.value}` {problem}"
            self.problems.add("NAM009", message, statement.label.span, 'write it like "example.org/rack"')
            return
        self.own_levels[name.text] = statement.label.value, name.span
        self.levels[name.text] = statement.label.value

    def _window(self, statement: tree.Window) -> None:
        name = statement.name
        if not self._first(WINDOW, name):
            return
        openings = [member for member in statement.members if isinstance(member, tree.Opening)]
        if len(openings) != 1:
            span = openings[1].span if openings else name.span
            message = f"window `{name.text}` has {'several openings' if openings else 'no opening'}"
            self.problems.add("SIT004", message, span, "write one, such as `every Wed 18:00 to 22:00 tz UTC`")
            return
        opening = openings[0]
        days = days_of(opening, self.problems)
        if days is None:
            return
        if opening.first.minutes == opening.last.minutes:
            message = f"window `{name.text}` never opens"
            self.problems.add("SIT004", message, opening.first.span.to(opening.last.span), "write two different times")
            return
        tests: list[core.Condition] = []
        for member in statement.members:
            if isinstance(member, tree.WindowNodes):
                for test in member.tests:
                    found = where(self.scope, test, None)
                    if found is None:
                        return
                    tests.append(label_condition(found.label, found.operator, found.values))
        zone = "UTC" if opening.zone is None else opening.zone.text
        nodes = core.And(tuple(tests)) if tests else None
        origin = Origin(f"window `{name.text}`", words(opening.span), opening.span)
        first, last = clock_of(opening.first), clock_of(opening.last)
        try:
            window = Window(name.text, days, first, last, zone, nodes, origin)
        except ValueError as error:
            assert opening.zone is not None  # Invariant: UTC exists
            self.problems.add("SIT004", str(error), opening.zone.span, "write it like `Europe/Berlin`")
            return
        self.own_windows[name.text] = self.windows[name.text] = window

    # -------------------------------------------------------------------------------------------------------- rules

    def _class(self, name: tree.Name) -> CheckedClass | None:
        found = self.scope.find(name, CLASS, wanted="a class")
        return None if found is None else self.checking.classes.get(found.key)

    def _refuse(self, statement: tree.Refuse) -> None:
        of: CheckedClass | Meant | None = None
        device: DeviceSchema | None = None
        name, alone = statement.of.name, statement.of.profile is None
        if name.text != "any" or not alone or self.scope.peek("any", CLASS) is not None:
            if alone and self.scope.peek(name.text, CLASS) is not None:
                of = self._class(name)
            else:
                of = meaning(self.checking, self.scope, statement.of)
            if of is None:
                return
            device = of.device
        reader = self._reader(device)
        reader.there = UNKNOWN if of is None else presence_of(self.checking, of)
        condition = reader.read(statement.condition)
        if condition is None:
            return
        said = said_of(statement.said)
        span = statement.of.span.to(statement.condition.span)
        text = f"refuse {words(statement.of.span)} when {words(statement.condition.span)}"
        self.refusals.append(CheckedRefusal(of, condition, said, text, span))

    def _keep(self, statement: tree.Keep) -> None:
        of = meaning(self.checking, self.scope, statement.of)
        level = core.CLUSTER
        if statement.per is not None:
            level = statement.per.text
            if level != core.NODE and level not in self.levels:
                self._no_level(statement.per)
                return
        classes = [self._class(name) for name in statement.classes]
        if of is None or any(one is None for one in classes):
            return
        if statement.count.value < 1:
            self.problems.add("SIT006", "nothing is kept", statement.count.span, "write 1 or more")
            return
        said = said_of(statement.said)
        known = tuple(one for one in classes if one is not None)
        per = "" if statement.per is None else f" per {statement.per.text}"
        text = f"keep {statement.count.value} of {words(statement.of.span)}{per} free"
        self.keeps.append(CheckedKeep(statement.count.value, of, level, known, said, text, statement.span))

    def _no_level(self, name: tree.Name) -> None:
        help_ = self.problems.hint(
            name.text, ("node", *self.levels), f'write `level {name.text} from node label "..."`'
        )
        self.problems.add("SIT003", f"level `{name.text}` is not declared", name.span, help_)

    def _tolerate(self, statement: tree.SiteTolerate) -> None:
        taint = toleration(statement.taint, self.problems)
        classes = [self._class(name) for name in statement.classes]
        seconds: int | None = None
        if statement.duration is not None:
            found = constant(statement.duration, DURATION, "this time", self.problems, None)
            if found is None or not isinstance(found.value, Fraction):
                return
            if found.value.denominator != 1 or found.value < 0:
                self.problems.add(
                    "SIT007", "a toleration lasts whole seconds", statement.duration.span, "write such as 30 min"
                )
                return
            seconds = int(found.value)
        if seconds is not None and taint.effect not in (None, "NoExecute"):
            message = "only a NoExecute taint is tolerated for a time"
            span = statement.duration.span if statement.duration is not None else statement.span
            self.problems.add("SIT007", message, span, "leave the time out, or write `NoExecute`")
            return
        if any(one is None for one in classes):
            return
        known = tuple(one for one in classes if one is not None)
        said = said_of(statement.said)
        self.tolerations.append(CheckedToleration(taint, known, seconds, said, words(statement.span), statement.span))

    def _gang(self, statement: tree.Gang) -> None:
        if not self._first(GANG, statement.name):
            return
        found = self.scope.find(statement.claim, CLAIM, wanted="a claim")
        claim = None if found is None else self.checking.claims.get(found.key)
        same: list[str] = []
        distinct: list[str] = []
        otherwise: list[tuple[str, ...]] = []
        because: list[str] = []
        for constraint in statement.constraints:
            said = said_of(constraint.said)
            because += [said.because] if said.because else []
            for name in (constraint.attribute, *constraint.otherwise):
                if name.text != core.NODE and name.text not in self.levels:
                    self._no_level(name)
                    return
            level = constraint.attribute.text
            if constraint.keyword == "same":
                same.append(level)
                otherwise.append(tuple(name.text for name in constraint.otherwise))
                continue
            distinct.append(level)
            if constraint.otherwise:
                message = "`distinct` has no `else`: places differ, or they do not"
                span = constraint.otherwise[0].span
                self.problems.add("RUL013", message, span, "leave `else` out, or write `same`")
                return
        if statement.count.value < 1:
            self.problems.add("SIT006", "a gang of nobody", statement.count.span, "write 1 or more")
            return
        if claim is not None:
            text = f"gang {statement.name.text} of {statement.count.value} {statement.claim.text}"
            self.gangs[statement.name.text] = CheckedGang(
                statement.name.text,
                claim,
                statement.count.value,
                tuple(same),
                tuple(distinct),
                text,
                statement.span,
                tuple(otherwise),
                " and ".join(dict.fromkeys(because)),
            )


def _is_time(written: tree.TypeExpression) -> bool:
    return isinstance(written, tree.PlainType) and written.name == "time"


def _field_type(type_: object) -> FieldType:
    match type_:
        case TextType() | OneOfType():
            return FieldType.TEXT
        case IntType():
            return FieldType.INT
        case BoolType():
            return FieldType.BOOL
        case AmountType(dimension="seconds"):
            return FieldType.DURATION
        case AmountType():
            return FieldType.AMOUNT
        case _:
            return FieldType.VERSION


__all__ = ["check_site"]
