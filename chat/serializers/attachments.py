"""The JSON of files on REST."""

from rest_framework import serializers

from chat.links import file_url, thumbnail_url
from chat.models import Attachment
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp


class AttachmentSerializer(CamelModelSerializer):
    """A file, as messages have it."""

    url = serializers.SerializerMethodField()
    type = serializers.CharField(source="content_type", read_only=True, help_text="By the content.")
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        """What everybody sees who may see it."""

        model = Attachment
        fields = ("id", "url", "type", "name", "size", "width", "height", "thumbnail_url")
        read_only_fields = fields

    def get_url(self, attachment: Attachment) -> str:
        """Where the file is."""
        return file_url(attachment.pk)

    def get_thumbnail_url(self, attachment: Attachment) -> str | None:
        """Where the small picture is, if it is a picture."""
        return thumbnail_url(attachment.pk) if attachment.thumbnail else None


class NewAttachmentSerializer(CamelSerializer):
    """A form of several parts. With `conversationId` the file can be sent there alone."""

    file = serializers.FileField(allow_empty_file=True)  # the service judges it
    conversation_id = serializers.UUIDField(required=False)


class LinkSerializer(CamelSerializer):
    """Addresses that need no token, for who asked, for a while."""

    url = serializers.URLField()
    thumbnail_url = serializers.URLField(allow_null=True)
    expires_at = Timestamp()
