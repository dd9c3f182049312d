"""messenger, at `/`: conversations."""

from typing import Any

from realtime.vocabulary import Ask, Tell, each, fields, no_payload, nothing, positions, whole
from vocabularies.basics import spoken

RECEIPTS = {"delivered": "delivered", "read": "seen"}


def message(data: Any, at: float) -> list[Any]:
    """The message as it stands; its `ciphertext` only if it is encrypted."""
    encrypted = {"ciphertext": data["ciphertext"]} if data.get("ciphertext") else {}
    return [
        {
            "id": data["id"],
            "conversationId": data["conversationId"],
            "senderId": data["senderId"],
            "text": data["text"],
            "attachments": data.get("attachments", []),
            "replyToId": data.get("replyToId"),
            "reactions": data.get("reactions", []),
            "createdAt": data["createdAt"],
            "editedAt": data.get("editedAt"),
        }
        | encrypted
    ]


def receipt(data: Any, at: float) -> list[Any]:
    """(messageId, userId, "delivered" or "seen")."""
    return [data["messageId"], data["userId"], RECEIPTS[data["type"]]]


def conversation_room(user: Any, arguments: Any) -> Any:
    """The room of a bare conversation id."""
    return {"room": "conversation"} | positions("id")(user, arguments)


def conversation(data: Any, at: float) -> list[Any]:
    """`{conversationId}` of a room's name."""
    return [{"conversationId": data["room"].partition(":")[2]}]


def conversation_id(user: Any, data: Any) -> Any:
    """The same, as an acknowledgement."""
    return conversation(data, 0)[0]


def online_users(data: Any, at: float) -> list[Any]:
    """`{conversationId, users}`: who is here, of the people of a conversation."""
    here = [member["userId"] for member in data["members"] if member["status"] != "offline"]
    return [{"conversationId": data["conversationId"], "users": here}]


def online_users_ack(user: Any, data: Any) -> Any:
    """The same, as an acknowledgement."""
    return online_users(data, 0)[0]


ASKS = {
    "join-room": Ask(
        "rooms.subscribe",
        conversation_room,
        Tell("room-joined", conversation),
        ack=conversation_id,
        errors={"FORBIDDEN": "JOIN_ROOM_FAILED"},
    ),
    "leave-room": Ask(
        "rooms.unsubscribe",
        conversation_room,
        Tell("room-left", conversation),
        ack=conversation_id,
        errors={"FORBIDDEN": "JOIN_ROOM_FAILED"},
    ),
    "send-message": Ask(
        "message.send",
        spoken("conversationId", "text", "attachments", "replyToId", "mentions", "ciphertext", "tempId"),
        Tell("message-ack", each("tempId", "messageId")),
    ),
    "edit-message": Ask("message.edit", fields("messageId", "text", "ciphertext")),
    "delete-message": Ask("message.delete", fields("messageId", "forEveryone")),
    "message-delivered": Ask("message.delivered", fields("messageId")),
    "message-seen": Ask("message.read", fields("messageId", "conversationId")),
    "react": Ask("message.react", fields("messageId", "emoji", "remove")),
    "upload-progress": Ask("upload.progress", fields("uploadId", "conversationId", "loaded", "total")),
    "call-invite": Ask("call.invite", fields("conversationId", "media", "sdp")),
    "call-accept": Ask("call.accept", fields("callId", "sdp")),
    "call-reject": Ask("call.reject", fields("callId", "reason")),
    "call-hangup": Ask("call.hangup", fields("callId")),
    "call-signal": Ask("call.signal", fields("callId", "data")),
    "typing-start": Ask("typing.start", positions("conversationId")),
    "typing-stop": Ask("typing.stop", positions("conversationId")),
    "presence-update": Ask("presence.set", positions("status")),
    "get-online-users": Ask(
        "presence.get", positions("conversationId"), Tell("online-users", online_users), ack=online_users_ack
    ),
    "heartbeat": Ask("heartbeat", no_payload, Tell("heartbeat-ack", nothing)),
}

TELLS = {
    "message.new": Tell("message-new", message),
    "message.acknowledged": Tell("message-ack", each("tempId", "messageId")),
    "message.edited": Tell("message-edited", message),
    "message.deleted": Tell("message-deleted", each("messageId")),
    "message.reaction": Tell("message-reaction", each("messageId", "userId", "emoji", "removed")),
    "message.receipt": Tell("receipt", receipt),
    "upload.progress": Tell("upload-progress", whole),
    **{f"call.{what}": Tell(f"call-{what}", whole) for what in ("invite", "accept", "reject", "hangup", "signal")},
    "typing.started": Tell("typing", each("userId", "conversationId")),
    "typing.stopped": Tell("typing-stop", each("userId", "conversationId")),
    "presence.changed": Tell("presence", each("userId", "status")),
}
