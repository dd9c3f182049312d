"""Whose address it is, and which origins are ours."""

import pytest
from pytest_django import Settings

from realtime.addresses import client_address, is_allowed_origin, is_trusted_proxy


@pytest.fixture(autouse=True)
def proxies(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "TRUSTED_PROXIES": ["10.0.0.0/8", "fd00::1"]}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("1.2.3.4", None, "1.2.3.4"),
        ("1.2.3.4", "9.9.9.9", "1.2.3.4"),  # no proxy of ours: the header is anybody's word
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "9.9.9.9", "9.9.9.9"),
        ("10.0.0.1", "8.8.8.8, 9.9.9.9", "9.9.9.9"),
        ("10.0.0.1", "8.8.8.8, 9.9.9.9, 10.0.0.2", "9.9.9.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("fd00::1", "[2001:DB8::1]", "2001:db8::1"),
        ("", "9.9.9.9", ""),
    ],
)
def test_the_clients_address_is_the_nearest_hop_that_is_no_proxy(
    peer: str, forwarded: str | None, address: str
) -> None:
    assert client_address(peer, forwarded) == address


def test_only_configured_proxies_are_trusted() -> None:
    assert is_trusted_proxy("10.1.2.3")
    assert not is_trusted_proxy("11.1.2.3")
    assert not is_trusted_proxy("testserver")


@pytest.mark.parametrize(
    ("origin", "secure", "is_allowed"),
    [
        (None, True, True),
        ("https://chat.example", True, True),
        ("https://CHAT.example:443", True, True),
        ("http://chat.example", True, False),
        ("https://chat.example:8443", True, False),
        ("http://chat.example", False, True),
        ("https://app.example", True, True),
        ("https://app.example.evil", True, False),
        ("https://evil.example", True, False),
        ("null", True, False),
        ("", True, False),
        ("https://", True, False),
        ("https://[", True, False),
        ("https://chat.example:port", True, False),
    ],
)
def test_an_origin_is_allowed_if_it_is_this_host_or_listed(origin: str | None, secure: bool, is_allowed: bool) -> None:
    allowed = is_allowed_origin(origin, host="chat.example", secure=secure, allowed=["https://app.example"])
    assert allowed is is_allowed
