"""The laboratory as a Django app."""

from django.apps import AppConfig


class LabConfig(AppConfig):
    """Installed in tests alone."""

    name = "tests.lab"
    label = "lab"
