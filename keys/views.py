"""REST of the key directory."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys import selectors, serializers, services
from keys.models import Device
from keys.throttling import ClaimPairThrottle, ClaimThrottle
from realtime.rest.schema import errors
from realtime.rest.throttling import UserThrottle
from realtime.rest.views import reader


def own(request: Request, device_id: str) -> dict[str, object]:
    """The JSON of one of the reader's devices."""
    return serializers.OwnDeviceSerializer(selectors.get_own_device(reader(request), device_id)).data


@extend_schema(tags=["keys"])
class DevicesView(ListAPIView[Device]):
    """One's own devices, with the number of one-time keys that are left of each."""

    serializer_class = serializers.OwnDeviceSerializer
    ordering = "id"

    def get_queryset(self) -> QuerySet[Device]:
        """The oldest first."""
        return selectors.own_devices(reader(self.request))


@extend_schema(tags=["keys"])
class DeviceView(APIView):
    """One of one's own devices."""

    @extend_schema(
        request=serializers.DeviceKeysSerializer,
        responses={
            200: serializers.OwnDeviceSerializer,
            201: serializers.OwnDeviceSerializer,
            **errors(400, 401, 409, 429),
        },
    )
    def put(self, request: Request, device_id: str) -> Response:
        """Enter it, or its other keys; with another `identityKey` it begins anew."""
        data = serializers.DeviceKeysSerializer.read(request)
        _, is_new = services.put_device(user_id=reader(request), device_id=device_id, **data)
        return Response(own(request, device_id), status=201 if is_new else 200)

    @extend_schema(responses={204: None, **errors(400, 401, 404, 429)})
    def delete(self, request: Request, device_id: str) -> Response:
        """Take it out, with its keys."""
        services.remove_device(user_id=reader(request), device_id=device_id)
        return Response(status=204)


@extend_schema(tags=["keys"])
class OneTimeKeysView(APIView):
    """The one-time keys of one of one's own devices."""

    @extend_schema(
        request=serializers.OneTimeKeysSerializer,
        responses={200: serializers.OwnDeviceSerializer, **errors(400, 401, 404, 409, 429)},
    )
    def post(self, request: Request, device_id: str) -> Response:
        """Leave more of them; those that are known already change nothing."""
        data = serializers.OneTimeKeysSerializer.read(request)
        services.add_one_time_keys(user_id=reader(request), device_id=device_id, **data)
        return Response(own(request, device_id))


@extend_schema(tags=["keys"])
class PersonKeysView(APIView):
    """Somebody's devices."""

    @extend_schema(responses={200: serializers.PersonKeysSerializer, **errors(401, 404, 429)})
    def get(self, request: Request, user_id: UUID) -> Response:
        """Show their lasting keys: to notice a new device, or another identity."""
        devices = selectors.devices_of(reader(request), user_id)
        return Response(serializers.PersonKeysSerializer({"user_id": user_id, "devices": devices}).data)


@extend_schema(tags=["keys"])
class ClaimView(APIView):
    """Beginning to write to somebody."""

    throttle_classes = (ClaimPairThrottle, ClaimThrottle, UserThrottle)

    @extend_schema(
        request=serializers.ClaimSerializer,
        responses={200: serializers.ClaimedKeysSerializer, **errors(400, 401, 404, 429)},
    )
    def post(self, request: Request, user_id: UUID) -> Response:
        """Get one one-time key of each device, or of those that are named."""
        data = serializers.ClaimSerializer.read(request)
        devices = services.claim_keys(asker_id=reader(request), user_id=user_id, **data)
        return Response(serializers.ClaimedKeysSerializer({"user_id": user_id, "devices": devices}).data)
