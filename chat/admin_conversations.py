"""Conversations in Django's admin; what has a service is written by it."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminSelectWidget

from chat import services
from chat.models import Conversation, Membership


class MembershipForm(forms.ModelForm[Membership]):
    """Whoever is in stays who they are: let others in, or put them out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            person = self.instance.user
            self.fields["user"] = forms.TypedChoiceField(
                choices=[(str(person.pk), str(person))],  # which asks the database nothing for each row
                coerce=lambda _: person,
                disabled=True,
                widget=UnfoldAdminSelectWidget,
            )


class MembershipFormSet(BaseInlineFormSet[Membership, Conversation, MembershipForm]):
    """Written by the services, so that a group keeps its one owner."""

    def save_existing_objects(self, commit: bool = True) -> list[Membership]:
        """Roles first, so that the group of an owner who is taken out goes to the one who was chosen."""
        self._assign_roles([form for form in self.initial_forms if "role" in form.changed_data])
        saved: list[Membership] = super().save_existing_objects(commit)
        return saved

    def save_existing(self, form: MembershipForm, obj: Membership, commit: bool = True) -> Membership:
        """It is written."""
        return obj

    def save_new_objects(self, commit: bool = True) -> list[Membership]:
        """All of them, then their roles: the first in a new group was its owner for want of another."""
        saved: list[Membership] = super().save_new_objects(commit)
        self._assign_roles([form for form in self.extra_forms if form.has_changed()])
        return saved

    def save_new(self, form: MembershipForm, commit: bool = True) -> Membership:
        """Let them in."""
        return services.admit_member(conversation_id=self.instance.pk, user_id=form.cleaned_data["user"].pk)

    def _assign_roles(self, rows: list[MembershipForm]) -> None:
        """A new owner before all."""
        for form in sorted(rows, key=lambda form: form.cleaned_data["role"] != Membership.Role.OWNER):
            if form not in self.deleted_forms:
                user, role = form.cleaned_data["user"].pk, form.cleaned_data["role"]
                services.assign_role(conversation_id=self.instance.pk, user_id=user, role=role)


class MembershipInline(TabularInline):  # type: ignore[misc]
    """Adding a row lets the person's live connections in, deleting one puts them out."""

    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
    extra = 0
    fields = ("user", "role", "joined_at")
    readonly_fields = ("joined_at",)
    autocomplete_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        queryset: QuerySet[Membership] = super().get_queryset(request)
        return queryset.select_related("user", "conversation")

    def has_add_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        """A direct conversation is of its two."""
        return _takes_people(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return _takes_people(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return _takes_people(obj) and bool(super().has_delete_permission(request, obj))


def _takes_people(conversation: Conversation | None) -> bool:
    return conversation is None or conversation.kind == Conversation.Kind.GROUP


class MembersFilter(admin.SimpleListFilter):
    """By how many are in them: those that nobody is in can be closed."""

    title = "members"
    parameter_name = "members"
    CHOICES: ClassVar = {"0": ("Nobody", {"member_count": 0}), "1": ("One", {"member_count": 1})}
    CHOICES |= {"2": ("Two or more", {"member_count__gte": 2}), "50": ("50 or more", {"member_count__gte": 50})}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [(value, label) for value, (label, _) in self.CHOICES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        """Those that were chosen."""
        _, condition = self.CHOICES.get(self.value() or "", ("", {}))
        return queryset.filter(**condition)


@admin.register(Conversation)
class ConversationAdmin(ModelAdmin):  # type: ignore[misc]
    """Conversations, with how much is going on in them. What staff begin is a group: pairs find each other."""

    list_display = ("__str__", "kind", "owner", "member_count", "last_position", "created_at", "last_message_at")
    list_filter = ("kind", MembersFilter, "created_at", "last_message_at")
    search_fields = ("id", "title", "memberships__user__username", "memberships__user__display_name")
    fields = ("kind", "title", "created_by", "created_at", "last_position", "last_message_at")
    readonly_fields = ("kind", "created_by", "created_at", "last_position", "last_message_at")
    actions = ("end_conversations",)
    inlines: ClassVar = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """With the number of members and the owner's name, in the one query."""
        queryset: QuerySet[Conversation] = super().get_queryset(request)
        owners = Membership.objects.filter(conversation=OuterRef("pk"), role=Membership.Role.OWNER)
        return queryset.annotate(
            member_count=Count("memberships", distinct=True), owner=Subquery(owners.values("user__username")[:1])
        )

    def save_model(self, request: HttpRequest, obj: Conversation, form: Any, change: bool) -> None:
        """Write the title alone: positions have gone on since the form was opened."""
        if change:
            services.retitle_conversation(conversation_id=obj.pk, title=obj.title)
            return
        obj.kind, obj.created_by_id = Conversation.Kind.GROUP, request.user.pk
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        services.hand_over(form.instance)

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        """End it for all."""
        services.close_conversation(conversation_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        """End them for all."""
        for conversation in queryset:
            services.close_conversation(conversation_id=conversation.pk)

    @admin.action(description="End for all who are in them, with all that was said", permissions=["delete"])
    def end_conversations(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        """Moderation: at once, and nothing is kept but who did it."""
        self.log_deletions(request, queryset)
        self.delete_queryset(request, queryset)
        self.message_user(request, "They are ended.")

    @admin.display(ordering="owner", description="owner")
    def owner(self, conversation: Conversation) -> str:
        """Whose it is; of a direct one, who began it."""
        return conversation.owner or "-"  # type: ignore[attr-defined]

    @admin.display(ordering="member_count", description="members")
    def member_count(self, conversation: Conversation) -> int:
        """How many people are in it."""
        return int(conversation.member_count)  # type: ignore[attr-defined]
