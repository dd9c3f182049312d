"""What OpenAPI says of errors."""

from rest_framework import serializers

from realtime.errors import STATUS
from realtime.rest.serializers import CamelSerializer


class Error(CamelSerializer):
    """The shape of every error."""

    code = serializers.ChoiceField(choices=sorted(STATUS))
    message = serializers.CharField()
    details = serializers.JSONField(required=False, help_text="What is wrong with which field.")
    retry_after = serializers.IntegerField(required=False, help_text="Seconds to wait.")


def errors(*statuses: int) -> dict[int, type[Error]]:
    """For `extend_schema(responses=...)`: these statuses answer with an error."""
    return dict.fromkeys(statuses, Error)
