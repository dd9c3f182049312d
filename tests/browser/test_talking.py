"""Two people and more, each in a window of their own."""

from collections.abc import Callable

from tests.browser.chromium import expect
from tests.browser.people import Person, Window

Register = Callable[[str], Person]
Open = Callable[..., Window]
Picture = Callable[[Window, str], None]


def test_the_demo_people_talk_both_ways(window: Open, picture: Picture) -> None:
    alice, bob = window().visit(), window(color_scheme="dark").visit()
    picture(alice, "log-in")
    alice.click("Alice")
    bob.click("Bob")
    alice.open("Bob")
    bob.open("Alice")
    alice.say("Do you hear me?")
    expect(bob.messages.last).to_contain_text("Do you hear me?")
    bob.say("Loud and clear")
    expect(alice.messages.last).to_contain_text("Loud and clear")
    expect(alice.messages.nth(-2)).to_contain_class("own")
    expect(bob.page.get_by_text("Loud and clear")).to_have_count(2)  # the bubble, and the list's preview
    picture(alice, "two-people")
    picture(bob, "two-people-dark")


def test_one_sees_who_is_online(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben)
    anns = window(ann).visit()
    anns.open("Ben")
    subtitle = anns.page.locator("#thread-subtitle")
    expect(subtitle).to_have_text("Offline")
    bens = window(ben).visit()
    expect(subtitle).to_have_text("Online")
    expect(anns.conversations.first.locator(".avatar")).to_have_class("avatar online")
    bens.page.close()
    expect(subtitle).to_contain_text("Last seen")


def test_what_is_unread_is_counted_until_it_is_read(person: Register, window: Open, picture: Picture) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    with_ben, with_cleo = ann.begin(ben), ann.begin(cleo)
    anns = window(ann).visit()
    anns.open("Cleo")
    badge = anns.conversations.filter(has_text="Ben").locator(".badge")
    expect(badge).to_be_hidden()
    for text in ("One", "Two"):
        ben.say(with_ben, text)
    cleo.say(with_cleo, "This one is on the screen")
    expect(badge).to_have_text("2")
    expect(anns.page).to_have_title("(2) Realtime chat")
    expect(anns.conversations.first).to_contain_text("Cleo")  # the liveliest
    picture(anns, "unread")
    anns.page.reload()
    expect(badge).to_have_text("2")
    anns.open("Ben")
    expect(badge).to_be_hidden()
    expect(anns.page).to_have_title("Realtime chat")


def test_a_group_is_made_by_hand_and_lives(person: Register, window: Open, picture: Picture) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    anns, bens, cleos = (window(somebody).visit() for somebody in (ann, ben, cleo))
    expect(cleos.page.get_by_text("Nothing here yet.")).to_be_visible()
    anns.click("New")
    anns.page.get_by_text("Group", exact=True).click()
    anns.page.get_by_label("Name of the group").fill("Book club")
    find(anns, "Search by name", ben)
    anns.click("Create group")
    expect(bens.conversations).to_have_count(1)
    bens.open("Book club")
    anns.say("Welcome!")
    expect(bens.messages).to_have_count(1)
    expect(bens.messages.locator(".sender")).to_have_text("Ann")
    expect(bens.messages.locator(".text")).to_have_text("Welcome!")

    anns.click("Members")
    find(anns, "Search people", cleo)
    expect(anns.members).to_have_count(3)
    expect(cleos.notices).to_contain_text("You are now in “Book club”.")
    cleos.open("Book club")
    expect(cleos.messages.last).to_contain_text("Welcome!")
    cleos.say("Thank you")
    expect(bens.messages.last).to_contain_text("Thank you")
    picture(anns, "group-with-members")

    anns.page.get_by_role("button", name="Remove Cleo").click()
    anns.click("Remove")
    expect(cleos.conversations).to_have_count(0)
    expect(cleos.notices).to_contain_text("You are no longer in “Book club”.")
    expect(cleos.writing).to_be_hidden()
    expect(anns.members).to_have_count(2)


def test_who_leaves_hands_the_group_on(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben, title="Choir")
    anns, bens = window(ann).visit(), window(ben).visit()
    for one in (anns, bens):
        one.open("Choir")
        one.click("Members")
    expect(bens.page.get_by_text("Add somebody")).to_be_hidden()
    anns.click("Leave the group")
    anns.click("Leave")
    expect(anns.conversations).to_have_count(0)
    expect(bens.members).to_have_count(1)
    expect(bens.page.get_by_text("Add somebody")).to_be_visible()


def test_a_conversation_begins_with_one_click_on_a_person(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    anns, bens = window(ann).visit(), window(ben).visit()
    anns.click("New")
    find(anns, "Search by name", ben)
    expect(anns.page.get_by_text("Say hello!")).to_be_visible()
    anns.say("Hello")
    expect(bens.conversations.filter(has_text="Ann").locator(".badge")).to_have_text("1")


def test_older_messages_come_on_scrolling_up(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben, title="Archive")
    say = f"send_message(sender_id='{ann.id}', conversation_id='{conversation}', text=f'Line {{n}}')"
    many = f"from chat.services import send_message\nfor n in range(1, 121): {say}"
    ann.site.manage("shell", "--no-imports", "-c", many)
    bens = window(ben).visit()
    bens.open("Archive")
    expect(bens.messages).to_have_count(50)
    expect(bens.messages.last).to_be_in_viewport()
    for shown in (100, 120):
        bens.messages.first.scroll_into_view_if_needed()
        expect(bens.messages).to_have_count(shown)
    expect(bens.messages.last).not_to_be_in_viewport()
    expect(bens.messages.first).to_contain_text("Line 1")
    expect(bens.page.get_by_text("Loading older messages")).to_be_hidden()
    ann.say(conversation, "News")
    bens.click("New messages")
    expect(bens.messages.last).to_be_in_viewport()
    expect(bens.messages.last).to_contain_text("News")


def find(window: Window, field: str, somebody: Person) -> None:
    """Search for a person and choose the one who has this very account."""
    username = somebody.ask("me/")["username"]
    window.page.get_by_placeholder(field).fill(username)  # others of this name may be more than a page
    window.page.get_by_role("button", name=f"{somebody.name} @{username}", exact=True).click()
