"""The chat in Django's admin."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from chat import (
    mail_admin,  # noqa: F401 -- it registers itself
    services,
)
from chat.models import Conversation, Membership, Message


class MembershipInline(TabularInline):  # type: ignore[misc]
    """Adding a row lets the person's live connections in, deleting one puts them out."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        queryset: QuerySet[Membership] = super().get_queryset(request)
        return queryset.select_related("user", "conversation")

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False  # who is in stays who they are: let others in, or put them out


@admin.register(Conversation)
class ConversationAdmin(ModelAdmin):  # type: ignore[misc]
    """Conversations, with how much is going on in them."""

    list_display = ("__str__", "kind", "member_count", "last_position", "created_at", "last_message_at")
    list_filter = ("kind", "created_at")
    search_fields = ("id", "title", "memberships__user__username")
    readonly_fields = ("created_by", "last_position", "last_message_at")
    inlines: ClassVar = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """With the number of members, in the one query."""
        queryset: QuerySet[Conversation] = super().get_queryset(request)
        return queryset.annotate(member_count=Count("memberships", distinct=True))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        services.hand_over(form.instance)

    @admin.display(ordering="member_count", description="members")
    def member_count(self, conversation: Conversation) -> int:
        """How many people are in it."""
        return int(conversation.member_count)  # type: ignore[attr-defined]


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
