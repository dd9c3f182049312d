"""The chat's JSON on REST, the same as on the socket."""

from typing import Any

from rest_framework import serializers

from chat.models import Conversation, Membership, Message
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
        fields = ("user_id", "name", "avatar", "role", "is_online", "joined_at")
        read_only_fields = fields

    def get_avatar(self, membership: Membership) -> str | None:
        """An absolute URL, or null."""
        return membership.user.avatar or None


class ConversationSerializer(CamelModelSerializer):
    """A conversation with its members."""

    members = MemberSerializer(source="memberships", many=True, read_only=True)
    last_message_at = Timestamp(read_only=True, allow_null=True)

    class Meta:
        """All of it."""

        model = Conversation
        fields = ("id", "kind", "title", "members", "created_at", "last_message_at")
        read_only_fields = fields


class NewConversationSerializer(CamelSerializer):
    """What begins a conversation."""

    kind = serializers.ChoiceField(Conversation.Kind.choices)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    members = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)


class NewMemberSerializer(CamelSerializer):
    """Who is to be let in."""

    user_id = serializers.UUIDField()


class MessageSerializer(CamelModelSerializer):
    """What was said."""

    conversation_id = serializers.UUIDField(read_only=True)
    sender_id = serializers.UUIDField(read_only=True)

    class Meta:
        """As `message.new` has it."""

        model = Message
        fields = ("id", "conversation_id", "sender_id", "text", "position", "created_at")
        read_only_fields = fields


class NewMessageSerializer(CamelSerializer):
    """What is to be said; `tempId` as on the socket."""

    # The service judges the text, so that its errors are the socket's.
    text = serializers.CharField(trim_whitespace=False, allow_blank=True)
    temp_id = serializers.CharField(max_length=64, required=False, allow_null=True)


class PageSerializer(CamelSerializer):
    """Where a page of history begins or ends, as positions; at most one of the two."""

    before = serializers.IntegerField(min_value=1, required=False)
    after = serializers.IntegerField(min_value=0, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)

    def validate(self, attrs: Any) -> Any:
        """Not both."""
        if "before" in attrs and "after" in attrs:
            raise serializers.ValidationError("Give `before` or `after`, not both.")
        return attrs


class MessagePageSerializer(CamelSerializer):
    """A page of history in ascending order, with the URLs of the older and the newer one."""

    next = serializers.URLField(allow_null=True, help_text="The page of newer messages.")
    previous = serializers.URLField(allow_null=True, help_text="The page of older messages.")
    results = MessageSerializer(many=True)
