"""The core's settings: every limit and every delay, with its default, in one place.

A project sets them in `settings.REALTIME`; an unknown or ill-typed key fails at start. In this
project each is also the environment variable `REALTIME_<NAME>` (see `docs/settings.md`).
"""

from functools import cache

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


class Conf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="upper"):
    """Times are in seconds and sizes in bytes, if a name does not say otherwise."""

    authenticator: str  # dotted path: token (str) -> realtime.auth.Credentials; raises ClientError
    token_verifier: str = ""  # dotted path: token (str) -> None, without the database; raises ClientError
    token_issuer: str = ""  # dotted path: user -> access token (str); the test kit logs in with it
    redis_url: str = ""  # empty: one server process, everything in memory
    database_threads: int = 8  # ORM calls that run at the same time in one process
    allowed_origins: list[str] = []
    trusted_proxies: list[str] = []  # addresses or networks (CIDR) whose X-Forwarded-For counts

    auth_timeout: float = 10  # from connecting to the `auth` frame
    expiry_warning: float = 60  # `auth.expiring` comes so long before the token ends
    heartbeat_interval: float = 25  # between two pings of the server
    heartbeat_timeout: float = 60  # an unanswered ping ends the connection after this
    upgrade_timeout: float = 10  # Engine.IO: for a WebSocket to prove itself before polling goes on
    poll_release: float = 0.02  # Engine.IO: an upgrading client's poll is answered after this; it may be ready before
    refusal_delay: float = 0.02  # Engine.IO: from accepting a WebSocket to refusing it
    connect_timeout: float = 45  # Socket.IO: from the transport's opening to the first CONNECT
    connect_pause: float = 0.003  # Socket.IO: between the answer to CONNECT and the first event
    ack_timeout: float = 10  # Socket.IO: an acknowledgement that the server asked for
    inbox: int = 100  # Socket.IO: events of a client that wait for the one that runs
    max_payload: int = 1_000_000  # one frame
    max_rooms: int = 100  # rooms a connection subscribed to by itself
    send_buffer: int = 1_000_000  # bytes that wait for a slow reader before it is cut with 1013
    connections_per_address: str = "3000/minute"
    auth_rate: str = "60/minute"  # of a user, over all devices and processes; of a connection that is nobody's yet

    offline_grace: float = 5  # the last device has gone: wait before telling anybody
    presence_lease: float = 60  # a killed process's people are offline after this (Redis only)

    recovery_window: float = 120  # what was told can be made up for so long
    recovery_events: int = 1000  # and no more of it in one room
    recovery_bytes: int = 64_000_000  # nor in all rooms of a process
    recovery_latest: int = 10_000  # values of `latest` events that are sent again
    recovery_sessions: int = 20_000  # sessions without a connection that a process keeps
    recovery_rooms: int = 100_000  # rooms without a connection in which a process still listens
    recovery_sweep: float = 5  # how often what is too old is let go of

    drain_notice: float = 1  # on SIGTERM: between "not ready" and the first closed connection
    drain_rate: float = 1000  # connections closed a second then, or more where that took too long
    drain_timeout: float = 20  # until connections that are left are cut off

    relay_interval: float = 0.2  # how often a server looks for events that others left in the outbox
    relay_grace: float = 10  # a server's own events are left to it for so long
    control_timeout: float = 1  # an eviction waits at most so long until Redis has it
    publish_queue: int = 10_000  # publications that wait to be sent by a server process
    bridge: dict[str, str] = {}  # events that other services hear, too: from the name to a Redis channel


@cache
def conf() -> Conf:
    """The settings in force."""
    try:
        return msgspec.convert(settings.REALTIME, Conf, strict=False)  # the environment has text alone
    except msgspec.ValidationError as error:
        raise ImproperlyConfigured(f"settings.REALTIME: {error}. See realtime/conf.py.") from error


def _forget(*, setting: str, **_: object) -> None:
    if setting == "REALTIME":
        conf.cache_clear()


setting_changed.connect(_forget, dispatch_uid="realtime.conf")
