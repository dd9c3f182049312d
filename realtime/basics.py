"""The commands that every client has: ping, heartbeat and its rooms."""

from realtime import rooms
from realtime.commands import Payload, Reply, command
from realtime.errors import ClientError
from realtime.sessions import Session
from realtime.times import now


class Timestamp(Reply):
    """The server's clock."""

    timestamp: str


class RoomName(Payload):
    """A room by its address (`conversation:42`), or by its prefix and id apart."""

    room: str
    id: str | None = None

    def find(self) -> rooms.Room:
        """The room; INVALID_PAYLOAD if there can be none of that name."""
        room = rooms.parse(self.room if self.id is None else f"{self.room}:{self.id}")
        if room is None:
            raise ClientError("INVALID_PAYLOAD", "There is no room of that name.", details={"room": ["unknown"]})
        return room


class RoomReply(Reply):
    """The room that was joined or left."""

    room: str


class RoomList(Reply):
    """Where this connection listens."""

    rooms: list[str]


@command("ping", public=True)
async def ping(session: Session) -> Timestamp:
    """Tell the time."""
    return Timestamp(timestamp=now())


@command("heartbeat", public=True)
async def heartbeat(session: Session) -> Timestamp:
    """Tell that the connection lives; for clients that cannot see the WebSocket's own pings."""
    return Timestamp(timestamp=now())


@command("rooms.subscribe", public=True)
def subscribe(session: Session, data: RoomName) -> RoomReply:
    """Listen to a room; again is no error."""
    room = data.find()
    session.join(room)
    return RoomReply(room=room.address)


@command("rooms.unsubscribe", public=True)
def unsubscribe(session: Session, data: RoomName) -> RoomReply:
    """Listen to it no more; again is no error, but a room where one may not listen is."""
    room = data.find()
    session.leave(room)
    return RoomReply(room=room.address)


@command("rooms.list", public=True)
async def list_rooms(session: Session) -> RoomList:
    """Where this connection listens."""
    return RoomList(rooms=sorted(session.rooms))
