"""What devices leave in the key directory, and what is handed out of it: each one-time key once, ever."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user, deactivate_user
from keys import selectors, services
from keys.forms import PublicKey
from keys.models import Device, OneTimeKey
from tests.keys.material import device, one_time, signed, text

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def put(user: User, device_id: str = "phone", **changes: Any) -> Device:
    return services.put_device(user_id=user.pk, device_id=device_id, **device() | changes)[0]


def claim(asker: User, user: User, **more: Any) -> list[int | None]:
    """The ids of the one-time keys that came, device by device."""
    devices = services.claim_keys(asker_id=asker.pk, user_id=user.pk, **more)
    return [each.one_time_key["key_id"] if each.one_time_key else None for each in devices]


def left(user: User, device_id: str = "phone") -> set[int]:
    keys = OneTimeKey.objects.filter(device__device_id=device_id, user=user, claimed_at=None)
    return set(keys.values_list("key_id", flat=True))


def test_a_device_is_entered_once_and_its_keys_are_replaced(alice: User) -> None:
    first, is_new = services.put_device(user_id=alice.pk, device_id="phone", **device())
    again, is_new_again = services.put_device(
        user_id=str(alice.pk), device_id="phone", **device(ids=[4]) | {"signed_pre_key": signed(2)}
    )
    assert (is_new, is_new_again, first.pk) == (True, False, again.pk)
    shown = selectors.get_own_device(alice.pk, "phone")
    assert (shown.signed_pre_key_id, shown.signed_pre_key) == (2, text("signed 2"))
    assert left(alice) == {4}
    assert shown.identity_changed_at is None
    assert shown.updated_at > shown.created_at


def test_without_a_list_the_keys_that_wait_stay(alice: User) -> None:
    put(alice)
    put(alice, one_time_keys=None, signed_pre_key=signed(9))
    assert left(alice) == {1, 2, 3}
    put(alice, one_time_keys=[])
    assert left(alice) == set()


def test_another_identity_begins_anew_and_can_be_seen(alice: User, bob: User) -> None:
    put(alice)
    claim(bob, alice)
    put(alice, identity_key=text("another"), one_time_keys=None)
    changed = selectors.devices_of(bob.pk, alice.pk).get()
    assert changed.identity_key == text("another")
    assert changed.identity_changed_at is not None
    assert claim(bob, alice) == [None]
    services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=one_time(1, of="new phone"))
    assert claim(bob, alice) == [1]  # ids begin anew, too


def test_a_claim_takes_the_oldest_key_of_each_device_until_none_is_left(alice: User, bob: User, carol: User) -> None:
    put(alice, one_time_keys=one_time(7, 3))
    put(alice, "laptop", one_time_keys=one_time(1, of="laptop"))
    assert claim(bob, alice) == [7, 1]
    assert claim(carol, alice) == [3, None]
    assert claim(bob, alice) == [None, None]
    assert OneTimeKey.objects.exclude(public_key="").count() == 0


def test_a_claim_hands_out_what_was_left_with_the_lasting_keys(alice: User, bob: User) -> None:
    put(alice, one_time_keys=one_time(5))
    [shown] = services.claim_keys(asker_id=bob.pk, user_id=alice.pk)
    assert shown.one_time_key == {"key_id": 5, "public_key": text("phone 5")}
    assert (shown.identity_key, shown.signed_pre_key) == (text("me"), text("signed 1"))


def test_only_named_devices_give_a_key(alice: User, bob: User) -> None:
    for name in ("phone", "laptop"):
        put(alice, name, one_time_keys=one_time(1, of=name))
    assert claim(bob, alice, device_ids=["laptop", "nowhere"]) == [1]
    assert left(alice) == {1}
    assert claim(alice, alice, device_ids=["phone"]) == [1]  # one's own other device
    assert claim(bob, alice, device_ids=[]) == []


def test_nobody_claims_across_a_block_or_from_who_is_not_there(alice: User, bob: User, carol: User) -> None:
    put(alice)
    put(carol)
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    deactivate_user(user_id=carol.pk)
    for asker, user in ((bob.pk, alice.pk), (alice.pk, bob.pk), (alice.pk, carol.pk), (alice.pk, uuid7())):
        with pytest.raises(User.DoesNotExist):
            services.claim_keys(asker_id=asker, user_id=user)
        with pytest.raises(User.DoesNotExist):
            selectors.devices_of(asker, user)
    assert left(alice) == {1, 2, 3}


@pytest.mark.parametrize("anew", ["again", "identity", "removed"])
def test_a_key_that_was_handed_out_is_never_handed_out_again(alice: User, bob: User, carol: User, anew: str) -> None:
    put(alice)
    assert claim(bob, alice) == [1]
    if anew == "identity":
        put(alice, identity_key=text("another"), one_time_keys=None)
    elif anew == "removed":
        services.remove_device(user_id=alice.pk, device_id="phone")
    put(alice)
    assert left(alice) == {2, 3}
    assert claim(carol, alice) + claim(carol, alice) + claim(carol, alice) == [2, 3, None]


def test_a_refill_that_is_repeated_changes_nothing(alice: User, bob: User) -> None:
    put(alice, one_time_keys=[])
    for _ in range(2):
        services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=one_time(1, 2))
    claim(bob, alice)
    services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=one_time(1, 2, 3))
    assert left(alice) == {2, 3}


def test_an_id_is_one_keys_and_a_key_has_one_id(alice: User, bob: User) -> None:
    put(alice)
    put(alice, "laptop", one_time_keys=one_time(1, of="laptop"))
    claim(bob, alice, device_ids=["phone"])
    for keys in (
        one_time(1, of="other"),  # an id of a key that was handed out
        one_time(2, of="other"),  # of one that waits
        [PublicKey(key_id=9, public_key=text("phone 2"))],  # a key that waits under another id
        [PublicKey(key_id=9, public_key=text("laptop 1"))],  # a key of another device
    ):
        with pytest.raises(ValidationError) as refused:
            services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=keys)
        assert refused.value.code == "conflict"
    assert left(alice) == {2, 3}
    put(bob, one_time_keys=one_time(1, of="laptop"))  # what another person's are, is not told


def test_keys_that_are_replaced_may_come_under_other_ids(alice: User) -> None:
    put(alice)
    put(alice, one_time_keys=[{"key_id": 1, "public_key": text("phone 2")}])
    assert left(alice) == {1}


def test_more_than_the_limit_cannot_wait(alice: User, bob: User, settings: Any) -> None:
    settings.KEYS_MAX_ONE_TIME = 3
    put(alice)
    for keys in (one_time(4), one_time(5, 6, 7, 8)):
        with pytest.raises(ValidationError, match="At most 3"):
            services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=keys)
    with pytest.raises(ValidationError, match="At most 3"):
        put(bob, one_time_keys=one_time(1, 2, 3, 4))
    assert not Device.objects.filter(user=bob).exists()
    claim(bob, alice)
    services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=one_time(4))
    assert left(alice) == {2, 3, 4}


def test_a_person_has_so_many_devices(alice: User, bob: User, settings: Any) -> None:
    settings.KEYS_MAX_DEVICES = 2
    put(alice, "a", one_time_keys=[])
    put(alice, "b", one_time_keys=[])
    with pytest.raises(ValidationError, match="At most 2"):
        put(alice, "c", one_time_keys=[])
    put(alice, "b")  # which is there already
    put(bob, "c", one_time_keys=[])
    services.remove_device(user_id=alice.pk, device_id="a")
    put(alice, "c", one_time_keys=[])


def test_a_device_is_its_owners_alone(alice: User, bob: User) -> None:
    put(alice)
    for call in (
        lambda: services.remove_device(user_id=bob.pk, device_id="phone"),
        lambda: services.add_one_time_keys(user_id=bob.pk, device_id="phone", one_time_keys=one_time(9)),
        lambda: selectors.get_own_device(bob.pk, "phone"),
    ):
        with pytest.raises(Device.DoesNotExist):
            call()
    put(bob)
    assert (left(alice), left(bob)) == ({1, 2, 3}, {1, 2, 3})
    services.remove_device(user_id=bob.pk, device_id="phone")
    assert selectors.own_devices(bob.pk).count() == 0
    assert selectors.own_devices(alice.pk).count() == 1


BAD_KEYS = ["", "a", "abc", "YQ", "YR==", "Y Q==", "YQ==\n", "-_-_", "ключ", "YQ=\x00", "A" * 4000]


@pytest.mark.parametrize("bad", BAD_KEYS)
def test_what_is_no_key_is_refused(alice: User, bad: str) -> None:
    pre_key = signed()
    for changes in (
        {"identity_key": bad},
        {"signed_pre_key": pre_key | {"public_key": bad}},
        {"signed_pre_key": pre_key | {"signature": bad}},
        {"one_time_keys": [{"key_id": 1, "public_key": bad}]},
    ):
        with pytest.raises(ValidationError):
            put(alice, **changes)
    assert not Device.objects.exists()


@pytest.mark.parametrize("bad", ["", "-a", "a/b", "a b", "é", "a\n", "a" * 65, "\x00"])
def test_what_can_be_no_name_of_a_device_is_refused(alice: User, bob: User, bad: str) -> None:
    with pytest.raises(ValidationError):
        put(alice, bad)
    with pytest.raises(ValidationError):
        services.add_one_time_keys(user_id=alice.pk, device_id=bad, one_time_keys=one_time(1))
    with pytest.raises(ValidationError):
        services.remove_device(user_id=alice.pk, device_id=bad)
    with pytest.raises(ValidationError):
        claim(bob, alice, device_ids=["phone", bad])


@pytest.mark.parametrize("key_id", [-1, 2**31])
def test_an_id_fits_its_column(alice: User, key_id: int) -> None:
    for changes in ({"signed_pre_key": signed(key_id)}, {"one_time_keys": one_time(key_id)}):
        with pytest.raises(ValidationError):
            put(alice, **changes)


def test_one_list_holds_no_key_and_no_id_twice(alice: User) -> None:
    same_key = [{"key_id": number, "public_key": text("x")} for number in (1, 2)]
    for keys in (one_time(1) + one_time(1, of="other"), same_key, one_time(1, 1)):
        with pytest.raises(ValidationError, match="twice"):
            put(alice, one_time_keys=keys)


steps: Any = st.one_of(
    st.tuples(st.just("add"), st.sets(st.integers(0, 12), min_size=1, max_size=4)),
    st.tuples(st.just("put"), st.sets(st.integers(0, 12), max_size=4)),
    st.tuples(st.just("identity"), st.sets(st.integers(0, 12), max_size=4)),
    st.tuples(st.just("remove"), st.just(set())),
    st.tuples(st.just("claim"), st.just(set())),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=25))
def test_whatever_a_device_does_no_key_is_handed_out_twice(alice: User, bob: User, story: list[Any]) -> None:
    """The ids name the keys here: whoever gets an id twice, gets a key twice."""
    OneTimeKey.objects.all().delete()  # of the example before
    Device.objects.all().delete()
    handed_out: list[int] = []
    identity = 0
    for step, ids in story:
        exists = Device.objects.exists()
        if step == "claim":
            handed_out += [key for key in claim(bob, alice) if key is not None]
        elif step == "remove" and exists:
            services.remove_device(user_id=alice.pk, device_id="phone")
        elif step == "add" and exists:
            services.add_one_time_keys(user_id=alice.pk, device_id="phone", one_time_keys=one_time(*ids))
        elif step in {"put", "identity"}:
            identity += step == "identity"
            put(alice, identity_key=text(identity), one_time_keys=one_time(*ids))
            assert left(alice) == ids - set(handed_out)
    assert len(handed_out) == len(set(handed_out))
