"""REST of files."""

from typing import Any, Final
from uuid import UUID

from django.db.models.fields.files import FieldFile
from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import JWTAuthentication
from accounts.links import signed
from accounts.models import User
from chat import selectors, serializers, services
from chat.authentication import LinkAuthentication, link_token
from chat.images import THUMBNAIL_TYPE
from chat.links import file_url, thumbnail_url
from chat.media import INLINE
from chat.models import Attachment
from realtime.rest.downloads import download
from realtime.rest.schema import errors
from realtime.rest.views import CountedView, reader


@extend_schema(tags=["chat"])
class AttachmentsView(CountedView):
    """New files."""

    counts = {"POST": "upload"}
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": serializers.NewAttachmentSerializer},
        responses={201: serializers.AttachmentSerializer, **errors(400, 401, 404, 409, 413, 429)},
    )
    def post(self, request: Request) -> Response:
        """Upload one, to be sent with a message: `attachments: [{"id": …}]`."""
        data = serializers.NewAttachmentSerializer.read(request)
        attachment = services.upload(uploader_id=reader(request), name=data["file"].name, **data)
        return Response(serializers.AttachmentSerializer(attachment).data, status=201)


@extend_schema(tags=["chat"])
class AttachmentView(APIView):
    """One file."""

    @extend_schema(responses={200: serializers.AttachmentSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, attachment_id: UUID) -> Response:
        """What it is."""
        attachment = selectors.attachments_of(reader(request)).get(pk=attachment_id)
        return Response(serializers.AttachmentSerializer(attachment).data)

    @extend_schema(responses={204: None, **errors(401, 403, 404, 409, 429)})
    def delete(self, request: Request, attachment_id: UUID) -> Response:
        """Take one's own back, while it is in no message."""
        services.delete_upload(uploader_id=reader(request), attachment_id=attachment_id)
        return Response(status=204)


@extend_schema(tags=["chat"])
class LinkView(APIView):
    """Addresses for `<img>` and `<video>`, which send no token."""

    @extend_schema(request=None, responses={200: serializers.LinkSerializer, **errors(401, 404, 429)})
    def post(self, request: Request, attachment_id: UUID) -> Response:
        """Sign them for who asks."""
        attachment = selectors.attachments_of(reader(request)).get(pk=attachment_id)
        assert isinstance(request.user, User)
        token, expires_at = link_token(request.user, attachment.pk)
        link = {
            "url": signed(file_url(attachment.pk), token),
            "thumbnail_url": signed(thumbnail_url(attachment.pk), token) if attachment.thumbnail else None,
            "expires_at": expires_at,
        }
        return Response(serializers.LinkSerializer(link).data)


class DownloadView(APIView):
    """What has a token in its header, or in its address."""

    authentication_classes = (LinkAuthentication, JWTAuthentication)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Who accepts pictures alone gets a picture; errors are JSON."""
        return super().perform_content_negotiation(request, force=True)

    def attachment(self, request: Request, attachment_id: UUID) -> Attachment:
        """One that the reader may see."""
        return selectors.attachments_of(reader(request)).get(pk=attachment_id)


DOWNLOAD: Final[dict[Any, Any]] = {
    (200, "application/octet-stream"): OpenApiTypes.BINARY,
    (206, "application/octet-stream"): OpenApiTypes.BINARY,
    304: None,
    **errors(401, 404, 416, 429),
}


@extend_schema(tags=["chat"])
class FileView(DownloadView):
    """The file itself."""

    @extend_schema(responses=DOWNLOAD)
    def get(self, request: Request, attachment_id: UUID) -> HttpResponseBase:
        """Save it; what browsers only show or play may be shown. `Range` is understood."""
        attachment = self.attachment(request, attachment_id)
        return _serve(request, attachment, attachment.file, attachment.content_type)


@extend_schema(tags=["chat"])
class ThumbnailView(DownloadView):
    """The small picture."""

    @extend_schema(responses=DOWNLOAD)
    def get(self, request: Request, attachment_id: UUID) -> HttpResponseBase:
        """Show it; 404 for what is no picture."""
        attachment = self.attachment(request, attachment_id)
        return _serve(request, attachment, attachment.thumbnail, THUMBNAIL_TYPE)


def _serve(request: Request, attachment: Attachment, file: FieldFile, content_type: str) -> HttpResponseBase:
    if not file.name:
        raise Http404
    return download(
        request,
        file.storage,
        file.name,
        tag=f"{attachment.pk.hex}-{file.field.name}",
        content_type=content_type,
        name=attachment.name,
        is_inline=content_type in INLINE,
    )
