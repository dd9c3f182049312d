"""What operators tell."""

from realtime.events import DURABLE, Event


class SystemAnnouncement(Event, wire="system.announcement", policy=DURABLE):
    """For everybody; `level` is info, warning or critical."""

    title: str
    message: str
    level: str
