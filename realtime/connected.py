"""Who is connected to one process, and in which rooms."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.sessions import Session


class Connected:
    """Kept by the hub, on the loop; may be asked from any thread."""

    def __init__(self) -> None:
        self._rooms: dict[str, set[Session]] = {}
        self._users: dict[str, set[Session]] = {}

    def connections(self, user: str | None = None) -> list["Session"]:
        """Those of everybody, or the user's."""
        if user is not None:
            return list(self._users.get(user, ()))
        return [session for sessions in tuple(self._users.values()) for session in tuple(sessions)]

    def listening(self, address: str) -> tuple["Session", ...]:
        """Who is in the room."""
        return tuple(self._rooms.get(address, ()))

    def addresses(self) -> tuple[str, ...]:
        """The rooms in which anybody is."""
        return tuple(self._rooms)
