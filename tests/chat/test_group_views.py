"""REST of groups: roles, titles, ends; who may, and who may not."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user, deactivate_user, set_presence, set_status, update_profile
from chat.models import Conversation
from tests.accounts.conftest import as_user, error_of
from tests.chat.crowds import ADMIN, MEMBER, OWNER, change, crowd, roles
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
LIST = "/api/conversations/"


def url(conversation: Conversation, *rest: object) -> str:
    return "/".join(map(str, [LIST.rstrip("/"), conversation.pk, *rest])) + "/"


def of_members(conversation: Conversation, user: User) -> list[tuple[str, str, Any]]:
    """What else there is to ask for: method, address, a good body."""
    return [
        ("patch", url(conversation), {"title": "x"}),
        ("delete", url(conversation), None),
        ("patch", url(conversation, "members", user.pk), {"role": "admin"}),
        ("patch", url(conversation, "me"), {"pinned": True}),
    ]


def test_without_a_token_nothing_is_there(group: Conversation, alice: User, stranger: Any) -> None:
    for method, address, body in of_members(group, alice):
        assert error_of(getattr(stranger, method)(address, body)) == (401, "AUTH_REQUIRED")


def test_for_a_stranger_a_group_does_not_exist(group: Conversation, carol: User) -> None:
    for conversation in (group, Conversation(pk=uuid7())):
        for method, address, body in of_members(conversation, carol):
            assert error_of(getattr(as_user(carol), method)(address, body)) == (404, "NOT_FOUND")
    assert Conversation.objects.filter(pk=group.pk, title="Trip").exists()


@pytest.mark.parametrize("is_blocker", [True, False])
def test_across_a_block_a_member_is_a_name_and_a_picture_and_nothing_more(
    group: Conversation, direct: Conversation, alice: User, bob: User, is_blocker: bool
) -> None:
    update_profile(user_id=bob.pk, display_name="Bob B.", avatar="https://example.com/bob.png")
    set_presence(user_id=bob.pk, online=True)
    set_status(user_id=bob.pk, status="busy", text="Writing")
    block_user(**dict(zip(("blocker_id", "blocked_id"), (alice.pk, bob.pk)[:: 1 if is_blocker else -1], strict=True)))
    client = as_user(alice)
    listed = [member for one in client.get(LIST).json()["results"] for member in one["members"]]
    for conversation in (group, direct):
        listed += client.get(url(conversation)).json()["members"]
        listed += client.get(url(conversation, "members")).json()["results"]
    shown = [member for member in listed if member["userId"] == str(bob.pk)]
    assert len(shown) == 6
    for member in shown:
        assert sorted(member) == ["avatar", "isOnline", "joinedAt", "joinedPosition", "name", "role", "userId"]
        assert (member["name"], member["avatar"]) == ("Bob B.", "https://example.com/bob.png")
        assert member["isOnline"] is False
    assert error_of(client.get(f"/api/users/{bob.pk}/")) == (404, "NOT_FOUND")


def test_the_owner_gives_roles_and_the_group(alice: User, bob: User, carol: User) -> None:
    group = crowd(alice, members=(bob, carol))
    answer = as_user(alice).patch(url(group, "members", bob.pk), {"role": "admin"})
    assert answer.status_code == 200
    assert (answer.json()["userId"], answer.json()["role"]) == (str(bob.pk), "admin")
    assert as_user(alice).patch(url(group, "members", carol.pk), {"role": "owner"}).json()["role"] == "owner"
    assert roles(group) == {"alice": ADMIN, "bob": ADMIN, "carol": OWNER}
    assert as_user(carol).patch(url(group, "members", alice.pk), {"role": "member"}).json()["role"] == "member"


def test_nobody_else_gives_roles(alice: User, bob: User, carol: User) -> None:
    group = crowd(alice, admins=(bob,), members=(carol,))
    for actor in (bob, carol):
        for role in ("owner", "admin", "member"):
            answer = as_user(actor).patch(url(group, "members", actor.pk), {"role": role})
            assert error_of(answer) == (403, "FORBIDDEN")
    assert roles(group) == {"alice": OWNER, "bob": ADMIN, "carol": MEMBER}


@pytest.mark.parametrize(
    "body", [{}, [], {"role": "king"}, {"role": None}, {"role": ["admin"]}, {"role": "admin", "x": 1}]
)
def test_a_bad_role_is_refused(group: Conversation, alice: User, bob: User, body: Any) -> None:
    assert error_of(as_user(alice).patch(url(group, "members", bob.pk), body)) == (400, "INVALID_PAYLOAD")


def test_a_role_that_cannot_be_is_refused(group: Conversation, alice: User, bob: User, carol: User) -> None:
    client = as_user(alice)
    answer = client.patch(url(group, "members", alice.pk), {"role": "member"})
    assert error_of(answer) == (400, "INVALID_PAYLOAD")
    assert list(answer.json()["details"]) == ["role"]
    assert error_of(client.patch(url(group, "members", carol.pk), {"role": "admin"})) == (404, "NOT_FOUND")
    deactivate_user(user_id=bob.pk)
    assert error_of(client.patch(url(group, "members", bob.pk), {"role": "owner"})) == (400, "INVALID_PAYLOAD")


def test_a_group_gets_another_title_from_its_admins(alice: User, bob: User, carol: User) -> None:
    group = crowd(alice, admins=(bob,), members=(carol,))
    answer = as_user(bob).patch(url(group), {"title": " Choir "})
    assert answer.status_code == 200
    assert answer.json() == as_user(bob).get(url(group)).json()
    assert answer.json()["title"] == "Choir"
    assert error_of(as_user(carol).patch(url(group), {"title": "x"})) == (403, "FORBIDDEN")
    assert as_user(alice).patch(url(group), {"title": ""}).json()["title"] == ""


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"title": None},
        {"title": "x" * 201},
        {"title": "a\x00"},
        {"title": "x", "kind": "direct"},
    ],
)
def test_a_bad_title_is_refused(group: Conversation, alice: User, body: Any) -> None:
    answer = as_user(alice).patch(url(group), body)
    assert error_of(answer) == (400, "INVALID_PAYLOAD")
    assert Conversation.objects.get().title == "Trip"


def test_the_owner_ends_a_group_for_all(alice: User, bob: User, carol: User) -> None:
    group = crowd(alice, admins=(bob,), members=(carol,))
    say(group, bob, "x")
    for actor in (bob, carol):
        assert error_of(as_user(actor).delete(url(group))) == (403, "FORBIDDEN")
    assert as_user(alice).delete(url(group)).status_code == 204
    for actor in (alice, bob, carol):
        assert error_of(as_user(actor).get(url(group))) == (404, "NOT_FOUND")
        assert error_of(as_user(actor).delete(url(group))) == (404, "NOT_FOUND")


def test_a_direct_conversation_has_no_title_no_roles_and_no_end(direct: Conversation, alice: User, bob: User) -> None:
    for actor in (alice, bob):
        for method, address, body in of_members(direct, bob)[:3]:
            assert error_of(getattr(as_user(actor), method)(address, body)) == (400, "INVALID_PAYLOAD")
    assert set(roles(direct)) == {"alice", "bob"}


def test_admins_let_in_and_take_out_members(alice: User, bob: User, carol: User, person: Any) -> None:
    group = crowd(alice, admins=(bob, carol))
    dora, admin = person("dora"), as_user(bob)
    assert admin.post(url(group, "members"), {"userId": str(dora.pk)}).status_code == 201
    assert error_of(admin.delete(url(group, "members", carol.pk))) == (403, "FORBIDDEN")
    assert error_of(admin.delete(url(group, "members", alice.pk))) == (403, "FORBIDDEN")
    assert admin.delete(url(group, "members", dora.pk)).status_code == 204
    change(alice, group, bob, MEMBER)
    assert error_of(admin.post(url(group, "members"), {"userId": str(dora.pk)})) == (403, "FORBIDDEN")


def test_the_last_one_out_ends_the_group(group: Conversation, alice: User, bob: User) -> None:
    for user in (alice, bob):
        assert as_user(user).delete(url(group, "members", user.pk)).status_code == 204
    assert not Conversation.objects.exists()


def test_the_members_come_in_pages_with_their_roles(alice: User, bob: User, carol: User) -> None:
    group = crowd(alice, admins=(bob,), members=(carol,))
    page, found = url(group, "members") + "?limit=2", []
    while page:
        body = as_user(carol).get(page).json()
        found += [(member["name"], member["role"]) for member in body["results"]]
        page = body["next"]
    assert found == [("Alice A.", "owner"), ("bob", "admin"), ("carol", "member")]
