"""The demonstration as a Django app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The page at `/`, and the commands `run` and `seed_demo`."""

    name = "web"
    verbose_name = "Demonstration"
