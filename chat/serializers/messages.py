"""The JSON of messages on REST, the same as on the socket."""

from typing import Any

from rest_framework import serializers

from chat.models import Message
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer


class MessageSerializer(CamelModelSerializer):
    """What was said."""

    conversation_id = serializers.UUIDField(read_only=True)
    sender_id = serializers.UUIDField(read_only=True)

    class Meta:
        """As `message.new` has it."""

        model = Message
        fields: tuple[str, ...] = ("id", "conversation_id", "sender_id", "text", "position", "created_at")
        read_only_fields: tuple[str, ...] = fields


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
