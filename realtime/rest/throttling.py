"""Throttles of REST, counted where the socket's rates are; `settings.THROTTLES` holds the rates."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from realtime.addresses import client_address
from realtime.commands import registry
from realtime.limits import limits

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, by settings


def address_of(request: Request) -> str:
    """The client's address, as the trusted proxies tell it."""
    return client_address(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR"))


class Throttle(BaseThrottle):
    """Counts requests of a `scope` by `key`; refused ones do not count."""

    scope: ClassVar[str]
    _wait: float | None = None

    def key(self, request: Request) -> tuple[str, ...]:
        """Whose requests are counted together; by default an address's."""
        return ("address", address_of(request))

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request, if it is allowed."""
        self._wait = limits().hit_sync(settings.THROTTLES[self.scope], "rest", self.scope, *self.key(request))
        return self._wait is None

    def wait(self) -> float | None:
        """Seconds until a request is allowed again."""
        return self._wait


class UserThrottle(Throttle):
    """A user's requests, wherever they come from; an anonymous one counts for its address."""

    scope = "user"

    def key(self, request: Request) -> tuple[str, ...]:
        """The user, else the address."""
        return ("user", str(request.user.pk)) if request.user.is_authenticated else super().key(request)


class RegisterThrottle(Throttle):
    """New accounts from one address."""

    scope = "register"


class LoginThrottle(Throttle):
    """Guesses at one account's password, whether by logging in or, logged in, by changing it."""

    scope = "login"

    def key(self, request: Request) -> tuple[str, ...]:
        """The account: the user's own, else the one of that name, hashed since a client can write anything."""
        if request.user.is_authenticated:
            return ("user", str(request.user.pk))
        body: object = request.data
        name = body.get("username") if isinstance(body, Mapping) else None
        return ("name", sha256(str(name).lower().encode(errors="replace")).hexdigest())


def throttle(name: str) -> BaseThrottle:
    """By the rate of a socket command, counted together with it, or by one of `settings.THROTTLES`, of each user."""
    command = registry.get(name)
    rate = settings.THROTTLES[name] if command is None else command.rate
    assert rate is not None, f"{name} has no rate"
    return _NamedThrottle(name, rate)


class _NamedThrottle(BaseThrottle):
    def __init__(self, name: str, rate: str) -> None:
        self._name, self._rate = name, rate
        self._wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self._wait = limits().hit_sync(self._rate, self._name, str(request.user.pk))
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait
