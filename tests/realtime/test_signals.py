"""A saved row pushes: what changed is told, once it is committed."""

from collections.abc import Callable, Iterator

import pytest
from django.core import serializers
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Upper
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import Signal

from accounts.models import User
from realtime.models import OutboxEntry
from realtime.publications import Delivery, decode_publications
from realtime.signals import Change, Push, Pushes, pushes
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Told = list[tuple[str, dict[str, object]]]


@pytest.fixture
def told() -> Iterator[Told]:
    """What a generator that watches users' names was called with."""
    calls: Told = []

    def name_changed(user: User, change: Change) -> Pushes:
        kind = "created" if change.created else "deleted" if change.deleted else "changed"
        calls.append((kind, dict(change.before)))
        yield Push(LabRoom("names"), Noted(number=len(calls)))

    pushes(User, watch=("display_name", "wallet_address"))(name_changed)
    yield calls
    uid = f"{name_changed.__module__}.{name_changed.__qualname__}"
    for signal in (pre_save, post_save, post_delete):
        assert signal.disconnect(sender=User, dispatch_uid=uid)


def written() -> list[str]:
    """The events in the outbox."""
    bodies = OutboxEntry.objects.order_by("pk").values_list("body", flat=True)
    publications = [publication for body in bodies for publication in decode_publications(body)]
    return [publication.event for publication in publications if isinstance(publication, Delivery)]


def test_creation_and_deletion_are_told(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann")
    ann.delete()
    assert told == [("created", {}), ("deleted", {})]
    assert written().count("lab.noted") == 2


def test_a_change_of_a_watched_field_is_told_with_what_it_was(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann", display_name="Ann")
    told.clear()
    ann.display_name = "Anne"
    ann.save()
    assert told == [("changed", {"display_name": "Ann"})]


def test_what_is_not_watched_or_not_changed_is_not_told(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann", display_name="Ann")
    told.clear()
    ann.email = "ann@example.com"
    ann.save()
    ann.display_name = "Anne"
    ann.save(update_fields=["email"])
    assert told == []


def test_fields_that_a_save_does_not_touch_cost_no_query(
    told: Told, person: Callable[..., User], django_assert_num_queries: Callable[..., object]
) -> None:
    ann = person("ann")
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        ann.save(update_fields=["email"])


def test_the_old_value_is_the_databases_not_the_instances(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann", display_name="Ann")
    told.clear()
    stale = User.objects.get(pk=ann.pk)
    ann.display_name = "Anne"
    ann.save()
    stale.display_name = "Anne"
    stale.save(update_fields=["display_name"])
    deferred = User.objects.only("pk").get(pk=ann.pk)
    deferred.display_name = "Anna"
    deferred.save()
    assert told == [("changed", {"display_name": "Ann"}), ("changed", {"display_name": "Anne"})]


def test_an_expression_counts_as_a_change(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann", display_name="Ann")
    told.clear()
    ann.display_name = Upper(F("display_name"))
    ann.save(update_fields=["display_name"])
    assert told == [("changed", {"display_name": "Ann"})]


def test_a_value_in_another_spelling_is_no_change(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann")
    ann.wallet_address = "0x" + "ab" * 20
    ann.save()
    told.clear()
    ann.wallet_address = "0x" + "AB" * 20
    ann.save()
    assert told == []


def test_a_fixture_that_is_loaded_is_silent(told: Told, person: Callable[..., User]) -> None:
    ann = person("ann")
    told.clear()
    dump = serializers.serialize("json", [ann]).replace('"display_name": ""', '"display_name": "Loaded"')
    for loaded in serializers.deserialize("json", dump):
        loaded.save()
    assert User.objects.get(pk=ann.pk).display_name == "Loaded"
    assert told == []


def test_a_savepoint_that_is_rolled_back_takes_its_events_with_it(told: Told, person: Callable[..., User]) -> None:
    with transaction.atomic():
        person("ann")
        before = written()
        with transaction.atomic():
            person("bea")
            transaction.set_rollback(True)
    assert written() == before


def test_an_apps_own_signal_is_mapped_with_its_arguments() -> None:
    happened = Signal()

    @pushes(happened)
    def tell(number: int, *, rooms: list[str]) -> Pushes:
        yield Push([LabRoom(room) for room in rooms], Noted(number=number))

    happened.send("anybody", number=3, rooms=["a", "b"])
    happened.send("anybody", number=4, rooms=[])  # nobody to tell
    assert written() == ["lab.noted"]
    (body,) = OutboxEntry.objects.values_list("body", flat=True)
    (publication,) = decode_publications(body)
    assert isinstance(publication, Delivery)
    assert publication.rooms == ("lab:a", "lab:b")


def test_a_change_knows_what_it_knows() -> None:
    change = Change(before={"text": "old"})
    assert change.changed("text")
    assert change.was("text") == "old"
    assert not change.changed("other")
    with pytest.raises(KeyError):
        change.was("other")
