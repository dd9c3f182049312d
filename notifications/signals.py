"""Who hears of notifications."""

from notifications.events import SystemAnnouncement
from notifications.models import Announcement
from realtime.rooms import GlobalRoom, SystemRoom
from realtime.signals import Change, Push, Pushes, pushes


@pushes(Announcement)
def announcement_changed(announcement: Announcement, change: Change) -> Pushes:
    """A new one is told to every client."""
    if change.created:
        event = SystemAnnouncement(title=announcement.title, message=announcement.message, level=announcement.level)
        yield Push([GlobalRoom(), SystemRoom()], event)
