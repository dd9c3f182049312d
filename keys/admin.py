"""The key directory in the admin: to be looked at. Keys are their devices' alone to change."""

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys.models import Device


@admin.register(Device)
class DeviceAdmin(ModelAdmin):  # type: ignore[misc]
    """Who has which devices, since when, and how many one-time keys are left of each."""

    list_display = ("device_id", "user", "left", "created_at", "updated_at", "identity_changed_at")
    list_filter = ("created_at", "identity_changed_at")
    search_fields = ("device_id", "user__username")
    list_select_related = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        """With the number of keys, in the one query."""
        queryset: QuerySet[Device] = super().get_queryset(request)
        return queryset.annotate(left=Count("one_time_keys", filter=Q(one_time_keys__claimed_at=None)))

    @admin.display(ordering="left", description="one-time keys")
    def left(self, device: Device) -> int:
        """How many wait."""
        return int(device.left)  # type: ignore[attr-defined]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        """Nobody."""
        return False
