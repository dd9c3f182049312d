"""Who may do what in a group, and whose it is, whatever road its people come and go."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import block_user, deactivate_user, update_account
from chat import services
from chat.models import Conversation, Membership, Message
from tests.chat.crowds import ADMIN, MEMBER, OWNER, add, change, crowd, end, leave, remove, rename, roles
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Person = Callable[..., User]


@pytest.fixture
def dora(person: Person) -> User:
    return person("dora")


@pytest.fixture
def emil(person: Person) -> User:
    return person("emil")


@pytest.fixture
def many(alice: User, bob: User, carol: User, dora: User) -> Conversation:
    """Alice's; Bob and Carol are admins, Dora a member."""
    return crowd(alice, admins=(bob, carol), members=(dora,))


# -- what each may -------------------------------------------------------------------------------


def test_the_owner_makes_admins_and_members(many: Conversation, alice: User, bob: User, dora: User) -> None:
    assert change(alice, many, dora, ADMIN).role == ADMIN
    assert change(alice, many, bob, MEMBER).role == MEMBER
    assert change(alice, many, bob, MEMBER).role == MEMBER  # again
    assert roles(many) == {"alice": OWNER, "bob": MEMBER, "carol": ADMIN, "dora": ADMIN}


def test_a_group_is_given_away_and_its_owner_becomes_an_admin(many: Conversation, alice: User, dora: User) -> None:
    assert change(alice, many, dora, OWNER).role == OWNER
    assert roles(many) == {"alice": ADMIN, "bob": ADMIN, "carol": ADMIN, "dora": OWNER}
    with pytest.raises(PermissionDenied):
        change(alice, many, alice, OWNER)


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_nobody_but_the_owner_gives_roles(
    many: Conversation, alice: User, bob: User, carol: User, dora: User, emil: User, role: str
) -> None:
    before = roles(many)
    for actor in (bob, dora):
        for user in (alice, bob, carol, dora):
            with pytest.raises(PermissionDenied):
                change(actor, many, user, role)
    for user in (alice, emil):
        with pytest.raises(Conversation.DoesNotExist):
            change(emil, many, user, role)
    assert roles(many) == before


def test_the_owner_cannot_just_stop_nor_invent_roles(many: Conversation, alice: User, bob: User, emil: User) -> None:
    for role in (ADMIN, MEMBER):
        with pytest.raises(ValidationError) as refused:
            change(alice, many, alice, role)
        assert list(refused.value.message_dict) == ["role"]
    assert change(alice, many, alice, OWNER).role == OWNER
    with pytest.raises(ValidationError):
        change(alice, many, bob, "king")
    with pytest.raises(Membership.DoesNotExist):
        change(alice, many, emil, ADMIN)
    deactivate_user(user_id=bob.pk)
    with pytest.raises(ValidationError):
        change(alice, many, bob, OWNER)


def test_an_admin_lets_in_whom_the_admin_can_reach(many: Conversation, bob: User, dora: User, emil: User) -> None:
    with pytest.raises(PermissionDenied):
        add(dora, many, emil)
    block_user(blocker_id=emil.pk, blocked_id=bob.pk)
    with pytest.raises(User.DoesNotExist):
        add(bob, many, emil)
    emil.blocks_made.all().delete()
    assert add(bob, many, emil).role == MEMBER


def test_an_admin_takes_out_plain_members_alone(
    many: Conversation, alice: User, bob: User, carol: User, dora: User
) -> None:
    for user in (alice, carol):
        with pytest.raises(PermissionDenied):
            remove(bob, many, user)
    for user in (alice, bob, carol):
        with pytest.raises(PermissionDenied):
            remove(dora, many, user)
    remove(bob, many, dora)
    leave(bob, many)
    remove(alice, many, carol)
    assert roles(many) == {"alice": OWNER}


