"""REST of messages."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chat import selectors, serializers, services
from chat.history import page
from chat.models import Message, Revision
from realtime.rest.schema import errors
from realtime.rest.views import CountedView, reader


@extend_schema(tags=["chat"])
class MessagesView(CountedView):
    """What was said in a conversation."""

    counts = {"POST": "message.send"}

    @extend_schema(
        parameters=[serializers.PageSerializer],
        responses={200: serializers.MessagePageSerializer, **errors(400, 401, 404, 429)},
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The last messages, or those `before` or `after` a position; always in ascending order."""
        asked = serializers.PageSerializer.read(request.query_params.dict())
        messages = selectors.messages_of(reader(request), conversation_id)
        found = page(messages, url=request.build_absolute_uri(request.path), **asked)
        context = selectors.message_context(reader(request), [conversation_id])
        return Response(serializers.MessagePageSerializer(found, context=context).data)

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
        shown = selectors.get_own_message(reader(request), message.pk)
        context = selectors.message_context(reader(request))
        return Response(serializers.MessageSerializer(shown, context=context).data, status=201)


@extend_schema(tags=["chat"])
class MessageView(CountedView):
    """One message."""

    counts = {"PATCH": "message.edit", "DELETE": "message.delete"}

    @extend_schema(responses={200: serializers.ListedMessageSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, message_id: UUID) -> Response:
        """Show it to a member."""
        message = selectors.get_message(reader(request), message_id)
        context = selectors.message_context(reader(request), [message.conversation_id])
        return Response(serializers.ListedMessageSerializer(message, context=context).data)

    @extend_schema(
        request=serializers.EditSerializer,
        responses={200: serializers.MessageSerializer, **errors(400, 401, 403, 404, 413, 429)},
    )
    def patch(self, request: Request, message_id: UUID) -> Response:
        """Say it otherwise, as its sender."""
        data = serializers.EditSerializer.read(request)
        message: Message = services.edit_message(actor_id=reader(request), message_id=message_id, **data)
        shown = selectors.get_own_message(reader(request), message.pk)
        context = selectors.message_context(reader(request))
        return Response(serializers.MessageSerializer(shown, context=context).data)

    @extend_schema(
        parameters=[serializers.DeletionSerializer], responses={204: None, **errors(400, 401, 403, 404, 429)}
    )
    def delete(self, request: Request, message_id: UUID) -> Response:
        """Delete it for all, or with `forEveryone=false` for oneself."""
        asked = serializers.DeletionSerializer.read(request.query_params.dict())
        services.delete_message(actor_id=reader(request), message_id=message_id, **asked)
        return Response(status=204)


@extend_schema(tags=["chat"], responses={200: serializers.RevisionSerializer(many=True), **errors(400, 401, 404, 429)})
class RevisionsView(ListAPIView[Revision]):
    """What a message said before it was edited, the oldest first."""

    serializer_class = serializers.RevisionSerializer
    ordering = "id"

    def get_queryset(self) -> QuerySet[Revision]:
        """All of them, for who may see the message."""
        if getattr(self, "swagger_fake_view", False):
            return Revision.objects.none()
        return selectors.revisions_of(reader(self.request), self.kwargs["message_id"])
