"""REST of who is in a conversation."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import selectors, serializers, services
from chat.models import Membership
from realtime.rest.schema import errors
from realtime.rest.views import CountedView, reader


def shown(request: Request, conversation_id: UUID, user_id: UUID, *, status: int = 200) -> Response:
    """A member as the reader sees them now."""
    member = selectors.get_member(reader(request), conversation_id, user_id)
    return Response(serializers.MemberSerializer(member).data, status=status)


@extend_schema(tags=["chat"])
class MembersView(CountedView, ListAPIView[Membership]):
    """Who is in a conversation."""

    counts = {"POST": "member"}
    serializer_class = serializers.MemberSerializer
    ordering = "id"

    def get_queryset(self) -> QuerySet[Membership]:
        """All of them, for a member."""
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        return selectors.members_of(reader(self.request), self.kwargs["conversation_id"])

    @extend_schema(responses={200: serializers.MemberSerializer(many=True), **errors(400, 401, 404, 429)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """In the order in which they came."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=serializers.NewMemberSerializer,
        responses={201: serializers.MemberSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Let somebody into a group, as its owner or an admin."""
        data = serializers.NewMemberSerializer.read(request)
        services.add_member(actor_id=reader(request), conversation_id=conversation_id, **data)
        return shown(request, conversation_id, data["user_id"], status=201)


@extend_schema(tags=["chat"])
class MemberView(APIView):
    """One member."""

    @extend_schema(
        request=serializers.RoleSerializer,
        responses={200: serializers.MemberSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def patch(self, request: Request, conversation_id: UUID, user_id: UUID) -> Response:
        """Give a member of one's group another role; a new owner makes the old one an admin."""
        data = serializers.RoleSerializer.read(request)
        services.change_role(actor_id=reader(request), conversation_id=conversation_id, user_id=user_id, **data)
        return shown(request, conversation_id, user_id)

    @extend_schema(responses={204: None, **errors(400, 401, 403, 404, 429)})
    def delete(self, request: Request, conversation_id: UUID, user_id: UUID) -> Response:
        """Take somebody out, as the owner or (plain members) an admin; or leave."""
        services.remove_member(actor_id=reader(request), conversation_id=conversation_id, user_id=user_id)
        return Response(status=204)
