"""What the key directory's rows say of themselves, and what the database itself refuses."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from keys import services
from keys.models import Device, OneTimeKey
from tests.keys.material import device

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_rows_say_whose_they_are(alice: User) -> None:
    entered, _ = services.put_device(user_id=alice.pk, device_id="phone", **device(ids=[5]))
    key = entered.one_time_keys.get()
    assert (str(entered), str(key)) == ("phone of alice", "5 of phone of alice")
    services.remove_device(user_id=alice.pk, device_id="phone")
    assert str(OneTimeKey(user=alice, key_id=5)) == "5 of alice"


def test_the_database_knows_an_id_and_a_key_once(alice: User, bob: User) -> None:
    entered, _ = services.put_device(user_id=alice.pk, device_id="phone", **device(ids=[5]))
    key = entered.one_time_keys.get()
    for changes in ({"fingerprint": "other"}, {"key_id": 6}):
        same = {"user": alice, "device": entered, "key_id": key.key_id, "fingerprint": key.fingerprint} | changes
        with pytest.raises(IntegrityError), transaction.atomic():
            OneTimeKey.objects.create(**same)
    with pytest.raises(IntegrityError), transaction.atomic():
        Device.objects.create(user=alice, device_id="phone", identity_key="x", signed_pre_key_id=1)


def test_a_person_takes_their_keys_along(alice: User) -> None:
    services.put_device(user_id=alice.pk, device_id="phone", **device())
    alice.delete()
    assert not Device.objects.exists()
    assert not OneTimeKey.objects.exists()
