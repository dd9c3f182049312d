"""Addresses of notifications under `/api/`."""

from django.urls import path

from notifications.views import AnnouncementsView

api_urlpatterns = [path("system/announcements/", AnnouncementsView.as_view())]
