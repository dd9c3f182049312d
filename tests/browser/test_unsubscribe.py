"""The page behind a mail's link, as one sees it."""

import re
from collections.abc import Callable

import pytest

from tests.browser.chromium import expect
from tests.browser.people import Person, Window
from tests.browser.test_page import fits
from tests.web.demonstration import Demonstration

Register = Callable[[str], Person]
Open = Callable[..., Window]
Picture = Callable[[Window, str], None]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}


def link(site: Demonstration, person: Person, conversation: str = "") -> str:
    """The address in a mail of theirs, by the shell."""
    ids = ", ".join(f"UUID('{one}')" for one in (person.id, conversation) if one)
    words = f"from uuid import UUID; from chat.unsubscribing import link; print(link({ids}))"
    printed = site.manage("shell", "--verbosity", "0", "--command", words)
    found = re.search(r"/mail/unsubscribe/\?token=\S+", printed)
    assert found is not None
    return found.group()


@pytest.mark.parametrize(("name", "look"), [("desk", {}), ("phone", PHONE), ("dark", DARK)])
def test_one_click_ends_all_mail(
    site: Demonstration, person: Register, window: Open, picture: Picture, name: str, look: dict[str, object]
) -> None:
    ann = person("Ann")
    visitor = window(**look)
    visitor.page.goto(link(site, ann))
    expect(visitor.page.get_by_role("heading", name="No more mail?")).to_be_visible()
    assert ann.ask("me/")["mailMessages"] is True
    assert fits(visitor)
    picture(visitor, f"unsubscribe-{name}")
    visitor.page.get_by_role("button").focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("status")).to_contain_text("no more mail about messages")
    picture(visitor, f"unsubscribed-{name}")
    assert ann.ask("me/")["mailMessages"] is False


def test_one_conversation_can_be_ended_alone(
    site: Demonstration, person: Register, window: Open, picture: Picture
) -> None:
    ann, ben = person("Ann"), person("Ben")
    visitor = window()
    visitor.page.goto(link(site, ann, ann.begin(ben)))
    picture(visitor, "unsubscribe-conversation")
    visitor.click("No more mail about this conversation")
    expect(visitor.page.get_by_role("status")).to_contain_text("about this conversation")
    assert ann.ask("me/")["mailMessages"] is True


def test_a_broken_link_says_what_to_do(site: Demonstration, person: Register, window: Open, picture: Picture) -> None:
    visitor = window()
    visitor.page.goto(link(site, person("Ann"))[:-4])
    expect(visitor.page.get_by_role("heading", name="This link does not work")).to_be_visible()
    expect(visitor.page.get_by_role("button")).to_have_count(0)
    picture(visitor, "unsubscribe-broken")
