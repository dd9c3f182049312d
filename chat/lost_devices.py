"""Calls that nobody came to end: the process of a device was killed, or could not note what it had to end.

Else the process of a device does so, by `session.later`. That is noted after the commit, on the event loop: a
connection that breaks in between leaves a call that nobody minds.
"""

import time

from django.conf import settings

from chat import services
from chat.models import Call
from chat.models.calls import LIVE
from chat.rooms import DeviceRoom
from realtime.census import deserted


class LostDevices:
    """Devices of calls that have no connection, and since when, as this process sees it. For one thread at a time."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}  # by address and time.monotonic

    def end_calls(self) -> None:
        """End what has rung for long enough, and what a device has been away from for longer than the grace.

        All processes look; the call's row says who ends it, and tells.
        """
        calls = list(Call.objects.filter(LIVE))
        for call in calls:
            if call.is_overdue:
                services.time_out_call(call_id=call.pk)
        gone = deserted(DeviceRoom(device) for call in calls for device in call.devices)
        now = time.monotonic()
        self._since = {address: self._since.get(address, now) for address in gone}
        for call in calls:
            for device in call.devices:
                if now - self._since.get(DeviceRoom(device).address, now) > settings.CHAT_CALL_GRACE:
                    services.lose_device(call_id=call.pk, device=device)
