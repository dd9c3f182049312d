"""What clients may ask of messages."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from chat import services
from realtime.commands import Payload, Reply, command
from realtime.sessions import Session


class SendMessage(Payload):
    """`temp_id`: the client's own id of the message; sending it again makes no second one."""

    conversation_id: UUID
    text: str
    temp_id: Annotated[str, Meta(max_length=64)] | None = None


class MessageAck(Reply):
    """Stored."""

    temp_id: str | None
    message_id: str


@command("message.send", rate="30/m")
def send_message(session: Session, data: SendMessage) -> MessageAck:
    """Say something in a conversation."""
    message = services.send_message(
        sender_id=session.user.id, conversation_id=data.conversation_id, text=data.text, temp_id=data.temp_id
    )
    return MessageAck(temp_id=data.temp_id, message_id=str(message.pk))
