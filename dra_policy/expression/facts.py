"""What an expression sees of a device: the variable `device`, with its values converted once (rules D1 to D4, D9)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from dra_policy.expression.errors import EvaluationError
from dra_policy.resources import Device, DeviceAttribute, DeviceCapacity, QualifiedName, Quantity, Semver
from dra_policy.resources.semver import NotASemver


class ReadKind(Enum):
    """Which part of a device an expression reads."""

    DRIVER = "driver"
    ATTRIBUTE = "attribute"
    CAPACITY = "capacity"
    SHAREABLE = "shareable"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Read:
    """One thing that an expression reads of a device: two devices that agree on all of them get the same answer.

    `domain` and `name` say which attribute or capacity; an empty name means every one of the domain. `EVERYTHING`
    stands for a name that is computed only while evaluating.
    """

    kind: ReadKind
    domain: str = ""
    name: str = ""

    def __str__(self) -> str:
        if self.kind in (ReadKind.ATTRIBUTE, ReadKind.CAPACITY):
            return f"{self.kind.value} {self.domain}/{self.name or '*'}"
        return str(self.kind.value)


class Domains(dict[str, Mapping[str, Any]]):
    """A map of domains in which an unknown domain is an empty map (D3).

    Only look-ups see that: `in`, `size` and iteration know the real domains.
    """

    __slots__ = ()

    def __missing__(self, domain: object) -> Mapping[str, Any]:
        return _NOTHING


_NOTHING: Final[Mapping[str, Any]] = {}


class _Marker:
    """What no device can publish; each is equal to itself only."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


_MISSING: Final = _Marker("missing")
_NOT_PLAIN: Final = _Marker("not plain")
_EVERYTHING: Final = Read(ReadKind.EVERYTHING)
_SHARED_READS: Final = frozenset({Read(ReadKind.SHAREABLE), _EVERYTHING})
_NOTHING_READ: Final[frozenset[Read]] = frozenset()


