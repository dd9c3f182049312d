"""The chat in Django's admin."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from chat.admin_conversations import ConversationAdmin
from chat.admin_mail import MailNoticeAdmin
from chat.models import Message

__all__ = ["ConversationAdmin", "MailNoticeAdmin", "MessageAdmin"]


@admin.register(Message)
class MessageAdmin(ModelAdmin):  # type: ignore[misc]
    """What was said: to be read and deleted here, not to be put into anybody's mouth."""

    list_display = ("created_at", "sender", "conversation", "text")
    list_filter = ("created_at",)
    search_fields = ("text", "sender__username")
    list_select_related = ("sender", "conversation")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Nobody."""
        return False
