"""Serializers that speak camelCase.

Only declared fields are renamed, each with its `source`; the keys of free-form JSON are data and
stay as they are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.request import Request

from realtime.structs import camel
from realtime.times import iso


class Timestamp(serializers.DateTimeField):
    """A moment in the one spelling of every wire: UTC, milliseconds, `Z`."""

    def to_representation(self, value: datetime) -> str:
        """As `iso` writes it."""
        return iso(value)


class CamelSerializer(serializers.Serializer[Any]):
    """Fields are declared in snake_case and travel in camelCase; what is not declared is refused."""

    @classmethod
    def read(cls, data: Any, **context: Any) -> dict[str, Any]:
        """The validated input in snake_case, from a request or its data; raises ValidationError."""
        serializer = cls(data=data.data if isinstance(data, Request) else data, context=context)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The declared fields under their names on the wire."""
        return {camel(name): self._renamed(name, field) for name, field in super().get_fields().items()}

    def _renamed(
        self, name: str, field: serializers.Field[Any, Any, Any, Any]
    ) -> serializers.Field[Any, Any, Any, Any]:
        if camel(name) == name:
            return field
        if hasattr(self, f"validate_{name}"):
            raise TypeError(f"validate_{name} is never called: rename it to validate_{camel(name)}")
        if isinstance(field, serializers.SerializerMethodField):
            field.method_name = field.method_name or f"get_{name}"
        elif field.source is None:
            field.source = name
        return field

    def to_internal_value(self, data: Any) -> Any:
        """As Django REST framework's, after a look for fields that nobody declared."""
        if isinstance(data, Mapping) and (refused := self._refused(data)):
            raise serializers.ValidationError(refused)
        return super().to_internal_value(data)

    def _refused(self, data: Mapping[Any, Any]) -> dict[str, list[str]]:
        writable = {field.field_name for field in self._writable_fields}
        return {
            # A key can hold half a surrogate pair, which no answer can be encoded with.
            ascii(key)[1:-1]: ["This field is read-only." if key in self.fields else "Unknown field."]
            for key in data
            if key not in writable
        }


class CamelModelSerializer(CamelSerializer, serializers.ModelSerializer[Any]):
    """The same for the fields of a model."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Timestamp,
    }
