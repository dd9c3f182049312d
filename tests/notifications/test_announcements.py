"""What staff announces, everybody hears; nobody else can announce."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client as Browser
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import access_token
from notifications import services
from notifications.events import SystemAnnouncement
from notifications.models import Announcement
from realtime.testing import Client

STORM = {"title": "Storm", "message": "We may be slow tonight.", "level": "warning"}


@pytest.fixture
def admin(person: Callable[..., User]) -> User:
    user = person("admin")
    user.is_staff = user.is_superuser = True
    user.save()
    return user


def rest(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(user)}")
    return client


def test_everybody_hears_what_staff_announces_over_rest_and_in_the_admin(
    connect: Callable[..., Client], admin: User, alice: User, bob: User
) -> None:
    clients = [connect(alice), connect(bob)]
    answer = rest(admin).post("/api/system/announcements/", STORM)
    assert answer.status_code == 201
    assert answer.json()["id"]
    for client in clients:
        assert client.expect(SystemAnnouncement) == SystemAnnouncement(**STORM)

    browser = Browser()
    browser.force_login(admin)
    assert browser.post("/admin/notifications/announcement/add/", STORM | {"title": "Calm"}).status_code == 302
    for client in clients:
        assert client.expect(SystemAnnouncement).title == "Calm"
    assert set(Announcement.objects.values_list("title", "created_by__username")) == {
        ("Storm", "admin"),
        ("Calm", "admin"),
    }


def test_others_cannot_announce(alice: User) -> None:
    assert rest(alice).post("/api/system/announcements/", STORM).json()["code"] == "FORBIDDEN"
    assert rest(None).post("/api/system/announcements/", STORM).json()["code"] == "AUTH_REQUIRED"
    with pytest.raises(PermissionDenied):
        services.announce(author_id=alice.pk, title="x", message="x")
    assert not Announcement.objects.exists()


@pytest.mark.parametrize(
    "change", [{"title": ""}, {"message": ""}, {"level": "loud"}, {"title": "x" * 201}, {"more": 1}, {"message": None}]
)
def test_bad_announcements_are_refused_and_say_what_is_wrong(admin: User, change: dict[str, object]) -> None:
    answer = rest(admin).post("/api/system/announcements/", STORM | change)
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_PAYLOAD"
    assert list(answer.json()["details"]) == list(change)


@pytest.mark.sqlite
def test_the_service_checks_too(admin: User) -> None:
    with pytest.raises(ValidationError):
        services.announce(author_id=admin.pk, title="x", message="x", level="loud")
