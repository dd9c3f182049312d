"""From a token to a user, for the socket and for REST."""

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework_simplejwt import authentication as simplejwt
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import User
from accounts.tokens import AccessToken, refusal
from realtime.auth import Credentials, Identity


def authenticate(token: str) -> Credentials:
    """Who the access token speaks for, by one query; ClientError TOKEN_EXPIRED or AUTH_FAILED."""
    access, user = _verified(token)
    return Credentials(identity_of(user), expires_at=float(access["exp"]), generation=access["gen"])


def identity_of(user: User) -> Identity:
    """The user as the real-time core knows them."""
    claims = {"walletAddress": user.wallet_address, "displayName": user.display_name}
    return Identity(id=str(user.pk), username=user.username, is_staff=user.is_staff, claims=claims)


def _verified(token: str | bytes) -> tuple[AccessToken, User]:
    try:
        access = AccessToken.parse(token)
        return access, access.user()
    except TokenError as error:
        raise refusal(error) from error


class JWTAuthentication(simplejwt.JWTAuthentication):
    """`Authorization: Bearer` with one of our access tokens."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[User, AccessToken] | None:  # type: ignore[override]
        """The user and the token; None without the header, ClientError for a bad one."""
        header = self.get_header(request)  # type: ignore[arg-type]
        raw = self.get_raw_token(header) if header else None
        if raw is None:
            return None
        access, user = _verified(raw)
        return user, access
