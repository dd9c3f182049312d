"""Mail about unread messages in the admin: what waits, and what became of the rest."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from chat.models import MailNotice


@admin.register(MailNotice)
class MailNoticeAdmin(ModelAdmin):  # type: ignore[misc]
    """To be read: the background tasks write it. Deleting one that waits calls its mail off."""

    list_display = ("created_at", "member", "conversation", "due_at", "attempts", "done_at", "outcome")
    list_filter = (("done_at", admin.EmptyFieldListFilter), "outcome", "due_at", "created_at")
    search_fields = ("membership__user__username", "membership__user__email", "membership__conversation__title")
    list_select_related = ("membership__user", "membership__conversation")
    date_hierarchy = "created_at"

    @admin.display(ordering="membership__user__username")
    def member(self, notice: MailNotice) -> str:
        """Who gets it."""
        return str(notice.membership.user)

    @admin.display(ordering="membership__conversation__title")
    def conversation(self, notice: MailNotice) -> str:
        """What it is about."""
        return str(notice.membership.conversation)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: MailNotice | None = None) -> bool:
        """Nobody."""
        return False
