"""How much of a request is taken in: counted while it comes, before anything is kept of it.

Django reads a request to its end before it looks at it, so nothing behind that could say "enough".
"""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from realtime.auth import bearer, verifier
from realtime.errors import STATUS, ClientError
from realtime.middleware import Application, Receive, Scope, Send, header

MARK: Final = "realtime.body_refused"
DRAINED: Final = 4  # times the limit: as much is thrown away, so that the client reads the answer


class BodyLimit:
    """Hands a request whose body is over its limit on without the body, and marked for `refuse_large_bodies`."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope = dict(scope)
        await self.app(scope, _Body(scope, receive, *allowance(scope)).receive, send)


def allowance(scope: Scope) -> tuple[int, ClientError]:
    """How many bytes a request may have, and why no more: as many as Django takes of a form, or by `BODY_LIMITS`.

    Those are for who has a valid token, which costs no query here. (Whether it was ended meanwhile, the view tells.)
    """
    ordinary = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    too_large = ClientError("PAYLOAD_TOO_LARGE", "The request is too large.")
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    limit = settings.BODY_LIMITS.get(f"{scope['method']} {path}")
    if limit is None:
        return ordinary, too_large
    token = bearer(header(scope, b"authorization") or "")
    if token is None:
        return ordinary, ClientError("AUTH_REQUIRED", "Authentication credentials were not provided.")
    try:
        verifier()(token)
    except ClientError as error:
        return ordinary, ClientError(error.code, error.message)  # without a traceback, whose frames hold the token
    return int(limit), too_large


class _Body:
    def __init__(self, scope: Scope, receive: Receive, limit: int, refusal: ClientError) -> None:
        self._scope, self._receive, self._limit, self._refusal = scope, receive, limit, refusal
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
        self._scope[MARK] = self._refusal
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
    """Answers what `BodyLimit` has marked. A middleware of Django's, so that CORS headers come to the answer."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponse:
            response: HttpResponse = _refusal(request) or await get_response(request)
            return response

        return answer
    return lambda request: _refusal(request) or get_response(request)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    error: ClientError | None = getattr(request, "scope", {}).get(MARK)
    if error is None:
        return None
    return JsonResponse(error.body(), status=STATUS[error.code], headers={"Connection": "close"})
