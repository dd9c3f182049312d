"""Who is whose contact, and what people hear when they come together and part."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.contacts import relations
from accounts.models import User
from accounts.presence import appearances
from accounts.services import block_user, set_presence, set_status, update_privacy
from chat import selectors, services
from chat.models import Conversation, Membership
from realtime.publishing import Intent
from tests.chat.talk import say
from tests.chat.told import told

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Person = Callable[..., User]


def begin(creator: User, *members: User, kind: str = "direct") -> Conversation:
    title = "Trip" if kind == "group" else ""
    people = [member.pk for member in members]
    return services.create_conversation(creator_id=creator.pk, kind=kind, members=people, title=title)


def here(*people: User) -> None:
    for user in people:
        set_presence(user_id=user.pk, online=True)


def sees(reader: User, user: User) -> bool:
    """Whether the user appears online to the reader; in a list of members, too, if they share a conversation."""
    user.refresh_from_db()
    is_seen = appearances(reader.pk, [user])[str(user.pk)].is_online
    for conversation in Conversation.objects.filter(memberships__user=reader).filter(memberships__user=user):
        member = selectors.get_member(reader.pk, conversation.pk, user.pk)
        assert vars(member)["online"] is is_seen
    return is_seen


def heard(published: list[Intent]) -> dict[tuple[str, str], str]:
    """What each was told of whom, at last; takes it out of the list."""
    pushes = told(published)
    return {(listener, event.user_id): event.status for listeners, event in pushes for listener in listeners}


def pair(listener: User, user: User) -> tuple[str, str]:
    return str(listener.pk), str(user.pk)


# -- whose contact one is -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["direct", "group"])
def test_to_begin_a_conversation_shows_nothing_that_is_for_contacts(alice: User, carol: User, kind: str) -> None:
    here(alice)
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    conversation = begin(carol, alice, kind=kind)
    say(conversation, carol, "hello", "are you there?")
    assert not sees(carol, alice)
    say(conversation, alice, "who is this?")
    assert sees(carol, alice)


@pytest.mark.parametrize("kind", ["direct", "group"])
def test_who_begins_one_shows_it_to_the_others(alice: User, bob: User, carol: User, kind: str) -> None:
    here(alice)
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    begin(alice, bob, kind=kind)
    assert (sees(bob, alice), sees(carol, alice)) == (True, False)


def test_who_begins_one_that_is_there_does_so_as_well(alice: User, carol: User) -> None:
    here(alice)
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    begin(carol, alice)
    begin(alice, carol)
    assert sees(carol, alice)


def test_when_somebody_was_last_seen_is_for_contacts_by_the_same_rule(alice: User, carol: User) -> None:
    here(alice)
    update_privacy(user_id=alice.pk, last_seen_shown_to="contacts")
    conversation = begin(carol, alice)
    for is_shown in (False, True):
        alice.refresh_from_db()
        assert (appearances(carol.pk, [alice])[str(alice.pk)].last_seen_at is not None) is is_shown
        say(conversation, alice, "hello")


def test_who_shares_a_conversation_is_told_and_who_wrote_has_contacts(
    group: Conversation, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    assert relations(people=[alice.pk]) == {pair(alice, bob): True}
    assert relations(people=[bob.pk]) == {pair(bob, alice): False}
    assert relations(people=[carol.pk]) == {}
    say(direct, bob, "hello")
    assert relations(people=[bob.pk, carol.pk]) == {pair(bob, alice): True}


def test_of_who_shows_it_to_contacts_others_hear_nothing(
    alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    begin(alice, bob)
    begin(carol, alice)
    here(alice)
    published.clear()
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    assert heard(published) == {pair(carol, alice): "offline"}
    set_status(user_id=alice.pk, status="busy")
    assert heard(published) == {pair(bob, alice): "busy"}
    update_privacy(user_id=alice.pk, presence_shown_to="everyone")
    assert heard(published) == {pair(carol, alice): "busy"}


# -- coming together --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["direct", "group"])
def test_who_comes_together_sees_who_is_here(alice: User, bob: User, published: list[Intent], kind: str) -> None:
    here(alice, bob)
    set_status(user_id=bob.pk, status="dnd")
    published.clear()
    begin(alice, bob, kind=kind)
    assert heard(published) == {pair(alice, bob): "dnd", pair(bob, alice): "online"}


def test_a_new_member_and_the_others_see_each_other_less_blocks_and_privacy(
    group: Conversation, alice: User, bob: User, carol: User, person: Person, published: list[Intent]
) -> None:
    hidden, away = person("hidden"), person("away")
    for user in (hidden, away):
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user.pk)
    here(alice, bob, carol, hidden)
    update_privacy(user_id=hidden.pk, presence_shown_to="contacts")
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    published.clear()
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    assert heard(published) == {
        pair(carol, alice): "online",
        pair(alice, carol): "online",
        pair(hidden, carol): "online",
        pair(away, carol): "online",
    }


def test_who_begins_to_take_part_is_seen_by_their_new_contacts(
    alice: User, carol: User, published: list[Intent]
) -> None:
    here(alice, carol)
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    published.clear()
    conversation = begin(carol, alice)
    assert heard(published) == {pair(alice, carol): "online"}
    say(conversation, alice, "hello")
    assert heard(published) == {pair(carol, alice): "online"}
    say(conversation, alice, "once more")
    assert heard(published) == {}


def test_what_is_shown_to_new_members_takes_as_many_queries_for_many_as_for_few(alice: User, person: Person) -> None:
    here(alice)
    counts = []
    for number in (2, 8):
        members = [person(f"member-{number}-{one}") for one in range(number)]
        here(*members)
        for user in members:
            update_privacy(user_id=user.pk, presence_shown_to="contacts")
        with CaptureQueriesContext(connection) as counted:
            begin(alice, *members, kind="group")
        counts.append(len(counted))
    assert counts[0] == counts[1]


# -- parting ------------------------------------------------------------------------------------------------------


def leave(conversation: Conversation, user: User) -> None:
    Membership.objects.get(conversation=conversation, user=user).delete()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_who_shows_it_to_contacts_is_seen_to_go_by_who_is_none_any_more(
    group: Conversation, alice: User, bob: User, published: list[Intent], who: str
) -> None:
    hidden, other = (alice, bob) if who == "alice" else (bob, alice)
    here(alice, bob)
    say(group, bob, "hello")
    update_privacy(user_id=hidden.pk, presence_shown_to="contacts")
    published.clear()
    leave(group, bob)
    assert heard(published) == {pair(other, hidden): "offline"}  # and nothing of the other, whom everyone may see
    assert not sees(other, hidden)


def test_contacts_by_another_conversation_stay_contacts(
    group: Conversation, direct: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    here(alice)
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    published.clear()
    leave(group, bob)
    assert heard(published) == {}
    assert sees(bob, alice)


def test_the_end_of_a_conversation_parts_all_who_were_in_it(
    group: Conversation, alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    here(alice, bob)
    for user in (alice, bob):
        say(group, user, "hello")
        update_privacy(user_id=user.pk, presence_shown_to="contacts")
    published.clear()
    services.end_conversation(actor_id=alice.pk, conversation_id=group.pk)
    assert heard(published) == dict.fromkeys(
        [pair(bob, alice), pair(carol, alice), pair(alice, bob), pair(carol, bob)], "offline"
    )
