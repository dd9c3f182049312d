"""Who gets mail about what is unread, when, and how often."""

from collections.abc import Callable
from functools import partial

import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from accounts.models import Status, User
from accounts.services import block_user, reset_presence, update_account, update_profile
from chat import services
from chat.models import Conversation, Departure, Hidden, MailNotice, Membership
from chat.services.mail import FOR_EVER
from chat.services.notices import claim, judge, look_around
from tests.chat.mailing import come, give_address, go, later, outcomes, pass_time, read, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

Mails = list[EmailMessage]


@pytest.fixture(autouse=True)
def address(bob: User) -> None:
    """Bob's; alice has one anyway."""
    give_address(bob)


def to(mails: Mails) -> list[str]:
    return sorted(address.partition("@")[0] for mail in mails for address in mail.to)


# -- one mail ---------------------------------------------------------------------------------------------------


def test_who_is_away_gets_one_mail_after_the_quiet_period(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(alice)
    say(group, alice, "one", "two")
    work()
    assert mailoutbox == []
    pass_time(299)
    work()
    assert mailoutbox == []
    pass_time(1)
    work()
    [mail] = mailoutbox
    assert mail.to == ["bob@example.com"]
    assert "one" in mail.body
    assert "two" in mail.body
    assert outcomes() == ["sent"]
    assert Membership.objects.get(conversation=group, user=bob).mailed_position == 2


def test_nobody_gets_a_mail_again_about_the_same_messages(group: Conversation, alice: User, mailoutbox: Mails) -> None:
    say(group, alice, "one")
    for _ in range(3):
        later()
    assert len(mailoutbox) == 1


def test_what_is_said_later_makes_another_mail_about_that_alone(
    group: Conversation, alice: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    later()
    say(group, alice, "two")
    later()
    assert len(mailoutbox) == 2
    assert "two" in mailoutbox[1].body
    assert "one" not in mailoutbox[1].body


def test_what_is_said_in_the_quiet_period_is_in_the_one_mail(
    group: Conversation, alice: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    pass_time(299)
    say(group, alice, "two")
    pass_time(1)
    work()
    [mail] = mailoutbox
    assert "two" in mail.body


def test_two_conversations_are_two_mails(
    group: Conversation, direct: Conversation, alice: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    say(direct, alice, "two")
    later()
    assert to(mailoutbox) == ["bob", "bob"]
    assert sorted("Trip" in mail.subject for mail in mailoutbox) == [False, True]


def test_a_message_that_is_repeated_or_rolled_back_leads_to_nothing_more(
    group: Conversation, alice: User, mailoutbox: Mails
) -> None:
    for _ in range(2):
        services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="one", temp_id="t1")
    with transaction.atomic():
        say(group, alice, "never said")
        transaction.set_rollback(True)
    assert DBTaskResult.objects.count() == 1
    later()
    [mail] = mailoutbox
    assert "never" not in mail.body


# -- nobody's mail ----------------------------------------------------------------------------------------------


def test_who_has_read_it_meanwhile_gets_none(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    say(group, alice, "one", "two")
    read(group, bob, 2)
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_the_quiet_period_is_that_of_the_first_message_which_is_unread(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    pass_time(200)
    say(group, alice, "two")
    read(group, bob, 1)
    pass_time(100)
    work()
    assert mailoutbox == []
    assert outcomes() == [""]
    pass_time(200)
    work()
    [mail] = mailoutbox
    assert "one" not in mail.body
    assert MailNotice.objects.get().attempts == 1


def test_who_is_there_gets_none(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    come(bob)
    say(group, alice, "one")
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_who_is_there_but_invisible_gets_none(group: Conversation, alice: User, bob: User) -> None:
    update_account(user_id=bob.pk, changes={"status": Status.OFFLINE})
    come(bob)
    say(group, alice, "one")
    later()
    assert outcomes() == []


def test_who_has_come_meanwhile_and_stays_gets_none(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    come(bob)
    later()
    assert mailoutbox == []


CHANGES: list[dict[str, object]] = [{"mail_messages": False}, {"email": ""}, {"is_active": False}]


@pytest.mark.parametrize("changes", CHANGES)
def test_who_wants_no_mail_or_can_get_none_gets_none(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails, changes: dict[str, object]
) -> None:
    say(group, alice, "one")
    update_account(user_id=bob.pk, changes=changes)
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_who_mutes_a_conversation_gets_mail_of_the_others_alone(
    group: Conversation, direct: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    say(direct, alice, "two")
    Membership.objects.filter(conversation=group, user=bob).update(muted_until=FOR_EVER)
    later()
    say(group, alice, "three")
    later()
    [mail] = mailoutbox
    assert "two" in mail.body
    assert outcomes() == ["sent"]


@pytest.mark.parametrize("by_the_other", [False, True])
def test_nothing_is_mailed_of_people_whom_a_block_parts(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails, by_the_other: bool
) -> None:
    blocker, blocked = (bob, alice) if by_the_other else (alice, bob)
    say(group, alice, "before the block")
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    later()
    say(group, alice, "after it")
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_one_who_is_blocked_does_not_keep_others_from_being_mailed(
    group: Conversation, alice: User, bob: User, carol: User, mailoutbox: Mails
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    say(group, carol, "unseen")
    say(group, alice, "seen")
    later()
    mail = next(mail for mail in mailoutbox if mail.to == ["bob@example.com"])
    assert "unseen" not in mail.body
    assert "seen" in mail.body


def test_who_was_removed_or_deleted_gets_none(
    group: Conversation, direct: Conversation, alice: User, bob: User, carol: User, mailoutbox: Mails
) -> None:
    give_address(carol)
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    say(group, alice, "one")
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    carol.delete()
    later()
    assert mailoutbox == []


def test_nobody_gets_mail_about_what_they_said(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    say(group, alice, "one")
    say(group, bob, "two")
    later()
    assert to(mailoutbox) == ["alice", "bob"]
    assert ["two" in mail.body for mail in sorted(mailoutbox, key=lambda mail: mail.to)] == [True, False]


def test_what_was_deleted_is_left_out(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    first, second, _ = say(group, alice, "for all", "for bob", "stays")
    type(first).objects.filter(pk=first.pk).update(deleted_at="2026-01-01T00:00Z", text="")
    Hidden.objects.create(message=second, user=bob)
    later()
    [mail] = mailoutbox
    assert "stays" in mail.body
    assert "for bob" not in mail.body
    assert mail.subject.startswith("New message in")


def test_if_all_was_deleted_there_is_no_mail(group: Conversation, alice: User, mailoutbox: Mails) -> None:
    [message] = say(group, alice, "one")
    type(message).objects.update(deleted_at="2026-01-01T00:00Z")
    later()
    assert mailoutbox == []
    assert outcomes() == []


# -- when a notice is there already -----------------------------------------------------------------------------


@pytest.fixture
def noticed(group: Conversation, alice: User, bob: User) -> MailNotice:
    """What Bob gets as soon as somebody delivers it."""
    say(group, alice, "one")
    pass_time()
    look_around()
    return MailNotice.objects.get(done_at=None)


def test_one_who_has_read_it_by_then_gets_none(
    noticed: MailNotice, group: Conversation, bob: User, mailoutbox: Mails
) -> None:
    read(group, bob, 1)
    work()
    assert (mailoutbox, outcomes()) == ([], ["read"])


def test_one_who_is_there_by_then_gets_none_but_later_if_it_stays_unread(
    noticed: MailNotice, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    work()
    assert (mailoutbox, outcomes()) == ([], ["online"])
    go(bob)
    later()
    assert len(mailoutbox) == 1


def test_one_who_was_there_by_then_gets_it_a_quiet_period_after_that(
    noticed: MailNotice, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    go(bob)
    work()
    assert (mailoutbox, outcomes()) == ([], [""])
    later()
    assert len(mailoutbox) == 1
    assert outcomes() == ["sent"]


def test_one_who_has_muted_it_by_then_gets_none(
    noticed: MailNotice, group: Conversation, bob: User, mailoutbox: Mails
) -> None:
    Membership.objects.filter(conversation=group, user=bob).update(muted_until=FOR_EVER)
    work()
    assert (mailoutbox, outcomes()) == ([], ["muted"])


@pytest.mark.parametrize("changes", CHANGES)
def test_one_who_wants_no_mail_by_then_gets_none(
    noticed: MailNotice, bob: User, mailoutbox: Mails, changes: dict[str, object]
) -> None:
    update_account(user_id=bob.pk, changes=changes)
    work()
    assert (mailoutbox, outcomes()) == ([], ["off"])


def test_one_who_is_parted_from_the_sender_by_then_gets_none(
    noticed: MailNotice, alice: User, bob: User, mailoutbox: Mails
) -> None:
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    work()
    assert (mailoutbox, outcomes()) == ([], ["read"])


def test_one_who_has_left_in_the_moment_of_the_claim_gets_none(
    noticed: MailNotice, group: Conversation, alice: User, bob: User
) -> None:
    claimed = claim()
    assert claimed == noticed
    assert claimed is not None
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert judge(claimed) is None


# -- coming and going -------------------------------------------------------------------------------------------


def test_who_goes_right_after_a_message_that_they_have_not_read_gets_mail(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    say(group, alice, "one")
    go(bob)
    work()
    assert mailoutbox == []
    later()
    [mail] = mailoutbox
    assert mail.to == ["bob@example.com"]
    assert not Departure.objects.exists()


def test_who_goes_and_has_read_all_gets_none(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    come(bob)
    say(group, alice, "one")
    say(group, bob, "an answer")
    read(group, bob, 1)
    go(bob)
    later()
    assert mailoutbox == [mail for mail in mailoutbox if mail.to == ["alice@example.com"]]
    assert MailNotice.objects.filter(membership__user=bob).count() == 0


def test_who_looks_in_for_a_moment_gets_the_mail_a_quiet_period_after_that(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    pass_time(200)
    come(bob)
    go(bob)
    pass_time(100)
    work()
    assert mailoutbox == []
    pass_time(199)
    work()
    assert mailoutbox == []
    pass_time(1)
    work()
    assert len(mailoutbox) == 1
    assert outcomes() == ["sent"]


def test_an_invisible_person_who_looks_in_counts_as_there_as_well(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    update_account(user_id=bob.pk, changes={"status": Status.OFFLINE})
    say(group, alice, "one")
    pass_time(200)
    come(bob)
    go(bob)
    pass_time(100)
    work()
    assert mailoutbox == []


def test_who_comes_back_within_the_quiet_period_of_going_gets_none(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    say(group, alice, "one")
    go(bob)
    pass_time(200)
    come(bob)
    later()
    assert mailoutbox == []
    go(bob)
    later()
    assert len(mailoutbox) == 1


def test_who_was_there_when_the_mail_was_due_and_goes_later_with_it_unread_gets_it(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    come(bob)
    later()
    assert mailoutbox == []
    go(bob)
    later()
    assert len(mailoutbox) == 1


def test_going_again_and_again_makes_one_mail(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    say(group, alice, "one")
    for _ in range(5):
        come(bob)
        go(bob)
    for _ in range(3):
        later()
    assert len(mailoutbox) == 1


def test_who_goes_without_wanting_mail_leaves_no_trace(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    update_profile(user_id=bob.pk, mail_messages=False)
    for user in (bob, carol):
        come(user)
        go(user)
    assert not Departure.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_all_who_a_restarted_server_finds_online_count_as_gone(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    say(group, alice, "one")
    reset_presence()
    later()
    assert to(mailoutbox) == ["bob"]


# -- what it costs ----------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(person: Callable[..., User], alice: User) -> Callable[[int], Conversation]:
    """`crowd(50)`: alice's group with so many who are away and want mail."""

    def gather(size: int) -> Conversation:
        people = [User(username=f"guest{size}-{number}", email=f"{number}@example.com") for number in range(size)]
        members = [user.pk for user in User.objects.bulk_create(people)]
        return services.create_conversation(creator_id=alice.pk, kind="group", title="Crowd", members=members)

    return gather


def cost(action: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        action()
    return len(queries)


def test_sending_costs_the_same_however_many_are_away(crowd: Callable[[int], Conversation], alice: User) -> None:
    small, large = crowd(3), crowd(60)
    first = [cost(partial(say, to, alice, "one")) for to in (small, large)]
    again = [cost(partial(say, to, alice, "two")) for to in (small, large)]
    assert first[0] == first[1]
    assert again == [first[0] - 2] * 2  # somebody will look already
    assert DBTaskResult.objects.count() == 2


def test_looking_who_is_away_costs_the_same_however_many(crowd: Callable[[int], Conversation], alice: User) -> None:
    def look(size: int) -> int:
        say(crowd(size), alice, "one")
        pass_time()
        return cost(look_around)

    assert look(3) == look(60)
    assert MailNotice.objects.count() == 63


def test_following_who_went_costs_the_same_however_many(crowd: Callable[[int], Conversation], alice: User) -> None:
    def leave(size: int) -> int:
        group = crowd(size)
        members = list(group.members.exclude(pk=alice.pk))
        User.objects.filter(pk__in=[member.pk for member in members]).update(is_online=True)
        say(group, alice, "one")
        Conversation.objects.update(mail_due_at=None)
        for member in members:
            go(member)
        pass_time()
        return cost(look_around)

    assert leave(2) == leave(20)
    assert MailNotice.objects.count() == 22


def test_tasks_do_not_multiply_and_end_with_the_work(group: Conversation, alice: User) -> None:
    say(group, alice, "one")
    later()
    waiting = DBTaskResult.objects.ready().count()
    later()
    later()
    assert DBTaskResult.objects.ready().count() <= waiting
    pass_time(10_000)
    work()
    assert not DBTaskResult.objects.filter(status="READY").exists()
