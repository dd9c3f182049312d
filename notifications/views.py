"""REST of notifications."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import services
from notifications.serializers import AnnouncementSerializer
from realtime.rest.schema import errors
from realtime.rest.views import reader


@extend_schema(tags=["system"])
class AnnouncementsView(APIView):
    """Announcements."""

    permission_classes = (IsAdminUser,)

    @extend_schema(
        request=AnnouncementSerializer, responses={201: AnnouncementSerializer, **errors(400, 401, 403, 429)}
    )
    def post(self, request: Request) -> Response:
        """Tell everybody who is connected."""
        data = AnnouncementSerializer.read(request)
        announcement = services.announce(author_id=reader(request), **data)
        return Response(AnnouncementSerializer(announcement).data, status=201)
