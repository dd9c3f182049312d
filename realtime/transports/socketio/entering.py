"""CONNECT: who it is that comes, what they will speak, and which session they come back to."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from realtime.auth import NOBODY, Credentials, verdict
from realtime.conf import conf
from realtime.errors import ClientError
from realtime.limits import limit_connections
from realtime.log import Log
from realtime.resuming import Resume
from realtime.transports.socketio.codec import SocketIOCodec, codec_of
from realtime.transports.socketio.credentials import Offered
from realtime.vocabulary import Door, Profile


class Entrant(NamedTuple):
    """Somebody who may enter; `auth` has to follow if there are no credentials, or only a key that proves them."""

    profile: Profile
    credentials: Credentials | None
    resume: Resume | None = None


async def count_connection(door: Door, address: str) -> None:
    """TOO_MANY_CONNECTIONS if there were too many from this address lately."""
    if door.connections is None:
        await limit_connections(conf().connections_per_address, address)
    else:
        await limit_connections(door.connections(), door.namespace, address)


async def examine(door: Door, auth: Mapping[str, Any], offered: Offered, log: Log) -> Entrant:
    """Who comes with this `auth` payload; ClientError if they may not."""
    credentials = await _credentials(door, auth, offered)
    profile = door.profile
    if credentials is None:
        if door.anonymous is not None:
            return Entrant(door.anonymous, NOBODY)
        if door.in_band is None:
            raise ClientError("AUTH_REQUIRED", "Authentication failed")
        profile = door.in_band
    pid, offset = auth.get("pid"), auth.get("offset")
    record = await log.find(pid) if isinstance(pid, str) and isinstance(offset, str | None) else None
    spoken = {codec.name: codec for codec in _codecs(door)}
    if record is None or record.codec not in spoken:
        return Entrant(profile, credentials)
    resume = Resume(record.key, offset, spoken[record.codec], keeps_key=True, is_proof=credentials is None)
    if credentials is not None:
        return Entrant(profile, credentials, resume)
    if (
        record.codec != codec_of(profile, door.namespace, offsets=True).name
        or record.credentials.expires_at <= time.time()
    ):
        return Entrant(profile, None)
    # The secret key alone gives the session back; its user has to prove to be the same by `auth`. Sessions whose
    # token is revoked leave the log, so this is a check of it.
    return Entrant(profile, replace(record.credentials, checked_at=time.monotonic()), resume)


async def _credentials(door: Door, auth: Mapping[str, Any], offered: Offered) -> Credentials | None:
    token = auth.get("token")
    if token and not isinstance(token, str):
        raise ClientError("AUTH_FAILED", "Authentication failed")
    found = await verdict(token) if token else next((offered[source] for source in _sources(door, offered)), None)
    if isinstance(found, ClientError):
        raise found
    if found is not None and found.expires_at <= time.time():  # a while ago, with the handshake, it was good
        raise ClientError("TOKEN_EXPIRED", "The token has expired.")
    return found


def _sources(door: Door, offered: Offered) -> Iterator[str]:
    return (source for source in ("header", "bare header", "query") if source in door.sources and source in offered)


def _codecs(door: Door) -> Iterator[SocketIOCodec]:
    """Of the sessions there can be in this namespace that can be resumed."""
    for profile in (door.profile, door.in_band):
        if profile is not None:
            for spoken in (profile, *profile.turns.values()):
                yield codec_of(spoken, door.namespace, offsets=True)
