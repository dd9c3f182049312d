"""The demo people and what they have said, for development: made once, by the services."""

from typing import Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from accounts.models import User
from accounts.services import register_user, update_account
from chat.models import Conversation
from chat.selectors import conversations_of
from chat.services import create_conversation, send_message


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
    ("carol", "Ten is perfect."),
)


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
    _say(direct, DIRECT_LINES, users)
    group = create_conversation(creator_id=alice, kind=Conversation.Kind.GROUP, members=[bob, carol], title=GROUP_TITLE)
    _say(group, GROUP_LINES, users)


def _say(conversation: Conversation, lines: Lines, users: dict[str, User]) -> None:
    for username, text in lines:
        send_message(sender_id=users[username].pk, conversation_id=conversation.pk, text=text)
