"""People talk over two processes, and come and go in every way there is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client as Browser

from accounts.models import User
from chat.events import MemberAdded, MemberRemoved, MessageNew
from chat.models import Conversation, Membership, Message
from realtime.testing import Client
from tests.integration.conftest import Site, pair

Join = Callable[..., Client]


def say(client: Client, conversation: Conversation, text: str) -> str:
    reply = client.call("message.send", {"conversationId": str(conversation.pk), "text": text, "tempId": text})
    return str(reply["messageId"])


def heard(client: Client, until: str) -> list[str]:
    """The texts of all messages up to that one."""
    texts: list[str] = []
    while not texts or texts[-1] != until:
        texts.append(client.expect(MessageNew).text)
    return texts


@pair
def test_three_people_on_two_processes_hear_each_message_once_and_in_order(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    first, second = site.servers
    clients = [join(first, alice), join(second, bob), join(second, carol)]

    def talk(number: int) -> None:
        for count in range(20):
            say(clients[number], group, f"{number}-{count}")

    with ThreadPoolExecutor() as threads:
        list(threads.map(talk, range(3)))
    say(clients[0], group, "the end")

    stored = list(Message.objects.order_by("position").values_list("text", flat=True))
    assert len(stored) == 61
    for client in clients:
        texts = heard(client, until="the end")
        assert sorted(texts) == sorted(stored)
        for number in range(3):
            assert [text for text in texts if text.startswith(f"{number}-")] == [f"{number}-{n}" for n in range(20)]


@pair
def test_a_sender_hears_the_reply_before_the_message(site: Site, join: Join, group: Conversation, alice: User) -> None:
    client = join(site.servers[0], alice)
    for count in range(10):
        client.send("message.send", {"conversationId": str(group.pk), "text": f"{count}"}, id=count)
        frames = [client.receive(), client.receive()]
        assert [frame["event"] for frame in frames] == ["reply", "message.new"]


def admit_by_rest(site: Site, group: Conversation, owner: User, user: User) -> None:
    site.servers[0].rest(owner, "POST", f"conversations/{group.pk}/members/", {"userId": str(user.pk)})


def remove_by_rest(site: Site, group: Conversation, owner: User, user: User) -> None:
    site.servers[0].rest(owner, "DELETE", f"conversations/{group.pk}/members/{user.pk}/")


def admit_by_orm(site: Site, group: Conversation, owner: User, user: User) -> None:
    Membership.objects.create(conversation=group, user=user)


def remove_by_orm(site: Site, group: Conversation, owner: User, user: User) -> None:
    Membership.objects.get(conversation=group, user=user).delete()


def change_by_admin(group: Conversation, **row: str) -> None:
    """Submit the form of the conversation with one row of its memberships changed."""
    admin = User.objects.create_superuser("root", password="quite-a-Secret-42")
    browser = Browser()
    browser.force_login(admin)
    members = list(group.memberships.order_by("id"))
    form = {"kind": group.kind, "title": group.title, "memberships-INITIAL_FORMS": len(members)}
    for number, member in enumerate(members):
        form |= {f"memberships-{number}-id": str(member.pk), f"memberships-{number}-conversation": str(group.pk)}
        form |= {f"memberships-{number}-user": str(member.user_id), f"memberships-{number}-role": member.role}
        if str(member.user_id) == row.get("remove"):
            form[f"memberships-{number}-DELETE"] = "on"
    if "add" in row:
        number = len(members)
        form |= {f"memberships-{number}-user": row["add"], f"memberships-{number}-role": "member"}
        form |= {f"memberships-{number}-conversation": str(group.pk), f"memberships-{number}-id": ""}
    form["memberships-TOTAL_FORMS"] = len(members) + ("add" in row)
    answer = browser.post(f"/admin/chat/conversation/{group.pk}/change/", form)
    assert answer.status_code == 302, answer.content.decode()
    admin.delete()


def admit_by_admin(site: Site, group: Conversation, owner: User, user: User) -> None:
    change_by_admin(group, add=str(user.pk))


def remove_by_admin(site: Site, group: Conversation, owner: User, user: User) -> None:
    change_by_admin(group, remove=str(user.pk))


Change = Callable[[Site, Conversation, User, User], None]


@pytest.mark.parametrize(
    ("admit", "remove"),
    [(admit_by_rest, remove_by_rest), (admit_by_orm, remove_by_orm), (admit_by_admin, remove_by_admin)],
    ids=["REST", "ORM", "admin"],
)
def test_who_is_let_in_hears_all_and_who_is_removed_hears_nothing(
    site: Site, join: Join, group: Conversation, alice: User, person: Callable[..., User], admit: Change, remove: Change
) -> None:
    dora = person("dora")
    speaker, listener = join(site.servers[0], alice), join(site.servers[-1], dora)
    say(speaker, group, "before")

    admit(site, group, alice, dora)
    assert listener.expect(MemberAdded).user_id == str(dora.pk)
    say(speaker, group, "inside")
    assert listener.expect(MessageNew).text == "inside"

    remove(site, group, alice, dora)
    assert listener.expect(MemberRemoved).user_id == str(dora.pk)
    say(speaker, group, "after")
    direct = site.servers[0].rest(alice, "POST", "conversations/", {"kind": "direct", "members": [str(dora.pk)]})
    listener.expect("conversation.created")
    speaker.call("message.send", {"conversationId": direct["id"], "text": "marker"})
    assert listener.expect(MessageNew).text == "marker"
    assert f"conversation:{group.pk}" not in listener.call("rooms.list")["rooms"]
