"""From a message over a socket to a mail in somebody's box: real servers, workers and a mail server."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from chat import services, tasks
from chat.models import Conversation, Departure
from realtime.testing import Client
from tests.chat.mailing import give_address, outcomes, pass_time, read
from tests.integration.conftest import Site
from tests.integration.servers import ROOT
from tests.services import environment
from tests.smtp import MailServer, mail_server

Join = Callable[..., Client]
PATIENCE = 20.0


@pytest.fixture
def post(transactional_db: None, bob: User, carol: User) -> Iterator[MailServer]:
    """Where the workers send mail; Bob and Carol have addresses."""
    give_address(bob, carol)
    with mail_server() as server:
        yield server


def worker(post: MailServer, *words: str) -> subprocess.Popen[bytes]:
    """One worker process."""
    env = environment(EMAIL_URL=post.url, DEFAULT_FROM_EMAIL="chat@example.org", PUBLIC_URL="https://chat.example.org")
    run = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1", *words]
    return subprocess.Popen(run, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def work(post: MailServer, number: int = 1) -> None:
    """So many workers at once do all that is due, and end."""
    workers = [worker(post, "--batch") for _ in range(number)]
    for process in workers:
        _, log = process.communicate(timeout=60)
        assert process.returncode == 0, log.decode()
    failed = DBTaskResult.objects.failed().first()
    assert failed is None, failed.traceback


@contextmanager
def sending(post: MailServer) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose first mail the server has, and does not answer before the end of this."""
    with post.hold():
        process = worker(post)
        assert post.reached.wait(PATIENCE)
        yield process


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def until(condition: Callable[[], object]) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def recipients(post: MailServer) -> Counter[str]:
    return Counter(str(mail["To"]).partition("@")[0] for mail in post.mails)


def is_online(user: User) -> bool:
    return User.objects.filter(pk=user.pk, is_online=True).exists()


def test_who_is_away_gets_a_mail_and_who_is_there_none(
    site: Site, join: Join, post: MailServer, group: Conversation, alice: User, carol: User
) -> None:
    speaker = join(site.servers[0], alice)
    join(site.servers[-1], carol)
    until(lambda: is_online(carol))
    speaker.call("message.send", {"conversationId": str(group.pk), "text": "Hello!"})
    pass_time()
    work(post)
    assert recipients(post) == {"bob": 1}
    mail = post.mails[0]
    assert mail["From"] == "chat@example.org"
    assert mail["List-Unsubscribe"].strip().startswith("<https://chat.example.org/mail/unsubscribe/?token=")
    work(post)
    assert recipients(post) == {"bob": 1}


def test_who_leaves_with_it_unread_gets_a_mail_and_who_has_read_it_none(
    site: Site, join: Join, post: MailServer, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    speaker = join(site.servers[0], alice)
    listeners = [join(site.servers[-1], user) for user in (bob, carol)]
    until(lambda: is_online(bob) and is_online(carol))
    said = speaker.call("message.send", {"conversationId": str(group.pk), "text": "Hello!"})
    listeners[1].call("message.read", {"messageId": said["messageId"]})
    for listener in listeners:
        listener.close()
    until(lambda: Departure.objects.count() == 2)
    pass_time()
    work(post)
    assert recipients(post) == {"bob": 1}
    assert outcomes() == ["sent"]


def test_a_message_is_sent_at_once_while_the_mail_server_hangs(
    site: Site, join: Join, post: MailServer, group: Conversation, alice: User
) -> None:
    speaker = join(site.servers[0], alice)
    speaker.call("message.send", {"conversationId": str(group.pk), "text": "one"})
    pass_time()
    with sending(post) as process:
        assert speaker.call("message.send", {"conversationId": str(group.pk), "text": "two"})["messageId"]
        kill(process)


def test_a_worker_that_is_killed_while_it_sends_loses_nothing_and_doubles_nothing(
    post: MailServer, group: Conversation, say: Callable[..., None]
) -> None:
    say("one")
    pass_time()
    with sending(post) as process:
        kill(process)
    assert recipients(post).total() == 0
    tasks.wake(timezone.now())  # as where a worker starts
    work(post)
    assert recipients(post).total() == 1  # not that which the dead one had claimed: who knows what it did with it
    pass_time(600)  # the lease
    work(post)
    assert recipients(post) == {"bob": 1, "carol": 1}
    pass_time(600)
    work(post)
    assert recipients(post) == {"bob": 1, "carol": 1}
    assert outcomes() == ["sent", "sent"]


def test_a_worker_that_is_stopped_finishes_the_mail_in_hand(
    post: MailServer, group: Conversation, say: Callable[..., None]
) -> None:
    say("one")
    pass_time()
    with sending(post) as process:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert recipients(post) == {"bob": 1, "carol": 1}


def test_two_workers_at_once_send_one_mail_each_time(
    post: MailServer, alice: User, person: Callable[..., User]
) -> None:
    people = [person(f"guest{number}", email=f"guest{number}@example.com") for number in range(12)]
    for guest in people:
        direct = services.create_conversation(creator_id=alice.pk, kind="direct", members=[guest.pk])
        services.send_message(sender_id=alice.pk, conversation_id=direct.pk, text="hello")
    pass_time()
    work(post, number=2)
    assert recipients(post) == Counter(guest.username for guest in people)


def test_a_mail_is_not_sent_when_it_was_read_before_its_time(
    post: MailServer, group: Conversation, bob: User, say: Callable[..., None]
) -> None:
    say("one")
    read(group, bob, 1)
    pass_time()
    work(post)
    assert recipients(post) == {"carol": 1}
