"""REST of conversations."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import selectors, serializers, services
from chat.filters import ConversationFilter
from chat.models import Conversation
from realtime.rest.schema import errors
from realtime.rest.views import CountedView, reader


def shown(request: Request, conversation_id: UUID, *, status: int = 200) -> Response:
    """A conversation as the reader has it now."""
    conversation = selectors.get_conversation(reader(request), conversation_id)
    return Response(serializers.ConversationSerializer(conversation).data, status=status)


@extend_schema(tags=["chat"])
class ConversationsView(CountedView, ListAPIView[Conversation]):
    """One's conversations."""

    counts = {"POST": "conversation"}
    serializer_class = serializers.ConversationSerializer
    filter_backends = (DjangoFilterBackend,)
    filterset_class = ConversationFilter
    ordering = ("-place", "-id")

    def get_queryset(self) -> QuerySet[Conversation]:
        """The reader's own."""
        if getattr(self, "swagger_fake_view", False):
            return Conversation.objects.none()
        return selectors.conversations_of(reader(self.request))

    @extend_schema(responses={200: serializers.ConversationSerializer(many=True), **errors(400, 401, 429)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The pinned ones first, then the liveliest."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=serializers.NewConversationSerializer,
        responses={201: serializers.ConversationSerializer, **errors(400, 401, 429)},
    )
    def post(self, request: Request) -> Response:
        """Begin one; for a pair that has one already, that comes back."""
        data = serializers.NewConversationSerializer.read(request)
        conversation = services.create_conversation(creator_id=reader(request), **data)
        return shown(request, conversation.pk, status=201)


@extend_schema(tags=["chat"])
class ConversationView(APIView):
    """One conversation."""

    @extend_schema(responses={200: serializers.ConversationSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Show it to a member."""
        return shown(request, conversation_id)

    @extend_schema(
        request=serializers.TitleSerializer,
        responses={200: serializers.ConversationSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Give a group another title, as its owner or an admin."""
        data = serializers.TitleSerializer.read(request)
        services.rename_conversation(actor_id=reader(request), conversation_id=conversation_id, **data)
        return shown(request, conversation_id)

    @extend_schema(responses={204: None, **errors(400, 401, 403, 404, 429)})
    def delete(self, request: Request, conversation_id: UUID) -> Response:
        """End a group for all, as its owner; nothing of it is kept."""
        services.end_conversation(actor_id=reader(request), conversation_id=conversation_id)
        return Response(status=204)


@extend_schema(tags=["chat"])
class OwnView(APIView):
    """What a conversation is to oneself."""

    @extend_schema(
        request=serializers.PreferencesSerializer,
        responses={200: serializers.ConversationSerializer, **errors(400, 401, 404, 429)},
    )
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Pin it, or mute it for a time; nobody else is told."""
        data = serializers.PreferencesSerializer.read(request)
        services.set_preferences(user_id=reader(request), conversation_id=conversation_id, **data)
        return shown(request, conversation_id)
