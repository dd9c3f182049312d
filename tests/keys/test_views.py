"""REST of the key directory: who may, who may not, and what bad input gets."""

import json
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user, deactivate_user
from keys import urls
from keys.models import Device, OneTimeKey
from realtime.limits import limits
from tests.accounts.conftest import as_user, error_of
from tests.keys.material import body, text

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
LIST = "/api/keys/"
PHONE = f"{LIST}phone/"
REFILL = f"{PHONE}one-time-keys/"


def person(user: User | Any) -> str:
    return f"{LIST}users/{getattr(user, 'pk', user)}/"


def claim_of(user: User | Any) -> str:
    return f"{person(user)}claim/"


def keys(*ids: int, of: str = "phone") -> dict[str, Any]:
    return {"oneTimeKeys": body(ids=ids, of=of)["oneTimeKeys"]}


def everything(user: User) -> list[tuple[str, str, Any]]:
    return [
        ("get", LIST, None),
        ("put", PHONE, body()),
        ("delete", PHONE, None),
        ("post", REFILL, keys(9)),
        ("get", person(user), None),
        ("post", claim_of(user), {}),
    ]


def test_without_a_token_nothing_is_there(alice: User) -> None:
    for method, address, data in everything(alice):
        assert error_of(getattr(APIClient(), method)(address, data)) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_other_methods_are_refused(alice: User, method: str) -> None:
    for address in (LIST, REFILL, person(alice), claim_of(alice)):
        assert getattr(as_user(alice), method)(address, {}).status_code == 405


def test_a_device_is_entered_shown_refilled_and_taken_out(alice: User) -> None:
    client = as_user(alice)
    entered = client.put(PHONE, body())
    assert entered.status_code == 201
    assert entered.json() == {
        "deviceId": "phone",
        **{name: body()[name] for name in ("identityKey", "signedPreKey")},
        "identityChangedAt": None,
        "createdAt": entered.json()["createdAt"],
        "updatedAt": entered.json()["updatedAt"],
        "oneTimeKeysLeft": 3,
    }
    assert client.get(LIST).json() == {"next": None, "previous": None, "results": [entered.json()]}
    again = client.put(PHONE, body(ids=[4]))
    assert (again.status_code, again.json()["oneTimeKeysLeft"]) == (200, 1)
    refilled = client.post(REFILL, keys(5, 6))
    assert (refilled.status_code, refilled.json()["oneTimeKeysLeft"]) == (200, 3)
    assert client.delete(PHONE).status_code == 204
    assert error_of(client.delete(PHONE)) == (404, "NOT_FOUND")
    assert error_of(client.post(REFILL, keys(7))) == (404, "NOT_FOUND")
    assert client.get(LIST).json()["results"] == []


@pytest.mark.parametrize("name", ["%00", "a%00b", "%FF", "x" * 5000, "a b"])
def test_under_what_can_be_no_name_there_is_no_device(alice: User, name: str) -> None:
    client = as_user(alice)
    assert error_of(client.delete(f"{LIST}{name}/")) == (404, "NOT_FOUND")
    assert error_of(client.post(f"{LIST}{name}/one-time-keys/", keys(9))) == (404, "NOT_FOUND")


def test_another_person_sees_the_lasting_keys_and_claims_the_others(alice: User, bob: User) -> None:
    as_user(alice).put(PHONE, body(ids=[1]))
    client = as_user(bob)
    shown = client.get(person(alice)).json()
    assert shown["userId"] == str(alice.pk)
    [lasting] = shown["devices"]
    assert sorted(lasting) == [
        "createdAt",
        "deviceId",
        "identityChangedAt",
        "identityKey",
        "signedPreKey",
        "updatedAt",
    ]
    first = client.post(claim_of(alice)).json()  # a body is not needed
    assert first == {"userId": str(alice.pk), "devices": [lasting | {"oneTimeKey": body()["oneTimeKeys"][0]}]}
    assert client.post(claim_of(alice), {}).json()["devices"] == [lasting | {"oneTimeKey": None}]
    assert as_user(alice).get(LIST).json()["results"][0]["oneTimeKeysLeft"] == 0


