"""REST of what others do with a message: reactions and receipts."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chat import selectors, serializers, services
from chat.models import Reaction
from realtime.rest.schema import errors
from realtime.rest.views import CountedView, reader


@extend_schema(tags=["chat"])
class ReactionsView(CountedView, ListAPIView[Reaction]):
    """Emojis under a message, the oldest first."""

    counts = {"POST": "message.react", "DELETE": "message.react"}
    serializer_class = serializers.ReactionSerializer
    ordering = "id"

    def get_queryset(self) -> QuerySet[Reaction]:
        """All of them, for who may see the message."""
        if getattr(self, "swagger_fake_view", False):
            return Reaction.objects.none()
        return selectors.reactions_of(reader(self.request), self.kwargs["message_id"])

    @extend_schema(
        request=serializers.EmojiSerializer,
        responses={201: serializers.ReactionSerializer, **errors(400, 401, 404, 429)},
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        """Put one there; again, nothing changes."""
        data = serializers.EmojiSerializer.read(request)
        reaction = services.add_reaction(user_id=reader(request), message_id=message_id, **data)
        return Response(serializers.ReactionSerializer(reaction).data, status=201)

    @extend_schema(parameters=[serializers.EmojiSerializer], responses={204: None, **errors(400, 401, 404, 429)})
    def delete(self, request: Request, message_id: UUID) -> Response:
        """Take one's own away, named in the query or in the body."""
        data = serializers.EmojiSerializer.read(request.query_params.dict() or request)
        services.remove_reaction(user_id=reader(request), message_id=message_id, **data)
        return Response(status=204)


@extend_schema(tags=["chat"])
class DeliveredView(CountedView):
    """What has arrived."""

    counts = {"POST": "message.delivered"}

    @extend_schema(request=None, responses={204: None, **errors(401, 404, 429)})
    def post(self, request: Request, message_id: UUID) -> Response:
        """This message, and all before it."""
        services.mark_delivered(user_id=reader(request), message_id=message_id)
        return Response(status=204)


@extend_schema(tags=["chat"])
class ReadView(CountedView):
    """What was read."""

    counts = {"POST": "message.read"}

    @extend_schema(request=None, responses={204: None, **errors(401, 404, 429)})
    def post(self, request: Request, message_id: UUID) -> Response:
        """This message, and all before it."""
        services.mark_read(user_id=reader(request), message_id=message_id)
        return Response(status=204)
