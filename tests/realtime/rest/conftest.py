"""Small views, asked directly."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

JSON = "application/json"
Answer = tuple[int, dict[str, Any], dict[str, str]]


@pytest.fixture
def answer() -> Callable[..., Answer]:
    """`answer(body, raw)` is what a view answers to `raw` that runs `body(request)`: status, JSON, headers."""

    def ask(body: Callable[[Request], Any], raw: bytes = b"", media: str = JSON, **policies: Any) -> Answer:
        class View(APIView):
            authentication_classes = policies.get("authentication_classes", ())
            permission_classes = policies.get("permission_classes", (AllowAny,))
            parser_classes = policies.get("parser_classes", APIView.parser_classes)
            throttle_classes = ()

            def post(self, request: Request) -> Response:
                return Response(body(request))

        request = APIRequestFactory().generic("POST", "/", raw, media)  # type: ignore[arg-type]
        response = View.as_view()(request).render()
        return response.status_code, json.loads(response.content), dict(response.items())

    return ask
