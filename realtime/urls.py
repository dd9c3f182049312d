"""The core's own addresses."""

from django.urls import path

from realtime import views

urlpatterns = [path("healthz", views.healthz), path("readyz", views.readyz)]
