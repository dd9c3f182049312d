"""The sessions of the recovery log in this process's memory."""

import time
from collections import OrderedDict

from realtime.conf import conf
from realtime.log import Record
from realtime.publications import Disconnection


class Sessions:
    """The sessions of the log: at most `recovery_sessions` whose connection has gone."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._of_user: dict[str, set[str]] = {}
        self._gone: OrderedDict[str, float] = OrderedDict()  # key -> since when, by time.monotonic

    def save(self, record: Record) -> None:
        """Keep it."""
        self._records[record.key] = record
        self._of_user.setdefault(record.user.id, set()).add(record.key)
        self._gone.pop(record.key, None)

    def leave(self, key: str) -> None:
        """Its connection has gone."""
        if key in self._records:
            self._gone[key] = time.monotonic()
        if len(self._gone) > conf().recovery_sessions:
            self.forget(next(iter(self._gone)))

    def forget(self, key: str) -> None:
        """It has ended."""
        self._gone.pop(key, None)
        record = self._records.pop(key, None)
        if record is not None:
            keys = self._of_user[record.user.id]
            keys.discard(key)
            if not keys:
                del self._of_user[record.user.id]

    def find(self, key: str) -> Record | None:
        """It, if it is here."""
        return self._records.get(key)

    def revoke(self, revocation: Disconnection) -> None:
        """Its user's tokens have ended, but those of one generation."""
        for key in list(self._of_user.get(revocation.user, ())):
            if revocation.keep is None or self._records[key].credentials.generation != revocation.keep:
                self.forget(key)

    def sweep(self) -> None:
        """Forget those that have been gone for too long."""
        horizon = time.monotonic() - conf().recovery_window
        while self._gone and next(iter(self._gone.values())) < horizon:
            self.forget(next(iter(self._gone)))
