"""What the handlers of a server in this process ask of the database."""

from types import TracebackType
from typing import Any, Self

import pytest
from django.db.backends.utils import CursorWrapper


class Queries:
    """SQL about chats and blocks, while it is entered; what the server sees to by itself is left out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.of_threads: list[str] = []

    def __enter__(self) -> Self:
        execute = self._execute = CursorWrapper.execute

        def recording(cursor: Any, sql: Any, params: Any = None) -> Any:
            if '"chat_' in str(sql) or '"accounts_block' in str(sql):
                self.of_threads.append(str(sql))
            return execute(cursor, sql, params)

        self._monkeypatch.setattr(CursorWrapper, "execute", recording)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._monkeypatch.setattr(CursorWrapper, "execute", self._execute)
