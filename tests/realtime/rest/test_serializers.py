"""camelCase on the wire, snake_case in Python, and nothing that was not declared."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import Group
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from realtime.models import OutboxEntry
from realtime.rest.serializers import CamelModelSerializer, CamelSerializer, Timestamp
from realtime.structs import camel

MOMENT = datetime(2026, 1, 31, 13, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))


@dataclass
class Trip:
    first_name: str = "Ann"
    started_at: datetime | None = MOMENT
    free_data: Any = None


class PassengerSerializer(CamelSerializer):
    seat_number = serializers.IntegerField(min_value=1)


class TripSerializer(CamelSerializer):
    first_name = serializers.CharField(max_length=5)
    started_at = Timestamp(required=False, allow_null=True)
    free_data = serializers.JSONField(required=False)
    shouted_name = serializers.SerializerMethodField()
    nick_name = serializers.CharField(source="first_name", read_only=True)
    other_passengers = PassengerSerializer(many=True, required=False)

    def get_shouted_name(self, trip: Trip) -> str:
        return trip.first_name.upper()


def errors_of(data: Any, serializer: type[CamelSerializer] = TripSerializer) -> Any:
    with pytest.raises(ValidationError) as refused:
        serializer.read(data)
    return refused.value.detail


@pytest.mark.parametrize(
    ("name", "expected"), [("id", "id"), ("display_name", "displayName"), ("is_a_b", "isAB"), ("last_4x", "last4x")]
)
def test_a_name_in_camel_case(name: str, expected: str) -> None:
    assert camel(name) == expected


def test_declared_fields_are_shown_in_camel_case_and_free_data_as_it_is() -> None:
    shown = TripSerializer(Trip(free_data={"snake_case": {"other_key": 1}})).data
    assert shown["firstName"] == shown["nickName"] == "Ann"
    assert shown["shoutedName"] == "ANN"
    assert shown["freeData"] == {"snake_case": {"other_key": 1}}


def test_a_moment_is_shown_in_utc_with_milliseconds() -> None:
    assert TripSerializer(Trip()).data["startedAt"] == "2026-01-31T12:00:00.123Z"
    assert TripSerializer(Trip(started_at=None)).data["startedAt"] is None


def test_input_is_read_into_snake_case() -> None:
    data = {
        "firstName": "Bob",
        "startedAt": "2026-01-31T13:00:00+01:00",
        "freeData": {"snake_case": 1},
        "otherPassengers": [{"seatNumber": 3}],
    }
    assert TripSerializer.read(data) == {
        "first_name": "Bob",
        "started_at": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "free_data": {"snake_case": 1},
        "other_passengers": [{"seat_number": 3}],
    }


def test_errors_are_told_under_the_names_of_the_wire() -> None:
    assert list(errors_of({"firstName": "Barbara"})) == ["firstName"]
    nested = errors_of({"firstName": "Bob", "otherPassengers": [{"seatNumber": 1}, {"seatNumber": 0}]})
    assert list(nested["otherPassengers"][1]) == ["seatNumber"]


@pytest.mark.parametrize(
    ("field", "text"),
    [("first_name", "Unknown field."), ("isAdmin", "Unknown field."), ("shoutedName", "This field is read-only.")],
)
def test_what_nobody_declared_is_refused(field: str, text: str) -> None:
    assert errors_of({"firstName": "Bob", field: "x"}) == {field: [text]}


def test_what_nobody_declared_is_refused_inside_too() -> None:
    nested = errors_of({"firstName": "Bob", "otherPassengers": [{"seatNumber": 1, "x": 1}]})
    assert nested["otherPassengers"][0] == {"x": ["Unknown field."]}


def test_an_unknown_key_that_cannot_be_encoded_is_told_escaped() -> None:
    assert list(errors_of({"firstName": "Bob", "\ud800": 1})) == ["\\ud800"]


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_what_is_no_object_is_refused(data: Any) -> None:
    assert errors_of(data)


def test_a_check_that_would_never_run_is_a_mistake() -> None:
    class Forgotten(CamelSerializer):
        first_name = serializers.CharField()

        def validate_first_name(self, value: str) -> str:
            return value

    with pytest.raises(TypeError, match="rename it to validate_firstName"):
        Forgotten.read({})


def test_a_check_of_a_field_runs_under_its_name_on_the_wire() -> None:
    class Checked(CamelSerializer):
        first_name = serializers.CharField()

        def validate_firstName(self, value: str) -> str:  # noqa: N802
            return value.upper()

    assert Checked.read({"firstName": "Ann"}) == {"first_name": "ANN"}


class EntrySerializer(CamelModelSerializer):
    class Meta:
        model = OutboxEntry
        fields = "__all__"


class GroupSerializer(CamelModelSerializer):
    user_count = serializers.IntegerField(default=0)

    class Meta:
        model = Group
        fields = ("id", "name", "user_count")


def test_the_fields_of_a_model_are_renamed_and_its_moments_are_timestamps() -> None:
    fields: dict[str, Any] = dict(EntrySerializer().fields)
    moments = {name for name, field in fields.items() if isinstance(field, serializers.DateTimeField)}
    assert moments
    assert all(isinstance(fields[name], Timestamp) for name in moments)
    assert not [name for name in fields if "_" in name]


@pytest.mark.django_db
def test_a_model_is_written_from_camel_case() -> None:
    class NamedSerializer(CamelModelSerializer):
        the_name = serializers.CharField(source="name")

        class Meta:
            model = Group
            fields = ("id", "the_name")

    serializer = NamedSerializer(data={"theName": "staff"})
    serializer.is_valid(raise_exception=True)
    assert serializer.save().name == "staff"
    assert GroupSerializer(Group.objects.get()).data["name"] == "staff"
