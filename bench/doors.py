"""Where Socket.IO clients come in: `/bench`, with a token, in the words that Node's server understands as well."""

from realtime.auth import Identity
from realtime.rooms import GlobalRoom, UserRoom
from realtime.vocabulary import Ask, Door, Profile, Tell, fields, register, whole

MESSAGE = fields("room", "seq", "ts", "user", "text")
ASKS = {
    "join": Ask("rooms.subscribe", fields("room")),
    "chat": Ask("bench.speak", MESSAGE),
    "query": Ask("bench.query", fields("seconds")),
    "echo": Ask("bench.echo", MESSAGE, Tell("echo", whole), is_either=True),
}
TELLS = {"bench.spoken": Tell("chat", whole)}


def rooms(user: Identity) -> list[str]:
    """The same two as on the plain wire."""
    return [UserRoom(user.id).address, GlobalRoom().address]


register(Door(namespace="/bench", profile=Profile("bench", ASKS, TELLS, rooms)))
