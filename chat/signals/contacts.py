"""Who hears what others are because they came together, and sees them go because they parted."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from accounts.contacts import relations
from accounts.models import Audience, User
from accounts.selectors import blocks_between
from chat.events import PresenceChanged
from chat.models import Conversation, Membership
from chat.selectors import member_ids
from chat.services import conversation_created
from chat.signals.conversations import ends_conversation
from chat.signals.presence import looks
from realtime.rooms import UserRoom
from realtime.signals import Change, Push, Pushes, pushes

FOR_CONTACTS = Q(presence_shown_to=Audience.CONTACTS) | Q(last_seen_shown_to=Audience.CONTACTS)


@pushes(conversation_created)
def show_members_to_each_other(conversation: Conversation) -> Pushes:
    """Who is here is seen by the others at once."""
    members = member_ids(conversation.pk)
    yield from _show(members, members)


@pushes(Membership, watch=("takes_part",))
def show_newcomer(membership: Membership, change: Change) -> Pushes:
    """Who comes and who is there see each other, who begins to take part is seen by contacts, and who goes is not."""
    if change.deleted and ends_conversation(change.origin):
        return
    user, others = str(membership.user_id), member_ids(membership.conversation_id)
    if change.created:
        yield from _show({user}, others)
        yield from _show(others, {user})
    elif change.changed("takes_part"):
        yield from _show({user}, others, FOR_CONTACTS)
    elif change.deleted:
        yield from _hide({user}, others)
        yield from _hide(others, {user})


@receiver(pre_delete, sender=Conversation)
def remember_members(instance: Conversation, **_: object) -> None:
    """When it is gone nobody could tell who they were."""
    instance.last_members = member_ids(instance.pk)


@pushes(Conversation)
def hide_members_from_each_other(conversation: Conversation, change: Change) -> Pushes:
    """They have one conversation less in common."""
    if change.deleted:
        yield from _hide(conversation.last_members, conversation.last_members)


def _show(people: set[str], others: set[str], *which: Q) -> Pushes:
    """What those who are here are to the others."""
    for person, is_contact, rooms in _seen(User.objects.filter(*which, pk__in=people, is_online=True), others):
        if (look := looks(person)[is_contact]).is_online:
            yield Push(rooms, PresenceChanged.of(person, look), is_personal=True)


def _hide(people: set[str], others: set[str]) -> Pushes:
    """What is for contacts alone, from those who are none."""
    for person, is_contact, rooms in _seen(User.objects.filter(FOR_CONTACTS, pk__in=people), others):
        if not is_contact and (shown := looks(person))[True] != shown[False]:
            yield Push(rooms, PresenceChanged.of(person, shown[False]), is_personal=True)


def _seen(users: QuerySet[User], others: set[str]) -> Iterator[tuple[User, bool, list[UserRoom]]]:
    """Each of the users with the rooms of their contacts among the others (True), then of the rest; less blocks."""
    if not (people := list(users)):
        return
    blocks = blocks_between([person.pk for person in people], others)
    parted = blocks | {pair[::-1] for pair in blocks}
    known = relations(people=[person.pk for person in people if len(set(looks(person).values())) > 1], others=others)
    for person in people:
        pairs = [(str(person.pk), other) for other in sorted(others - {str(person.pk)})]
        for is_contact in (True, False):
            rooms = [UserRoom(pair[1]) for pair in pairs if pair not in parted and known.get(pair, False) is is_contact]
            if rooms:
                yield person, is_contact, rooms
