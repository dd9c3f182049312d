"""Accounts in the admin; what has a service is written by it."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet, URLField
from django.forms import ModelForm
from django.http import HttpRequest
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import services
from accounts.models import Block, User

MAIL = ("email", "confirmed_email", "mail_messages")

# Ids of used refresh tokens: there is nothing to administrate in them.
admin.site.unregister([BlacklistedToken, OutstandingToken, Group])


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Who may do what together."""


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """People."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "display_name", "email", "is_online", "last_seen_at", "is_active", "is_staff")
    list_filter = ("is_online", "is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("username", "display_name", "email", "wallet_address")
    # A status and its audience are the person's own.
    readonly_fields = (
        "is_online",
        "last_seen_at",
        "status",
        "status_text",
        "status_expires_at",
        "presence_shown_to",
        "last_seen_shown_to",
        "last_login",
        "date_joined",
    )
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    actions = ("log_out_everywhere", "deactivate")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Profile", {"fields": ("display_name", *MAIL, "avatar", "wallet_address")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Presence", {"fields": ("is_online", "last_seen_at", "status", "status_text", "status_expires_at")}),
        ("Privacy", {"fields": ("presence_shown_to", "last_seen_shown_to")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Write only what was changed in the form: the rest of it may be older than the database."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        plain = {field.name for field in User._meta.concrete_fields}
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in plain}
        services.update_account(user_id=obj.pk, changes=changes)

    @admin.action(description="Log out everywhere", permissions=["change"])
    def log_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End all tokens and connections of these people."""
        for user in queryset:
            services.log_out_everywhere(user_id=user.pk)
            self.log_change(request, user, "Logged out everywhere.")
        self.message_user(request, "They are logged out everywhere.")

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Shut these accounts."""
        for user in queryset:
            services.deactivate_user(user_id=user.pk)
            self.log_change(request, user, "Deactivated.")
        self.message_user(request, "They are deactivated.")


@admin.register(Block)
class BlockAdmin(ModelAdmin):  # type: ignore[misc]
    """Who wants nothing of whom."""

    list_display = ("blocker", "blocked", "created_at")
    list_select_related = ("blocker", "blocked")
    search_fields = ("blocker__username", "blocked__username")
    autocomplete_fields = ("blocker", "blocked")
    fields = ("blocker", "blocked")

    def has_change_permission(self, request: HttpRequest, obj: Block | None = None) -> bool:
        """A block is made or taken back."""
        return False

    def save_model(self, request: HttpRequest, obj: Block, form: ModelForm[Block], change: bool) -> None:
        """Make it."""
        obj.pk = services.block_user(blocker_id=obj.blocker_id, blocked_id=obj.blocked_id).pk

    def delete_model(self, request: HttpRequest, obj: Block) -> None:
        """Take it back."""
        services.unblock_user(blocker_id=obj.blocker_id, blocked_id=obj.blocked_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Block]) -> None:
        """Take them back."""
        for block in queryset:
            self.delete_model(request, block)
