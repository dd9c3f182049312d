"""`auth` has a rate: tokens are not checked without end."""

import pytest

from accounts.models import User
from accounts.tokens import access_token
from tests.realtime.transports.socketio.clients import Client
from tests.realtime.transports.socketio.conftest import Configure, Open

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def is_limited(client: Client, namespace: str, token: str) -> bool:
    """Whether it is refused with advice when to try again."""
    answer = (await client.call(namespace, "auth", token))[0]
    return bool(answer.get("code") == "RATE_LIMITED" and answer["retryAfter"] >= 1)


async def test_a_user_has_one_rate_over_all_connections(
    open_client: Open, configure: Configure, alice: User, bob: User
) -> None:
    configure(auth_rate="2/minute")
    one, two, other = await open_client(), await open_client(), await open_client()
    for client, user in ((one, alice), (two, alice), (other, bob)):
        await client.enter("/locked", {"token": access_token(user)})
    for client in (one, two):
        assert await client.call("/locked", "auth", access_token(alice)) == [{"userId": str(alice.pk)}]
    assert await is_limited(one, "/locked", access_token(alice))
    two.emit("/locked", "auth", "nonsense")
    assert (await two.expect("error"))[0]["code"] == "RATE_LIMITED"
    for client in (one, two):
        assert await client.call("/locked", "message", 1) == [1]
    assert await other.call("/locked", "auth", access_token(bob)) == [{"userId": str(bob.pk)}]


async def test_who_is_nobody_yet_cannot_have_tokens_checked_without_end(
    open_client: Open, configure: Configure, alice: User
) -> None:
    configure(auth_rate="2/minute")
    client = await open_client()
    await client.enter("/lab")
    for _ in range(2):
        assert (await client.call("/lab", "auth", "nonsense"))[0]["code"] == "AUTH_FAILED"
    assert await is_limited(client, "/lab", access_token(alice))
    assert await client.call("/lab", "message", 1) == [1]


async def test_who_has_to_prove_itself_again_may_wait_for_its_turn(
    open_client: Open, configure: Configure, alice: User
) -> None:
    configure(auth_rate="1/minute")
    lost = await open_client()
    pid = (await lost.enter("/band"))["pid"]
    await lost.call("/band", "auth", access_token(alice))
    await lost.call("/band", "auth", access_token(alice))  # the first as Alice
    await lost.leave()
    client = await open_client()
    await client.enter("/band", {"pid": pid})
    assert await is_limited(client, "/band", access_token(alice))
    client.emit("/band", "auth", access_token(alice))
    assert (await client.expect("error"))[0]["code"] == "RATE_LIMITED"
    assert (await client.call("/band", "message", 1))[0]["code"] == "NOT_AUTHENTICATED"
    configure(auth_rate="2/minute")
    assert await client.call("/band", "auth", access_token(alice)) == [{"userId": str(alice.pk)}]
    assert await client.call("/band", "message", 1) == [1]
