"""The JSON of searching on REST."""

from django.conf import settings
from rest_framework import serializers

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
