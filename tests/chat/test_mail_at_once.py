"""Workers, readers and senders at the same time, on PostgreSQL."""

from collections import Counter
from functools import partial
from threading import Event

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from accounts.services import set_presence
from chat import postoffice, services, tasks
from chat.models import Conversation, Departure, MailNotice, Membership
from chat.services import notices
from tests.accounts.threads import at_once
from tests.chat.mailing import come, give_address, go, later, outcomes, pass_time, read
from tests.chat.talk import say

pytestmark = pytest.mark.django_db(transaction=True)

GUESTS = 30


@pytest.fixture
def crowd(alice: User) -> Conversation:
    """Alice's group with many who are away and want mail."""
    addresses = [f"guest{number}@example.com" for number in range(GUESTS)]
    people = [User(username=one.partition("@")[0], email=one, confirmed_email=one) for one in addresses]
    members = [user.pk for user in User.objects.bulk_create(people)]
    return services.create_conversation(creator_id=alice.pk, kind="group", title="Crowd", members=members)


def test_many_workers_at_once_send_each_mail_once(crowd: Conversation, alice: User) -> None:
    say(crowd, alice, "one")
    pass_time()
    notices.look_around()
    told = at_once(*[lambda: list(postoffice.deliver())] * 4)
    assert all(isinstance(one, list) for one in told), told
    assert Counter(mail.to[0] for mail in django_mail.outbox) == Counter(f"guest{n}@example.com" for n in range(GUESTS))
    assert outcomes() == ["sent"] * GUESTS
    assert set(MailNotice.objects.values_list("attempts", flat=True)) == {1}


def test_a_worker_leaves_alone_what_another_is_sending(
    monkeypatch: pytest.MonkeyPatch, group: Conversation, alice: User, bob: User
) -> None:
    give_address(bob)
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    sending, go_on = Event(), Event()
    send = EmailBackend.send_messages

    def hang(self: EmailBackend, messages: list[django_mail.EmailMessage]) -> int:
        sending.set()
        go_on.wait(10)
        return int(send(self, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", hang)

    def second() -> list[object]:
        sending.wait(10)
        found: list[object] = list(postoffice.deliver())
        go_on.set()
        return found

    first_found, second_found = at_once(lambda: list(postoffice.deliver()), second)
    assert second_found == []
    assert [outcome for _, outcome in first_found] == ["sent"]
    assert len(django_mail.outbox) == 1


def test_many_who_look_at_once_make_one_notice_each(crowd: Conversation, alice: User) -> None:
    assert all(isinstance(one, list) for one in at_once(*[lambda: say(crowd, alice, "hello")] * 6))
    assert DBTaskResult.objects.count() == 1
    pass_time()
    assert at_once(*[notices.look_around] * 4) == [None] * 4
    assert MailNotice.objects.count() == GUESTS


def test_a_message_that_comes_while_somebody_looks_is_seen_or_left_to_the_next(
    group: Conversation, alice: User, bob: User
) -> None:
    give_address(bob)
    for number in range(10):
        say(group, alice, f"first {number}")
        pass_time()
        worked, said = at_once(tasks.send_due_mail.call, partial(say, group, alice, f"second {number}"))
        assert (type(worked), type(said)) == (dict, list)
        later()
        later()
        assert Membership.objects.get(user=bob).mailed_position == 2 * (number + 1)


def test_who_goes_while_a_message_is_on_its_way_gets_the_mail(group: Conversation, alice: User, bob: User) -> None:
    """The message is written while Bob is there, and committed when he has gone."""
    give_address(bob)
    come(bob)
    said, gone = Event(), Event()

    def speak() -> None:
        with transaction.atomic():
            say(group, alice, "one")
            said.set()
            gone.wait(10)

    def leave() -> None:
        said.wait(10)
        go(bob)
        gone.set()

    assert at_once(speak, leave) == [None, None]
    Conversation.objects.update(mail_due_at=None)  # by the departure alone
    later()
    assert [mail.to for mail in django_mail.outbox] == [["bob@example.com"]]


def test_who_goes_while_the_worker_finds_them_there_gets_the_mail_later(
    group: Conversation, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_address(bob)
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    come(bob)
    settle = notices.settle

    def settle_late(*args: object, **more: object) -> None:
        at_once(lambda: go(bob))
        settle(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(notices, "settle", settle_late)
    assert [outcome for _, outcome in postoffice.deliver()] == ["online"]
    monkeypatch.undo()
    later()
    assert len(django_mail.outbox) == 1


def test_coming_and_going_at_once_with_workers_ends_in_one_mail(group: Conversation, alice: User, bob: User) -> None:
    give_address(bob)
    say(group, alice, "one")
    pass_time()

    def flap() -> None:
        for online in (True, False) * 5:
            set_presence(user_id=bob.pk, online=online)

    def work_on() -> None:
        for _ in range(10):
            tasks.send_due_mail.call()

    assert at_once(flap, flap, work_on, work_on) == [None] * 4
    set_presence(user_id=bob.pk, online=False)
    for _ in range(3):
        later()
    assert len(django_mail.outbox) == 1
    assert not Departure.objects.exists()
    assert not MailNotice.objects.filter(done_at=None).exists()


@pytest.mark.parametrize("is_read", [False, True])
def test_what_is_said_while_a_mail_is_on_its_way_is_mailed_though_somebody_looked_meanwhile(
    group: Conversation, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    """Whoever looks finds a notice that waits, and makes none beside it."""
    give_address(bob)
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    if is_read:
        read(group, bob, 1)
    judge = notices.judge

    def judge_early(notice: MailNotice) -> object:
        verdict = judge(notice)
        monkeypatch.undo()
        at_once(partial(say, group, alice, "two"))
        Conversation.objects.update(mail_due_at=timezone.now())
        at_once(notices.look_around)
        return verdict

    monkeypatch.setattr(notices, "judge", judge_early)
    assert [outcome for _, outcome in postoffice.deliver()] == ["read" if is_read else "sent", "later"]
    later()
    assert ["two" in str(mail.body) for mail in django_mail.outbox] == [*([] if is_read else [False]), True]