class DeviceFacts:
    """A device as the variable `device`. Immutable; evaluated against by any number of programs.

    `problem` is set if a value does not convert, such as a version that is none: then every evaluation raises it,
    whether or not the expression reads the value (D9). `oversized` says that the device is larger than the API server
    admits: estimates of cost do not hold for it.

    Nothing is converted before somebody asks: a cluster has many devices, and most are never evaluated, because one
    like them was.
    """

    __slots__ = ("attributes", "capacity", "device", "driver", "oversized", "plain", "problem")

    driver: str
    attributes: Domains
    capacity: Domains
    oversized: bool
    problem: EvaluationError | None
    device: Device
    # Whether every name and value is read as it stands: no problem, and no empty name or one such as `/x`.
    plain: bool

    def __init__(self, driver: str, device: Device) -> None:
        self.driver = driver
        self.device = device

    @classmethod
    def of(cls, driver: str, device: Device) -> DeviceFacts:
        """The facts of a device that a driver published.

        A name without a domain belongs to the driver's domain; if a device has a name both ways, the one written
        with its domain counts (D2). Lists are read (D4), and a device is shareable (D1), whatever the
        features say: so does the environment of stored expressions.

        >>> device = Device.model_validate({"name": "gpu-0", "attributes": {"model": {"string": "H100"}}})
        >>> DeviceFacts.of("gpu.acme.com", device).attributes["gpu.acme.com"]["model"]
        'H100'
        """
        return cls(driver, device)

    @property
    def looked_through(self) -> bool:
        """Whether somebody has asked already if the device is plain."""
        try:
            _PLAIN(self)
        except AttributeError:
            return False
        return True

    @property
    def allow_multiple_allocations(self) -> bool:
        # Stored expressions read the field as published, whatever the feature says.
        return self.device.allow_multiple_allocations is True

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            # An empty slot: it is filled when it is first read. Two threads would fill it with the same.
            if name in ("attributes", "capacity"):
                self._convert()
            elif name in ("problem", "plain"):
                self._look_through()
            elif name == "oversized":
                self.oversized = _oversized(self.device)
            else:
                raise AttributeError(name)
            return object.__getattribute__(self, name)

    def _convert(self) -> None:
        device = self.device
        self.attributes, _ = _converted(device, self.driver)
        capacity: dict[str, dict[str, Any]] = {}
        for name, amount in _bare_first(device.capacity):
            place = QualifiedName.split(name).within(self.driver)
            capacity.setdefault(place.domain, {})[place.identifier] = amount.value
        self.capacity = Domains(capacity)

    def _look_through(self) -> None:
        device = self.device
        plain = are_plain(device.attributes.items(), device.capacity)
        self.problem = None if plain else _converted(device, self.driver)[1]
        self.plain = plain

    def follow(self, other: DeviceFacts) -> None:
        """Read from the device of facts that say the same from now on, so that the old device need not be kept."""
        self.device = other.device

    def restricted(self, reads: frozenset[Read]) -> DeviceFacts:
        """Facts that hold no more than `reads`: a program that reads no more cannot tell the difference.

        They are made for one evaluation, where all of a device would be converted for the sake of one attribute.
        """
        facts = DeviceFacts(self.driver, self.device)
        if not self.plain:
            facts.problem, facts.plain = self.problem, False
            return facts
        attributes: dict[str, Any] = {}
        capacity: dict[str, Any] = {}
        device = self.device
        for read in reads:
            qualified, bare = _published(read)
            if read.domain != self.driver:
                bare = qualified
            if read.kind is ReadKind.ATTRIBUTE and read.name:
                attribute = device.attributes.get(qualified) or device.attributes.get(bare)
                if attribute is not None:
                    attributes.setdefault(read.domain, {})[read.name] = attribute_value(attribute)
            elif read.kind is ReadKind.CAPACITY and read.name:
                amount = device.capacity.get(qualified) or device.capacity.get(bare)
                if amount is not None:
                    capacity.setdefault(read.domain, {})[read.name] = amount.value
            elif read.kind not in (ReadKind.DRIVER, ReadKind.SHAREABLE):
                return facts
        facts.problem, facts.plain = None, True
        facts.attributes, facts.capacity = Domains(attributes), Domains(capacity)
        return facts

    def project(self, reads: frozenset[Read]) -> Hashable:
        """What the reads see, as a value: devices with equal projections get equal answers and equal errors."""
        return projection(reads)(self)

    def seen(self, read: Read) -> Hashable:
        """What one read sees of the converted device."""
        match read.kind:
            case ReadKind.DRIVER:
                return self.driver
            case ReadKind.SHAREABLE:
                return self.allow_multiple_allocations
            case ReadKind.ATTRIBUTE | ReadKind.CAPACITY:
                domains = self.attributes if read.kind is ReadKind.ATTRIBUTE else self.capacity
                if not read.name:
                    return _by_value(domains[read.domain]), read.domain in domains
                return _by_value(domains[read.domain].get(read.name, _MISSING))
            case ReadKind.EVERYTHING:
                return (
                    self.driver,
                    self.allow_multiple_allocations,
                    _by_value(self.attributes),
                    _by_value(self.capacity),
                )

    def differences(self, other: DeviceFacts) -> frozenset[Read] | None:
        """What one must read to tell two devices apart: nothing if they say the same to all programs.

        Reads of single names and those that comprehend them are both in it. None if every program may find a
        difference, as with devices of two drivers. Amounts that are equal but written differently may differ in being integers.
        """
        mine, theirs = self.device, other.device
        if self.driver != other.driver:
            return None
        if mine is theirs:
            return _NOTHING_READ
        ours, others = mine.__dict__, theirs.__dict__  # past the attribute access of models
        attributes = _unlike(ours["attributes"], others["attributes"])
        amounts: Sequence[str] = ()
        if ours["capacity"] is not others["capacity"]:
            amounts = _unlike_amounts(mine.capacity, theirs.capacity)
        shareable = self.allow_multiple_allocations is not other.allow_multiple_allocations
        if not (attributes or amounts or shareable):
            # Which name of two counts, and whose problem is told, may depend on the order.
            same_order = list(mine.attributes) == list(theirs.attributes) and list(mine.capacity) == list(
                theirs.capacity
            )
            return _NOTHING_READ if same_order or self.plain else None
        if not self.plain:
            return None
        published = others["attributes"]
        if not are_plain([(name, published[name]) for name in attributes if name in published], amounts):
            return None
        other.problem, other.plain = None, True
        if not (amounts or shareable):
            return reads_of(tuple(attributes), self.driver)
        found = _SHARED_READS if shareable else _NOTHING_READ
        for name in amounts:
            found |= _capacity_reads(name, self.driver)
        return found | reads_of(tuple(attributes), self.driver)

    def __repr__(self) -> str:
        return f"DeviceFacts({self.driver!r}, {dict(self.attributes)!r}, {dict(self.capacity)!r})"


