"""Whatever members do in whatever order: what is allowed happens, nothing else does, and there is one owner."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from chat import services
from chat.models import Conversation
from tests.chat.crowds import ADMIN, MEMBER, OWNER, add, change, crowd, leave, remove, rename, roles

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NAMES = ("alice", "bob", "carol", "dora", "emil")
Step = tuple[str, str, str, str]  # what, by whom, to whom, as what
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "leave", "change", "rename", "pin", "staff"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.sampled_from([OWNER, ADMIN, MEMBER]),
    ),
    max_size=30,
)


@dataclass
class Rules:
    """The rules once more, as plainly as they can be said: `roles` in the order of joining."""

    roles: dict[str, str]
    title: str = "Crowd"
    pinned: set[str] = field(default_factory=set)

    def allows(self, what: str, actor: str, user: str, role: str) -> bool:
        """Whether the step is done."""
        own, other = self.roles.get(actor), self.roles.get(user)
        match what:
            case "add":
                return own in {OWNER, ADMIN}
            case "remove":
                is_below = own == OWNER or (own == ADMIN and other == MEMBER)
                return other is not None and own is not None and (actor == user or is_below)
            case "change":
                return own == OWNER and other is not None and (other != OWNER or role == OWNER)
            case "rename":
                return own in {OWNER, ADMIN}
            case "staff":
                return other is not None
        return own is not None  # leaving and pinning

    def do(self, what: str, actor: str, user: str, role: str) -> None:
        """What it makes of the group."""
        match what:
            case "add":
                self.roles.setdefault(user, MEMBER)
            case "remove" | "leave":
                gone = user if what == "remove" else actor
                self.pinned.discard(gone)
                if self.roles.pop(gone) == OWNER and self.roles:
                    self.roles[self.heir()] = OWNER
            case "change" | "staff":
                self.give(user, role)
            case "rename":
                self.title = f"by {actor}"
            case "pin":
                self.pinned.add(actor)

    def give(self, user: str, role: str) -> None:
        """A role, which may be another's at the time, or be inherited by another."""
        if role == self.roles[user]:
            return
        owner = next(name for name, role in self.roles.items() if role == OWNER)
        if role == OWNER:
            self.roles |= {owner: ADMIN, user: OWNER}
        elif user != owner:
            self.roles[user] = role
        elif len(self.roles) > 1:
            heir = self.heir(besides=user)
            self.roles |= {user: role, heir: OWNER}

    def heir(self, besides: str = "") -> str:
        """The first of the admins, else of all."""
        others = [name for name in self.roles if name != besides]
        return next((name for name in others if self.roles[name] == ADMIN), others[0])


def act(group: Conversation, people: dict[str, User], step: Step) -> None:
    what, actor, user, role = step
    deeds: dict[str, Callable[[], object]] = {
        "add": lambda: add(people[actor], group, people[user]),
        "remove": lambda: remove(people[actor], group, people[user]),
        "leave": lambda: leave(people[actor], group),
        "change": lambda: change(people[actor], group, people[user], role),
        "rename": lambda: rename(people[actor], group, f"by {actor}"),
        "pin": lambda: services.set_preferences(user_id=people[actor].pk, conversation_id=group.pk, pinned=True),
        "staff": lambda: services.assign_role(conversation_id=group.pk, user_id=people[user].pk, role=role),
    }
    deeds[what]()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=steps)
def test_random_steps_keep_the_rules(
    alice: User, bob: User, carol: User, person: Callable[..., User], steps: list[Step]
) -> None:
    people = {user.username: user for user in (alice, bob, carol)}
    people |= {name: User.objects.filter(username=name).first() or person(name) for name in NAMES if name not in people}
    group = crowd(alice, admins=(bob,), members=(carol,))
    rules = Rules({"alice": OWNER, "bob": ADMIN, "carol": MEMBER})
    for step in steps:
        is_allowed = bool(rules.roles) and rules.allows(*step)
        try:
            with transaction.atomic():
                act(group, people, step)
        except (PermissionDenied, ValidationError, ObjectDoesNotExist):
            assert not is_allowed, step
        else:
            assert is_allowed, step
            rules.do(*step)
        assert roles(group) == rules.roles, step
        assert list(rules.roles.values()).count(OWNER) == bool(rules.roles)
        assert Conversation.objects.filter(pk=group.pk, title=rules.title).exists() == bool(rules.roles)
        pinned = group.memberships.filter(pinned_at__isnull=False).values_list("user__username", flat=True)
        assert set(pinned) == rules.pinned
