"""Devices and their public keys. No private key ever comes here, and nothing here is secret."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from keys.forms import PublicKey


class Device(models.Model):
    """A device that can be written to in secret: who it is, and with what an exchange of keys begins.

    The keys are base64, as the device gave them; only it and those who write to it know what they mean.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="devices")
    device_id = models.CharField(max_length=64, help_text="The device's own name for itself.")
    identity_key = models.TextField()
    signed_pre_key_id = models.PositiveIntegerField()
    signed_pre_key = models.TextField()
    signed_pre_key_signature = models.TextField()
    identity_changed_at = models.DateTimeField(null=True, editable=False, help_text="Empty for the first one.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    one_time_key: PublicKey | None = None  # no column: what a claim has just handed out

    class Meta:
        """In the order of joining; a name is one device's of a person."""

        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=("user", "device_id"), name="keys_device_once")]

    def __str__(self) -> str:
        return f"{self.device_id} of {self.user}"


class OneTimeKey(models.Model):
    """A public key that begins one exchange and no other.

    The row of one that was handed out stays, without the key, so that it is never handed out again:
    neither if the device repeats an upload, nor after it has begun anew (then it belongs to no device).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, models.SET_NULL, null=True, related_name="one_time_keys")
    key_id = models.PositiveIntegerField()
    public_key = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the key.")
    claimed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        """The oldest first; an id is one key's of a device, and a key is only once a person's."""

        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("device", "key_id"), name="keys_one_time_key_id"),
            models.UniqueConstraint(fields=("user", "fingerprint"), name="keys_one_time_key_once"),
        ]
        indexes = [
            models.Index(fields=("device", "id"), condition=models.Q(claimed_at=None), name="keys_one_time_left")
        ]

    def __str__(self) -> str:
        return f"{self.key_id} of {self.device or self.user}"
