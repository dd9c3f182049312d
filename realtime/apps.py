"""The core as a Django app: it loads what the domain apps declare."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RealtimeConfig(AppConfig):
    """Finds each app's `events`, `rooms`, `commands`, `signals`, `chores` and `doors`; a new app needs no line here."""

    name = "realtime"
    verbose_name = "Real-time core"

    def ready(self) -> None:
        """All models are loaded by now."""
        from realtime import basics, checks  # noqa: F401
        from realtime.transports import plain  # noqa: F401

        autodiscover_modules("events", "rooms", "commands", "signals", "chores", "doors")
