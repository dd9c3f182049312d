"""What REST, the socket and the admin share: rates, and forms of any size."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from chat import services
from chat.models import Conversation
from realtime.testing import CallError, Client
from tests.accounts.conftest import as_user, error_of
from tests.chat.talk import say


@pytest.mark.django_db(transaction=True)
def test_messages_over_rest_and_over_the_socket_count_together(
    connect: Callable[..., Client], group: Conversation, alice: User, bob: User
) -> None:
    socket, rest, path = connect(alice), as_user(alice), f"/api/conversations/{group.pk}/messages/"
    for _ in range(15):
        socket.call("message.send", {"conversationId": str(group.pk), "text": "hi"})
        assert rest.post(path, {"text": "hi"}).status_code == 201
    assert error_of(rest.post(path, {"text": "hi"})) == (429, "RATE_LIMITED")
    with pytest.raises(CallError) as refused:
        socket.call("message.send", {"conversationId": str(group.pk), "text": "hi"})
    assert refused.value.code == "RATE_LIMITED"
    assert group.messages.count() == 30
    assert as_user(bob).post(path, {"text": "hi"}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_what_is_said_over_rest_is_heard_on_the_socket_by_members_alone(
    connect: Callable[..., Client], group: Conversation, alice: User, bob: User, carol: User
) -> None:
    member, other = connect(bob), connect(carol)
    made = as_user(alice).post(f"/api/conversations/{group.pk}/messages/", {"text": "hi"}).json()
    assert member.expect("message.new") == made
    other.hears_nothing("message.new")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{"text": "x", "more": 1}, {"text": "x", "temp_id": "t"}, {"text": "x", "tempId": ""}])
def test_unknown_or_empty_fields_of_a_message_are_refused(
    group: Conversation, alice: User, body: dict[str, object]
) -> None:
    answer = as_user(alice).post(f"/api/conversations/{group.pk}/messages/", body)
    assert error_of(answer) == (400, "INVALID_PAYLOAD")
    assert not group.messages.exists()


def queries_of(browser: Browser, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(path).status_code == 200
    return len(queries)


@pytest.fixture
def browser(admin_user: User) -> Browser:
    browser = Browser()
    browser.force_login(admin_user)
    return browser


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["conversation", "message"])
def test_a_list_of_the_admin_takes_as_many_queries_for_one_row_as_for_many(
    browser: Browser, group: Conversation, alice: User, person: Callable[..., User], model: str
) -> None:
    say(group, alice, "hi")
    path = reverse(f"admin:chat_{model}_changelist")
    queries_of(browser, path)  # which fills caches of content types
    before = queries_of(browser, path)
    for number in range(5):
        user = person(f"guest{number}")
        say(services.create_conversation(creator_id=alice.pk, kind="direct", members=[user.pk]), user, "hi", "ho")
    assert queries_of(browser, path) == before


@pytest.mark.django_db
def test_a_conversation_in_the_admin_takes_as_many_queries_for_one_member_as_for_many(
    browser: Browser, group: Conversation, alice: User, person: Callable[..., User]
) -> None:
    path = reverse("admin:chat_conversation_change", args=[group.pk])
    queries_of(browser, path)
    before = queries_of(browser, path)
    for number in range(5):
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=person(f"guest{number}").pk)
    assert queries_of(browser, path) == before


@pytest.mark.django_db
def test_an_owner_who_is_taken_out_in_the_admin_hands_the_group_over(
    browser: Browser, group: Conversation, alice: User, bob: User
) -> None:
    body = {"kind": "group", "title": "", "memberships-INITIAL_FORMS": "2", "memberships-TOTAL_FORMS": "2"}
    for number, member in enumerate(group.memberships.order_by("id")):
        name = f"memberships-{number}"
        body |= {f"{name}-id": str(member.pk), f"{name}-conversation": str(group.pk)}
        body |= {f"{name}-user": str(member.user_id), f"{name}-role": member.role}
    body["memberships-0-DELETE"] = "on"
    path = reverse("admin:chat_conversation_change", args=[group.pk])
    assert browser.post(path, body).status_code == 302
    assert group.memberships.get().user == bob
    assert group.memberships.get().role == "owner"
