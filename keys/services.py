"""Every write of the key directory.

What a device uploads is written under the lock of its person, so that its limits hold. A claim waits
for nobody: it takes a key that no other claim has in hand.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from keys import selectors
from keys.forms import (
    PublicKey,
    SignedPublicKey,
    check_base64,
    check_device_id,
    check_signed,
    fingerprints,
    too_many,
)
from keys.models import Device, OneTimeKey

Id = UUID | str


@transaction.atomic
def put_device(
    *,
    user_id: Id,
    device_id: str,
    identity_key: str,
    signed_pre_key: SignedPublicKey,
    one_time_keys: Sequence[PublicKey] | None = None,
) -> tuple[Device, bool]:
    """Enter a device, or put other keys in the place of its own; and whether it is new.

    One-time keys that are given replace those that wait; None leaves those. With another identity
    key the device begins anew: none of the old ones counts any more.
    """
    check_device_id(device_id)
    check_base64("identity_key", identity_key)
    check_signed(signed_pre_key)
    keys = fingerprints(one_time_keys or ())
    _lock(user_id)
    device = Device.objects.filter(user_id=user_id, device_id=device_id).first()
    is_new = device is None
    if device is None:
        _require_room(user_id)
        device = Device(user_id=UUID(str(user_id)), device_id=device_id, identity_key=identity_key)
    elif device.identity_key != identity_key:
        _retire_keys(device)
        device.identity_key, device.identity_changed_at = identity_key, timezone.now()
    device.signed_pre_key_id = signed_pre_key["key_id"]
    device.signed_pre_key = signed_pre_key["public_key"]
    device.signed_pre_key_signature = signed_pre_key["signature"]
    device.save()
    if one_time_keys is not None:
        _withdraw(device, but=keys)
        _add(device, keys)
    return device, is_new


@transaction.atomic
def add_one_time_keys(*, user_id: Id, device_id: str, one_time_keys: Sequence[PublicKey]) -> Device:
    """Leave more one-time keys here; those that are here already, or were handed out, change nothing."""
    keys = fingerprints(one_time_keys)
    _lock(user_id)
    device = selectors.get_own_device(user_id, device_id)
    _add(device, keys)
    return device


@transaction.atomic
def remove_device(*, user_id: Id, device_id: str) -> None:
    """Take a device out, with its keys; Device.DoesNotExist if it is not in."""
    _lock(user_id)
    device = selectors.get_own_device(user_id, device_id)
    _retire_keys(device)
    device.delete()


@transaction.atomic
def claim_keys(*, asker_id: Id, user_id: Id, device_ids: Collection[str] | None = None) -> list[Device]:
    """Devices (all, or those that are named) with a `one_time_key` each, which nobody else gets ever again.

    One that has none left comes without. User.DoesNotExist for whom the asker may not see.
    """
    for device_id in device_ids or ():
        check_device_id(device_id)
    devices = selectors.devices_of(asker_id, user_id)
    if device_ids is not None:
        devices = devices.filter(device_id__in=device_ids)
    return [_claim(device) for device in devices]


def _claim(device: Device) -> Device:
    # The key comes with its device in one statement: both are of the same moment, so that nobody gets a
    # one-time key of another identity. What another claim holds is skipped, and not waited for.
    key = (
        OneTimeKey.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(device=device, claimed_at=None)
        .select_related("device")
        .order_by("id")
        .first()
    )
    if key is None or key.device is None:
        return device
    key.device.one_time_key = PublicKey(key_id=key.key_id, public_key=key.public_key)
    key.claimed_at, key.public_key = timezone.now(), ""
    key.save(update_fields=["claimed_at", "public_key"])
    return key.device


def _lock(user_id: Id) -> None:
    """One upload of a person at a time; rows that refer to them can be added meanwhile (`no_key`)."""
    User.objects.select_for_update(no_key=True).get(pk=user_id)


def _require_room(user_id: Id) -> None:
    if Device.objects.filter(user_id=user_id).count() >= settings.KEYS_MAX_DEVICES:
        raise ValidationError(f"At most {settings.KEYS_MAX_DEVICES} devices of a person have keys here; remove one.")


def _waiting(device: Device) -> list[OneTimeKey]:
    """The keys that wait, locked: a claim that had one in hand is waited for, and the next gets none of them."""
    return list(OneTimeKey.objects.select_for_update().filter(device=device, claimed_at=None))


def _withdraw(device: Device, *, but: dict[str, PublicKey]) -> None:
    """Those that wait are deleted, less what is uploaded again under the same id."""
    kept = {(fingerprint, key["key_id"]) for fingerprint, key in but.items()}
    gone = [key.pk for key in _waiting(device) if (key.fingerprint, key.key_id) not in kept]
    OneTimeKey.objects.filter(pk__in=gone).delete()


def _retire_keys(device: Device) -> None:
    """None of the device's keys is handed out any more; those that were are remembered, without their ids' hold."""
    _withdraw(device, but={})
    OneTimeKey.objects.filter(device=device).update(device=None)


def _add(device: Device, keys: dict[str, PublicKey]) -> None:
    known = {key.fingerprint: key for key in OneTimeKey.objects.filter(user=device.user_id, fingerprint__in=keys)}
    for fingerprint, key in known.items():
        _require_same(key, device, keys[fingerprint]["key_id"])
    new = {fingerprint: key for fingerprint, key in keys.items() if fingerprint not in known}
    ids = [key["key_id"] for key in new.values()]
    if taken := OneTimeKey.objects.filter(device=device, key_id__in=ids).order_by("key_id").first():
        raise _conflict(taken.key_id)
    OneTimeKey.objects.bulk_create(
        OneTimeKey(user_id=device.user_id, device=device, fingerprint=fingerprint, **key)
        for fingerprint, key in new.items()
    )
    if OneTimeKey.objects.filter(device=device, claimed_at=None).count() > settings.KEYS_MAX_ONE_TIME:
        raise too_many()


def _require_same(known: OneTimeKey, device: Device, key_id: int) -> None:
    """A key that waits is the device's own, under this id. One that was handed out may come again: it is ignored."""
    waits = known.claimed_at is None and known.device_id is not None
    if waits and (known.device_id, known.key_id) != (device.pk, key_id):
        raise _conflict(key_id)


def _conflict(key_id: int) -> ValidationError:
    return ValidationError(f"The id {key_id} is another key's, or its key has another id already.", code="conflict")
