"""Claims that come at the same moment, and uploads among them."""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from keys import services
from keys.models import Device, OneTimeKey
from tests.accounts.threads import at_once
from tests.keys.material import device, one_time, text
from tests.services import on_sqlite

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


def claim(asker: User, user: User) -> list[Device]:
    return services.claim_keys(asker_id=asker.pk, user_id=user.pk)


def put(user: User, device_id: str = "phone", **changes: Any) -> Device:
    return services.put_device(user_id=user.pk, device_id=device_id, **device() | changes)[0]


def test_a_key_goes_to_one_of_those_who_claim_at_once(alice: User, bob: User, carol: User) -> None:
    put(alice, one_time_keys=one_time(*range(5)))
    put(alice, "laptop", one_time_keys=one_time(*range(20), of="laptop"))
    results = at_once(*(lambda asker=asker: claim(asker, alice) for asker in (bob, carol) * 4))
    for name, expected in (("phone", 5), ("laptop", 8)):
        keys = [each.one_time_key for result in results for each in result if each.device_id == name]
        handed_out = [key["key_id"] for key in keys if key is not None]
        assert len(keys) == 8
        assert len(handed_out) == len(set(handed_out)) == expected
    assert OneTimeKey.objects.filter(claimed_at=None).count() == 12


@pytest.mark.skipif(on_sqlite(), reason="SQLite has one writer at a time")
def test_a_claim_does_not_wait_for_another(alice: User, bob: User, carol: User) -> None:
    put(alice, one_time_keys=one_time(1, 2))
    with transaction.atomic():
        assert [each.one_time_key for each in claim(bob, alice)] == one_time(1)
        [meanwhile] = at_once(lambda: claim(carol, alice))
        assert [each.one_time_key for each in meanwhile] == one_time(2)
        transaction.set_rollback(True)
    assert [each.one_time_key for each in claim(carol, alice)] == one_time(1)


def test_an_upload_that_is_repeated_at_once_is_one_upload(alice: User, bob: User) -> None:
    results = at_once(*(lambda: put(alice) for _ in range(4)))
    assert len({each.pk for each in results}) == 1
    refill = [lambda: services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=one_time(4, 5))] * 4
    assert all(isinstance(result, Device) for result in at_once(*refill))
    assert OneTimeKey.objects.filter(claimed_at=None).count() == 5


def test_limits_hold_for_uploads_at_once(alice: User, settings: Any) -> None:
    settings.KEYS_MAX_DEVICES, settings.KEYS_MAX_ONE_TIME = 2, 6
    at_once(*(lambda name=name: put(alice, name, one_time_keys=one_time(1, of=name)) for name in "abcd"))
    assert Device.objects.count() == 2
    name = Device.objects.values_list("device_id", flat=True)[0]
    lists = [one_time(*range(start, start + 3), of=name) for start in (10, 20, 30, 40)]
    at_once(
        *(
            lambda keys=keys: services.add_one_time_keys(user_id=alice.pk, device_id=name, one_time_keys=keys)
            for keys in lists
        )
    )
    assert OneTimeKey.objects.filter(device__device_id=name, claimed_at=None).count() == 4


def test_a_key_never_comes_with_another_identity_than_its_own(alice: User, bob: User, carol: User) -> None:
    """Claims while the device begins anew, again and again."""
    numbers = range(6)
    put(alice, identity_key=text("identity 0"), one_time_keys=one_time(*range(4), of="0"))

    def begin_anew() -> None:
        for number in numbers[1:]:
            keys = one_time(*range(4), of=str(number))
            put(alice, identity_key=text(f"identity {number}"), one_time_keys=keys)

    def claim_often(asker: User) -> list[Device]:
        return [each for _ in range(12) for each in claim(asker, alice)]

    results = at_once(begin_anew, lambda: claim_often(bob), lambda: claim_often(carol))
    assert results[0] is None
    owner = {text(f"{number} {key}"): text(f"identity {number}") for number in numbers for key in range(4)}
    handed_out = [each for result in results[1:] for each in result if each.one_time_key is not None]
    assert [owner[each.one_time_key["public_key"]] for each in handed_out] == [each.identity_key for each in handed_out]
    assert max(Counter(each.one_time_key["public_key"] for each in handed_out).values(), default=0) <= 1
