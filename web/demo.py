"""The demo people and what they have said, for development: made once, by the services."""

import io
from typing import Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image, ImageDraw

from accounts.models import User
from accounts.services import register_user, update_account
from chat.models import Conversation, Message
from chat.selectors import conversations_of
from chat.services import add_reaction, create_conversation, edit_message, mark_read, send_message, upload


class Person(NamedTuple):
    """Somebody to log in as."""

    username: str
    name: str


PASSWORD: Final = "demo-Pass-123"  # noqa: S105 -- public, for accounts that exist in development alone
PEOPLE: Final = (Person("alice", "Alice"), Person("bob", "Bob"), Person("carol", "Carol"))
ADMIN: Final = Person("admin", "Admin")
GROUP_TITLE: Final = "Weekend plans"

Lines = tuple[tuple[str, str], ...]
DIRECT_LINES: Final[Lines] = (
    ("alice", "Hi Bob! Have you tried the new chat?"),
    ("bob", "Just opened it. The messages are here before I let go of the key."),
    ("alice", "Log in as me in a second window, and we can talk."),
)
GROUP_LINES: Final[Lines] = (
    ("alice", "Who is in for a walk around the lake on Saturday?"),
    ("carol", "Me! I can bring coffee."),
    ("bob", "In, unless it rains. Ten o'clock at the boathouse?"),
)
PICTURE: Final = "boathouse.png"


def seed() -> None:
    """Make what is missing of the demo; ImproperlyConfigured outside development."""
    if not settings.DEVELOPMENT:
        raise ImproperlyConfigured(
            "The demo people have a public password: they are made only where ENVIRONMENT is development."
        )
    users = {person.username: _user(person) for person in PEOPLE}
    _admin()
    with transaction.atomic():
        # Once Alice has talked to anybody, what is gone from the demo was taken away on purpose.
        if not conversations_of(users["alice"].pk).exists():
            _converse(users)


@transaction.atomic
def _user(person: Person) -> User:
    if known := User.objects.named(person.username).first():
        return known
    user = register_user(username=person.username, password=PASSWORD, display_name=person.name)
    address = f"{person.username}@example.com"
    return update_account(user_id=user.pk, changes={"email": address, "confirmed_email": address})


@transaction.atomic
def _admin() -> None:
    # Whoever has the name already keeps the rights that they have.
    if not User.objects.named(ADMIN.username).exists():
        update_account(user_id=_user(ADMIN).pk, changes={"is_staff": True, "is_superuser": True})


def _converse(users: dict[str, User]) -> None:
    alice, bob, carol = (user.pk for user in users.values())
    direct = create_conversation(creator_id=alice, kind=Conversation.Kind.DIRECT, members=[bob])
    _, answer, last = _say(direct, DIRECT_LINES, users)
    add_reaction(user_id=alice, message_id=answer.pk, emoji="🎉")
    for user in (alice, bob):
        mark_read(user_id=user, message_id=last.pk)
    group = create_conversation(creator_id=alice, kind=Conversation.Kind.GROUP, members=[bob, carol], title=GROUP_TITLE)
    _, offer, question = _say(group, GROUP_LINES, users)
    edit_message(actor_id=carol, message_id=offer.pk, text="Me! I can bring coffee and cake.")
    send_message(sender_id=carol, conversation_id=group.pk, text="Ten is perfect.", reply_to_id=question.pk)
    file = upload(uploader_id=alice, file=ContentFile(_picture()), name=PICTURE, conversation_id=group.pk)
    last = send_message(
        sender_id=alice, conversation_id=group.pk, text="There it is.", attachments=[{"id": str(file.pk)}]
    )
    for user in (bob, carol):
        add_reaction(user_id=user, message_id=last.pk, emoji="❤️")
    for user in (alice, bob, carol):
        mark_read(user_id=user, message_id=last.pk)


def _say(conversation: Conversation, lines: Lines, users: dict[str, User]) -> list[Message]:
    return [
        send_message(sender_id=users[username].pk, conversation_id=conversation.pk, text=text)
        for username, text in lines
    ]


def _picture() -> bytes:
    """A lake before hills, with a boathouse."""
    picture = Image.new("RGB", (960, 600), "#f6d9b0")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((640, 90, 740, 190), fill="#fff3d6")
    draw.polygon([(0, 330), (230, 150), (450, 330), (650, 210), (960, 330)], fill="#5d8a82")
    draw.polygon([(0, 360), (380, 270), (960, 360)], fill="#2f6a5f")
    draw.rectangle((0, 355, 960, 600), fill="#7fb4c4")
    draw.rectangle((180, 300, 330, 390), fill="#8a4b32")
    draw.polygon([(160, 305), (255, 235), (350, 305)], fill="#5b2f20")
    draw.rectangle((225, 335, 285, 390), fill="#3a1f17")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
