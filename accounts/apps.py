"""The app of users."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AccountsConfig(AppConfig):
    """Users and blocks; it finds each app's `contacts`."""

    name = "accounts"

    def ready(self) -> None:
        """All models are loaded by now."""
        autodiscover_modules("contacts")
