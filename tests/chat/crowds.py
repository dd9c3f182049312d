"""Groups of many, and who is what in them."""

from accounts.models import User
from chat import services
from chat.models import Conversation, Membership

ADMIN, MEMBER, OWNER = Membership.Role.ADMIN, Membership.Role.MEMBER, Membership.Role.OWNER


def roles(conversation: Conversation) -> dict[str, str]:
    """Who is in it as what."""
    return dict(conversation.memberships.values_list("user__username", "role"))


def crowd(owner: User, *, admins: tuple[User, ...] = (), members: tuple[User, ...] = ()) -> Conversation:
    """A group of the owner's."""
    group = services.create_conversation(
        creator_id=owner.pk, kind="group", title="Crowd", members=[user.pk for user in (*admins, *members)]
    )
    for admin in admins:
        change(owner, group, admin, ADMIN)
    return group


def change(actor: User, group: Conversation, user: User, role: str) -> Membership:
    """`change_role`, in short."""
    return services.change_role(actor_id=actor.pk, conversation_id=group.pk, user_id=user.pk, role=role)


def add(actor: User, group: Conversation, user: User) -> Membership:
    """`add_member`, in short."""
    return services.add_member(actor_id=actor.pk, conversation_id=group.pk, user_id=user.pk)


def remove(actor: User, group: Conversation, user: User) -> None:
    """`remove_member`, in short."""
    services.remove_member(actor_id=actor.pk, conversation_id=group.pk, user_id=user.pk)


def leave(user: User, group: Conversation) -> None:
    """`remove_member` of oneself."""
    remove(user, group, user)


def rename(actor: User, group: Conversation, title: str = "Another") -> Conversation:
    """`rename_conversation`, in short."""
    return services.rename_conversation(actor_id=actor.pk, conversation_id=group.pk, title=title)


def end(actor: User, group: Conversation) -> None:
    """`end_conversation`, in short."""
    services.end_conversation(actor_id=actor.pk, conversation_id=group.pk)
