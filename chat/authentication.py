"""Links to one file, signed for one person: for `<img>` and `<video>`, which send no token."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.models import User
from accounts.tokens import fingerprint
from realtime.errors import ClientError

SALT: Final = "chat.attachments.link"


def link_token(user: User, attachment: UUID) -> tuple[str, datetime]:
    """A token for this file alone, and when it ends; earlier if the user's own tokens are ended."""
    token = signing.dumps([attachment.hex, user.pk.hex, fingerprint(user)], salt=SALT)
    return token, timezone.now() + timedelta(seconds=settings.CHAT_LINK_AGE)


class LinkAuthentication(BaseAuthentication):
    """`?token=` of a link. Whoever it was signed for may see no more with it than without."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """For whom it was signed; None without a token, ClientError for a bad one."""
        token = request.query_params.get("token")
        if token is None:
            return None
        try:
            attachment, user_id, generation = signing.loads(token, salt=SALT, max_age=settings.CHAT_LINK_AGE)
        except signing.SignatureExpired as error:
            raise ClientError("TOKEN_EXPIRED", "The link has expired.") from error
        except signing.BadSignature as error:
            raise _refusal() from error
        user = User.objects.filter(pk=user_id, is_active=True).first()
        if user is None or generation != fingerprint(user) or attachment != self._asked(request).hex:
            raise _refusal()
        return user, None

    def _asked(self, request: Request) -> UUID:
        context: Any = request.parser_context
        return UUID(str(context["kwargs"]["attachment_id"]))


def _refusal() -> ClientError:
    return ClientError("AUTH_FAILED", "Authentication failed")


class LinkScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How OpenAPI names it."""

    target_class = LinkAuthentication
    name = "link"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A token in the query."""
        return {"type": "apiKey", "in": "query", "name": "token"}
