"""What accounts see to from time to time."""

from django.conf import settings

from accounts import selectors, services
from realtime.chores import chore


@chore(lambda: settings.STATUS_EXPIRY_INTERVAL)
def expire_statuses() -> None:
    """Take back every status whose time has come."""
    while selectors.any_status_has_expired() and services.expire_statuses():
        pass
