"""The JSON of searching on REST."""

from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from chat.models import Message
from chat.serializers.messages import MessageSerializer
from realtime.rest.serializers import CamelSerializer


class SearchSerializer(CamelSerializer):
    """What is searched for."""

    q = serializers.CharField(
        min_length=2,
        max_length=settings.CHAT_SEARCH_MAX_QUERY,
        help_text="Words, all of which are in the message; of the last one the beginning is enough.",
    )
    conversation_id = serializers.UUIDField(required=False, help_text="In this conversation alone.")
    sender_id = serializers.UUIDField(required=False, help_text="Said by this person alone.")
    before = serializers.DateTimeField(required=False, help_text="Said before this moment.")


class FoundMessageSerializer(MessageSerializer):
    """A message with those who have read it; the context has `read_positions` by conversation."""

    read_by = serializers.SerializerMethodField()

    class Meta(MessageSerializer.Meta):
        """With the sender, who need not read what they wrote."""

        fields: tuple[str, ...] = (*MessageSerializer.Meta.fields, "read_by")
        read_only_fields: tuple[str, ...] = fields

    def get_read_by(self, message: Message) -> list[str]:
        """The sender first."""
        positions: dict[UUID, int] = self.context["read_positions"][message.conversation_id]
        readers = [user for user, position in positions.items() if position >= message.position]
        return [str(message.sender_id), *(str(user) for user in readers if user != message.sender_id)]
