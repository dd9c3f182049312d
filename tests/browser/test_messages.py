"""What becomes of a message after it was said, in the windows of two people."""

import json
from collections.abc import Callable, Set
from typing import Any

from tests.browser.chromium import WebSocketRoute, expect
from tests.browser.people import Person, Window

Register = Callable[[str], Person]
Open = Callable[..., Window]
Picture = Callable[[Window, str], None]


def test_an_edit_is_seen_by_both_at_once(person: Register, window: Open, picture: Picture) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    ben.say(conversation, "What time?")
    anns, bens = talking(window, ann, ben)
    anns.say("At tne")
    expect(bens.messages.last).to_contain_text("At tne")
    anns.writing.fill("Half a thought")
    anns.act("At tne", "Edit")
    expect(anns.writing).to_have_value("At tne")
    picture(anns, "editing")
    anns.say("At ten")
    for one in (anns, bens):
        expect(one.messages.last.locator(".text")).to_have_text("At ten")
        expect(one.messages.last.get_by_text("edited")).to_be_visible()
        expect(one.conversations.first).to_contain_text("At ten")
    expect(bens.messages.first.get_by_text("edited")).to_be_hidden()
    expect(anns.writing).to_have_value("Half a thought")
    anns.page.reload()
    anns.open("Ben")
    expect(anns.messages.last.get_by_text("edited")).to_be_visible()


