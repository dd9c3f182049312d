"""Whatever process makes a change, clients hear of it after the commit, or not at all."""

import subprocess
import sys
from collections.abc import Callable

from django.db import transaction

from accounts.models import User
from chat import services
from chat.events import MessageNew
from chat.models import Conversation, Message
from realtime.models import OutboxEntry
from realtime.testing import Client
from tests.integration.conftest import Site
from tests.integration.servers import ROOT
from tests.lab import tasks
from tests.lab.events import Noted, Tick
from tests.services import environment

Join = Callable[..., Client]


def manage(site: Site, *words: str) -> None:
    """Run a management command as an operator of that site would."""
    env = environment(REDIS_URL=site.redis) if site.redis else environment()
    done = subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_what_a_management_command_does_is_heard(
    site: Site, join: Join, group: Conversation, alice: User, bob: User
) -> None:
    listener = join(site.servers[-1], bob)
    manage(site, "say", str(alice.pk), str(group.pk), "from a command")
    assert listener.expect(MessageNew).text == "from a command"


def test_what_the_worker_does_is_heard(site: Site, join: Join, group: Conversation, alice: User, bob: User) -> None:
    listener = join(site.servers[-1], bob)
    tasks.say.enqueue(str(alice.pk), str(group.pk), "from the worker")
    tasks.tick.enqueue(7)
    manage(site, "db_worker", "--batch", "--no-startup-delay")
    assert listener.expect(MessageNew).text == "from the worker"
    assert listener.expect(Tick).number == 7


def test_a_transaction_that_is_rolled_back_is_silent(
    site: Site, join: Join, group: Conversation, alice: User, bob: User
) -> None:
    speaker, listener = join(site.servers[0], alice), join(site.servers[-1], bob)
    say = {"conversationId": str(group.pk), "text": "never said"}
    speaker.call("lab.rollback", say)
    with transaction.atomic():
        services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="nor this")
        transaction.set_rollback(True)
    speaker.call("message.send", say | {"text": "marker"})
    assert listener.expect(MessageNew).text == "marker"
    assert list(Message.objects.values_list("text", flat=True)) == ["marker"]


def test_an_event_in_several_rooms_is_heard_once(site: Site, join: Join, alice: User) -> None:
    client = join(site.servers[0], alice)
    client.call("rooms.subscribe", {"room": "lab", "id": "notes"})
    for number in (1, 2):
        client.call("lab.everywhere", {"number": number})
    assert [client.expect(Noted).number for _ in range(2)] == [1, 2]


def test_what_was_sent_leaves_the_outbox(site: Site, join: Join, group: Conversation, alice: User) -> None:
    client = join(site.servers[0], alice)
    for number in range(10):
        client.call("message.send", {"conversationId": str(group.pk), "text": str(number)})
    while OutboxEntry.objects.exists():  # the suite's own time limit ends it if they stay
        client.call("ping")


def test_a_server_that_is_killed_between_commit_and_send_loses_nothing(
    site: Site, join: Join, group: Conversation, alice: User, bob: User
) -> None:
    """The entry is what such a process leaves: committed, not yet sent, its grace over."""
    listener = join(site.servers[-1], bob)
    env = environment(REDIS_URL="redis://127.0.0.1:1/0", REALTIME_RELAY_GRACE="0")  # nobody answers at port 1
    say = [sys.executable, "manage.py", "say", str(alice.pk), str(group.pk), "kept"]
    subprocess.run(say, cwd=ROOT, env=env, stderr=subprocess.DEVNULL, check=True)
    assert listener.expect(MessageNew).text == "kept"


def test_a_dead_redis_never_breaks_a_write(group: Conversation, alice: User) -> None:
    env = environment(REDIS_URL="redis://127.0.0.1:1/0")
    say = [sys.executable, "manage.py", "say", str(alice.pk), str(group.pk), "written"]
    done = subprocess.run(say, cwd=ROOT, env=env, capture_output=True, check=False)
    assert done.returncode == 0
    assert Message.objects.get().text == "written"
    assert b"Redis does not answer" in done.stderr
