"""REST: one's own account, other people, blocks."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts import services
from accounts.models import Block, User
from tests.accounts.conftest import as_user, error_of

pytestmark = pytest.mark.django_db

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_one_sees_everything_of_ones_own_account(alice: User) -> None:
    services.set_presence(user_id=alice.pk, online=True)
    body = as_user(alice).get("/api/me/").json()
    assert MOMENT.fullmatch(body.pop("createdAt"))
    assert MOMENT.fullmatch(body.pop("lastSeenAt"))
    assert body == {
        "id": str(alice.pk),
        "username": "alice",
        "email": "alice@example.com",
        "emailConfirmed": True,
        "displayName": "Alice A.",
        "avatar": None,
        "walletAddress": None,
        "mailMessages": True,
        "isOnline": True,
    }


def test_one_changes_what_one_gives_and_nothing_else(alice: User) -> None:
    client = as_user(alice)
    changes = {"displayName": "Al", "avatar": "https://example.com/a.png", "mailMessages": False}
    before = client.get("/api/me/").json()
    assert client.patch("/api/me/", changes).json() == before | changes
    assert client.patch("/api/me/", {"avatar": None}).json() == before | changes | {"avatar": None}
    assert client.patch("/api/me/", {}).json() == before | changes | {"avatar": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("displayName", "a" * 101),
        ("displayName", None),
        ("displayName", "nul\x00"),
        ("email", "nowhere"),
        ("avatar", "javascript:alert(1)"),
        ("avatar", "ftp://example.com/a.png"),
        ("avatar", "https://example.com/" + "a" * 500),
        ("mailMessages", "perhaps"),
        ("mailMessages", None),
        ("username", "root"),
        ("id", "1"),
        ("walletAddress", "0x" + "a" * 40),
        ("isOnline", True),
        ("isStaff", True),
        ("tokenGeneration", 0),
        ("display_name", "Al"),
    ],
)
def test_a_bad_field_changes_nothing(alice: User, field: str, value: Any) -> None:
    client = as_user(alice)
    before = client.get("/api/me/").json()
    response = client.patch(
        "/api/me/", {field: value, "email": "new@example.com"} if field != "email" else {field: value}
    )
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert list(response.json()["details"]) == [field]
    assert client.get("/api/me/").json() == before


@pytest.mark.parametrize("text", [b"{", b'{"a\\ud800": 1}', b'"\xff"', b"9" * 5000, b"NaN"])
def test_what_is_no_json_is_told(alice: User, text: bytes) -> None:
    response = as_user(alice).patch("/api/me/", text, content_type="application/json")
    assert error_of(response) == (400, "INVALID_PAYLOAD")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/me/"),
        ("patch", "/api/me/"),
        ("get", "/api/users/"),
        ("get", "/api/users/01890000-0000-7000-8000-000000000000/"),
        ("get", "/api/blocks/"),
        ("post", "/api/blocks/"),
        ("delete", "/api/blocks/01890000-0000-7000-8000-000000000000/"),
    ],
)
def test_without_a_token_nothing_is_shown_or_changed(stranger: APIClient, method: str, path: str) -> None:
    assert error_of(stranger.generic(method.upper(), path)) == (401, "AUTH_REQUIRED")


def test_others_are_shown_without_their_email_address(alice: User, bob: User) -> None:
    body = as_user(bob).get("/api/users/?search=alice").json()
    shown = {
        "id": str(alice.pk),
        "username": "alice",
        "displayName": "Alice A.",
        "name": "Alice A.",
        "avatar": None,
        "isOnline": False,
        "status": "offline",
        "statusText": "",
        "lastSeenAt": None,
    }
    assert body == {"next": None, "previous": None, "results": [shown]}
    assert as_user(bob).get(f"/api/users/{alice.pk}/").json() == shown


def test_a_block_hides_two_people_from_each_other(alice: User, bob: User, person: Callable[..., User]) -> None:
    carol = person("carol")
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    for reader, other in ((alice, bob), (bob, alice)):
        client = as_user(reader)
        assert client.get(f"/api/users/?search={other.username}").json()["results"] == []
        assert error_of(client.get(f"/api/users/{other.pk}/")) == (404, "NOT_FOUND")
        assert client.get(f"/api/users/{carol.pk}/").status_code == 200


def test_a_page_of_people_takes_as_many_queries_as_one_of_them(
    person: Callable[..., User], alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        person(f"somebody{number}")
    client = as_user(alice)
    for limit in (1, 6):
        with django_assert_num_queries(4):
            assert len(client.get(f"/api/users/?limit={limit}").json()["results"]) == limit


def test_pages_of_people_are_by_name_and_whole(person: Callable[..., User], alice: User) -> None:
    for name in ("dora", "bert", "carl"):
        person(name)
    client, names, url = as_user(alice), [], "/api/users/?limit=3"
    while url:
        page = client.get(url).json()
        names += [user["username"] for user in page["results"]]
        url = page["next"]
    assert names == ["alice", "bert", "carl", "dora"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("search=%00", "search"),
        ("search=" + "a" * 151, "search"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("cursor=%FF", "cursor"),
    ],
)
def test_a_bad_search_is_told(alice: User, query: str, field: str) -> None:
    response = as_user(alice).get(f"/api/users/?{query}")
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert list(response.json()["details"]) == [field]


@pytest.mark.parametrize("path", ["users/{}/", "users/no-id/", "blocks/no-id/", "nothing", "", "users"])
def test_what_is_not_there_is_told_in_the_shape_of_all_errors(alice: User, path: str) -> None:
    assert error_of(as_user(alice).get("/api/" + path.format(uuid7()))) == (404, "NOT_FOUND")


def test_a_block_is_made_listed_and_taken_back(alice: User, bob: User) -> None:
    client = as_user(alice)
    made = client.post("/api/blocks/", {"userId": str(bob.pk)})
    assert made.status_code == 201
    body = made.json()
    assert MOMENT.fullmatch(body["createdAt"])
    assert (body["id"], body["userId"]) == (str(Block.objects.get().pk), str(bob.pk))
    assert body["user"] == {"id": str(bob.pk), "username": "bob", "displayName": "", "name": "bob", "avatar": None}
    assert client.post("/api/blocks/", {"userId": str(bob.pk)}).json() == body
    assert client.get("/api/blocks/").json()["results"] == [body]
    assert client.delete(f"/api/blocks/{bob.pk}/").status_code == 204
    assert error_of(client.delete(f"/api/blocks/{bob.pk}/")) == (404, "NOT_FOUND")


def test_nobody_sees_or_takes_back_the_blocks_of_others(alice: User, bob: User, person: Callable[..., User]) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    for other in (bob, person("carol")):
        client = as_user(other)
        assert client.get("/api/blocks/").json()["results"] == []
        assert client.delete(f"/api/blocks/{bob.pk}/").status_code == 404
        assert client.delete(f"/api/blocks/{alice.pk}/").status_code == 404
    assert Block.objects.exists()


@pytest.mark.parametrize("body", [{}, {"userId": "no-id"}, {"userId": None}, {"userId": 1.5}, {"user_id": "x"}, []])
def test_a_bad_block_is_told(alice: User, body: Any) -> None:
    assert error_of(as_user(alice).post("/api/blocks/", body)) == (400, "INVALID_PAYLOAD")


def test_nobody_blocks_themselves_or_nobody(alice: User) -> None:
    client = as_user(alice)
    response = client.post("/api/blocks/", {"userId": str(alice.pk)})
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert list(response.json()["details"]) == ["userId"]
    assert error_of(client.post("/api/blocks/", {"userId": str(uuid7())})) == (404, "NOT_FOUND")
