"""What mail costs: nothing that grows with a conversation on the road of a message, and no heap of tasks."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from chat import services
from chat.models import Conversation, MailNotice
from chat.services.notices import look_around
from tests.chat.mailing import give_address, go, later, pass_time, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def address(bob: User) -> None:
    """Bob's; alice has one anyway."""
    give_address(bob)


@pytest.fixture
def crowd(person: Callable[..., User], alice: User) -> Callable[[int], Conversation]:
    """`crowd(50)`: alice's group with so many who are away and want mail."""

    def gather(size: int) -> Conversation:
        addresses = [f"guest{size}-{number}@example.com" for number in range(size)]
        people = [User(username=one.partition("@")[0], email=one, confirmed_email=one) for one in addresses]
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
