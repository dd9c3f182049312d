"""Whose address a request comes from, and whether its origin is one of ours."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from realtime.conf import conf

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
SECURE = {"https", "wss"}


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(proxy, strict=False) for proxy in proxies)


def is_trusted_proxy(address: str) -> bool:
    """Whether forwarding headers that come from this address are believed."""
    plain = _plain(address)
    return plain is not None and any(
        ip_address(plain) in network for network in _networks(tuple(conf().trusted_proxies))
    )


def client_address(peer: str, forwarded_for: str | None) -> str:
    """The right-most hop of X-Forwarded-For that is no trusted proxy; without such a proxy, the peer."""
    hops = [hop.strip() for hop in (forwarded_for or "").split(",") if hop.strip()]
    address = peer
    while hops and is_trusted_proxy(address):
        address = hops.pop()
    return _plain(address) or peer


def _plain(address: str) -> str | None:
    """The address in its one spelling; None for what is no address (a client can send anything)."""
    try:
        parsed = ip_address(address.strip("[]"))
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)  # IPv4 on a dual-stack socket


def is_allowed_origin(origin: str | None, *, host: str, secure: bool, allowed: Iterable[str]) -> bool:
    """No origin (not a browser), the same host and scheme, or one of `allowed`.

    `host` is the Host header; `secure` tells whether the client came over TLS.
    """
    if origin is None:
        return True
    theirs = _triple(origin)
    ours = (f"{'https' if secure else 'http'}://{host}", *allowed)
    return theirs is not None and any(theirs == _triple(candidate) for candidate in ours)


def _triple(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what is no origin."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname.lower(), port) if parts.scheme and parts.hostname else None
