"""The chat's admin, whose changes reach live connections like any other."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from chat import services
from chat.models import Conversation, Membership
from realtime.publishing import Admit, Evict, Intent
from tests.chat.talk import say

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(admin_user: User) -> Client:
    """The browser of somebody who may do everything."""
    client = Client()
    client.force_login(admin_user)
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:chat_{name}", args=args)


def form(group: Conversation, *, delete: User | None = None, add: User | None = None) -> dict[str, str]:
    members = list(group.memberships.order_by("id"))
    body = {"kind": group.kind, "title": group.title, "memberships-INITIAL_FORMS": str(len(members))}
    for number, member in enumerate(members):
        body |= {
            f"memberships-{number}-id": str(member.pk),
            f"memberships-{number}-conversation": str(group.pk),
            f"memberships-{number}-user": str(member.user_id),
            f"memberships-{number}-role": member.role,
        }
        if delete is not None and member.user_id == delete.pk:
            body[f"memberships-{number}-DELETE"] = "on"
    if add is not None:
        number = len(members)
        body |= {f"memberships-{number}-user": str(add.pk), f"memberships-{number}-role": "member"}
    return body | {"memberships-TOTAL_FORMS": str(len(members) + (add is not None))}


def test_every_list_opens_and_can_be_searched(desk: Client, group: Conversation, alice: User) -> None:
    say(group, alice, "hello there")
    for model, query in (("conversation", group.title), ("conversation", "alice"), ("message", "hello")):
        response = desk.get(page(f"{model}_changelist"), {"q": query})
        assert response.status_code == 200
        assert response.context["cl"].result_count == 1
        assert desk.get(page(f"{model}_changelist"), {"q": "nowhere"}).context["cl"].result_count == 0


def test_a_conversation_shows_how_many_are_in_it_whatever_was_searched(desk: Client, group: Conversation) -> None:
    content = desk.get(page("conversation_changelist"), {"q": "alice"}).content.decode()
    assert "field-member_count" in content
    listed = desk.get(page("conversation_changelist")).context["cl"].queryset.get()
    assert listed.member_count == 2


def test_who_is_added_is_let_in_and_who_is_taken_out_is_put_out(
    desk: Client, group: Conversation, bob: User, carol: User, published: list[Intent]
) -> None:
    response = desk.post(page("conversation_change", group.pk), form(group, delete=bob, add=carol))
    assert response.status_code == 302, response.content.decode()
    assert set(group.memberships.values_list("user__username", flat=True)) == {"alice", "carol"}
    assert [intent.user for intent in published if isinstance(intent, Admit)] == [str(carol.pk)]
    assert [intent.user for intent in published if isinstance(intent, Evict)] == [str(bob.pk)]


def test_a_member_twice_is_told_as_an_error(desk: Client, group: Conversation, bob: User) -> None:
    assert desk.post(page("conversation_change", group.pk), form(group, add=bob)).status_code == 200
    assert group.memberships.count() == 2


def test_nobody_puts_words_into_a_mouth_but_staff_may_delete_them(
    desk: Client, group: Conversation, alice: User
) -> None:
    message = say(group, alice, "regretted")[0]
    assert desk.get(page("message_add")).status_code == 403
    assert desk.get(page("message_change", message.pk)).status_code == 200  # to be read
    assert desk.post(page("message_change", message.pk), {"text": "other words"}).status_code == 403
    assert desk.post(page("message_delete", message.pk), {"post": "yes"}).status_code == 302
    message.refresh_from_db()
    assert (message.text, message.deleted_at is None) == ("", False)


def test_staff_without_the_permission_and_people_who_are_no_staff_see_nothing(
    group: Conversation, alice: User, bob: User
) -> None:
    bob.is_staff = True
    bob.save()
    lists = [page("conversation_changelist"), page("message_changelist")]
    for user, status in ((alice, 302), (bob, 403)):
        client = Client()
        client.force_login(user)
        assert [client.get(address).status_code for address in lists] == [status, status]
    bob.user_permissions.add(Permission.objects.get(codename="view_message"))
    client = Client()
    client.force_login(bob)
    assert [client.get(address).status_code for address in lists] == [403, 200]


def test_lists_take_the_same_number_of_queries_for_one_as_for_many(
    desk: Client,
    group: Conversation,
    alice: User,
    person: Callable[..., User],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    say(group, alice, "x")
    for number in range(10):
        user = person(f"guest-{number}")
        other = services.create_conversation(creator_id=alice.pk, kind="direct", members=[user.pk])
        say(other, user, "y")
    assert Membership.objects.count() == 22
    for model in ("conversation", "message"):
        with django_assert_max_num_queries(9):
            desk.get(page(f"{model}_changelist"))
