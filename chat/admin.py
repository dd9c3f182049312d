"""The chat in Django's admin."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from chat.admin_conversations import ConversationAdmin
from chat.admin_files import AttachmentAdmin
from chat.admin_mail import MailNoticeAdmin
from chat.admin_messages import MessageAdmin, ReactionAdmin
from chat.models import Call

__all__ = ["AttachmentAdmin", "CallAdmin", "ConversationAdmin", "MailNoticeAdmin", "MessageAdmin", "ReactionAdmin"]


@admin.register(Call)
class CallAdmin(ModelAdmin):  # type: ignore[misc]
    """Who called whom: to be read, not to be made up."""

    list_display = ("created_at", "caller", "callee", "media", "state", "end_reason", "answered_at", "ended_at")
    list_filter = ("state", "end_reason", "media", "created_at")
    search_fields = ("id", "conversation__id", "caller__username", "callee__username")
    list_select_related = ("caller", "callee")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        """Nobody."""
        return False
