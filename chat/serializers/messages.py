"""The JSON of messages on REST, the same as on the socket."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat.models import Message, Reaction, Revision
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp


class SentAttachmentSerializer(CamelSerializer):
    """`{id}` of an uploaded file, or a link: `{url, type}` and what else is known of it."""

    # The service judges them, so that its errors are the socket's.
    id = serializers.UUIDField(required=False, allow_null=True)
    url = serializers.CharField(required=False, allow_null=True)
    type = serializers.CharField(required=False, allow_null=True)
    name = serializers.CharField(required=False, allow_null=True, trim_whitespace=False)
    size = serializers.IntegerField(required=False, allow_null=True)
    width = serializers.IntegerField(required=False, allow_null=True)
    height = serializers.IntegerField(required=False, allow_null=True)
    thumbnail_url = serializers.CharField(required=False, allow_null=True)


class ReactionSerializer(CamelModelSerializer):
    """Who put which emoji under a message."""

    user_id = serializers.UUIDField(read_only=True)

    class Meta:
        """As a message has it."""

        model = Reaction
        fields = ("user_id", "emoji")
        read_only_fields = fields


class MessageSerializer(CamelModelSerializer):
    """What was said, of a message that a selector has made ready for its reader, with its `message_context`."""

    conversation_id = serializers.UUIDField(read_only=True)
    sender_id = serializers.UUIDField(read_only=True)
    ciphertext = serializers.SerializerMethodField()
    attachments = serializers.SerializerMethodField()
    mentions = serializers.SerializerMethodField()
    reply_to_id = serializers.UUIDField(source="answers_to", read_only=True, allow_null=True)
    reactions = ReactionSerializer(many=True, read_only=True)
    edited_at = Timestamp(read_only=True, allow_null=True)

    class Meta:
        """As `message.new` has it."""

        model = Message
        fields: tuple[str, ...] = (
            "id",
            "conversation_id",
            "sender_id",
            "text",
            "ciphertext",
            "attachments",
            "mentions",
            "reply_to_id",
            "reactions",
            "position",
            "created_at",
            "edited_at",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_ciphertext(self, message: Message) -> str | None:
        """Null for one that is not encrypted."""
        return message.ciphertext or None

    @extend_schema_field(SentAttachmentSerializer(many=True))
    def get_attachments(self, message: Message) -> Any:
        """As they are kept."""
        return message.attachments

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_mentions(self, message: Message) -> list[str]:
        """But nobody whom a block parts from the reader."""
        return [user for user in message.mentions if user not in self.context["parted"]]


class ListedMessageSerializer(MessageSerializer):
    """The same with those who have read it; the context is that of its conversation."""

    read_by = serializers.SerializerMethodField()

    class Meta(MessageSerializer.Meta):
        """With the sender, who need not read what they wrote."""

        fields: tuple[str, ...] = (*MessageSerializer.Meta.fields, "read_by")
        read_only_fields: tuple[str, ...] = fields

    def get_read_by(self, message: Message) -> list[str]:
        """The sender first."""
        read: dict[UUID, range] = self.context["read_positions"][message.conversation_id]
        readers = [user for user, positions in read.items() if message.position in positions]
        return [str(message.sender_id), *(str(user) for user in readers if user != message.sender_id)]


class NewMessageSerializer(CamelSerializer):
    """What is to be said; `tempId` as on the socket."""

    # The service judges the text, so that its errors are the socket's.
    text = serializers.CharField(trim_whitespace=False, allow_blank=True, required=False)
    temp_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    # With `many=True` null would be allowed among them, too.
    attachments = serializers.ListField(child=SentAttachmentSerializer(), required=False, allow_null=True)
    reply_to_id = serializers.UUIDField(required=False, allow_null=True)
    mentions = serializers.ListField(child=serializers.UUIDField(), required=False, allow_null=True)
    ciphertext = serializers.CharField(trim_whitespace=False, required=False, allow_null=True)


class EditSerializer(CamelSerializer):
    """What a message is to say; `ciphertext` for an encrypted one."""

    text = serializers.CharField(trim_whitespace=False, allow_blank=True, required=False)
    ciphertext = serializers.CharField(trim_whitespace=False, required=False)


class DeletionSerializer(CamelSerializer):
    """For all or for oneself; left out: one's own for all."""

    for_everyone = serializers.BooleanField(required=False, allow_null=True, default=None)


class EmojiSerializer(CamelSerializer):
    """One emoji."""

    emoji = serializers.CharField(max_length=64)


class RevisionSerializer(CamelModelSerializer):
    """What a message said before, and until when."""

    ciphertext = serializers.SerializerMethodField()

    class Meta:
        """All of it."""

        model = Revision
        fields = ("id", "text", "ciphertext", "created_at")
        read_only_fields = fields

    def get_ciphertext(self, revision: Revision) -> str | None:
        """Null for one that was not encrypted."""
        return revision.ciphertext or None


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
    results = ListedMessageSerializer(many=True)
