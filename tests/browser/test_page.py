"""The page itself: the way in and out, small screens, and the client to copy."""

import json
from collections.abc import Callable

from tests.browser.chromium import expect
from tests.browser.people import Person, Window

Register = Callable[[str], Person]
Open = Callable[..., Window]
Picture = Callable[[Window, str], None]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def test_one_can_register_log_out_and_log_in(window: Open, person: Register) -> None:
    taken = person("Taken").ask("me/")["username"]
    visitor = window().visit()
    visitor.click("Create an account")
    visitor.field("Username").fill(taken)
    visitor.field("Display name").fill("Dora")
    visitor.field("Password").fill("another-Secret-99")
    visitor.click("Create account")
    expect(visitor.page.get_by_role("alert")).to_contain_text("taken")
    visitor.field("Username").fill(f"{taken}.dora")
    visitor.click("Create account")
    expect(visitor.page.locator("#me-name")).to_have_text("Dora")
    expect(visitor.state).to_have_text("Online")
    visitor.click("Log out")
    visitor.field("Username").fill(f"{taken}.dora")
    visitor.field("Password").fill("wrong")
    visitor.click("Log in")
    expect(visitor.page.get_by_role("alert")).to_have_text("This name and password do not match.")
    visitor.field("Password").fill("another-Secret-99")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#me-name")).to_have_text("Dora")


def test_after_logging_out_nothing_of_the_session_is_left(person: Register, window: Open) -> None:
    ann = person("Ann")
    anns = window(ann).visit()
    expect(anns.state).to_have_text("Online")
    with anns.page.expect_response("**/api/auth/logout"):
        anns.click("Log out")
    assert anns.page.evaluate("sessionStorage.getItem('session')") is None
    anns.page.reload()
    expect(anns.page.get_by_role("button", name="Log in")).to_be_visible()


def test_on_a_phone_there_is_one_pane_at_a_time(person: Register, window: Open, picture: Picture) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    group = ann.begin(ben, cleo, title="A group whose name is rather too long for the screen of a small phone")
    ben.say(group, "word " * 60)
    cleo.say(group, "x" * 300)
    phone = window(ann, **PHONE).visit()
    expect(phone.conversations).to_have_count(1)
    expect(phone.page.get_by_text("Choose a conversation")).to_be_hidden()
    picture(phone, "phone-list")
    assert fits(phone)
    phone.open("A group")
    expect(phone.page.get_by_role("navigation")).to_be_hidden()
    expect(phone.messages.last).to_be_in_viewport()
    expect(phone.writing).to_be_in_viewport(ratio=1)
    picture(phone, "phone-thread")
    assert fits(phone)
    phone.click("Members")
    expect(phone.members).to_have_count(3)
    picture(phone, "phone-members")
    assert fits(phone)
    phone.click("Close the members")
    phone.click("Back to the conversations")
    expect(phone.conversations).to_be_visible()
    expect(phone.writing).to_be_hidden()


def test_the_demo_shows_on_a_phone_what_there_is(window: Open, picture: Picture) -> None:
    phone = window(**PHONE).visit()
    phone.click("Carol")
    phone.open("Weekend plans")
    phone.until("document.querySelector('.thumbnail img')?.naturalWidth > 0")
    thread = phone.page.get_by_role("region", name="Messages")
    expect(thread.get_by_text("edited", exact=False).filter(visible=True)).to_have_count(1)
    expect(thread.locator(".quote:visible")).to_contain_text("Ten o'clock at the boathouse?")
    expect(thread.get_by_role("button", name="❤️ 2: Bob, You")).to_be_visible()
    picture(phone, "phone-demo")
    assert fits(phone)
    phone.act("There it is.", "Reply")
    expect(phone.page.get_by_text("Reply to Alice")).to_be_visible()
    assert fits(phone)


def test_a_draft_waits_in_its_conversation(person: Register, window: Open) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    ann.begin(ben)
    ann.begin(cleo)
    anns = window(ann).visit()
    anns.open("Ben")
    anns.writing.fill("Half a thought")
    anns.open("Cleo")
    expect(anns.writing).to_have_value("")
    anns.open("Ben")
    expect(anns.writing).to_have_value("Half a thought")


def test_all_can_be_done_by_keyboard(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben)
    anns = window(ann).visit()
    anns.conversations.get_by_role("button").focus()
    anns.page.keyboard.press("Enter")
    expect(anns.writing).to_be_focused()
    anns.page.keyboard.type("One line")
    anns.page.keyboard.press("Shift+Enter")
    anns.page.keyboard.type("and another")
    anns.page.keyboard.press("Enter")
    expect(anns.messages.last.locator(".text")).to_have_text("One line\nand another", use_inner_text=True)
    expect(anns.writing).to_be_focused()
    anns.messages.last.get_by_role("button", name="Message actions").focus()
    anns.page.keyboard.press("Enter")
    expect(anns.page.get_by_role("button", name="Thumbs up")).to_be_focused()
    anns.page.keyboard.press("Enter")
    expect(anns.messages.last.get_by_role("button", name="👍 1: You")).to_be_visible()
    expect(anns.messages.last.get_by_role("button", name="Message actions")).to_be_focused()


def test_what_is_heard_is_announced_to_screen_readers(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    anns = window(ann).visit()
    anns.open("Ben")
    expect(anns.state).to_have_text("Online")
    ben.say(conversation, "Listen!")
    announcer = anns.page.locator("#announcer")
    expect(announcer).to_have_text("Ben: Listen!")
    expect(announcer).to_have_attribute("aria-live", "polite")


def test_no_token_ever_stands_in_an_address(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben)
    anns = window(ann)
    addresses: list[str] = []
    anns.page.on("request", lambda request: addresses.append(request.url))
    anns.page.on("websocket", lambda socket: addresses.append(socket.url))
    anns.visit()
    anns.open("Ben")
    expect(anns.state).to_have_text("Online")
    assert any(address.startswith("ws://") for address in addresses)
    assert not [address for address in addresses if any(token in address for token in ann.tokens.values())]


def fits(window: Window) -> bool:
    """Whether nothing sticks out at the side."""
    sizes = json.loads(window.page.evaluate("JSON.stringify([document.documentElement.scrollWidth, innerWidth])"))
    return bool(sizes[0] <= sizes[1])
