"""The core's WebSocket routes."""

from typing import Any, cast

from django.urls import path

from realtime.transports.consumer import PlainConsumer

# Any: the stubs of Django's `path` know views only.
websocket_urlpatterns: list[Any] = [path("ws/", cast(Any, PlainConsumer.as_asgi()))]
