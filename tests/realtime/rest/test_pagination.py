"""Pages by cursor."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from realtime.rest.pagination import CursorPagination
from realtime.rest.serializers import CamelModelSerializer

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


class GroupSerializer(CamelModelSerializer):
    class Meta:
        model = Group
        fields = ("id", "name")


class GroupsView(ListAPIView[Group]):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    serializer_class = GroupSerializer

    def get_queryset(self) -> QuerySet[Group]:
        return Group.objects.all()


class ByNameView(GroupsView):
    ordering = "name"


class BrokenView(GroupsView):
    def get_queryset(self) -> QuerySet[Group]:
        raise DjangoValidationError("a mistake of ours")


def ask(query: str = "", view: type[GroupsView] = GroupsView) -> Response:
    response: Response = view.as_view()(APIRequestFactory().get(f"/groups/{query}")).render()
    return response


@pytest.fixture
def groups() -> None:
    for number in range(1, 8):
        Group.objects.create(name=f"group {number}")


def pages(query: str, view: type[GroupsView] = GroupsView) -> Iterator[list[str]]:
    next_query: str | None = query
    while next_query is not None:
        data = ask(next_query, view).data
        yield [row["name"][-1] for row in data["results"]]
        next_query = data["next"] and "?" + data["next"].partition("?")[2]


def test_the_newest_come_first_and_each_once(groups: None) -> None:
    assert list(pages("?limit=3")) == [["7", "6", "5"], ["4", "3", "2"], ["1"]]


def test_a_view_has_an_order_of_its_own(groups: None) -> None:
    assert list(pages("?limit=4", ByNameView)) == [["1", "2", "3", "4"], ["5", "6", "7"]]


def test_a_page_stays_where_it_is_when_rows_are_added(groups: None) -> None:
    walk = pages("?limit=5")
    assert next(walk) == ["7", "6", "5", "4", "3"]
    Group.objects.create(name="group 8")
    assert next(walk) == ["2", "1"]


def test_one_can_go_back(groups: None) -> None:
    second = ask("?" + ask("?limit=4").data["next"].partition("?")[2]).data
    first = ask("?" + second["previous"].partition("?")[2]).data
    assert [row["name"] for row in first["results"]] == [f"group {number}" for number in (7, 6, 5, 4)]


def test_an_empty_list_is_a_page(db: None) -> None:
    assert ask().data == {"next": None, "previous": None, "results": []}


def test_fifty_rows_come_unasked_and_two_hundred_at_most() -> None:
    Group.objects.bulk_create(Group(name=str(number)) for number in range(205))
    assert len(ask().data["results"]) == 50
    assert len(ask("?limit=100000").data["results"]) == 200


@pytest.mark.parametrize("limit", ["0", "-1", "many", "", "1.5", "%00"])
def test_a_limit_that_is_no_positive_number_is_refused(groups: None, limit: str) -> None:
    response = ask(f"?limit={limit}")
    assert (response.status_code, list(response.data["details"])) == (400, ["limit"])


@pytest.mark.parametrize("cursor", ["x", "%FF", "cD1hYmM%3D", "cD0lMDA%3D", "bz0tMQ%3D%3D", "cj14"])
@pytest.mark.parametrize("view", [GroupsView, ByNameView])
def test_a_cursor_that_was_never_given_is_no_error_of_the_server(
    groups: None, cursor: str, view: type[GroupsView]
) -> None:
    response = ask(f"?cursor={cursor}", view)
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert list(response.data["details"]) == ["cursor"]


def test_a_cursor_of_what_is_no_id_is_refused(groups: None) -> None:
    assert ask("?cursor=cD1hYmM%3D").data["code"] == "INVALID_PAYLOAD"


def test_a_mistake_of_ours_is_not_blamed_on_a_cursor_that_was_not_given() -> None:
    assert ask("", BrokenView).data["details"] == {"nonFieldErrors": ["a mistake of ours"]}


def test_openapi_knows_the_bounds() -> None:
    pagination = CursorPagination()
    parameters = {each["name"]: each["schema"] for each in pagination.get_schema_operation_parameters(GroupsView())}
    assert parameters["limit"] == {"type": "integer", "minimum": 1, "default": 50}
    assert pagination.get_paginated_response_schema({})["required"] == ["next", "previous", "results"]
