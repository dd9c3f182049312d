"""What clients may ask of messages."""

from typing import Annotated
from uuid import UUID

from django.conf import settings
from msgspec import Meta
from msgspec.structs import asdict

from chat import services
from realtime.commands import Payload, Reply, command
from realtime.sessions import Session
from realtime.times import iso


class NewAttachment(Payload):
    """`{id}` of an uploaded file, or a link: `{url, type}` and what else is known of it."""

    id: UUID | None = None
    url: str | None = None
    type: str | None = None
    name: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    thumbnail_url: str | None = None


class SendMessage(Payload):
    """`temp_id`: the client's own id of the message; sending it again makes no second one."""

    conversation_id: UUID
    text: str = ""
    temp_id: Annotated[str, Meta(max_length=64)] | None = None
    attachments: list[NewAttachment] | None = None
    reply_to_id: UUID | None = None
    mentions: list[UUID] | None = None
    ciphertext: str | None = None


class MessageAck(Reply):
    """Stored."""

    temp_id: str | None
    message_id: str


class EditMessage(Payload):
    """What it is to say; `ciphertext` for an encrypted one."""

    message_id: UUID
    text: str | None = None
    ciphertext: str | None = None


class MessageEdit(Reply):
    """Edited; null if it had never said anything else."""

    message_id: str
    edited_at: str | None


class DeleteMessage(Payload):
    """For all or for oneself; left out: one's own for all."""

    message_id: UUID
    for_everyone: bool | None = None


class React(Payload):
    """Put an emoji under a message, or `remove` it."""

    message_id: UUID
    emoji: str
    remove: bool = False


class Delivered(Payload):
    """The newest message that has arrived."""

    message_id: UUID


class Read(Payload):
    """The newest message that was read."""

    message_id: UUID
    conversation_id: UUID | None = None


@command("message.send", rate=settings.CHAT_MESSAGE_RATE)
def send_message(session: Session, data: SendMessage) -> MessageAck:
    """Say something in a conversation."""
    message = services.send_message(
        sender_id=session.user.id,
        conversation_id=data.conversation_id,
        text=data.text,
        temp_id=data.temp_id,
        attachments=[asdict(attachment) for attachment in data.attachments or ()],
        reply_to_id=data.reply_to_id,
        mentions=data.mentions,
        ciphertext=data.ciphertext,
    )
    return MessageAck(temp_id=data.temp_id, message_id=str(message.pk))


@command("message.edit", rate=settings.CHAT_EDIT_RATE)
def edit_message(session: Session, data: EditMessage) -> MessageEdit:
    """Say it otherwise."""
    message = services.edit_message(
        actor_id=session.user.id, message_id=data.message_id, text=data.text, ciphertext=data.ciphertext
    )
    return MessageEdit(message_id=str(message.pk), edited_at=iso(message.edited_at) if message.edited_at else None)


@command("message.delete", rate=settings.CHAT_EDIT_RATE)
def delete_message(session: Session, data: DeleteMessage) -> None:
    """Take it back, or away from one's own eyes."""
    services.delete_message(actor_id=session.user.id, message_id=data.message_id, for_everyone=data.for_everyone)


@command("message.react", rate=settings.CHAT_EDIT_RATE)
def react(session: Session, data: React) -> None:
    """Put an emoji under a message, or take it away."""
    change = services.remove_reaction if data.remove else services.add_reaction
    change(user_id=session.user.id, message_id=data.message_id, emoji=data.emoji)


@command("message.delivered", rate=settings.CHAT_RECEIPT_RATE)
def mark_delivered(session: Session, data: Delivered) -> None:
    """It has arrived, and all before it."""
    services.mark_delivered(user_id=session.user.id, message_id=data.message_id)


@command("message.read", rate=settings.CHAT_RECEIPT_RATE)
def mark_read(session: Session, data: Read) -> None:
    """It was read, and all before it."""
    services.mark_read(user_id=session.user.id, message_id=data.message_id, conversation_id=data.conversation_id)
