"""REST of messages."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from chat import selectors, serializers, services
from chat.history import page
from realtime.rest.schema import errors
from realtime.rest.throttling import command_throttle
from realtime.rest.views import reader


@extend_schema(tags=["chat"])
class MessagesView(APIView):
    """What was said in a conversation."""

    def get_throttles(self) -> list[BaseThrottle]:
        """Sending counts with the socket's `message.send`."""
        if self.request.method == "POST":
            return [command_throttle("message.send"), *super().get_throttles()]
        return super().get_throttles()

    @extend_schema(
        parameters=[serializers.PageSerializer],
        responses={200: serializers.MessagePageSerializer, **errors(400, 401, 404, 429)},
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The last messages, or those `before` or `after` a position; always in ascending order."""
        asked = serializers.PageSerializer.read(request.query_params.dict())
        messages = selectors.messages_of(reader(request), conversation_id)
        return Response(page(messages, url=request.build_absolute_uri(request.path), **asked))

    @extend_schema(
        request=serializers.NewMessageSerializer,
        responses={201: serializers.MessageSerializer, **errors(400, 401, 403, 404, 413, 429)},
    )
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Say something; the same `tempId` again answers with the first message."""
        data = serializers.NewMessageSerializer.read(request)
        message = services.send_message(
            sender_id=reader(request), conversation_id=conversation_id, acknowledge=True, **data
        )
        return Response(serializers.MessageSerializer(message).data, status=201)
