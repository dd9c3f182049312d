"""Who asks, and what is told."""

from types import SimpleNamespace
from typing import Any

from realtime.auth import NOBODY, Identity

ALICE = Identity("0190a", "alice", claims={"walletAddress": "0xAbC"})
BOB = Identity("0190b", "bob")
STRANGER = NOBODY.identity
AT = 1_700_000_000.5  # 2023-11-14T22:13:20.500Z

MESSAGE: dict[str, Any] = {
    "id": "m1",
    "conversationId": "c1",
    "senderId": "0190a",
    "text": "hi",
    "position": 4,
    "createdAt": "2026-01-31T12:00:00.000Z",
}
RICH = MESSAGE | {
    "attachments": [{"url": "https://example.com/a.png", "type": "image"}],
    "replyToId": "m0",
    "reactions": [{"emoji": "+1", "userIds": ["0190b"]}],
    "editedAt": "2026-01-31T12:01:00.000Z",
}


def session_of(user: Identity) -> Any:
    """As much of a session as a greeting needs."""
    return SimpleNamespace(user=user, id="connection-1")


__all__ = ["ALICE", "AT", "BOB", "MESSAGE", "RICH", "STRANGER", "session_of"]
