"""Every read that depends on the reader."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.selectors import get_user
from keys.forms import DEVICE_ID
from keys.models import Device

Id = UUID | str


def own_devices(reader: Id) -> QuerySet[Device]:
    """The reader's devices, each with the number of one-time keys that are `left`."""
    left = Count("one_time_keys", filter=Q(one_time_keys__claimed_at=None))
    return Device.objects.filter(user=UUID(str(reader))).annotate(left=left)


def get_own_device(reader: Id, device_id: str) -> Device:
    """One of the `own_devices`; Device.DoesNotExist for any other, and where the database cannot even be asked."""
    if not DEVICE_ID.fullmatch(device_id):
        raise Device.DoesNotExist
    return own_devices(reader).get(device_id=device_id)


def devices_of(reader: Id, user: Id) -> QuerySet[Device]:
    """The devices of somebody whom the reader may see; User.DoesNotExist for anybody else."""
    return Device.objects.filter(user=get_user(reader, user)).order_by("id")
