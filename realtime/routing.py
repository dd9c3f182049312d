"""The core's WebSocket routes."""

from django.urls import path

from realtime.transports.consumer import PlainConsumer

websocket_urlpatterns = [path("ws/", PlainConsumer.as_asgi())]
