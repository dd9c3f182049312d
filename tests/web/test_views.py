"""The page at `/`."""

from html.parser import HTMLParser

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from pytest_django import Settings

from web.demo import PASSWORD
from web.views import policy

pytestmark = pytest.mark.sqlite


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def directives(header: str) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in header.split("; "))


def test_the_page_lets_nothing_in_but_its_own_files_and_sockets(client: Client) -> None:
    allowed = directives(client.get("/").headers["Content-Security-Policy"])
    assert allowed.pop("connect-src") == "'self' ws://testserver"
    assert allowed.pop("default-src") == "'none'"
    assert allowed.pop("require-trusted-types-for") == "'script'"
    assert set(allowed.values()) <= {"'self'", "'none'"}


def test_over_tls_only_secure_sockets_are_allowed(rf: RequestFactory) -> None:
    assert directives(policy(rf.get("/", secure=True)))["connect-src"] == "'self' wss://testserver"


def test_nothing_on_the_page_needs_more_than_that(client: Client) -> None:
    for tag, attributes in Tags(client.get("/").content).found:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        assert tag != "style"
        assert tag != "script" or attributes.get("src")


def test_all_files_that_the_page_names_exist(client: Client) -> None:
    links = {"script": "src", "link": "href"}
    named = [attributes[links[tag]] for tag, attributes in Tags(client.get("/").content).found if tag in links]
    assert len(named) == 4
    for link in named:
        assert link is not None
        assert finders.find(link.removeprefix("/static/")), link


def test_without_javascript_no_form_can_put_a_password_into_an_address(client: Client) -> None:
    forms = [attributes for tag, attributes in Tags(client.get("/").content).found if tag == "form"]
    assert len(forms) >= 3
    assert all(attributes.get("method") in {"post", "dialog"} for attributes in forms)


def test_in_development_the_demo_people_are_one_click_away(client: Client) -> None:
    page = client.get("/")
    offered = [
        attributes["data-username"] for _, attributes in Tags(page.content).found if "data-username" in attributes
    ]
    assert offered == ["alice", "bob", "carol"]
    assert PASSWORD in page.content.decode()


def test_in_production_there_is_only_the_form(client: Client, settings: Settings) -> None:
    settings.DEVELOPMENT = False
    page = client.get("/")
    text = page.content.decode()
    assert 'id="login-form"' in text
    assert PASSWORD not in text
    assert not [attributes for _, attributes in Tags(page.content).found if "data-username" in attributes]


def test_the_page_is_only_read(client: Client) -> None:
    assert client.post("/").status_code == 405
