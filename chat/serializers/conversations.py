"""The JSON of conversations on REST, the same as on the socket."""

from rest_framework import serializers

from chat.models import Conversation, Membership
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp


class MemberSerializer(CamelModelSerializer):
    """A person in a conversation."""

    user_id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    avatar = serializers.SerializerMethodField()
    is_online = serializers.BooleanField(source="online", read_only=True)

    class Meta:
        """What everybody in the conversation sees."""

        model = Membership
        fields = ("user_id", "name", "avatar", "role", "is_online", "joined_at", "joined_position")
        read_only_fields = fields

    def get_avatar(self, membership: Membership) -> str | None:
        """An absolute URL, or null."""
        return membership.user.avatar or None


class ConversationSerializer(CamelModelSerializer):
    """A conversation with its members; `pinned` and `mutedUntil` are the reader's own."""

    members = MemberSerializer(source="memberships", many=True, read_only=True)
    last_message_at = Timestamp(read_only=True, allow_null=True)
    pinned = serializers.BooleanField(read_only=True)
    muted_until = Timestamp(read_only=True, allow_null=True)
    unread_count = serializers.IntegerField(read_only=True)

    class Meta:
        """All of it."""

        model = Conversation
        fields = (
            "id",
            "version",
            "kind",
            "title",
            "members",
            "created_at",
            "last_message_at",
            "pinned",
            "muted_until",
            "unread_count",
        )
        read_only_fields = fields


class NewConversationSerializer(CamelSerializer):
    """What begins a conversation."""

    kind = serializers.ChoiceField(Conversation.Kind.choices)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    members = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)


class NewMemberSerializer(CamelSerializer):
    """Who is to be let in."""

    user_id = serializers.UUIDField()


class RoleSerializer(CamelSerializer):
    """What a member is to be; `owner` hands the group over."""

    role = serializers.ChoiceField(Membership.Role.choices)


class TitleSerializer(CamelSerializer):
    """What a group is to be called."""

    title = serializers.CharField(max_length=200, allow_blank=True)


class PreferencesSerializer(CamelSerializer):
    """What a conversation is to be to oneself; what is left out stays as it is."""

    pinned = serializers.BooleanField(required=False)
    muted_until = Timestamp(required=False, allow_null=True, help_text="Null, or a time that is over: not muted.")
