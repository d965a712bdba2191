"""IP addresses and CIDRs, as Kubernetes reads them: no zones, no IPv4 addresses mapped into IPv6."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.values import register_strict, register_type

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Go reads decimal and hexadecimal digits of ASCII only; a CIDR's length has no sign and no leading zero.
_V4 = re.compile(r"[0-9.]+\Z")
_V6 = re.compile(r"[0-9a-fA-F:.]+\Z")
_LENGTH = re.compile(r"(0|[1-9][0-9]{0,2})\Z")


@dataclass(frozen=True, slots=True)
class IP:
    """`ip("192.168.0.1")`."""

    address: Address


@dataclass(frozen=True, slots=True)
class CIDR:
    """`cidr("192.168.0.0/24")`; the address keeps the bits behind the length."""

    address: Address
    length: int


register_type(IP, "net.IP")
register_type(CIDR, "net.CIDR")
register_strict(IP)
register_strict(CIDR)


def _address(text: str) -> Address:
    wrong = f'IP Address "{text}" parse error during conversion from string'
    if not _V6.match(text):
        raise EvaluationError(wrong)
    try:
        if _V4.match(text):
            return ipaddress.IPv4Address(text)
        found = ipaddress.IPv6Address(text)
    except ValueError as problem:
        raise EvaluationError(wrong) from problem
    if found.ipv4_mapped is not None:
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return found


def to_ip(text: str) -> IP:
    """Raises `EvaluationError` for a text that is no address."""
    return IP(_address(text))


def to_cidr(text: str) -> CIDR:
    """Raises `EvaluationError` for a text that is no CIDR."""
    before, slash, length = text.rpartition("/")
    if not slash or not _LENGTH.match(length):
        raise EvaluationError(f'network address parse error during conversion from string: "{text}"')
    address = _address(before)
    if int(length) > address.max_prefixlen:
        raise EvaluationError(f'network address parse error during conversion from string: "{text}"')
    return CIDR(address, int(length))


def _parses(read: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except EvaluationError:
            return False
        return True

    return check


def _bits(of: Address, length: int) -> int:
    return int(of) >> (of.max_prefixlen - length)


def _contains_ip(cidr: CIDR, ip: IP) -> bool:
    if cidr.address.version != ip.address.version:
        return False
    return _bits(cidr.address, cidr.length) == _bits(ip.address, cidr.length)


def _contains_cidr(cidr: CIDR, other: CIDR) -> bool:
    return cidr.length <= other.length and _contains_ip(cidr, IP(other.address))


def _masked(cidr: CIDR) -> CIDR:
    kept = _bits(cidr.address, cidr.length) << (cidr.address.max_prefixlen - cidr.length)
    return CIDR(type(cidr.address)(kept), cidr.length)


def _cidr_text(cidr: CIDR) -> str:
    return f"{cidr.address.compressed}/{cidr.length}"


def _within(*networks: str) -> Callable[[IP], bool]:
    known = [to_cidr(network) for network in networks]
    return lambda ip: any(_contains_ip(network, ip) for network in known)


_UNSPECIFIED = _within("0.0.0.0/32", "::/128")
_LOOPBACK = _within("127.0.0.0/8", "::1/128")
_LINK_LOCAL = _within("169.254.0.0/16", "fe80::/10")
_NOT_GLOBAL = _within("255.255.255.255/32", "224.0.0.0/4", "ff00::/8")


def _link_local_multicast(ip: IP) -> bool:
    # Any flags in the second byte, as Go has it.
    if ip.address.version == 4:
        return int(ip.address) >> 8 == 0xE00000
    return int(ip.address) >> 112 & 0xFF0F == 0xFF02


NETWORK: dict[str, Callable[..., Any]] = {
    "string_to_ip": to_ip,
    "is_ip": _parses(to_ip),
    "ip_to_string": lambda ip: ip.address.compressed,
    "ip_is_canonical": lambda text: _address(text).compressed == text,
    "ip_family": lambda ip: ip.address.version,
    "ip_is_unspecified": _UNSPECIFIED,
    "ip_is_loopback": _LOOPBACK,
    "ip_is_link_local_unicast": _LINK_LOCAL,
    "ip_is_link_local_multicast": _link_local_multicast,
    "ip_is_global_unicast": lambda ip: not (_UNSPECIFIED(ip) or _LOOPBACK(ip) or _LINK_LOCAL(ip) or _NOT_GLOBAL(ip)),
    "string_to_cidr": to_cidr,
    "is_cidr": _parses(to_cidr),
    "cidr_to_string": _cidr_text,
    "cidr_contains_ip_ip": _contains_ip,
    "cidr_contains_ip_string": lambda cidr, text: _contains_ip(cidr, to_ip(text)),
    "cidr_contains_cidr": _contains_cidr,
    "cidr_contains_cidr_string": lambda cidr, text: _contains_cidr(cidr, to_cidr(text)),
    "cidr_ip": lambda cidr: IP(cidr.address),
    "cidr_masked": _masked,
    "cidr_prefix_length": lambda cidr: cidr.length,
}
