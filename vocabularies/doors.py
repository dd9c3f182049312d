"""The namespaces, and the profiles that are composed of the families there.

On `/` every client is understood in all its families' names; only what it is told of the chat
differs: a client that brings its token hears it as groups does, until it says a word of messenger's.
"""

from typing import TYPE_CHECKING

from django.conf import settings

from chat.rooms import ConversationRoom
from realtime.vocabulary import Door, Profile, register
from vocabularies import basics, groups, markets, messenger
from vocabularies.operations import OPERATIONS
from vocabularies.social import SOCIAL

if TYPE_CHECKING:
    from realtime.auth import Identity

ASKS = {**markets.ASKS, **groups.ASKS, **messenger.ASKS}


def rooms_of_groups(user: "Identity") -> list[str]:
    """As in markets, and one's own conversations."""
    return [*markets.rooms(user), *(room.address for room in ConversationRoom.automatic(user))]


TELLS_OF_MESSENGER = {**basics.TELLS, **messenger.TELLS}
MESSENGER = Profile("messenger", ASKS, TELLS_OF_MESSENGER, markets.rooms)
TURNED = Profile("messenger with a token", ASKS, TELLS_OF_MESSENGER, markets.rooms, markets.greeting)
GROUPS = Profile(
    "groups",
    ASKS,
    {**basics.TELLS, **groups.TELLS},
    rooms_of_groups,
    markets.greeting,
    admits=frozenset({ConversationRoom.prefix}),
    turns={"auth": TURNED, "join-room": TURNED},
)

register(Door(namespace="/", profile=GROUPS, in_band=MESSENGER, sources=frozenset({"header"})))
register(Door(namespace="/ws", profile=SOCIAL))
register(
    Door(
        namespace="/realtime",
        profile=OPERATIONS,
        anonymous=OPERATIONS,
        sources=frozenset({"header", "bare header", "query"}),
        refusal="Invalid authentication token",
        connections=lambda: settings.OPERATIONS_CONNECTIONS,
    )
)
