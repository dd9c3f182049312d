"""The full text index of PostgreSQL: the planner takes it, and it fits the configuration that is searched with."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from chat import search_index
from chat.checks import check_search_index
from chat.models import Conversation, Message
from chat.search import search_messages
from tests.chat.talk import say
from tests.services import on_sqlite


def plan(reader: User, q: str) -> str:
    messages = search_messages(reader=reader.pk, q=q).order_by("-created_at", "-id")[:50]
    return str(messages.explain())


@pytest.mark.django_db
@pytest.mark.parametrize("q", ["needle", "nee", "needle in hay", '"needle" & hay'])
def test_the_planner_takes_the_index(group: Conversation, alice: User, q: str) -> None:
    Message.objects.bulk_create(
        Message(conversation=group, sender=alice, text=f"hay {number} in stacks", position=number)
        for number in range(1, 3000)
    )
    Message.objects.create(conversation=group, sender=alice, text="a needle in hay", position=3000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE chat_message")
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert f"Bitmap Index Scan on {search_index.NAME}" in plan(alice, q)
    assert [message.text for message in search_messages(reader=alice.pk, q=q)] == ["a needle in hay"]


@pytest.mark.django_db
def test_the_index_is_there_after_migrating(group: Conversation) -> None:
    assert search_index.is_built(connection)
    assert not check_search_index(databases=["default"])
    assert not check_search_index()  # without a database nothing is asked


@pytest.mark.django_db(transaction=True)
class TestAnotherConfiguration:
    """CHAT_SEARCH_CONFIG is changed on a running system."""

    @pytest.fixture(autouse=True)
    def english(self, settings: Any) -> Iterator[None]:
        settings.CHAT_SEARCH_CONFIG = "english"
        yield
        settings.CHAT_SEARCH_CONFIG = "simple"
        search_index.rebuild(connection)

    def test_the_check_tells_and_the_command_mends(self, group: Conversation, alice: User) -> None:
        say(group, alice, "She was running")
        [warning] = check_search_index(databases=["default"])
        assert (warning.id, "english" in warning.msg) == ("chat.W001", True)
        assert "rebuild_search" in (warning.hint or "")
        for _ in range(2):
            call_command("rebuild_search", verbosity=0)
            assert not check_search_index(databases=["default"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'chat_message_search%'")
            assert cursor.fetchone() == (1,)
        for q in ("run", "runs", "she runs", "the running"):
            assert search_messages(reader=alice.pk, q=q).count() == 1, q

    def test_only_words_that_say_nothing_find_nothing(self, group: Conversation, alice: User) -> None:
        say(group, alice, "to be or not to be")
        assert search_messages(reader=alice.pk, q="to be or not to be").count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_undone_and_done_again() -> None:
    graph = MigrationExecutor(connection).loader.graph
    [migration] = [node for node in graph.nodes if node[0] == "chat" and node[1].endswith("_search")]
    [before] = [node.key for node in graph.node_map[migration].parents]

    def migrate(targets: list[Any]) -> None:
        MigrationExecutor(connection).migrate(targets)

    try:
        migrate([before])
        assert not search_index.is_built(connection)
        assert check_search_index(databases=["default"])
    finally:
        migrate(graph.leaf_nodes())
    assert search_index.is_built(connection)


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_the_command_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rebuild_search")
    assert capsys.readouterr().out.startswith("Only PostgreSQL has" if on_sqlite() else "The index is made")
    assert not check_search_index(databases=["default"])
