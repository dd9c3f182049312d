"""REST of accounts, and the page that confirms an address."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import confirming, selectors, serializers, services, tokens
from accounts.models import Block, User
from accounts.pages import LinkView
from accounts.presence import with_appearances
from realtime.rest.schema import errors
from realtime.rest.throttling import LoginThrottle, RegisterThrottle, UserThrottle
from realtime.rest.views import CountedView, reader


class PublicView(APIView):
    """Open to all; an expired token in the header does no harm, since nobody looks at it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


@extend_schema(tags=["auth"])
class RegisterView(PublicView):
    """New accounts."""

    throttle_classes = (RegisterThrottle,)

    @extend_schema(
        request=serializers.RegisterSerializer,
        responses={201: serializers.RegisteredSerializer, **errors(400, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Make an account and log it in."""
        user = services.register_user(**serializers.RegisterSerializer.read(request))
        return Response({"user": serializers.MeSerializer(user).data, **tokens.issue(user)}, status=201)


@extend_schema(tags=["auth"])
class TokenView(PublicView):
    """Logging in."""

    throttle_classes = (LoginThrottle,)

    @extend_schema(
        request=serializers.LogInSerializer,
        responses={200: serializers.TokenPairSerializer, **errors(400, 401, 429)},
    )
    def post(self, request: Request) -> Response:
        """Exchange name and password for a pair of tokens."""
        user = services.log_in(**serializers.LogInSerializer.read(request), request=request._request)
        return Response(tokens.issue(user))


@extend_schema(tags=["auth"])
class RefreshView(PublicView):
    """Staying logged in."""

    @extend_schema(
        request=serializers.RefreshSerializer,
        responses={200: serializers.TokenPairSerializer, **errors(400, 401, 429)},
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for a new pair."""
        return Response(tokens.renew(**serializers.RefreshSerializer.read(request)))


@extend_schema(tags=["auth"])
class LogoutView(PublicView):
    """Logging out of one device."""

    @extend_schema(request=serializers.RefreshSerializer, responses={204: None, **errors(400, 401, 429)})
    def post(self, request: Request) -> Response:
        """End a refresh token; again, nothing happens."""
        tokens.revoke(**serializers.RefreshSerializer.read(request))
        return Response(status=204)


@extend_schema(tags=["auth"])
class LogoutAllView(APIView):
    """Logging out everywhere."""

    @extend_schema(request=None, responses={204: None, **errors(401, 429)})
    def post(self, request: Request) -> Response:
        """End every token and every live connection of the user."""
        services.log_out_everywhere(user_id=reader(request))
        return Response(status=204)


@extend_schema(tags=["auth"])
class PasswordView(APIView):
    """Changing the password."""

    throttle_classes = (LoginThrottle, UserThrottle)

    @extend_schema(
        request=serializers.PasswordSerializer,
        responses={200: serializers.TokenPairSerializer, **errors(400, 401, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Set another password; all older tokens end, and here is a new pair."""
        user = services.change_password(user_id=reader(request), **serializers.PasswordSerializer.read(request))
        return Response(tokens.issue(user))


@extend_schema(tags=["accounts"])
class MeView(APIView):
    """One's own account."""

    @extend_schema(responses={200: serializers.MeSerializer, **errors(401, 429)})
    def get(self, request: Request) -> Response:
        """Show it."""
        return Response(serializers.MeSerializer(selectors.get_self(reader(request))).data)

    @extend_schema(request=serializers.MeSerializer, responses={200: serializers.MeSerializer, **errors(400, 401, 429)})
    def patch(self, request: Request) -> Response:
        """Change what is given."""
        serializer = serializers.MeSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        user = services.update_profile(user_id=reader(request), **serializer.validated_data)
        return Response(serializers.MeSerializer(user).data)


@extend_schema(tags=["accounts"])
class PrivacyView(APIView):
    """Who may see what."""

    @extend_schema(responses={200: serializers.PrivacySerializer, **errors(401, 429)})
    def get(self, request: Request) -> Response:
        """Show it."""
        return Response(serializers.PrivacySerializer(selectors.get_self(reader(request))).data)

    @extend_schema(
        request=serializers.PrivacySerializer, responses={200: serializers.PrivacySerializer, **errors(400, 401, 429)}
    )
    def patch(self, request: Request) -> Response:
        """Change what is given; who may not see you any more sees you go."""
        serializer = serializers.PrivacySerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        user = services.update_privacy(user_id=reader(request), **serializer.validated_data)
        return Response(serializers.PrivacySerializer(user).data)


@extend_schema(tags=["accounts"])
class PresenceView(CountedView):
    """What one is for others."""

    counts = {"PUT": "presence.set"}

    @extend_schema(responses={200: serializers.PresenceSerializer, **errors(401, 429)})
    def get(self, request: Request) -> Response:
        """Show what was chosen, on whatever device."""
        return Response(serializers.PresenceSerializer(selectors.get_self(reader(request))).data)

    @extend_schema(
        request=serializers.PresenceSerializer, responses={200: serializers.PresenceSerializer, **errors(400, 401, 429)}
    )
    def put(self, request: Request) -> Response:
        """Choose it, as `presence.set` does; what is left out is none."""
        chosen = serializers.PresenceSerializer.read(request)
        user = services.set_status(
            user_id=reader(request),
            status=chosen["status"],
            text=chosen.get("status_text") or "",
            expires_at=chosen.get("status_expires_at"),
        )
        return Response(serializers.PresenceSerializer(user).data)


@extend_schema(
    tags=["accounts"],
    parameters=[serializers.UserSearchSerializer],
    responses={200: serializers.UserSerializer(many=True), **errors(400, 401, 429)},
)
class UsersView(ListAPIView[User]):
    """Finding people."""

    serializer_class = serializers.UserSerializer
    ordering = "username"

    def get_queryset(self) -> QuerySet[User]:
        """Those whom the reader may see."""
        search = self.request.query_params.get("search", "")
        return selectors.visible_users(
            reader(self.request), **serializers.UserSearchSerializer.read({"search": search})
        )

    def paginate_queryset(self, queryset: Any) -> Any:
        """A page, each person with their appearance."""
        return with_appearances(reader(self.request), super().paginate_queryset(queryset) or [])


@extend_schema(tags=["accounts"])
class UserView(APIView):
    """One person."""

    @extend_schema(responses={200: serializers.UserSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, user_id: UUID) -> Response:
        """Show them; 404 too where a block parts the two."""
        (user,) = with_appearances(reader(request), [selectors.get_user(reader(request), user_id)])
        return Response(serializers.UserSerializer(user).data)


@extend_schema(tags=["accounts"])
class BlocksView(ListAPIView[Block]):
    """Blocks."""

    serializer_class = serializers.BlockSerializer

    def get_queryset(self) -> QuerySet[Block]:
        """The reader's own."""
        return selectors.blocks_of(reader(self.request))

    @extend_schema(responses={200: serializers.BlockSerializer(many=True), **errors(400, 401, 429)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whom the user has blocked."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=serializers.NewBlockSerializer,
        responses={201: serializers.BlockSerializer, **errors(400, 401, 404, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Block somebody; again, the same block comes back."""
        blocked = serializers.NewBlockSerializer.read(request)["user_id"]
        block = services.block_user(blocker_id=reader(request), blocked_id=blocked)
        return Response(serializers.BlockSerializer(block).data, status=201)


@extend_schema(tags=["accounts"])
class BlockView(APIView):
    """One block."""

    @extend_schema(responses={204: None, **errors(401, 404, 429)})
    def delete(self, request: Request, user_id: UUID) -> Response:
        """Take it back; `userId` is whom it was against."""
        services.unblock_user(blocker_id=reader(request), blocked_id=user_id)
        return Response(status=204)


class ConfirmEmailView(LinkView):
    """What a letter to a new address leads to."""

    template = "accounts/confirm_email.html"

    def read(self, token: str) -> confirming.Claim:
        return confirming.read(token)

    def do(self, asked: confirming.Claim) -> None:
        services.confirm_email(user_id=asked.user_id, email=asked.email)
