"""Uploaded files in Django's admin."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from chat import services
from chat.admin_reading import ReadOnlyAdmin, YesNoFilter
from chat.exceptions import UploadInUse
from chat.links import file_url, thumbnail_url
from chat.models import Attachment


class SentFilter(YesNoFilter):
    """By whether a message has it."""

    title, parameter_name = "sent", "sent"
    condition = Q(message__isnull=False)


class KindFilter(admin.SimpleListFilter):
    """By what it is."""

    title, parameter_name = "kind", "kind"
    KINDS: ClassVar = {"image": "Pictures", "video": "Videos", "audio": "Sounds"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [*self.KINDS.items(), ("other", "Others")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attachment]) -> QuerySet[Attachment]:
        """Those that were chosen."""
        kind = self.value()
        if kind in self.KINDS:
            return queryset.filter(content_type__startswith=f"{kind}/")
        if kind == "other":
            return queryset.exclude(
                Q(*[("content_type__startswith", f"{one}/") for one in self.KINDS], _connector="OR")
            )
        return queryset


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    """Who uploaded what. One that is deleted goes from the storage, and from its message on all screens."""

    list_display = ("created_at", "name", "content_type", "bytes", "uploader", "conversation", "is_sent")
    list_filter = (KindFilter, SentFilter, "created_at")
    search_fields = ("id", "name", "content_type", "uploader__username", "uploader__display_name")
    list_select_related = ("uploader", "conversation", "message__sender")
    # Never the file itself: its own address would go past whoever may see it.
    fields = readonly_fields = (
        *("name", "content_type", "bytes", "width", "height", "uploader", "conversation", "message"),
        *("url", "thumbnail_url", "created_at"),
    )
    actions = ("delete_files",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without Django's own deletion: it is the same here, by another name."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_delete_permission(self, request: HttpRequest, obj: Attachment | None = None) -> bool:
        """It changes a message, and deletes one that says nothing else: for who may delete messages, too."""
        return request.user.has_perm("chat.delete_message") and bool(super().has_delete_permission(request, obj))

    def delete_model(self, request: HttpRequest, obj: Attachment) -> None:
        """Take it out of its message."""
        self._delete(request, [obj])

    @admin.action(description="Delete, and take out of their messages", permissions=["delete"])
    def delete_files(self, request: HttpRequest, queryset: QuerySet[Attachment]) -> None:
        """Moderation."""
        files = list(queryset)
        self.log_deletions(request, files)
        self.message_user(request, f"Deleted: {self._delete(request, files)}.")

    def _delete(self, request: HttpRequest, files: list[Attachment]) -> int:
        """How many are gone."""
        deleted = 0
        for file in files:
            try:
                services.delete_attachment(attachment_id=file.pk)
                deleted += 1
            except ObjectDoesNotExist:
                deleted += 1  # with another file of a message that said nothing else, or by somebody else
            except UploadInUse:
                self.message_user(request, f"{file.name} is being sent: try it again.", messages.WARNING)
        return deleted

    @admin.display(ordering="size", description="size")
    def bytes(self, attachment: Attachment) -> str:
        """How large it is."""
        return filesizeformat(attachment.size)

    @admin.display(boolean=True, description="sent")
    def is_sent(self, attachment: Attachment) -> bool:
        """Whether a message has it."""
        return attachment.message_id is not None

    @admin.display(description="URL")
    def url(self, attachment: Attachment) -> str:
        """Where clients get it."""
        return file_url(attachment.pk)

    @admin.display(description="thumbnail's URL")
    def thumbnail_url(self, attachment: Attachment) -> str:
        """Where clients get the small picture."""
        return thumbnail_url(attachment.pk) if attachment.thumbnail else "-"
