"""Announcements in the admin: a new one is told at once; what was told cannot be changed."""

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import User
from notifications.models import Announcement


@admin.register(Announcement)
class AnnouncementAdmin(ModelAdmin):  # type: ignore[misc]
    """What was told, when and by whom."""

    list_display = ("title", "level", "created_by", "created_at")
    list_filter = ("level", "created_at")
    search_fields = ("title", "message")
    list_select_related = ("created_by",)

    def has_change_permission(self, request: HttpRequest, obj: Announcement | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Announcement, form: ModelForm[Announcement], change: bool) -> None:
        assert isinstance(request.user, User)  # the admin lets nobody else in
        obj.created_by = request.user
        super().save_model(request, obj, form, change)