def test_who_thinks_better_of_an_edit_leaves_it_by_escape(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.say(ann.begin(ben), "Fine as it is")
    (anns,) = talking(window, ann, title="Ben")
    anns.act("Fine as it is", "Edit")
    anns.writing.fill("Not at all")
    anns.writing.press("Escape")
    expect(anns.writing).to_have_value("")
    expect(anns.page.get_by_text("Edit message")).to_be_hidden()
    anns.say("Something new")
    expect(anns.messages).to_have_count(2)
    expect(anns.messages.first.locator(".text")).to_have_text("Fine as it is")


def test_what_is_deleted_is_gone_for_both_at_once(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    ann.say(conversation, "This stays")
    anns, bens = talking(window, ann, ben)
    anns.say("This goes")
    expect(bens.messages).to_have_count(2)
    anns.act("This goes", "Delete")
    anns.click("Cancel")
    anns.act("This goes", "Delete")
    anns.page.locator("#confirm-dialog").get_by_role("button", name="Delete").click()
    for one in (anns, bens):
        expect(one.messages).to_have_count(1)
        expect(one.conversations.first).to_contain_text("This stays")
    assert [message["text"] for message in ben.ask(f"conversations/{conversation}/messages/")["results"]] == [
        "This stays"
    ]


def test_only_ones_own_can_be_edited_and_deleted(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    ann.say(conversation, "Mine")
    ben.say(conversation, "Yours")
    (anns,) = talking(window, ann, title="Ben")
    for text, is_own in (("Mine", True), ("Yours", False)):
        message = anns.messages.filter(has_text=text)
        message.hover()
        message.get_by_role("button", name="Message actions").click()
        menu = anns.page.get_by_role("dialog", name="Message actions")
        for action in ("Edit", "Delete"):
            expect(menu.get_by_role("button", name=action)).to_be_visible(visible=is_own)
        anns.page.keyboard.press("Escape")
        expect(menu).to_be_hidden()


def test_reactions_come_and_go_under_a_message(person: Register, window: Open, picture: Picture) -> None:
    ann, ben = person("Ann"), person("Ben")
    ben.say(ann.begin(ben), "We won!")
    anns, bens = talking(window, ann, ben)
    anns.act("We won!", "Party")
    reaction = bens.messages.last.get_by_role("button", name="🎉 1: Ann")
    expect(reaction).to_have_attribute("aria-pressed", "false")
    reaction.click()
    both = anns.messages.last.get_by_role("button", name="🎉 2: You, Ben")
    expect(both).to_have_attribute("aria-pressed", "true")
    bens.act("We won!", "Heart")
    expect(anns.messages.last.locator(".reaction")).to_have_text(["🎉 2", "❤️ 1"])
    picture(anns, "reactions")
    both.click()
    expect(bens.messages.last.locator(".reaction")).to_have_text(["🎉 1", "❤️ 1"])
    anns.page.reload()
    anns.open("Ben")
    expect(anns.messages.last.locator(".reaction")).to_have_text(["🎉 1", "❤️ 1"])
    bens.act("We won!", "Party")
    bens.act("We won!", "Heart")
    expect(anns.messages.last.locator(".reactions")).to_be_hidden()


def test_an_answer_stands_under_what_it_answers(person: Register, window: Open, picture: Picture) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    question = ben.say(conversation, "Tea or coffee?")
    anns, bens = talking(window, ann, ben)
    anns.act("Tea or coffee?", "Reply")
    expect(anns.page.locator("#about")).to_contain_text("Reply to Ben")
    picture(anns, "replying")
    anns.say("Tea, please")
    expect(anns.page.locator("#about")).to_be_hidden()
    for one in (anns, bens):
        expect(one.messages.last.locator(".quote")).to_have_text("BenTea or coffee?")
    ben.ask(f"messages/{question}/", {"text": "Tea or milk?"}, "PATCH")
    expect(anns.messages.last.locator(".quote")).to_contain_text("Tea or milk?")
    picture(bens, "answer")
    anns.say("Not an answer")
    expect(bens.messages.last.locator(".quote")).to_be_hidden()
    ben.ask(f"messages/{question}/", method="DELETE")
    expect(anns.messages.locator(".quote").first).to_have_text("This message is gone.")
    expect(anns.messages.locator(".quote").first).to_be_disabled()


def test_a_click_on_a_quote_leads_to_the_message_however_old(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    question = ben.say(conversation, "Long ago")
    say = f"send_message(sender_id='{ann.id}', conversation_id='{conversation}', text=f'Line {{n}}')"
    ann.site.manage(
        "shell", "--no-imports", "-c", f"from chat.services import send_message\nfor n in range(120): {say}"
    )
    ben.say(conversation, "I said it", replyToId=question)
    (anns,) = talking(window, ann, title="Ben")
    expect(anns.messages).to_have_count(50)
    quote = anns.messages.last.locator(".quote")
    expect(quote).to_contain_text("Long ago")
    quote.click()
    expect(anns.messages).to_have_count(122)
    expect(anns.messages.first).to_be_in_viewport()
    expect(anns.messages.first).to_be_focused()
    expect(anns.messages.last).not_to_be_in_viewport()


def test_one_sees_how_far_ones_message_has_come(person: Register, window: Open, picture: Picture) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    (anns,) = talking(window, ann, title="Ben")
    anns.say("Are you there?")
    mark = anns.messages.last.locator(".progress")
    expect(mark).to_have_attribute("aria-label", "Sent")
    bens = window(ben).visit()
    expect(mark).to_have_attribute("aria-label", "Delivered")
    bens.open("Ann")
    expect(mark).to_have_attribute("aria-label", "Read")
    anns.say("Good!")
    expect(mark).to_have_attribute("aria-label", "Read")
    picture(anns, "read")
    expect(bens.messages.last.locator(".progress")).to_be_hidden()
    anns.page.reload()
    anns.open("Ben")
    expect(mark).to_have_attribute("aria-label", "Read")
    read = ben.ask(f"conversations/{conversation}/messages/")["results"][-1]["readBy"]
    assert read == [ann.id, ben.id]


def test_in_a_group_one_sees_who_has_read_it(person: Register, window: Open) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    ann.begin(ben, cleo, title="Choir")
    anns, bens, cleos = (window(one).visit() for one in (ann, ben, cleo))
    anns.open("Choir")
    anns.say("Tonight at eight")
    mark = anns.messages.last.locator(".progress")
    expect(mark).to_have_attribute("aria-label", "Delivered")
    bens.open("Choir")
    expect(mark).to_have_attribute("aria-label", "Read by Ben")
    expect(mark).to_have_attribute("data-stage", "delivered")
    cleos.open("Choir")
    expect(mark).to_have_attribute("aria-label", "Read by Ben, Cleo")
    expect(mark).to_have_attribute("data-stage", "read")


def test_what_is_read_on_one_device_is_read_on_the_others(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    first, second = window(ann).visit(), window(ann).visit()
    expect(second.state).to_have_text("Online")
    part, *_ = [ben.say(conversation, text) for text in ("One", "Two", "Three")]
    badge = second.conversations.first.locator(".badge")
    expect(badge).to_have_text("3")
    ann.ask(f"messages/{part}/read/", method="POST")
    expect(badge).to_have_text("2")
    unread = ben.say(conversation, "Four")
    expect(badge).to_have_text("3")
    ben.ask(f"messages/{unread}/", method="DELETE")
    expect(badge).to_have_text("2")
    first.open("Ben")
    expect(first.messages).to_have_count(3)
    expect(badge).to_be_hidden()
    expect(second.page).to_have_title("Realtime chat")
    assert ann.ask(f"conversations/{conversation}/")["unreadCount"] == 0


def test_of_two_changes_the_later_counts_whichever_is_heard_last(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben, title="First title")
    edited, deleted = ben.say(conversation, "One"), ben.say(conversation, "Two")
    anns = window(ann)
    hear = interrupted(anns)
    anns.visit().open("First title")
    expect(anns.messages).to_have_count(2)
    message = ben.ask(f"messages/{edited}/")
    message.pop("readBy")
    hear("message.edited", {**message, "text": "The later", "editedAt": "2100-01-02T00:00:00.000Z"})
    hear("message.edited", {**message, "text": "The earlier", "editedAt": "2100-01-01T00:00:00.000Z"})
    gone = {**message, "id": deleted, "text": "Two", "position": 2}
    hear("message.deleted", {"messageId": deleted, "conversationId": conversation, "forEveryone": True})
    hear("message.new", gone)
    hear("message.edited", {**gone, "text": "Again", "editedAt": "2100-01-01T00:00:00.000Z"})
    known = {key: ben.ask(f"conversations/{conversation}/")[key] for key in CONVERSATION}
    hear("conversation.updated", {**known, "title": "The later title", "version": 1002})
    hear("conversation.updated", {**known, "title": "The earlier title", "version": 1001})
    hear("conversation.memberRemoved", {"conversationId": conversation, "version": 1004, "userId": ben.id})
    hear("conversation.updated", {**known, "title": "The last title", "version": 1003})
    member = next(member for member in known["members"] if member["userId"] == ben.id)
    late = {"conversationId": conversation, "version": 1001, "userId": ben.id, "member": member}
    hear("conversation.memberAdded", late)
    hear("message.new", {**message, "id": "marker", "text": "Marker", "position": 9})
    expect(anns.messages).to_have_count(2)
    expect(anns.messages.last).to_contain_text("Marker")
    expect(anns.messages.first.locator(".text")).to_have_text("The later")
    expect(anns.page.get_by_role("heading", name="The last title")).to_be_visible()
    expect(anns.page.locator("#thread-subtitle")).to_contain_text("1 members")


def test_changes_missed_while_away_are_seen_on_coming_back(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    edited, deleted = ben.say(conversation, "Before"), ben.say(conversation, "To go")
    anns = window(ann)
    hear = interrupted(anns, lost={"message.edited", "message.deleted", "message.reaction"})
    anns.visit().open("Ben")
    expect(anns.messages).to_have_count(2)
    ben.ask(f"messages/{edited}/", {"text": "After"}, "PATCH")
    ben.ask(f"messages/{deleted}/", method="DELETE")
    ben.ask(f"messages/{edited}/reactions/", {"emoji": "👍"})
    ben.say(conversation, "Marker")
    expect(anns.messages).to_have_count(3)
    expect(anns.messages.first.locator(".text")).to_have_text("Before")
    hear("connected", {"connectionId": "x", "recovered": False, "offset": None, "userId": ann.id, "rooms": []})
    expect(anns.messages.locator(".text")).to_have_text(["After", "Marker"])
    expect(anns.messages.first.locator(".reaction")).to_have_text("👍 1")


CONVERSATION = ("id", "version", "kind", "title", "members", "createdAt", "lastMessageAt")


def test_who_is_typing_is_seen_until_it_is_said_or_given_up(person: Register, window: Open, picture: Picture) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben)
    anns, bens = talking(window, ann, ben)
    subtitle = anns.page.locator("#thread-subtitle")
    expect(subtitle).to_have_text("Online")
    bens.writing.fill("Half a")
    expect(subtitle).to_have_text("Ben is typing…")
    picture(anns, "typing")
    bens.writing.fill("")
    expect(subtitle).to_have_text("Online")
    bens.writing.fill("A whole thought")
    expect(subtitle).to_have_text("Ben is typing…")
    bens.writing.press("Enter")
    expect(anns.messages).to_have_count(1)
    expect(subtitle).to_have_text("Online")
    bens.writing.fill("Another")
    expect(subtitle).to_have_text("Ben is typing…")


def talking(window: Open, *people: Person, title: str = "") -> list[Window]:
    """Their windows, each with the conversation open that they have."""
    windows = [window(one).visit() for one in people]
    for one, other in zip(windows, reversed(people), strict=True):
        one.open(title or other.name)
        expect(one.state).to_have_text("Online")
    return windows


def interrupted(window: Window, lost: Set[str] = frozenset()) -> Callable[[str, Any], None]:
    """The server's voice: `hear(event, data)` says to the page what it never said; what is `lost` it says in vain."""
    sockets: list[WebSocketRoute] = []

    def route(page: WebSocketRoute) -> None:
        def pass_on(text: str | bytes) -> None:
            if json.loads(text)["event"] not in lost:
                page.send(text)

        page.connect_to_server().on_message(pass_on)
        sockets.append(page)

    window.page.route_web_socket("**/ws/*", route)

    def hear(event: str, data: Any) -> None:
        sockets[-1].send(json.dumps({"event": event, "data": data}))

    return hear
