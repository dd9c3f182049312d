"""Rates of REST."""

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from realtime.rest.throttling import LoginThrottle, RegisterThrottle, UserThrottle


class ThrottledView(APIView):
    permission_classes = (AllowAny,)
    kind = BaseThrottle

    def get_throttles(self) -> list[BaseThrottle]:
        return [self.kind()]

    def post(self, request: Request) -> Response:
        return Response({})


@pytest.fixture(autouse=True)
def rates(settings: Any) -> None:
    settings.THROTTLES = {"user": "2/minute", "register": "2/minute", "login": "2/minute"}


def ask(kind: type[BaseThrottle], body: Any = None, user: Any = None, **environ: str) -> Response:
    request = APIRequestFactory().post("/", body, format="json", **environ)
    force_authenticate(request, user or AnonymousUser())
    response: Response = ThrottledView.as_view(kind=kind)(request).render()
    return response


def statuses(kind: type[BaseThrottle], *asked: dict[str, Any]) -> list[int]:
    return [ask(kind, **one).status_code for one in asked]


def somebody() -> Any:
    return get_user_model()(username="somebody")


def test_a_user_is_counted_wherever_they_are() -> None:
    ann, ben = somebody(), somebody()
    here, there = {"user": ann, "REMOTE_ADDR": "192.0.2.1"}, {"user": ann, "REMOTE_ADDR": "192.0.2.2"}
    assert statuses(UserThrottle, here, there, here, there) == [200, 200, 429, 429]
    assert statuses(UserThrottle, {"user": ben}) == [200]


def test_an_anonymous_request_counts_for_its_address() -> None:
    here, there = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}
    assert statuses(UserThrottle, here, here, here, there) == [200, 200, 429, 200]
    assert statuses(UserThrottle, {"user": somebody(), "REMOTE_ADDR": "192.0.2.1"}) == [200]


def test_each_kind_of_request_has_its_own_rate() -> None:
    here = {"REMOTE_ADDR": "192.0.2.1"}
    assert statuses(UserThrottle, here, here, here) == [200, 200, 429]
    assert statuses(RegisterThrottle, here, here, here) == [200, 200, 429]


def test_a_forged_header_changes_no_address() -> None:
    hops = [{"HTTP_X_FORWARDED_FOR": f"198.51.100.{number}"} for number in range(3)]
    assert statuses(RegisterThrottle, *hops) == [200, 200, 429]


def test_behind_a_trusted_proxy_the_header_tells_the_address(settings: Any) -> None:
    settings.REALTIME = settings.REALTIME | {"TRUSTED_PROXIES": ["127.0.0.1"]}
    hops = [{"HTTP_X_FORWARDED_FOR": f"198.51.100.{number}"} for number in range(3)]
    assert statuses(RegisterThrottle, *hops) == [200, 200, 200]
    assert statuses(RegisterThrottle, hops[0], hops[0]) == [200, 429]


def test_an_account_is_counted_in_any_case_and_from_everywhere() -> None:
    tries: list[dict[str, Any]] = [
        {"body": {"username": name}, "REMOTE_ADDR": f"192.0.2.{number}"}
        for number, name in enumerate(("ann", "ANN", "Ann", "ben"))
    ]
    assert statuses(LoginThrottle, *tries) == [200, 200, 429, 200]


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"username": None}, {"username": {"a": 1}}, {"username": "x" * 999}]
)
def test_a_body_without_an_account_is_counted_too(body: Any) -> None:
    assert statuses(LoginThrottle, *[{"body": body}] * 3) == [200, 200, 429]


def test_who_is_logged_in_is_counted_by_who_they_are() -> None:
    ann = somebody()
    tries = [{"user": ann, "body": {"username": str(number)}} for number in range(3)]
    assert statuses(LoginThrottle, *tries) == [200, 200, 429]


def test_a_refused_request_does_not_count_and_is_told_how_long_to_wait() -> None:
    response = [ask(UserThrottle) for _ in range(5)][-1]
    body = json.loads(response.content)
    assert body["code"] == "RATE_LIMITED"
    assert body["message"] == "Rate limit exceeded"
    assert 50 < body["retryAfter"] <= 60
    assert response["Retry-After"] == str(body["retryAfter"])
