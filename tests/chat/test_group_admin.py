"""Groups in the admin: roles, filters, and the end of a conversation."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import User
from chat.events import ConversationUpdated, MemberRemoved
from chat.models import Conversation, Membership
from realtime.publishing import Intent, Push
from tests.chat.crowds import ADMIN, MEMBER, OWNER, crowd, roles
from tests.chat.talk import say
from tests.chat.test_admin import desk, form, page

__all__ = ["desk"]

pytestmark = pytest.mark.django_db
LIST = "admin:chat_conversation_changelist"


def save(desk: Client, group: Conversation, body: dict[str, str]) -> None:
    response = desk.post(page("conversation_change", group.pk), body)
    assert response.status_code == 302, response.content.decode()


def with_roles(group: Conversation, **wanted: str) -> dict[str, str]:
    """The form with other roles chosen."""
    body = form(group)
    for number, member in enumerate(group.memberships.order_by("id").select_related("user")):
        body[f"memberships-{number}-role"] = wanted.get(member.user.username, member.role)
    return body


@pytest.fixture
def group(alice: User, bob: User, carol: User) -> Conversation:
    """Alice's with two members."""
    return crowd(alice, members=(bob, carol))


def test_a_role_is_changed_and_told(desk: Client, group: Conversation, published: list[Intent]) -> None:
    save(desk, group, with_roles(group, bob=ADMIN))
    assert roles(group) == {"alice": OWNER, "bob": ADMIN, "carol": MEMBER}
    (push,) = published
    assert isinstance(push, Push)
    assert isinstance(push.event, ConversationUpdated)


@pytest.mark.parametrize(
    ("wanted", "outcome"),
    [
        ({"bob": OWNER}, {"alice": ADMIN, "bob": OWNER, "carol": MEMBER}),
        ({"alice": MEMBER, "carol": OWNER}, {"alice": MEMBER, "bob": MEMBER, "carol": OWNER}),
        ({"alice": MEMBER}, {"alice": MEMBER, "bob": OWNER, "carol": MEMBER}),
        ({"alice": MEMBER, "carol": ADMIN}, {"alice": MEMBER, "bob": OWNER, "carol": ADMIN}),
    ],
)
def test_whatever_is_chosen_a_group_has_one_owner(
    desk: Client, group: Conversation, wanted: dict[str, str], outcome: dict[str, str]
) -> None:
    save(desk, group, with_roles(group, **wanted))
    assert roles(group) == outcome


def test_an_owner_who_is_taken_out_as_another_is_chosen_has_that_heir(
    desk: Client, group: Conversation, alice: User
) -> None:
    save(desk, group, form(group, delete=alice) | {"memberships-2-role": OWNER})
    assert roles(group) == {"bob": MEMBER, "carol": OWNER}


def test_nobody_becomes_somebody_else(desk: Client, group: Conversation, alice: User, admin_user: User) -> None:
    save(desk, group, with_roles(group) | {"memberships-1-user": str(admin_user.pk)})
    assert set(roles(group)) == {"alice", "bob", "carol"}


def test_a_new_member_begins_with_nothing_unread(
    desk: Client, group: Conversation, alice: User, admin_user: User
) -> None:
    say(group, alice, "x", "y")
    save(desk, group, form(group, add=admin_user))
    added = group.memberships.get(user=admin_user)
    assert (added.role, added.read_position) == (MEMBER, 2)


def test_a_title_is_told_and_positions_are_left_alone(
    desk: Client, group: Conversation, alice: User, published: list[Intent]
) -> None:
    Conversation.objects.filter(pk=group.pk).update(last_position=7)
    save(desk, group, form(group) | {"title": "Another"})
    group.refresh_from_db()
    assert (group.title, group.last_position, group.kind) == ("Another", 7, "group")
    (push,) = published
    assert isinstance(push, Push)
    assert isinstance(push.event, ConversationUpdated)
    assert push.event.title == "Another"


def test_staff_begin_groups(desk: Client, alice: User, bob: User, admin_user: User) -> None:
    body = {"kind": "direct", "title": "New", "memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "0"}
    for number, (user, role) in enumerate([(alice, MEMBER), (bob, OWNER)]):
        body |= {f"memberships-{number}-user": str(user.pk), f"memberships-{number}-role": role}
    assert desk.post(page("conversation_add"), body).status_code == 302
    made = Conversation.objects.get(title="New")
    assert (made.kind, made.created_by, roles(made)) == ("group", admin_user, {"alice": MEMBER, "bob": OWNER})


def test_nobody_comes_to_a_direct_conversation(desk: Client, direct: Conversation, carol: User, bob: User) -> None:
    save(desk, direct, form(direct, delete=bob, add=carol))
    assert set(roles(direct)) == {"alice", "bob"}


@pytest.mark.parametrize("action", ["end_conversations", "delete_selected"])
def test_conversations_are_ended_for_all(
    desk: Client, group: Conversation, direct: Conversation, alice: User, published: list[Intent], action: str
) -> None:
    say(group, alice, "x")
    published.clear()
    body = {"action": action, "_selected_action": [str(group.pk), str(direct.pk)], "post": "yes"}
    assert desk.post(reverse(LIST), body).status_code == 302
    assert not Conversation.objects.exists()
    told = [intent.event for intent in published if isinstance(intent, Push)]
    assert [type(event) for event in told] == [MemberRemoved] * 5
    entries = LogEntry.objects.filter(action_flag=DELETION, user__username="admin")
    assert set(entries.values_list("object_id", flat=True)) == {str(group.pk), str(direct.pk)}


def test_one_conversation_is_deleted_by_its_button(desk: Client, group: Conversation) -> None:
    assert desk.post(page("conversation_delete", group.pk), {"post": "yes"}).status_code == 302
    assert not Membership.objects.exists()


def test_conversations_are_filtered_by_kind_and_by_how_many_are_in_them(
    desk: Client, group: Conversation, direct: Conversation
) -> None:
    empty = Conversation.objects.create(kind="group", title="Empty")

    def listed(**query: str) -> set[Conversation]:
        return set(desk.get(reverse(LIST), query).context["cl"].queryset)

    assert listed() == {group, direct, empty}
    assert listed(kind="direct") == {direct}
    assert listed(members="0") == {empty}
    assert listed(members="1") == listed(members="50") == set()
    assert listed(members="2") == {group, direct}
    assert listed(q="Alice A.") == {group, direct}


def test_the_list_names_the_owner(desk: Client, group: Conversation) -> None:
    Conversation.objects.create(kind="group", title="Empty")
    owners = {found.title: found.owner for found in desk.get(reverse(LIST)).context["cl"].queryset}
    assert owners == {"Crowd": "alice", "Empty": None}
