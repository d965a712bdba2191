"""The pass over schemas: well-known attributes, then devices with what they publish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from dra_policy.diagnostics import Related
from dra_policy.language.checking import Checking, kubernetes_name, said_by
from dra_policy.language.constants import TEXT_LIMIT, constant
from dra_policy.language.schema import AttributeSchema, DeviceSchema, Form, PublishedName, Retired, element_of
from dra_policy.language.scope import ATTRIBUTE, DEVICE, Problems, Scope
from dra_policy.language.tree import (
    Attribute,
    Device,
    Dimension,
    Driver,
    Name,
    NamedType,
    OneOf,
    PlainType,
    Renamed,
    SetOf,
    TypeExpression,
)
from dra_policy.language.types import (
    BOOL,
    DURATION,
    INT,
    TEXT,
    VERSION,
    AmountType,
    BoolType,
    Constant,
    OneOfType,
    SetType,
    TextType,
    Type,
    VersionType,
)
from dra_policy.resources import QualifiedName, driver_problem, identifier_problem, qualified_name_problem
from dra_policy.source import Span

# A6: attributes and capacities of a device.
ENTRIES_LIMIT = 32

_PLAIN: dict[str, Type] = {"text": TEXT, "int": INT, "bool": BOOL, "version": VERSION, "duration": DURATION}


# What other languages call our types, and what to write.
_OTHER_TYPES = (
    dict.fromkeys(("integer", "number", "int32", "int64", "long", "uint"), "write `int`")
    | dict.fromkeys(("string", "str"), "write `text`")
    | {"boolean": "write `bool`", "semver": "write `version`", "enum": "write `one of` and the values"}
    | dict.fromkeys(("list", "array"), "write `set of` and the type of one value")
    | dict.fromkeys(("float", "double", "decimal"), "write `int`, or declare a `capacity` with its unit")
    | dict.fromkeys(("quantity", "byte", "size"), "write `bytes`, `count`, `cores` or another dimension")
)


def check_devices(checking: Checking) -> None:
    """Resolve every well-known attribute and every device."""
    for scope, entry in checking.declared(ATTRIBUTE):
        if isinstance(entry.statement, Attribute):
            schema = _Reader(checking, scope, scope.policy, bare=False).attribute(entry.statement)
            if schema is not None:
                checking.attributes[entry.key] = schema
    for scope, entry in checking.declared(DEVICE):
        if isinstance(entry.statement, Device):
            checking.devices[entry.key] = _device(checking, scope, entry.statement)


def _device(checking: Checking, scope: Scope, device: Device) -> DeviceSchema:
    problems = scope.problems
    driver = _driver(device, problems)
    reader = _Reader(checking, scope, "" if driver is None else driver.text, bare=True)
    attributes: dict[str, AttributeSchema] = {}
    declared: dict[str, Attribute] = {}
    for member in device.members:
        if isinstance(member, Attribute):
            first = declared.setdefault(member.name.text, member)
            if first is not member:
                note = Related(first.name.span, f"first declared here, as {_article(first.keyword)}")
                message = f"{member.keyword} `{member.name.text}` is declared already"
                problems.add("NAM003", message, member.name.span, "remove one of the two, or rename it", note)
                continue
            schema = reader.attribute(member)
            if schema is not None:
                attributes[schema.name] = schema
    _published_once(attributes.values(), problems)
    _within_limit(device, attributes.values(), problems)
    retired = _retired(device, declared, problems)
    span = device.span if driver is None else driver.span
    name = device.name.text
    broken = frozenset(declared.keys() - attributes.keys())
    return DeviceSchema(name, scope.policy, reader.domain, span, attributes, retired, device.name.span, broken)


def _article(keyword: str) -> str:
    return f"an {keyword}" if keyword == "attribute" else f"a {keyword}"


def _driver(device: Device, problems: Problems) -> Name | None:
    drivers = [member for member in device.members if isinstance(member, Driver)]
    if not drivers:
        name = device.name.text
        problems.add(
            "RUL003", f"device `{name}` has no driver", device.name.span, "write `driver` and the driver's name"
        )
        return None
    for further in drivers[1:]:
        note = Related(drivers[0].name.span, "first declared here")
        problems.add("NAM003", "the driver is declared already", further.name.span, "a device has one driver", note)
    problem = driver_problem(drivers[0].name.text)
    if problem is not None:
        problems.add(
            "NAM009",
            f"driver `{drivers[0].name.text}` {problem}",
            drivers[0].name.span,
            kubernetes_name(drivers[0].name.text),
        )
    return drivers[0].name


def _published_once(attributes: Iterable[AttributeSchema], problems: Problems) -> None:
    first: dict[tuple[bool, str], AttributeSchema] = {}
    for schema in attributes:
        for published in _published_names(schema):
            other = first.setdefault((schema.is_capacity, published.qualified), schema)
            if other is not schema:
                note = Related(other.span, f"`{other.name}` is declared here")
                message = f"`{schema.name}` and `{other.name}` are both published as `{published}`"
                problems.add("NAM016", message, schema.span, "write another name behind `publish as`", note)


def _published_names(schema: AttributeSchema) -> tuple[PublishedName, ...]:
    names: tuple[PublishedName, ...] = () if schema.form is Form.FLAGS else (schema.published,)
    element = element_of(schema.type)
    if schema.form in (Form.FLAGS, Form.LIST_OR_FLAGS) and isinstance(element, OneOfType):
        names += tuple(schema.flag(value) for value in element.values)
    return names


def _within_limit(device: Device, attributes: Iterable[AttributeSchema], problems: Problems) -> None:
    entries = 0
    for schema in attributes:
        if schema.private:
            continue
        entries += max(1, len(_published_names(schema))) if schema.form is Form.FLAGS else 1
        if entries > ENTRIES_LIMIT:
            message = f"device `{device.name.text}` publishes more than {ENTRIES_LIMIT} attributes and capacities"
            problems.add("RUL002", message, schema.span, "Kubernetes refuses the device; leave some out")
            return


def _retired(device: Device, declared: dict[str, Attribute], problems: Problems) -> dict[str, Retired]:
    found: dict[str, Retired] = {}
    for member in device.members:
        if not isinstance(member, Renamed):
            continue
        old, new = member.old, member.new
        if old.text in declared:
            note = Related(declared[old.text].name.span, "declared here")
            message = f"`{old.text}` is both declared and renamed"
            problems.add("NAM017", message, old.span, "remove the declaration of the old name", note)
        if new is not None and new.text not in declared:
            help_ = problems.hint(new.text, declared, f"declare it, or write `renamed {old.text} away`")
            problems.add("NAM001", f"device `{device.name.text}` has no attribute `{new.text}`", new.span, help_)
        if old.text in found:
            note = Related(found[old.text].span, "first declared here")
            problems.add("NAM003", f"`{old.text}` is renamed already", old.span, "remove one of the two", note)
            continue
        found[old.text] = Retired(old.text, None if new is None else new.text, said_by(member.because), old.span)
    return found


@dataclass
class _Reader:
    """Reads attributes of one device (names are the driver's own: `bare`) or of one policy."""

    checking: Checking
    scope: Scope
    domain: str
    bare: bool

    @property
    def problems(self) -> Problems:
        return self.scope.problems

    def attribute(self, attribute: Attribute) -> AttributeSchema | None:
        known, well_known = self._well_known(attribute)
        type_: Type | None
        if isinstance(attribute.type, NamedType):
            if known is None:
                return None
            type_ = known.type
        else:
            type_ = BOOL if attribute.type is None else read_type(attribute.type, self.problems)
        if type_ is None or not self._fits_keyword(attribute, type_, known):
            return None
        form, pattern = self._form(attribute, type_, known)
        published = self._published(attribute, form, known)
        if published is None:
            return None
        schema = AttributeSchema(
            keyword=attribute.keyword,
            name=attribute.name.text,
            type=type_,
            optional=attribute.optional,
            absent=None,
            unique=attribute.unique,
            published=published,
            form=form,
            pattern=pattern,
            well_known=well_known,
            span=attribute.name.span,
            private=attribute.private,
        )
        if attribute.private and not self._fits_private(attribute):
            return None
        self._check_flags(schema, attribute)
        if attribute.unique and not isinstance(type_, TextType):
            message = f"`{schema.name}` cannot be unique in a cluster: it is {type_}"
            self.problems.add("TYP011", message, attribute.name.span, "only texts, such as serial numbers, are unique")
        return replace(schema, absent=self._absent(attribute, type_))

    def _fits_private(self, attribute: Attribute) -> bool:
        """Whether a private fact says nothing of how it is published."""
        name = attribute.name.text
        if not self.bare:
            message = f"well-known attribute `{name}` is private: it is a name that drivers publish"
            self.problems.add("NAM019", message, attribute.name.span, "leave `private` out")
            return False
        published = attribute.publish
        if published is not None:
            message = (
                f"`{name}` is private, and published as `{published.span.text.removeprefix('publish as').strip()}`"
            )
            self.problems.add("NAM019", message, published.span, "leave one of the two out")
        return published is None

    def _well_known(self, attribute: Attribute) -> tuple[AttributeSchema | None, str]:
        if not isinstance(attribute.type, NamedType):
            return None, ""
        if not self.bare:
            message = f"well-known attribute `{attribute.name.text}` takes its type from another one"
            self.problems.add("TYP011", message, attribute.type.span, "write the type itself, such as `text`")
            return None, ""
        name = attribute.type.name
        meant = _OTHER_TYPES.get(name.text.lower())
        if meant is not None and self.scope.peek(name.text, ATTRIBUTE) is None:
            self.problems.add("NAM005", f"type `{name.text}` is not declared", name.span, meant)
            return None, ""
        found = self.scope.find(name, ATTRIBUTE, wanted="a type")
        if found is None:
            return None, ""
        return self.checking.attributes.get(found.key), f"{found.policy}.{found.name.text}"

    def _fits_keyword(self, attribute: Attribute, type_: Type, known: AttributeSchema | None) -> bool:
        span = attribute.name.span if attribute.type is None else attribute.type.span
        name = attribute.name.text
        match attribute.keyword:
            case "attribute" if isinstance(element_of(type_), AmountType):
                message = f"attribute `{name}` cannot be {type_}"
                help_ = f"write `capacity {name} ...`: Kubernetes keeps amounts as capacities"
                if type_ == DURATION:
                    help_ = "a device publishes no durations; write `int` and say in a comment of what"
            case "capacity" if not isinstance(type_, AmountType):
                message = f"capacity `{name}` cannot be {type_}"
                help_ = f"write `attribute {name} ...`: a capacity is an amount"
            case _:
                if known is None or known.is_capacity == (attribute.keyword == "capacity"):
                    return True
                message = f"`{known.name}` is {_article(known.keyword)}, `{name}` is {_article(attribute.keyword)}"
                help_ = f"write `{known.keyword} {name}`"
        self.problems.add("TYP011", message, span, help_)
        return False

    def _form(self, attribute: Attribute, type_: Type, known: AttributeSchema | None) -> tuple[Form, str]:
        publish = attribute.publish
        if not isinstance(type_, SetType):
            if publish is not None and publish.form:
                message = f"`{attribute.name.text}` is {type_} and cannot be published as {publish.form}"
                self.problems.add("TYP012", message, publish.span, "only a set is published as list or flags")
            return Form.VALUE, ""
        if publish is None or not publish.form:
            return (Form.LIST, "") if known is None else (known.form, known.pattern)
        return Form(publish.form), "" if publish.pattern is None else publish.pattern.value

    def _published(self, attribute: Attribute, form: Form, known: AttributeSchema | None) -> PublishedName | None:
        publish = attribute.publish
        name = None if publish is None else publish.name
        if name is None:
            if known is not None:
                return known.published
            return self._own_name(attribute, form)
        text = name.text if isinstance(name, Name) else name.value
        problem = qualified_name_problem(text)
        if problem is None and text.count("/") > 1:
            problem = "must have at most one `/`"
        if problem is not None:
            self.problems.add(
                "NAM009", f"published name `{text}` {problem}", name.span, 'write it like `model` or "acme.com/model"'
            )
            return None
        split = QualifiedName.split(text)
        if split.domain:
            return PublishedName(split.domain, split.identifier)
        return PublishedName(self.domain, split.identifier, bare=self.bare)

    def _own_name(self, attribute: Attribute, form: Form) -> PublishedName | None:
        text = attribute.name.text
        problem = None if form is Form.FLAGS else identifier_problem(text)
        if problem is not None:
            help_ = f"write `publish as` and a name that Kubernetes takes, such as `{_identifier(text)}`"
            self.problems.add("NAM009", f"{attribute.keyword} `{text}` {problem}", attribute.name.span, help_)
            return None
        return PublishedName(self.domain, text, bare=self.bare)

    def _check_flags(self, schema: AttributeSchema, attribute: Attribute) -> None:
        publish = attribute.publish
        if publish is None:
            return
        element = element_of(schema.type)
        at = publish.span if publish.pattern is None else publish.pattern.span
        if schema.form is Form.JOINED:
            self._check_joined(schema, at)
        if schema.form not in (Form.FLAGS, Form.LIST_OR_FLAGS):
            return
        if "{value}" not in schema.pattern:
            message = f"the flags of `{schema.name}` need a pattern with `{{value}}` in it"
            self.problems.add("TYP012", message, at, 'write `flags "feature_{value}"`')
            return
        if schema.optional:
            message = f"`{schema.name}` is published as flags and cannot be optional"
            help_ = "remove `optional`: without flags the set is empty, which is all that can be told"
            self.problems.add("TYP012", message, attribute.name.span, help_)
        if not isinstance(element, OneOfType | TextType):
            message = f"`{schema.name}` is {schema.type} and cannot be published as flags"
            self.problems.add("TYP012", message, publish.span, "only texts and one of become names of flags")
            return
        for value in element.values if isinstance(element, OneOfType) else ("x",):
            check_flag(schema, value, at, self.problems)

    def _check_joined(self, schema: AttributeSchema, at: Span) -> None:
        element = element_of(schema.type)
        if not isinstance(element, OneOfType | TextType):
            message = f"`{schema.name}` is {schema.type} and cannot be published as one text"
            self.problems.add("TYP012", message, at, "only texts and one of are joined")
        if not schema.pattern:
            message = f"nothing stands between the values of `{schema.name}`"
            self.problems.add("TYP012", message, at, 'write `joined ";"`')
        elif isinstance(element, OneOfType) and any(schema.pattern in value for value in element.values):
            message = f"a value of `{schema.name}` has `{schema.pattern}` in it, which stands between values"
            self.problems.add("TYP012", message, at, "join them by something else")

    def _absent(self, attribute: Attribute, type_: Type) -> Constant | None:
        if attribute.absent is None:
            return None
        if isinstance(type_, SetType):
            message = f"`{attribute.name.text}` is {type_}: `absent means` takes one value"
            self.problems.add(
                "TYP012", message, attribute.absent.span, "declare it `optional`, and prove it with `has`"
            )
            return None
        return constant(attribute.absent, type_, f"`{attribute.name.text}`", self.problems, attribute.name.span)


def check_flag(schema: AttributeSchema, value: str, span: Span, problems: Problems) -> bool:
    """Whether the flag of a value has a name that Kubernetes takes; reported if not."""
    flag = schema.flag(value)
    problem = identifier_problem(flag.identifier)
    if problem is not None:
        message = f"the flag of `{value}` would be published as `{flag.identifier}`, which {problem}"
        problems.add("NAM009", message, span, f"change the pattern of `{schema.name}`, or the value")
    return problem is None


def _identifier(text: str) -> str:
    letters = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    return ("_" + letters if letters[:1].isdigit() else letters)[:32]


def read_type(expression: TypeExpression, problems: Problems) -> Type | None:
    """The type that is written; well-known names are resolved by their reader."""
    match expression:
        case PlainType(name):
            if name not in _PLAIN:
                message = "nothing that is published or configured is a time"
                help_ = "write `int` and say in a comment what is counted from when, or `text`"
                problems.add("TYP011", message, expression.span, help_)
            return _PLAIN.get(name)
        case Dimension(name, per_second):
            return AmountType(name, per_second)
        case OneOf():
            return _one_of(expression, problems)
        case SetOf(element):
            inner = read_type(element, problems)
            match inner:
                case None:
                    return None
                case AmountType() | SetType() | BoolType() | VersionType():
                    message = f"a set cannot have elements that are {inner}"
                    problems.add("TYP011", message, element.span, "sets hold text, int or one of")
                    return None
                case _:
                    return SetType(inner)
        case NamedType(name):
            problems.add("TYP011", f"`{name.text}` is no type that fits here", expression.span, "write the type itself")
            return None
        case _:
            assert_never(expression)


def _one_of(expression: OneOf, problems: Problems) -> OneOfType:
    values: dict[str, Span] = {}
    for value in expression.values:
        text = value.text if isinstance(value, Name) else value.value
        if text in values:
            note = Related(values[text], "first written here")
            problems.add("NAM003", f"value `{text}` is listed already", value.span, "remove one of the two", note)
        if len(text.encode()) > TEXT_LIMIT:
            message = f"value `{text}` is longer than {TEXT_LIMIT} bytes"
            problems.add("TYP013", message, value.span, "Kubernetes refuses longer values of attributes")
        values.setdefault(text, value.span)
    return OneOfType(tuple(values))


__all__ = ["check_devices", "check_flag", "read_type"]
