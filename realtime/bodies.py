"""How much of a request is taken in: counted while it comes, before anything is kept of it.

Django reads a request to its end before it looks at it, so nothing behind that could say "enough".
"""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from realtime.middleware import Application, Receive, Scope, Send, header

MARK: Final = "realtime.body_too_large"
DRAINED: Final = 4  # times the limit: as much is thrown away, so that the client reads the answer


class BodyLimit:
    """Hands a request whose body is over its limit on without the body, and marked for `refuse_large_bodies`."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope = dict(scope)
        await self.app(scope, _Body(scope, receive, limit_of(scope)).receive, send)


def limit_of(scope: Scope) -> int:
    """How many bytes a request may have: by `BODY_LIMITS`, else as many as Django takes of a form."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    for beginning, limit in settings.BODY_LIMITS.items():
        if path.startswith(beginning):
            return int(limit)
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


class _Body:
    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        self._scope, self._receive, self._limit = scope, receive, limit
        declared = header(scope, b"content-length") or ""
        self._is_too_large = declared.isdecimal() and int(declared) > limit
        self._size, self._has_more = 0, True

    async def receive(self) -> dict[str, Any]:
        """The server's next message; in place of too much a body that is empty."""
        if MARK in self._scope:
            return await self._end()
        if not self._is_too_large:
            message = await self._next()
            if self._size <= self._limit:
                return message
        self._scope[MARK] = True
        # A client that is cut off in the midst of its body never sees why.
        while self._has_more and self._size < DRAINED * self._limit:
            await self._next()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _next(self) -> dict[str, Any]:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self._has_more = message.get("more_body", False)
        return message

    async def _end(self) -> dict[str, Any]:
        while (message := await self._receive())["type"] != "http.disconnect":
            pass
        return message


Handler = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def refuse_large_bodies(get_response: Handler) -> Handler:
    """413 for what `BodyLimit` has marked. A middleware of Django's, so that CORS headers come to the answer."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponse:
            response: HttpResponse = _refusal(request) or await get_response(request)
            return response

        return answer
    return lambda request: _refusal(request) or get_response(request)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    if MARK not in getattr(request, "scope", ()):
        return None
    body = {"code": "PAYLOAD_TOO_LARGE", "message": "The request is too large."}
    return JsonResponse(body, status=413, headers={"Connection": "close"})
