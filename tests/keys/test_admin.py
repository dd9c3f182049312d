"""The key directory in the admin: seen by staff who may, changed by nobody."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from keys import services
from keys.models import Device
from tests.keys.material import device

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
LIST = "admin:keys_device_changelist"


@pytest.fixture
def desk(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def enter(user: User, *names: str) -> Device:
    for name in names:
        entered, _ = services.put_device(user_id=user.pk, device_id=name, **device(of=name))
    return entered


def test_devices_are_found_with_what_is_left_of_them(desk: Client, alice: User, bob: User) -> None:
    enter(alice, "phone")
    enter(bob, "laptop")
    for query, count in (("alice", 1), ("laptop", 1), ("", 2), ("nowhere", 0)):
        listed = desk.get(reverse(LIST), {"q": query}).context["cl"]
        assert listed.result_count == count
        assert {each.left for each in listed.queryset} <= {3}


def test_nobody_changes_anything(desk: Client, alice: User) -> None:
    entered = enter(alice, "phone")
    assert desk.get(reverse("admin:keys_device_change", args=[entered.pk])).status_code == 200
    assert desk.post(reverse("admin:keys_device_change", args=[entered.pk]), {"identity_key": "x"}).status_code == 403
    assert desk.get(reverse("admin:keys_device_add")).status_code == 403
    assert desk.post(reverse("admin:keys_device_delete", args=[entered.pk]), {"post": "yes"}).status_code == 403
    assert Device.objects.get().identity_key == entered.identity_key


def test_people_who_are_no_staff_see_nothing(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(reverse(LIST)).status_code == 302


def test_the_list_takes_the_same_number_of_queries_for_one_as_for_many(desk: Client, alice: User, bob: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(reverse(LIST)).status_code == 200
        return len(captured)

    enter(alice, "a")
    queries()  # which fills caches of content types
    before = queries()
    enter(alice, "b", "c")
    enter(bob, "d", "e")
    assert queries() == before