def test_the_title_is_given_by_the_owner_and_the_admins(
    many: Conversation, alice: User, bob: User, dora: User, emil: User
) -> None:
    assert rename(bob, many, " Choir ").title == "Choir"
    assert rename(alice, many, "").title == ""
    with pytest.raises(PermissionDenied):
        rename(dora, many)
    with pytest.raises(Conversation.DoesNotExist):
        rename(emil, many)
    for title in ("x" * 201, "nul\x00"):
        with pytest.raises(ValidationError) as refused:
            rename(bob, many, title)
        assert list(refused.value.message_dict) == ["title"]
    many.refresh_from_db()
    assert many.title == ""


def test_the_owner_ends_a_group_and_nothing_is_left(many: Conversation, alice: User, bob: User, emil: User) -> None:
    say(many, alice, "x", "y")
    with pytest.raises(PermissionDenied):
        end(bob, many)
    with pytest.raises(Conversation.DoesNotExist):
        end(emil, many)
    end(alice, many)
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    with pytest.raises(Conversation.DoesNotExist):
        end(alice, many)


def test_a_direct_conversation_knows_no_roles_no_title_and_no_end(direct: Conversation, alice: User, bob: User) -> None:
    for actor, other in ((alice, bob), (bob, alice)):
        for attempt in (
            lambda actor=actor, other=other: change(actor, direct, other, ADMIN),
            lambda actor=actor, other=other: add(actor, direct, other),
            lambda actor=actor: rename(actor, direct),
            lambda actor=actor: end(actor, direct),
            lambda actor=actor: leave(actor, direct),
        ):
            with pytest.raises(ValidationError):
                attempt()
    assert roles(direct) == {"alice": OWNER, "bob": MEMBER}


def test_who_comes_back_comes_as_a_member_for_whom_nothing_is_unread(
    many: Conversation, alice: User, bob: User
) -> None:
    remove(alice, many, bob)
    say(many, alice, "x", "y", "z")
    back = add(alice, many, bob)
    assert (back.role, back.read_position, back.delivered_position) == (MEMBER, 3, 3)


# -- whose it is then --------------------------------------------------------------------------------


def test_a_group_goes_to_the_admin_who_was_in_it_first_then_to_members(
    alice: User, bob: User, carol: User, dora: User, emil: User
) -> None:
    group = crowd(alice, members=(bob,))
    for user in (carol, dora, emil):
        add(alice, group, user)
    change(alice, group, emil, ADMIN)
    change(alice, group, dora, ADMIN)
    leave(alice, group)
    assert roles(group) == {"bob": MEMBER, "carol": MEMBER, "dora": OWNER, "emil": ADMIN}
    leave(dora, group)
    assert roles(group) == {"bob": MEMBER, "carol": MEMBER, "emil": OWNER}
    leave(emil, group)
    assert roles(group) == {"bob": OWNER, "carol": MEMBER}


def test_the_last_to_leave_ends_the_group(group: Conversation, alice: User, bob: User) -> None:
    say(group, alice, "x")
    leave(alice, group)
    assert Conversation.objects.filter(pk=group.pk).exists()
    leave(bob, group)
    assert not Conversation.objects.filter(pk=group.pk).exists()
    assert not Message.objects.exists()


def test_a_closed_account_inherits_nothing_while_an_open_one_is_there(
    many: Conversation, alice: User, bob: User, carol: User, dora: User
) -> None:
    for user in (bob, carol):
        deactivate_user(user_id=user.pk)
    leave(alice, many)
    assert roles(many) == {"bob": ADMIN, "carol": ADMIN, "dora": OWNER}
    leave(dora, many)
    assert roles(many) == {"bob": OWNER, "carol": ADMIN}  # somebody must


