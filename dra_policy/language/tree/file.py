"""A policy file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from dra_policy.language.tree.claims import Claim, Class, Define
from dra_policy.language.tree.hardware import Fabric, Machine, Modes, NetworkReachable, Pool, Share
from dra_policy.language.tree.leaves import Integer, Name, Version
from dra_policy.language.tree.operation import Advertise, Binds, Costs, Health, Setup
from dra_policy.language.tree.schema import Attribute, Device, Gate, Model, Parameters
from dra_policy.language.tree.site import (
    Ceiling,
    Exclusive,
    Gang,
    Keep,
    Level,
    Quota,
    Refuse,
    SiteTolerate,
    Subject,
    Window,
)
from dra_policy.language.tree.trials import Always, Test
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class Header:
    """`policy gpu.acme.com version 2.1.0 language 1`."""

    name: Name
    version: Version
    language: Integer
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported policy; `import a, b` is two of these. `version` is the least version wanted, if any."""

    name: Name
    version: Version | None
    span: Span = field(compare=False, repr=False)


VendorStatement: TypeAlias = (
    Attribute
    | Device
    | Model
    | Modes
    | Share
    | Pool
    | Fabric
    | Machine
    | Gate
    | Parameters
    | Binds
    | Costs
    | Advertise
    | NetworkReachable
    | Health
    | Setup
)
SiteStatement: TypeAlias = (
    Subject
    | Level
    | Class
    | Claim
    | Define
    | Gang
    | Quota
    | Window
    | Refuse
    | Keep
    | Exclusive
    | Ceiling
    | SiteTolerate
    | Test
    | Always
)
Statement: TypeAlias = VendorStatement | SiteStatement


NamedStatement: TypeAlias = (
    Attribute
    | Device
    | Model
    | Share
    | Pool
    | Fabric
    | Machine
    | Gate
    | Parameters
    | Class
    | Claim
    | Define
    | Level
    | Gang
    | Quota
    | Window
)
"""Statements that declare a name."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A `#` comment with its sign, and whether it stands behind something on the same line."""

    text: str
    trailing: bool = field(compare=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One parsed file. `comments` are in order of position; the formatter puts them back.

    A top-level `attribute` statement declares a well-known name (the standard library consists of these).
    """

    header: Header
    imports: tuple[Import, ...]
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...]
    span: Span = field(compare=False, repr=False)
