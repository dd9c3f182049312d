"""Somebody with an account, and somebody's window."""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.web.demonstration import Demonstration

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator

PATIENCE = 15.0
LOG_IN = """
if (!sessionStorage.getItem('visited')) sessionStorage.setItem('session', TOKENS);
sessionStorage.setItem('visited', 'yes'); // whoever logs out stays out
"""


@dataclass
class Person:
    """They act over REST, as another device of theirs would."""

    site: Demonstration
    id: str
    name: str
    tokens: dict[str, str]

    def ask(self, path: str, body: Any = None, method: str = "") -> Any:
        return self.site.ask(f"api/{path}", body, token=self.tokens["access"], method=method)

    def begin(self, *others: "Person", title: str = "") -> str:
        """The id of a new conversation, a group if it has a title."""
        body = {"kind": "group" if title else "direct", "title": title, "members": [other.id for other in others]}
        return str(self.ask("conversations/", body)["id"])

    def say(self, conversation: str, text: str, **more: Any) -> str:
        """The id of the new message."""
        return str(self.ask(f"conversations/{conversation}/messages/", {"text": text, **more})["id"])


class Window:
    """A browser window of its own: what it sees, and what one can do in it."""

    def __init__(self, context: "BrowserContext", owner: Person | None) -> None:
        self.context = context
        self.page = context.new_page()
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self._hear)
        if owner is not None:
            tokens = json.dumps(json.dumps(owner.tokens))
            self.page.add_init_script(LOG_IN.replace("TOKENS", tokens))

    def visit(self) -> Self:
        """Open the page."""
        self.page.goto("/")
        return self

    @property
    def state(self) -> "Locator":
        return self.page.locator("#state")

    @property
    def conversations(self) -> "Locator":
        return self.page.get_by_role("navigation", name="Conversations").locator("li")

    @property
    def messages(self) -> "Locator":
        return self.page.locator("#messages .message")

    @property
    def members(self) -> "Locator":
        return self.page.locator("#member-list > li")

    @property
    def writing(self) -> "Locator":
        return self.page.get_by_label("Message", exact=True)

    @property
    def notices(self) -> "Locator":
        return self.page.locator("#notices")

    def open(self, conversation: str) -> None:
        title = self.page.locator(".conversation-title", has_text=conversation)
        self.conversations.filter(has=title).get_by_role("button").click()

    def say(self, text: str) -> None:
        self.writing.fill(text)
        self.writing.press("Enter")

    def act(self, text: str, action: str) -> None:
        """Choose an action from the menu of the message that says this."""
        message = self.messages.filter(has_text=text)
        message.hover()
        message.get_by_role("button", name="Message actions").click()
        self.page.get_by_role("dialog", name="Message actions").get_by_role("button", name=action, exact=True).click()

    def field(self, label: str) -> "Locator":
        return self.page.get_by_label(label).filter(visible=True)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def until(self, condition: str) -> None:
        """Return when the JavaScript is true. (`wait_for_function` needs eval, which the page's policy forbids.)"""
        deadline = time.monotonic() + PATIENCE
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"never true: {condition}"

    def _hear(self, message: "ConsoleMessage") -> None:
        # A lost connection is an error on the console as well, and meant to happen.
        if any(word in message.text for word in ("Content Security Policy", "Trusted")):
            self.troubles.append(message.text)