def test_who_is_deactivated_hands_over_and_may_be_taken_out(
    many: Conversation, direct: Conversation, alice: User, bob: User, carol: User, dora: User
) -> None:
    deactivate_user(user_id=alice.pk)
    assert roles(many) == {"alice": ADMIN, "bob": OWNER, "carol": ADMIN, "dora": MEMBER}
    assert roles(direct) == {"alice": OWNER, "bob": MEMBER}  # it means nothing there
    update_account(user_id=alice.pk, changes={"is_active": True})
    assert roles(many)["bob"] == OWNER
    deactivate_user(user_id=alice.pk)
    remove(bob, many, alice)
    assert "alice" not in roles(many)


def test_a_group_of_closed_accounts_goes_to_the_first_that_is_opened_again(
    group: Conversation, alice: User, bob: User
) -> None:
    for user in (bob, alice):
        deactivate_user(user_id=user.pk)
    assert roles(group) == {"alice": OWNER, "bob": MEMBER}
    update_account(user_id=bob.pk, changes={"is_active": True})
    assert roles(group) == {"alice": ADMIN, "bob": OWNER}


def test_the_direct_conversation_of_a_deactivated_person_stays_to_be_read(
    direct: Conversation, alice: User, bob: User
) -> None:
    say(direct, bob, "bye")
    deactivate_user(user_id=bob.pk)
    with pytest.raises(ValidationError):
        services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    assert roles(direct) == {"alice": OWNER, "bob": MEMBER}


def test_a_deleted_owner_leaves_an_heir(many: Conversation, alice: User) -> None:
    alice.delete()
    assert roles(many) == {"bob": OWNER, "carol": ADMIN, "dora": MEMBER}


def test_in_the_shell_too_a_group_keeps_one_owner(many: Conversation, alice: User, dora: User, emil: User) -> None:
    Membership.objects.filter(conversation=many, user=alice).delete()
    assert roles(many) == {"bob": OWNER, "carol": ADMIN, "dora": MEMBER}
    bob = many.memberships.get(role=OWNER)
    bob.role = MEMBER
    bob.save()
    assert roles(many) == {"bob": MEMBER, "carol": OWNER, "dora": MEMBER}
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(conversation=many, user=emil, role=OWNER)
    many.memberships.all().delete()
    Membership.objects.create(conversation=many, user=emil)
    assert roles(many) == {"emil": OWNER}


def test_an_instance_that_is_older_than_its_row_hands_over_as_well(many: Conversation, alice: User, dora: User) -> None:
    old = many.memberships.get(user=dora)
    change(alice, many, dora, OWNER)
    assert old.role == MEMBER
    old.delete()
    assert roles(many) == {"alice": OWNER, "bob": ADMIN, "carol": ADMIN}


def test_staff_give_any_role_and_a_group_keeps_its_owner(
    many: Conversation, alice: User, bob: User, dora: User
) -> None:
    def assign(user: User, role: str) -> None:
        services.assign_role(conversation_id=many.pk, user_id=user.pk, role=role)

    assign(dora, OWNER)
    assert roles(many) == {"alice": ADMIN, "bob": ADMIN, "carol": ADMIN, "dora": OWNER}
    assign(dora, MEMBER)
    assert roles(many) == {"alice": OWNER, "bob": ADMIN, "carol": ADMIN, "dora": MEMBER}
    assign(bob, MEMBER)
    assert roles(many)["bob"] == MEMBER


def test_staff_cannot_leave_a_group_without_an_owner(alice: User, bob: User) -> None:
    group = crowd(alice, members=(bob,))
    deactivate_user(user_id=bob.pk)
    services.assign_role(conversation_id=group.pk, user_id=alice.pk, role=MEMBER)
    assert roles(group) == {"alice": OWNER, "bob": MEMBER}


def test_a_direct_conversation_is_whole_again_when_it_is_begun_again(
    direct: Conversation, alice: User, bob: User
) -> None:
    say(direct, alice, "x")
    Membership.objects.get(conversation=direct, user=bob).delete()
    assert services.create_conversation(creator_id=bob.pk, kind="direct", members=[alice.pk]) == direct
    assert set(roles(direct)) == {"alice", "bob"}
    assert direct.memberships.get(user=bob).read_position == 1
