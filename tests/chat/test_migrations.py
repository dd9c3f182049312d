"""A database of an earlier release, with people and messages in it, comes to the present one while it is in use."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.models import Letter, User
from accounts.renumbered import RenumberedMigration
from chat import search_index, selectors
from chat.models import Call, Conversation, MailNotice, Membership, Message
from chat.services.notices import look_around
from tests.services import on_sqlite

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite, pytest.mark.slow]

FIRST = [("accounts", "0001_initial"), ("chat", "0001_initial")]
# It knew positions, but no mail.
SECOND = [("accounts", "0003_presence_indexes"), ("chat", "0005_calls")]
PEOPLE = ("ann", "ben", "cid")
LOCKED = """SELECT relation::regclass::text FROM pg_locks
WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relation IS NOT NULL"""


def migrate(targets: list[Any]) -> None:
    MigrationExecutor(connection).migrate(targets)


def migrate_forward() -> None:
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


class Release:
    """The code of an earlier one, as far as it writes: it knows no later column, and goes on in a rolling deploy."""

    def __init__(self, migrations: list[tuple[str, str]]) -> None:
        models = MigrationExecutor(connection).loader.project_state(migrations).apps.get_model
        self.users, self.conversations, self.memberships, self.messages = (
            models(app, name).objects
            for app, name in (
                ("accounts", "User"),
                ("chat", "Conversation"),
                ("chat", "Membership"),
                ("chat", "Message"),
            )
        )
        if migrations == SECOND:
            self.calls = models("chat", "Call").objects

    def register(self, name: str, **more: object) -> Any:
        return self.users.create(username=name, email=f"{name}@example.com", **more)

    def begin(self, people: list[Any], roles: list[str], kind: str = "group") -> Any:
        conversation = self.conversations.create(kind=kind)
        for user, role in zip(people, roles, strict=True):
            self.memberships.create(conversation=conversation, user=user, role=role)
        return conversation

    def say(self, conversation: Any, sender: Any, text: str) -> Any:
        conversation.last_position += 1
        conversation.last_message_at = timezone.now()
        conversation.save(update_fields=["last_position", "last_message_at"])
        return self.messages.create(
            conversation=conversation, sender=sender, text=text, position=conversation.last_position
        )


@pytest.fixture(params=[FIRST], ids=["first"])
def before(request: pytest.FixtureRequest) -> Iterator[Release]:
    try:
        migrate(request.param)
        yield Release(request.param)
    finally:
        migrate_forward()


every_release = pytest.mark.parametrize("before", [FIRST, SECOND], ids=["first", "second"], indirect=True)


def unread(user: Any) -> int:
    return selectors.unread_messages(user.pk).count()


def assert_nobody_is_mailed() -> None:
    Conversation.objects.update(mail_due_at=timezone.now())
    look_around()
    assert not MailNotice.objects.exists()


def owners(conversation: Any) -> list[str]:
    members = Membership.objects.filter(conversation=conversation.pk, role=Membership.Role.OWNER)
    return [str(name) for name in members.values_list("user__username", flat=True)]


def test_what_was_said_before_is_unread_by_nobody_and_mailed_to_nobody(before: Release) -> None:
    people = [before.register(name) for name in PEOPLE]
    group = before.begin(people, ["owner", "member", "member"])
    for number in range(3):
        before.say(group, people[0], f"hello {number}")
    migrate_forward()
    assert [unread(user) for user in people] == [0, 0, 0]
    assert set(Membership.objects.values_list("delivered_position", "read_position", "mailed_position").distinct()) == {
        (3, 3, 3)
    }
    assert_nobody_is_mailed()


@pytest.mark.parametrize("before", [SECOND], ids=["second"], indirect=True)
def test_what_is_known_to_be_read_stays_so_and_nobody_is_mailed_about_the_rest(before: Release) -> None:
    people = [before.register(name) for name in PEOPLE]
    group = before.begin(people, ["owner", "member", "member"])
    for number in range(3):
        before.say(group, people[0], f"hello {number}")
    before.memberships.filter(user=people[1]).update(delivered_position=2, read_position=1)
    migrate_forward()
    assert [unread(user) for user in people] == [0, 2, 3]
    positions = Membership.objects.order_by("user__username").values_list(
        "delivered_position", "read_position", "mailed_position"
    )
    assert list(positions) == [(0, 0, 3), (2, 1, 3), (0, 0, 3)]
    assert_nobody_is_mailed()


@every_release
def test_who_began_a_conversation_or_said_something_in_it_takes_part(before: Release) -> None:
    ann, ben, cid = (before.register(name) for name in PEOPLE)
    group = before.begin([ann, ben, cid], ["owner", "member", "member"])
    before.conversations.filter(pk=group.pk).update(created_by=ann)
    before.say(group, ben, "hello")
    migrate_forward()
    assert dict(Membership.objects.values_list("user__username", "takes_part")) == {
        "ann": True,
        "ben": True,
        "cid": False,
    }


@pytest.mark.skipif(on_sqlite(), reason="SQLite has one lock, for all that is written.")
@pytest.mark.parametrize("before", [SECOND], ids=["second"], indirect=True)
def test_nothing_waits_while_every_member_is_gone_through(before: Release) -> None:
    people = [before.register(name) for name in PEOPLE]
    before.say(before.begin(people, ["owner", "member", "member"]), people[0], "hello")
    locked: list[set[str]] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if sql.startswith('UPDATE "chat_membership"'):
            with context["connection"].connection.cursor() as cursor:
                cursor.execute(LOCKED)
                locked.append({name for (name,) in cursor.fetchall()})
        return done

    with connection.execute_wrapper(listen):
        migrate_forward()
    assert len(locked) > 1
    assert not any(locked)


@pytest.fixture
def renumbered() -> Iterator[None]:
    """A database of when several migrations were two with other names."""
    migrate([("accounts", "0004_confirmed_email")])
    loader, recorder = MigrationExecutor(connection).loader, MigrationRecorder(connection)
    several = {key: one.other for key, one in loader.disk_migrations.items() if isinstance(one, RenumberedMigration)}
    for app, name in several:
        recorder.record_unapplied(app, name)
    for app, name in set(several.values()):
        recorder.record_applied(app, name)
    try:
        yield
    finally:
        migrate_forward()
        for app, name in set(several.values()):
            recorder.record_unapplied(app, name)


@pytest.mark.usefixtures("renumbered")
def test_a_database_with_other_names_of_migrations_has_what_they_do(alice: User, bob: User) -> None:
    group = Conversation.objects.create(kind="group", last_position=5)
    positions = {"delivered_position": 4, "read_position": 3, "mailed_position": 2}
    Membership.objects.bulk_create(Membership(conversation=group, user=user, **positions) for user in (alice, bob))
    MigrationExecutor(connection).loader.check_consistent_history(connection)
    migrate_forward()
    assert not MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
    assert list(Membership.objects.values(*positions, "takes_part")) == [positions | {"takes_part": False}] * 2
    assert not Letter.objects.filter(user=alice).exists(), "what is really new is there"


OWNERS: list[tuple[str, list[str], tuple[str, ...], str]] = [
    ("group", ["owner", "owner", "member"], (), "ann"),
    ("group", ["member", "member", "member"], (), "ann"),
    ("group", ["member", "member", "owner"], (), "cid"),
    ("group", ["owner", "owner", "member"], ("ann",), "ben"),
    ("group", ["member", "member", "member"], PEOPLE, "ann"),
    ("direct", ["owner", "owner"], ("ann",), "ann"),
    ("direct", ["member", "owner"], ("ben",), "ben"),
]


def test_each_conversation_comes_to_one_owner(before: Release) -> None:
    conversations = []
    for number, (kind, roles, closed, _) in enumerate(OWNERS):
        people = [before.register(f"{name}{number}", is_active=name not in closed) for name in PEOPLE[: len(roles)]]
        conversations.append(before.begin(people, roles, kind))
    migrate_forward()
    assert [owners(conversation) for conversation in conversations] == [
        [f"{expected}{number}"] for number, (_, _, _, expected) in enumerate(OWNERS)
    ]


@every_release
def test_processes_of_an_earlier_release_go_on_writing_afterwards(before: Release) -> None:
    migrate_forward()
    ann, ben = before.register("ann"), before.register("ben")
    group = before.begin([ann, ben], ["owner", "member"])
    said = before.say(group, ann, "hello")
    message = Message.objects.get(pk=said.pk)
    assert (message.ciphertext, message.attachments, message.mentions) == ("", [], [])
    member = Membership.objects.select_related("user").get(user=ben.pk)
    assert (member.read_position, member.delivered_position, member.mailed_position) == (0, 0, 0)
    assert (member.user.status, member.user.status_text) == ("online", "")
    assert (member.user.presence_shown_to, member.user.last_seen_shown_to) == ("everyone", "everyone")
    assert (unread(ann), unread(ben)) == (0, 1)


@pytest.mark.parametrize("before", [SECOND], ids=["second"], indirect=True)
def test_processes_of_the_second_release_go_on_calling_afterwards(before: Release) -> None:
    migrate_forward()
    ann, ben = before.register("ann"), before.register("ben")
    conversation = before.begin([ann, ben], ["member", "member"], "direct")
    said = before.calls.create(conversation=conversation, caller=ann, callee=ben, caller_device="1")
    call = Call.objects.get(pk=said.pk)
    call.state = Call.State.ENDED
    call.save()
    own = Call.objects.create(conversation=call.conversation, caller=call.caller, callee=call.callee, caller_device="2")
    assert before.calls.get(pk=own.pk).awaited


@pytest.mark.skipif(on_sqlite(), reason="Only PostgreSQL has the index.")
def test_the_search_index_is_made_while_others_write(before: Release) -> None:
    said: list[str] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        said.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        migrate_forward()
    [made] = [sql for sql in said if sql.startswith("CREATE INDEX") and search_index.NAME in sql]
    assert "CONCURRENTLY" in made
    assert search_index.is_built(connection)
