"""The key directory as a Django app."""

from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Devices and their public keys."""

    name = "keys"
    verbose_name = "key directory"
