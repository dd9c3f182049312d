"""The JSON of the key directory on REST."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from keys.forms import MAX_KEY_ID
from keys.models import Device
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp


class WholeNumber(serializers.IntegerField):
    """A number of JSON: not one in a text, and neither true nor false."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class PublicKeySerializer(CamelSerializer):
    """A public key in base64, under the number by which its device finds the private half."""

    key_id = WholeNumber(min_value=0, max_value=MAX_KEY_ID)
    public_key = serializers.CharField(trim_whitespace=False)


class SignedPublicKeySerializer(PublicKeySerializer):
    """The same, signed with the identity key."""

    signature = serializers.CharField(trim_whitespace=False)


class DeviceKeysSerializer(CamelSerializer):
    """What a device enters; without `oneTimeKeys` those that wait stay."""

    identity_key = serializers.CharField(trim_whitespace=False)
    signed_pre_key = SignedPublicKeySerializer()
    one_time_keys = PublicKeySerializer(many=True, required=False, max_length=settings.KEYS_MAX_ONE_TIME)  # type: ignore[call-arg]


class OneTimeKeysSerializer(CamelSerializer):
    """More one-time keys."""

    one_time_keys = PublicKeySerializer(many=True, min_length=1, max_length=settings.KEYS_MAX_ONE_TIME)  # type: ignore[call-arg]


class ClaimSerializer(CamelSerializer):
    """Whose keys: of all devices, if none is named."""

    device_ids = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=settings.KEYS_MAX_DEVICES
    )


class DeviceSerializer(CamelModelSerializer):
    """The lasting keys of a device."""

    signed_pre_key = serializers.SerializerMethodField()
    identity_changed_at = Timestamp(read_only=True, allow_null=True)

    class Meta:
        """What everybody may know who may see the person; when they were last at a device is not of it."""

        model = Device
        fields: tuple[str, ...] = (
            "device_id",
            "identity_key",
            "signed_pre_key",
            "identity_changed_at",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(SignedPublicKeySerializer)
    def get_signed_pre_key(self, device: Device) -> dict[str, Any]:
        """With its id and signature."""
        return {
            "keyId": device.signed_pre_key_id,
            "publicKey": device.signed_pre_key,
            "signature": device.signed_pre_key_signature,
        }


class OwnDeviceSerializer(DeviceSerializer):
    """The same for the device's owner."""

    one_time_keys_left = serializers.IntegerField(source="left", read_only=True)

    class Meta(DeviceSerializer.Meta):
        """With its last change, and the number of keys that wait."""

        fields: tuple[str, ...] = (*DeviceSerializer.Meta.fields, "updated_at", "one_time_keys_left")
        read_only_fields: tuple[str, ...] = fields


class ClaimedDeviceSerializer(DeviceSerializer):
    """The same, with a one-time key that nobody else gets; null where none is left."""

    one_time_key = PublicKeySerializer(read_only=True, allow_null=True)

    class Meta(DeviceSerializer.Meta):
        """With the key."""

        fields: tuple[str, ...] = (*DeviceSerializer.Meta.fields, "one_time_key")
        read_only_fields: tuple[str, ...] = fields


class PersonKeysSerializer(CamelSerializer):
    """All devices of a person."""

    user_id = serializers.UUIDField()
    devices = DeviceSerializer(many=True)


class ClaimedKeysSerializer(CamelSerializer):
    """What an exchange with each device of a person begins with."""

    user_id = serializers.UUIDField()
    devices = ClaimedDeviceSerializer(many=True)
