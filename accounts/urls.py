"""Addresses of accounts below `/api/`, and of what mails link to."""

from django.urls import URLPattern, path
from rest_framework.views import APIView

from accounts import (
    schema,  # noqa: F401 -- it registers itself
    views,
)


def bare(route: str, view: type[APIView]) -> list[URLPattern]:
    """Without a slash at the end, which is accepted but not advertised."""
    name = route.replace("/", "-")
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view(schema=None))]


api_urlpatterns = [
    *bare("auth/register", views.RegisterView),
    *bare("auth/token", views.TokenView),
    *bare("auth/token/refresh", views.RefreshView),
    *bare("auth/logout", views.LogoutView),
    *bare("auth/logout-all", views.LogoutAllView),
    *bare("auth/password", views.PasswordView),
    path("me/", views.MeView.as_view(), name="me"),
    path("me/privacy/", views.PrivacyView.as_view(), name="privacy"),
    path("me/presence/", views.PresenceView.as_view(), name="presence"),
    path("users/", views.UsersView.as_view(), name="users"),
    path("users/<uuid:user_id>/", views.UserView.as_view(), name="user"),
    path("blocks/", views.BlocksView.as_view(), name="blocks"),
    path("blocks/<uuid:user_id>/", views.BlockView.as_view(), name="block"),
]

urlpatterns = [path("mail/confirm/", views.ConfirmEmailView.as_view(), name="confirm-email")]
