"""Pages by cursor: `{next, previous, results}`, stable while rows come and go."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.fields import IntegerField
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class CursorPagination(pagination.CursorPagination):
    """Newest first, `?limit=` rows a page; a view sets another `ordering` by its attribute."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    page_size_query_description = "Rows a page; 200 at most."
    ordering = "-id"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> tuple[str, ...]:
        """The view's `ordering`, else this class's."""
        self.ordering = getattr(view, "ordering", None) or self.ordering
        return tuple(super().get_ordering(request, queryset, view))

    def get_page_size(self, request: Request) -> int:
        """The `limit` asked for, as far as it goes; ValidationError if it is no positive number."""
        try:
            size = IntegerField(min_value=1).run_validation(request.query_params.get("limit", self.page_size))
        except ValidationError as error:
            raise ValidationError({"limit": error.detail}) from error
        return int(min(size, self.max_page_size))

    def paginate_queryset(
        self, queryset: QuerySet[Any, Any], request: Request, view: "APIView | None" = None
    ) -> list[Any] | None:
        """One page; ValidationError for a cursor that this server did not give."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, OverflowError, DataError, DjangoValidationError, NotFound) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise ValidationError({self.cursor_query_param: ["Invalid cursor."]}) from error

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        """For OpenAPI, with the bounds of `limit`."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "default": self.page_size}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """For OpenAPI; all three keys are always there."""
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        return page | {"required": ["next", "previous", "results"]}