def test_another_identity_can_be_seen(alice: User, bob: User) -> None:
    as_user(alice).put(PHONE, body())
    as_user(alice).put(PHONE, body("another"))
    [device] = as_user(bob).get(person(alice)).json()["devices"]
    assert device["identityKey"] == text("another")
    assert device["createdAt"] < device["identityChangedAt"] <= device["updatedAt"]


def test_only_named_devices_give_a_key(alice: User, bob: User) -> None:
    as_user(alice).put(PHONE, body())
    as_user(alice).put(f"{LIST}laptop/", body(of="laptop"))
    devices = as_user(bob).post(claim_of(alice), {"deviceIds": ["laptop"]}).json()["devices"]
    assert [(each["deviceId"], each["oneTimeKey"]["keyId"]) for each in devices] == [("laptop", 1)]
    assert [each["oneTimeKeysLeft"] for each in as_user(alice).get(LIST).json()["results"]] == [3, 2]


def test_across_a_block_nobody_is_there(alice: User, bob: User, carol: User) -> None:
    as_user(alice).put(PHONE, body())
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    deactivate_user(user_id=carol.pk)
    for asker, user in ((bob, alice), (alice, bob), (alice, carol), (alice, uuid7())):
        assert error_of(as_user(asker).get(person(user))) == (404, "NOT_FOUND")
        assert error_of(as_user(asker).post(claim_of(user), {})) == (404, "NOT_FOUND")
    assert OneTimeKey.objects.filter(claimed_at=None).count() == 3


def test_claims_are_limited_for_a_pair_and_for_an_asker(
    alice: User, bob: User, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"keys_claim": "3/minute", "keys_claim_pair": "2/hour"}
    monkeypatch.setattr(project_settings, "THROTTLES", project_settings.THROTTLES | rates)
    limits.cache_clear()
    as_user(alice).put(PHONE, body(ids=range(10)))
    client = as_user(bob)
    for _ in range(2):
        assert client.post(claim_of(alice), {}).status_code == 200
    refused = client.post(claim_of(alice), {})
    assert error_of(refused) == (429, "RATE_LIMITED")
    assert int(refused["Retry-After"]) > 60
    assert as_user(carol).post(claim_of(alice), {}).status_code == 200  # who asked for none yet
    assert client.get(person(alice)).status_code == 200
    monkeypatch.setattr(project_settings, "THROTTLES", project_settings.THROTTLES | {"keys_claim": "1/minute"})
    limits.cache_clear()
    assert client.post(claim_of(carol), {}).status_code == 200
    assert error_of(client.post(claim_of(alice), {})) == (429, "RATE_LIMITED")
    assert OneTimeKey.objects.exclude(claimed_at=None).count() == 3


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"identityKey": None}, 400, "INVALID_PAYLOAD"),
        ({"identityKey": 5}, 400, "INVALID_PAYLOAD"),
        ({"identityKey": "no base64"}, 400, "INVALID_PAYLOAD"),
        ({"identityKey": "nul\x00"}, 400, "INVALID_PAYLOAD"),
        ({"signedPreKey": None}, 400, "INVALID_PAYLOAD"),
        ({"signedPreKey": []}, 400, "INVALID_PAYLOAD"),
        ({"signedPreKey": {"keyId": 1, "publicKey": text("x")}}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": None}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": {}}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": [None]}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": [{"keyId": "1", "publicKey": text("x")}]}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": [{"keyId": True, "publicKey": text("x")}]}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": [{"keyId": 1.5, "publicKey": text("x")}]}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": [{"keyId": 2**31, "publicKey": text("x")}]}, 400, "INVALID_PAYLOAD"),
        ({"oneTimeKeys": [{"keyId": 1, "publicKey": text("x"), "privateKey": text("y")}]}, 400, "INVALID_PAYLOAD"),
        (keys(1, 1), 400, "INVALID_PAYLOAD"),
        (keys(*range(101)), 400, "INVALID_PAYLOAD"),
        ({"privateKey": text("y")}, 400, "INVALID_PAYLOAD"),
        (keys(2, of="other"), 409, "CONFLICT"),
    ],
)
def test_bad_keys_are_refused(alice: User, bob: User, change: Any, status: int, code: str) -> None:
    client = as_user(alice)
    client.put(PHONE, body(ids=[2]))
    as_user(bob).post(claim_of(alice), {})
    assert error_of(client.put(PHONE, body() | change)) == (status, code)
    if set(change) == {"oneTimeKeys"}:
        assert error_of(client.post(REFILL, change)) == (status, code)
    assert not OneTimeKey.objects.filter(claimed_at=None).exists()


