"""The JSON of calls on REST."""

import json
from typing import Any

from rest_framework import serializers

from chat.models import Call
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp


class CallSerializer(CamelModelSerializer):
    """A call, as its log has it."""

    conversation_id = serializers.UUIDField(read_only=True)
    caller_id = serializers.UUIDField(read_only=True)
    callee_id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField(Call.State.choices, source="shown_state", read_only=True)
    end_reason = serializers.CharField(source="shown_reason", read_only=True)
    missed = serializers.BooleanField(read_only=True)
    expires_at = Timestamp(read_only=True)

    class Meta:
        """What both people see."""

        model = Call
        fields = (
            "id",
            "conversation_id",
            "caller_id",
            "callee_id",
            "media",
            "state",
            "end_reason",
            "missed",
            "created_at",
            "expires_at",
            "answered_at",
            "ended_at",
        )
        read_only_fields = fields


class CallWithOfferSerializer(CallSerializer):
    """The same with what is needed to answer it."""

    sdp = serializers.SerializerMethodField()

    class Meta:
        """And the offer."""

        model = Call
        fields = (*CallSerializer.Meta.fields, "sdp")
        read_only_fields = fields

    def get_sdp(self, call: Call) -> Any:
        """What the caller sent with it, while it rings; null if nothing."""
        return json.loads(call.offer) if call.offer else None


class CallFilterSerializer(CamelSerializer):
    """Which calls."""

    conversation = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(Call.State.choices, required=False)
    missed = serializers.BooleanField(required=False)
