"""Which addresses flows may reach: the internet at large, and what an operator's allow-list names besides.

`ipaddress.is_global` is not used: on Python 3.11 it takes 192.0.0.192, 64:ff9b::7f00:1, ff02::1 and more for public.
The networks are those of the IANA special-purpose registries, and the addresses that clouds keep for themselves.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address

_DENIED_V4 = (
    IPv4Network("0.0.0.0/8"),  # this network
    IPv4Network("10.0.0.0/8"),  # private
    IPv4Network("100.64.0.0/10"),  # behind a provider's NAT
    IPv4Network("127.0.0.0/8"),  # this machine
    IPv4Network("169.254.0.0/16"),  # link-local, and most clouds' metadata
    IPv4Network("172.16.0.0/12"),  # private
    IPv4Network("192.0.0.0/24"),  # protocol assignments, and Oracle's metadata
    IPv4Network("192.0.2.0/24"),  # documentation
    IPv4Network("192.31.196.0/24"),  # AS112
    IPv4Network("192.52.193.0/24"),  # multicast tunnels
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("192.168.0.0/16"),  # private
    IPv4Network("192.175.48.0/24"),  # AS112
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("198.51.100.0/24"),  # documentation
    IPv4Network("203.0.113.0/24"),  # documentation
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("240.0.0.0/4"),  # reserved, and broadcast
    IPv4Network("168.63.129.16/32"),  # Azure's own services, inside public space
)
# Everything else in IPv6 is private, a translation of IPv4 or not yet given out.
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V6 = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3ffe::/16"),  # the former 6bone
    IPv6Network("2620:4f:8000::/48"),  # AS112
    IPv6Network("3fff::/20"),  # documentation
)
# Where clouds tell a machine its own credentials. Whoever answers for a name must not be able to lead there.
_METADATA = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "168.63.129.16/32",
    )
)
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large; an IPv4 address inside `::ffff:` is judged as itself."""
    address = unwrapped(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _DENIED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _DENIED_V6)


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside `::ffff:`, or the address as it is."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@dataclass(frozen=True, slots=True)
class _Entry:
    target: str | IPv4Network | IPv6Network
    port: int | None

    def permits(self, host: str, address: Address, port: int) -> bool:
        if isinstance(self.target, str):
            named = self.target == host and not any(address in network for network in _METADATA)
        else:
            named = address in self.target
        return named and self.port in (None, port)


@dataclass(frozen=True, slots=True)
class AllowList:
    """The private addresses and unusual ports that an operator lets flows reach."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowList":
        """Read `127.0.0.1:8000, 10.0.0.0/8:443, [fd00::/8]:443, orders.internal:*`; raises ValueError on nonsense."""
        return cls(tuple(_entry(part.strip()) for part in text.split(",") if part.strip()))

    def permits(self, host: str, address: Address, port: int) -> bool:
        """Whether an entry names this host or address, with this port.

        Link-local addresses and those of clouds' metadata are reached only where an entry names the address.
        """
        host, address = host.lower().rstrip("."), unwrapped(address)
        return any(entry.permits(host, address, port) for entry in self.entries)


def _entry(text: str) -> _Entry:
    target, colon, port = text.rpartition(":")
    if not colon or not (port == "*" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(f"{text!r}: write host:port or network:port, with * for every port")
    return _Entry(_entry_target(text, target), None if port == "*" else int(port))


def _entry_target(text: str, target: str) -> str | IPv4Network | IPv6Network:
    bare = target[1:-1] if target.startswith("[") and target.endswith("]") else target
    if ":" in target and bare == target:
        raise ValueError(f"{text!r}: put an IPv6 address in brackets, [::1]:8000")
    try:
        return ip_network(bare)
    except ValueError as error:
        looks_like_address = "/" in bare or bare != target or re.fullmatch(r"[0-9.]+", bare)
        if looks_like_address or not _HOST_NAME.fullmatch(bare.lower().rstrip(".")):
            raise ValueError(f"{text!r}: {error}") from None
    return bare.lower().rstrip(".")