def test_a_refusal_names_what_is_wrong(alice: User) -> None:
    answer = as_user(alice).put(PHONE, body() | {"identityKey": "?"}).json()
    assert list(answer["details"]) == ["identityKey"]
    assert "base64" in answer["message"]
    assert list(as_user(alice).put(f"{LIST}a b/", body()).json()["details"]) == ["deviceId"]


@pytest.mark.parametrize("data", [[], {"deviceIds": "phone"}, {"deviceIds": [[]]}, {"deviceIds": ["a"] * 21}, {"x": 1}])
def test_a_bad_claim_is_refused(alice: User, bob: User, data: Any) -> None:
    assert error_of(as_user(bob).post(claim_of(alice), data)) == (400, "INVALID_PAYLOAD")


def test_lists_take_the_same_number_of_queries_for_one_as_for_many(alice: User, bob: User) -> None:
    client, other = as_user(alice), as_user(bob)
    counts = []
    for names in (["a"], ["b", "c", "d", "e"]):
        for name in names:
            client.put(f"{LIST}{name}/", body(ids=range(len(names)), of=name))
        for asker, address in ((client, LIST), (other, person(alice))):
            with CaptureQueriesContext(connection) as queries:
                assert asker.get(address).status_code == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 3


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
key_like = st.fixed_dictionaries({}, optional=dict.fromkeys(("keyId", "publicKey", "signature"), anything))
bodies = anything | st.fixed_dictionaries(
    {},
    optional={
        "identityKey": anything | st.just(text("x")),
        "signedPreKey": anything | key_like | st.just(body()["signedPreKey"]),
        "oneTimeKeys": anything | st.lists(key_like | st.just(body()["oneTimeKeys"][0]), max_size=3),
        "deviceIds": anything | st.lists(st.text(max_size=70), max_size=3),
    },
)
quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quickly
@given(data=bodies, name=st.text(min_size=1, max_size=70).filter(lambda name: name not in {".", ".."}))
def test_whatever_comes_in_is_no_fault_of_the_server(alice: User, bob: User, data: Any, name: str) -> None:
    limits.cache_clear()
    client = as_user(alice)
    client.put(PHONE, body())
    sent = json.dumps(data)
    for method, address in (
        ("put", PHONE),
        ("post", REFILL),
        ("post", claim_of(bob)),
        ("put", f"{LIST}{name}/"),
        ("delete", f"{LIST}{name}/"),
    ):
        answer = client.generic(method.upper(), address, sent, content_type="application/json")
        assert answer.status_code in {200, 201, 204, 400, 404, 405, 409}, answer.content


def test_openapi_describes_every_address_without_a_warning() -> None:
    generator: Any = SchemaGenerator(patterns=urls.api_urlpatterns)  # type: ignore[no-untyped-call]
    GENERATOR_STATS.reset()
    schema = generator.get_schema(public=True)
    assert not GENERATOR_STATS
    assert set(schema["paths"]) == {
        "/keys/",
        "/keys/users/{userId}/",
        "/keys/users/{userId}/claim/",
        "/keys/{deviceId}/",
        "/keys/{deviceId}/one-time-keys/",
    }
    names = {name for part in schema["components"]["schemas"].values() for name in part.get("properties", {})}
    assert {"identityKey", "signedPreKey", "oneTimeKey", "oneTimeKeysLeft", "deviceIds"} <= names
    assert not [name for name in names if "_" in name]


def test_a_device_shows_in_the_list_of_nobody_else(alice: User, bob: User) -> None:
    as_user(alice).put(PHONE, body())
    assert as_user(bob).get(LIST).json()["results"] == []
    assert Device.objects.count() == 1
