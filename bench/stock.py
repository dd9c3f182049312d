"""What to compare with: the consumer of the Channels tutorial, as JSON, on daphne with channels_redis."""

import os
import secrets
from typing import Any, cast

import django
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import re_path

LAYER = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [os.environ.get("REDIS_URL", "")]}}

if not settings.configured:
    settings.configure(
        SECRET_KEY=secrets.token_hex(),
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["channels"],
        CHANNEL_LAYERS={"default": LAYER},
    )
    django.setup()


class Chat(AsyncJsonWebsocketConsumer):
    """Everybody in a room hears what anybody says there."""

    async def connect(self) -> None:
        self.room = "chat_" + self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "message": content})

    async def chat_message(self, event: dict[str, Any]) -> None:
        """From the layer to the client."""
        await self.send_json(event["message"])


class Echo(AsyncJsonWebsocketConsumer):
    """The same message back."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json(content)


# Any: the stubs of Django's `re_path` know views only.
ROUTES: list[Any] = [
    re_path(r"^ws/(?P<room>\w+)$", cast(Any, Chat.as_asgi())),
    re_path(r"^echo$", cast(Any, Echo.as_asgi())),
]
application = ProtocolTypeRouter({"websocket": URLRouter(ROUTES)})