_PLAIN = DeviceFacts.__dict__["plain"].__get__  # past `__getattr__`, which would fill the slot


def are_plain(attributes: Iterable[tuple[str, DeviceAttribute]], amounts: Iterable[str]) -> bool:
    """Whether all values convert, and no name is empty or has an empty domain."""
    for name, attribute in attributes:
        if not name or name[0] == "/":
            return False
        if attribute.string is None and attribute.int_ is None and attribute.bool_ is None:
            try:
                attribute_value(attribute)
            except ValueError:
                return False
    for name in amounts:  # noqa: SIM110 - it is asked of every device that changes, and there are few names
        if not name or name[0] == "/":
            return False
    return True


def _key(read: Read) -> tuple[str, str, str]:
    return (read.kind.value, read.domain, read.name)


@lru_cache(maxsize=4096)
def projection(reads: frozenset[Read]) -> Callable[[DeviceFacts], Hashable]:
    """`DeviceFacts.project` for given reads, prepared: it runs for every device that a condition meets."""
    ordered = sorted(reads, key=_key)
    views = [_view(read) for read in ordered]

    def in_full(facts: DeviceFacts) -> Hashable:
        # The problem is told apart by its words: a device that cannot be read at all equals only its like.
        words = None if facts.problem is None else facts.problem.message
        # Converted for this once: a projection must not leave every device of a cluster converted.
        fresh = DeviceFacts(facts.driver, facts.device)
        return _NOT_PLAIN, words, tuple(fresh.seen(read) for read in ordered)

    if len(views) == 1:
        one = views[0]
        return lambda facts: one(facts) if facts.plain else in_full(facts)
    return lambda facts: tuple([view(facts) for view in views]) if facts.plain else in_full(facts)


def _view(read: Read) -> Callable[[DeviceFacts], Hashable]:
    """What one read sees of a plain device."""
    domain = read.domain
    qualified, bare = _published(read)

    def attribute(facts: DeviceFacts) -> Hashable:
        named = facts.device.attributes
        found = named.get(qualified) or (named.get(bare) if domain == facts.driver else None)
        if found is None:
            return _MISSING
        text = found.string
        return text if text is not None else _by_value(attribute_value(found))

    def capacity(facts: DeviceFacts) -> Hashable:
        named = facts.device.capacity
        found = named.get(qualified) or (named.get(bare) if domain == facts.driver else None)
        return _MISSING if found is None else _by_value(found.value)

    match read.kind:
        case ReadKind.DRIVER:
            return lambda facts: facts.driver
        case ReadKind.ATTRIBUTE if read.name:
            return attribute
        case ReadKind.CAPACITY if read.name:
            return capacity
        case _:
            return lambda facts: DeviceFacts(facts.driver, facts.device).seen(read)


@lru_cache(maxsize=4096)
def _published(read: Read) -> tuple[str, str]:
    """D2: the names under which a plain device may publish an entry, with its domain, and without it if the domain is
    the driver's; the former counts. Empty where there can be no such name."""
    qualified = f"{read.domain}/{read.name}" if read.domain and "/" not in read.domain else ""
    return qualified, "" if "/" in read.name else read.name


def _converted(device: Device, driver: str) -> tuple[Domains, EvaluationError | None]:
    """The attributes that convert, and what is wrong with the first that does not."""
    problem: EvaluationError | None = None
    attributes: dict[str, dict[str, Any]] = {}
    for name, attribute in _bare_first(device.attributes):
        place = QualifiedName.split(name).within(driver)
        try:
            value = attribute_value(attribute)
        except ValueError as error:
            problem = problem or EvaluationError(f"attribute {name}: {error}")
        else:
            attributes.setdefault(place.domain, {})[place.identifier] = value
    return Domains(attributes), problem


