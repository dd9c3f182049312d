"""The admin of accounts."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from accounts import services, tokens
from accounts.admin import UserAdmin
from accounts.models import Block, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

PROFILE = {
    "username": "alice",
    "display_name": "Alice A.",
    "email": "alice@example.com",
    "is_active": "on",
    "mail_messages": "on",
}


@pytest.fixture
def desk(admin_user: User) -> Client:
    """The browser of somebody who may do everything."""
    client = Client()
    client.force_login(admin_user)
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


@pytest.mark.parametrize("model", ["accounts_user", "accounts_block", "auth_group"])
def test_every_list_opens_and_can_be_searched_and_added_to(desk: Client, alice: User, bob: User, model: str) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert desk.get(page(f"{model}_changelist"), {"q": "alice"}).status_code == 200
    assert desk.get(page(f"{model}_add")).status_code == 200


def test_an_account_is_made(desk: Client) -> None:
    body = {"username": "carol", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert desk.post(page("accounts_user_add"), body).status_code == 302
    assert User.objects.get(username="carol").check_password(PASSWORD)


def test_a_name_that_is_taken_in_another_case_is_told(desk: Client, alice: User) -> None:
    body = {"username": "ALICE", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    response = desk.post(page("accounts_user_add"), body)
    assert response.status_code == 200
    assert User.objects.filter(username="ALICE").count() == 0


def test_a_form_changes_an_account(desk: Client, alice: User) -> None:
    assert desk.get(page("accounts_user_change", alice.pk)).status_code == 200
    body = PROFILE | {"display_name": "Al", "wallet_address": "0x" + "A" * 40}
    assert desk.post(page("accounts_user_change", alice.pk), body).status_code == 302
    alice.refresh_from_db()
    assert (alice.display_name, alice.wallet_address) == ("Al", "0x" + "a" * 40)


def test_a_form_does_not_undo_what_happened_since_it_was_read(
    rf: RequestFactory, admin_user: User, alice: User
) -> None:
    desk, request = UserAdmin(User, admin.site), rf.post("/")
    request.user = admin_user
    form = desk.get_form(request, alice)(PROFILE | {"display_name": "Al"}, instance=alice)
    assert form.is_valid()
    services.log_out_everywhere(user_id=alice.pk)
    desk.save_model(request, alice, form, change=True)
    alice.refresh_from_db()
    assert (alice.display_name, alice.token_generation) == ("Al", 1)


def test_an_account_that_is_shut_in_the_form_loses_its_tokens(desk: Client, alice: User) -> None:
    body = {name: value for name, value in PROFILE.items() if name != "is_active"}
    assert desk.post(page("accounts_user_change", alice.pk), body).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_active, alice.token_generation) == (False, 1)


def test_a_password_set_in_the_admin_ends_every_older_token(desk: Client, alice: User) -> None:
    before = tokens.fingerprint(alice)
    body = {"password1": "another-Secret-43", "password2": "another-Secret-43", "usable_password": "true"}
    path = page("auth_user_password_change", alice.pk)
    assert desk.get(path).status_code == 200
    assert desk.post(path, body).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("another-Secret-43")
    assert tokens.fingerprint(alice) != before


@pytest.mark.parametrize(("action", "is_active"), [("log_out_everywhere", True), ("deactivate", False)])
def test_the_actions_end_the_tokens_of_those_who_were_chosen(
    desk: Client, alice: User, bob: User, action: str, is_active: bool
) -> None:
    body = {"action": action, "_selected_action": [str(alice.pk)]}
    assert desk.post(page("accounts_user_changelist"), body).status_code == 302
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.is_active, alice.token_generation) == (is_active, 1)
    assert (bob.is_active, bob.token_generation) == (True, 0)
    entry = LogEntry.objects.get(action_flag=CHANGE, user__username="admin")
    assert (entry.object_id, bool(entry.change_message)) == (str(alice.pk), True)


def test_who_may_only_look_can_do_neither(alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_user"))
    client = Client()
    client.force_login(bob)
    body = {"action": "deactivate", "_selected_action": [str(alice.pk)]}
    client.post(page("accounts_user_changelist"), body)
    assert client.post(page("accounts_user_change", alice.pk), PROFILE).status_code == 403
    alice.refresh_from_db()
    assert alice.is_active


def test_blocks_are_made_and_taken_back(desk: Client, alice: User, bob: User) -> None:
    body = {"blocker": str(alice.pk), "blocked": str(bob.pk)}
    assert desk.post(page("accounts_block_add"), body).status_code == 302
    block = Block.objects.get()
    assert desk.post(page("accounts_block_delete", block.pk), {"post": "yes"}).status_code == 302
    assert not Block.objects.exists()


def test_no_more_blocks_are_made_than_there_may_be(desk: Client, alice: User, bob: User, settings: Settings) -> None:
    settings.ACCOUNTS_MAX_BLOCKS = 0
    answer = desk.post(page("accounts_block_add"), {"blocker": str(alice.pk), "blocked": str(bob.pk)})
    assert answer.status_code == 200
    assert "take a block back first" in answer.content.decode()
    assert not Block.objects.exists()


def test_many_blocks_are_taken_back_at_once(desk: Client, alice: User, bob: User) -> None:
    block = services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    body = {"action": "delete_selected", "_selected_action": [str(block.pk)], "post": "yes"}
    assert desk.post(page("accounts_block_changelist"), body).status_code == 302
    assert not Block.objects.exists()


def test_a_block_against_oneself_is_told(desk: Client, alice: User) -> None:
    body = {"blocker": str(alice.pk), "blocked": str(alice.pk)}
    response = desk.post(page("accounts_block_add"), body)
    assert response.status_code == 200
    assert b"Nobody can block themselves." in response.content
