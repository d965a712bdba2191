"""What an expression sees of a device: the variable `device`, with its values converted once (rules D1 to D4, D9)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from dra_policy.expression.errors import EvaluationError
from dra_policy.resources import Device, DeviceAttribute, QualifiedName, Quantity, Semver
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


class _Missing(Enum):
    MISSING = "missing"


class DeviceFacts:
    """A device as the variable `device`. Immutable; built once, evaluated against by any number of programs.

    `problem` is set if a value does not convert, such as a version that is none: then every evaluation raises it,
    whether or not the expression reads the value (D9). `oversized` says that the device is larger than the API server
    admits: estimates of cost do not hold for it.
    """

    __slots__ = ("allow_multiple_allocations", "attributes", "capacity", "driver", "oversized", "problem")

    def __init__(
        self,
        driver: str,
        attributes: Domains,
        capacity: Domains,
        allow_multiple_allocations: bool,
        problem: EvaluationError | None,
        *,
        oversized: bool = False,
    ) -> None:
        self.driver = driver
        self.attributes = attributes
        self.capacity = capacity
        self.allow_multiple_allocations = allow_multiple_allocations
        self.problem = problem
        self.oversized = oversized

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
        capacity: dict[str, dict[str, Any]] = {}
        for name, amount in _bare_first(device.capacity):
            place = QualifiedName.split(name).within(driver)
            capacity.setdefault(place.domain, {})[place.identifier] = amount.value
        # Stored expressions read the field as published, whatever the feature says.
        shareable = device.allow_multiple_allocations is True
        return cls(driver, Domains(attributes), Domains(capacity), shareable, problem, oversized=_oversized(device))

    def project(self, reads: frozenset[Read]) -> Hashable:
        """What the reads see, as a value: devices with equal projections get equal answers and equal errors."""
        # The problem is told apart by its words: a device that cannot be read at all equals only its like.
        seen = tuple(self._seen(read) for read in _in_order(reads))
        return seen if self.problem is None else (self.problem.message, seen)

    def _seen(self, read: Read) -> Hashable:
        match read.kind:
            case ReadKind.DRIVER:
                return self.driver
            case ReadKind.SHAREABLE:
                return self.allow_multiple_allocations
            case ReadKind.ATTRIBUTE | ReadKind.CAPACITY:
                domains = self.attributes if read.kind is ReadKind.ATTRIBUTE else self.capacity
                if not read.name:
                    return _by_value(domains[read.domain]), read.domain in domains
                return _by_value(domains[read.domain].get(read.name, _Missing.MISSING))
            case ReadKind.EVERYTHING:
                return (
                    self.driver,
                    self.allow_multiple_allocations,
                    _by_value(self.attributes),
                    _by_value(self.capacity),
                )

    def __repr__(self) -> str:
        return f"DeviceFacts({self.driver!r}, {dict(self.attributes)!r}, {dict(self.capacity)!r})"


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


def _version(text: str) -> Semver:
    try:
        return Semver.parse(text)
    except NotASemver as error:
        raise ValueError(f"parse semantic version: {error}") from error


def _bare_first(named: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return sorted(named.items(), key=lambda item: "/" in item[0])


@lru_cache(maxsize=4096)
def _in_order(reads: frozenset[Read]) -> tuple[Read, ...]:
    return tuple(sorted(reads, key=lambda r: (r.kind.value, r.domain, r.name)))


def _by_value(value: object) -> Hashable:
    # 1 and true are equal in Python, and equal amounts may differ in whether they are integers (`1000m` is none).
    match value:
        case str() | Semver() | _Missing():
            return value
        case bool():
            return (bool, value)
        case tuple():
            return tuple(map(_by_value, value))
        case Quantity():
            return (value.nano, value.is_integer(), value.as_approximate_float())
        case Mapping():
            return frozenset((key, _by_value(entry)) for key, entry in value.items())
        case _:
            assert isinstance(value, int)
            return value
