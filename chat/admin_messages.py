"""Messages and reactions in Django's admin, to be read and moderated."""

from contextlib import suppress
from copy import copy
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from unfold.admin import TabularInline

from chat import services
from chat.admin_reading import ReadOnlyAdmin, YesNoFilter
from chat.models import Message, Reaction, Revision

SHOWN = 100  # characters of a message, in a list
ENCRYPTED = "(encrypted)"


class DeletedFilter(YesNoFilter):
    """By whether it was deleted for all."""

    title, parameter_name = "deleted", "deleted"
    condition = Q(deleted_at__isnull=False)


class EditedFilter(YesNoFilter):
    """By whether its sender has changed it."""

    title, parameter_name = "edited", "edited"
    condition = Q(edited_at__isnull=False)


class AttachmentsFilter(YesNoFilter):
    """By whether files or links are attached."""

    title, parameter_name = "with attachments", "attachments"
    condition = ~Q(attachments=[])


class RevisionInline(TabularInline):  # type: ignore[misc]
    """What it said before."""

    model = Revision
    extra = 0
    fields = readonly_fields = ("created_at", "text", "ciphertext")

    def has_add_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """It goes with the message."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Whoever may see the message."""
        return request.user.has_perm("chat.view_message")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """What was said. To delete it here is what its sender does to delete it for all: its place stays."""

    list_display = ("created_at", "sender", "conversation", "words", "files", "edited_at", "deleted_at")
    list_filter = (DeletedFilter, EditedFilter, AttachmentsFilter, "created_at")
    search_fields = ("text", "sender__username", "sender__display_name")
    search_help_text = "Words of the message, or its sender. What is encrypted end to end cannot be found by its words."
    list_select_related = ("sender", "conversation")
    ordering = ("-id",)
    fields = readonly_fields = (
        *("conversation", "position", "sender", "text", "ciphertext", "attachments", "mentions", "answers"),
        *("created_at", "edited_at", "deleted_at"),
    )
    inlines: ClassVar = [RevisionInline]
    actions = ("delete_for_all",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """With whom it is about, in the one query."""
        queryset: QuerySet[Message] = super().get_queryset(request)
        return queryset.select_related("sender", "conversation", "reply_to__sender")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without Django's own deletion: it is the same here, by another name."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The message alone, of which the place stays."""
        allowed = self.has_delete_permission(request)
        return [str(message) for message in objs], {"messages": len(objs)}, set() if allowed else {"message"}, []

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """That it was deleted, not what it said: that is to be gone."""
        return super().log_deletions(request, [_silent(message) for message in queryset])

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        """Delete it for all."""
        services.delete_for_all(message_id=obj.pk)

    @admin.action(description="Delete for all", permissions=["delete"])
    def delete_for_all(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Moderation: what was said is gone, from the screens too."""
        messages = list(queryset.filter(deleted_at=None))
        if messages:
            self.log_deletions(request, messages)
        for message in messages:
            with suppress(Message.DoesNotExist):  # its conversation has just ended
                services.delete_for_all(message_id=message.pk)
        self.message_user(request, f"Deleted for all: {len(messages)}.")

    @admin.display(ordering="text", description="text")
    def words(self, message: Message) -> str:
        """How it begins."""
        return ENCRYPTED if message.ciphertext else Truncator(message.text).chars(SHOWN)

    @admin.display(description="attachments")
    def files(self, message: Message) -> int:
        """How many."""
        return len(message.attachments)

    @admin.display(description="answers")
    def answers(self, message: Message) -> str:
        """What it is an answer to."""
        return str(message.reply_to or "-")


def _silent(message: Message) -> Message:
    silent = copy(message)
    silent.text = ""
    return silent


@admin.register(Reaction)
class ReactionAdmin(ReadOnlyAdmin):
    """Who put what under which message. One that is deleted goes from the screens, too."""

    list_display = ("created_at", "user", "emoji", "message")
    list_filter = ("created_at",)
    search_fields = ("emoji", "user__username", "user__display_name", "message__id")
    list_select_related = ("user", "message__sender")
    ordering = ("-id",)
    fields = readonly_fields = ("message", "user", "emoji", "created_at")
