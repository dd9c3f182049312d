"""The JSON of notifications on REST."""

from notifications.models import Announcement
from realtime.rest.serializers import CamelModelSerializer


class AnnouncementSerializer(CamelModelSerializer):
    """An announcement; `level` is info if it is not given."""

    class Meta:
        """What staff writes, and what comes back."""

        model = Announcement
        fields = ("id", "title", "message", "level", "created_at")
        read_only_fields = ("id", "created_at")
