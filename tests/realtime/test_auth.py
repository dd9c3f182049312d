"""Where a token may stand, and that it stands there no more."""

from typing import Any

import pytest
from pytest_django import Settings

from realtime import auth
from realtime.auth import Credentials, Identity, authenticate, take_token
from realtime.errors import ClientError


def scope(*headers: tuple[bytes, bytes], offers: tuple[str, ...] = ()) -> dict[str, Any]:
    offered = [(b"sec-websocket-protocol", ", ".join(offers).encode())] if offers else []
    return {"headers": [(b"host", b"a"), *headers, *offered], "subprotocols": list(offers)}


@pytest.mark.parametrize(
    ("headers", "offers", "token"),
    [
        ([], [], None),
        ([(b"authorization", b"Bearer T")], [], "T"),
        ([(b"authorization", b"bearer   T  ")], [], "T"),
        ([(b"authorization", b"BEARER T")], [], "T"),
        ([(b"authorization", b"Bearer")], [], None),
        ([(b"authorization", b"Bearer ")], [], None),
        ([(b"authorization", b"T")], [], None),
        ([(b"authorization", b"Basic YTpi")], [], None),
        ([(b"authorization", b"\xff\xfe")], [], None),
        ([], ["realtime.v1", "bearer.T"], "T"),
        ([], ["bearer.T", "realtime.v1"], "T"),
        ([], ["realtime.v1", "bearer.T", "bearer.U"], "T"),
        ([], ["realtime.v1", "bearer."], None),
        ([], ["realtime.v1", "bearer"], None),
        ([(b"authorization", b"Bearer H")], ["realtime.v1", "bearer.S"], "H"),
    ],
)
def test_a_token_is_found_and_taken_out(
    headers: list[tuple[bytes, bytes]], offers: list[str], token: str | None
) -> None:
    given = scope(*headers, offers=tuple(offers))
    kept_headers, kept_offers = given["headers"], given["subprotocols"]
    assert take_token(given) == token
    assert given["headers"] is kept_headers  # the server holds on to these very lists
    assert given["subprotocols"] is kept_offers
    assert given["headers"] == [(b"host", b"a")]
    assert given["subprotocols"] == [offer for offer in offers if not offer.startswith("bearer.")]


def identify(token: str) -> Credentials:
    if token != "good":
        raise ClientError("AUTH_FAILED", "Authentication failed")
    return Credentials(Identity(id="1", username="ann"), expires_at=1e10, generation="g")


@pytest.mark.asyncio
async def test_the_project_says_what_a_token_means(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "AUTHENTICATOR": f"{__name__}.identify"}
    credentials = await authenticate("good")
    assert (credentials.identity.username, credentials.generation) == ("ann", "g")
    assert credentials.checked_at > 0
    with pytest.raises(ClientError):
        await authenticate("bad")


def test_another_setting_does_not_make_the_authenticator_be_looked_up_again(settings: Settings) -> None:
    found = auth.authenticator()
    settings.CHAT_MAX_TEXT = 5
    assert auth.authenticator.cache_info().currsize == 1
    assert auth.authenticator() is found


def test_an_identity_is_a_value_that_looks_like_a_user() -> None:
    ann = Identity(id="1", username="ann")
    assert (ann.is_authenticated, ann.is_anonymous, ann.is_staff) == (True, False, False)
    assert ann == Identity(id="1", username="ann")
    with pytest.raises(AttributeError):
        ann.id = "2"  # type: ignore[misc]


# -- defects ------------------------------------------------------------------------------------------


def test_basic_authentication_of_a_proxy_does_not_hide_the_token_of_a_browser() -> None:
    given = scope((b"authorization", b"Basic YTpi"), offers=("realtime.v1", "bearer.T"))
    assert take_token(given) == "T"
