"""A browser, the demonstration that it visits, and people with windows."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.people import Person, Window
from tests.web.demonstration import ROOT, Demonstration

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = ROOT / "test-results" / "browser"
numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder needs a browser, and takes its time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")


# Not for the whole session: while Playwright's own loop runs in this thread, no other can.
@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """Chromium."""
    from tests.browser.chromium import launched  # noqa: PLC0415 -- it may skip, which this file must not

    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def site(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """The demonstration, started; after the browser, without which nobody needs it."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "THROTTLE_LOGIN": "1000/minute",
        "THROTTLE_REGISTER": "1000/minute",
        "REALTIME_OFFLINE_GRACE": "0.1",
    }
    site = Demonstration(tmp_path_factory.mktemp("site"), **settings)
    site.start()
    yield site
    assert site.stop() == 0


@pytest.fixture
def person(site: Demonstration) -> Callable[[str], Person]:
    """`person("Ann")` is a new account with this display name, which no other test has seen."""

    def register(name: str) -> Person:
        username = f"{name.split(maxsplit=1)[0].lower()}{next(numbers)}"
        account = {"username": username, "displayName": name, "password": "quite-a-Secret-42"}
        answer = site.ask("api/auth/register", account)
        return Person(site, answer["user"]["id"], name, {key: answer[key] for key in ("access", "refresh")})

    return register


@pytest.fixture
def window(browser: "Browser", site: Demonstration) -> Iterator[Callable[..., Window]]:
    """`window(ann)` is a window of hers, logged in; without anybody, a new visitor's."""
    windows: list[Window] = []

    def open_window(owner: Person | None = None, **options: Any) -> Window:
        windows.append(Window(browser.new_context(base_url=site.url, **options), owner))
        return windows[-1]

    yield open_window
    for window in windows:
        window.context.close()
    assert [trouble for window in windows for trouble in window.troubles] == []


@pytest.fixture
def picture() -> Callable[[Window, str], None]:
    """`picture(window, "log-in")` saves what one sees, for people to look at."""

    def save(window: Window, name: str) -> None:
        window.page.screenshot(path=PICTURES / f"{name}.png")

    return save
