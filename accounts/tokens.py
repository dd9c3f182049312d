"""JSON web tokens: made, renewed and ended.

Stored are only the ids of refresh tokens that were used up, never a token itself.
"""

from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Self, TypedDict

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts.models import User
from realtime.errors import ClientError


class TokenPair(TypedDict):
    """What a client gets on logging in."""

    access: str
    refresh: str


def fingerprint(user: User) -> str:
    """The generation of a user's tokens: another after any change of the password, whoever made it.

    It gives nothing away: it is a hash of the salted password hash, and without its random salt,
    which no token shows, not even a guessed password can be tried against it.
    """
    return sha256(f"{user.password}:{user.token_generation}".encode()).hexdigest()[:16]


@lru_cache(maxsize=16)
def _backend(secret: str) -> TokenBackend:
    return TokenBackend(api_settings.ALGORITHM, secret)


class Keyring:
    """Signs with JWT_SECRET and verifies with JWT_SECRETS_OLD too, so that secrets can be rotated."""

    def encode(self, payload: dict[str, Any]) -> str:
        """Signed with the present secret."""
        return _backend(settings.JWT_SECRET).encode(payload)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The payload of a token that one of the secrets signed; TokenBackendError otherwise."""
        for secret in (settings.JWT_SECRET, *settings.JWT_SECRETS_OLD):
            try:
                return _backend(secret).decode(token, verify=verify)
            except TokenBackendExpiredToken:
                raise  # its signature was right
            except (TokenBackendError, ValueError):  # ValueError: text that is no UTF-8
                continue
        raise TokenBackendError("Token is invalid")

    def get_leeway(self) -> timedelta:
        """A token ends on the second."""
        return timedelta(0)


class _UserToken(simplejwt.Token):
    _token_backend = Keyring()  # type: ignore[assignment]

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """A token that a client sent; TokenError if it does not count."""
        return cls(text)  # type: ignore[arg-type]

    @classmethod
    def for_user(cls, user: User) -> Self:  # type: ignore[override]
        """With what every service may read: who, the wallet, and the generation."""
        token = cls()
        token["sub"], token["walletAddress"], token["gen"] = str(user.pk), user.wallet_address, fingerprint(user)
        return token

    def user(self) -> User:
        """Whose token it is; TokenError if it has been ended or the account shut."""
        user = User.objects.filter(pk=self._subject(), is_active=True).first()
        if user is None or self.get("gen") != fingerprint(user):
            raise TokenError("Token is revoked")
        return user

    def _subject(self) -> Any:
        try:
            return User._meta.pk.to_python(self.get("sub"))
        except ValidationError as error:
            raise TokenError("Token names no user") from error


class AccessToken(_UserToken, simplejwt.AccessToken):
    """Opens every door for an hour."""


class UsedUpError(TokenError):
    """The refresh token has been exchanged or logged out already."""


class RefreshToken(_UserToken, simplejwt.RefreshToken):  # type: ignore[misc]
    """Is exchanged once for a new pair."""

    access_token_class = AccessToken

    def check_blacklist(self) -> None:
        """UsedUpError after it was used."""
        if BlacklistedToken.objects.filter(token__jti=self.get("jti")).exists():
            raise UsedUpError("Token is used up")

    def use_up(self) -> None:
        """Once only, however many try at the same time: UsedUpError for all but the first."""
        outstanding, _ = OutstandingToken.objects.get_or_create(
            jti=self["jti"],
            # simplejwt would store the token itself here.
            defaults={"token": "", "created_at": timezone.now(), "expires_at": datetime_from_epoch(self["exp"])},
        )
        _, is_first = BlacklistedToken.objects.get_or_create(token=outstanding)
        if not is_first:
            raise UsedUpError("Token is used up")


def issue(user: User) -> TokenPair:
    """A new pair for someone who has just proved who they are."""
    refresh = RefreshToken.for_user(user)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def access_token(user: User) -> str:
    """An access token alone, for tests and tools on the server's side."""
    return str(AccessToken.for_user(user))


def verify(access: str) -> None:
    """ClientError unless it is an access token that we signed and whose time is not over; no query tells more."""
    try:
        AccessToken.parse(access)
    except TokenError as error:
        raise refusal(error) from error


def renew(refresh: str) -> TokenPair:
    """The next pair; ClientError if the refresh token does not count (any more)."""
    try:
        with transaction.atomic():
            token = RefreshToken.parse(refresh)
            user = token.user()
            token.use_up()
    except TokenError as error:
        raise refusal(error) from error
    return issue(user)


def revoke(refresh: str) -> None:
    """Log out: the refresh token ends, if it has not already; ClientError if it never was one."""
    try:
        with transaction.atomic():
            RefreshToken.parse(refresh).use_up()
    except (UsedUpError, ExpiredTokenError):
        return
    except TokenError as error:
        raise refusal(error) from error


def refusal(error: TokenError) -> ClientError:
    """What the client is told: only that a token is expired, or that it is no good."""
    if isinstance(error, ExpiredTokenError):
        return ClientError("TOKEN_EXPIRED", "The token has expired.")
    return ClientError("AUTH_FAILED", "Authentication failed")
