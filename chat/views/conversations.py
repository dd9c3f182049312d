"""REST of conversations."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import selectors, serializers, services
from chat.models import Conversation, Membership
from realtime.rest.schema import errors
from realtime.rest.views import reader


@extend_schema(tags=["chat"])
class ConversationsView(ListAPIView[Conversation]):
    """One's conversations."""

    serializer_class = serializers.ConversationSerializer
    ordering = ("-active_at", "-id")

    def get_queryset(self) -> QuerySet[Conversation]:
        """The reader's own, the liveliest first."""
        return selectors.conversations_of(reader(self.request))

    @extend_schema(
        request=serializers.NewConversationSerializer,
        responses={201: serializers.ConversationSerializer, **errors(400, 401, 429)},
    )
    def post(self, request: Request) -> Response:
        """Begin one; for a pair that has one already, that comes back."""
        data = serializers.NewConversationSerializer.read(request)
        conversation = services.create_conversation(creator_id=reader(request), **data)
        shown = selectors.get_conversation(reader(request), conversation.pk)
        return Response(serializers.ConversationSerializer(shown).data, status=201)


@extend_schema(tags=["chat"])
class ConversationView(APIView):
    """One conversation."""

    @extend_schema(responses={200: serializers.ConversationSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Show it to a member."""
        conversation = selectors.get_conversation(reader(request), conversation_id)
        return Response(serializers.ConversationSerializer(conversation).data)


@extend_schema(tags=["chat"])
class MembersView(ListAPIView[Membership]):
    """Who is in a conversation."""

    serializer_class = serializers.MemberSerializer
    ordering = "id"

    def get_queryset(self) -> QuerySet[Membership]:
        """All of them, for a member."""
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        return selectors.members_of(reader(self.request), self.kwargs["conversation_id"])

    @extend_schema(
        request=serializers.NewMemberSerializer,
        responses={201: serializers.MemberSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Let somebody in."""
        data = serializers.NewMemberSerializer.read(request)
        member = services.add_member(actor_id=reader(request), conversation_id=conversation_id, **data)
        shown = selectors.get_member(reader(request), conversation_id, member.user_id)
        return Response(serializers.MemberSerializer(shown).data, status=201)


@extend_schema(tags=["chat"])
class MemberView(APIView):
    """One member."""

    @extend_schema(responses={204: None, **errors(400, 401, 403, 404, 429)})
    def delete(self, request: Request, conversation_id: UUID, user_id: UUID) -> Response:
        """Take somebody out, or leave."""
        services.remove_member(actor_id=reader(request), conversation_id=conversation_id, user_id=user_id)
        return Response(status=204)
