"""CONNECT: who it is that comes, what they will speak, and which session they come back to."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from realtime.auth import NOBODY, Credentials
from realtime.conf import conf
from realtime.errors import ClientError
from realtime.limits import limit_connections
from realtime.log import Log
from realtime.resuming import Resume
from realtime.transports.socketio.codec import codec_of
from realtime.transports.socketio.credentials import Offered, verdict
from realtime.vocabulary import Door, Profile


class Entrant(NamedTuple):
    """Somebody who may enter. Without credentials `auth` has to follow, with `is_pending` too."""

    profile: Profile
    credentials: Credentials | None
    resume: Resume | None = None
    is_pending: bool = False


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
    resume = _resume(auth)
    record = None if resume is None or resume.key is None else await log.find(resume.key)
    if resume is None or record is None:
        return Entrant(profile, credentials)
    known = {codec_of(one, door.namespace, offsets=True).name: one for one in _profiles(door)}
    if credentials is not None:
        return Entrant(known.get(record.codec, profile), credentials, resume)
    if known.get(record.codec) is not profile or record.credentials.expires_at <= time.time():
        return Entrant(profile, None)
    # The secret key alone gives the session back; its user has to prove to be the same by `auth`.
    return Entrant(profile, record.credentials, resume, is_pending=True)


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


def _resume(auth: Mapping[str, Any]) -> Resume | None:
    """What the official client remembers: the secret `pid` of its session, and the last offset."""
    pid, offset = auth.get("pid"), auth.get("offset")
    if not isinstance(pid, str) or not isinstance(offset, str | None):
        return None
    return Resume(pid, offset, keeps_key=True)


def _profiles(door: Door) -> Iterator[Profile]:
    for profile in (door.profile, door.in_band):
        if profile is not None:
            yield profile
            yield from profile.turns.values()
