"""The address of the page."""

from django.urls import path

from web import views

urlpatterns = [path("", views.index, name="index")]
