"""Addresses of the key directory under `/api/`."""

from django.urls import path

from keys import views

api_urlpatterns = [
    path("keys/", views.DevicesView.as_view()),
    path("keys/users/<uuid:user_id>/", views.PersonKeysView.as_view()),
    path("keys/users/<uuid:user_id>/claim/", views.ClaimView.as_view()),
    path("keys/<str:device_id>/", views.DeviceView.as_view()),
    path("keys/<str:device_id>/one-time-keys/", views.OneTimeKeysView.as_view()),
]