def _unlike(left: Mapping[str, DeviceAttribute], right: Mapping[str, DeviceAttribute]) -> list[str]:
    """The names whose attributes have different values, or that one side lacks."""
    if list(left) == list(right):  # mostly; and equal values are mostly one object
        return [
            name
            for name, one, other in zip(left, left.values(), right.values(), strict=True)
            if one is not other and differ(one, other)
        ]
    names = [
        name
        for name, one in left.items()
        if (other := right.get(name)) is None or (one is not other and differ(one, other))
    ]
    return names + [name for name in right if name not in left]


def differ(one: DeviceAttribute, other: DeviceAttribute) -> bool:
    # In the order of `attribute_value`, where the first field that is set counts: most are texts and integers.
    text = one.string
    if text is not None:
        return text != other.string
    if other.string is not None:
        return True
    number = one.int_
    if number is not None:
        return number != other.int_
    return other.int_ is not None or one.__dict__ != other.__dict__


def _unlike_amounts(left: Mapping[str, DeviceCapacity], right: Mapping[str, DeviceCapacity]) -> list[str]:
    names: list[str] = []
    for name, one in left.items():
        other = right.get(name)
        if one is other:
            continue
        if other is None or not (one.value is other.value or _by_value(one.value) == _by_value(other.value)):
            names.append(name)
    return names + [name for name in right if name not in left]


@lru_cache(maxsize=4096)
def reads_of(names: tuple[str, ...], driver: str) -> frozenset[Read]:
    """The reads that see some of these published attributes."""
    reads: set[Read] = set()
    for name in names:
        place = QualifiedName.split(name).within(driver)
        reads |= {Read(ReadKind.ATTRIBUTE, place.domain, place.identifier), Read(ReadKind.ATTRIBUTE, place.domain)}
    return frozenset(reads | {_EVERYTHING}) if names else _NOTHING_READ


@lru_cache(maxsize=4096)
def _capacity_reads(name: str, driver: str) -> frozenset[Read]:
    place = QualifiedName.split(name).within(driver)
    return frozenset(
        {Read(ReadKind.CAPACITY, place.domain, place.identifier), Read(ReadKind.CAPACITY, place.domain), _EVERYTHING}
    )


# Limits of resource.k8s.io/v1: attributes and capacities of a device, values of a list, characters of a text.
_MOST_NAMES, _MOST_VALUES, _MOST_TEXT = 32, 48, 64


def _oversized(device: Device) -> bool:
    if len(device.attributes) + len(device.capacity) > _MOST_NAMES:
        return True
    for attribute in device.attributes.values():
        if attribute.string is not None:
            if len(attribute.string) > _MOST_TEXT:
                return True
            continue
        values = attribute.ints or attribute.bools or attribute.strings or attribute.versions
        if values and (len(values) > _MOST_VALUES or any(isinstance(v, str) and len(v) > _MOST_TEXT for v in values)):
            return True
    return False


def attribute_value(attribute: DeviceAttribute) -> object:
    """The CEL value of an attribute: int, bool, string or semver, or a list of one of them.

    Raises `ValueError` for a version that is none, and for an attribute without a value that this cluster knows.
    """
    if attribute.string is not None:
        return attribute.string
    if attribute.int_ is not None:
        return attribute.int_
    if attribute.bool_ is not None:
        return attribute.bool_
    if attribute.version is not None:
        return _version(attribute.version)
    for plain in (attribute.ints, attribute.bools, attribute.strings):
        if plain:
            return tuple(plain)
    if attribute.versions:
        return tuple(map(_version, attribute.versions))
    raise ValueError("unsupported attribute value")


@lru_cache(maxsize=4096)
def _version(text: str) -> Semver:
    try:
        return Semver.parse(text)
    except NotASemver as error:
        raise ValueError(f"parse semantic version: {error}") from error


def _bare_first(named: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return sorted(named.items(), key=lambda item: "/" in item[0])


def _by_value(value: object) -> Hashable:
    # 1 and true are equal in Python, and equal amounts may differ in whether they are integers (`1000m` is none).
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is bool:
        return (bool, value)
    if isinstance(value, tuple):
        return tuple(map(_by_value, value))
    if isinstance(value, Quantity):
        return (value.nano, value.is_integer(), value.as_approximate_float())
    assert isinstance(value, Mapping)
    return frozenset((key, _by_value(entry)) for key, entry in value.items())


_AS_THEY_ARE: Final = frozenset({str, int, Semver, _Marker})
