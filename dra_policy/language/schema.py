"""What is declared, resolved and checked: devices, their attributes, models, parameters.

Values of these classes are compared by identity: each stands for one declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from dra_policy.language.types import AmountType, Constant, OneOfType, ScalarType, SetType, Type
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class PublishedName:
    """The name that a driver publishes (A10). `bare` names leave out the domain, which is the driver's own (D2)."""

    domain: str
    identifier: str
    bare: bool = False

    @property
    def qualified(self) -> str:
        """`domain/identifier`, as constraints want it."""
        return f"{self.domain}/{self.identifier}"

    @property
    def key(self) -> str:
        """As it stands on a device in a ResourceSlice."""
        return self.identifier if self.bare else self.qualified

    def __str__(self) -> str:
        return self.key


class Form(Enum):
    """How a set is published; every other type is one value."""

    VALUE = "value"
    LIST = "list"
    FLAGS = "flags"
    LIST_OR_FLAGS = "list or flags"
    JOINED = "joined"


@dataclass(frozen=True, eq=False, slots=True)
class AttributeSchema:
    """An attribute, a flag or a capacity of a device; `keyword` says which.

    `absent` is the value that counts where a device does not publish it; a `private` one is known to the driver alone,
    and its name is that of templates. `pattern` names the flags of a set, or stands
    between the values of one that is published as one text.
    `well_known` is the attribute that gave the type, as `policy.name`, or nothing. A `parameter` is a field of parameters,
    which set-ups read as if the device published it.
    """

    keyword: str
    name: str
    type: Type
    optional: bool
    absent: Constant | None
    unique: bool
    published: PublishedName
    form: Form
    pattern: str
    well_known: str
    span: Span
    private: bool = False
    parameter: bool = False

    @property
    def is_capacity(self) -> bool:
        return self.keyword == "capacity"

    @property
    def required(self) -> bool:
        """Whether every device of the kind publishes it."""
        return not self.optional and self.absent is None

    @property
    def joined_by(self) -> str:
        """What stands between the values of a set that is published as one text; empty for every other form."""
        return self.pattern if self.form is Form.JOINED else ""

    def joined(self, values: Sequence[str]) -> str:
        """The one text of a set: its values in the order of their declaration, else in the order given."""
        order = value_names(self.type)
        return self.joined_by.join(sorted(values, key=order.index) if order else values)

    def flag(self, value: str) -> PublishedName:
        """The name of the flag that says that `value` is in the set."""
        return PublishedName(self.published.domain, self.pattern.replace("{value}", value), self.published.bare)

    def published_as_flags(self, *, lists: bool) -> bool:
        """Whether a target, with or without list attributes, gets flags."""
        return self.form is Form.FLAGS or (self.form is Form.LIST_OR_FLAGS and not lists)

    def unpublished(self, *, lists: bool) -> bool:
        """Whether a target, with or without list attributes, gets nothing of it: what it does not know, it drops."""
        return self.private or (self.form is Form.LIST and not lists)


@dataclass(frozen=True, slots=True)
class Retired:
    """A name that the schema once had; `new` is None where it is gone for good."""

    old: str
    new: str | None
    because: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class DeviceSchema:
    """One kind of device: its driver and what it publishes, in the order declared.

    `broken` are the names of declarations with mistakes: they are declared, though nothing is known of them.
    """

    name: str
    policy: str
    driver: str
    driver_span: Span
    attributes: Mapping[str, AttributeSchema]
    retired: Mapping[str, Retired]
    span: Span
    broken: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False, slots=True)
class ModelValue:
    """`memory 80Gi tolerance 3%`: constants of the attribute's type (several for a set); the tolerance is a share."""

    attribute: AttributeSchema
    constants: tuple[Constant, ...]
    tolerance: Fraction
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class ModelSchema:
    """One product: the values that its devices publish, those of the model it is `like` included.

    `grids` are positions by the name of a grid of the device that has another number of them here.
    """

    name: str
    device: DeviceSchema
    values: Mapping[str, ModelValue]
    span: Span
    grids: Mapping[str, tuple[int, Span]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compared:
    """Which claims a rule over a field compares: those on one device, on all devices with one value of an `attribute`, or
    on one device with one value of a `field`.

    With `on_node` the devices are those of one node. By an attribute that is not published the node compares.
    """

    words: str
    attribute: AttributeSchema | None = None
    field: str = ""
    on_node: bool = False

    @property
    def at_node(self) -> bool:
        return self.attribute is not None and self.attribute.private


@dataclass(frozen=True, eq=False, slots=True)
class FieldSchema:
    """A field of a configuration; `admin` fields are set in classes only.

    `default` is what it has where nobody sets it, `defaults` all of them: a set may have several.
    `low`, `high` and `step` bound its values. With `agrees` all those claims say the same, with `unique` no two of those.

    The name is the way to the value: `sharing.strategy` is the field `strategy` of the object `sharing`.
    """

    name: str
    type: Type
    optional: bool
    default: Constant | None
    admin: bool
    span: Span
    low: Constant | None = None
    high: Constant | None = None
    step: Constant | None = None
    agrees: Compared | None = None
    unique: Compared | None = None
    defaults: tuple[Constant, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))


@dataclass(frozen=True, eq=False, slots=True)
class ParametersSchema:
    """The typed configuration that a driver takes, as an API version, a kind and fields."""

    name: str
    device: DeviceSchema
    api_version: str
    kind: str
    fields: Mapping[str, FieldSchema]
    span: Span


def element_of(type_: Type) -> ScalarType | AmountType:
    """The type of one value: the element of a set, the type itself otherwise."""
    return type_.element if isinstance(type_, SetType) else type_


def value_names(type_: Type) -> tuple[str, ...]:
    """The values that may be written as bare names: those of one of."""
    match element_of(type_):
        case OneOfType(values):
            return values
        case _:
            return ()
