"""Accounts on the wire."""

from typing import Any

from rest_framework import serializers

from accounts.models import Audience, Block, Status, User
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp

PASSWORD_LENGTH = 1000  # hashing reads all of it


class Password(serializers.CharField):
    """A password: nothing is trimmed, nothing shown."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"write_only": True, "trim_whitespace": False, "max_length": PASSWORD_LENGTH}
        super().__init__(style={"input_type": "password"}, **kwargs)


class Avatar(serializers.URLField):
    """An absolute URL, or null where there is none."""

    def run_validation(self, data: Any = serializers.empty) -> str:
        """The model holds an empty string for null."""
        return super().run_validation(data) or ""

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]
        """Null for an empty string."""
        return value or None


class PersonSerializer(CamelModelSerializer):
    """Somebody, as those see them who are told nothing more."""

    avatar = Avatar(read_only=True, allow_null=True)

    class Meta:
        """Never the e-mail address."""

        model = User
        fields: tuple[str, ...] = ("id", "username", "display_name", "name", "avatar")
        read_only_fields: tuple[str, ...] = fields


class UserSerializer(PersonSerializer):
    """Somebody with their presence, as the reader may see it: an `appearance` has to be there."""

    is_online = serializers.BooleanField(source="appearance.is_online", read_only=True)
    status = serializers.ChoiceField(Status.choices, source="appearance.status", read_only=True)
    status_text = serializers.CharField(source="appearance.text", read_only=True)
    last_seen_at = Timestamp(source="appearance.last_seen_at", read_only=True, allow_null=True)

    class Meta(PersonSerializer.Meta):
        """With their presence."""

        fields: tuple[str, ...] = (
            *PersonSerializer.Meta.fields,
            "is_online",
            "status",
            "status_text",
            "last_seen_at",
        )
        read_only_fields: tuple[str, ...] = fields


class MeSerializer(CamelModelSerializer):
    """One's own account."""

    avatar = Avatar(required=False, allow_null=True, max_length=500)
    created_at = Timestamp(source="date_joined", read_only=True)
    email_confirmed = serializers.BooleanField(source="mailbox", read_only=True)

    class Meta:
        """A wallet address is set by staff: nobody proves here that it is theirs."""

        model = User
        fields = (
            "id",
            "username",
            "email",
            "email_confirmed",
            "display_name",
            "avatar",
            "wallet_address",
            "mail_messages",
            "is_online",
            "last_seen_at",
            "created_at",
        )
        read_only_fields = ("id", "username", "wallet_address", "is_online", "last_seen_at")


class PrivacySerializer(CamelSerializer):
    """Who may see whether somebody is there, and when they last were: `everyone`, `contacts` or `nobody`."""

    presence = serializers.ChoiceField(Audience.choices, source="presence_shown_to")
    last_seen = serializers.ChoiceField(Audience.choices, source="last_seen_shown_to")


class PresenceSerializer(CamelSerializer):
    """What one is for others, on all devices; `offline` is invisible. From `expiresAt` on: online, without a text."""

    status = serializers.ChoiceField(Status.choices)
    text = serializers.CharField(
        source="status_text", max_length=140, required=False, allow_blank=True, allow_null=True
    )
    expires_at = Timestamp(source="status_expires_at", required=False, allow_null=True)


class RegisterSerializer(CamelSerializer):
    """A new account."""

    username = serializers.CharField(max_length=150)
    password = Password()
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    display_name = serializers.CharField(required=False, allow_blank=True, max_length=100)


class LogInSerializer(CamelSerializer):
    """Name and password."""

    username = serializers.CharField(max_length=150)
    password = Password()


class RefreshSerializer(CamelSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=4096)


class PasswordSerializer(CamelSerializer):
    """The present password and the next."""

    old_password = Password()
    new_password = Password()


class TokenPairSerializer(CamelSerializer):
    """What opens the doors, and what renews it."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class RegisteredSerializer(TokenPairSerializer):
    """A new account, logged in."""

    user = MeSerializer()


class UserSearchSerializer(CamelSerializer):
    """What to look for in names."""

    search = serializers.CharField(required=False, allow_blank=True, max_length=150, default="")


class BlockSerializer(CamelModelSerializer):
    """Somebody whom the reader has blocked."""

    user_id = serializers.UUIDField(source="blocked_id", read_only=True)
    user = PersonSerializer(source="blocked", read_only=True)

    class Meta:
        """The blocker is the reader."""

        model = Block
        fields = ("id", "user_id", "user", "created_at")


class NewBlockSerializer(CamelSerializer):
    """Whom to block."""

    user_id = serializers.UUIDField()
