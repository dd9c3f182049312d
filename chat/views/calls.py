"""REST of calls: to be read; calls are made on the socket."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import selectors, serializers
from chat.models import Call
from realtime.rest.schema import errors
from realtime.rest.views import reader

FILTERS = ("conversation", "state", "missed")


@extend_schema(
    tags=["chat"],
    parameters=[serializers.CallFilterSerializer],
    responses={200: serializers.CallSerializer(many=True), **errors(400, 401, 429)},
)
class CallsView(ListAPIView[Call]):
    """One's own calls, the latest first."""

    serializer_class = serializers.CallSerializer

    def get_queryset(self) -> QuerySet[Call]:
        """Those in which the reader called or was called; `missed` are those that the reader did not answer."""
        query = self.request.query_params
        asked = serializers.CallFilterSerializer.read({name: query[name] for name in FILTERS if name in query})
        return selectors.calls_of(reader(self.request), **asked)


@extend_schema(tags=["chat"])
class CallView(APIView):
    """One call."""

    @extend_schema(responses={200: serializers.CallWithOfferSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, call_id: UUID) -> Response:
        """Show it to the two."""
        return Response(serializers.CallWithOfferSerializer(selectors.get_call(reader(request), call_id)).data)
