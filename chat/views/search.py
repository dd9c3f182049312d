"""REST of searching."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chat import search, selectors, serializers
from chat.models import Message
from realtime.rest.schema import errors
from realtime.rest.views import reader

PAGING = {"cursor", "limit"}


@extend_schema(tags=["chat"])
class SearchView(ListAPIView[Message]):
    """Finding what was said."""

    serializer_class = serializers.ListedMessageSerializer
    # Not by the id, whose index would tempt PostgreSQL to read all messages from the newest on.
    ordering = ("-created_at", "-id")

    @extend_schema(
        parameters=[serializers.SearchSerializer],
        responses={200: serializers.ListedMessageSerializer(many=True), **errors(400, 401, 429)},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """In all conversations of the reader's, the newest first. What was encrypted is not found."""
        query = {name: value for name, value in request.query_params.dict().items() if name not in PAGING}
        asked = serializers.SearchSerializer.read(query)
        page = self.paginate_queryset(search.search_messages(reader=reader(request), **asked))
        assert page is not None
        context = selectors.message_context(reader(request), [message.conversation_id for message in page])
        shown = serializers.ListedMessageSerializer(page, many=True, context=context)
        return self.get_paginated_response(shown.data)
