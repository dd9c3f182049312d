"""groups, at `/`: group chat."""

from typing import Any

from realtime.vocabulary import Ask, Tell, fields, renamed
from vocabularies.basics import spoken


def new_message(data: Any, at: float) -> list[Any]:
    """`newMessage`."""
    return [
        {
            "id": data["id"],
            "senderId": data["senderId"],
            "groupId": data["conversationId"],
            "text": data["text"],
            "attachments": data.get("attachments", []),
            "timestamp": data["createdAt"],
            "readBy": [data["senderId"]],
        }
    ]


def is_read(data: Any) -> bool:
    """Whether a receipt is about reading; what has only arrived has no name here."""
    return bool(data["type"] == "read")


def user_online(data: Any, at: float) -> list[Any]:
    """`userOnline`."""
    return [{"userId": data["userId"], "isOnline": data["status"] != "offline"}]


def group_room(user: Any, arguments: Any) -> Any:
    """The room of `{groupId}`."""
    return {"room": "conversation"} | fields(id="groupId")(user, arguments)


def group_id(user: Any, data: Any) -> Any:
    """`{groupId}` of a room's name."""
    return {"groupId": data["room"].partition(":")[2]}


ASKS = {
    "sendMessage": Ask("message.send", spoken("text", "attachments", "tempId", conversationId="groupId")),
    "markAsRead": Ask("message.read", fields("messageId", conversationId="groupId")),
    "joinGroup": Ask("rooms.subscribe", group_room, ack=group_id),
    "leaveGroup": Ask("rooms.unsubscribe", group_room, ack=group_id),
}

TELLS = {
    "message.new": Tell("newMessage", new_message),
    "message.receipt": Tell("messageRead", renamed(messageId="messageId", userId="userId"), when=is_read),
    "presence.changed": Tell("userOnline", user_online),
}
