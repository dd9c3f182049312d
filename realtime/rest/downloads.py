"""Files as answers: in pieces, with ranges, and never run by a browser."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any, Final

from django.core.files.storage import Storage
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, HttpResponseNotModified, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags, quote_etag
from rest_framework.request import Request

PIECE: Final = 256 * 1024
RANGE: Final = re.compile(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?")
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # A document of its own without rights, should a browser ever take it for one.
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    # Kept by the reader's own browser, which asks each time whether the reader still may see it.
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}


def download(
    request: Request, storage: Storage, path: str, *, tag: str, content_type: str, name: str, is_inline: bool
) -> HttpResponseBase:
    """A stored file, or the range of it that is asked for; Http404 if it is gone.

    `name` is for saving it. `tag` names what is in it, which never changes.
    """
    try:
        size = storage.size(path)
    except FileNotFoundError as error:
        raise Http404 from error
    etag = quote_etag(tag)
    response = _response(request, storage, path, size, etag)
    if response.status_code in {200, 206}:
        response["Content-Type"] = content_type
        response["Content-Disposition"] = content_disposition_header(not is_inline, name) or "attachment"
    response["ETag"] = etag
    for header, value in HEADERS.items():
        response[header] = value
    return response


def _response(request: Request, storage: Storage, path: str, size: int, etag: str) -> HttpResponseBase:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if etag in known or "*" in known:
        return HttpResponseNotModified()
    asked = request.headers.get("Range", "") if request.headers.get("If-Range", etag) == etag else ""
    span = _span(asked, size)
    if span is None:
        refusal = {"code": "INVALID_PAYLOAD", "message": "The file has no such range."}
        return JsonResponse(refusal, status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Content-Length": str(len(span))}
    is_whole = len(span) == size
    if not is_whole:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    status = 200 if is_whole else 206
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    in_loop = isinstance(request._request, ASGIRequest)
    pieces = (_LoopPieces if in_loop else _Pieces)(storage, path, span)
    return StreamingHttpResponse(pieces, status=status, headers=headers)


def _span(asked: str, size: int) -> range | None:
    """Which bytes are asked for, all of them for several ranges or for nonsense; None if the file has none of them."""
    match = RANGE.fullmatch(asked)
    if match is None or match[1] is match[2] is None:
        return range(size)
    first, last = (None if end is None else int(end) for end in match.groups())
    if first is None:
        assert last is not None
        span = range(max(0, size - last), size)
    elif last is not None and last < first:
        return range(size)
    else:
        span = range(first, size if last is None else min(last + 1, size))
    return span or None


class _Pieces:
    """A part of a file, opened when the first piece is wanted."""

    def __init__(self, storage: Storage, path: str, span: range) -> None:
        self._storage, self._path, self._span = storage, path, span
        self._file: IO[Any] | None = None

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._next():
            yield piece

    def _next(self) -> bytes:
        if self._file is None:
            self._file = self._storage.open(self._path, "rb")
            self._file.seek(self._span.start)
        piece: bytes = self._file.read(min(PIECE, len(self._span)))
        self._span = self._span[len(piece) :]
        return piece

    def close(self) -> None:
        """The response has ended."""
        if self._file is not None:
            self._file.close()


class _LoopPieces(_Pieces):
    """The same for the event loop, which no reading holds. (Of a plain iterator Django would read all at once.)"""

    __iter__ = None  # type: ignore[assignment]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await asyncio.to_thread(self._next):
            yield piece
